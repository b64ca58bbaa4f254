"""Between floating-point numbers and whole ones: quantisation, its inverse, both at once (fake quantisation), and its observers."""

from collections.abc import Sequence
from functools import partial

from zoo.ops.facts import bias, each_input, each_output, nothing, per_output, same, spread
from zoo.ops.families import convolution, products, recurrent
from zoo.ops.rule import OpRule, Shape
from zoo.receptive import layout, sliding, sums
from zoo.record.trace import Op

rounds = partial(OpRule, macs=0, receptive_field=layout.same)
"""A record of ops that scale, shift and round each element."""

# Layers with packed weights: `tracing/packed.py` puts weight and bias among the inputs, and strides among the arguments. Weights
# are of another type than what they meet.


def linear_shape(op: Op) -> Shape:
    """The last dimension becomes the number of output features."""
    weight = op.input("weight")
    return (*op.inputs[0].shape[:-1], weight.shape[0] if weight else op.inputs[0].shape[-1])


def conv_shape(op: Op) -> Shape | None:
    """As that of a convolution on one type."""
    x = op.inputs[0]
    return convolution.shape(op._replace(inputs=(x, op.inputs[1]._replace(dtype=x.dtype)))) if len(op.inputs) > 1 else None


def lstm_shape(op: Op) -> Sequence[Shape]:
    """Outputs and last states."""
    x, states = op.inputs[0], [value for value, role in zip(op.inputs, op.roles, strict=True) if role == "hx"]
    features = states[0].shape[-1] * (2 if op.attrs["bidirectional"] else 1)
    return [(*x.shape[:-1], features), *(state.shape for state in states)]


def joined_shape(op: Op) -> Shape | None:
    """Elementwise on one tensor or two."""
    return spread(op.inputs[0].shape, op.inputs[-1].shape)


def side_by_side(op: Op) -> Shape:
    """Sizes along the dimension add up."""
    first = list(op.inputs[0].shape)
    dim = op.attrs["dim"] % len(first)
    first[dim] = sum(value.shape[dim] for value in op.inputs)
    return tuple(first)


def _packed(names: str, suffixes: str) -> str:
    return " ".join(f"quantized::{name}{suffix}" for name in names.split() for suffix in ["", *suffixes.split()])


elementwise = partial(
    OpRule, macs=0, other_flops=per_output, receptive_field=layout.elementwise, shape=joined_shape, any_layout=True
)

RULES = (
    OpRule(
        _packed("linear", "_relu _leaky_relu _tanh _dynamic _relu_dynamic _dynamic_fp16 _relu_dynamic_fp16"),
        shape=linear_shape,
        macs=products.linear,
        other_flops=bias,
        receptive_field=sums.linear,
        layers=1,
        any_layout=True,
    ),
    OpRule(
        _packed("conv1d conv2d conv3d", "_relu _add _add_relu _dynamic"),
        shape=conv_shape,
        macs=convolution.conv,
        other_flops=bias,
        receptive_field=sliding.conv,
        layers=1,
        any_layout=True,
        window=convolution.sliding_window,
    ),
    OpRule(
        "quantized_lstm quantized_gru",
        shape=lstm_shape,
        macs=recurrent.macs,
        other_flops=recurrent.other_flops,
        layers=recurrent.layers,
        any_layout=True,
    ),
    elementwise(_packed("add mul", "_relu _scalar _scalar_relu")),
    elementwise(_packed("hardswish leaky_relu relu6 elu celu sigmoid prelu dropout", "")),
    OpRule(
        "quantized::cat quantized::cat_relu", macs=0, other_flops=0, receptive_field=layout.cat, shape=side_by_side, any_layout=True
    ),
    elementwise("quantized::batch_norm1d quantized::batch_norm2d quantized::batch_norm3d quantized::batch_norm2d_relu", shape=same),
    rounds("quantize_per_tensor quantize_per_tensor_dynamic quantize_per_channel", other_flops=each_output(2)),
    rounds("dequantize", other_flops=each_output(2)),
    rounds("fake_quantize_per_tensor_affine fake_quantize_per_channel_affine", shape=same, other_flops=each_output(4), whole=True),
    rounds("_fake_quantize_learnable_per_tensor_affine _fake_quantize_learnable_per_channel_affine", other_flops=each_output(4)),
    OpRule(
        "fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask", macs=0, other_flops=each_input(4)
    ),
    OpRule("_fake_quantize_per_tensor_affine_cachemask_tensor_qparams", macs=0, other_flops=each_input(4)),
    OpRule("_choose_qparams_per_tensor", macs=0, other_flops=each_input(2)),  # the least and the largest
    OpRule("fused_moving_avg_obs_fake_quant _fused_moving_avg_obs_fq_helper", macs=0, other_flops=each_input(6)),  # and both above
    OpRule("q_scale q_zero_point int_repr", macs=0, other_flops=0, saved=nothing),
)
