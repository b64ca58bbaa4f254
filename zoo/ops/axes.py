"""Which axes of the inputs are spatial: those along which ops slide, not those at a fixed place in the shape.

An image N×C×H×W, raw audio N×samples, tokens N×L, and sequences N×L×C or N×C×L have their axes in different places. So each
dimension of an input is followed until an op says what it is: a window slides along it, attention weighs its units, or a linear
layer sums over it as over channels. The first op to say so is believed. Where none does, the axes are all after batch and channels.

>>> from zoo.record.trace import Op, Trace, Value
>>> audio, weight = Value(0, (1, 16000), "float32", "input"), Value(1, (8, 1, 10), "float32", "parameter")
>>> row, maps = Value(2, (1, 1, 16000), "float32", "op"), Value(3, (1, 8, 3199), "float32", "op")
>>> add = Op("unsqueeze", 0, (audio,), ("self",), (row,), {"dim": 1}, frozenset({"view"}))
>>> conv = Op("conv1d", 0, (row, weight), ("input", "weight"), (maps,), {"stride": (5,)})
>>> spatial(Trace("net", "eval", (audio,), (maps,), (), (add, conv)))
{0: (-1,)}
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from zoo.ops.book import RULES
from zoo.ops.receptive_field import rule
from zoo.receptive.spans import Field, Span, Spans, Undefined, Walk, usual_axes
from zoo.receptive.windows import Lattice
from zoo.record.trace import Op, Trace, Value, spatial_axes

_SLIDES, _WEIGHS, _SUMS = "slides", "weighs", "sums"
_PRODUCTS = frozenset({"linear", "matmul", "mm", "bmm", "addmm", "baddbmm"})
_STEPS = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
_SOFTMAX = frozenset({"softmax", "_softmax", "log_softmax"})


def starts(trace: Trace, start: Callable[..., Field]) -> Callable[[Value], Field | None]:
    """The field of each input of a trace, for `carry`: `start` is `spans.start` or `spans.exact`.

    An input without a spatial axis, such as a timestep or a prompt beside an image, has no field, as a constant has none.
    """
    found = spatial(trace)

    def field(value: Value) -> Field | None:
        dims = found[value.id]
        return start(value, dims) if dims or not any(found.values()) else None

    return field


def spatial(trace: Trace) -> Mapping[int, tuple[int, ...]]:
    """The spatial axes of each input, by the id of its value, counted from the end.

    Where inputs have different numbers of axes, the fields are windows of those along which windows slide, and of those with the
    most axes: the image, not the words that describe it.
    """
    if (image := _image(trace)) is not None:
        return {image.id: _after_channels(image)}
    found = {value.id: _verdicts(trace, value) for value in trace.inputs}
    chosen = {value.id: _chosen(value, found[value.id]) for value in trace.inputs}
    ranks = {key: (_SLIDES in found[key].values(), _WEIGHS in found[key].values(), len(dims)) for key, dims in chosen.items()}
    best = max((rank for key, rank in ranks.items() if chosen[key]), default=None)
    slides = best is not None and any(best[:2])
    return {key: dims if ranks[key] == best or not slides else () for key, dims in chosen.items()}


def _image(trace: Trace) -> Value | None:
    """The one input, if the first op that reads it slides along all its axes: nearly always, and quickly told."""
    if len(trace.inputs) != 1:
        return None
    (value,) = trace.inputs
    reader = next((op for op in trace.ops if value in op.inputs), None)
    return value if reader is not None and _sliding(reader) == len(value.shape) - 2 > 0 else None


def _after_channels(value: Value) -> tuple[int, ...]:
    return tuple(usual_axes(value))


def _chosen(value: Value, verdicts: Mapping[int, str]) -> tuple[int, ...]:
    """The axes along which something moves; where no window slides, also those after the channels (not the features of N×L×C)."""
    moving = {dim for dim, verdict in verdicts.items() if verdict != _SUMS}
    usual = set(_after_channels(value))
    if len(value.shape) == 3:
        usual -= {dim for dim, verdict in verdicts.items() if verdict == _SUMS}
    return tuple(sorted(moving if _SLIDES in verdicts.values() else moving | usual))


def _verdicts(trace: Trace, value: Value) -> dict[int, str]:
    """What the first op to tell says of each dimension of an input."""
    shape = value.shape
    dims = [dim for dim in range(-len(shape), 0) if shape[dim] > 1]
    if not dims:
        return {}
    fields: dict[int, Spans | None] = {
        value.id: tuple(Span(Lattice(((0, 0),), 1), (Walk(d, 1, shape[d]),), shape[d]) for d in dims)
    }
    found: dict[int, str] = {}
    for op in trace.ops:
        given = tuple([fields.get(one.id) for one in op.inputs])
        if not any(given):
            continue
        for i, span, verdict in _said(op, given):
            if span.pixels and not (verdict == _SLIDES and "pool" in op.kind and dims[i] == _channels(value)):
                found.setdefault(dims[i], verdict)
        if len(found) == len(dims) or (_SLIDES in found.values() and all(dim in found for dim in dims if dim > -len(shape))):
            break
        out = rule(op, given)
        for one, own in zip(op.outputs, out if isinstance(out, list) else [out] * len(op.outputs), strict=True):
            fields[one.id] = None if isinstance(own, Undefined) else own
    return found


def _channels(value: Value) -> int | None:
    """The axis after the batch of an image or a volume: local response normalisation pools along it."""
    return 1 - len(value.shape) if len(value.shape) > 3 else None


def _said(op: Op, given: tuple[Spans | None, ...]) -> Iterator[tuple[int, Span, str]]:
    """What an op says of the axes of its inputs: the number of the axis, its span, and the verdict."""
    for place, field in enumerate(given):
        if field is None:
            continue
        for verdict, holds in _signs(op, place, given):
            yield from ((i, span, verdict) for i, span in enumerate(field) if span.walks and holds(span, field))


Sign = Callable[[Span, Spans], bool]


def _signs(op: Op, place: int, given: tuple[Spans | None, ...]) -> Iterator[tuple[str, Sign]]:
    """By which an axis of the input at that place is told: where in the tensor its units are."""
    ndim = len(op.inputs[place].shape)
    if axes := _sliding(op):
        yield _SUMS, partial(_alone, -axes - 1)
        yield _SLIDES, partial(_within, -axes)
    elif op.kind == "unfold":
        yield _SLIDES, partial(_alone, op.attrs["dimension"] % ndim - ndim)
    elif op.kind == "scaled_dot_product_attention" and place < 3:
        yield _WEIGHS, partial(_alone, -2)
    elif op.kind in _SOFTMAX:
        yield _WEIGHS, partial(_alone, op.attrs["dim"] % ndim - ndim)
    elif op.kind in _STEPS and place == 0:
        yield _WEIGHS, partial(_alone, -2 if op.attrs.get("batch_first") or ndim == 2 else -3)
        yield _SUMS, partial(_alone, -1)
    elif op.kind in _PRODUCTS and sum(field is not None for field in given) == 1:
        first = 1 if op.kind in {"addmm", "baddbmm"} else 0
        yield _SUMS, partial(_alone, -1 if place == first else -2)


def _alone(dim: int, span: Span, field: Spans) -> bool:
    """Whether the axis is all that lies along a dimension."""
    return all(walk.dim == dim for walk in span.walks) and not any(other.walks_along(dim) for other in field if other is not span)


def _within(least: int, span: Span, field: Spans) -> bool:
    return any(walk.dim >= least for walk in span.walks)


def _sliding(op: Op) -> int:
    """Along how many of the last axes a window slides; 0 where none does."""
    known = RULES[op.kind, op.traits].receptive_field
    if (
        known is None
        or "norm" in op.kind
        or not any(sign in op.kind for sign in ("conv", "pool", "upsample", "im2col", "interpol"))
    ):
        return 0
    try:
        return 2 if op.kind == "im2col" else spatial_axes(op.kind)
    except ValueError:
        return 0
