"""A product of activations that is scaled down only afterwards."""

from collections.abc import Iterator

from zoo.extend import Hit, Network, Op, Rule

_PRODUCTS = frozenset({"matmul", "bmm", "baddbmm", "einsum"})


def check(network: Network) -> Iterator[Hit]:
    """Matrix products of two activations, such as queries and keys, whose only reader is a scaling by less than 1."""
    for op in network.of(_PRODUCTS):
        scaling = network.only_reader(op)
        factor = _factor(scaling) if scaling is not None else 1
        if factor < 1 and all(value.source != "parameter" for value in op.inputs):
            what = f"the product is scaled by {factor:.3g} only afterwards: before, it may exceed the 65,504 of half precision"
            yield Hit(op, what, {"factor": factor})


def _factor(op: Op) -> float:
    """The number by which an op scales its input; 1 for any other op."""
    number = op.attrs.get("other")
    if not isinstance(number, int | float) or number == 0 or op.kind not in {"mul", "div"}:
        return 1
    return abs(number if op.kind == "mul" else 1 / number)


RULE = Rule(
    name="late-scale",
    finds="a product of two activations that is scaled down only afterwards, an overflow hazard in half precision",
    why="Half precision ends at 65,504. A larger product of queries and keys becomes infinite before it is scaled down, and the "
    "softmax after it NaN. Scaled beforehand, the same product stays in range.",
    source="Micikevicius et al., Mixed Precision Training, arXiv 1710.03740, on loss scaling and 65,504",
    remedy="Scale one factor first (q * scale, then q @ k), or use scaled_dot_product_attention or bfloat16.",
    check=check,
    level="off",
    device="tensor-cores",
)
