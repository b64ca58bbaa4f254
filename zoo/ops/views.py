"""Shapes of ops that only rearrange their input. Each is None where torch refuses, or where the size cannot be told."""

from math import prod

from zoo.ops.rule import Shape
from zoo.record.trace import Op


def unchanged(op: Op) -> Shape:
    """The shape stays."""
    return op.inputs[0].shape


def flatten(op: Op) -> Shape | None:
    """2×3×4×5 with the dimensions 1 to 2 in one: 2×12×5."""
    shape = op.inputs[0].shape
    first, last = _place(op.attrs["start_dim"], len(shape)), _place(op.attrs["end_dim"], len(shape))
    if first is None or last is None or first > last:
        return None
    return (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :])


def view(op: Op) -> Shape | None:
    """The sizes that were asked for, of which one may be -1: what is left over."""
    if "size" not in op.attrs or min(op.attrs["size"], default=0) < -1:  # it looks at another type of numbers, or is refused
        return None
    asked, elements = tuple(op.attrs["size"]), op.inputs[0].numel
    known = prod(size for size in asked if size != -1)
    if asked.count(-1) == 1 and known and elements % known == 0:
        return tuple(elements // known if size == -1 else size for size in asked)
    return asked if -1 not in asked and known == elements else None


def unsqueeze(op: Op) -> Shape | None:
    """A dimension of size 1 more, at `dim`."""
    shape = op.inputs[0].shape
    place = _place(op.attrs["dim"], len(shape) + 1)
    return None if place is None else (*shape[:place], 1, *shape[place:])


def squeeze(op: Op) -> Shape | None:
    """Without the dimension `dim`, or without those of `dim`, or all, of size 1; a dimension of another size stays."""
    shape, dim = op.inputs[0].shape, op.attrs.get("dim")
    asked = range(len(shape)) if dim is None else (dim,) if isinstance(dim, int) else dim
    gone = [_place(one, len(shape)) for one in asked]
    if None in gone or len({*gone}) < len(gone):
        return None
    return tuple(size for i, size in enumerate(shape) if i not in gone or size != 1)


def select(op: Op) -> Shape | None:
    """Without the dimension `dim`, of which one place is taken."""
    shape = op.inputs[0].shape
    place = _place(op.attrs["dim"], len(shape))
    if place is None or not -shape[place] <= op.attrs["index"] < shape[place]:
        return None
    return shape[:place] + shape[place + 1 :]


def slice_(op: Op) -> Shape | None:
    """Every `step`-th place from `start` to before `end` along `dim`."""
    shape = op.inputs[0].shape
    place = _place(op.attrs.get("dim", 0), len(shape))
    step = op.attrs.get("step", 1)
    if place is None or step < 1:
        return None
    taken = range(shape[place])[op.attrs.get("start") : op.attrs.get("end") : step]
    return (*shape[:place], len(taken), *shape[place + 1 :])


def pad(op: Op) -> Shape | None:
    """Each pair of paddings, from the last dimension on, before and after it. Mirrored borders need an input as large."""
    shape, pads = list(op.inputs[0].shape), op.attrs["pad"]
    if len(pads) % 2 or len(pads) > 2 * len(shape) or op.attrs.get("mode", "constant") != "constant":
        return None
    for i in range(len(pads) // 2):
        shape[-1 - i] += pads[2 * i] + pads[2 * i + 1]
    return tuple(shape) if min(shape, default=0) >= 0 else None


def _place(dim: int, dims: int) -> int | None:
    """A dimension counted from the front; None if there is none such."""
    return dim % dims if -dims <= dim < dims else None
