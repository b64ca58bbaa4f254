"""Padding: SAME, VALID or FULL where it is one of these on every axis, else in elements before each axis."""

from collections.abc import Sequence
from typing import Any

from zoo.analysis.windows import OfWindow
from zoo.extend import Column
from zoo.ops.window import Axis


def shown(axes: Sequence[Axis]) -> Any:
    """SAME: the output has ceil(n / stride) elements; VALID: no padding; FULL: windows wherever they overlap the input."""
    names = {axis.named for axis in axes if axis.reach > 1 or axis.before} or {"valid"}
    if len(names) == 1 and "" not in names:
        return names.pop().upper()
    return [axis.before for axis in axes]


COLUMN = OfWindow(
    Column(
        "padding",
        "elements per axis",
        "SAME, VALID or FULL where it is so, else elements before each axis",
        order=4,
        on_request=True,
    ),
    shown,
)
