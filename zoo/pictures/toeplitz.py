"""The Toeplitz matrix of a convolution of a row: multiplying by it is convolving, and each row is the one above, shifted."""

from typing import Annotated

from zoo.extend import Column, Kind, Natural, Picture, PositiveInt, Row, Table
from zoo.pictures._described import reads
from zoo.pictures._sketch import LINE, Sheet, sketch, subscript

_COLUMNS = (
    Column("first", "column", "of the first weight, counted from 0", hide_order=0),
    Column("weights", "entries", "that are not zero", hide_order=0),
    Column("zeros", "entries", "that are zero", hide_order=0),
)
_TINTS = ("#9CC7E0", "#F6D79A", "#8FD3BE", "#F0B58A", "#E9CBDC", "#C6E3F5", "#D0D0D0")


def toeplitz(
    size: Annotated[PositiveInt, "pixels of the row"] = 8,
    kernel: Annotated[PositiveInt, "weights"] = 3,
    stride: PositiveInt = 1,
    padding: Annotated[Natural, "zeros on each side"] = 0,
) -> Picture:
    """Draw the matrix by which a convolution multiplies a row of pixels, and that product."""
    windows = reads(size, kernel, stride, padding)
    entries = [{i: k for k, i in enumerate(window) if 0 <= i < size} for window in windows]
    rows = tuple(
        Row(f"y{number}", "unit", {"first": min(entry, default=None), "weights": len(entry), "zeros": size - len(entry)})
        for number, entry in enumerate(entries, 1)
    )
    held = sum(map(len, entries))
    title = f"Toeplitz matrix {len(entries)}×{size}: {held} entries that are not zero, {kernel} different weights"
    table = Table(title, {"size": size, "kernel": kernel, "stride": stride, "padding": padding}, _COLUMNS, rows)
    cell = min(6.4, 70 / (size + 2), 60 / max(size, len(entries)))
    height = cell * max(size, len(entries)) + 4.6 * LINE

    def draw(on: Sheet) -> None:
        _draw(on, cell, size, kernel, entries, height)

    return sketch(table, height, draw)


def _draw(on: Sheet, cell: float, size: int, kernel: int, entries: list[dict[int, int]], height: float) -> None:
    middle = height / 2 - LINE * 0.6
    x = 50 - cell * (size + 2) / 2 - 5
    small = cell < 3.5

    def fill(row: int, column: int) -> str:
        return _TINTS[entries[row][column] % len(_TINTS)] if column in entries[row] else "white"

    letters = [[f"w{subscript(entry[column] + 1)}" if column in entry else "0" for column in range(size)] for entry in entries]
    columns = (
        (x, [[f"y{subscript(i)}"] for i in range(1, len(entries) + 1)], None),
        (x + cell + 5, letters, fill),
        (x + cell * (size + 1) + 10, [[f"x{subscript(i)}"] for i in range(1, size + 1)], None),
    )
    for left, values, shade in columns:
        top = middle - cell * len(values) / 2
        on.grid(
            left, top, len(values), len(values[0]), cell, values=None if small else values, **({"fill": shade} if shade else {})
        )
        on.box(left, top, cell * len(values[0]), cell * len(values), fill="none", lw=1.0, zorder=3)
    on.words(x + cell + 2.5, middle, "=", size=10)
    on.words(x + cell * (size + 1) + 7.5, middle, "·", size=12)
    held = sum(map(len, entries))
    said = f"{len(entries)}×{size} = {len(entries) * size} entries: {held} are not zero, {kernel} different weights"
    on.words(50, height - LINE, said)


PICTURE = Kind(name="toeplitz", shows="the matrix of a convolution of a row", of="nothing", draw=toeplitz)
