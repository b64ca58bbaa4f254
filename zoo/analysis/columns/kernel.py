"""Kernel: the sizes of the window of a convolution or a pooling."""

from zoo.analysis.windows import OfWindow
from zoo.extend import Column

COLUMN = OfWindow(
    Column("kernel", "elements per axis", "sizes of the window of a convolution or a pooling", order=2, on_request=True),
    lambda axes: [axis.kernel for axis in axes],
)
