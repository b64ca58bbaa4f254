"""Where a number of the table comes from: a layer of a trace, and the lines that lead to each of its cells.

A column gives the lines of a cell in its method `working`; sums need a line for each op alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zoo.analysis.naming import find_name
from zoo.analysis.rows import Group, group
from zoo.ops.axes import starts
from zoo.ops.count import Count
from zoo.ops.least_field import least
from zoo.ops.receptive_field import rule
from zoo.ops.working import Line, total
from zoo.receptive.shown import Shown, shown
from zoo.receptive.spans import Field, start
from zoo.record.trace import Op, Trace, Value
from zoo.record.walk import carry

OfOp = Callable[[Op], Sequence[Line]]
"""The lines of what one op counts; the last one gives the count."""


@dataclass(frozen=True)
class Wiring:
    """What is looked up again and again in one trace."""

    trace: Trace

    @cached_property
    def rows(self) -> Sequence[Group]:
        """The finest rows of the table."""
        return group(self.trace)

    @cached_property
    def maker(self) -> Mapping[int, Op]:
        """The op that gave each value, by the value's id."""
        return {value.id: op for op in self.trace.ops for value in op.outputs}

    @cached_property
    def row_names(self) -> Mapping[int, str]:
        """The finest row of each op, by the op's id."""
        return {id(op): row.name for row in self.rows for op in row.ops}

    @cached_property
    def fields(self) -> Mapping[int, Field | None]:
        """The receptive field of each value, by its id."""
        return carry(self.trace, starts(self.trace, start), rule)

    @cached_property
    def least_fields(self) -> Mapping[int, Field | None]:
        """The receptive field of each value along the smallest path, by its id."""
        return carry(self.trace, starts(self.trace, start), least)

    @cached_property
    def least_windows(self) -> dict[int, list[Shown] | str]:
        """What is shown of these."""
        return {}

    @cached_property
    def windows(self) -> dict[int, list[Shown] | str]:
        """What is shown of the field of each value that was asked for so far."""
        return {}

    @cached_property
    def links(self) -> dict[tuple[Any, ...], Any]:
        """What chains and paths have derived so far, so that those of many layers share it."""
        return {}

    def window(self, value: Value, *, least: bool = False) -> list[Shown] | str:
        """What is shown of a value's field along each axis, or why nothing is; along the smallest path, if it is the `least`."""
        known, fields = (self.least_windows, self.least_fields) if least else (self.windows, self.fields)
        if value.id not in known:
            field = fields[value.id]
            known[value.id] = "it does not depend on the network's input" if field is None else shown(field)
        return known[value.id]

    def row_of(self, op: Op) -> str:
        """The name of the finest row that an op is in."""
        return self.row_names[id(op)]

    def name_of(self, value: Value) -> str:
        """What a value is called: the row that gave it, or "input"."""
        op = self.maker.get(value.id)
        return self.row_of(op) if op is not None else {"variable": "input"}.get(value.source, value.source)


@dataclass(frozen=True)
class Place:
    """A row of the table of a trace, at any depth, or the whole model. `rows` are the finer rows in it; none of a single layer."""

    wiring: Wiring
    group: Group
    rows: tuple[Group, ...] = ()

    @property
    def trace(self) -> Trace:
        """The forward that it is of."""
        return self.wiring.trace


def places(trace: Trace) -> Iterator[Place]:
    """The whole model, each row of its table, and each module at every depth, by its first name."""
    wiring, seen = Wiring(trace), {trace.target}
    levels = [*(group(trace, depth) for depth in range(1, _deepest(trace) + 1)), wiring.rows]
    whole = Group(trace.target, trace.calls[0].type, list(trace.ops), trace.outputs)
    yield Place(wiring, whole, _inside(whole, levels))
    finest = {row.name for row in wiring.rows}
    for row in wiring.rows:
        seen.add(row.name)
        yield Place(wiring, row)
    for number, level in enumerate(levels, 1):
        for row in level:
            if row.name not in seen | finest:
                seen.add(row.name)
                yield Place(wiring, row, _inside(row, levels[number:]))


def _inside(row: Group, levels: Sequence[Sequence[Group]]) -> tuple[Group, ...]:
    """The rows in a module: of the first level at which there are several, or of the last."""
    own, found = set(map(id, row.ops)), tuple[Group, ...]()
    for level in levels:
        found = tuple(one for one in level if id(one.ops[0]) in own)
        if len(found) > 1:
            break
    return found


def _deepest(trace: Trace) -> int:
    return max((call.path.count(".") + 1 for call in trace.calls if call.path), default=0)


def find(trace: Trace, name: str | None) -> Place:
    """A row of the table by its name here or in another framework, at any depth; None is the whole model.

    Raises `ZooError` for an unknown name.
    """
    known: dict[str, Place] = {}
    for place in places(trace):
        if name is None or place.group.name == name:
            return place
        known[place.group.name] = place
    return known[find_name(trace, str(name), known, f"zoo summary {trace.target} lists them")]


def added_up(place: Place, count: Callable[[Op], int | Count], of_op: OfOp | None, cell: Any) -> Iterator[Line]:
    """The lines of a sum: for each op of a layer its own, or for each row of a module its sum; then the sum of all."""
    if place.rows:
        terms = [(row.name, _known(sum(map(count, row.ops)))) for row in place.rows]
        yield _sum([term for term in terms if term[1]], cell)
        return
    counted = [(op, count(op)) for op in place.group.ops]
    counting = [(op, one) for op, one in counted if one]
    for op, one in counting:
        if isinstance(one, Count):
            yield Line(op.kind, says=f"unknown: no rule says what {op.kind} costs")
            continue
        lines = list(of_op(op)) if of_op else []
        if not lines:
            lines = [Line(op.kind, "{count}", {"count": one}, one, says="no working is given")]
        if len(counting) == 1:
            lines[-1] = lines[-1].at(())
        yield from lines
    if len(counting) > 1:
        yield _sum([(op.kind, _known(one)) for op, one in counting], cell)
    elif not counting:
        yield Line("total", says=_nothing(place), part=())


def _nothing(place: Place) -> str:
    kinds = ", ".join(dict.fromkeys(op.kind for op in place.group.ops))
    return f"0: nothing is counted for {kinds}" if place.group.mark != "unused" else "0: this forward does not read it"


def _known(count: int | Count) -> int:
    return count if isinstance(count, int) else count.known


def _sum(terms: Sequence[tuple[str, int]], cell: Any) -> Line:
    known = cell["at_least"] if isinstance(cell, dict) and "at_least" in cell else cell
    remark = "" if known == cell else "a lower bound: some ops are unknown"
    if not terms:
        return Line("total", says=remark or "0: nothing is counted in it", part=())
    return total("total", terms, known, part=(), says=remark)
