"""Groups: into how many parts the channels of a convolution are divided."""

from zoo.extend import Column, Group, OfOps, Trace, weighted


def shown(trace: Trace, group: Group) -> int | None:
    """The groups of the row's convolution."""
    op = weighted(group.ops)
    return None if op is None else op.attrs.get("groups")


COLUMN = OfOps(Column("groups", "groups", "parts into which a convolution divides the channels", order=6, on_request=True), shown)
