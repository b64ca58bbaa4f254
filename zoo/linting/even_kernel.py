"""An even kernel that shifts the map by half a position."""

from collections.abc import Iterator

from zoo.extend import CONVOLUTIONS, POOLINGS, Hit, Network, Rule, each_axis, kernel, sizes, stride


def check(network: Network) -> Iterator[Hit]:
    """Windows of even reach that move by one position, over maps larger than themselves."""
    for op in network.of(CONVOLUTIONS | POOLINGS):
        window = kernel(op)
        dilation = each_axis(op.attrs.get("dilation", 1), len(window))
        source = op.inputs[0].shape[-len(window) :] if window else ()
        steps = zip(window, stride(op), dilation, source, strict=True)
        if any(s == 1 and d * (k - 1) % 2 and d * (k - 1) + 1 < n for k, s, d, n in steps):
            what = f"kernel {sizes(window)} with stride 1 shifts the map by half a position"
            yield Hit(op, what, {"kernel": list(window)})


RULE = Rule(
    name="even-kernel",
    finds="an even kernel with stride 1, which shifts the map by half a position",
    why="An even window has no middle, so each such layer shifts the map by half a position against the image. The shifts of "
    "several layers add up, and shortcuts are added out of place.",
    source="Wu et al., Convolution with even-sized kernels and symmetric padding, NeurIPS 2019, arXiv 1903.08385, section 3.1",
    remedy="Use an odd kernel, or pad different sides in different channels.",
    check=check,
)
