"""Gradients with respect to an image, as a heat map: effective receptive fields, and saliency."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.extend import Picture, Table
from zoo.pictures._paper import BLACK, DASHES, GREEN, ORANGE, SMALL, VERMILLION, bare, picture, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SQUARES = (VERMILLION, ORANGE, GREEN)


def effective(
    table: Table, gradients: Any, middle: tuple[float, float], sides: Sequence[int], frame: tuple[tuple[int, int], tuple[int, int]]
) -> Picture:
    """Draw gradients (an array of the image's sizes) with squares around `middle`, rows of `table`, and the exact window."""
    return picture(table, lambda figure: _paint(figure, table, gradients, middle, sides, frame), 100)


def _paint(
    figure: "Figure",
    table: Table,
    gradients: Any,
    middle: tuple[float, float],
    sides: Sequence[int],
    frame: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    axes = bare(figure.add_subplot())
    _heat(axes, gradients)
    height, width = gradients.shape
    (top, bottom), (left, right) = frame
    _square(
        axes,
        left,
        top,
        right - left + 1,
        bottom - top + 1,
        BLACK,
        (0, (1, 1)),
        f"exact window: {table.rows[-1].cells['side']} pixels",
    )
    for side, row, colour, dash in zip(sides, table.rows, _SQUARES, (DASHES[0], DASHES[1], DASHES[3]), strict=False):
        corner = middle[1] - (side - 1) / 2, middle[0] - (side - 1) / 2
        _square(axes, *corner, side, side, colour, dash, f"holds {row.name}: {side} pixels")
    margin = 0.04 * max(height, width)
    axes.set_xlim(-margin, width + margin)
    axes.set_ylim(height + margin, -margin)
    said = [table.title, *map(str, table.notes), "darker: larger, as the square root of the gradient"]
    figure.suptitle(wrapped(*said), x=0.02, ha="left", size=SMALL)
    figure.legend(loc="outside lower left", ncols=2, borderaxespad=0.0)


def _heat(axes: "Axes", gradients: Any) -> None:
    from matplotlib.colors import PowerNorm
    from matplotlib.patches import Rectangle

    height, width = gradients.shape
    axes.imshow(gradients, cmap="Blues", norm=PowerNorm(0.5, vmin=0), interpolation="nearest")
    axes.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, ec="black", lw=0.6))


def _square(axes: "Axes", left: float, top: float, width: float, height: float, colour: str, dash: Any, label: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, ec=colour, lw=1.2, ls=dash, label=label))


def saliency(table: Table, pixels: Any, gradients: Any) -> Picture:
    """Draw an image, and beside it how much a score depends on each of its pixels."""
    return picture(table, lambda figure: _paint_saliency(figure, table, pixels, gradients), 56)


def _paint_saliency(figure: "Figure", table: Table, pixels: Any, gradients: Any) -> None:
    left, right = (bare(axes) for axes in figure.subplots(1, 2))
    left.imshow(pixels, interpolation="nearest")
    _heat(right, gradients)
    figure.suptitle(wrapped(table.title), x=0.02, ha="left", size=7.5)
    figure.supxlabel(wrapped(*map(str, table.notes)), x=0.02, ha="left", size=SMALL)
