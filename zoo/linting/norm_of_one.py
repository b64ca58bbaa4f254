"""A normalisation over groups of a single channel, or of a single value."""

from collections.abc import Iterator
from math import prod

from zoo.extend import Hit, Network, Op, Rule


def check(network: Network) -> Iterator[Hit]:
    """Group normalisations with one channel a group, and normalisations whose statistics are of one value."""
    for op in network.of(frozenset({"group_norm", "instance_norm", "layer_norm"})):
        values = _values(op)
        if values == 1:
            what = "the statistics are of one value, so that the result does not depend on the input"
            yield Hit(op, what, {"values": 1})
        elif op.kind == "group_norm" and op.output.shape[1] == op.attrs["num_groups"]:
            what = f"{op.output.shape[1]} channels in as many groups: one channel in each, as in instance normalisation"
            yield Hit(op, what, {"groups": op.attrs["num_groups"], "values": values})


def _values(op: Op) -> int:
    """Over how many values a statistic is taken."""
    shape = op.output.shape
    if op.kind == "layer_norm":
        return prod(op.attrs["normalized_shape"])
    channels = shape[1] // op.attrs["num_groups"] if op.kind == "group_norm" else 1
    return channels * prod(shape[2:])


RULE = Rule(
    name="norm-of-one",
    finds="a group normalisation with one channel in each group, or statistics of a single value",
    why="With one channel per group, group normalisation is instance normalisation, and ignores how channels relate to one "
    "another. With statistics of a single value, the result is the shift alone.",
    source="Wu and He, arXiv 1803.08494, section 3.1, and for the number of groups section 4.1, table 3",
    remedy="Use fewer groups (32, or 16 channels per group), or nn.InstanceNorm2d if that is intended.",
    check=check,
)
