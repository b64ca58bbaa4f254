"""Output shape of each layer, batch dimension included."""

from collections.abc import Sequence
from typing import Any

from zoo.extend import Column, Group, Trace, Value


class Output:
    """Sizes of the tensor that leaves a group; a list of such where several do."""

    column = Column(
        "output", "elements per axis", "shape of the output: batch, channels, then the spatial axes", order=0, hide_order=1
    )

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """One cell a group, and the network's own output."""
        return [_sizes(group.outputs) for group in groups], _sizes(trace.outputs)


def _sizes(values: Sequence[Value]) -> Any:
    sizes = [list(value.shape) for value in values]
    return sizes[0] if len(sizes) == 1 else sizes or None


COLUMN = Output()
