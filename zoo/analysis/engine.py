"""From a trace to a table: rows are groups of ops, columns are passes."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Generic, Protocol, TypeVar

from zoo import plugins
from zoo.analysis.count import Count
from zoo.analysis.rows import Depth
from zoo.analysis.rows import Group as Group
from zoo.analysis.rows import group as group
from zoo.analysis.rows import readable_depth as readable_depth
from zoo.errors import ZooError, unknown
from zoo.pausing import no_collection
from zoo.record import Op, Trace, Value
from zoo.table import Column, Row, Table

State = TypeVar("State")
Rule = Callable[[Op, tuple[State | None, ...]], State | list[State | None] | None]


class Pass(Protocol):
    """One column. `measure` gives a cell for each group and one for the whole trace, all JSON-able."""

    @property
    def column(self) -> Column:
        """Name, unit and description."""

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """The cells, and the total."""


@dataclass(frozen=True)
class Sum:
    """A pass that counts each op by itself and adds up: whatever the grouping, the rows add up to the total."""

    column: Column
    count: Callable[[Op], int | Count]

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Sums over each group, and over all."""
        counts = [sum(map(self.count, group.ops)) for group in groups]
        return list(map(_cell, counts)), _cell(sum(counts))


@dataclass(frozen=True)
class Tally:
    """A pass that counts each op in the light of the whole trace, `counts` giving one number an op; they add up as in `Sum`."""

    column: Column
    counts: Callable[[Trace], Sequence[int | Count]]

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Sums over each group, and over all."""
        each = dict(zip(map(id, trace.ops), self.counts(trace), strict=True))
        counts = [sum(each[id(op)] for op in group.ops) for group in groups]
        return list(map(_cell, counts)), _cell(sum(counts))


def _cell(count: int | Count) -> Any:
    return count.cell() if isinstance(count, Count) else count


@dataclass(frozen=True)
class Flow(Generic[State]):
    """A pass that carries a state along the edges, from the network's inputs through each op.

    `start` gives the state of an input, `rule` the state of an op's outputs (or a list of one for each) from those of its inputs
    (None for parameters and constants), `cell` what to show of the states that leave a group.
    """

    column: Column
    start: Callable[[Value], State]
    rule: Rule[State]
    cell: Callable[[Sequence[State | None]], Any]

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """One walk over the trace, then a look at what leaves each group."""
        states = carry(trace, self.start, self.rule)

        shown: dict[tuple[int, ...], Any] = {}  # what a layer only passes on is shown as it came

        def look(values: Sequence[Value]) -> Any:
            found = [states.get(value.id) for value in values]
            key = tuple(map(id, found))
            if key not in shown:
                shown[key] = self.cell(found) if found else None
            return shown[key]

        return [look(group.outputs) for group in groups], look(trace.outputs)


@dataclass(frozen=True)
class Share:
    """A pass for each cell of a sum as its part of the total; none where the total is 0 or not known."""

    of: Pass

    @property
    def column(self) -> Column:
        """As that of the sum, named with a percent sign."""
        whole = self.of.column
        return replace(whole, name=f"{whole.name}%", unit="share", description=f"share of {whole.name}", priority=0)

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Quotients of each group, and 1."""
        cells, total = self.of.measure(trace, groups)
        known = isinstance(total, int | float) and total > 0
        return [cell / total if known else None for cell in cells], 1.0 if known else None


def carry(trace: Trace, start: Callable[[Value], State], rule: Rule[State]) -> dict[int, State | None]:
    """The state of each value, by its id: of the inputs, and of the outputs of each op. See `Flow`."""
    states: dict[int, State | None] = {value.id: start(value) for value in trace.inputs}
    for op in trace.ops:
        state = rule(op, tuple([states.get(value.id) for value in op.inputs]))
        if isinstance(state, list):
            states.update((value.id, own) for value, own in zip(op.outputs, state, strict=True))
        else:
            for value in op.outputs:
                states[value.id] = state
    return states


@cache
def passes() -> Mapping[str, Pass]:
    """Every pass by its column's name, in the order of the columns: one from each file of `zoo/analysis/passes`, and others'."""
    found = plugins.merged("passes", _own, _of_plugin)
    return {p.column.name: p for p in sorted(found.values(), key=lambda p: (p.column.order, p.column.name))}


def _own() -> dict[str, Pass]:
    import zoo.analysis.passes as folder

    modules = [importlib.import_module(f"{folder.__name__}.{info.name}") for info in pkgutil.iter_modules(folder.__path__)]
    return {module.PASS.column.name: module.PASS for module in modules}


def _of_plugin(plugin: plugins.Plugin) -> Iterator[tuple[str, Pass]]:
    found: Pass = plugin.load().PASS
    if not isinstance(found.column, Column):
        raise TypeError(f"{found.column!r} is no column")
    yield found.column.name, _Others(found, str(plugin))


@dataclass(frozen=True)
class _Others:
    """The pass of a plugin. What it raises is reported, and its cells are empty then."""

    inner: Pass
    origin: str

    @property
    def column(self) -> Column:
        return self.inner.column

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        try:
            cells, total = self.inner.measure(trace, groups)
            if len(cells) == len(groups):
                return cells, total
            problem: object = f"{len(cells)} cells for {len(groups)} rows"
        except Exception as error:
            problem = error
        plugins.report(f"column {self.column.name} of {self.origin}", problem)
        return [None] * len(groups), None


def choose(columns: Sequence[str] | None) -> list[Pass]:
    """The passes of those names, in that order; by default all but the ones on request. NAME% is the share of a sum.

    Raises `ZooError` for an unknown name, and for a share of what is no sum.
    """
    known = passes()
    if isinstance(columns, str):
        raise ZooError(f"columns {columns!r}: a list of names is wanted, such as {[columns]}")
    if columns is None:
        return [p for p in known.values() if not p.column.on_request]
    return [_named(name, known) for name in dict.fromkeys(columns)]


def _named(name: str, known: Mapping[str, Pass]) -> Pass:
    found = known.get(name.removesuffix("%"))
    if found is None:
        raise unknown("column", name, known)
    if name in known:
        return found
    if not isinstance(found, Sum):
        sums = ", ".join(f"{key}%" for key, one in known.items() if isinstance(one, Sum) and not one.column.on_request)
        raise ZooError(f"column {name!r}: {found.column.name} does not add up, so it has no shares; {sums} are there")
    return Share(found)


@no_collection()
def measure(
    trace: Trace,
    *,
    columns: Sequence[str] | None = None,
    depth: Depth = None,
    fold: bool = False,
    convention: str = "pure",
) -> Table:
    """The table of a trace: a row for each layer, or for each module at most `depth` levels down (0 is the whole model).

    An op that a container runs itself has a row of its own. With `fold`, identical blocks in succession share a row, in which sums
    are those of all, and what flows (output, rf, depth) is what leaves the last. `convention` names the rule book of `macs` and
    `flops`. Raises `ZooError` for an unknown column or convention.
    """
    from zoo.analysis.conventions import under

    chosen = under(convention, choose(columns))
    rows = group(trace, depth, fold=fold)
    measured = [p.measure(trace, rows) for p in chosen]
    shown = tuple(p.column if columns is None else replace(p.column, priority=0) for p in chosen)
    names = [p.column.name for p in chosen]
    return Table(
        title=trace.target,
        context={
            "target": trace.target,
            "inputs": [list(value.shape) for value in trace.inputs],
            "mode": trace.mode,
            "convention": convention,
            "versions": dict(trace.versions),
        },
        columns=shown,
        rows=tuple(
            Row(row.name, row.type, dict(zip(names, cells, strict=True)), row.times, row.mark)
            for row, *cells in zip(rows, *([c for c, _ in measured]), strict=True)
        ),
        total={name: total for name, (_, total) in zip(names, measured, strict=True)},
        notes=(*_notes(trace, rows), *_lower_bounds(trace, chosen, rows, measured), *_unseen(convention, trace, names)),
    )


def _notes(trace: Trace, rows: Sequence[Group]) -> list[str]:
    notes = []
    if any(row.mark == "shared" for row in rows):
        notes.append("shared: runs on parameters that have run before, and are counted there")
    if unused := trace.unused:
        owners = dict.fromkeys(param.name.partition(".")[0] for param in unused)
        total = sum(param.numel for param in unused)
        notes.append(f"{total:,} parameters are not used in this forward: {', '.join(owners)}")
    return notes


def _unseen(convention: str, trace: Trace, names: Sequence[str]) -> Iterator[str]:
    from zoo.analysis.conventions import unseen

    if (
        convention != "pure"
        and not {"macs", "flops", "macs%", "flops%"}.isdisjoint(names)
        and (missed := unseen(convention, trace))
    ):
        yield f"convention {convention} counts nothing for {missed}"


def _lower_bounds(
    trace: Trace, chosen: Sequence[Pass], rows: Sequence[Group], measured: Sequence[tuple[list[Any], Any]]
) -> list[str]:
    """A note for each column whose total is a lower bound: which ops are unknown, how often, and in which modules."""
    notes = []
    for one, (cells, total) in zip(chosen, measured, strict=True):
        if isinstance(total, dict) and "unknown" in total:
            partly = [row for row, cell in zip(rows, cells, strict=True) if isinstance(cell, dict) and "unknown" in cell]
            ops = "; ".join(f"{kind} ({times}×) in {_places(trace, kind, partly)}" for kind, times in total["unknown"].items())
            notes.append(f"≥ {one.column.name} is a lower bound, the cost of these ops is not known: {ops}")
    return notes


def _places(trace: Trace, kind: str, rows: Sequence[Group]) -> str:
    """conv1, blocks.*.norm: the modules that ran an op, those that differ by numbers alone together where there are many."""
    paths = dict.fromkeys(trace.calls[op.call].path or trace.target for row in rows for op in row.ops if op.kind == kind)
    alike: dict[str, list[str]] = {}
    for path in paths:
        alike.setdefault(re.sub(r"\d+", "*", path), []).append(path)
    return ", ".join(name for pattern, names in alike.items() for name in (names if len(names) < 4 else [pattern]))
