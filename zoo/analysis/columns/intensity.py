"""Arithmetic intensity: multiply-accumulates per byte of memory traffic."""

from collections.abc import Sequence
from typing import Any

from zoo.extend import Column, Count, Group, Op, Trace
from zoo.ops.arithmetic import macs
from zoo.ops.memory import moved


class Intensity:
    """The MACs of a group over the bytes that its ops read and write, each op by itself; none where nothing is moved."""

    column = Column("intensity", "MACs per byte", "MACs per byte of inputs, outputs and parameters", order=22, on_request=True)

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return one ratio per group, and that of the totals."""
        return [_quotient(group.ops) for group in groups], _quotient(trace.ops)


def _quotient(ops: Sequence[Op]) -> Any:
    work: Count = Count() + sum(map(macs, ops))
    traffic = sum(map(moved, ops))
    if not traffic:
        return None
    ratio = float(f"{work.known / traffic:.6g}")
    return {"at_least": ratio, "unknown": dict(work.unknown)} if work.unknown else ratio


COLUMN = Intensity()
