"""The window of one unit, drawn on the image or on its grid of pixels: padding beyond the border, and gaps between pixels."""

from typing import TYPE_CHECKING, Any, Protocol

from zoo.extend import Picture, Table
from zoo.pictures._paper import BLUE, GREY, ORANGE, SMALL, bare, picture, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GRID = 40
"""Pixels per axis up to which a grid of them is drawn."""
_BEYOND = 0.6
"""How far beyond the border a picture reaches at most, as a part of the image."""


class Axis(Protocol):
    """What a unit sees along one axis: see `zoo.questions.rf.Extent`."""

    @property
    def pixels(self) -> int:
        """Pixels of the image."""

    @property
    def unclipped(self) -> tuple[int, int] | None:
        """The first and the last pixel of the window without a border."""

    @property
    def bits(self) -> int:
        """The pixels that are seen, as the bits that are set."""


def window(table: Table, rows: Axis, columns: Axis, image: Any = None) -> Picture:
    """Draw a window on an image of `rows` by `columns` pixels.

    Arguments:
        table: The data, whose title stands above the drawing.
        rows, columns: What the unit sees along either axis.
        image: An array H×W×3 of the image, or None for a grid of pixels.
    """
    return picture(table, lambda figure: _paint(figure, table, rows, columns, image), 92)


def _paint(figure: "Figure", table: Table, rows: Axis, columns: Axis, image: Any) -> None:
    axes = bare(figure.add_subplot())
    _image(axes, rows.pixels, columns.pixels, image)
    view = [_view(columns), _view(rows)]
    _padding(axes, rows, columns, view)
    _seen(axes, rows, columns, over_image=image is not None)
    axes.set_xlim(*view[0])
    axes.set_ylim(*reversed(view[1]))
    figure.suptitle(wrapped(table.title), x=0.02, ha="left", size=7.5)
    figure.supxlabel(wrapped(*_words(rows, columns)), x=0.02, ha="left", size=SMALL)


def _view(axis: Axis) -> tuple[float, float]:
    """From where to where the picture reaches along an axis."""
    first, last = axis.unclipped or (0, axis.pixels - 1)
    most = _BEYOND * axis.pixels
    margin = 0.02 * axis.pixels
    return max(min(first, 0), -most) - 0.5 - margin, min(max(last, axis.pixels - 1), axis.pixels + most) + 0.5 + margin


def _image(axes: "Axes", rows: int, columns: int, image: Any) -> None:
    """The image, or a sheet of pixels."""
    from matplotlib.patches import Rectangle

    if image is not None:
        axes.imshow(image, extent=(-0.5, columns - 0.5, rows - 0.5, -0.5), interpolation="nearest", zorder=1)
    elif max(rows, columns) <= _GRID:
        axes.vlines([i - 0.5 for i in range(columns + 1)], -0.5, rows - 0.5, color="#C8C8C8", lw=0.4, zorder=3)
        axes.hlines([i - 0.5 for i in range(rows + 1)], -0.5, columns - 0.5, color="#C8C8C8", lw=0.4, zorder=3)
    axes.add_patch(Rectangle((-0.5, -0.5), columns, rows, fill=False, ec="black", lw=0.9, zorder=4))


def _padding(axes: "Axes", rows: Axis, columns: Axis, view: list[tuple[float, float]]) -> None:
    """The unclipped window: hatched where it lies outside the image."""
    from matplotlib.patches import Rectangle

    if rows.unclipped is None or columns.unclipped is None:
        return
    (top, bottom), (left, right) = rows.unclipped, columns.unclipped
    whole: dict[str, Any] = {"xy": (left - 0.5, top - 0.5), "width": right - left + 1, "height": bottom - top + 1}
    if top < 0 or left < 0 or bottom >= rows.pixels or right >= columns.pixels:
        axes.add_patch(Rectangle(**whole, fc="#F2F2F2", ec=GREY, hatch="////", lw=0, zorder=0))
        axes.add_patch(Rectangle((-0.5, -0.5), columns.pixels, rows.pixels, fc="white", lw=0, zorder=0.5))
    axes.add_patch(Rectangle(**whole, fill=False, ec=ORANGE, lw=1.1, ls=(0, (3, 1.5)), zorder=5))


def _seen(axes: "Axes", rows: Axis, columns: Axis, *, over_image: bool) -> None:
    """The pixels that are seen, each by itself, and their outline."""
    import numpy
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    if not rows.bits or not columns.bits:
        return
    seen = numpy.outer(_flags(rows), _flags(columns))
    (top, bottom), (left, right) = _ends(rows), _ends(columns)
    if over_image:  # darken what is not seen, and leave what is seen as it is
        veil = numpy.zeros((*seen.shape, 4))
        veil[..., 3] = numpy.where(seen, 0.0, 0.6)
    else:
        veil = numpy.zeros((*seen.shape, 4))
        veil[..., :3] = to_rgb(BLUE)
        veil[..., 3] = numpy.where(seen, 0.45, 0.0)
    axes.imshow(veil, extent=(-0.5, columns.pixels - 0.5, rows.pixels - 0.5, -0.5), interpolation="nearest", zorder=2)
    frame = ((left - 0.5, top - 0.5), right - left + 1, bottom - top + 1)
    axes.add_patch(Rectangle(*frame, fill=False, ec=BLUE, lw=1.3, zorder=6))


def _flags(axis: Axis) -> list[bool]:
    return [bool(axis.bits >> pixel & 1) for pixel in range(axis.pixels)]


def _ends(axis: Axis) -> tuple[int, int]:
    return (axis.bits & -axis.bits).bit_length() - 1, axis.bits.bit_length() - 1


def _words(rows: Axis, columns: Axis) -> list[str]:
    """What a caption says."""
    if not rows.bits or not columns.bits:
        return ["sees nothing of the image"]
    (top, bottom), (left, right) = _ends(rows), _ends(columns)
    found = [f"solid: sees rows {top}–{bottom}, columns {left}–{right} of {rows.pixels}×{columns.pixels} pixels"]
    gaps = bottom - top + 1 - rows.bits.bit_count(), right - left + 1 - columns.bits.bit_count()
    if any(gaps):
        found.append(f"gaps: {gaps[0]} rows and {gaps[1]} columns in between are not seen")
    if rows.unclipped and columns.unclipped:
        sides = [end - start + 1 for start, end in (rows.unclipped, columns.unclipped)]
        if sides != [bottom - top + 1, right - left + 1]:
            found.append(f"dashed: window without a border, {sides[0]}×{sides[1]}; hatched: padding")
    return found
