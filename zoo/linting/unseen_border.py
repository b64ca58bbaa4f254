"""Pixels at the border of the image that no unit sees."""

from collections.abc import Iterator

from zoo.extend import CONVOLUTIONS, POOLINGS, Hit, Network, Op, Rule, carry, each_axis, kernel, stride
from zoo.ops.axes import starts
from zoo.ops.receptive_field import rule
from zoo.receptive.spans import Spans, exact
from zoo.receptive.windows import Units, bounds


def check(network: Network) -> Iterator[Hit]:
    """One hit, at the first layer that leaves rows or columns over, if the network's outputs miss pixels at the border."""
    leaving = [op for op in network.of(CONVOLUTIONS | POOLINGS) if max(left_over(op), default=0) > 0]
    if not leaving or not network.image:
        return
    states = carry(network.trace, starts(network.trace, exact), rule)
    found = [field for value in network.trace.outputs if (field := states.get(value.id)) is not None]
    fields = [field for field in found if isinstance(field, tuple)]
    if not fields or len(fields) < len(found):
        return
    missed = [_missed(axis, fields) for axis in range(len(network.image))]
    if any(before + after for before, after in missed):
        seen = [n - before - after for n, (before, after) in zip(network.image, missed, strict=True)]
        total, kept = _product(network.image), _product(seen)
        what = f"{total - kept:,} of {total:,} pixels reach no output: {_sides(missed)}"
        yield Hit(leaving[0], what, {"unseen": total - kept, "of": total, "by_axis": [list(pair) for pair in missed]})


def left_over(op: Op) -> list[int]:
    """Along each axis, how many positions at the end of its input no window of the op reaches."""
    sizes, steps = kernel(op), stride(op)
    if op.attrs.get("padding") in ("same", "valid"):
        padding: tuple[int, ...] = (0,) * len(sizes)
    else:
        padding = each_axis(op.attrs.get("padding", 0), len(sizes))
    dilation = each_axis(op.attrs.get("dilation", 1), len(sizes))
    source, target = op.inputs[0].shape[-len(sizes) :], op.output.shape[-len(sizes) :]
    ends = [(m - 1) * s - p + d * (k - 1) + 1 for m, s, p, d, k in zip(target, steps, padding, dilation, sizes, strict=True)]
    return [max(n - end, 0) for n, end in zip(source, ends, strict=True)]


def _missed(axis: int, fields: list[Spans]) -> tuple[int, int]:
    """Pixels before the first and after the last that any output sees along an axis."""
    seen, pixels = 0, fields[0][axis].pixels
    for field in fields:
        windows = field[axis].windows
        seen |= windows.union() if isinstance(windows, Units) else 0
    first, last = bounds(seen) or (0, pixels - 1)
    return first, pixels - 1 - last


def _sides(missed: list[tuple[int, int]]) -> str:
    """2 at the top, 1 at the right."""
    names = [("top", "bottom"), ("left", "right")] if len(missed) == 2 else [("start", "end")] * len(missed)
    pairs = zip(missed, names, strict=True)
    return ", ".join(f"{n} at the {side}" for counts, sides in pairs for n, side in zip(counts, sides, strict=True) if n)


def _product(sizes: list[int] | tuple[int, ...]) -> int:
    found = 1
    for size in sizes:
        found *= size
    return found


RULE = Rule(
    name="unseen-border",
    finds="pixels at the border of the image that no unit of the output sees",
    why="Sizes are rounded down where windows do not fit, and the rows and columns that are left over are lost. An object at "
    "that border is cut off, and the maps are shifted against the image.",
    source="Dumoulin and Visin, arXiv 1603.07285, section 2.3: 'some input units are left out'; Alsallakh et al., arXiv "
    "2010.02178, abstract, on asymmetries",
    remedy="Choose an input size that the strides divide (or that leaves no remainder), or pad.",
    check=check,
)
