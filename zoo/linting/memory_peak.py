"""One layer that alone sets the peak of memory."""

from collections.abc import Iterator

from zoo.extend import Hit, Network, Op, Rule
from zoo.ops.memory import live

_TIMES = 2


def check(network: Network) -> Iterator[Hit]:
    """One hit at the layer of the peak, if no other layer needs half as much memory."""
    bytes_at = dict(zip(map(id, network.trace.ops), live(network.trace), strict=True))
    largest: dict[str, Op] = {}  # of each layer
    for op in sorted(network.ops, key=lambda op: bytes_at[id(op)]):
        largest[network.name(op)] = op
    ranked = sorted(largest.values(), key=lambda op: -bytes_at[id(op)])
    if len(ranked) > 1:
        peak, second = (bytes_at[id(op)] for op in ranked[:2])
        if peak > _TIMES * second:
            what = f"{peak:,} bytes of activations are alive here; no other layer needs more than {second:,}"
            yield Hit(ranked[0], what, {"bytes": peak, "second": second})


RULE = Rule(
    name="memory-peak",
    finds="one layer that needs more than twice the memory of any other",
    why="The peak decides how large a batch or an image fits, and here one layer alone sets it.",
    source="Lin et al. (MCUNetV2), arXiv 2110.15352, section 2",
    remedy="Move the layer after a pooling or stride, compute it in place or in parts, or replace it.",
    check=check,
    level="info",
)
