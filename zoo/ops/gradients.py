"""What a backward needs: which values have a gradient, what autograd keeps for it, and how it multiplies.

The rules of `KEEPS` and `PRODUCTS` are torch's derivatives (tools/autograd/derivatives.yaml), held to account by experiment.
"""

from collections.abc import Callable, Iterator, Sequence
from math import prod

from zoo.ops.arithmetic import MACS, attended_pairs, macs
from zoo.ops.count import Count
from zoo.ops.memory import OWN, idle, storages
from zoo.tracing.record import WRITE, Op, Trace, Value, bytes_each, each_axis

Needs = Sequence[bool]
"""For each input of an op, whether the backward needs a gradient of it."""


def needs(trace: Trace) -> Iterator[Needs]:
    """For each op which of its inputs need a gradient: trainable parameters, and all that is computed from them.

    The network's inputs need none, unless they were given as tensors that require one. Where forward switches gradients off
    (`torch.no_grad()`), this does not notice.
    """
    have = {value.id: value.source == "variable" for value in trace.inputs}
    for op in trace.ops:
        owned = list(op.owns)
        for value in op.inputs:
            if value.id not in have and value.source in {"parameter", "buffer"} and owned:
                have[value.id] = owned.pop(0).trainable
        needed = tuple(have.get(value.id, False) for value in op.inputs)
        yield needed
        flows = any(needed) and op.kind not in _CUT
        have.update((value.id, flows and value.dtype.startswith(_FLOATING)) for value in op.outputs)


_FLOATING = ("float", "bfloat", "complex")
_CUT = frozenset(
    """
    detach zeros_like ones_like full_like empty_like rand_like randn_like new_zeros new_ones new_full new_empty fill zero bernoulli
    normal uniform
    """.split()
)


# What is kept ---------------------------------------------------------------------------------------------------------

Keeps = tuple[Sequence[Value], int]
"""Values whose storage is kept, and bytes of what the op makes for itself (a mask, indices, statistics)."""
Keep = Callable[[Op, Needs], Keeps]


def _nothing(op: Op, needed: Needs) -> Keeps:
    return (), 0


def _input(op: Op, needed: Needs) -> Keeps:
    """What it reads first; in place, a copy of that."""
    return ((), op.inputs[0].nbytes) if "inplace" in op.traits else (op.inputs[:1], 0)


def _output(op: Op, needed: Needs) -> Keeps:
    return op.outputs[:1], 0


def _input_or_result(op: Op, needed: Needs) -> Keeps:
    return (op.outputs if "inplace" in op.traits else op.inputs)[:1], 0


def _input_and_output(op: Op, needed: Needs) -> Keeps:
    return (op.inputs[0], op.output), 0


def _inputs(op: Op, needed: Needs) -> Keeps:
    return op.inputs, 0


def _others(op: Op, needed: Needs) -> Keeps:
    """Of two factors each if the other needs a gradient; the first, in place, as a copy."""
    if len(op.inputs) < 2:  # a number
        return (), 0
    first, second = op.inputs[:2]
    kept = [second] if needed[0] else []
    if not needed[1]:
        return kept, 0
    return (kept, first.nbytes) if "inplace" in op.traits else ([*kept, first], 0)


def _quotient(op: Op, needed: Needs) -> Keeps:
    if len(op.inputs) < 2:
        return (), 0
    first, second = op.inputs[:2]
    if not needed[1]:
        return (second,), 0
    return ((second,), first.nbytes) if "inplace" in op.traits else ((second, first), 0)


def _added_product(op: Op, needed: Needs) -> Keeps:
    return [op.inputs[2]] * needed[1] + [op.inputs[1]] * needed[2], 0


def _linear(op: Op, needed: Needs) -> Keeps:
    return [op.inputs[0]] * needed[1] + [op.inputs[1]] * needed[0], 0


def _pooled(op: Op, needed: Needs) -> Keeps:
    """The input, and an index of eight bytes for each output."""
    indices = op.outputs[1:]
    return (op.inputs[0], *indices), 0 if indices else 8 * op.output.numel


def _averaged(op: Op, needed: Needs) -> Keeps:
    """The input, unless the average is one over everything, which torch takes as a mean."""
    axes = int(next(c for c in op.kind if c.isdigit()))
    return ((), 0) if prod(op.output.shape[-axes:]) == 1 else (op.inputs[:1], 0)


def _picked(op: Op, needed: Needs) -> Keeps:
    return op.inputs[1:], 0


def _indices(op: Op, needed: Needs) -> Keeps:
    return op.outputs[1:], 0


def _masked(op: Op, needed: Needs) -> Keeps:
    return [value for value in op.inputs if value.dtype == "bool"], 0


def _dropout(op: Op, needed: Needs) -> Keeps:
    """A mask of the input's type, as on the CPU; for whole channels one element each."""
    if idle(op):
        return (), 0
    x = op.inputs[0]
    return (), x.nbytes // max(prod(x.shape[2:]), 1) if op.kind.startswith("feature") else x.nbytes


def _convolution(op: Op, needed: Needs) -> Keeps:
    """Input and weight; where padding "same" is uneven, a padded copy of the input."""
    x, weight = op.inputs[:2]
    uneven = [0] * len(x.shape)
    if op.attrs.get("padding") == "same":
        dilation = each_axis(op.attrs.get("dilation", 1), len(weight.shape) - 2)
        uneven = [0, 0, *(d * (k - 1) % 2 for k, d in zip(weight.shape[2:], dilation, strict=True))][-len(x.shape) :]
    padded = prod(n + more for n, more in zip(x.shape, uneven, strict=True))
    return ((weight,), padded * bytes_each(x.dtype)) if any(uneven) else ((x, weight), 0)


def _padded(op: Op, needed: Needs) -> Keeps:
    """The input, if its border is repeated or mirrored."""
    return (op.inputs[:1], 0) if op.attrs.get("mode") in {"reflect", "replicate"} else ((), 0)


def _batch_norm(op: Op, needed: Needs) -> Keeps:
    """The input, and mean and deviation of each channel if they are taken from the batch."""
    training = op.attrs.get("training")
    return _given(op, "input", "weight"), _statistics(op, 2 * op.inputs[0].shape[1]) if training else 0


def _instance_norm(op: Op, needed: Needs) -> Keeps:
    """As `_batch_norm` with a channel for each image, the weight repeated for each."""
    x, weight = op.inputs[0], op.input("weight")
    planes = x.shape[0] * x.shape[1]
    return (x,), _statistics(op, 2 * planes) + (planes * weight.nbytes // max(weight.numel, 1) if weight else 0)


def _layer_norm(op: Op, needed: Needs) -> Keeps:
    """The input, and mean and deviation of each normalised vector."""
    vectors = op.inputs[0].numel // max(prod(op.attrs["normalized_shape"]), 1)
    return _given(op, "input", "weight", "bias"), _statistics(op, 2 * vectors)


def _group_norm(op: Op, needed: Needs) -> Keeps:
    return _given(op, "input", "weight"), _statistics(op, 2 * op.inputs[0].shape[0] * op.attrs["num_groups"])


def _given(op: Op, *roles: str) -> list[Value]:
    return [value for value, role in zip(op.inputs, op.roles, strict=True) if role in roles]


def _weight_norm(op: Op, needed: Needs) -> Keeps:
    return (*op.inputs, *op.outputs[1:]), 0


def _log_sigmoid(op: Op, needed: Needs) -> Keeps:
    """The input, and a buffer as large, as on the CPU."""
    return op.inputs[:1], op.inputs[0].nbytes


def _statistics(op: Op, count: int) -> int:
    """Statistics have at least four bytes each."""
    return count * max(4, op.inputs[0].nbytes // max(op.inputs[0].numel, 1))


def _attention(op: Op, needed: Needs) -> Keeps:
    """Queries, keys, values, mask and result, and the logarithm of each query's sum."""
    query, mask = op.inputs[0], op.input("attn_mask")
    extra = mask.numel * query.nbytes // max(query.numel, 1) if mask is not None and mask.dtype == "bool" else 0
    kept = (*op.inputs[:3], op.output) if extra or mask is None else (*op.inputs[:4], op.output)
    return kept, extra + 4 * prod(op.output.shape[:-1])


def _power(op: Op, needed: Needs) -> Keeps:
    """By a number only the base; else all, and the result."""
    return _input(op, needed) if op.roles == ("self",) else ((*op.inputs, op.output), 0)


def _extreme(op: Op, needed: Needs) -> Keeps:
    """Along one axis where it was found; of two tensors both; else the input and the result."""
    return (
        _inputs(op, needed)
        if len(op.inputs) > 1
        else _indices(op, needed)
        if len(op.outputs) > 1
        else _input_and_output(op, needed)
    )


KEEPS: dict[str, Keep] = {
    **dict.fromkeys(
        """
        add sub rsub neg sum mean cumsum cat stack reshape contiguous clone to _to_copy copy constant_pad_nd flip roll repeat
        tril triu im2col col2im unfold pixel_shuffle pixel_unshuffle channel_shuffle flatten chunk split tensor_split _unsafe_view
        upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d upsample_bilinear2d upsample_bicubic2d
        upsample_trilinear3d _upsample_bicubic2d_aa _upsample_bilinear2d_aa affine_grid_generator lift_fresh select_scatter
        slice_scatter view_as_real view_as_complex real imag sign round floor ceil trunc
        """.split(),
        _nothing,
    ),
    **dict.fromkeys(
        """
        relu6 hardtanh silu gelu hardswish hardsigmoid softplus mish clamp clamp_min clamp_max square abs log log2 log10 log1p sin
        cos erf atan threshold glu var cosh sinh avg_pool1d avg_pool2d avg_pool3d var_mean
        """.split(),
        _input,
    ),
    **dict.fromkeys("relu sigmoid tanh exp sqrt rsqrt reciprocal softmax log_softmax _softmax _log_softmax".split(), _output),
    **dict.fromkeys("elu selu celu leaky_relu".split(), _input_or_result),
    **dict.fromkeys("amax amin std norm linalg_vector_norm prod logsumexp".split(), _input_and_output),
    **dict.fromkeys("conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d".split(), _convolution),
    **dict.fromkeys("prelu maximum minimum atan2 gather grid_sampler torchvision::deform_conv2d".split(), _inputs),
    **dict.fromkeys("mul matmul mm bmm mv dot".split(), _others),
    **dict.fromkeys("addmm baddbmm addbmm addmv".split(), _added_product),
    **dict.fromkeys("max_pool1d max_pool2d max_pool3d max_pool2d_with_indices max_pool3d_with_indices".split(), _pooled),
    **dict.fromkeys("adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d".split(), _pooled),
    **dict.fromkeys("adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d".split(), _averaged),
    **dict.fromkeys("topk sort".split(), _indices),
    **dict.fromkeys("index index_select embedding".split(), _picked),
    **dict.fromkeys("where masked_fill".split(), _masked),
    **dict.fromkeys("dropout feature_dropout alpha_dropout".split(), _dropout),
    **dict.fromkeys("max min".split(), _extreme),
    "pow": _power,
    "pad": _padded,
    "div": _quotient,
    "linear": _linear,
    "log_sigmoid_forward": _log_sigmoid,
    "_weight_norm_interface": _weight_norm,
    "batch_norm": _batch_norm,
    "instance_norm": _instance_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "scaled_dot_product_attention": _attention,
}


def keeps(trace: Trace) -> list[int | Count]:
    """For each op the bytes that autograd keeps from it on for the backward: storages that no earlier op has kept, each whole.

    Not counted are parameters, buffers and constants, which the model holds anyway. An op without a rule is one unknown.
    """
    base, seen = storages(trace), set[int]()
    counts: list[int | Count] = []
    for op, needed in zip(trace.ops, needs(trace), strict=True):
        if not any(needed) or not any(value.dtype.startswith(_FLOATING) for value in op.outputs) or _hands_on(op):
            counts.append(0)
        elif op.kind not in KEEPS:
            counts.append(Count(0, {op.kind: 1}))
        else:
            values, made = KEEPS[op.kind](op, needed)
            storages_kept = {base[value.id].id: base[value.id] for value in values}
            fresh = [v for key, v in storages_kept.items() if key not in seen and v.source not in OWN]
            seen.update(storages_kept)
            counts.append(made + sum(value.nbytes for value in fresh))
    return counts


def _hands_on(op: Op) -> bool:
    return op.kind in _CUT or op.kind == WRITE or "view" in op.traits


# What is multiplied ---------------------------------------------------------------------------------------------------

Products = Callable[[Op, Needs], int]


def _each_operand(first: int) -> Products:
    """The gradient of either operand takes the products of the forward once more. The first of the two is input `first`."""
    return lambda op, needed: MACS[op.kind](op) * sum(needed[first : first + 2])


def _deformed(op: Op, needed: Needs) -> int:
    """As a convolution's: one product for the weight; one for what is sampled, whence input, offsets and mask have theirs."""
    by_role = dict(zip(op.roles, needed, strict=True))
    return MACS[op.kind](op) * (by_role["weight"] + any(by_role.get(role, False) for role in ("input", "offset", "mask")))


def _attended(op: Op, needed: Needs) -> int:
    """Gradients of scores and of values, each L·S·E_v; of queries and of keys, each L·S·E. No score is computed again."""
    query, _, value = op.inputs[:3]
    pairs = attended_pairs(op)
    scores = pairs * value.shape[-1] if needed[0] or needed[1] else 0
    return scores + needed[2] * pairs * value.shape[-1] + (needed[0] + needed[1]) * pairs * query.shape[-1]


def _recurrent(op: Op, needed: Needs) -> int:
    """Each matrix as in the forward for its own gradient, and once more for that of what it multiplies.

    The network's input may need none, nor may the first hidden state, which the first step of each layer and direction multiplies.
    """
    sequences = op.inputs[0].numel // max(op.inputs[0].shape[-1], 1)
    matrices = [(v, n) for v, r, n in zip(op.inputs, op.roles, needed, strict=True) if r in _MATRICES and len(v.shape) == 2]
    layers = op.attrs.get("num_layers", 1) * (2 if op.attrs.get("bidirectional") else 1)
    state, state_needed = next((v, n) for v, r, n in zip(op.inputs, op.roles, needed, strict=True) if r == "hx")
    first_steps = sequences if op.kind.endswith("cell") else state.shape[1] if len(state.shape) == 3 else 1
    each, total = len(matrices) // layers, 0
    for i, (matrix, own) in enumerate(matrices):
        place, layer = i % each, i // each
        of_input = place == 0 and layer < layers // op.attrs.get("num_layers", 1)
        steps = 0 if of_input and not needed[0] else sequences - (first_steps if place == 1 and not state_needed else 0)
        total += matrix.numel * (own * sequences + steps)
    return total


_MATRICES = frozenset({"params", "w_ih", "w_hh"})

PRODUCTS: dict[str, Products] = {
    **dict.fromkeys((kind for kind in MACS if kind.startswith("conv") or kind in {"linear", "matmul"}), _each_operand(0)),
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot"), _each_operand(0)),
    **dict.fromkeys(("addmm", "baddbmm", "addbmm", "addmv"), _each_operand(1)),
    "affine_grid_generator": _each_operand(0),
    "torchvision::deform_conv2d": _deformed,
    "scaled_dot_product_attention": _attended,
    **dict.fromkeys((kind for kind in MACS if kind.startswith(("lstm", "gru", "rnn"))), _recurrent),
}


def _reached(trace: Trace) -> list[bool]:
    """For each op whether a gradient of the network's outputs comes to it. Of a network whose outputs were not found, to each."""
    if not trace.outputs:
        return [True] * len(trace.ops)
    wanted = {value.id for value in trace.outputs}
    found = []
    for op in reversed(trace.ops):
        reached = op.kind not in _CUT and any(value.id in wanted for value in op.outputs)
        if reached:
            wanted.update(value.id for value in op.inputs)
        found.append(reached)
    return found[::-1]


def products(trace: Trace) -> list[int | Count]:
    """For each op the multiply-accumulates of its gradients, of those that are needed, if a gradient comes to it. An op without a
    rule is one unknown.
    """
    counts: list[int | Count] = []
    for op, needed, reached in zip(trace.ops, needs(trace), _reached(trace), strict=True):
        if not any(needed) or not reached or op.kind in _CUT:
            counts.append(0)
        elif op.kind in PRODUCTS:
            counts.append(PRODUCTS[op.kind](op, needed))
        else:
            counts.append(Count(0, {op.kind: 1}) if macs(op) else 0)
    return counts
