"""An even kernel that shifts the map by half a position."""

from collections.abc import Iterator

from zoo.linting._network import CONVOLUTIONS, POOLINGS, Network, kernel, sizes_text, stride
from zoo.linting._rule import Hit, Rule
from zoo.tracing.record import each_axis


def check(network: Network) -> Iterator[Hit]:
    """Windows of even reach that move by one position, over maps larger than themselves."""
    for op in network.of(CONVOLUTIONS | POOLINGS):
        sizes = kernel(op)
        dilation = each_axis(op.attrs.get("dilation", 1), len(sizes))
        source = op.inputs[0].shape[-len(sizes) :] if sizes else ()
        steps = zip(sizes, stride(op), dilation, source, strict=True)
        if any(s == 1 and d * (k - 1) % 2 and d * (k - 1) + 1 < n for k, s, d, n in steps):
            what = f"kernel {sizes_text(sizes)} with stride 1 shifts the map by half a position"
            yield Hit(op, what, {"kernel": list(sizes)})


RULE = Rule(
    name="even-kernel",
    finds="an even kernel with stride 1, which shifts the map by half a position",
    why="No unit lies in the middle of an even window, so each such layer moves the map by half a position against the image; several "
    "of them add up, and additions of shortcuts no longer fit.",
    source="Wu et al., Convolution with even-sized kernels and symmetric padding, NeurIPS 2019, arXiv 1903.08385, section 3.1",
    remedy="Use an odd kernel, or pad different sides in different channels.",
    check=check,
)
