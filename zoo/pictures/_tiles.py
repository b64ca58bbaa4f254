"""Small arrays side by side: the feature maps of a layer, or the filters of a convolution."""

from math import ceil
from typing import TYPE_CHECKING, Any

from zoo.extend import Picture, Table
from zoo.pictures._paper import SMALL, bare, picture, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST, _ACROSS = 96, 8


def tiles(table: Table, arrays: Any) -> Picture:
    """Draw up to 96 maps (N×H×W), or filters (N×C×H×W): in colour for three channels, else the first channel in grey.

    Maps are scaled one by one, filters all alike, so that 0 is grey.
    """
    shown = arrays[:_MOST]
    across = max(_ACROSS, ceil(len(shown) ** 0.5))
    height = 18 + 83 / across * ceil(len(shown) / across)
    return picture(table, lambda figure: _paint(figure, table, shown, across), height)


def _paint(figure: "Figure", table: Table, arrays: Any, across: int) -> None:
    figure.set_layout_engine("constrained", w_pad=0.008, h_pad=0.008, wspace=0.02, hspace=0.02)
    grid = figure.subplots(ceil(len(arrays) / across), across, squeeze=False).ravel()
    filters = arrays.ndim == 4
    most = abs(arrays).max() or 1.0
    for axes in map(bare, grid):
        axes.invert_yaxis()
    for axes, one in zip(grid, arrays, strict=False):
        if not filters:
            axes.imshow(one, cmap="gray", interpolation="nearest")
        elif len(one) == 3:
            axes.imshow((one.transpose(1, 2, 0) / most + 1) / 2, interpolation="nearest")
        else:
            axes.imshow(one[0], cmap="gray", vmin=-most, vmax=most, interpolation="nearest")
    figure.suptitle(wrapped(table.title), x=0.02, ha="left", size=7.5)
    count = f"first {len(arrays)} of {len(table.rows)}; " if len(arrays) < len(table.rows) else ""
    scale = (
        f"all scaled alike: grey is 0, black and white are ∓{most:.3g}"
        if filters
        else "each scaled from its least to its largest value"
    )
    figure.supxlabel(wrapped(count + scale, *map(str, table.notes)), x=0.02, ha="left", size=SMALL)
