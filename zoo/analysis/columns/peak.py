"""Peak: the most memory that live activations need at one time during inference."""

from collections.abc import Sequence
from typing import Any

from zoo.extend import UNUSED, Column, Group, Trace
from zoo.ops.memory import live


class Peak:
    """The most bytes that are live while an op of the group runs; over all groups, the network's peak.

    The rows do not add up: the total is their maximum. What is live is said in `zoo.ops.memory.live`.
    """

    column = Column("peak", "bytes", "most live activations while it runs, including the input", order=52, on_request=True)

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return one maximum per group, and that of all; None for a group in which nothing ran."""
        now = dict(zip(map(id, trace.ops), live(trace), strict=True))
        cells = [max((now[id(op)] for op in group.ops if op.kind != UNUSED), default=None) for group in groups]
        return cells, max((cell for cell in cells if cell is not None), default=None)


COLUMN = Peak()
