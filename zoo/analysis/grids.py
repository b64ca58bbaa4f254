"""Where feature maps lie in a tensor: channels first (N×C×H×W), channels last (N×H×W×C), or as tokens (N×HW×C).

Tokens are units of a grid in rows, after those that stand for no place (a class token, registers). A shape alone does not tell
one from the other, nor maps from the weights of attention, so the maps that a tensor was made of are followed through the network:
a tensor is read as maps of the same size, or of a size that a whole factor makes of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from zoo.record.trace import Op, Trace

FIRST, LAST, TOKENS = "channels first", "channels last", "tokens"
_MOST_EXTRA = 16
_WINDOWS = ("conv", "pool", "upsample", "interpolate", "batch_norm", "group_norm", "instance_norm", "pixel_")
_MOVES = frozenset({"permute", "transpose", "view", "reshape", "flatten", "unflatten"})
_SUMS_LAST = frozenset({"linear", "layer_norm", "rms_norm"})


@dataclass(frozen=True, slots=True)
class Grid:
    """Feature maps in a tensor: how many, their sizes, how much coarser than the image they are, and how they lie.

    `extra` tokens come before those of the grid.
    """

    channels: int
    size: tuple[int, ...]
    stride: int
    layout: str = FIRST
    extra: int = 0


def grids(trace: Trace) -> Mapping[int, Grid]:
    """The feature maps of more than one unit that each op returns, by the number of the op."""
    image = trace.inputs[0].shape[2:]
    if not image:
        return {}
    found: dict[int, Grid] = {}
    own: dict[int, Grid] = {}
    last: dict[int, Grid] = {}  # by value, the maps that it was made of
    for number, op in enumerate(trace.ops):
        if not op.outputs:
            continue
        alike = [own[value.id] for value in op.inputs if value.id in own and value.shape == op.output.shape]
        made_of = [last[value.id] for value in op.inputs if value.id in last]
        before = max(made_of, key=lambda grid: prod(grid.size)) if made_of else None
        grid = alike[0] if alike and op.kind not in _MOVES else _grid(op, image, before)
        if grid is not None and prod(grid.size) > 1:
            found[number] = own[op.output.id] = before = grid
        if before is not None:
            last.update((value.id, before) for value in op.outputs)
    return found


def reductions(image: Sequence[int], size: Sequence[int]) -> list[int]:
    """How much smaller maps are than the image along each axis, to the nearest whole number."""
    return [max(round(before / n), 1) for before, n in zip(image, size, strict=True)]


def _grid(op: Op, image: Sequence[int], before: Grid | None) -> Grid | None:
    """The feature maps that an op returns; None if its output is something else. `before` are those that it was made of."""
    shape = op.output.shape
    if len(shape) == len(image) + 2:
        first = Grid(shape[1], shape[2:], max(reductions(image, shape[2:])) if min(shape) else 0)
        crops = before is not None and before.layout == FIRST and ("slice" in op.kind or "pad" in op.kind)
        if before is None or crops or any(sign in op.kind for sign in _WINDOWS):
            return first if all(n <= size for n, size in zip(first.size, image, strict=True)) else None
        as_first, as_last = _coarser(before, shape[2:]), _coarser(before, shape[1:-1])
        if as_last is not None and (as_first is None or _sums_last(op, before)):
            return replace(as_last, channels=shape[-1], layout=LAST)
        return first if as_first is not None else None
    if len(shape) != 3 or before is None or len(image) != 2:
        return None
    flattened = op.kind in {"flatten", "view", "reshape"} and before.layout == FIRST and shape[1] == before.channels
    return None if flattened else _tokens(shape, before)  # N×C×HW, even where HW is C


def _coarser(before: Grid, size: Sequence[int]) -> Grid | None:
    """The maps `before` at a size that a whole factor makes of theirs."""
    factors = set(reductions(before.size, size)) if min(size) else set()
    if len(factors) != 1:
        return None
    factor = factors.pop()
    if not all(n in {whole // factor, -(-whole // factor)} for n, whole in zip(size, before.size, strict=True)):
        return None
    return replace(before, size=tuple(size), stride=before.stride * factor, extra=0)


def _sums_last(op: Op, before: Grid) -> bool:
    """Whether the last axis of a tensor such as N×64×64×64 has the channels: by the layer that wrote it, or the maps before."""
    if op.kind in {"permute", "transpose"}:
        return before.layout == FIRST
    return op.kind in _SUMS_LAST or before.layout == LAST


def _tokens(shape: Sequence[int], before: Grid) -> Grid | None:
    """N×L×C as a grid: of the size before, or coarser by a whole factor, after the tokens that are left over."""
    _, length, channels = shape
    for factor in range(1, min(before.size) + 1):
        size = tuple(-(-n // factor) for n in before.size)
        extra = length - prod(size)
        if 0 <= extra <= (_MOST_EXTRA if factor == 1 else 0) and extra < prod(size):
            return Grid(channels, size, before.stride * factor, TOKENS, extra)
    return None
