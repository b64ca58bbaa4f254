"""Weight: the shape of the weight tensor: maps out, maps in of a group, then the window."""

from zoo.extend import Column, Group, OfOps, Trace, weighted


def shown(trace: Trace, group: Group) -> list[int] | None:
    """The shape of the only weight in the row."""
    op = weighted(group.ops)
    weight = None if op is None else op.input("weight")
    return None if weight is None else list(weight.shape)


COLUMN = OfOps(
    Column("weight", "elements per axis", "shape of the weight: maps out, maps in, window", order=9, on_request=True), shown
)
