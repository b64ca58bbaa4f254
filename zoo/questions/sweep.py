"""One model over a grid of inputs, batches and options: a row for each point."""

import contextlib
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor
from typing import TYPE_CHECKING, Any

from zoo.analysis.choose import choose
from zoo.errors import ZooError
from zoo.tables.table import Column, Row, Table
from zoo.util.process import undisturbed

if TYPE_CHECKING:
    from torch import nn

COLUMNS = ("params", "macs", "flops", "activations")
_CHUNK, _WORTH_A_PROCESS = 25, 150  # points that one task has, and that outweigh a worker's start

Sizes = tuple[int, ...]
Progress = Callable[[int, int, str], None]


@undisturbed
def sweep(
    target: "str | nn.Module",
    *,
    inputs: Sequence[Sequence[int]] | None = None,
    batches: Sequence[int] = (1,),
    options: Sequence[Mapping[str, Any]] = ({},),
    train: bool = False,
    columns: Sequence[str] | None = None,
    executor: Executor | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Table:
    """A row for each of `options` with each of `inputs` (shapes without batch; None: the model's own) and each of `batches`.

    `columns` are those of `zoo.summary`. The model is built once for each of `options`. A point that fails, since its input is too
    small or the model cannot be built so, is a row with its reason. Large grids of a TARGET that has a name are shared out among
    `jobs` processes (by default one for each core), or go to any `concurrent.futures.Executor`. `progress` is called with how many
    points are done and how many there are. Raises `ZooError` for an unknown column, an empty grid, or if every point fails for
    the same reason.
    """
    wanted = tuple(p.column.name for p in choose(columns if columns is not None else COLUMNS))
    if inputs is not None and not all(isinstance(size, Sequence) for size in inputs):
        raise ZooError(f"inputs {inputs!r}: a list of shapes is wanted, such as [(3, 224, 224)]")
    sizes: list[Sizes | None] = [tuple(i) for i in inputs] if inputs is not None else [None]
    shapes = [(batch, size) for size in sizes for batch in batches]
    grid = [(given, shapes[i : i + _CHUNK]) for given in options for i in range(0, len(shapes), _CHUNK)]
    total = len(options) * len(shapes)
    if not total:
        raise ZooError("the grid has no points: give inputs, batches and options, or leave them out")
    rows: list[Row] = []
    with contextlib.closing(_results(target, grid, total, (wanted, train), executor, jobs)) as results:
        for chunk in results:
            rows += (Row(row.pop("name"), row.pop("type"), row) for row in chunk)
            if progress is not None:
                progress(len(rows), total, "")
    failures = {row.cells["failure"] for row in rows}
    if len(failures) == 1 and None not in failures:
        raise ZooError(failures.pop())
    return _table(target, rows, wanted, options)


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
                subjects = {id(given): _subject(target, given, how[-1])}
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


def _chunk(target: str, given: Mapping[str, Any], shapes: Sequence[Any], columns: Sequence[str], train: bool) -> Any:
    return _points(target, _subject(target, given, train), given, shapes, columns, train)


def _subject(target: Any, given: Mapping[str, Any], train: bool) -> Any:
    """The model, or the reason why there is none."""
    from zoo.models.importing import neighbours
    from zoo.models.targets import resolve

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
) -> list[dict[str, Any]]:
    from zoo.analysis.measure import measure
    from zoo.models.importing import neighbours
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
                found = trace(subject.module, input=shape, train=train, target=subject.name)
            row |= {"name": subject.name, "type": found.calls[0].type, **measure(found, columns=columns, depth=0).total}
        except ZooError as error:
            row["failure"] = str(error)
        rows.append({**row, "input": list(shape) if shape is not None else None})
    return rows


def _table(target: Any, rows: Sequence[Row], wanted: Sequence[str], options: Sequence[Mapping[str, Any]]) -> Table:
    from zoo.questions.survey import versions

    failed = sum(row.cells["failure"] is not None for row in rows)
    columns = [Column("input", "elements per axis", "the input's shape, batch included", priority=0)]
    columns += [Column(name, "value", "option of the builder", priority=0) for name in dict.fromkeys(k for o in options for k in o)]
    columns += [p.column for p in choose(wanted)]
    if failed:
        columns.append(Column("failure", "text", "why there are no numbers", priority=0))
    title = f"{rows[0].name} · {len(rows)} {'point' if len(rows) == 1 else 'points'}" + (f", {failed} failed" if failed else "")
    return Table(title, {"target": rows[0].name, "convention": "pure", "versions": versions()}, tuple(columns), tuple(rows))
