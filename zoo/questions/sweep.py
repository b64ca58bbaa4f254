"""One model over a grid of inputs, batches and options: a row for each point."""

import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor
from typing import TYPE_CHECKING, Any

from zoo.analysis.choose import choose
from zoo.analysis.conventions import legend
from zoo.errors import ZooError
from zoo.tables.table import Column, Row, Table
from zoo.tracing.inputs import Input, settled

if TYPE_CHECKING:
    from torch import nn

COLUMNS = ("params", "macs", "flops", "activations")
_CHUNK, _WORTH_A_PROCESS = 25, 150  # points that one task has, and that outweigh a worker's start

Sizes = tuple[int, ...]
Progress = Callable[[int, int, str], None]


def sweep(
    target: "str | nn.Module",
    *,
    inputs: Sequence[Any] | None = None,
    batches: Sequence[int] = (1,),
    options: Sequence[Mapping[str, Any]] = ({},),
    train: bool = False,
    real: bool = False,
    columns: Sequence[str] | None = None,
    executor: Executor | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Table:
    """One model over a grid: a row for each of `options` with each of `inputs` and each of `batches`.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them; it is built once for each of `options`.
        inputs: Shapes WITHOUT batch, or strings as on the command line ("3x64x64"); None is the model's own input.
        batches: Numbers of images.
        options: For the builder, a mapping for each point.
        train, real: As in `zoo.trace`.
        columns: Those of `zoo.summary`.
        executor, jobs: Large grids of a TARGET that has a name are shared out among `jobs` processes (by default one for each
            core), or go to any `concurrent.futures.Executor`.
        progress: Called with how many points are done, and how many there are.

    Returns:
        A `Table`. A point that fails, since its input is too small or the model cannot be built with its options, is a row with
        its reason.

    Raises:
        ZooError: For an unknown column, an empty grid, or if every point fails for the same reason.

    Example:
        >>> table = zoo.sweep("resnet18", inputs=[(3, 64, 64), "3x128x128"], columns=["macs"])
        >>> [row.cells["macs"] for row in table.rows]
        [148557824, 592695296]
    """
    wanted = tuple(p.column.name for p in choose(columns if columns is not None else COLUMNS))
    sizes: list[Sizes | None] = [None] if inputs is None else _without_batch(inputs)
    shapes = [(batch, size) for size in sizes for batch in batches]
    grid = [(given, shapes[i : i + _CHUNK]) for given in options for i in range(0, len(shapes), _CHUNK)]
    total = len(options) * len(shapes)
    if not total:
        raise ZooError("the grid has no points: give inputs, batches and options, or leave them out")
    rows: list[Row] = []
    with contextlib.closing(_results(target, grid, total, (wanted, train, real), executor, jobs)) as results:
        for chunk in results:
            rows += (Row(row.pop("name"), row.pop("type"), row) for row in chunk)
            if progress is not None:
                progress(len(rows), total, "")
    failures = {row.cells["failure"] for row in rows}
    if len(failures) == 1 and None not in failures:
        raise ZooError(failures.pop())
    return _table(target, rows, wanted, options)


def _without_batch(inputs: Sequence[Any]) -> list[Sizes | None]:
    """Shapes without batch. Raises `ZooError` for what is none; tensors are not shown with their values."""
    found: list[Sizes | None] = []
    for one in inputs if isinstance(inputs, Sequence) and not isinstance(inputs, str) else [inputs]:
        shape, ready = settled("=" + one if isinstance(one, str) else one, None)
        if ready is not None or not isinstance(shape, tuple) or isinstance(shape, Input):
            raise ZooError("inputs: expected a list of shapes without batch, such as [(3, 224, 224)] or ['3x224x224']")
        found.append(shape)
    return found


def _results(
    target: Any, grid: Sequence[Any], total: int, how: tuple[Any, ...], executor: Executor | None, jobs: int | None
) -> Generator[list[dict[str, Any]]]:
    """The chunks' rows, in order."""
    from zoo.util.workers import WorkerDiedError, Workers, cores

    jobs = min(jobs or cores(), total // _WORTH_A_PROCESS)
    if not isinstance(target, str) or (executor is None and jobs < 2):
        subjects: dict[int, Any] = {}
        for given, shapes in grid:
            if id(given) not in subjects:
                subjects = {id(given): _subject(target, given, how[1])}
            yield _points(target, subjects[id(given)], given, shapes, *how)
        return
    pool = executor if executor is not None else Workers(jobs)
    futures = [pool.submit(_chunk, target, given, shapes, *how) for given, shapes in grid]
    try:
        for future in futures:
            yield future.result()
    except BaseException as error:
        for future in futures:
            future.cancel()
        if pool is not executor:
            pool.shutdown(wait=False)
        if isinstance(error, WorkerDiedError | BrokenExecutor):
            raise ZooError(f"{target}: a worker is lost, and the sweep with it: {error}") from error
        raise
    if pool is not executor:
        pool.shutdown()


def _chunk(target: str, given: Mapping[str, Any], shapes: Sequence[Any], columns: Sequence[str], train: bool, real: bool) -> Any:
    return _points(target, _subject(target, given, train), given, shapes, columns, train, real)


def _subject(target: Any, given: Mapping[str, Any], train: bool) -> Any:
    """The model, or the reason why there is none."""
    from zoo.models.targets import neighbours, resolve

    try:
        with neighbours(target):
            return resolve(target, given, train=train)
    except ZooError as error:
        return error


def _points(
    target: Any,
    subject: Any,
    given: Mapping[str, Any],
    shapes: Sequence[tuple[int, Sizes | None]],
    columns: Sequence[str],
    train: bool,
    real: bool,
) -> list[dict[str, Any]]:
    from zoo.analysis.measure import measure
    from zoo.models.targets import neighbours
    from zoo.tracing.trace import trace

    rows = []
    for batch, sizes in shapes:
        row: dict[str, Any] = {"name": str(target), "type": "failed", "input": None, **given, "failure": None}
        shape: Any = (batch, *sizes) if sizes is not None else None
        try:
            if isinstance(subject, ZooError):
                raise subject
            shape = shape or subject.shape(batch)
            with neighbours(target):
                found = trace(subject.module, input=shape, train=train, real=real, target=subject.name)
            row |= {"name": subject.name, "type": found.calls[0].type, **measure(found, columns=columns, depth=0).total}
        except ZooError as error:
            row["failure"] = str(error)
        rows.append({**row, "input": list(shape) if shape is not None else None})
    return rows


def _table(target: Any, rows: Sequence[Row], wanted: Sequence[str], options: Sequence[Mapping[str, Any]]) -> Table:
    from zoo.questions.survey import versions

    failed = sum(row.cells["failure"] is not None for row in rows)
    columns = [Column("input", "elements per axis", "the input's shape, batch included", hide_order=0)]
    columns += [
        Column(name, "value", "option of the builder", hide_order=0) for name in dict.fromkeys(k for o in options for k in o)
    ]
    columns += [p.column for p in choose(wanted)]
    if failed:
        columns.append(Column("failure", "text", "why there are no numbers", hide_order=0))
    points = "1 point" if len(rows) == 1 else f"{len(rows)} points"
    title = f"{rows[0].name} · {points}" + (f", {failed} failed" if failed else "")
    context = {"target": rows[0].name, "convention": "pure", "versions": versions()}
    return Table(title, context, tuple(columns), tuple(rows), legend=legend("pure"))
