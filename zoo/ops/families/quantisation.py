"""Between floating-point numbers and whole ones: quantisation, its inverse, both at once (fake quantisation), and its observers."""

from functools import partial

from zoo.ops.facts import each_output, nothing, same
from zoo.ops.rule import OpRule
from zoo.receptive import layout

rounds = partial(OpRule, macs=0, receptive_field=layout.same)
"""A record of ops that scale, shift and round each element."""

RULES = (
    rounds("quantize_per_tensor quantize_per_tensor_dynamic quantize_per_channel", other_flops=each_output(2)),
    rounds("dequantize", other_flops=each_output(2)),
    rounds("fake_quantize_per_tensor_affine fake_quantize_per_channel_affine", shape=same, other_flops=each_output(4), whole=True),
    rounds("_fake_quantize_learnable_per_tensor_affine _fake_quantize_learnable_per_channel_affine", other_flops=each_output(4)),
    OpRule("fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask", macs=0),
    OpRule("_fake_quantize_per_tensor_affine_cachemask_tensor_qparams", macs=0),
    OpRule("fused_moving_avg_obs_fake_quant _fused_moving_avg_obs_fq_helper _choose_qparams_per_tensor", macs=0),
    OpRule("q_scale q_zero_point int_repr", macs=0, other_flops=0, saved=nothing),
)
