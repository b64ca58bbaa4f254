"""Receptive field: the window of input pixels that one unit sees, through branches, joins and layout changes.

A rule per kind of op takes the op and the fields of its inputs (at least one known, none undefined) to the field of its outputs.
What has no rule has no field, and says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from zoo.analysis.engine import Flow
from zoo.analysis.spans import Field, Span, Undefined, join, start
from zoo.record import WRITE, Op, each_axis
from zoo.table import Column

Spans = tuple[Span, ...]
Rule = Callable[[Op, Sequence[Spans | None]], Field | None]


def rule(op: Op, fields: tuple[Field | None, ...]) -> Field | None:
    """The field of the op's outputs; None if they do not depend on the network's input."""
    known: list[Spans | None] = []
    for field in fields:
        if isinstance(field, Undefined):
            return field
        known.append(field)
    if all(field is None for field in known):
        return None
    if (found := RULES.get(op.kind)) is not None:
        return found(op, known)
    if "pointwise" in op.traits:
        return join(known, op.kind)
    if "reduction" in op.traits:
        return reduction(op, known)
    return Undefined(f"no rule for {op.kind}")


def _data(fields: Sequence[Spans | None]) -> Spans:
    """The field of the first input, which must depend on the network's input."""
    assert fields[0] is not None
    return fields[0]


def _axes(op: Op) -> int:
    return int(next(c for c in op.kind if c.isdigit()))


# Windows


def slide(op: Op, fields: Sequence[Spans | None], kernel: tuple[int, ...], stride: tuple[int, ...]) -> Field:
    """A window over the last axes; the other dimensions stay."""
    axes = len(kernel)
    padding = _padding(op, kernel)
    dilation = each_axis(op.attrs.get("dilation", 1), axes)
    spans = []
    for span in _data(fields):
        if span.dim is not None and span.dim >= -axes:
            if span.mixed:
                return Undefined(f"{op.kind} slides over an axis that was flattened")
            i = span.dim + axes
            span = span.slide(kernel[i], stride[i], padding[i], dilation[i], op.output.shape[span.dim])
        spans.append(span)
    return tuple(spans)


def _padding(op: Op, kernel: tuple[int, ...]) -> tuple[int, ...]:
    padding = op.attrs.get("padding", 0)
    if padding == "same":
        dilation = each_axis(op.attrs.get("dilation", 1), len(kernel))
        return tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    return (0,) * len(kernel) if padding == "valid" else each_axis(padding, len(kernel))


def conv(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A convolution sums over the channels; weights that depend on the input have no window."""
    weight = op.input("weight")
    if weight is None or any(field is not None for field in fields[1:]):
        return Undefined(f"{op.kind} with weights that depend on the input")
    kernel = weight.shape[2:]
    channels = -len(kernel) - 1
    summed: Spans = tuple(span.collapse() if span.dim == channels else span for span in _data(fields))
    return slide(op, [summed], kernel, each_axis(op.attrs.get("stride", 1), len(kernel)))


def pool(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A window without weights; the stride is the window's size unless given. One window over the whole map is global pooling."""
    axes = _axes(op)
    kernel = each_axis(op.attrs["kernel_size"], axes)
    field = slide(op, fields, kernel, each_axis(op.attrs.get("stride") or kernel, axes))
    if isinstance(field, Undefined):
        return field
    sizes = op.inputs[0].shape[-axes:]
    return tuple(
        replace(span, whole=True) if span.dim is not None and span.count == 1 and kernel[span.dim] >= sizes[span.dim] > 1 else span
        for span in field
    )


def adaptive_pool(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """One output unit is the whole axis; otherwise even windows are slid and uneven ones have no stride."""
    axes, spans = _axes(op), []
    for span in _data(fields):
        if span.dim is None or span.dim < -axes:
            spans.append(span)
            continue
        n, out = op.inputs[0].shape[span.dim], op.output.shape[span.dim]
        if span.mixed or (out > 1 and n % out):
            return Undefined(f"{op.kind} of {n} units into {out}: its windows are not evenly spaced")
        whole = out == 1 and n > 1
        pooled = span.slide(n // out, n // out if out > 1 else 1, 0, 1, out)
        spans.append(replace(pooled, whole=True) if whole else pooled)
    return tuple(spans)


# Sums over dimensions


def linear(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Sums over the last dimension."""
    return tuple(span.collapse() if span.dim == -1 else span for span in _data(fields))


def matmul(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Sums over the last dimension of the first and the last but one of the second factor."""
    first, second = fields[-2:] if op.kind in {"addmm", "baddbmm"} else fields[:2]
    if first is not None:
        first = tuple(span.collapse() if span.dim == -1 else span for span in first)
    if second is not None:
        second = tuple(span.collapse() if span.dim == -2 else span for span in second)
    return join([first, second, *(fields[:1] if op.kind in {"addmm", "baddbmm"} else ())], op.kind)


def attention(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Each query meets all keys: everything is seen."""
    return join([_seen(field, (-2,), keep=True) for field in fields[:3]], op.kind)


def reduction(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A sum, mean or maximum over some dimensions."""
    ndim, dims = len(op.inputs[0].shape), op.attrs.get("dim")
    dims = (
        range(-ndim, 0) if dims in (None, ()) else [d if d < 0 else d - ndim for d in ((dims,) if isinstance(dims, int) else dims)]
    )
    spans = _seen(_data(fields), dims, keep=False)
    assert spans is not None
    if op.attrs.get("keepdim") or len(op.output.shape) == ndim:
        return spans
    return tuple(s if s.dim is None else replace(s, dim=s.dim + sum(d > s.dim for d in dims)) for s in spans)


def _seen(field: Spans | None, dims: Sequence[int], *, keep: bool) -> Spans | None:
    if field is None:
        return None
    return tuple((s.all_units() if keep else s.collapse()) if s.dim in dims else s for s in field)


def softmax(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Every unit along the dimension goes into each."""
    dim = op.attrs["dim"]
    return _seen(_data(fields), [dim if dim < 0 else dim - len(op.output.shape)], keep=True)


def layer_norm(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Statistics over the last dimensions."""
    return _seen(_data(fields), range(-len(op.attrs["normalized_shape"]), 0), keep=True)


def group_norm(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Statistics over everything behind the channels."""
    return _seen(_data(fields), range(2 - len(op.output.shape), 0), keep=True)


# Layout


def same(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """The units stay where they are."""
    return _data(fields)


def permute(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Dimension d of the output is dimension order[d] of the input."""
    ndim = len(op.output.shape)
    if op.kind == "permute":
        order = [d % ndim for d in op.attrs["dims"]]
    else:
        order = list(range(ndim))
        a, b = (0, 1) if op.kind == "t" else (op.attrs["dim0"] % ndim, op.attrs["dim1"] % ndim)
        if ndim > 1:
            order[a], order[b] = order[b], order[a]
    return tuple(s if s.dim is None else replace(s, dim=order.index(s.dim + ndim) - ndim) for s in _data(fields))


def reshape(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Where dimensions fall together, the axis is mixed; where one is split, it is lost."""
    source, target = op.inputs[0].shape, op.output.shape
    spans = []
    for span in _data(fields):
        if span.dim is not None:
            place = _place(source, target, span.dim + len(source))
            if place is None:
                return Undefined(f"{op.kind} from {'×'.join(map(str, source))} to {'×'.join(map(str, target))} splits an axis")
            dim, mixed = place
            span = replace(span, dim=dim, mixed=(span.mixed or mixed) and dim is not None)
        spans.append(span)
    return tuple(spans)


def _place(source: tuple[int, ...], target: tuple[int, ...], dim: int) -> tuple[int | None, bool] | None:
    """Where dimension `dim` of `source` is in `target`, from the end, and whether it shares it; None if it is split."""
    if source[dim] == 1:
        return None, False
    before, after = prod(source[:dim]), prod(source[dim + 1 :])
    outside = 1
    for i, n in enumerate(target):
        rest = prod(target[i + 1 :])
        if n == source[dim] and outside == before and rest == after:
            return i - len(target), False
        # the block of target dimension i covers ours whole: nothing of it lies outside
        if n > 1 and before % outside == 0 and after % rest == 0 and n % source[dim] == 0:
            return i - len(target), True
        outside *= n
    return None


def expand(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A unit that is repeated along its axis is the same for all."""
    grown = [d for d in range(-len(op.inputs[0].shape), 0) if op.inputs[0].shape[d] != op.output.shape[d]]
    return tuple(replace(s, dim=None, mixed=False) if s.dim in grown else s for s in _data(fields))


def select(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """One index of a dimension, which is gone."""
    ndim = len(op.inputs[0].shape)
    dim = op.attrs["dim"] % ndim - ndim
    index = op.attrs["index"] % op.inputs[0].shape[dim]
    spans = []
    for span in _data(fields):
        if span.dim == dim:
            if span.mixed and not span.whole:
                return Undefined("select of one unit of a flattened axis")
            span = replace(span, dim=None, mixed=False) if span.whole else span.at(index)
        elif span.dim is not None and span.dim < dim:
            span = replace(span, dim=span.dim + 1)
        spans.append(span)
    return tuple(spans)


def slice_(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Every step-th unit from start on."""
    ndim = len(op.inputs[0].shape)
    dim = op.attrs.get("dim", 0) % ndim - ndim
    n, out = op.inputs[0].shape[dim], op.output.shape[dim]
    first, step = op.attrs.get("start") or 0, op.attrs.get("step", 1)
    first = max(first + n, 0) if first < 0 else min(first, n)
    spans = []
    for span in _data(fields):
        if span.dim == dim and (out, step) != (n, 1):
            if span.mixed and not span.whole:
                return Undefined("slice of a flattened axis")
            if not span.mixed:
                shift = 0 if span.whole else first * span.step
                span = replace(span, lo=span.lo + shift, hi=span.hi + shift, step=span.step * step, count=out)
        spans.append(span)
    return tuple(spans)


def unsqueeze(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A new dimension; those before it are one further from the end."""
    ndim = len(op.output.shape)
    dim = op.attrs["dim"] % ndim - ndim
    known = [
        None if f is None else tuple(s if s.dim is None or s.dim > dim else replace(s, dim=s.dim - 1) for s in f) for f in fields
    ]
    return join(known, op.kind)


def cat(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Along a dimension that no axis walks; along a flattened axis, constants may be put beside it."""
    ndim = len(op.output.shape)
    dim = op.attrs.get("dim", 0) % ndim - ndim
    for field in fields:
        for span in field or ():
            if span.dim == dim and not (span.mixed and sum(f is not None for f in fields) == 1):
                return Undefined("cat along an axis")
    return join(fields, op.kind)


def split(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Parts of a dimension that no axis walks."""
    ndim = len(op.inputs[0].shape)
    dim = op.attrs.get("dim", 0) % ndim - ndim
    if any(span.dim == dim for span in _data(fields)):
        return Undefined(f"{op.kind} along an axis")
    if op.kind == "unbind":
        return tuple(s if s.dim is None or s.dim > dim else replace(s, dim=s.dim + 1) for s in _data(fields))
    return _data(fields)


def pad(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """The first unit moves to the left by what is put before it."""
    if op.attrs.get("mode") == "circular":
        return Undefined("circular padding")
    sizes = op.attrs.get("pad", op.attrs.get("padding", ()))
    spans = []
    for span in _data(fields):
        if span.dim is not None and 2 * -span.dim <= len(sizes) and any(sizes[2 * -span.dim - 2 : 2 * -span.dim]):
            if span.mixed:
                return Undefined("padding of a flattened axis")
            span = span.slide(1, 1, sizes[2 * -span.dim - 2], 1, op.output.shape[span.dim])
            span = replace(span, hi=span.hi)
        spans.append(span)
    return tuple(spans)


def index(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Picking along one dimension that no axis walks, with constant indices."""
    pattern = op.attrs.get("indices", ("tensor",))
    dims = [i for i, item in enumerate(pattern) if item == "tensor"] if op.kind == "index" else [op.attrs["dim"]]
    ndim = len(op.inputs[0].shape)
    if len(dims) != 1 or any(field is not None for field in fields[1:]) or len(op.output.shape) != ndim:
        return Undefined(f"{op.kind} picks units anywhere")
    if any(span.dim == dims[0] % ndim - ndim for span in _data(fields)):
        return Undefined(f"{op.kind} along an axis")
    return _data(fields)


def written(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A tensor, parts of which were written through views of it."""
    if len({value.shape for value in op.inputs}) > 1:
        return Undefined("parts of the tensor were written to")
    return join(fields, "an in-place write")


def copied(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """What is copied replaces what was there."""
    return fields[1]


def made(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Only the shape was read."""
    return None


RULES: dict[str, Rule] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), conv),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d"), pool),
    **dict.fromkeys(("max_pool2d_with_indices", "max_pool3d_with_indices"), pool),
    **dict.fromkeys((f"adaptive_{kind}_pool{axes}d" for kind in ("avg", "max") for axes in (1, 2, 3)), adaptive_pool),
    "linear": linear,
    **dict.fromkeys(("matmul", "mm", "bmm", "addmm", "baddbmm"), matmul),
    "scaled_dot_product_attention": attention,
    **dict.fromkeys(("softmax", "log_softmax", "_softmax", "_log_softmax"), softmax),
    **dict.fromkeys(("layer_norm", "rms_norm"), layer_norm),
    **dict.fromkeys(("group_norm", "instance_norm"), group_norm),
    **dict.fromkeys(("batch_norm", "dropout", "feature_dropout", "alpha_dropout", "relu6", "selu", "hardtanh"), same),
    **dict.fromkeys(("contiguous", "to", "_to_copy", "clone", "alias", "detach", "lift_fresh", "hardswish"), same),
    **dict.fromkeys(("masked_fill", "where", "prelu"), lambda op, fields: join(fields, op.kind)),
    **dict.fromkeys(("permute", "transpose", "t"), permute),
    **dict.fromkeys(("reshape", "view", "flatten", "_unsafe_view", "squeeze"), reshape),
    "expand": expand,
    "select": select,
    "slice": slice_,
    **dict.fromkeys(("unsqueeze", "stack"), unsqueeze),
    "cat": cat,
    **dict.fromkeys(("chunk", "split", "split_with_sizes", "tensor_split", "unbind"), split),
    **dict.fromkeys(("pad", "constant_pad_nd", "reflection_pad2d", "replication_pad2d"), pad),
    **dict.fromkeys(("index", "index_select"), index),
    WRITE: written,
    "copy": copied,
    **dict.fromkeys(
        ("fill", "zero", "zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full"), made
    ),
}


def cell(fields: Sequence[Field | None]) -> dict[str, Any] | None:
    """Size, stride and padding by axis, for the first output that has a field."""
    field = next((field for field in fields if field is not None), None)
    if field is None or isinstance(field, Undefined):
        return None if field is None else {"undefined": field.reason}
    everywhere = all(span.whole for span in field)
    shown: dict[str, Any] = {
        "size": [span.hi - span.lo + 1 for span in field],
        "stride": [0 if span.whole and not everywhere else span.step for span in field],
        "padding": [-span.lo for span in field],
    }
    return {**shown, "global": True} if everywhere else shown


COLUMN = Column("rf", "pixels", "receptive field of one unit: size, stride and effective padding by axis", order=40, priority=2)
PASS = Flow(COLUMN, start, rule, cell)
