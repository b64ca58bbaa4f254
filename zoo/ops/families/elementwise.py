"""Elementwise ops: arithmetic, activations, comparisons. Ops without a record here follow torch's tag "pointwise"."""

from functools import partial

from zoo.ops.facts import (
    FLOATING,
    each_output,
    every_input,
    first_input,
    first_output,
    input_or_result,
    nothing,
    other_factor,
    per_output,
    same,
    spread,
)
from zoo.ops.rule import Needs, OpRule, Saved, Shape
from zoo.receptive import layout
from zoo.record.trace import Op, Value

elementwise = partial(OpRule, macs=0, other_flops=per_output, receptive_field=layout.elementwise)
"""A record of elementwise ops: one operation for each element written, the field of all inputs together."""


def pair(op: Op) -> Shape | None:
    """On a floating tensor and a number, or on two tensors of one type: dimensions are equal, or one of them is 1."""
    x = op.inputs[0]
    if not x.dtype.startswith(FLOATING) or "rounding_mode" in op.attrs:
        return None
    if len(op.inputs) == 1:
        return x.shape if op.roles[0] == "self" and type(op.attrs["other"]) in {int, float, bool} else None
    if len(op.inputs) > 2:
        return None
    other = op.inputs[1]
    if x.dtype != other.dtype:
        return None
    return x.shape if x.shape == other.shape else spread(x.shape, other.shape)


def gelu_shape(op: Op) -> Shape | None:
    """The shape stays."""
    return same(op) if op.attrs["approximate"] in {"none", "tanh"} else None


def power_shape(op: Op) -> Shape | None:
    """The shape stays, where the exponent is a number."""
    return same(op) if op.roles == ("self",) and type(op.attrs["exponent"]) in {int, float, bool} else None


def clamp_shape(op: Op) -> Shape | None:
    """The shape stays, with one bound at least."""
    return same(op) if (op.attrs.get("min"), op.attrs.get("max")) != (None, None) else None


# What a backward keeps ------------------------------------------------------------------------------------------------


def saved_by_quotient(op: Op, needed: Needs) -> Saved:
    """The divisor; the dividend, in place as a copy, if the divisor needs a gradient. Nothing if that is a number."""
    if len(op.inputs) < 2:
        return (), 0
    first, second = op.inputs[:2]
    if not needed[1]:
        return (second,), 0
    return ((second,), first.nbytes) if "inplace" in op.traits else ((second, first), 0)


def saved_by_power(op: Op, needed: Needs) -> Saved:
    """By a number only the base; else all, and the result."""
    return first_input(op, needed) if op.roles == ("self",) else ((*op.inputs, op.output), 0)


def saved_by_log_sigmoid(op: Op, needed: Needs) -> Saved:
    """The input, and a buffer as large, as on the CPU."""
    return op.inputs[:1], op.inputs[0].nbytes


def saved_masks(op: Op, needed: Needs) -> Saved:
    """The mask."""
    return [value for value in op.inputs if value.dtype == "bool"], 0


def masked_shape(op: Op) -> Shape | None:
    """The shape stays; the mask spreads over the tensor."""
    if op.roles != ("self", "mask") or isinstance(op.attrs["value"], complex | str):
        return None
    x, mask = op.inputs
    return x.shape if mask.dtype == "bool" and x.dtype.startswith(FLOATING) and _spreads(mask, x) else None


def _spreads(small: Value, big: Value) -> bool:
    return len(small.shape) <= len(big.shape) and spread(small.shape, big.shape) == big.shape


RULES = (
    elementwise("add sub", shape=pair, saved=nothing),
    elementwise("mul", shape=pair, saved=other_factor),
    elementwise("div", shape=pair, saved=saved_by_quotient),
    elementwise("rsub neg sign round floor ceil trunc", saved=nothing),
    elementwise("pow", shape=power_shape, saved=saved_by_power),
    elementwise("square", shape=same, saved=first_input, whole=True),
    elementwise("abs log log2 log10 log1p sin cos erf atan cosh sinh", saved=first_input),
    elementwise("exp sqrt rsqrt reciprocal", saved=first_output),
    elementwise("maximum minimum atan2", saved=every_input),
    elementwise("relu sigmoid tanh", shape=same, saved=first_output),
    elementwise("silu hardsigmoid hardswish", shape=same, saved=first_input),
    elementwise("gelu", shape=gelu_shape, saved=first_input),
    elementwise("clamp clamp_min clamp_max", shape=clamp_shape, saved=first_input),
    elementwise("relu6 hardtanh", shape=same, saved=first_input, whole=True),
    elementwise("softplus mish threshold", saved=first_input),
    elementwise("elu celu leaky_relu", saved=input_or_result),
    elementwise("selu", saved=input_or_result, whole=True),
    elementwise("prelu", saved=every_input, whole=True),
    OpRule("glu", macs=0, other_flops=each_output(2), receptive_field=layout.glu, saved=first_input),
    OpRule("log_sigmoid_forward", macs=0, other_flops=per_output, saved=saved_by_log_sigmoid),
    OpRule("rrelu rrelu_with_noise poisson floor_divide", macs=0, other_flops=per_output),
    OpRule("addr", macs=0, other_flops=each_output(2)),
    OpRule("linalg_cross", macs=0, other_flops=each_output(3)),
    OpRule("polar", macs=0, other_flops=each_output(4)),
    OpRule("masked_fill", shape=masked_shape, macs=0, other_flops=0, receptive_field=layout.elementwise, saved=saved_masks),
    OpRule("where", macs=0, other_flops=0, receptive_field=layout.elementwise, saved=saved_masks),
)
