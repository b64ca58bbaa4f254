"""Rules of the ops that only put units elsewhere: other orders, other shapes, parts, several side by side."""

from collections.abc import Sequence
from math import prod

from zoo.receptive import taps
from zoo.receptive.join import alive, common, join, together_whole
from zoo.receptive.sliding import data
from zoo.receptive.spans import Field, Span, Spans, Walk, check
from zoo.receptive.windows import NoField, Units
from zoo.tracing.record import WRITE, Op

Shape = tuple[int, ...]

MOST_APART = 4096
"""Units of the longest table in which channels are told apart that no view has set apart."""


def same(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """The units stay where they are."""
    return fields[0]


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
    return tuple([span.relabelled(lambda dim: order.index(dim + ndim) - ndim) for span in data(fields)])


def reshape(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Dimensions that fall together share one; one that is split has several digits."""
    source, target = op.inputs[0].shape, op.output.shape
    return _viewed(data(fields), source, target)


def _viewed(spans: Spans, source: Shape, target: Shape) -> Spans:
    return tuple([span.at(span.windows, _merged([p for w in span.walks for p in _parts(w, source, target)])) for span in spans])


def _parts(walk: Walk, source: Shape, target: Shape) -> list[Walk]:
    """The digits of `target` that a digit of `source` becomes, the first of which counts most."""
    least = walk.inner * prod(source[len(source) + walk.dim + 1 :])
    most = least * walk.size
    parts, after = [], prod(target)
    for dim, n in enumerate(target, -len(target)):
        before, after = after, after // n if n else 0
        low, high = max(least, after), min(most, before)
        if high > low:
            if high % low or low % least or most % high or low % after:
                raise NoField(f"a view from {'×'.join(map(str, source))} as {'×'.join(map(str, target))} cuts across an axis")
            parts.append(Walk(dim, low // after, high // low))
    return parts


def _merged(walks: Sequence[Walk]) -> list[Walk]:
    merged: list[Walk] = []
    for walk in walks:
        if merged and merged[-1].dim == walk.dim and merged[-1].inner == walk.inner * walk.size:
            walk = Walk(walk.dim, walk.inner, merged.pop().size * walk.size)
        merged.append(walk)
    return merged


def shuffle(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Blocks of r×r units go to the channels (pixel_unshuffle), or come from them."""
    source, target = op.inputs[0].shape, op.output.shape
    *batch, c, h, w = source if op.kind == "pixel_unshuffle" else target
    r = op.attrs.get("downscale_factor") or op.attrs["upscale_factor"]
    blocks, channels = (*batch, c, h // r, r, w // r, r), (*batch, c, r, r, h // r, w // r)
    orders = (-5, -3, -1, -4, -2), (-5, -2, -4, -1, -3)
    if op.kind == "pixel_unshuffle":
        views, order = (source, blocks, channels, target), orders[0]
    else:
        views, order = (source, channels, blocks, target), orders[1]
    spans = _viewed(data(fields), views[0], views[1])
    spans = tuple([span.relabelled(lambda dim: order.index(dim) - 5 if dim >= -5 else dim) for span in spans])
    return _viewed(spans, views[2], views[3])


def expand(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A unit that is repeated along its axis is the same for all."""
    source, target = op.inputs[0].shape, op.output.shape
    grown = [dim for dim in range(-len(source), 0) if source[dim] != target[dim]]
    return tuple([span.at(span.windows, [walk for walk in span.walks if walk.dim not in grown]) for span in data(fields)])


def repeat(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """The whole tensor several times along some dimensions."""
    source, spans = op.inputs[0].shape, data(fields)
    for dim in range(-len(source), 0):
        if (times := op.attrs["repeats"][dim]) > 1:
            tap = taps.repeated(source[dim], times)
            spans = tuple([span.together((dim,)) if source[dim] == 1 else span.along(dim, source[dim], tap) for span in spans])
    return spans


def select(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """One index of a dimension, which is gone."""
    ndim = len(op.inputs[0].shape)
    dim = op.attrs["dim"] % ndim - ndim
    return _selected(data(fields), dim, op.attrs["index"] % op.inputs[0].shape[dim])


def _selected(spans: Spans, dim: int, index: int) -> Spans:
    return tuple([span.alone(dim, index).relabelled(lambda d: d if d > dim else d + 1) for span in spans])


def slice_(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Every step-th unit from start on."""
    ndim = len(op.inputs[0].shape)
    dim = op.attrs.get("dim", 0) % ndim - ndim
    n, out = op.inputs[0].shape[dim], op.output.shape[dim]
    first, step = op.attrs.get("start") or 0, op.attrs.get("step", 1)
    first = max(first + n, 0) if first < 0 else min(first, n)
    if (out, step) == (n, 1):
        return data(fields)
    return tuple([span.along(dim, n, taps.picked(first, step, out)) for span in data(fields)])


def unsqueeze(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A new dimension; those before it are one further from the end. Several tensors stacked along it are put side by side."""
    ndim = len(op.output.shape)
    dim = op.attrs["dim"] % ndim - ndim
    moved = [f if f is None else tuple([s.relabelled(lambda d: d if d > dim else d - 1) for s in f]) for f in fields]
    one = list(op.output.shape)
    one[dim] = 1
    return _beside(op, moved, [tuple(one)] * len(fields), dim)


def unfold(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Windows of a dimension side by side; their places are a new last dimension."""
    ndim = len(op.inputs[0].shape)
    dim = op.attrs["dimension"] % ndim - ndim
    n, count, size = op.inputs[0].shape[dim], op.output.shape[dim - 1], op.attrs["size"]
    found = []
    for span in data(fields):
        if any(walk.dim == dim for walk in span.walks):
            span = span.along(dim, n, taps.overlapping(size, op.attrs["step"], count))
        walks = [Walk(d - 1, inner, times) for d, inner, times in span.walks]
        split = [(Walk(dim - 1, 1, count), Walk(-1, 1, size)) if walk.dim == dim - 1 else (walk,) for walk in walks]
        found.append(span.at(span.windows, [walk for several in split for walk in several]))
    return tuple(found)


def cat(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Tensors side by side along a dimension."""
    ndim = len(op.output.shape)
    return _beside(op, fields, [value.shape for value in op.inputs], op.attrs.get("dim", 0) % ndim - ndim)


def _beside(op: Op, fields: Sequence[Spans | None], shapes: Sequence[Shape], dim: int) -> Field | None:
    """Along a dimension that no axis walks, a join: channels are told apart only pixel by pixel, if they are few. Along an axis,
    unit by unit.
    """
    known = [field for field in fields if field is not None]
    walked = any(walk.dim == dim for field in known for span in field for walk in span.walks)
    if not (walked or _told_apart(known, op.output.shape[dim])):
        return join(op.kind, known, op.output.shape)
    axes: list[Span] = []
    known = alive(op.kind, known, op.output.shape)
    living = iter(known)
    fields = [None if field is None else next(living) for field in fields]
    for axis, first in enumerate(known[0]):
        spans = [None if field is None else field[axis] for field in fields]
        if all(span is not None and span.whole for span in spans):
            axes.append(together_whole([span for span in spans if span is not None]))
        elif all(span is None or (span == first and all(walk.dim != dim for walk in span.walks)) for span in spans):
            axes.append(first)
        else:
            axes.append(_side_by_side(spans, shapes, dim))
    return tuple(axes)


def _told_apart(known: Sequence[Spans], channels: int) -> bool:
    """Whether fields differ that are exact, and it takes no long tables to follow each channel by itself."""
    first = known[0]
    return (
        first[0].exact
        and any(field != first for field in known)
        and max(span.units for field in known for span in field) * channels <= MOST_APART
    )


def _side_by_side(spans: Sequence[Span | None], shapes: Sequence[Shape], dim: int) -> Span:
    """Units of several tensors behind each other along `dim`; a constant sees nothing."""
    why = "tensors side by side along an axis"
    present, sizes = [span for span in spans if span is not None], [shape[dim] for shape in shapes]
    others = {tuple(walk for walk in span.walks if walk.dim != dim) for span in present}
    if len(others) > 1:
        if not present[0].exact:
            raise NoField("tensors of different layouts side by side along an axis")
        others = {tuple(walk for walk in common("cat", present, shapes[0])[0] if walk.dim != dim)}
    outer = others.pop()
    rows = prod(walk.size for walk in outer)
    blocks = []
    for span, size in zip(spans, sizes, strict=True):
        if span is None:
            blocks.append((0,) * (rows * size))
            continue
        windows = span.tabled(why).arranged((*outer, Walk(dim, 1, size)), why).windows
        assert isinstance(windows, Units)
        blocks.append(windows.sets)
    sets = [s for row in range(rows) for block, n in zip(blocks, sizes, strict=True) for s in block[row * n : row * n + n]]
    check(len(sets) * present[0].pixels)
    reasons = [span.windows.reason if isinstance(span.windows, Units) else why for span in present]
    return Span(Units(tuple(sets), max(reasons)), (*outer, Walk(dim, 1, sum(sizes))), present[0].pixels)


def split(op: Op, fields: Sequence[Spans | None]) -> list[Field | None]:
    """The parts of a dimension, each with a field of its own."""
    ndim = len(op.inputs[0].shape)
    dim = op.attrs.get("dim", 0) % ndim - ndim
    spans, n, first, found = data(fields), op.inputs[0].shape[dim], 0, []
    for index, value in enumerate(op.outputs):
        if op.kind == "unbind":
            found.append(_selected(spans, dim, index))
            continue
        tap = taps.picked(first, 1, value.shape[dim])
        found.append(tuple([span.along(dim, n, tap) for span in spans]))
        first += value.shape[dim]
    return list(found)


def index(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Picking along one dimension that no axis walks, with constant indices."""
    pattern = op.attrs.get("indices", ("tensor",))
    dims = [i for i, item in enumerate(pattern) if item == "tensor"] if op.kind == "index" else [op.attrs["dim"]]
    ndim = len(op.inputs[0].shape)
    if len(dims) != 1 or fields[0] is None or any(fields[1:]) or len(op.output.shape) != ndim:
        raise NoField(f"{op.kind} picks units anywhere")
    if any(walk.dim == dims[0] % ndim - ndim for span in fields[0] for walk in span.walks):
        raise NoField(f"{op.kind} along an axis")
    return fields[0]


def written(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A tensor, parts of which were written through views of it."""
    if len({value.shape for value in op.inputs}) > 1:
        raise NoField("parts of the tensor were written to")
    return join("an in-place write", fields, op.output.shape)


def copied(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """What is copied replaces what was there."""
    return fields[1]


def made(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Only the shape was read."""
    return None


RULES = {
    **dict.fromkeys(("batch_norm", "dropout", "feature_dropout", "alpha_dropout", "relu6", "selu", "hardtanh"), same),
    **dict.fromkeys(
        ("contiguous", "to", "_to_copy", "clone", "alias", "detach", "lift_fresh", "hardswish", "channel_shuffle"), same
    ),
    **dict.fromkeys(("permute", "transpose", "t"), permute),
    **dict.fromkeys(("reshape", "view", "flatten", "_unsafe_view", "squeeze"), reshape),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), shuffle),
    "expand": expand,
    "repeat": repeat,
    "select": select,
    "slice": slice_,
    **dict.fromkeys(("unsqueeze", "stack"), unsqueeze),
    "unfold": unfold,
    "cat": cat,
    **dict.fromkeys(("chunk", "split", "split_with_sizes", "tensor_split", "unbind"), split),
    **dict.fromkeys(("index", "index_select"), index),
    WRITE: written,
    "copy": copied,
    **dict.fromkeys(
        ("fill", "zero", "zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full"), made
    ),
}
