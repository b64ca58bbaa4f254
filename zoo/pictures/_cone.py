"""The cone of a deeper unit: which units of each layer it sees, back to the pixels of the image, on planes one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.extend import Picture, Row, Table
from zoo.pictures._paper import BLUE, ORANGE, SMALL, WIDTH, bare, brief, picture, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GRID = 16
"""Units per axis up to which a plane shows them."""
_SLANT = (0.42, 0.3)
"""Where the right edge of a plane is drawn, to the right of the left edge and above it, as parts of its height."""
_MARGIN = 0.12
"""Beside the first plane and the last one, in heights of a plane, which are also the distances between planes."""
_LABELS = 20.0
"""Millimetres for the title and for the words below the planes."""


@dataclass(frozen=True)
class Plane:
    """The maps of a layer, `size` units along y and x, of which the deeper unit sees those from `first` to `last` along each axis.

    `first` is None if it sees none of them.
    """

    name: str
    size: tuple[int, int]
    first: tuple[int, int] | None
    last: tuple[int, int] | None


def cone(table: Table, planes: Sequence[Plane], image: Any = None) -> Picture:
    """Draw planes from the image on the left to the unit on the right, with what it sees on each of them.

    `image` is an array H×W×3 for the first plane, or None.
    """
    height = WIDTH * (1 + _SLANT[1]) / (len(planes) - 1 + _SLANT[0] + 2 * _MARGIN) + _LABELS
    return picture(table, lambda figure: _paint(figure, table, planes, image), height)


def _paint(figure: "Figure", table: Table, planes: Sequence[Plane], image: Any) -> None:
    from matplotlib.patches import Polygon

    axes = bare(figure.add_subplot())
    for i, plane in enumerate(planes):
        sheet = [_at(i, u, v) for u, v in ((0, 0), (1, 0), (1, 1), (0, 1))]
        axes.add_patch(Polygon(sheet, fc="white", ec="none", alpha=0.75, zorder=3 * i))
        if i == 0 and image is not None:
            _draw_image(axes, image)
        axes.add_patch(Polygon(sheet, fill=False, ec="black", lw=0.8, zorder=3 * i + 1))
        _lines(axes, i, plane)
        corners = _corners(i, plane)
        if corners:
            colour = BLUE if i + 1 < len(planes) else ORANGE
            axes.add_patch(
                Polygon(corners, fc=colour, ec="none", alpha=0.2 if i == 0 and image is not None else 0.55, zorder=3 * i + 1)
            )
            axes.add_patch(Polygon(corners, fill=False, ec=colour, lw=1.2, zorder=3 * i + 1))
            _rays(axes, planes, i, corners)
        axes.annotate(_words(plane, short=len(planes) > 5), _at(i, 0, 1), (0, -3), textcoords="offset points", va="top", size=SMALL)
    axes.set_xlim(-_MARGIN, len(planes) - 1 + _SLANT[0] + _MARGIN)
    axes.set_ylim(1.02, -_SLANT[1] - 0.02)
    figure.suptitle(wrapped(table.title), x=0.02, ha="left", size=7.5)


def _at(plane: int, u: float, v: float) -> tuple[float, float]:
    """A place on a plane: u from left to right, v from top to bottom, both from 0 to 1."""
    return plane + u * _SLANT[0], v - u * _SLANT[1]


def _corners(index: int, plane: Plane) -> list[tuple[float, float]]:
    if plane.first is None or plane.last is None:
        return []
    (height, width), (top, left), (bottom, right) = plane.size, plane.first, plane.last
    u, v = (left / width, (right + 1) / width), (top / height, (bottom + 1) / height)
    return [_at(index, u[0], v[0]), _at(index, u[1], v[0]), _at(index, u[1], v[1]), _at(index, u[0], v[1])]


def _rays(axes: "Axes", planes: Sequence[Plane], index: int, corners: Sequence[tuple[float, float]]) -> None:
    """Lines from what is seen on a plane to what is seen on the next."""
    following = _corners(index + 1, planes[index + 1]) if index + 1 < len(planes) else []
    for (x, y), (right, below) in zip(corners, following, strict=bool(following)):
        axes.plot([x, right], [y, below], color=BLUE, lw=0.6, zorder=3 * index + 2)


def _lines(axes: "Axes", index: int, plane: Plane) -> None:
    """The units of a plane, if there are few enough to be told apart."""
    height, width = plane.size
    if max(height, width) > _GRID:
        return
    for column in range(1, width):
        axes.plot(
            *zip(_at(index, column / width, 0), _at(index, column / width, 1), strict=True),
            color="#B0B0B0",
            lw=0.4,
            zorder=3 * index,
        )
    for row in range(1, height):
        axes.plot(
            *zip(_at(index, 0, row / height), _at(index, 1, row / height), strict=True), color="#B0B0B0", lw=0.4, zorder=3 * index
        )


def _draw_image(axes: "Axes", image: Any) -> None:
    from matplotlib.transforms import Affine2D

    slanted = Affine2D.from_values(_SLANT[0], -_SLANT[1], 0, 1, 0, 0) + axes.transData
    axes.imshow(image, extent=(0, 1, 1, 0), transform=slanted, zorder=0.5, aspect="auto")
    axes.set_aspect("equal")


def _words(plane: Plane, *, short: bool) -> str:
    """The layer, and how many of its units are seen."""
    name = brief([Row(plane.name, "layer", {})], 12)[0]
    if plane.first is None or plane.last is None:
        return f"{name}\nnone seen"
    seen = [last - first + 1 for first, last in zip(plane.first, plane.last, strict=True)]
    return f"{name}\n{_area(seen, short=short)}\nof {_area(plane.size, short=short)}"


def _area(sides: Sequence[int], *, short: bool) -> str:
    """13×13, or 13² where there is little room."""
    return f"{sides[0]}²" if short and sides[0] == sides[1] else f"{sides[0]}×{sides[1]}"
