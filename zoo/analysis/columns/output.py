"""Output shape of each layer, including the batch dimension."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from zoo.extend import Column, Group, Line, Place, Trace, Value
from zoo.ops.sizes import lines


class Output:
    """Return the sizes of the output of a group; a list if there are several outputs."""

    column = Column(
        "output", "elements per axis", "shape of the output: batch, channels, then the spatial axes", order=0, hide_order=1
    )

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return one cell per group, and the output of the network."""
        return [_sizes(group.outputs) for group in groups], _sizes(trace.outputs)

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """A line for each axis of what leaves."""
        for i, value in enumerate(place.group.outputs):
            op = place.wiring.maker.get(value.id)
            if op is None:
                yield Line("shape", says="the op returns its input")
                continue
            if place.rows:
                yield Line("shape", says=f"what {place.wiring.row_of(op)} gives")
            which = (i,) if len(place.group.outputs) > 1 else ()
            for line in lines(op, value):
                yield line if line.part is None else replace(line, part=(*which, *line.part))


def _sizes(values: Sequence[Value]) -> Any:
    sizes = [list(value.shape) for value in values]
    return sizes[0] if len(sizes) == 1 else sizes or None


COLUMN = Output()
