"""Large dense kernels that stacked small ones replace."""

from collections.abc import Iterator

from zoo.extend import CONVOLUTIONS, Hit, Network, Rule, kernel, sizes, stride

_SMALL = 3


def check(network: Network) -> Iterator[Hit]:
    """Convolutions of stride 1 over all channels with a square kernel of odd size greater than 3."""
    for op in network.of(CONVOLUTIONS):
        window, weight = kernel(op), op.input("weight")
        side = window[0] if window else 0
        dense = op.attrs.get("groups", 1) == 1 and set(window) == {side} and set(stride(op)) == {1}
        if dense and weight is not None and side > _SMALL and side % 2 and len(window) > 1:
            layers = (side - 1) // 2
            reads, makes = weight.shape[1], weight.shape[0]
            stacked = 3 ** len(window) * (reads * makes + (layers - 1) * makes * makes)
            saved = weight.numel - stacked
            if saved > 0:
                what = f"{sizes(window)} has {weight.numel:,} weights; {layers} stacked 3×3 see the same with {stacked:,}"
                yield Hit(op, what, {"kernel": list(window), "stacked": layers, "weights": stacked}, {"params": saved})


RULE = Rule(
    name="large-kernel",
    finds="a dense kernel larger than 3×3 that stacked 3×3 convolutions replace with fewer weights",
    why="Stacked 3×3 convolutions see the same window with fewer weights, and more nonlinearities.",
    source="Simonyan and Zisserman, arXiv 1409.1556, section 2.3",
    remedy="Stack 3×3 convolutions (`zoo compare stacked-3x3`).",
    check=check,
    level="off",
)
