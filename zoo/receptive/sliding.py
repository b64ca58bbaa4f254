"""Rules of the ops whose units read a window of their input: convolution, pooling, interpolation, padding.

Read `taps` and `spans` first. A rule takes an op and the field of each of its inputs (None where an input does not depend on the
image) and returns the field of its output. Start with `slide`: every rule here finds the `Taps` of its op for each dimension and
leaves the rest to `Span.along`.

A convolution 3×3 with stride 2 and padding 1 on an image 1×3×8×8:

>>> from zoo.receptive.spans import start
>>> from zoo.record.trace import Value
>>> image = Value(0, (1, 3, 8, 8), "float32", "input")
>>> weight = Value(1, (16, 3, 3, 3), "float32", "parameter")
>>> maps = Value(2, (1, 16, 4, 4), "float32", "op")
>>> op = Op("conv2d", 0, (image, weight), ("input", "weight"), (maps,), {"stride": (2, 2), "padding": (1, 1)})
>>> rows, columns = conv(op, [start(image), None])
>>> columns
Span(windows=Lattice(phases=((-1, 1),), shift=2), walks=(Walk(dim=-1, inner=1, size=4),), pixels=8)
"""

from collections.abc import Callable, Sequence

from zoo.receptive import taps
from zoo.receptive.spans import Field, Span, Spans, Walk, along_each, walked
from zoo.receptive.taps import Taps
from zoo.receptive.windows import NoField
from zoo.record.trace import Op, by_axis, each_axis, spatial_axes


def data(fields: Sequence[Spans | None]) -> Spans:
    """Return the field of the first input, which must be the only input that depends on the network's input."""
    first = fields[0]
    if first is None or (len(fields) > 1 and any(fields[1:])):
        raise NoField("arguments depend on the input")
    return first


def slide(op: Op, spans: Spans, axes: int, tap: Callable[[int, int, int], Taps]) -> Spans:
    """Through the last `axes` dimensions; `tap` takes a dimension, the units before and the units after. The other ones stay."""
    source, target = op.inputs[0].shape, op.outputs[0].shape  # N×C×sizes before and after
    return along_each(spans, source, {dim: tap(dim, source[dim], target[dim]) for dim in range(-axes, 0)})


def _window(op: Op, spans: Spans, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Spans:
    """Through the window of a convolution or a pooling. `kernel`, `stride`, ... are by axis, and so can be indexed from the end."""
    before, _ = paddings(op.attrs.get("padding", 0), kernel, dilation)

    def tap(dim: int, n: int, count: int) -> Taps:
        return taps.window(kernel[dim], stride[dim], before[dim], dilation[dim], count)

    return slide(op, spans, len(kernel), tap)


def paddings(
    padding: str | int | Sequence[int], kernel: Sequence[int], dilation: Sequence[int]
) -> tuple[Sequence[int], Sequence[int]]:
    """Padding before and after each axis; where that of "same" is odd, the larger half comes last.

    >>> paddings("same", (5, 4), (1, 1))
    ((2, 1), (2, 2))
    """
    if padding == "same":
        both = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple(p // 2 for p in both), tuple(p - p // 2 for p in both)
    even = (0,) * len(kernel) if isinstance(padding, str) else each_axis(padding, len(kernel))
    return even, even


def conv(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A convolution sums over the channels of a group; with weights that depend on the input there is no window."""
    spans = fields[0]
    if spans is None or any(fields[1:]):
        raise NoField(f"{op.kind} with weights that depend on the input")
    kernel = op.inputs[op.roles.index("weight")].shape[2:]  # C_out×C_in/groups×kernel
    axes = len(kernel)
    summed = _channels(op, spans, -axes - 1)
    stride, dilation = by_axis(op, axes, stride=1, dilation=1)
    if "transpose" not in op.kind:
        return _window(op, summed, kernel, stride, dilation)
    padding = each_axis(op.attrs.get("padding", 0), axes)

    def tap(dim: int, n: int, count: int) -> Taps:
        return taps.transposed(kernel[dim], stride[dim], padding[dim], dilation[dim], count)

    return slide(op, summed, axes, tap)


def _channels(op: Op, spans: Spans, dim: int) -> Spans:
    """Sum over the channels: exact fields per group, formulas for all channels together."""
    groups = op.attrs.get("groups", 1)
    if groups == 1 or not spans[0].exact:
        return tuple([span.together((dim,)) for span in spans])
    source, target = op.inputs[0].shape[dim], op.outputs[0].shape[dim]
    return tuple([span.along(dim, source, taps.grouped(source, target, groups)) for span in spans])


def pool(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A window without weights; the default stride is the window's size. One window over the whole map is global pooling."""
    axes = spatial_axes(op.kind)
    kernel, dilation = by_axis(op, axes, kernel_size=None, dilation=1)
    stride = each_axis(op.attrs["stride"], axes) if op.attrs.get("stride") else kernel
    source, target = op.inputs[0].shape, op.outputs[0].shape
    whole = [dim for dim in range(-axes, 0) if target[dim] == 1 and kernel[dim] >= source[dim] > 1]
    found = _window(op, data(fields), kernel, stride, dilation)
    if not whole:
        return found
    return tuple([span.everywhere(span.walks) if _lies_in(span, whole) else span for span in found])


def _lies_in(span: Span, dims: Sequence[int]) -> bool:
    """Whether a law's units lie in one of these dimensions and nowhere else."""
    return len(span.walks) == 1 and span.walks[0].dim in dims and not span.exact


def adaptive_pool(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A single output unit covers the whole axis; several divide the axis into windows of possibly different sizes."""
    axes = spatial_axes(op.kind)
    source, target = op.inputs[0].shape, op.outputs[0].shape
    whole = [dim for dim in range(-axes, 0) if target[dim] == 1 and source[dim] > 1]
    spans = data(fields)
    if whole:
        spans = tuple([span if span.exact else span.together(whole) for span in spans])
    return slide(op, spans, axes, lambda dim, n, count: taps.adaptive(n, count))


def interpolate(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """The nearest neighbour, or the neighbours on both sides: see `taps.interpolated`."""
    axes = spatial_axes(op.kind)
    factors = op.attrs.get("scale_factors") or (None,) * axes

    def tap(dim: int, n: int, count: int) -> Taps:
        if "nearest" in op.kind:
            centred, factor = "exact" in op.kind, factors[dim]
            ignores_factor = not centred and count in {n, 2 * n}  # torch has a shortcut for these sizes; in 3-d not always
            if axes == 3 and ignores_factor and factor not in {None, count / n}:
                raise NoField(f"which of {n} units are the {count} nearest by {factor:g} depends on memory order")
            return taps.nearest(n, count, factor, centred=centred, axes=axes)
        reach = 2 if "cubic" in op.kind else 1
        return taps.interpolated(n, count, factors[dim], reach, corners=bool(op.attrs.get("align_corners")))

    return slide(op, data(fields), axes, tap)


def columns(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """im2col: the windows of a convolution, in one dimension: N×C×H×W becomes N×(C·k·k)×(number of windows).

    On 8×8 pixels with a kernel of 2 and stride 2 there are 4×4 windows; their row is the digit `Walk(-1, 4, 4)`.
    """
    size, stride, padding, dilation = by_axis(op, 2, kernel_size=None, stride=None, padding=None, dilation=None)
    source = op.inputs[0].shape
    reach = [dilation[d] * (size[d] - 1) + 1 for d in (-2, -1)]
    counts = [(source[d] + 2 * padding[d] - reach[d]) // stride[d] + 1 for d in (-2, -1)]  # windows along each dimension
    found = []
    for span in data(fields):
        span = span.together((-3,))
        for dim in (-2, -1):
            span = span.along(dim, source[dim], taps.window(size[dim], stride[dim], padding[dim], dilation[dim], counts[dim]))
        places = {-2: Walk(-1, counts[1], counts[0]), -1: Walk(-1, 1, counts[1])}
        found.append(span.with_units(span.windows, [places.get(walk.dim, walk) for walk in span.walks]))
    return tuple(found)


def pad(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """The first unit moves by what is put before it."""
    sizes = op.attrs.get(
        "pad", op.attrs.get("padding", ())
    )  # (before, after) of the last dimension, then of the one before it, ...
    mode = op.attrs.get("mode") or {"reflection": "reflect", "replication": "replicate"}.get(op.kind.split("_")[0], "constant")
    source, target = op.inputs[0].shape, op.outputs[0].shape
    padded = range(-len(sizes) // 2, 0)
    spans = walked(data(fields), [dim for dim in padded if dim >= 2 - len(source)], source)
    for dim in padded:
        before, after = sizes[-2 * dim - 2], sizes[-2 * dim - 1]
        if before or after:
            tap = taps.padded(source[dim], before, target[dim], mode)
            spans = tuple([span.along(dim, source[dim], tap) for span in spans])
    return spans


def roll(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Units are rotated along a dimension."""
    shape, spans = op.outputs[0].shape, data(fields)
    if not op.attrs.get("dims"):
        raise NoField("roll of a flattened tensor")
    for dim, by in zip(op.attrs["dims"], op.attrs["shifts"], strict=True):
        dim = dim % len(shape) - len(shape)
        if by % max(shape[dim], 1):
            spans = tuple([span.along(dim, shape[dim], taps.rolled(shape[dim], by)) for span in spans])
    return spans


def flip(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """The order of the units is reversed."""
    shape, spans = op.outputs[0].shape, data(fields)
    for dim in op.attrs["dims"]:
        dim = dim % len(shape) - len(shape)
        spans = tuple([span.along(dim, shape[dim], taps.picked(shape[dim] - 1, -1, shape[dim])) for span in spans])
    return spans


def so_far(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A cumulative sum: each unit sees all before it."""
    shape = op.outputs[0].shape
    dim = op.attrs["dim"] % len(shape) - len(shape)
    return tuple([span.along(dim, shape[dim], taps.so_far(shape[dim])) for span in data(fields)])
