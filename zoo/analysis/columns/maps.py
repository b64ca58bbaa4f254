"""Maps: the number of channels of feature maps."""

from zoo.extend import Column, Group, OfOps, Trace


def shown(trace: Trace, group: Group) -> int | None:
    """The channels of what leaves, if these are maps: batch, channels and at least one spatial axis."""
    shape = group.outputs[0].shape if len(group.outputs) == 1 else ()
    return shape[1] if len(shape) > 2 and len(shape) == len(trace.inputs[0].shape) else None


COLUMN = OfOps(Column("maps", "channels", "number of feature maps", order=0, on_request=True), shown)
