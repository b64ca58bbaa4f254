"""Arithmetic intensity: multiply-accumulates per byte of memory traffic."""

from collections.abc import Iterator, Sequence
from typing import Any

from zoo.extend import Column, Count, Group, Line, Op, Place, Trace, macs
from zoo.ops.memory import moved
from zoo.ops.working import total


class Intensity:
    """The MACs of a group over the bytes that its ops read and write, each op by itself; none where nothing is moved."""

    column = Column("intensity", "MACs per byte", "MACs per byte of inputs, outputs and parameters", order=22, on_request=True)

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return one ratio per group, and that of the totals."""
        return [_quotient(group.ops) for group in groups], _quotient(trace.ops)

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """The bytes that each op moves, then the quotient."""
        terms = [(row.name, row.ops) for row in place.rows] or [(op.kind, [op]) for op in place.group.ops]
        each = [(name, count) for name, ops in terms if (count := sum(map(moved, ops)))]
        if not each:
            yield Line("intensity", says="nothing is moved")
            return
        yield total(
            "bytes", each, sum(count for _, count in each), says="what each op reads and writes: inputs, parameters, outputs"
        )
        work: Count = Count() + sum(map(macs, place.group.ops))
        operands = {"macs": work.known, "bytes": sum(count for _, count in each)}
        result = cell["at_least"] if work.unknown else cell
        yield Line("intensity", "{macs} / {bytes}", operands, result, says="to six digits", part=())


def _quotient(ops: Sequence[Op]) -> Any:
    work: Count = Count() + sum(map(macs, ops))
    traffic = sum(map(moved, ops))
    if not traffic:
        return None
    ratio = float(f"{work.known / traffic:.6g}")
    return {"at_least": ratio, "unknown": dict(work.unknown)} if work.unknown else ratio


COLUMN = Intensity()
