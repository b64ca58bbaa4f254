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
from zoo.questions.grid import points, settings
from zoo.questions.survey import check_timeout, gather, imported, versions
from zoo.record.inputs import Input, shapes
from zoo.record.trace import Trace
from zoo.tables.table import Column, Row, Table
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from torch import nn

    from zoo.models.targets import Subject

COLUMNS = ("params", "macs", "flops", "activations")
_CHUNK, _WORTH_A_PROCESS = 25, 150  # most points per task, and points for which starting a worker pays off
_TASKS = 16  # at least, so that all workers have some, and an interrupt loses little; the journal knows them by their points

Point = tuple[int, tuple[int, ...] | Input | None]
"""A batch, and a shape that includes it; None is the model's own."""

Progress = Callable[[int, int, str], None]


@undisturbed
def sweep(
    target: "str | nn.Module",
    *,
    input: Any = None,
    batch: int | Sequence[int] = 1,
    options: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    train: bool = False,
    real: bool = False,
    columns: Sequence[str] | None = None,
    executor: Executor | None = None,
    jobs: int | None = None,
    journal: str | Path | None = None,
    timeout: float | None = None,
    progress: Progress | None = None,
) -> Table:
    """Return a row for each choice of options with each input and each batch size.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them; it is built once for each of `options`.
        input: One input or a list, each as in `zoo.trace`; a string may have braces, "3x{64,128}x...". By default the model's own.
        batch: One batch size or a list, for inputs without batch: strings, and the model's own.
        options: Options of the builder: {"num_classes": [10, 100]} gives a point for each value; or a mapping for each point.
        train, real: As in `zoo.trace`.
        columns: Those of `zoo.summary`.
        executor, jobs: Large grids are shared out among `jobs` processes (by default one for each core), or go to any
            `concurrent.futures.Executor`. Code from elsewhere always runs apart: a crash is a failure of one row.
        journal: A file to which what is done is appended; what it already holds is not computed again.
        timeout: As in `zoo.survey`, for a point.
        progress: Called with the number of points done and their total number.

    Returns:
        A `Table`. If a point fails, because its input is too small or the model cannot be built with its options, its row gives the
        reason.

    Raises:
        ZooError: For invalid arguments, an empty grid, a journal of another sweep, or if every point fails for the same reason.

    Example:
        >>> table = zoo.sweep("resnet18", input="3x{64,128}x...", columns=["macs"])
        >>> [row.cells["macs"] for row in table.rows]
        [148557824, 592695296]
    """
    wanted = tuple(p.column.name for p in choose(columns if columns is not None else COLUMNS))
    chosen, grid = settings(options), _grid(input, batch)
    total = len(chosen) * len(grid)
    if not total:
        raise ZooError("the grid has no points: expected a non-empty input, batch and options, or none of them")
    check_timeout(timeout)
    if isinstance(target, str) and _apart(target, total, executor, jobs, journal, timeout):
        context = {"sweep": target, "train": train, "real": real, "columns": list(wanted), "versions": versions()}
        how = {"executor": executor, "jobs": jobs, "journal": journal, "timeout": timeout, "prepare": _imported, "context": context}
        found = _gathered(target, chosen, grid, (wanted, train, real), how, progress)
    else:
        found = _here(target, chosen, grid, (wanted, train, real), progress)
    rows = [Row(row.pop("name"), row.pop("type"), row) for row in found]
    failures = {row.cells["failure"] for row in rows}
    if len(failures) == 1 and None not in failures:
        raise ZooError(failures.pop())
    return _table(target, rows, on_page(choose(wanted), asked=columns is not None), chosen)


def _grid(input: Any, batch: Any) -> list[Point]:
    """Every input with every batch size. Raises `ZooError` for what is neither."""
    batches = list(batch) if isinstance(batch, list | tuple | range) else [batch]
    several = isinstance(input, list | tuple) and not isinstance(input, Input) and not _is_shape(input)
    inputs = [point for one in (input if several else [input]) for point in (points(one) if isinstance(one, str) else [one])]
    return [(size, _shape(one, size)) for one in inputs for size in batches]


def _is_shape(thing: Sequence[Any]) -> bool:
    return bool(thing) and all(isinstance(size, int) for size in thing)


def _shape(one: Any, batch: Any) -> Any:
    """One input with its batch; None is the model's own. Raises `ZooError` for several inputs at once."""
    found = shapes(one, batch)
    if found is not None and (isinstance(found, list) or _sizes(found) is None):
        raise ZooError("input: expected one tensor for each point, such as ['3x64x64', '3x128x128']")
    return found


def _sizes(shape: Any) -> list[int] | None:
    """The sizes of a shape, or of an `Input`."""
    given = shape.sizes if isinstance(shape, Input) else shape
    return None if given is None else list(given)


def _here(
    target: Any, options: Sequence[Mapping[str, Any]], grid: Sequence[Point], how: tuple[Any, ...], progress: Progress | None
) -> list[dict[str, Any]]:
    """The rows of all points, in order, computed by this process."""
    found: list[dict[str, Any]] = []
    for given in options:
        network = _Network(target, given, *how[1:])
        for point in grid:
            found += _points(network, [point], how[0])
            if progress is not None:
                progress(len(found), len(options) * len(grid), "")
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
    grid: Sequence[Point],
    arguments: tuple[Any, ...],
    how: Mapping[str, Any],
    progress: Progress | None,
) -> list[dict[str, Any]]:
    """The rows of all points, in order. Points go to the workers many at a time, and those of a lost worker one by one."""
    total, done = len(options) * len(grid), 0
    size = 1 if how["timeout"] is not None else max(min(_CHUNK, total // _TASKS), 1)
    cut = [(given, grid[i : i + size]) for given in options for i in range(0, len(grid), size)]
    chunks = {_name(given, some): (target, given, some, *arguments) for given, some in cut}

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
    return [{"name": target, "type": "failed", **given, "failure": record["failure"], "input": _sizes(shape[1])}]


def _name(given: Mapping[str, Any], some: Sequence[Point]) -> str:
    """What tells one task from the others, in the journal too."""
    return json.dumps([given, some], default=repr)


def _imported(_: str, target: str, *__: object) -> None:
    imported(target)


def _chunk(_: str, target: str, given: Mapping[str, Any], some: Sequence[Point], columns: Sequence[str], *how: bool) -> Any:
    return {"rows": _points(_Network(target, given, *how), some, columns), "failure": None}


@dataclass(frozen=True)
class _Network:
    """A network of the grid, which is built when a point needs it: where its trace comes with the package, shapes are enough."""

    target: Any
    options: Mapping[str, Any]
    train: bool
    real: bool

    def shape(self, batch: int, asked: tuple[int, ...] | Input | None) -> Any:
        """The shape of a point's input, or of several. Raises `ZooError` if it has no batch, and if it is the network's own, which
        cannot be built.
        """
        from zoo.models.running import check_batch

        if asked is None and self._usual is not None:
            return (batch, *self._usual.inputs[0].shape[1:])
        if asked is None:
            return self._built().shape(batch)
        if self._usual is None or len(asked) != len(self._usual.inputs[0].shape):
            check_batch(self._built(), asked)
        return asked

    def trace(self, shape: Any) -> Trace:
        """Its forward on an input. Raises `ZooError` if it cannot be built, or refuses the input."""
        usual = None if isinstance(shape, Input) else self._usual
        if usual is not None and (found := resized(usual, [shape])) is not None:
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


def _points(network: _Network, grid: Sequence[Point], columns: Sequence[str]) -> list[dict[str, Any]]:
    from zoo.analysis.measure import measure

    rows = []
    for batch, asked in grid:
        row: dict[str, Any] = {"name": str(network.target), "type": "failed", "input": None, **network.options, "failure": None}
        shape: Any = asked
        try:
            shape = network.shape(batch, asked)
            found = network.trace(shape)
            row |= {"name": found.target, "type": found.calls[0].type, **measure(found, columns=columns, depth=0).total}
        except ZooError as error:
            row["failure"] = str(error)
        rows.append({**row, "input": _sizes(shape)})
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
