"""A sheet for drawings of lectures: 100 units wide and as high as needed, with grids, boxes, circles, arrows and words."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from zoo.extend import Picture, Table
from zoo.pictures._paper import BLACK, GREY, SMALL, WIDTH, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[float, float]
LINE = 3.4
"""Units from one line of words to the next."""


class Sheet:
    """The axes that a drawing is on: x runs to the right from 0 to 100, y downward from 0."""

    def __init__(self, axes: "Axes") -> None:
        self.axes = axes

    def words(
        self, x: float, y: float, text: object, *, ha: str = "center", va: str = "center", size: float = SMALL, **look: Any
    ) -> None:
        """Words at a place."""
        self.axes.text(x, y, str(text), ha=ha, va=va, size=size, linespacing=1.15, **{"zorder": 6, **look})

    def box(self, x: float, y: float, width: float, height: float, text: str = "", *, fill: str = "white", **look: Any) -> None:
        """A rectangle with its upper left corner at (x, y), and words in its middle."""
        from matplotlib.patches import Rectangle

        given = {"ec": BLACK, "lw": 0.8, "zorder": 2, **look}
        self.axes.add_patch(Rectangle((x, y), width, height, fc=fill, **given))
        if text:
            self.words(x + width / 2, y + height / 2, text)

    def round_box(self, x: float, y: float, width: float, height: float, text: str, *, fill: str = "white", **look: Any) -> None:
        """As `box`, with round corners."""
        from matplotlib.patches import FancyBboxPatch

        shape = FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=1.2",
            **{"ec": BLACK, "lw": 0.8, "zorder": 2, "fc": fill, **look},
        )
        self.axes.add_patch(shape)
        self.words(x + width / 2, y + height / 2, text)

    def grid(
        self,
        x: float,
        y: float,
        rows: int,
        columns: int,
        cell: float,
        *,
        values: Sequence[Sequence[object]] | None = None,
        fill: Callable[[int, int], str] = lambda row, column: "white",
        **look: Any,
    ) -> None:
        """Cells in rows and columns, with values in them."""
        for row in range(rows):
            for column in range(columns):
                self.box(x + column * cell, y + row * cell, cell, cell, fill=fill(row, column), **{"lw": 0.5, "ec": GREY, **look})
                if values is not None:
                    self.words(x + (column + 0.5) * cell, y + (row + 0.5) * cell, values[row][column])

    def frame(self, x: float, y: float, width: float, height: float, colour: str, **look: Any) -> None:
        """A thick frame around something."""
        self.box(x, y, width, height, fill="none", **{"ec": colour, "lw": 1.6, "zorder": 4, **look})

    def circle(self, x: float, y: float, radius: float, text: str = "", *, fill: str = "white", **look: Any) -> None:
        """A unit."""
        from matplotlib.patches import Circle

        self.axes.add_patch(Circle((x, y), radius, fc=fill, **{"ec": BLACK, "lw": 0.8, "zorder": 3, **look}))
        if text:
            self.words(x, y, text)

    def arrow(self, start: Point, end: Point, *, colour: str = BLACK, **look: Any) -> None:
        """An arrow from one place to another."""
        style = {"arrowstyle": "-|>,head_width=0.12,head_length=0.28", "shrinkA": 0, "shrinkB": 0, "lw": 0.8, "color": colour}
        self.axes.annotate("", end, start, arrowprops={**style, **look}, zorder=1.5)

    def line(self, points: Sequence[Point], *, colour: str = BLACK, **look: Any) -> None:
        """A line through several places."""
        self.axes.plot(*zip(*points, strict=True), color=colour, **{"lw": 0.8, "zorder": 1.5, **look})

    def polygon(self, points: Sequence[Point], fill: str, **look: Any) -> None:
        """A filled outline."""
        from matplotlib.patches import Polygon

        self.axes.add_patch(Polygon(points, fc=fill, **{"ec": BLACK, "lw": 0.8, "zorder": 2, **look}))

    def volume(self, x: float, y: float, width: float, height: float, depth: float, *, fill: str = "white", **look: Any) -> None:
        """A box in three dimensions, whose front has its upper left corner at (x, y); `depth` runs to the right and upward."""
        back = depth * 0.5
        self.polygon([(x, y), (x + back, y - back), (x + width + back, y - back), (x + width, y)], fill, **look)
        self.polygon(
            [(x + width, y), (x + width + back, y - back), (x + width + back, y + height - back), (x + width, y + height)],
            fill,
            **look,
        )
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], fill, **look)


def subscript(number: int) -> str:
    """A number as a subscript.

    >>> subscript(12)
    '₁₂'
    """
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(number))


def sketch(table: Table, height: float, draw: Callable[[Sheet], None]) -> Picture:
    """A picture that `draw` puts on a sheet 100 units wide and `height` units high."""

    def paint(figure: "Figure") -> None:
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, 100)
        axes.set_ylim(height, 0)
        draw(Sheet(axes))

    return picture(table, paint, WIDTH * height / 100)
