"""Two linear layers in succession that one would replace at no greater cost."""

from collections.abc import Iterator
from math import prod

from zoo.extend import CONVOLUTIONS, Hit, Network, Op, Rule, each_axis, kernel, stride

_LINEAR = CONVOLUTIONS | {"linear"}


def check(network: Network) -> Iterator[Hit]:
    """Pairs without a nonlinearity between, of which the product has no more weights than both: no bottleneck, no factorisation."""
    for op in network.of(_LINEAR):
        after = network.only_reader(op)
        if after is None or after.kind != op.kind or after.inputs[0].id != op.output.id:
            continue
        first, second = op.input("weight"), after.input("weight")
        if first is None or second is None or {first.source, second.source} != {"parameter"}:
            continue
        merged = _merged(op, after)
        both = first.numel + second.numel
        if merged <= both:
            what = f"the {op.kind} after it follows without a nonlinearity: {both:,} weights compute what {merged:,} can"
            yield Hit(op, what, {"next": network.name(after), "weights": both, "merged": merged}, {"params": both - merged})


def _merged(op: Op, after: Op) -> int:
    """Weights of the one layer that computes the same inside the image: windows add up, groups stay only if both have them."""
    reads, makes = op.inputs[0].shape, after.output.shape
    if op.kind == "linear":
        return reads[-1] * makes[-1]
    one, other = op.attrs.get("groups", 1), after.attrs.get("groups", 1)
    sizes, steps, further = kernel(op), stride(op), kernel(after)
    reach = [each_axis(layer.attrs.get("dilation", 1), len(sizes)) for layer in (op, after)]
    window = prod(
        d * (k - 1) + 1 + s * e * (m - 1) for k, d, s, m, e in zip(sizes, reach[0], steps, further, reach[1], strict=True)
    )
    return reads[1] * makes[1] * window // (one if one == other else 1)


RULE = Rule(
    name="linear-stack",
    finds="a convolution or linear layer on another without a nonlinearity between, which one layer could replace",
    why="The product of two linear maps is one linear map: the second layer adds weights and time, and no function that the first "
    "could not compute.",
    source="Goodfellow et al., Deep Learning (2016), section 6.1",
    remedy="Put a nonlinearity between them, or merge them.",
    check=check,
    level="info",
)
