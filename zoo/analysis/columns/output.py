"""Output shape of each layer, including the batch dimension."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from zoo.extend import Column, Group, Line, Op, Place, Trace, Value, each_axis
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
            padded = _padded_before(place, op)
            for line in lines(op, value):
                told = replace(line, sources={**line.sources, **padded}) if "n" in line.sources else line
                yield told if told.part is None else replace(told, part=(*which, *told.part))


def _padded_before(place: Place, op: Op) -> dict[str, str]:
    """Where n and p come from if the row pads its input before it slides a window over it, as same does with an odd padding."""
    maker = place.wiring.maker.get(op.inputs[0].id) if op.inputs else None
    if maker is None or maker.call != op.call or maker.kind not in {"pad", "constant_pad_nd"}:
        return {}
    given, padding = maker.inputs[0].shape, tuple(maker.attrs["pad"])
    sides = [f"{padding[i]} + {n} + {padding[i + 1]}" for n, i in zip(reversed(given), range(0, len(padding), 2), strict=False)]
    said = " and ".join(dict.fromkeys(reversed(sides)))
    same = (
        ", same"
        if op.output.shape[2:]
        == tuple(-(-n // s) for n, s in zip(given[2:], each_axis(op.attrs.get("stride", 1), len(given) - 2), strict=True))
        else ""
    )
    return {"n": f"the input, padded first: {said}{same}", "p": "none besides"}


def _sizes(values: Sequence[Value]) -> Any:
    sizes = [list(value.shape) for value in values]
    return sizes[0] if len(sizes) == 1 else sizes or None


COLUMN = Output()
