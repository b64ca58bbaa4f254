"""Layers of Caffe that put elements elsewhere and compute nothing."""

from math import prod

from zoo.graph_files.caffe.layer import Layer, Section
from zoo.graph_files.node import VIEW
from zoo.record.trace import Value
from zoo.util.text import sizes


def _along(layer: Layer, section: Section, old: str) -> int:
    """The axis of a concatenation or a slice, which has two names."""
    return layer.axis(section.integer(old, 1) if section.all(old) else section.integer("axis", 1, -8))


def concat(layer: Layer) -> list[Value]:
    """Bottoms one after the other along an axis."""
    section = layer.section.section("concat_param")
    axis = _along(layer, section, "concat_dim")
    section.check("")
    shape = layer.x.shape
    for value in layer.inputs:
        if (*value.shape[:axis], *value.shape[axis + 1 :]) != (*shape[:axis], *shape[axis + 1 :]):
            layer.fail(
                f"expected bottoms that differ along axis {axis} only, got {' and '.join(sizes(v.shape) for v in layer.inputs)}"
            )
    whole = sum(value.shape[axis] for value in layer.inputs)
    given = [("tensors", value) for value in layer.inputs]
    return [layer.step("cat", given, (*shape[:axis], whole, *shape[axis + 1 :]), {"dim": axis})]


def slice_(layer: Layer) -> list[Value]:
    """Into equal parts, or at points."""
    section, x = layer.section.section("slice_param"), layer.x
    axis, points, several = _along(layer, section, "slice_dim"), section.integers("slice_point", 1), len(layer.tops)
    section.check("")
    n = x.shape[axis]
    if not points and n % several:
        layer.fail(f"{n} along axis {axis} do not divide into {several} equal parts")
    ends = [*points, n] if points else [n // several * (i + 1) for i in range(several)]
    if len(ends) != several or any(a >= b for a, b in zip([0, *ends], ends, strict=False)):
        section.fail("slice_point", f"expected {several - 1} growing numbers below {n}, got {', '.join(map(str, points))}")
    found = []
    for start, end in zip([0, *ends], ends, strict=False):
        attrs = {"dim": axis, "start": start, "end": end, "step": 1}
        found.append(layer.step("slice", [("self", x)], (*x.shape[:axis], end - start, *x.shape[axis + 1 :]), attrs, VIEW))
    return found


def crop(layer: Layer) -> list[Value]:
    """The part of the first bottom, from the offsets on, that has the sizes of the second, from an axis on."""
    section, x, like = layer.section.section("crop_param"), layer.x, layer.input(1)
    axis, offsets = layer.axis(section.integer("axis", 2, -8)), section.integers("offset")
    section.check("")
    axes = range(axis, len(x.shape))
    if len(like.shape) != len(x.shape):
        layer.fail(f"expected bottoms with equally many axes, got {sizes(x.shape)} and {sizes(like.shape)}")
    if len(offsets) > 1 and len(offsets) != len(axes):
        section.fail("offset", f"expected one number or {len(axes)}, got {len(offsets)}")
    offsets = (offsets or [0]) * (1 if len(offsets) > 1 else len(axes))
    for i, start in zip(axes, offsets, strict=True):
        n, end = x.shape[i], start + like.shape[i]
        if end > n:
            layer.fail(f"cannot crop {like.shape[i]} from {start} on out of {n} along axis {i}")
        if end - start < n:
            attrs = {"dim": i, "start": start, "end": end, "step": 1}
            x = layer.step("slice", [("self", x)], (*x.shape[:i], end - start, *x.shape[i + 1 :]), attrs, VIEW)
    return [x]


def flatten(layer: Layer) -> list[Value]:
    """Several axes become one."""
    section, shape = layer.section.section("flatten_param"), layer.x.shape
    start, end = layer.axis(section.integer("axis", 1, -8)), layer.axis(section.integer("end_axis", -1, -8))
    section.check("")
    flat = (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])
    return [layer.step("flatten", [("self", layer.x)], flat, {"start_dim": start, "end_dim": end}, VIEW)]


def reshape(layer: Layer) -> list[Value]:
    """0 keeps a size, and -1 is what is left."""
    section, shape = layer.section.section("reshape_param"), layer.x.shape
    dims = section.section("shape").integers("dim", -1)
    start = section.integer("axis", 0, -8)
    start = start if start >= 0 else len(shape) + start + 1
    several = section.integer("num_axes", -1, -1)
    end = len(shape) if several == -1 else start + several
    section.check("")
    if not 0 <= start <= end <= len(shape) or dims.count(-1) > 1:
        layer.fail(f"its axes and sizes do not fit an input of {sizes(shape)}")
    if any(n == 0 and start + i >= len(shape) for i, n in enumerate(dims)):
        layer.fail(f"it keeps a size of an axis that an input of {sizes(shape)} does not have")
    made = [shape[start + i] if n == 0 else n for i, n in enumerate(dims)]
    inner, known = prod(shape[start:end]), prod(n for n in made if n != -1)
    if -1 in made:
        made[made.index(-1)] = inner // known
    if prod(made) != inner:
        layer.fail(f"cannot reshape {sizes(shape[start:end])} to {', '.join(map(str, dims))}")
    return [layer.step("reshape", [("self", layer.x)], (*shape[:start], *made, *shape[end:]), {}, VIEW)]


def permute(layer: Layer) -> list[Value]:
    """Axes in another order; those that are not named keep theirs."""
    order = [layer.axis(n) for n in layer.section.section("permute_param").integers("order")]
    order += [i for i in range(len(layer.x.shape)) if i not in order]
    if sorted(order) != list(range(len(layer.x.shape))):
        layer.fail("order: an axis occurs twice")
    shape = [layer.x.shape[i] for i in order]
    return [layer.step("permute", [("self", layer.x)], shape, {"dims": tuple(order)}, VIEW)]


def tile(layer: Layer) -> list[Value]:
    """The same elements several times along an axis."""
    section, shape = layer.section.section("tile_param"), layer.x.shape
    axis, times = layer.axis(section.integer("axis", 1, -8)), section.needed("tiles")
    made = (*shape[:axis], shape[axis] * times, *shape[axis + 1 :])
    repeats = tuple(times if i == axis else 1 for i in range(len(shape)))
    return [layer.step("repeat", [("self", layer.x)], made, {"repeats": repeats})]


def split(layer: Layer) -> list[Value]:
    """The same values for several layers."""
    return [layer.x] * len(layer.tops)


def nothing(layer: Layer) -> list[Value]:
    """A layer without tops that computes nothing."""
    return []


def parameter(layer: Layer) -> list[Value]:
    """A learned tensor as a top."""
    return [layer.param("weight", layer.section.section("parameter_param").section("shape").shape())]
