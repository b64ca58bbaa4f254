"""Dilation: how far apart the elements are that a window reads."""

from zoo.analysis.windows import OfWindow
from zoo.extend import Column

COLUMN = OfWindow(
    Column("dilation", "elements per axis", "from one element that a window reads to the next", order=5, on_request=True),
    lambda axes: [axis.dilation for axis in axes],
)
