"""Size: height and width of feature maps, or the number of features."""

from zoo.extend import Column, Group, OfOps, Trace


def shown(trace: Trace, group: Group) -> list[int] | int | None:
    """The spatial axes of maps; the last axis of anything else."""
    shape = group.outputs[0].shape if len(group.outputs) == 1 else ()
    if len(shape) > 2 and len(shape) == len(trace.inputs[0].shape):
        return list(shape[2:])
    return shape[-1] if shape else None


COLUMN = OfOps(
    Column("size", "elements per axis", "height and width of maps, or the number of features", order=1, on_request=True), shown
)
