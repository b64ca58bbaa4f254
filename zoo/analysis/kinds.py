"""The kinds of columns: what is computed from a trace for each row, and in total."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol

from zoo.analysis.counting import of_cost
from zoo.analysis.rows import Group
from zoo.analysis.working import OfOp, Place, added_up
from zoo.ops.count import Count
from zoo.ops.rule import Cost
from zoo.ops.working import Line, sum_of_products
from zoo.record.trace import Op, Trace, Value, bytes_each
from zoo.record.walk import Rule, State, carry
from zoo.tables.table import Column


class Pass(Protocol):
    """One column. `measure` gives a cell for each group and one for the whole trace, all JSON-able."""

    @property
    def column(self) -> Column:
        """Name, unit and description."""

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return the cells and the total."""


@dataclass(frozen=True)
class Sum:
    """A pass that counts each op by itself and adds up: whatever the grouping, the rows add up to the total.

    `of_op` gives the lines that explain the count of one op; a count made by `factors` explains itself.
    """

    column: Column
    count: Callable[[Op], int | Count]
    of_op: OfOp | None = None

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return the sum of each group, and of all ops."""
        counts = [sum(map(self.count, group.ops)) for group in groups]
        return list(map(_cell, counts)), _cell(sum(counts))

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """The lines of each op, or the sums of the rows in a module; then their sum."""
        of_op = of_cost(self.count) if isinstance(self.count, Cost) else self.of_op
        return added_up(place, self.count, of_op, cell)


@dataclass(frozen=True)
class Tally:
    """A pass that counts each op in the light of the whole trace, `counts` giving one number an op; they add up as in `Sum`."""

    column: Column
    counts: Callable[[Trace], Sequence[int | Count]]
    of_ops: Callable[[Trace], OfOp] | None = None

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return the sum of each group, and of all ops."""
        each = dict(zip(map(id, trace.ops), self.counts(trace), strict=True))
        counts = [sum(each[id(op)] for op in group.ops) for group in groups]
        return list(map(_cell, counts)), _cell(sum(counts))

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """As that of a `Sum`."""
        each = dict(zip(map(id, place.trace.ops), self.counts(place.trace), strict=True))
        of_op = self.of_ops(place.trace) if self.of_ops else None
        return added_up(place, lambda op: each[id(op)], of_op, cell)


def _cell(count: int | Count) -> Any:
    return count.cell() if isinstance(count, Count) else count


@dataclass(frozen=True)
class Flow(Generic[State]):
    """A pass that carries a state along the edges, from the network's inputs through each op.

    `start` gives the state of an input, `rule` the state of an op's outputs (or a list of one for each) from those of its inputs
    (None for parameters and constants), `cell` what to show of the states that leave a group. `starts` replaces `start` where the
    state of an input depends on the trace: it gives that function for a trace.
    """

    column: Column
    start: Callable[[Value], State]
    rule: Rule[State]
    cell: Callable[[Sequence[State | None]], Any]
    lines: Callable[[Place, Any], Iterator[Line]] | None = None
    starts: Callable[[Trace], Callable[[Value], State | None]] | None = None

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Walk over the trace once, then return the cells of the outputs of each group."""
        start = self.starts(trace) if self.starts else self.start
        states = carry(trace, start, self.rule)

        shown: dict[tuple[int, ...], Any] = {}  # a value that a layer only passes through keeps its state

        def look(values: Sequence[Value]) -> Any:
            found = [states.get(value.id) for value in values]
            key = tuple(map(id, found))
            if key not in shown:
                shown[key] = self.cell(found) if found else None
            return shown[key]

        return [look(group.outputs) for group in groups], look(trace.outputs)

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """What `lines` gives for what leaves the layer."""
        if self.lines:
            return self.lines(place, cell)
        return iter([Line(self.column.name, says="carried from op to op; no working is given")])


@dataclass(frozen=True)
class Share:
    """A pass for each cell of a sum as its part of the total; none where the total is 0 or not known."""

    of: Pass

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """The quotient of the row's cell and the total."""
        (own,), whole = self.of.measure(place.trace, [place.group])
        name = self.of.column.name
        if cell is None:
            yield Line("share", says=f"there is no total of {name} to take a share of")
            return
        yield Line("share", f"{{{name}}} / {{total}}", {name: own, "total": whole}, cell, part=())

    @property
    def column(self) -> Column:
        """As that of the sum, named with a percent sign."""
        whole = self.of.column
        return replace(whole, name=f"{whole.name}%", unit="share", description=f"share of {whole.name}", hide_order=0)

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return the share of each group, and 1."""
        cells, total = self.of.measure(trace, groups)
        known = isinstance(total, int | float) and total > 0
        return [cell / total if known else None for cell in cells], 1.0 if known else None


@dataclass(frozen=True)
class Quotient:
    """A pass that divides one sum by another, in each row and in total, to six digits.

    A lower bound divided by a known number is a lower bound. There is no quotient if the divisor is 0 or a lower bound itself.
    """

    column: Column
    dividend: Sum
    divisor: Sum

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return the quotient of each group, and that of the totals."""
        cells, total = self.dividend.measure(trace, groups)
        by, by_all = self.divisor.measure(trace, groups)
        return list(map(_quotient, cells, by)), _quotient(total, by_all)

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """The lines of both sums, then their quotient."""
        operands = {}
        for one in (self.dividend, self.divisor):
            (count,), _ = one.measure(place.trace, [place.group])
            name = one.column.name
            for line in one.working(place, count):
                yield replace(line, part=None, label=name if line.label == "total" else line.label)
            operands[name] = _known(count)
        if cell is None:
            yield Line(self.column.name, says=f"no quotient: {self.divisor.column.name} is 0 or not known")
        else:
            formula = f"{{{self.dividend.column.name}}} / {{{self.divisor.column.name}}}"
            yield Line(self.column.name, formula, operands, _known(cell), says="to six digits", part=())


def _quotient(count: Any, by: Any) -> Any:
    if isinstance(by, dict) or not by:
        return None
    ratio = float(f"{_known(count) / by:.6g}")
    return {**count, "at_least": ratio} if isinstance(count, dict) else ratio


def _known(cell: Any) -> Any:
    return cell["at_least"] if isinstance(cell, dict) else cell


@dataclass(frozen=True)
class Bytes:
    """A pass over the bytes of the model's own tensors of one `kind`, each counted where it is read first.

    A cell is a number if all of them in the model are of one type; else the bytes of each type by its name, None for no bytes.
    """

    column: Column
    kind: str

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return the sum of each group, and of all ops."""
        mixed = len({param.dtype for param in trace.params if param.kind == self.kind}) > 1

        def cell(ops: Sequence[Op]) -> Any:
            by_type: dict[str, int] = {}
            for param in (p for op in ops for p in op.owns if p.kind == self.kind):
                by_type[param.dtype] = by_type.get(param.dtype, 0) + param.nbytes
            return (dict(sorted(by_type.items())) or None) if mixed else sum(by_type.values())

        return [cell(group.ops) for group in groups], cell(trace.ops)

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """The elements times their bytes; where types are mixed, a sum for each type."""
        own = [(op, param) for op in place.group.ops for param in op.owns if param.kind == self.kind]
        if not own:
            yield Line("bytes", says=f"0: no {self.kind} is counted here", part=None if cell is None else ())
        for dtype in dict.fromkeys(param.dtype for _, param in own):
            terms = [(param.name, param) for _, param in own if param.dtype == dtype]
            by_elements = [{f"{name}": param.numel, "bytes each": bytes_each(dtype)} for name, param in terms]
            part = (dtype,) if isinstance(cell, dict) else ()
            yield sum_of_products(dtype, by_elements, sum(param.nbytes for _, param in terms), part=part)
