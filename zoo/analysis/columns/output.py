"""Output shape of each layer, including the batch dimension."""

from collections.abc import Sequence
from typing import Any

from zoo.extend import Column, Group, Trace, Value


class Output:
    """Return the sizes of the output of a group; a list if there are several outputs."""

    column = Column(
        "output", "elements per axis", "shape of the output: batch, channels, then the spatial axes", order=0, hide_order=1
    )

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return one cell per group, and the output of the network."""
        return [_sizes(group.outputs) for group in groups], _sizes(trace.outputs)


def _sizes(values: Sequence[Value]) -> Any:
    sizes = [list(value.shape) for value in values]
    return sizes[0] if len(sizes) == 1 else sizes or None


COLUMN = Output()
