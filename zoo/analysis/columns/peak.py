"""Peak: the most memory that live activations need at one time during inference."""

from collections.abc import Iterator, Sequence
from typing import Any

from zoo.extend import UNUSED, Column, Group, Line, Place, Trace
from zoo.ops.memory import alive, live
from zoo.ops.working import total


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

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """What is live while the op runs at which the most is."""
        now = dict(zip(map(id, place.trace.ops), live(place.trace), strict=True))
        ran = [op for op in place.group.ops if op.kind != UNUSED]
        if not ran:
            yield Line("peak", says="nothing runs")
            return
        op = max(ran, key=lambda one: now[id(one)])
        index = next(i for i, one in enumerate(place.trace.ops) if one is op)
        held = [(place.wiring.name_of(value), value.nbytes) for value in alive(place.trace, index)]
        yield total(
            "live", held, cell, says=f"bytes of the activations that are needed while {place.wiring.row_of(op)} runs", part=()
        )


COLUMN = Peak()
