"""What one op costs: the rules behind `macs` and `flops`. The conventions in words: docs/conventions.md.

Every kind of op is in one of these, or it is reported as unknown: `MACS` (multiply-accumulates, and further operations in `FLOPS`),
`FLOPS` alone, elementwise or a reduction by torch's own tag, or `FREE` (nothing is computed, only moved, made or looked up).
"""

from collections.abc import Callable
from math import log2, prod

from zoo.ops.count import Count
from zoo.tracing.record import UNUSED, WRITE, Op, Value

Rule = Callable[[Op], int]


def _required(op: Op, role: str) -> Value:
    value = op.input(role)
    assert value is not None, f"{op.kind} without {role}"
    return value


# Multiply-accumulates: every use of a weight, at padded positions too, batch included.


def conv_macs(op: Op) -> int:
    """Each output position uses every weight once: N·prod(out)·C_out·(C_in/groups)·prod(kernel)."""
    weight = _required(op, "weight")
    return op.output.numel // max(weight.shape[0], 1) * weight.numel


def conv_transpose_macs(op: Op) -> int:
    """Each input position uses every weight of its channel once: N·prod(in)·C_in·(C_out/groups)·prod(kernel)."""
    weight = _required(op, "weight")
    return op.inputs[0].numel // max(weight.shape[0], 1) * weight.numel


def convolution_macs(op: Op) -> int:
    """`torch.convolution`, either way."""
    return conv_transpose_macs(op) if op.attrs["transposed"] else conv_macs(op)


def conv_tbc_macs(op: Op) -> int:
    """As `conv_macs`, on sequences laid out as steps × batch × channels; the weight is kernel × in × out."""
    weight = _required(op, "weight")
    return op.output.numel // max(weight.shape[-1], 1) * weight.numel


def linear_macs(op: Op) -> int:
    """Rows times input features times output features."""
    return op.output.numel * _required(op, "weight").shape[-1]


def matmul_macs(op: Op) -> int:
    """Elements of the product times the length of the contracted dimension."""
    return op.output.numel * op.inputs[0].shape[-1]


def added_matmul_macs(op: Op) -> int:
    """As `matmul_macs`, behind the tensor that is added; `addbmm` also sums over the batch."""
    return op.inputs[1].numel * op.inputs[2].shape[-1] if len(op.inputs[2].shape) > 1 else op.inputs[1].numel


def bilinear_macs(op: Op) -> int:
    """x1ᵀ W x2 for each output feature: (W x2) first, then the dot product with x1."""
    features, first, second = _required(op, "weight").shape
    return op.output.numel // max(features, 1) * features * (first * second + first)


def affine_grid_macs(op: Op) -> int:
    """A matrix of 2×3 (or 3×4) times a point with a one behind it, for each point of the grid."""
    return op.output.numel * (op.output.shape[-1] + 1)


def attention_macs(op: Op) -> int:
    """Queries with keys, then weights with values: N·heads·L·S·(E + E_v)."""
    query, _, value = op.inputs[:3]
    return attended_pairs(op) * (query.shape[-1] + value.shape[-1])


def attended_pairs(op: Op) -> int:
    """Pairs of a query and a key, over all heads and images: N·heads·L·S. Whichever of them is one for all, the output has all."""
    return prod(op.output.shape[:-1]) * op.inputs[1].shape[-2]


def recurrent_macs(op: Op) -> int:
    """Each step of each sequence uses every matrix once; biases are vectors."""
    steps = op.inputs[0].numel // max(op.inputs[0].shape[-1], 1)
    weights = [v for v, role in zip(op.inputs, op.roles, strict=True) if role in {"params", "w_ih", "w_hh"}]
    return steps * sum(weight.numel for weight in weights if len(weight.shape) == 2)


MACS: dict[str, Rule] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "torchvision::deform_conv2d"), conv_macs),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), conv_transpose_macs),
    "convolution": convolution_macs,
    "conv_tbc": conv_tbc_macs,
    "linear": linear_macs,
    **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot", "vdot"), matmul_macs),
    **dict.fromkeys(("addmm", "baddbmm", "addbmm", "addmv"), added_matmul_macs),
    "bilinear": bilinear_macs,
    "affine_grid_generator": affine_grid_macs,
    "scaled_dot_product_attention": attention_macs,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), recurrent_macs),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), recurrent_macs),
}


# Further operations, on top of two for each multiply-accumulate.


def bias_flops(op: Op) -> int:
    """One addition per output element where there is a bias."""
    return op.output.numel if op.input("bias") is not None else 0


def attention_flops(op: Op) -> int:
    """Scaling, and the softmax at 5 per score; a mask is one more addition."""
    return attended_pairs(op) * (6 + (op.input("attn_mask") is not None))


def recurrent_flops(op: Op) -> int:
    """Per step and hidden unit: biases, sum and activation of each gate (4 each, 3 without biases), then the update of the state:
    5 in an LSTM, 4 in a GRU, none in a plain RNN.
    """
    gates, update = {"lstm": (4, 5), "gru": (3, 4)}.get(op.kind.partition("_")[0], (1, 0))
    steps = op.inputs[0].numel // max(op.inputs[0].shape[-1], 1)
    states = [v for v, role in zip(op.inputs, op.roles, strict=True) if role == "hx"]
    layers = op.attrs.get("num_layers", 1) * (2 if op.attrs.get("bidirectional") else 1)
    biased = any(len(v.shape) == 1 for v, role in zip(op.inputs, op.roles, strict=True) if role in {"params", "b_ih"})
    return int(steps * layers * states[-1].shape[-1] * (gates * (4 if biased else 2) + update))


def batch_norm_flops(op: Op) -> int:
    """2 in evaluation mode (scale and shift); 7 in training (mean 1, deviation 1, variance 2, scale 1, weight and bias 2)."""
    training = op.attrs.get("training", op.attrs.get("use_input_stats", False))
    return op.inputs[0].numel * (7 if training else 2)


def norm_flops(op: Op) -> int:
    """Statistics are computed on the way: 5 (mean 1, deviation 1, variance 2, scale 1), and 2 for weight and bias."""
    return op.inputs[0].numel * (7 if op.input("weight") is not None else 5)


def rms_norm_flops(op: Op) -> int:
    """Square 1, mean 1, scale 1, and the weight."""
    return op.inputs[0].numel * (4 if op.input("weight") is not None else 3)


def _window(op: Op) -> int:
    kernel, axes = op.attrs["kernel_size"], int(next(c for c in op.kind if c.isdigit()))
    kernel = (kernel,) if isinstance(kernel, int) else kernel
    return prod(kernel * axes if len(kernel) == 1 else kernel)


def max_pool_flops(op: Op) -> int:
    """Comparisons: one less than the window holds."""
    return op.output.numel * (_window(op) - 1)


def avg_pool_flops(op: Op) -> int:
    """One less additions than the window holds, and a division."""
    return op.output.numel * _window(op)


def _adaptive_elements(op: Op) -> int:
    """Elements in all windows together: the window of output i along an axis of n is [floor(i·n/o), ceil((i + 1)·n/o))."""
    axes = int(next(c for c in op.kind if c.isdigit()))
    sizes = zip(op.inputs[0].shape[-axes:], op.output.shape[-axes:], strict=True)
    windows = prod(sum(-(-(i + 1) * n // o) - i * n // o for i in range(o)) for n, o in sizes)
    return prod(op.output.shape[:-axes]) * windows


def adaptive_avg_pool_flops(op: Op) -> int:
    """As `avg_pool_flops`, over windows of unequal size."""
    return _adaptive_elements(op)


def adaptive_max_pool_flops(op: Op) -> int:
    """As `max_pool_flops`, over windows of unequal size."""
    return _adaptive_elements(op) - op.output.numel


def each_input(times: int) -> Rule:
    """So many per element read."""
    return lambda op: op.inputs[0].numel * times


def each_output(times: int) -> Rule:
    """So many per element written."""
    return lambda op: op.output.numel * times


def distance_flops(op: Op) -> int:
    """Subtract, square and add per pair and coordinate."""
    return 3 * op.output.numel * op.inputs[0].shape[-1]


def embedding_bag_flops(op: Op) -> int:
    """Sum, mean or maximum over the rows looked up, 1 per element read; 1 more with weights for them."""
    table, indices = op.inputs[:2]
    return indices.numel * table.shape[-1] * (2 if op.input("per_sample_weights") is not None else 1)


def grid_sample_flops(op: Op) -> int:
    """As the interpolation of that mode: bilinear 7, in three dimensions 15, bicubic 35, nearest none."""
    linear = 15 if len(op.inputs[0].shape) == 5 else 7
    return op.output.numel * {0: linear, 1: 0, 2: 35}[op.attrs["interpolation_mode"]]


def fourier_flops(op: Op) -> int:
    """5·n·log2(n) for a transform of n complex points, half of it if one side is real: the figure by which transforms are rated."""
    whole = op.output if op.kind == "_fft_c2r" else op.inputs[0]
    points = prod(whole.shape[axis] for axis in op.attrs["dim"])
    return round((5 if op.kind == "_fft_c2c" else 2.5) * whole.numel * log2(points))


def summed_in_flops(op: Op) -> int:
    """An addition for each element that is added in; none where elements are only put."""
    source = op.input("values") if op.kind == "index_put" else op.input("src") or op.input("source")
    return source.numel if source is not None and op.attrs.get("accumulate", True) else 0


def roi_align_flops(op: Op) -> int | Count:
    """Bilinear samples (7 each) and their mean; unknown if their number follows from the boxes' values."""
    samples = op.attrs["sampling_ratio"] ** 2
    return op.output.numel * 8 * samples if op.attrs["sampling_ratio"] > 0 else Count(0, {op.kind: 1})


FLOPS: dict[str, Callable[[Op], int | Count]] = {
    **dict.fromkeys((kind for kind in MACS if "conv" in kind or kind in {"linear", "bilinear"}), bias_flops),
    **dict.fromkeys(("addmm", "baddbmm", "addbmm", "addmv"), each_output(1)),
    **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot", "vdot"), each_output(0)),
    "scaled_dot_product_attention": attention_flops,
    **dict.fromkeys((kind for kind in MACS if kind.startswith(("lstm", "gru", "rnn"))), recurrent_flops),
    "batch_norm": batch_norm_flops,
    **dict.fromkeys(("layer_norm", "group_norm", "instance_norm", "native_group_norm", "native_layer_norm"), norm_flops),
    "rms_norm": rms_norm_flops,
    **dict.fromkeys(("softmax", "log_softmax", "_softmax", "_log_softmax"), each_input(5)),
    **dict.fromkeys(
        ("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices"), max_pool_flops
    ),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), avg_pool_flops),
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"), adaptive_avg_pool_flops),
    **dict.fromkeys(("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"), adaptive_max_pool_flops),
    **dict.fromkeys(
        (
            "sum",
            "mean",
            "amax",
            "amin",
            "max",
            "min",
            "prod",
            "any",
            "all",
            "argmax",
            "argmin",
            "cumsum",
            "cumprod",
            "col2im",
            "unfold_backward",
        ),
        each_input(1),
    ),
    **dict.fromkeys(("var", "std", "var_mean", "std_mean"), each_input(4)),
    **dict.fromkeys(("linalg_vector_norm", "norm", "logsumexp"), each_input(2)),
    "_weight_norm_interface": each_input(3),
    "affine_grid_generator": each_output(0),
    **dict.fromkeys(("cdist", "_cdist_forward", "_pdist_forward"), distance_flops),
    **dict.fromkeys(("_embedding_bag", "_embedding_bag_forward_only"), embedding_bag_flops),
    **dict.fromkeys(("_fft_r2c", "_fft_c2r", "_fft_c2c"), fourier_flops),
    **dict.fromkeys(("torchvision::roi_align", "torchvision::ps_roi_align"), roi_align_flops),
    **dict.fromkeys(("index_put", "index_add", "scatter_add", "scatter_reduce"), summed_in_flops),
    "addr": each_output(2),
    "linalg_cross": each_output(3),
    "polar": each_output(4),
    "upsample_linear1d": each_output(3),
    "upsample_bilinear2d": each_output(7),
    "upsample_trilinear3d": each_output(15),
    "upsample_bicubic2d": each_output(35),
    "grid_sampler": grid_sample_flops,
    "glu": each_output(2),
    "rrelu": each_output(1),
    "dropout": lambda op: op.output.numel if op.attrs.get("train") else 0,
    "feature_dropout": lambda op: op.output.numel if op.attrs.get("train") else 0,
    "alpha_dropout": lambda op: 2 * op.output.numel if op.attrs.get("train") else 0,
    **dict.fromkeys(
        ("relu6", "selu", "hardtanh", "prelu", "hardswish", "log_sigmoid_forward", "floor_divide", "square"), each_output(1)
    ),
}

_MOVED = """
    flatten reshape contiguous to _to_copy clone copy detach alias lift_fresh cat stack chunk split tensor_split split_with_sizes
    unbind take put masked_scatter rot90 block_diag index_copy max_unpool2d max_unpool3d
    pad constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d
    replication_pad3d index index_select gather scatter embedding roll flip repeat repeat_interleave pixel_shuffle
    pixel_unshuffle channel_shuffle upsample_nearest1d upsample_nearest2d upsample_nearest3d view_as_real view_as_complex
    _unsafe_view tril triu where masked_fill im2col unfold select_scatter slice_scatter _pack_padded_sequence index_fill
    _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d
    _pad_packed_sequence _unsafe_index squeeze unsqueeze transpose t swapaxes resize resize_as as_strided set complex
"""
_MADE = """
    empty zeros ones full arange linspace empty_like zeros_like ones_like full_like new_zeros new_ones new_full new_empty eye
    _efficientzerotensor scalar_tensor fill zero rand randn randint rand_like randn_like bernoulli normal uniform randperm
    exponential geometric cauchy log_normal random hann_window hamming_window blackman_window bartlett_window kaiser_window
    empty_strided
"""
_CHECKED = """
    _assert_async _assert_scalar _assert_tensor_metadata _linalg_check_errors _local_scalar_dense is_same_size
    _has_same_storage_numel profiler::_record_function_enter_new profiler::_record_function_exit
    torchvision::_cuda_version
"""
FREE = frozenset([*_MOVED.split(), *_MADE.split(), *_CHECKED.split(), UNUSED, WRITE])

WITHOUT_MACS = frozenset(
    """
    nonzero _unique2 unique_dim unique_consecutive
    sort argsort topk kthvalue median mode cummax cummin multinomial searchsorted bucketize embedding_renorm
    _upsample_bicubic2d_aa _upsample_bilinear2d_aa torchvision::roi_pool torchvision::ps_roi_pool torchvision::nms
    fractional_max_pool2d fractional_max_pool3d index_reduce renorm dist
    nll_loss_forward nll_loss2d_forward nll_loss_nd mse_loss l1_loss smooth_l1_loss huber_loss soft_margin_loss
    binary_cross_entropy binary_cross_entropy_with_logits multi_margin_loss multilabel_margin_loss_forward _ctc_loss
    """.split()
)
"""Ops that certainly do not multiply and accumulate, but whose other operations depend on the algorithm or on the values."""


def _computes_nothing(op: Op) -> bool:
    return op.kind in FREE or "view" in op.traits or ("alias" in op.traits and op.kind not in FLOPS)


def macs(op: Op) -> int | Count:
    """Multiply-accumulates of one op, or one unknown."""
    if op.kind in MACS:
        return MACS[op.kind](op)
    if op.kind in FLOPS or op.kind in WITHOUT_MACS or not op.traits.isdisjoint({"pointwise", "reduction"}) or _computes_nothing(op):
        return 0
    return Count(0, {op.kind: 1})


def flops(op: Op) -> int | Count:
    """Floating-point operations of one op: 2 for each multiply-accumulate, and all others by the rules above; or one unknown."""
    if op.kind in FLOPS:
        return FLOPS[op.kind](op) + (2 * MACS[op.kind](op) if op.kind in MACS else 0)
    if _computes_nothing(op):
        return 0
    if "pointwise" in op.traits:
        return op.output.numel
    if "reduction" in op.traits:
        return op.inputs[0].numel
    return Count(0, {op.kind: 1})
