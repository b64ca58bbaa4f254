"""Windows, or parts of a kernel, that read nothing but padding."""

from collections.abc import Iterator
from math import prod

from zoo.extend import CONVOLUTIONS, Hit, Network, Op, Rule, each_axis, kernel, sizes, stride


def check(network: Network) -> Iterator[Hit]:
    """Convolutions with outputs that see only padding, and those with weights that do in every window."""
    for op in network.of(CONVOLUTIONS):
        if op.attrs.get("padding") in ("same", "valid"):
            continue
        blind, idle = zip(*_each_axis(op), strict=True)
        made, weights = prod(op.output.shape[2:]), prod(kernel(op))
        unseeing = made - prod(n - b for n, b in zip(op.output.shape[2:], blind, strict=True))
        unread = weights - prod(k - i for k, i in zip(kernel(op), idle, strict=True))
        weight = op.input("weight")
        if unseeing:
            what = f"{unseeing:,} of {made:,} units see padding alone (padding {_padding(op)}, kernel {sizes(kernel(op))})"
            yield Hit(op, what, {"units": unseeing, "of": made}, {"macs": network.macs(op) * unseeing // made})
        elif unread and weight is not None:
            what = f"{unread} of {weights} weights of each kernel read padding alone, on a map of {sizes(op.inputs[0].shape[2:])}"
            saves = {"params": weight.numel * unread // weights, "macs": network.macs(op) * unread // weights}
            yield Hit(op, what, {"weights": unread, "of": weights, "map": list(op.inputs[0].shape[2:])}, saves)


def _padding(op: Op) -> str:
    return sizes(each_axis(op.attrs["padding"], len(kernel(op))))


def _each_axis(op: Op) -> Iterator[tuple[int, int]]:
    """Along each axis, how many units and how many places of the kernel meet nothing but padding."""
    sizes = kernel(op)
    padding, dilation = (each_axis(op.attrs.get(key, 0), len(sizes)) for key in ("padding", "dilation"))
    source, target = op.inputs[0].shape[-len(sizes) :], op.output.shape[-len(sizes) :]
    for k, s, p, d, n, m in zip(sizes, stride(op), padding, dilation, source, target, strict=True):
        reads = [[0 <= unit * s - p + place * d < n for place in range(k)] for unit in range(m)]
        yield sum(not any(unit) for unit in reads), sum(not any(place) for place in zip(*reads, strict=True))


RULE = Rule(
    name="unseen-padding",
    finds="units, or weights of a kernel, that meet nothing but padding",
    why="Such positions multiply zeros. A unit that sees only padding returns the bias, whatever the image is. A weight that "
    "meets only padding is never trained: a 3×3 kernel whose dilation exceeds the map is a 1×1 kernel.",
    source="Chen et al., arXiv 1706.05587, figure 4",
    remedy="Use less padding, less dilation, a smaller kernel or a larger image.",
    check=check,
)
