"""A kernel that slides over an image: the window on the image, the kernel, and the map that it gives, with all numbers."""

from typing import Annotated

from zoo.extend import Column, Kind, Natural, Picture, PositiveInt, Row, Table, Text, ZooError
from zoo.pictures._described import reads
from zoo.pictures._paper import BLUE, GREY, ORANGE, PALE
from zoo.pictures._sketch import LINE, Sheet, sketch

Matrix = list[list[int]]

_IMAGE = "11100/01110/00111/00110/01100"
_KERNEL = "101/010/101"
_COLUMNS = (
    Column("value", "number", "what the unit computes", hide_order=0),
    Column("rows", "pixels", "the first and the last row that it reads; negative ones are padding", hide_order=0),
    Column("columns", "pixels", "the first and the last column that it reads", hide_order=0),
)


def kernel(
    image: Annotated[Text, "digits of the image, rows separated by /"] = _IMAGE,
    weights: Annotated[Text, "digits of the kernel"] = _KERNEL,
    stride: PositiveInt = 1,
    padding: Annotated[Natural, "zeros on each side"] = 0,
    at: Annotated[Text, "the unit that is shown: row,column"] = "0,0",
) -> Picture:
    """Draw a kernel on an image, at one unit of the map, as libraries compute it: without flipping the kernel."""
    pixels, sums = _digits("image", image), _digits("weights", weights)
    down = reads(len(pixels), len(sums), stride, padding)
    across = reads(len(pixels[0]), len(sums[0]), stride, padding)
    found = [[_sum(pixels, sums, rows, columns) for columns in across] for rows in down]
    unit = _unit(at, len(down), len(across))
    rows = tuple(
        Row(f"{i},{j}", "unit", {"value": found[i][j], "rows": [down[i][0], down[i][-1]], "columns": [across[j][0], across[j][-1]]})
        for i in range(len(down))
        for j in range(len(across))
    )
    title = f"A kernel of {len(sums)}×{len(sums[0])}, stride {stride}, padding {padding}"
    table = Table(title, {"image": pixels, "kernel": sums, "unit": list(unit)}, _COLUMNS, rows)
    drawing = _Drawing(pixels, sums, found, padding, unit, (down[unit[0]], across[unit[1]]))
    return sketch(table, drawing.height, drawing.draw)


def _digits(name: str, text: str) -> Matrix:
    rows = text.split("/")
    if (
        not all(row.isdecimal() and row.isascii() for row in rows)
        or len({*map(len, rows)}) != 1
        or max(len(rows), len(rows[0])) > 12
    ):
        raise ZooError(f"{name}: expected rows of digits of equal length, at most 12 of 12, such as 101/010/101, got {text!r}")
    return [[int(digit) for digit in row] for row in rows]


def _unit(text: str, rows: int, columns: int) -> tuple[int, int]:
    row, comma, column = text.partition(",")
    if not (comma and row.isdecimal() and column.isdecimal() and int(row) < rows and int(column) < columns):
        raise ZooError(f"at: expected row,column of a map of {rows}×{columns}, counted from 0,0, got {text!r}")
    return int(row), int(column)


def _pixel(pixels: Matrix, row: int, column: int) -> int:
    """The value of a pixel; 0 for padding."""
    return pixels[row][column] if 0 <= row < len(pixels) and 0 <= column < len(pixels[0]) else 0


def _sum(pixels: Matrix, weights: Matrix, rows: list[int], columns: list[int]) -> int:
    return sum(_pixel(pixels, row, column) * weights[i][j] for i, row in enumerate(rows) for j, column in enumerate(columns))


class _Drawing:
    """Three grids side by side, and the sum of one unit below them."""

    def __init__(
        self,
        pixels: Matrix,
        weights: Matrix,
        found: Matrix,
        padding: int,
        unit: tuple[int, int],
        window: tuple[list[int], list[int]],
    ) -> None:
        self.pixels, self.weights, self.found, self.padding, self.unit, self.window = pixels, weights, found, padding, unit, window
        self.rows, self.columns = len(pixels) + 2 * padding, len(pixels[0]) + 2 * padding
        self.cell = min(7.0, 72 / (self.columns + len(weights[0]) + len(found[0])))
        self.tall = self.cell * max(self.rows, len(weights), len(found))
        self.gap = (100 - self.cell * (self.columns + len(weights[0]) + len(found[0]))) / 4
        self.height = self.tall + 6 * LINE

    def draw(self, on: Sheet) -> None:
        """Draw everything."""
        x = self.gap
        middle = 2 * LINE + self.tall / 2
        self._image(on, x, middle)
        x += self.cell * self.columns + self.gap
        on.words(x - self.gap / 2, middle, "∗", size=11)
        self._grid(on, x, middle, self.weights, "kernel", BLUE)
        x += self.cell * len(self.weights[0]) + self.gap
        on.words(x - self.gap / 2, middle, "=", size=11)
        top = self._grid(on, x, middle, self.found, "map", GREY)
        row, column = self.unit
        on.frame(x + column * self.cell, top + row * self.cell, self.cell, self.cell, ORANGE)
        on.words(50, self.height - 1.7 * LINE, self._working())

    def _grid(self, on: Sheet, x: float, middle: float, values: Matrix, name: str, colour: str) -> float:
        top = middle - self.cell * len(values) / 2
        on.grid(x, top, len(values), len(values[0]), self.cell, values=values)
        on.box(x, top, self.cell * len(values[0]), self.cell * len(values), fill="none", ec=colour, lw=1.0, zorder=3)
        on.words(x + self.cell * len(values[0]) / 2, top - LINE * 0.7, f"{name} {len(values)}×{len(values[0])}")
        return top

    def _image(self, on: Sheet, x: float, middle: float) -> None:
        top, edge = middle - self.cell * self.rows / 2, self.padding
        values = [[_pixel(self.pixels, i - edge, j - edge) for j in range(self.columns)] for i in range(self.rows)]
        inside = [
            [0 <= i - edge < len(self.pixels) and 0 <= j - edge < len(self.pixels[0]) for j in range(self.columns)]
            for i in range(self.rows)
        ]
        on.grid(x, top, self.rows, self.columns, self.cell, values=values, fill=lambda i, j: "white" if inside[i][j] else PALE)
        on.box(
            x + edge * self.cell,
            top + edge * self.cell,
            self.cell * len(self.pixels[0]),
            self.cell * len(self.pixels),
            fill="none",
            lw=1.0,
            zorder=3,
        )
        rows, columns = self.window
        place = x + (columns[0] + edge) * self.cell, top + (rows[0] + edge) * self.cell
        on.box(*place, self.cell * len(columns), self.cell * len(rows), fill=BLUE, alpha=0.25, lw=0, zorder=4)
        on.frame(*place, self.cell * len(columns), self.cell * len(rows), BLUE)
        padded = f", padding {edge}" if edge else ""
        on.words(x + self.cell * self.columns / 2, top - LINE * 0.7, f"image {len(self.pixels)}×{len(self.pixels[0])}{padded}")

    def _working(self) -> str:
        """The sum of the unit that is shown."""
        rows, columns = self.window
        value = self.found[self.unit[0]][self.unit[1]]
        if len(rows) * len(columns) > 9:
            return f"unit {self.unit[0]},{self.unit[1]}: the sum of {len(rows) * len(columns)} products is {value}"
        products = [
            f"{_pixel(self.pixels, row, column)}·{self.weights[i][j]}"
            for i, row in enumerate(rows)
            for j, column in enumerate(columns)
        ]
        return f"unit {self.unit[0]},{self.unit[1]}: {' + '.join(products)} = {value}"


PICTURE = Kind(name="kernel", shows="a kernel that slides over an image", of="nothing", draw=kernel)
