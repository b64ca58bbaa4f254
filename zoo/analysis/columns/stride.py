"""Stride: how far the window of a convolution or a pooling moves."""

from zoo.analysis.windows import OfWindow
from zoo.extend import Column

COLUMN = OfWindow(
    Column("stride", "elements per axis", "from one window to the next", order=3, on_request=True),
    lambda axes: [axis.stride for axis in axes],
)
