"""Where a number of the table comes from: a layer of a trace, and the lines that lead to each of its cells.

A column gives the lines of a cell in its method `working`; sums need a line for each op alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zoo.analysis.rows import Group, group
from zoo.errors import unknown
from zoo.ops.count import Count
from zoo.ops.working import Line, total
from zoo.tracing.record import Op, Trace, Value

OfOp = Callable[[Op], Sequence[Line]]
"""The lines of what one op counts; the last one gives the count."""


@dataclass(frozen=True)
class Place:
    """A row of the table of a trace, at any depth, or the whole model. `rows` are the finer rows in it; none of a single layer."""

    trace: Trace
    group: Group
    rows: tuple[Group, ...] = ()

    @cached_property
    def maker(self) -> dict[int, Op]:
        """The op that gave each value, by the value's id."""
        return {value.id: op for op in self.trace.ops for value in op.outputs}

    @cached_property
    def places(self) -> dict[int, str]:
        """The row of each op, by the op's id."""
        return {id(op): row.name for row in group(self.trace) for op in row.ops}

    def row_of(self, op: Op) -> str:
        """The name of the finest row that an op is in."""
        return self.places[id(op)]

    def name_of(self, value: Value) -> str:
        """What a value is called: the row that gave it, or "input"."""
        op = self.maker.get(value.id)
        return self.row_of(op) if op is not None else {"variable": "input"}.get(value.source, value.source)


def find(trace: Trace, name: str | None) -> Place:
    """A row of the table by its name, at any depth; None is the whole model.

    Raises `ZooError` for an unknown name.
    """
    finest = group(trace)
    if name is None or name == trace.target:
        return Place(trace, Group(trace.target, trace.calls[0].type, list(trace.ops), trace.outputs), _split(trace, 0, finest))
    known: dict[str, tuple[Group, int | None]] = {row.name: (row, None) for row in finest}
    deepest = max((call.path.count(".") + 1 for call in trace.calls if call.path), default=0)
    for depth in range(1, deepest + 1):
        for row in group(trace, depth):
            known.setdefault(row.name, (row, depth))
    if name not in known:
        raise unknown(f"layer of {trace.target}", name, known, f"zoo summary {trace.target} lists them")
    found, depth = known[name]
    return Place(trace, found, () if depth is None else _parts(trace, found, depth, finest))


def _parts(trace: Trace, found: Group, depth: int, finest: Sequence[Group]) -> tuple[Group, ...]:
    """The rows in a module: those one level down, or finer if these are only itself again."""
    own = set(map(id, found.ops))
    return tuple(row for row in _next(trace, depth, finest) if id(row.ops[0]) in own)


def _split(trace: Trace, depth: int, finest: Sequence[Group]) -> tuple[Group, ...]:
    return tuple(_next(trace, depth, finest))


def _next(trace: Trace, depth: int, finest: Sequence[Group]) -> Sequence[Group]:
    return group(trace, depth + 1) or finest


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
