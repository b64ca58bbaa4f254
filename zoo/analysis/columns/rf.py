"""Receptive field: the window of input pixels that one unit sees, through branches, joins and layout changes."""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import Any

from zoo.analysis.chain import chains
from zoo.extend import Column, Flow
from zoo.ops.axes import starts
from zoo.ops.receptive_field import rule
from zoo.receptive.shown import shown
from zoo.receptive.spans import Field, Undefined, start


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


COLUMN = Flow(
    Column("rf", "pixels", "receptive field of one unit: size, stride and effective padding by axis", order=40, hide_order=2),
    start,
    rule,
    cell,
    chains,
    partial(starts, start=start),
)
