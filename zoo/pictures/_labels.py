"""Names beside points, where they cover neither points nor each other."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.pictures._paper import BLANK, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = SMALL
_WIDTH, _HEIGHT = 0.63 * _SIZE, 1.15 * _SIZE
"""Of one character, in points."""
_PLACES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
"""Beside a point: to the right, to the left, above, below, and between these."""

Box = tuple[float, float, float, float]


ABOVE = ((0, 1), (-1, 1), (1, 1), (1, 0), (-1, 0), (1, -1), (-1, -1), (0, -1))
"""The same places in another order, for points at which lines end that come from below."""


def label_points(
    axes: "Axes",
    x: Sequence[float],
    y: Sequence[float],
    names: Sequence[str],
    radii: Sequence[float],
    places: Sequence[tuple[int, int]] = _PLACES,
) -> None:
    """Write a name beside each point, at the first of the places that is free, or at the least crowded one.

    `radii` are those of the points, in points of print. Names cover the lines that pass there.
    """
    width, height = _size(axes)
    points = [(u * width, v * height) for u, v in _fractions(axes, x, y)]
    taken: list[Box] = [(u - r, v - r, u + r, v + r) for (u, v), r in zip(points, radii, strict=True)]
    marks = zip(zip(x, y, strict=True), names, points, radii, strict=True)
    for place, name, (u, v), radius in sorted(marks, key=lambda one: -one[2][1]):
        choices = [_box(u, v, name, side, radius + distance) for distance in (2, 8) for side in places]
        costs = [sum(_overlap(box, other) for other in taken) + 3 * _outside(box, width, height) for box in choices]
        best = costs.index(min(costs))
        box = choices[best]
        taken.append(box)
        offset = (box[0] - u, box[1] - v)
        look: dict[str, Any] = {"size": _SIZE, "zorder": 5, "bbox": BLANK}
        axes.annotate(name, place, offset, textcoords="offset points", va="bottom", ha="left", **look)


def _size(axes: "Axes") -> tuple[float, float]:
    """About how large the axes are, in points."""
    grid = axes.get_subplotspec()
    assert grid is not None
    rows, columns = grid.get_gridspec().get_geometry()
    figure = axes.get_figure(root=True)
    assert figure is not None
    width, height = figure.get_size_inches()
    return 72 * width / columns * 0.84, 72 * height / rows * 0.8


def _fractions(axes: "Axes", x: Sequence[float], y: Sequence[float]) -> list[tuple[float, float]]:
    """Where points are, as fractions of the axes."""
    axes.autoscale_view()
    places = axes.transLimits.transform(axes.transScale.transform(list(zip(x, y, strict=True))))
    return [(float(u), float(v)) for u, v in places]


def _box(u: float, v: float, name: str, side: tuple[int, int], distance: float) -> Box:
    width = _WIDTH * len(name)
    left = u - width / 2 + side[0] * (width / 2 + distance)
    low = v - _HEIGHT / 2 + side[1] * (_HEIGHT / 2 + distance - 1)
    return left, low, left + width, low + _HEIGHT


def _overlap(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    along = min(one[3], other[3]) - max(one[1], other[1])
    return across * along if across > 0 and along > 0 else 0.0


def _outside(box: Box, width: float, height: float) -> float:
    """How much of a box lies outside the axes."""
    inside = _overlap(box, (0, 0, width, height))
    return (box[2] - box[0]) * (box[3] - box[1]) - inside
