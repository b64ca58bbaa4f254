"""Translate ONNX operators to ops of a trace, with one rule for each. onnx is not imported here.

The ops are torch's, as `zoo.tracing` records them. An operator without a rule remains "onnx::NAME", and its cost is unknown.
"""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

from zoo.graph_files.node import POINTWISE, REDUCTION, VIEW, Node, Step, UnmappedError
from zoo.record.trace import Value

Rule = Callable[[Node], Iterator[Step]]


def steps(node: Node) -> list[Step]:
    """Yield the steps of the operator. Raises `UnmappedError`."""
    if node.type in _POINTWISE:
        return list(_pointwise(node, _POINTWISE[node.type]))
    if node.type not in RULES:
        raise UnmappedError
    return list(RULES[node.type](node))


def _pointwise(node: Node, kind: str) -> Iterator[Step]:
    """Elementwise; more than two inputs are combined one after the other."""
    first, *others = [value for value in node.inputs if value is not None][: 1 if node.type == "Clip" else None]
    for other in others[:-1]:
        made = node.make(node.outputs[0].shape)
        yield Step(kind, [("self", first), ("other", other)], [made], {}, POINTWISE)
        first = made
    yield Step(kind, [("self", first), *(("other", other) for other in others[-1:])], node.outputs[:1], {}, POINTWISE)


_SAME_NAME = """
    Relu Sigmoid Tanh Elu Selu Celu Softplus Softsign Mish Gelu Exp Log Sqrt Reciprocal Neg Abs Floor Ceil Round Sign Erf Sin Cos
    Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Add Sub Mul Div Pow Mod Not IsNaN IsInf PRelu Shrink BitShift
"""
_OTHER_NAME = """
    LeakyRelu leaky_relu HardSigmoid hardsigmoid HardSwish hardswish ThresholdedRelu threshold Swish silu Clip clamp Max maximum
    Min minimum Sum add And logical_and Or logical_or Xor logical_xor Equal eq Greater gt Less lt GreaterOrEqual ge LessOrEqual le
    BitwiseAnd bitwise_and BitwiseOr bitwise_or BitwiseXor bitwise_xor BitwiseNot bitwise_not
""".split()
_POINTWISE = {name: name.lower() for name in _SAME_NAME.split()} | dict(zip(_OTHER_NAME[::2], _OTHER_NAME[1::2], strict=True))


# Windows


def _pads(node: Node, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the padding before and after each axis, also if the file only states that sizes do not change."""
    axes = len(kernel)
    auto = node.attrs.get("auto_pad", "NOTSET")
    if auto in {"SAME_UPPER", "SAME_LOWER"}:
        before, after = [], []
        for n, out, k, s, d in zip(node.x.shape[2:], node.outputs[0].shape[2:], kernel, stride, dilation, strict=True):
            whole = max((out - 1) * s + d * (k - 1) + 1 - n, 0)
            small, large = whole // 2, whole - whole // 2
            before.append(small if auto == "SAME_UPPER" else large)
            after.append(large if auto == "SAME_UPPER" else small)
        return before, after
    pads = list(node.attrs.get("pads", [0] * 2 * axes)) if auto == "NOTSET" else [0] * 2 * axes
    return pads[:axes], pads[axes:]


def _window(node: Node, kind: str, roles: Sequence[str], kernel: Sequence[int], **attrs: Any) -> Iterator[Step]:
    """A convolution or pooling. Asymmetric padding becomes a separate step before it."""
    axes = len(kernel)
    stride = tuple(node.attrs.get("strides", [1] * axes))
    dilation = tuple(node.attrs.get("dilations", [1] * axes))
    before, after = _pads(node, kernel, stride, dilation)
    given = node.roles(*roles)
    if before != after:
        x = node.x
        sizes = [n + a + b for n, a, b in zip(x.shape[2:], before, after, strict=True)]
        padded = node.make((*x.shape[:2], *sizes))
        pad = tuple(n for a, b in zip(reversed(before), reversed(after), strict=True) for n in (a, b))
        yield Step("constant_pad_nd", [("self", x)], [padded], {"pad": pad, "value": 0})
        given[0], before = (roles[0], padded), [0] * axes
    attrs = {"stride": stride, "padding": tuple(before), "dilation": dilation, **attrs}
    yield Step(f"{kind}{axes}d", given, node.outputs, attrs)


def _conv(node: Node) -> Iterator[Step]:
    yield from _window(node, "conv", ("input", "weight", "bias"), node.needed(1).shape[2:], groups=node.attrs.get("group", 1))


def _conv_transpose(node: Node) -> Iterator[Step]:
    axes = len(node.x.shape) - 2
    pads = list(node.attrs.get("pads", [0] * 2 * axes))
    if pads[:axes] != pads[axes:] or node.attrs.get("auto_pad", "NOTSET") != "NOTSET" or "output_shape" in node.attrs:
        raise UnmappedError
    attrs = {
        "stride": tuple(node.attrs.get("strides", [1] * axes)),
        "padding": tuple(pads[:axes]),
        "output_padding": tuple(node.attrs.get("output_padding", [0] * axes)),
        "groups": node.attrs.get("group", 1),
        "dilation": tuple(node.attrs.get("dilations", [1] * axes)),
    }
    yield Step(f"conv_transpose{axes}d", node.roles("input", "weight", "bias"), node.outputs, attrs)


def _pool(kind: str) -> Rule:
    def rule(node: Node) -> Iterator[Step]:
        kernel = tuple(node.attrs["kernel_shape"])
        yield from _window(node, kind, ("self",), kernel, kernel_size=kernel, ceil_mode=bool(node.attrs.get("ceil_mode", 0)))

    return rule


def _global_pool(kind: str) -> Rule:
    def rule(node: Node) -> Iterator[Step]:
        axes = len(node.x.shape) - 2
        yield Step(f"{kind}{axes}d", node.roles("self"), node.outputs, {"output_size": (1,) * axes})

    return rule


# Products


def _gemm(node: Node) -> Iterator[Step]:
    """A linear layer if the second factor has the layout of torch's weights, or can be transposed to it."""
    a, b = node.x, node.needed(1)
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if node.attrs.get("transA", 0):
        a = node.make(node.x.shape[::-1])
        yield Step("t", [("self", node.x)], [a], {}, VIEW)
    if not node.attrs.get("transB", 0):
        weight = node.make(b.shape[::-1])
        yield Step("t", [("self", b)], [weight], {}, VIEW)
        b = weight
    scaled = node.attrs.get("alpha", 1.0) != 1
    flat = bias is None or bias.shape == (node.outputs[0].shape[-1],)
    out = node.make(node.outputs[0].shape) if scaled or not flat else node.outputs[0]
    last = [("bias", bias)] if bias is not None and flat and not scaled else []
    yield Step("linear", [("input", a), ("weight", b), *last], [out])
    if scaled:
        product, out = out, node.make(out.shape) if bias is not None else node.outputs[0]
        yield Step("mul", [("self", product)], [out], {}, POINTWISE)
    if bias is not None and not last:
        yield Step("add", [("self", out), ("other", bias)], node.outputs, {}, POINTWISE)


def _matmul(node: Node) -> Iterator[Step]:
    yield Step("matmul", node.roles("self", "other"), node.outputs)


def _recurrent(kind: str) -> Rule:
    """One layer. Its matrices, stacked by direction, are split as in torch."""

    def rule(node: Node) -> Iterator[Step]:
        x, weights, biases = node.x, (node.needed(1), node.needed(2)), node.inputs[3] if len(node.inputs) > 3 else None
        if len(node.inputs) > 7 and node.inputs[7] is not None:
            raise UnmappedError  # peepholes
        directions, hidden = weights[0].shape[0], node.attrs["hidden_size"]
        given: list[tuple[str, Value]] = [("input", x)]
        for i in range(5, min(len(node.inputs), 7)):
            if (state := node.inputs[i]) is not None:
                given.append(("hx", state))
        if len(given) == 1:
            given.append(("hx", node.make((directions, x.shape[1], hidden))))
            yield Step("zeros", [], [given[1][1]])
        for value in (*weights, *([biases] if biases is not None else [])):
            parts = [node.make(value.shape[1:]) for _ in range(directions)]
            yield Step("unbind", [("self", value)], parts, {"dim": 0}, VIEW)
            given += [("params", part) for part in parts]
        attrs = {"num_layers": 1, "bidirectional": directions == 2, "has_biases": biases is not None}
        yield Step(kind, given, node.outputs, attrs)

    return rule


# Normalisation


def _batch_norm(node: Node) -> Iterator[Step]:
    training = bool(node.attrs.get("training_mode", 0))
    roles = node.roles("input", "weight", "bias", "running_mean", "running_var")
    yield Step("batch_norm", roles, node.outputs[:1], {"training": training, "eps": node.attrs.get("epsilon", 1e-5)})


def _norm(kind: str) -> Rule:
    def rule(node: Node) -> Iterator[Step]:
        attrs: dict[str, Any] = {"use_input_stats": True} if kind == "instance_norm" else {}
        if kind in {"layer_norm", "rms_norm"}:
            attrs["normalized_shape"] = node.x.shape[node.attrs.get("axis", -1) :]
        yield Step(kind, node.roles("input", "weight", "bias"), node.outputs[:1], attrs)

    return rule


_SAMPLED = {"bilinear": 0, "linear": 0, "nearest": 1, "bicubic": 2, "cubic": 2}
_OUTSIDE = {"zeros": 0, "border": 1, "reflection": 2}


def _grid_sample(node: Node) -> Iterator[Step]:
    attrs = {
        "interpolation_mode": _SAMPLED.get(node.attrs.get("mode", "linear")),
        "padding_mode": _OUTSIDE.get(node.attrs.get("padding_mode", "zeros")),
        "align_corners": bool(node.attrs.get("align_corners", 0)),
    }
    yield Step("grid_sampler", node.roles("input", "grid"), node.outputs, attrs)


def _local_response_norm(node: Node) -> Iterator[Step]:
    """The ops of torch: squares, an average over channels, a product, a sum, a power, a division."""
    x, size = node.x, node.attrs["size"]
    plain = (x.shape[0], 1, x.shape[1], *x.shape[2:])
    squared, deep, padded = node.make(x.shape), node.make(plain), node.make((*plain[:2], plain[2] + size - 1, *plain[3:]))
    if len(x.shape) != 4:
        raise UnmappedError
    yield Step("mul", [("self", x), ("other", x)], [squared], {}, POINTWISE)
    yield Step("unsqueeze", [("self", squared)], [deep], {"dim": 1}, VIEW)
    pad = (0, 0, 0, 0, (size - 1) // 2, size // 2)
    yield Step("constant_pad_nd", [("self", deep)], [padded], {"pad": pad, "value": 0})
    mean, flat = node.make(plain), node.make(x.shape)
    window = {"kernel_size": (size, 1, 1), "stride": (1, 1, 1), "padding": (0, 0, 0)}
    yield Step("avg_pool3d", [("self", padded)], [mean], window)
    yield Step("squeeze", [("self", mean)], [flat], {"dim": 1}, VIEW)
    last = flat
    for kind in ("mul", "add", "pow"):
        made = node.make(x.shape)
        yield Step(kind, [("self", last)], [made], {}, POINTWISE)
        last = made
    yield Step("div", [("self", x), ("other", last)], node.outputs, {}, POINTWISE)


def _softmax(kind: str) -> Rule:
    """Before version 13, over all axes from the given one on, flattened."""

    def rule(node: Node) -> Iterator[Step]:
        shape = node.x.shape
        axis = node.attrs.get("axis", -1 if node.opset >= 13 else 1) % len(shape)
        if node.opset >= 13 or prod(shape[axis + 1 :]) == 1:
            yield Step(kind, node.roles("self"), node.outputs, {"dim": axis})
            return
        flat, done = (node.make((prod(shape[:axis]), prod(shape[axis:]))) for _ in range(2))
        yield Step("reshape", node.roles("self"), [flat], {}, VIEW)
        yield Step(kind, [("self", flat)], [done], {"dim": 1})
        yield Step("reshape", [("self", done)], node.outputs, {}, VIEW)

    return rule


def _reduce(kind: str, before: str = "", after: str = "") -> Rule:
    """A reduction over some axes, or all; some have an elementwise step before or after it."""

    def rule(node: Node) -> Iterator[Step]:
        x, out = node.x, node.outputs[0]
        axes = node.numbers(1, "axes")
        if not axes and node.attrs.get("noop_with_empty_axes", 0):
            yield Step("alias", node.roles("self"), node.outputs, {}, VIEW)
            return
        if before:
            x = node.make(x.shape)
            yield Step(before, node.roles("self"), [x], {}, POINTWISE)
        reduced = node.make(out.shape) if after else out
        attrs = {"dim": tuple(a % len(x.shape) for a in axes) if axes else None, "keepdim": bool(node.attrs.get("keepdims", 1))}
        yield Step(kind, [("self", x)], [reduced], attrs, REDUCTION)
        if after:
            yield Step(after, [("self", reduced)], node.outputs, {}, POINTWISE)

    return rule


def _argument(kind: str) -> Rule:
    def rule(node: Node) -> Iterator[Step]:
        attrs = {"dim": node.attrs.get("axis", 0) % len(node.x.shape), "keepdim": bool(node.attrs.get("keepdims", 1))}
        yield Step(kind, node.roles("self"), node.outputs, attrs, REDUCTION)

    return rule


# Layout


def _view(kind: str) -> Rule:
    def rule(node: Node) -> Iterator[Step]:
        yield Step(kind, [("self", node.x)], node.outputs[:1], {}, VIEW)

    return rule


def _moved(kind: str, *roles: str, **attrs: Any) -> Rule:
    def rule(node: Node) -> Iterator[Step]:
        names = roles or ("self",)
        yield Step(kind, node.roles(*names), node.outputs[:1], attrs)

    return rule


def _tile(node: Node) -> Iterator[Step]:
    repeats = node.numbers(1)
    if repeats is None or len(repeats) != len(node.x.shape):
        raise UnmappedError
    yield Step("repeat", [("self", node.x)], node.outputs, {"repeats": repeats})


def _unsqueeze(node: Node) -> Iterator[Step]:
    axes = node.numbers(1, "axes") or ()
    if len(axes) == 1:
        yield Step("unsqueeze", [("self", node.x)], node.outputs, {"dim": axes[0]}, VIEW)
    else:
        yield Step("reshape", [("self", node.x)], node.outputs, {}, VIEW)


def _transpose(node: Node) -> Iterator[Step]:
    dims = tuple(node.attrs.get("perm", range(len(node.x.shape) - 1, -1, -1)))
    yield Step("permute", [("self", node.x)], node.outputs, {"dims": dims}, VIEW)


def _concat(node: Node) -> Iterator[Step]:
    given = [("tensors", value) for value in node.inputs if value is not None]
    yield Step("cat", given, node.outputs, {"dim": node.attrs.get("axis", 1)})


def _split(node: Node) -> Iterator[Step]:
    yield Step("split", [("self", node.x)], node.outputs, {"dim": node.attrs.get("axis", 0)}, VIEW)


def _slice(node: Node) -> Iterator[Step]:
    """Axis by axis; an axis that is kept completely needs no step."""
    x = node.x
    starts, ends = node.numbers(1, "starts"), node.numbers(2, "ends")
    if starts is None or ends is None:
        raise UnmappedError
    axes = node.numbers(3, "axes") or tuple(range(len(starts)))
    strides = node.numbers(4) or (1,) * len(starts)
    taken = []
    for start, end, axis, step in zip(starts, ends, axes, strides, strict=True):
        n = x.shape[axis]
        kept = range(n)[start:end:step]
        if len(kept) < n or step < 0:
            taken.append((axis % len(x.shape), kept, step))
    if not taken:
        yield Step("alias", [("self", x)], node.outputs, {}, VIEW)
    for i, (axis, kept, step) in enumerate(taken):
        shape = (*x.shape[:axis], len(kept), *x.shape[axis + 1 :])
        out = node.outputs[0] if i == len(taken) - 1 else node.make(shape)
        if step < 0:
            yield Step("flip", [("self", x)], [out], {"dims": (axis,)})
        else:
            yield Step("slice", [("self", x)], [out], {"dim": axis, "start": kept.start, "end": kept.stop, "step": step}, VIEW)
        x = out


def _gather(node: Node) -> Iterator[Step]:
    """One unit of an axis, several units, or rows of a table."""
    axis, indices = node.attrs.get("axis", 0), node.data[1]
    if indices is None and axis == 0:
        yield Step("embedding", node.roles("weight", "indices"), node.outputs)
    elif indices is not None and indices.ndim == 0:
        yield Step("select", [("self", node.x)], node.outputs, {"dim": axis, "index": int(indices)}, VIEW)
    else:
        kind = "index_select" if indices is not None and indices.ndim == 1 else "gather"
        yield Step(kind, node.roles("self", "index"), node.outputs, {"dim": axis})


def _gather_nd(node: Node) -> Iterator[Step]:
    indices = node.data[1]
    simple = indices is not None and indices.ndim == 2 and indices.shape[1] == 1 and not node.attrs.get("batch_dims", 0)
    yield Step("index_select" if simple else "gather", node.roles("self", "index"), node.outputs, {"dim": 0})


def _pad(node: Node) -> Iterator[Step]:
    """Return the padding of all axes in torch's order: from the last axis on, before and after it."""
    mode = node.attrs.get("mode", "constant")
    pads, axes, ndim = node.numbers(1, "pads") or (), node.numbers(3), len(node.x.shape)
    axes = tuple(range(ndim)) if axes is None else tuple(axis % ndim for axis in axes)
    both = {axis: (pads[i], pads[i + len(axes)]) for i, axis in enumerate(axes)}
    pad = tuple(n for axis in reversed(range(ndim)) for n in both.get(axis, (0, 0)))
    kind = {"constant": "constant_pad_nd", "wrap": "pad"}.get(mode, {"reflect": "reflection_pad2d"}.get(mode, "replication_pad2d"))
    yield Step(kind, [("self", node.x)], node.outputs, {"pad": pad, **({"mode": "circular"} if mode == "wrap" else {})})


def _resize(node: Node) -> Iterator[Step]:
    """Over the last axes; batch and channels do not change."""
    axes = len(node.x.shape) - 2
    mode = node.attrs.get("mode", "nearest")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    name = {"nearest": f"nearest{axes}d", "cubic": "bicubic2d"}.get(mode) or {
        1: "linear1d",
        2: "bilinear2d",
        3: "trilinear3d",
    }.get(axes)
    if node.x.shape[:2] != node.outputs[0].shape[:2] or name is None or (mode == "cubic" and axes != 2):
        raise UnmappedError
    corners = node.attrs.get("coordinate_transformation_mode", "half_pixel") == "align_corners"
    attrs = {"output_size": node.outputs[0].shape[2:], "align_corners": corners}
    yield Step(f"upsample_{name}", [("self", node.x)], node.outputs, attrs)


def _dropout(node: Node) -> Iterator[Step]:
    yield Step("dropout", [("input", node.x)], node.outputs[:1], {"train": False})


def _shuffle(kind: str, factor: str) -> Rule:
    def rule(node: Node) -> Iterator[Step]:
        yield Step(kind, [("self", node.x)], node.outputs, {factor: node.attrs["blocksize"]})

    return rule


RULES: dict[str, Rule] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _pool("max_pool"),
    "AveragePool": _pool("avg_pool"),
    "GlobalAveragePool": _global_pool("adaptive_avg_pool"),
    "GlobalMaxPool": _global_pool("adaptive_max_pool"),
    "Gemm": _gemm,
    "MatMul": _matmul,
    "LSTM": _recurrent("lstm"),
    "GRU": _recurrent("gru"),
    "RNN": _recurrent("rnn_tanh"),
    "BatchNormalization": _batch_norm,
    "InstanceNormalization": _norm("instance_norm"),
    "LayerNormalization": _norm("layer_norm"),
    "GroupNormalization": _norm("group_norm"),
    "RMSNormalization": _norm("rms_norm"),
    "LRN": _local_response_norm,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "ReduceMean": _reduce("mean"),
    "ReduceSum": _reduce("sum"),
    "ReduceMax": _reduce("amax"),
    "ReduceMin": _reduce("amin"),
    "ReduceProd": _reduce("prod"),
    "ReduceL1": _reduce("sum", before="abs"),
    "ReduceL2": _reduce("linalg_vector_norm"),
    "ReduceSumSquare": _reduce("sum", before="square"),
    "ReduceLogSum": _reduce("sum", after="log"),
    "ReduceLogSumExp": _reduce("logsumexp"),
    "ArgMax": _argument("argmax"),
    "ArgMin": _argument("argmin"),
    "CumSum": _moved("cumsum"),
    "TopK": _moved("topk"),
    "Flatten": _view("flatten"),
    "Reshape": _view("reshape"),
    "Squeeze": _view("squeeze"),
    "Identity": _view("alias"),
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "GatherElements": _moved("gather", "self", "index"),
    "ScatterElements": _moved("scatter", "self", "index", "src"),
    "ScatterND": _moved("index_put", "self", "indices", "values"),
    "Expand": _view("expand"),
    "Tile": _tile,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
    "DepthToSpace": _shuffle("pixel_shuffle", "upscale_factor"),
    "SpaceToDepth": _shuffle("pixel_unshuffle", "downscale_factor"),
    "Cast": _moved("to"),
    "CastLike": _moved("to"),
    "Dropout": _dropout,
    "Where": _moved("where", "condition", "self", "other"),
    "Trilu": _moved("tril"),
    "GridSample": _grid_sample,
    "Shape": _moved("scalar_tensor"),
    "Size": _moved("scalar_tensor"),
    "Range": _moved("arange", "start", "end", "step"),
    "ConstantOfShape": _moved("full"),
    "EyeLike": _moved("eye"),
}
