"""Transposed convolutions whose kernel is not a multiple of their stride."""

from collections.abc import Iterator

from zoo.extend import TRANSPOSED, Hit, Network, Rule, kernel, sizes, stride


def check(network: Network) -> Iterator[Hit]:
    """Those whose outputs are summed from unequal numbers of products."""
    for op in network.of(TRANSPOSED):
        window, steps = kernel(op), stride(op)
        uneven = [(k, s) for k, s in zip(window, steps, strict=True) if k % s]
        if uneven:
            k, s = uneven[0]
            what = f"kernel {sizes(window)} with stride {sizes(steps)}: outputs are sums of {k // s} or {k // s + 1} terms an axis"
            yield Hit(op, what, {"kernel": list(window), "stride": list(steps)})


RULE = Rule(
    name="checkerboard",
    finds="a transposed convolution whose kernel is not a multiple of its stride",
    why="Windows overlap unevenly, so that some pixels are sums of more products than others: a checkerboard in the output.",
    source="Odena et al., Deconvolution and Checkerboard Artifacts, Distill 2016, doi 10.23915/distill.00003, section "
    "'Deconvolution & Overlap'",
    remedy="Make the kernel a multiple of the stride (4 with stride 2), or upsample the maps first and convolve after that.",
    check=check,
)
