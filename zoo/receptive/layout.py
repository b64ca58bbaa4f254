"""Rules of the ops that only put units elsewhere: other orders, other shapes, parts, several side by side.

Read `spans` first. A rule takes an op and the field of each of its inputs (None where an input does not depend on the image) and
returns the field of its output. What units see does not change here, only the digits by which they are numbered; so start with
`reshape` and `_parts`, which turn digits of one shape into digits of another. Then `_beside` puts units of several tensors next
to each other.

Maps 1×3×4×4 flattened to tokens 1×3×16: the row becomes the first digit of the token's number, the column the second.

>>> from zoo.receptive.spans import start
>>> from zoo.record.trace import Value
>>> maps, tokens = Value(0, (1, 3, 4, 4), "float32", "input"), Value(1, (1, 3, 16), "float32", "op")
>>> flatten = Op("flatten", 0, (maps,), ("self",), (tokens,), {"start_dim": 2})
>>> [span.walks for span in reshape(flatten, [start(maps)])]
[(Walk(dim=-1, inner=4, size=4),), (Walk(dim=-1, inner=1, size=4),)]
"""

from collections.abc import Sequence
from itertools import chain
from math import prod

from zoo.receptive import taps
from zoo.receptive.join import alive, common, join, together_whole
from zoo.receptive.sliding import data
from zoo.receptive.spans import Field, Span, Spans, Walk, check
from zoo.receptive.windows import NoField, Units
from zoo.record.trace import Op

Shape = tuple[int, ...]

MOST_APART = 4096
"""The largest number of units for which channels are followed separately although no view separates them."""


def same(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """The units do not move."""
    return fields[0]


def elementwise(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Each unit sees what the same unit of every input sees."""
    return fields[0] if len(fields) == 1 else join(op.kind, fields, op.outputs[0].shape)


def permute(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Dimension d of the output is dimension order[d] of the input.

    From N×C×H×W to channels last, N×H×W×C, the order is 0, 2, 3, 1: rows, dimension -2, become dimension -3.
    """
    ndim = len(op.outputs[0].shape)
    if op.kind == "permute":
        order = [d % ndim for d in op.attrs["dims"]]
    else:
        order = list(range(ndim))
        a, b = (0, 1) if op.kind == "t" else (op.attrs["dim0"] % ndim, op.attrs["dim1"] % ndim)
        if ndim > 1:
            order[a], order[b] = order[b], order[a]
    return tuple([span.relabelled(lambda dim: order.index(dim + ndim) - ndim) for span in data(fields)])


def reshape(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Dimensions that are merged share one dimension; a dimension that is split has several digits."""
    source, target = op.inputs[0].shape, op.outputs[0].shape
    return _viewed(data(fields), source, target)


def _viewed(spans: Spans, source: Shape, target: Shape) -> Spans:
    """The fields of a tensor of shape `source` in a view of shape `target`."""
    found = []
    for span in spans:
        parts: list[Walk] = []
        for walk in span.walks:
            parts += _parts(walk, source, target)
        found.append(Span(span.windows, tuple(_merged(parts)), span.pixels))
    return tuple(found)


def _parts(walk: Walk, source: Shape, target: Shape) -> list[Walk]:
    """The digits of `target` that a digit of `source` becomes, the first of which counts most.

    Both shapes number the same elements, row by row. In 1×3×16 the digit `Walk(-1, 4, 4)`, the row of a token, changes every 4
    elements and starts again after 16. In 1×3×4×4 this is dimension -2:

    >>> _parts(Walk(-1, 4, 4), (1, 3, 16), (1, 3, 4, 4))
    [Walk(dim=-2, inner=1, size=4)]

    A dimension that is split, into 2 windows of 2 rows, gives two digits:

    >>> _parts(Walk(-2, 1, 4), (1, 3, 4, 4), (1, 3, 2, 2, 4))
    [Walk(dim=-3, inner=1, size=2), Walk(dim=-2, inner=1, size=2)]
    """
    least = walk.inner * prod(source[len(source) + walk.dim + 1 :])  # the digit changes after so many elements,
    most = least * walk.size  # and starts again after so many
    parts, after = [], prod(target)
    for dim, n in enumerate(target, -len(target)):
        before, after = after, after // n if n else 0  # the same two of dimension `dim` of the target
        low, high = max(least, after), min(most, before)  # what both have in common
        if high > low:
            whole = high % low == low % least == most % high == low % after == 0
            if not whole:
                raise NoField(f"a view from {source} as {target} cuts across an axis")
            parts.append(Walk(dim, low // after, high // low))
    return parts


def _merged(walks: Sequence[Walk]) -> list[Walk]:
    """Digits that follow one another in the same dimension are one.

    >>> _merged([Walk(-1, 4, 4), Walk(-1, 1, 4)])
    [Walk(dim=-1, inner=1, size=16)]
    """
    merged: list[Walk] = []
    for walk in walks:
        if merged and merged[-1].dim == walk.dim and merged[-1].inner == walk.inner * walk.size:
            walk = Walk(walk.dim, walk.inner, merged.pop().size * walk.size)
        merged.append(walk)
    return merged


def shuffle(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Blocks of r×r units go to the channels (pixel_unshuffle), or come from them: a view, a permutation, and another view."""
    source, target = op.inputs[0].shape, op.outputs[0].shape
    *batch, c, h, w = source if op.kind == "pixel_unshuffle" else target  # the shape with the large maps
    r = op.attrs.get("downscale_factor") or op.attrs["upscale_factor"]
    blocks = (*batch, c, h // r, r, w // r, r)
    channels = (*batch, c, r, r, h // r, w // r)
    if op.kind == "pixel_unshuffle":
        before, after, order = blocks, channels, (-5, -3, -1, -4, -2)
    else:
        before, after, order = channels, blocks, (-5, -2, -4, -1, -3)
    spans = _viewed(data(fields), source, before)
    spans = tuple([span.relabelled(lambda dim: order.index(dim) - 5 if dim >= -5 else dim) for span in spans])
    return _viewed(spans, after, target)


def channel_shuffle(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Channels in groups are dealt out, one of each group after the other: a view, a transposition, and a view back."""
    source, spans = op.inputs[0].shape, data(fields)
    batch, channels, *sizes = source
    if not any(span.walks_along(1 - len(source)) for span in spans):
        return spans  # the same units see the same in every channel
    groups = op.attrs["groups"]
    before, after = (batch, groups, channels // groups, *sizes), (batch, channels // groups, groups, *sizes)
    first, second = 1 - len(before), 2 - len(before)
    moved = {first: second, second: first}
    spans = tuple([span.relabelled(lambda dim: moved.get(dim, dim)) for span in _viewed(spans, source, before)])
    return _viewed(spans, after, source)


def glu(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Each unit of the first half of a dimension with the same of the second half."""
    ndim = len(op.outputs[0].shape)
    dim = op.attrs.get("dim", -1) % ndim - ndim
    n, half = op.inputs[0].shape[dim], op.outputs[0].shape[dim]
    halves = [tuple([span.along(dim, n, taps.picked(first, 1, half)) for span in data(fields)]) for first in (0, half)]
    return join(op.kind, halves, op.outputs[0].shape)


def expand(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A unit that is repeated along its axis is the same at all positions."""
    source, target = op.inputs[0].shape, op.outputs[0].shape
    grown = [dim for dim in range(-len(source), 0) if source[dim] != target[dim]]
    found = []
    for span in data(fields):
        walks = [walk for walk in span.walks if walk.dim not in grown]
        found.append(span.with_units(span.windows, walks))
    return tuple(found)


def repeat(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """The tensor is repeated along some dimensions."""
    source, spans = op.inputs[0].shape, data(fields)
    for dim in range(-len(source), 0):
        copies = op.attrs["repeats"][dim]
        if copies > 1 and source[dim] == 1:
            spans = tuple([span.together((dim,)) for span in spans])  # one unit, now the same for all
        elif copies > 1:
            tap = taps.repeated(source[dim], copies)
            spans = tuple([span.along(dim, source[dim], tap) for span in spans])
    return spans


def select(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """One index of a dimension, which is removed."""
    ndim = len(op.inputs[0].shape)
    dim = op.attrs["dim"] % ndim - ndim
    return _selected(data(fields), dim, op.attrs["index"] % op.inputs[0].shape[dim])


def _selected(spans: Spans, dim: int, index: int) -> Spans:
    """Dimension `dim` is gone: those before it are one nearer to the end."""
    return tuple([span.alone(dim, index).relabelled(lambda d: d if d > dim else d + 1) for span in spans])


def slice_(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Every step-th unit from `start` on."""
    ndim = len(op.inputs[0].shape)
    dim = op.attrs.get("dim", 0) % ndim - ndim
    n, out = op.inputs[0].shape[dim], op.outputs[0].shape[dim]
    first, step = op.attrs.get("start") or 0, op.attrs.get("step", 1)
    first = max(first + n, 0) if first < 0 else min(first, n)
    if (out, step) == (n, 1):  # x[:], all of it
        return data(fields)
    return tuple([span.along(dim, n, taps.picked(first, step, out)) for span in data(fields)])


def embedding(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A row of a table, the first input, for each index; the rows are a new last dimension."""
    table, *indices = fields
    return tuple([span.relabelled(lambda dim: dim - 1) for span in data([*indices, table])])


def unsqueeze(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A new dimension; those before it move one place from the end. Several tensors stacked along it are concatenated."""
    ndim = len(op.outputs[0].shape)
    dim = op.attrs["dim"] % ndim - ndim

    def moved(field: Spans | None) -> Spans | None:
        return None if field is None else tuple([span.relabelled(lambda d: d if d > dim else d - 1) for span in field])

    one = list(op.outputs[0].shape)  # the shape of each tensor with the new dimension
    one[dim] = 1
    return _beside(op, list(map(moved, fields)), [tuple(one)] * len(fields), dim)


def unfold(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Windows of a dimension side by side; their places are a new last dimension.

    `Tensor.unfold` of 8 rows to windows of 3, 2 apart: 3 windows, of 3 places each. The digit of the row becomes two.
    """
    ndim = len(op.inputs[0].shape)
    dim = op.attrs["dimension"] % ndim - ndim
    n, count, size = op.inputs[0].shape[dim], op.outputs[0].shape[dim - 1], op.attrs["size"]
    found = []
    for span in data(fields):
        if span.walks_along(dim):
            span = span.along(dim, n, taps.overlapping(size, op.attrs["step"], count))
        walks: list[Walk] = []
        for walk in span.walks:
            if walk.dim == dim:
                walks += Walk(dim - 1, 1, count), Walk(-1, 1, size)
            else:
                walks.append(Walk(walk.dim - 1, walk.inner, walk.size))
        found.append(span.with_units(span.windows, walks))
    return tuple(found)


def cat(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Tensors are concatenated along a dimension. torch also takes empty ones of one dimension, and leaves them out."""
    ndim = len(op.outputs[0].shape)
    several = [(field, value.shape) for field, value in zip(fields, op.inputs, strict=True) if len(value.shape) == ndim]
    if len(several) == 1:
        return several[0][0]
    return _beside(op, [field for field, _ in several], [shape for _, shape in several], op.attrs.get("dim", 0) % ndim - ndim)


def _beside(op: Op, fields: Sequence[Spans | None], shapes: Sequence[Shape], dim: int) -> Field | None:
    """Along a dimension that belongs to no axis, this is a join; channels are only distinguished in exact fields, if they are few.
    Along an axis, units are followed one by one.
    """
    known = [field for field in fields if field is not None]
    spans = chain.from_iterable(known)
    along_an_axis = any(span.walks_along(dim) for span in spans)
    if not (along_an_axis or _told_apart(known, op.outputs[0].shape[dim])):
        return join(op.kind, known, op.outputs[0].shape)
    known = alive(op.kind, known, op.outputs[0].shape)
    living = iter(known)
    fields = [None if field is None else next(living) for field in fields]
    along_axes = [[None if field is None else field[axis] for field in fields] for axis in range(len(known[0]))]
    return tuple([_beside_along(several, shapes, dim) for several in along_axes])


def _beside_along(spans: Sequence[Span | None], shapes: Sequence[Shape], dim: int) -> Span:
    """Along one axis of the input. None is a constant."""
    known = [span for span in spans if span is not None]
    if len(known) == len(spans) and all(span.whole for span in known):
        return together_whole(known)
    first = known[0]
    if all(span == first and not span.walks_along(dim) for span in known):
        return first
    return _side_by_side(spans, shapes, dim)


def _told_apart(known: Sequence[Spans], channels: int) -> bool:
    """Return whether exact fields differ, and following each channel separately does not need large tables."""
    first = known[0]
    if not first[0].exact or all(field == first for field in known):
        return False
    most = max(span.units for span in chain.from_iterable(known))
    return most * channels <= MOST_APART


def _side_by_side(spans: Sequence[Span | None], shapes: Sequence[Shape], dim: int) -> Span:
    """Units of several tensors one after the other along `dim`; a constant (None) sees nothing.

    A class token, a constant, before 3 tokens that see one pixel each:

    >>> tokens = Span(Units((0b001, 0b010, 0b100)), (Walk(-1, 1, 3),), 3)
    >>> _side_by_side([None, tokens], [(1, 8, 1), (1, 8, 3)], -1).windows.sets
    (0, 1, 2, 4)
    """
    why = "tensors side by side along an axis"
    present = [span for span in spans if span is not None]
    outer = _common_outer(present, shapes, dim)
    rows, sizes = prod([walk.size for walk in outer]), [shape[dim] for shape in shapes]
    blocks = [_block(span, size, rows, (*outer, Walk(dim, 1, size)), why) for span, size in zip(spans, sizes, strict=True)]
    # Each block is a table of rows × size; the whole is rows × the sum of the sizes.
    sets: list[int] = []
    for row in range(rows):
        for block, size in zip(blocks, sizes, strict=True):
            sets += block[row * size : (row + 1) * size]
    check(len(sets) * present[0].pixels)
    reasons = [span.windows.reason if isinstance(span.windows, Units) else why for span in present]
    strides = {span.windows.stride for span in present}
    return Span(
        Units(tuple(sets), max(reasons), max(strides) if len(strides) == 1 else 0),
        (*outer, Walk(dim, 1, sum(sizes))),
        present[0].pixels,
    )


def _common_outer(spans: Sequence[Span], shapes: Sequence[Shape], dim: int) -> tuple[Walk, ...]:
    """Digits of the other dimensions, the same for all tensors. Raises `NoField` if they differ and follow no exact tables."""
    outer = {span.without_digits(dim) for span in spans}
    if len(outer) == 1:
        return outer.pop()
    if not spans[0].exact:
        raise NoField("tensors of different layouts are concatenated along an axis")
    walks, _ = common("cat", spans, shapes[0])
    return tuple([walk for walk in walks if walk.dim != dim])


def _block(span: Span | None, size: int, rows: int, walks: tuple[Walk, ...], why: str) -> tuple[int, ...]:
    """What each unit of one of the tensors sees, row by row."""
    if span is None:
        return (0,) * (rows * size)
    windows = span.tabled(why).arranged(walks, why).windows
    assert isinstance(windows, Units)
    return windows.sets


def split(op: Op, fields: Sequence[Spans | None]) -> list[Field | None]:
    """Parts of a dimension, each with its own field."""
    ndim = len(op.inputs[0].shape)
    dim = op.attrs.get("dim", 0) % ndim - ndim
    spans, n = data(fields), op.inputs[0].shape[dim]
    first, found = 0, []  # the index at which the next part begins
    for index, value in enumerate(op.outputs):
        if op.kind == "unbind":
            found.append(_selected(spans, dim, index))
            continue
        tap = taps.picked(first, 1, value.shape[dim])
        found.append(tuple([span.along(dim, n, tap) for span in spans]))
        first += value.shape[dim]
    return list(found)


def index(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Picking along one dimension, with constant indices: known ones (`picked`), or any where all units see the same."""
    pattern = op.attrs.get("indices", ("tensor",))  # x[:, idx] has (None, "tensor")
    dims = [i for i, item in enumerate(pattern) if item == "tensor"] if op.kind == "index" else [op.attrs["dim"]]
    ndim = len(op.inputs[0].shape)
    if len(dims) != 1 or fields[0] is None or any(fields[1:]) or len(op.outputs[0].shape) != ndim:
        raise NoField(f"{op.kind} selects units at positions that depend on values")
    dim = dims[0] % ndim - ndim
    if not any(span.walks_along(dim) for span in fields[0]):
        return fields[0]
    picked = op.attrs.get("picked")
    if picked is None:
        raise NoField(f"{op.kind} selects along an axis")
    n = op.inputs[0].shape[dim]
    return tuple([span.along(dim, n, taps.listed([i % n for i in picked])) for span in fields[0]])


def written(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A tensor that was partly overwritten through views of it."""
    if len({value.shape for value in op.inputs}) > 1:
        raise NoField("parts of the tensor were written to")
    return join("an in-place write", fields, op.outputs[0].shape)


def copied(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """The copied values replace the previous ones."""
    return fields[1]


def made(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Only the shape is read, so nothing is seen."""
    return None
