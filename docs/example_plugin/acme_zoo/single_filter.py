"""Convolutions of a single filter."""

from collections.abc import Iterator

from zoo.extend import CONVOLUTIONS, Hit, Network, Rule


def check(network: Network) -> Iterator[Hit]:
    """Convolutions that make one map, unless it is what the network returns."""
    for op in network.of(CONVOLUTIONS):
        if op.output.shape[1] == 1 and network.readers(op):
            yield Hit(op, f"one map of {op.output.numel:,} elements", {"elements": op.output.numel})


RULE = Rule(
    name="single-filter",
    finds="a convolution of a single filter",
    why="Later layers see one number for each position.",
    source="A. Author, A paper (2020), section 2",
    remedy="Use more filters.",
    check=check,
)
