"""Facts that ops of several families share: what is counted for each element, what a backward keeps, shapes that stay."""

from collections.abc import Callable, Sequence
from math import prod

from zoo.ops.rule import Cost, Needs, Saved, Shape, Values, factors
from zoo.record.trace import Op, Value, each_axis

# Costs ----------------------------------------------------------------------------------------------------------------


@factors("elements read")
def per_input(op: Op) -> Values:
    """One operation for each element read."""
    return (prod(op.inputs[0].shape),)


@factors("elements")
def per_output(op: Op) -> Values:
    """One operation for each element written."""
    return (prod(op.outputs[0].shape),)


def each_input(count: int) -> Cost:
    """So many operations for each element read."""
    return Cost(("elements read", "operations each"), lambda op: (prod(op.inputs[0].shape), count))


def each_output(count: int) -> Cost:
    """So many operations for each element written."""
    return Cost(("elements", "operations each"), lambda op: (prod(op.outputs[0].shape), count))


@factors("elements", "biases")
def bias(op: Op) -> Values:
    """One addition for each element written, if there is a bias."""
    return prod(op.outputs[0].shape), "bias" in op.roles


def forward_again(macs: Cost, first: int = 0) -> Callable[[Op, Needs], int]:
    """The gradient of either operand takes the products of the forward once more. The first of the two is input `first`."""
    return lambda op, needed: (macs.count(op) or 0) * sum(needed[first : first + 2])


def required(op: Op, role: str) -> Value:
    """The input of that role, which the op always has."""
    assert role in op.roles, f"{op.kind} without {role}"
    return op.inputs[op.roles.index(role)]


# What a backward keeps ------------------------------------------------------------------------------------------------


def nothing(op: Op, needed: Needs) -> Saved:
    """No value."""
    return (), 0


def first_input(op: Op, needed: Needs) -> Saved:
    """The first input; in place, a copy of it."""
    return ((), op.inputs[0].nbytes) if "inplace" in op.traits else (op.inputs[:1], 0)


def first_output(op: Op, needed: Needs) -> Saved:
    """The result."""
    return op.outputs[:1], 0


def input_or_result(op: Op, needed: Needs) -> Saved:
    """The input; in place, the result."""
    return (op.outputs if "inplace" in op.traits else op.inputs)[:1], 0


def input_and_output(op: Op, needed: Needs) -> Saved:
    """The input and the result."""
    return (op.inputs[0], op.output), 0


def every_input(op: Op, needed: Needs) -> Saved:
    """All inputs."""
    return op.inputs, 0


def other_factor(op: Op, needed: Needs) -> Saved:
    """Of two factors each if the other needs a gradient; the first, in place, as a copy."""
    if len(op.inputs) < 2:  # a number
        return (), 0
    first, second = op.inputs[:2]
    kept = [second] if needed[0] else []
    if not needed[1]:
        return kept, 0
    return (kept, first.nbytes) if "inplace" in op.traits else ([*kept, first], 0)


def further_inputs(op: Op, needed: Needs) -> Saved:
    """All inputs but the first."""
    return op.inputs[1:], 0


def further_outputs(op: Op, needed: Needs) -> Saved:
    """All outputs but the first: indices."""
    return op.outputs[1:], 0


def given(op: Op, *roles: str) -> list[Value]:
    """The inputs of these roles."""
    return [value for value, role in zip(op.inputs, op.roles, strict=True) if role in roles]


# Shapes ---------------------------------------------------------------------------------------------------------------

FLOATING = ("float", "bfloat")


def same(op: Op) -> Shape | None:
    """Elementwise on one floating tensor."""
    x = op.inputs[0]
    return x.shape if len(op.inputs) == 1 and x.dtype.startswith(FLOATING) else None


def spread(one: Sequence[int], other: Sequence[int]) -> Shape | None:
    """The shape of two tensors element by element, aligned at the end, where sizes are equal or one of them is 1; None otherwise.

    >>> spread((8, 1, 6), (7, 1))
    (8, 7, 6)
    """
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    lead = len(longer) - len(shorter)
    sizes = list(longer[:lead])
    for m, n in zip(longer[lead:], shorter, strict=True):
        if m != n and m != 1 and n != 1:
            return None
        sizes.append(n if m == 1 else m)
    return tuple(sizes)


def per_axis(value: Sequence[int] | int, axes: int) -> Sequence[int] | None:
    """One int for each axis, from one int, a list of one, or a list of all; None if there are too many or too few."""
    if isinstance(value, int):
        return (value,) * axes
    if not isinstance(value, tuple | list):
        return None
    return value if len(value) == axes else tuple(value) * axes if len(value) == 1 else None


# Refusals -------------------------------------------------------------------------------------------------------------


def fits(sizes: Sequence[int], kernel: Sequence[int], op: Op) -> bool:
    """Whether a window of `kernel` fits into maps of `sizes`, padding included."""
    attrs, axes = op.attrs, len(kernel)
    if attrs.get("padding") == "same":
        return True
    padding = 0 if attrs.get("padding") == "valid" else attrs.get("padding", 0)
    padding, dilation = each_axis(padding, axes), each_axis(attrs.get("dilation", 1), axes)
    stride = each_axis(attrs.get("stride") or kernel, axes)
    beyond = [s - 1 if attrs.get("ceil_mode") else 0 for s in stride]  # how far a last window may reach
    return all(n + 2 * p + b > d * (k - 1) for n, k, p, d, b in zip(sizes, kernel, padding, dilation, beyond, strict=True))
