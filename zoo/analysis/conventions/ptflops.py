"""ptflops 0.7.5: the first figure of `get_model_complexity_info(model, size)` with its default backend, "pytorch".

It hangs on modules of torch.nn by their class, and patches functions of torch.nn.functional and some of torch's. A layer that
calls such a function is counted by both: nn.ReLU, nn.MaxPool2d and nn.AdaptiveAvgPool2d count twice, and a convolution once.
`torch.matmul(a, b)`, `torch.add(a, b)` and `torch.mul(a, b)` count, `a @ b`, `a + b` and `a * b` do not; F.relu counts, torch.relu
does not; F.linear does not.

Not followed: a class is known by its name; a module under two parents is counted for both by ptflops, which also sees no
`module.forward(x)`; timm's attention, for which ptflops has a rule of its own if timm is installed. Its figure is for one image.
"""

from collections.abc import Callable
from itertools import zip_longest
from math import prod

from zoo.extend import Layer, Op, both, by_layer, by_op, of_tool
from zoo.ops.arithmetic import known_macs

Rule = Callable[[Op], int]


def _read(op: Op) -> int:
    return op.inputs[0].numel


def _written(op: Op) -> int:
    return op.output.numel


def _with_bias(op: Op) -> int:
    return known_macs(op) + (op.output.numel if op.input("bias") is not None else 0)


def _norm(op: Op) -> int:
    return _read(op) * (2 if op.input("weight") is not None else 1)


def _deformed(op: Op) -> int:
    """Besides the products, 24 for each place of the kernel and position: 20 to sample and 4 to find it; 1 for a mask."""
    weight = op.input("weight")
    assert weight is not None
    out_channels = weight.shape[0]
    extra = 24 + (op.input("mask") is not None)
    return _with_bias(op) + prod(weight.shape[2:]) * extra * (op.output.numel // max(out_channels, 1))


def _cell(kind: str, matrices: int, hidden: int, biases: int) -> int:
    """One step: the matrices, the biases, and 1 (RNN), 7 (GRU) or 10 (LSTM) per hidden unit."""
    return matrices + biases + {"rnn": 1, "gru": 7, "lstm": 10}[kind] * hidden


def _recurrent_cell(op: Op) -> int:
    found = {role: value for value, role in zip(op.inputs, op.roles, strict=True)}
    biases = sum(found[role].numel for role in ("b_ih", "b_hh") if role in found)
    matrices = found["w_ih"].numel + found["w_hh"].numel
    return op.inputs[0].shape[0] * _cell(op.kind.partition("_")[0], matrices, found["w_hh"].shape[1], biases)


def _recurrent(op: Op) -> int:
    """Both directions by the forward one's weights; projections are left out."""
    kind = op.kind.partition("_")[0]
    params = [value.numel for value, role in zip(op.inputs, op.roles, strict=True) if role == "params"]
    states = [value for value, role in zip(op.inputs, op.roles, strict=True) if role == "hx"]
    ways = 2 if op.attrs["bidirectional"] else 1
    each = len(params) // (op.attrs["num_layers"] * ways)
    firsts = [params[i : i + each] for i in range(0, len(params), each * ways)]
    biases = 2 if op.attrs["has_biases"] else 0
    stack = sum(_cell(kind, sum(own[:2]), states[-1].shape[-1], sum(own[2 : 2 + biases])) for own in firsts)
    return prod(op.inputs[0].shape[:2]) * ways * stack


_CLASSES: dict[str, tuple[Rule, tuple[str, ...]]] = {
    **{f"Conv{n}d": (_with_bias, (f"conv{n}d",)) for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": (_with_bias, (f"conv_transpose{n}d",)) for n in (1, 2, 3)},
    "DeformConv2d": (_deformed, ("torchvision::deform_conv2d",)),
    "ReLU": (_written, ("relu",)),
    "PReLU": (_written, ("prelu",)),
    "ELU": (_written, ("elu",)),
    "LeakyReLU": (_written, ("leaky_relu",)),
    "ReLU6": (_written, ("relu6", "hardtanh")),
    "GELU": (_written, ("gelu",)),
    **{f"MaxPool{n}d": (_read, (f"max_pool{n}d", f"max_pool{n}d_with_indices")) for n in (1, 2, 3)},
    **{f"AvgPool{n}d": (_read, (f"avg_pool{n}d",)) for n in (1, 2, 3)},
    **{f"Adaptive{way}Pool{n}d": (_read, (f"adaptive_{way.lower()}_pool{n}d",)) for way in ("Avg", "Max") for n in (1, 2, 3)},
    **{f"BatchNorm{n}d": (_norm, ("batch_norm",)) for n in (1, 2, 3)},
    **{f"InstanceNorm{n}d": (_norm, ("instance_norm",)) for n in (1, 2, 3)},
    "GroupNorm": (_norm, ("group_norm",)),
    "LayerNorm": (_read, ("layer_norm",)),
    "Linear": (_with_bias, ("linear",)),
    "Upsample": (
        _written,
        tuple(f"upsample_{way}" for way in "nearest1d nearest2d nearest3d linear1d bilinear2d bicubic2d trilinear3d".split()),
    ),
    "RNNCell": (_recurrent_cell, ("rnn_tanh_cell", "rnn_relu_cell")),
    "GRUCell": (_recurrent_cell, ("gru_cell",)),
    "LSTMCell": (_recurrent_cell, ("lstm_cell",)),
    "RNN": (_recurrent, ("rnn_tanh", "rnn_relu")),
    "GRU": (_recurrent, ("gru",)),
    "LSTM": (_recurrent, ("lstm",)),
}


def _attention(layer: Layer) -> int:
    """Projections, scaling, scores, softmax and sums of nn.MultiheadAttention whose keys and values are as wide as its queries."""
    product = layer.op("scaled_dot_product_attention", "bmm", "baddbmm")
    if product is None:
        return 0
    width = layer.call.outputs[0].shape[-1]
    whole = product.kind == "scaled_dot_product_attention"
    query, key = product.inputs[:2] if product.kind != "baddbmm" else product.inputs[1:3]
    head, target, source = query.shape[-1], query.shape[-2], key.shape[-2] if whole else key.shape[-1]
    heads = width // max(head, 1)
    batch = query.numel // max(width * target, 1)
    projected = layer.op("linear", "addmm")
    biased = projected is not None and (projected.kind == "addmm" or projected.input("bias") is not None)
    lengths = target + 2 * source
    projections = lengths * width * width + biased * lengths * width + target * width * (width + 1)
    return batch * (target * width + projections + heads * target * source * (2 * head + 1))


def hooks(layer: Layer) -> int:
    """One call of a module."""
    if layer.call.type == "MultiheadAttention":
        return _attention(layer)
    rule, kinds = _CLASSES.get(layer.call.type, (None, ()))
    op = layer.op(*kinds)
    return rule(op) if rule is not None and op is not None else 0


_BY_FUNCTION = {
    *("relu", "elu", "relu6", "silu", "softmax"),
    *(f"{way}{n}d" for way in ("max_pool", "adaptive_avg_pool", "adaptive_max_pool") for n in (1, 2, 3)),
    *(f"max_pool{n}d_with_indices" for n in (2, 3)),
}
_BY_FUNCTION_ALONE = {"gelu", "prelu", "adaptive_avg_pool1d", *(f"avg_pool{n}d" for n in (1, 2, 3))}
"""Where torch has no other function for it, or torch.nn.functional's is that very function."""


def functions(op: Op) -> int:
    """One call of a patched function."""
    if any(trait.startswith("in ") for trait in op.traits) or "operator" in op.traits:
        return 0
    if op.kind in _BY_FUNCTION_ALONE or (op.kind in _BY_FUNCTION and "functional" in op.traits):
        return _read(op)
    if op.kind.startswith("upsample_") and "functional" in op.traits:
        return _written(op)
    if op.kind in {"matmul", "mm", "bmm"}:
        return _read(op) * op.inputs[1].shape[-1]
    if op.kind in {"addmm", "baddbmm"}:
        return op.inputs[1].numel * op.inputs[2].shape[-1] + (_read(op) if op.attrs.get("beta", 1) else 0)
    if op.kind in {"add", "mul"} and "inplace" not in op.traits:
        shapes = [value.shape for value in op.inputs]
        return prod(max(sizes) for sizes in zip_longest(*shapes, fillvalue=1))  # aligned from the left, as ptflops does
    return 0


CONVENTION = of_tool(
    "ptflops",
    "ptflops 0.7.5, get_model_complexity_info",
    "ptflops' MACs: with biases, activations, normalisation, pooling; what a layer calls by function counts twice",
    both(by_layer(hooks), by_op(functions)),
    sees="layers",
)
