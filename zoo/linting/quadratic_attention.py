"""Attention between all tokens that costs more than the rest of the network."""

from collections.abc import Iterator

from zoo.extend import Hit, Network, Rule

_HALF = 0.5


def check(network: Network) -> Iterator[Hit]:
    """One hit at the largest attention, if all together take more than half of the multiply-accumulates."""
    ops = list(network.of(frozenset({"scaled_dot_product_attention"})))
    macs = sum(map(network.macs, ops))
    if ops and macs > _HALF * network.total_macs:
        largest = max(ops, key=network.macs)
        tokens, share = largest.inputs[0].shape[-2], macs / network.total_macs
        what = f"attention takes {share:.0%} of all MACs at {tokens:,} tokens; twice the side of the image takes 16 times as many"
        yield Hit(largest, what, {"tokens": tokens, "share": share, "macs": macs})


RULE = Rule(
    name="quadratic-attention",
    finds="attention that takes more than half of all multiply-accumulates at this size of input",
    why="The cost of attention between all tokens grows with the square of their number, and so with the fourth power of the "
    "image's side. Beyond this point it dominates time and memory.",
    source="Vaswani et al., arXiv 1706.03762, table 1; Liu et al. (Swin), arXiv 2103.14030, equations 1 and 2",
    remedy="Use larger patches, attention in windows, or smaller images.",
    check=check,
    level="info",
)
