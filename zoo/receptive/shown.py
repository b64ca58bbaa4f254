"""What is shown of a field along each axis: one size, one stride and one start, whatever law they come from; and as a cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from zoo.receptive.spans import Field, Span, Spans, Undefined
from zoo.receptive.windows import Everything, Lattice, Units


@dataclass(frozen=True, slots=True)
class Shown:
    """The largest window along one axis has `size` pixels, the first one begins `padding` pixels before the image, and the next one
    begins a `stride` further on. `whole`: all units see the same.
    """

    size: int
    stride: Fraction | int
    padding: int
    whole: bool

    @property
    def first(self) -> int:
        """The first pixel of the first window."""
        return -self.padding

    @property
    def last(self) -> int:
        """The last pixel of the first window."""
        return self.size - self.padding - 1


def shown(field: Field) -> list[Shown] | str:
    """What is shown of each axis, or why nothing can be."""
    if isinstance(field, Undefined):
        return field.reason
    found = []
    for axis, span in enumerate(field):
        repeats = _repeats(axis, field)
        if len(span.walks) > 1:  # in windows, or with blocks in the channels: what a window, or all channels, see
            span = span.together({walk.dim for walk in span.walks[1:]} - {span.walks[0].dim})
        if isinstance(span.windows, Units):
            return span.windows.reason
        size, stride, padding = _parts(span)
        found.append(
            Shown(size, stride if repeats == 1 else Fraction(stride) / repeats, padding, isinstance(span.windows, Everything))
        )
    return found


def _repeats(axis: int, field: Spans) -> int:
    """How many units in a row see the same, along a dimension that no other axis walks: those of a map enlarged by repetition."""
    span = field[axis]
    if not span.walks or (len(span.walks) == 1 and span.walks[0].inner == 1):
        return 1
    dim = span.walks[0].dim
    shared = any(walk.dim == dim for other in field if other is not span for walk in other.walks)
    return 1 if shared else min(walk.inner for walk in span.walks if walk.dim == dim)


def _parts(span: Span) -> tuple[int, Fraction | int, int]:
    """Size of the largest window, stride, and how far the first window begins before the first pixel."""
    windows = span.windows
    if isinstance(windows, Lattice):
        if len(windows.phases) == 1 and (only := windows.phases[0]) is not None:
            return only[1] - only[0] + 1, windows.shift, -only[0]
        known = [window for window in map(windows.window, range(min(span.units, len(windows.phases)))) if window is not None]
        return max((hi - lo + 1 for lo, hi in known), default=0), windows.stride, -known[0][0] if known else 0
    assert isinstance(windows, Everything)
    lo, hi = windows.seen or (0, -1)
    return hi - lo + 1, windows.stride, -lo


def cell(fields: Sequence[Field | None]) -> dict[str, Any] | None:
    """Size, stride and padding by axis, for the first output that has a field; a stride of half a pixel is "1/2".

    "misaligned": how far apart the centres of branches are that were joined. "others": the cells of further
    outputs whose fields differ.
    """
    known = [field for field in fields if field is not None]
    if not known:
        return None
    if len(known) > 1:
        known = list(dict.fromkeys(known))
    first, *others = map(_cell, known)
    different = [other for other in others if other != first]
    return {**first, "others": different} if different else first


def _cell(field: Field) -> dict[str, Any]:
    axes = shown(field)
    if isinstance(axes, str):
        return {"undefined": axes}
    everywhere = all(axis.whole for axis in axes)
    found: dict[str, Any] = {
        "size": [axis.size for axis in axes],
        "stride": [0 if axis.whole and not everywhere else _readable(axis.stride) for axis in axes],
        "padding": [axis.padding for axis in axes],
    }
    if not isinstance(field, Undefined) and any(span.skew for span in field):
        found["misaligned"] = [_readable(span.skew) for span in field]
    return {**found, "global": True} if everywhere else found


def _readable(stride: Fraction | int) -> int | str:
    return stride.numerator if stride.denominator == 1 else str(stride)
