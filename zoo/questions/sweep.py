"""Analyse one model on a grid of inputs, batch sizes and options: a row for each point."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.analysis.choose import choose, on_page
from zoo.analysis.conventions import legend
from zoo.ops.resizing import resized
from zoo.questions.survey import check_timeout, gather, versions
from zoo.record.inputs import Input, settled
from zoo.record.trace import Trace
from zoo.tables.table import Column, Row, Table
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from torch import nn

    from zoo.models.targets import Subject

COLUMNS = ("params", "macs", "flops", "activations")
_CHUNK, _WORTH_A_PROCESS = 25, 150  # points per task, and points for which starting a worker pays off

Sizes = tuple[int, ...]
Point = tuple[int, Sizes | None]
"""A batch, and sizes without it; None is the model's own."""

Progress = Callable[[int, int, str], None]


@undisturbed
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
    journal: str | Path | None = None,
    timeout: float | None = None,
    progress: Progress | None = None,
) -> Table:
    """Return a row for each of `options` with each of `inputs` and each of `batches`.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them; it is built once for each of `options`.
        inputs: Shapes without batch, or strings as on the command line ("3x64x64"); None is the model's own input.
        batches: Batch sizes.
        options: Options of the builder, a mapping for each point.
        train, real: As in `zoo.trace`.
        columns: Those of `zoo.summary`.
        executor, jobs: Large grids are shared out among `jobs` processes (by default one for each core), or go to any
            `concurrent.futures.Executor`. Code from elsewhere always runs apart: a crash is a failure of one row.
        journal: A file to which what is done is appended; what it already holds is not computed again.
        timeout: Seconds after which a point counts as a failure and its process is killed; not with an `executor`.
        progress: Called with the number of points done and their total number.

    Returns:
        A `Table`. If a point fails, because its input is too small or the model cannot be built with its options, its row gives the
        reason.

    Raises:
        ZooError: For an unknown column, an empty grid, a journal of another sweep, or if every point fails for the same reason.

    Example:
        >>> table = zoo.sweep("resnet18", inputs=[(3, 64, 64), "3x128x128"], columns=["macs"])
        >>> [row.cells["macs"] for row in table.rows]
        [148557824, 592695296]
    """
    wanted = tuple(p.column.name for p in choose(columns if columns is not None else COLUMNS))
    sizes: list[Sizes | None] = [None] if inputs is None else _without_batch(inputs)
    shapes = [(batch, size) for size in sizes for batch in batches]
    total = len(options) * len(shapes)
    if not total:
        raise ZooError("the grid has no points: expected non-empty inputs, batches and options, or none of them")
    check_timeout(timeout, executor)
    if isinstance(target, str) and _apart(target, total, executor, jobs, journal, timeout):
        context = {"sweep": target, "train": train, "real": real, "columns": list(wanted), "versions": versions()}
        how = {"executor": executor, "jobs": jobs, "journal": journal, "timeout": timeout, "context": context}
        found = _gathered(target, options, shapes, (wanted, train, real), how, progress)
    else:
        found = _here(target, options, shapes, (wanted, train, real), progress)
    rows = [Row(row.pop("name"), row.pop("type"), row) for row in found]
    failures = {row.cells["failure"] for row in rows}
    if len(failures) == 1 and None not in failures:
        raise ZooError(failures.pop())
    return _table(target, rows, on_page(choose(wanted), asked=columns is not None), options)


def _without_batch(inputs: Sequence[Any]) -> list[Sizes | None]:
    """Shapes without batch. Raises `ZooError` for what is none; tensors are not shown with their values."""
    found: list[Sizes | None] = []
    for one in inputs if isinstance(inputs, Sequence) and not isinstance(inputs, str) else [inputs]:
        shape, ready = settled("=" + one if isinstance(one, str) else one, None)
        if ready is not None or not isinstance(shape, tuple) or isinstance(shape, Input):
            raise ZooError("inputs: expected a list of shapes without batch, such as [(3, 224, 224)] or ['3x224x224']")
        found.append(shape)
    return found


def _here(
    target: Any, options: Sequence[Mapping[str, Any]], shapes: Sequence[Point], how: tuple[Any, ...], progress: Progress | None
) -> list[dict[str, Any]]:
    """The rows of all points, in order, computed by this process."""
    found: list[dict[str, Any]] = []
    for given in options:
        network = _Network(target, given, *how[1:])
        for shape in shapes:
            found += _points(network, [shape], how[0])
            if progress is not None:
                progress(len(found), len(options) * len(shapes), "")
    return found


def _apart(target: str, total: int, executor: Executor | None, jobs: int | None, journal: object, timeout: float | None) -> bool:
    """Whether points are computed by other processes: where it pays, where it is asked for, and where code could end this one."""
    from zoo.util.workers import cores

    scheme, colon, _ = target.rpartition(":")
    foreign = bool(colon) and scheme not in {"torchvision", "timm"}
    asked = executor is not None or journal is not None or timeout is not None or (jobs or 1) > 1
    return foreign or asked or min(jobs or cores(), total // _WORTH_A_PROCESS) > 1


def _gathered(
    target: str,
    options: Sequence[Mapping[str, Any]],
    shapes: Sequence[Point],
    arguments: tuple[Any, ...],
    how: Mapping[str, Any],
    progress: Progress | None,
) -> list[dict[str, Any]]:
    """The rows of all points, in order. Points go to the workers many at a time, and those of a lost worker one by one."""
    size = 1 if how["timeout"] is not None else _CHUNK
    cut = [(given, shapes[i : i + size]) for given in options for i in range(0, len(shapes), size)]
    chunks = {_name(given, some): (target, given, some, *arguments) for given, some in cut}
    total, done = len(options) * len(shapes), 0

    def update(_: int, __: int, name: str) -> None:
        nonlocal done
        done = min(done + (len(chunks[name][2]) if name in chunks else 0), total)
        if progress is not None:
            progress(done, total, "")

    found = gather(chunks, _chunk, **how, progress=update)
    lost = [(given, [shape]) for name, (_, given, some, *_) in chunks.items() if "rows" not in found[name] for shape in some]
    single = {_name(given, some): (target, given, some, *arguments) for given, some in lost}
    if size > 1 and single:
        found |= gather({name: task for name, task in single.items() if name not in chunks}, _chunk, **how)
    rows: list[dict[str, Any]] = []
    for name, (_, given, some, *_) in chunks.items():
        parts = [name] if "rows" in found[name] else [_name(given, [shape]) for shape in some]
        rows += [row for part, shape in zip(parts, some, strict=False) for row in _rows(target, given, shape, found[part])]
    return rows


def _rows(target: str, given: Mapping[str, Any], shape: Point, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Copies of a record's rows; of a point whose worker was lost a row with the reason."""
    if "rows" in record:
        return [dict(row) for row in record["rows"]]
    batch, sizes = shape
    size = [batch, *sizes] if sizes is not None else None
    return [{"name": target, "type": "failed", **given, "failure": record["failure"], "input": size}]


def _name(given: Mapping[str, Any], some: Sequence[Point]) -> str:
    """What tells one task from the others, in the journal too."""
    return json.dumps([given, some], default=repr)


def _chunk(_: str, target: str, given: Mapping[str, Any], some: Sequence[Point], columns: Sequence[str], *how: bool) -> Any:
    return {"rows": _points(_Network(target, given, *how), some, columns), "failure": None}


@dataclass(frozen=True)
class _Network:
    """A network of the grid, which is built when a point needs it: where its trace comes with the package, shapes are enough."""

    target: Any
    options: Mapping[str, Any]
    train: bool
    real: bool

    def shape(self, batch: int, sizes: Sizes | None) -> Any:
        """The shape of a point's input, or of several. Raises `ZooError` if that is the network's own, and it cannot be built."""
        if sizes is not None:
            return (batch, *sizes)
        if self._usual is not None:
            return (batch, *self._usual.inputs[0].shape[1:])
        return self._built().shape(batch)

    def trace(self, shape: Any) -> Trace:
        """Its forward on an input. Raises `ZooError` if it cannot be built, or refuses the input."""
        if self._usual is not None and (found := resized(self._usual, [shape])) is not None:
            return found
        from zoo.models.importing import neighbours
        from zoo.tracing.trace import trace

        subject = self._built()
        with neighbours(self.target):
            return trace(subject.module, input=shape, train=self.train, real=self.real, target=subject.name)

    def _built(self) -> "Subject":
        if isinstance(self._subject, ZooError):
            raise self._subject
        return self._subject

    @cached_property
    def _usual(self) -> Trace | None:
        """Its forward that comes with the package, if those on other inputs follow from it."""
        from zoo.models.running import resizable

        found = None if self.real else resizable(self.target, train=self.train, options=self.options)
        return None if found is None else found.trace

    @cached_property
    def _subject(self) -> "Subject | ZooError":
        """The model, or the reason why it could not be built."""
        from zoo.models.importing import neighbours
        from zoo.models.targets import resolve

        try:
            with neighbours(self.target):
                return resolve(self.target, self.options, train=self.train)
        except ZooError as error:
            return error


def _points(network: _Network, shapes: Sequence[Point], columns: Sequence[str]) -> list[dict[str, Any]]:
    from zoo.analysis.measure import measure

    rows = []
    for batch, sizes in shapes:
        row: dict[str, Any] = {"name": str(network.target), "type": "failed", "input": None, **network.options, "failure": None}
        shape: Any = (batch, *sizes) if sizes is not None else None
        try:
            shape = network.shape(batch, sizes)
            found = network.trace(shape)
            row |= {"name": found.target, "type": found.calls[0].type, **measure(found, columns=columns, depth=0).total}
        except ZooError as error:
            row["failure"] = str(error)
        rows.append({**row, "input": list(shape) if shape is not None else None})
    return rows


def _table(target: Any, rows: Sequence[Row], wanted: Sequence[Column], options: Sequence[Mapping[str, Any]]) -> Table:
    failed = sum(row.cells["failure"] is not None for row in rows)
    columns = [Column("input", "elements per axis", "the input's shape, batch included", hide_order=0)]
    columns += [
        Column(name, "value", "option of the builder", hide_order=0) for name in dict.fromkeys(k for o in options for k in o)
    ]
    columns += wanted
    if failed:
        columns.append(Column("failure", "text", "why there are no numbers", hide_order=0))
    points = "1 point" if len(rows) == 1 else f"{len(rows)} points"
    title = f"{rows[0].name} · {points}" + (f", {failed} failed" if failed else "")
    context = {"target": rows[0].name, "convention": "pure", "versions": versions()}
    return Table(title, context, tuple(columns), tuple(rows), legend=legend("pure"))
