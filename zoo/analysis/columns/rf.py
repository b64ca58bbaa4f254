"""Receptive field: the window of input pixels that one unit sees, through branches, joins and layout changes."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from zoo.extend import Column, Flow
from zoo.ops.receptive_field import rule
from zoo.receptive.spans import Field, Span, Spans, Undefined, start
from zoo.receptive.windows import Everything, Lattice, Units


def cell(fields: Sequence[Field | None]) -> dict[str, Any] | None:
    """Size, stride and padding by axis, for the first output that has a field; a stride of half a pixel is "1/2"."""
    field = next((field for field in fields if field is not None), None)
    if field is None or isinstance(field, Undefined):
        return None if field is None else {"undefined": field.reason}
    everywhere, parts = True, []
    for axis, span in enumerate(field):
        repeats = _repeats(axis, field)
        if len(span.walks) > 1:  # in windows, or with blocks in the channels: what a window, or all channels, see
            span = span.together({walk.dim for walk in span.walks[1:]} - {span.walks[0].dim})
        if isinstance(span.windows, Units):
            return {"undefined": span.windows.reason}
        everywhere = everywhere and span.whole
        size, stride, padding = _parts(span)
        parts.append((size, _readable(stride if repeats == 1 else Fraction(stride) / repeats), padding))
    shown: dict[str, Any] = {"size": [p[0] for p in parts], "stride": [p[1] for p in parts], "padding": [p[2] for p in parts]}
    if everywhere:
        shown["global"] = True
    elif any(span.whole for span in field):
        shown["stride"] = [0 if span.whole else p[1] for span, p in zip(field, parts, strict=True)]
    return shown


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


def _readable(stride: Fraction | int) -> int | str:
    return stride.numerator if stride.denominator == 1 else str(stride)


COLUMN = Flow(
    Column("rf", "pixels", "receptive field of one unit: size, stride and effective padding by axis", order=40, hide_order=2),
    start,
    rule,
    cell,
)
