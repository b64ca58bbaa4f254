"""What padding and stride do to the size of a map: the windows on a row of pixels, from the first to the last."""

from typing import Annotated

from zoo.extend import Column, Kind, Picture, PositiveInt, Row, Table
from zoo.pictures._described import reads
from zoo.pictures._paper import BLUE, GREY, ORANGE, PALE
from zoo.pictures._sketch import LINE, Sheet, sketch

_COLUMNS = (
    Column("padding", "pixels", "on each side", hide_order=0),
    Column("stride", "pixels", "from one window to the next", hide_order=0),
    Column("units", "units", "(size + 2·padding - kernel) / stride + 1, rounded down", hide_order=0),
    Column("left", "pixels", "on the right, which no window reaches", hide_order=0),
)
_PLACE = 1.1
"""Units between the rows of windows."""


def padding(
    size: Annotated[PositiveInt, "pixels of the row"] = 7,
    kernel: Annotated[PositiveInt, "pixels of the window"] = 3,
) -> Picture:
    """Draw the windows of a kernel on a row of pixels: valid, same and full padding, and larger strides."""
    cases = [
        ("valid", 0, 1),
        ("same", (kernel - 1) // 2, 1),
        ("full", kernel - 1, 1),
        ("", 0, 2),
        ("", (kernel - 1) // 2, 2),
        ("", 0, 3),
    ]
    rows, windows = [], []
    for name, pad, stride in cases:
        found = reads(size, kernel, stride, pad)
        left = size + pad - 1 - found[-1][-1]
        windows.append(found)
        rows.append(Row(name or f"stride {stride}", "case", {"padding": pad, "stride": stride, "units": len(found), "left": left}))
    table = Table(f"Windows of {kernel} on {size} pixels", {"size": size, "kernel": kernel}, _COLUMNS, tuple(rows))
    cell = min(4.6, 44 / (size + 2 * (kernel - 1)))
    order = [0, 3, 1, 4, 2, 5]  # two columns: the cases of stride 1 on the left, the others on the right
    heights = [3.2 * LINE + cell + _PLACE * len(windows[i]) for i in order]
    tops = [sum(heights[i % 2 : i : 2]) for i in range(len(order))]
    height = max(sum(heights[0::2]), sum(heights[1::2]))

    def draw(on: Sheet) -> None:
        for place, i in enumerate(order):
            _case(on, 2 + 50 * (place % 2), tops[place], table.rows[i], size, cell, windows[i])

    return sketch(table, height, draw)


def _case(on: Sheet, x: float, y: float, row: Row, size: int, cell: float, windows: list[list[int]]) -> None:
    """One row of pixels with the windows below it."""
    pad, stride, units, left = (row.cells[name] for name in ("padding", "stride", "units", "left"))
    name = f"{row.name}: " if stride == 1 else ""
    on.words(x, y + LINE, f"{name}pad {pad}, stride {stride} → {units} units", ha="left")
    middle = x + 23
    start = middle - cell * (size + 2 * pad) / 2
    top = y + 1.8 * LINE
    for pixel in range(-pad, size + pad):
        outside = not 0 <= pixel < size
        last = windows[-1][-1] < pixel
        on.box(
            start + (pixel + pad) * cell,
            top,
            cell,
            cell,
            fill=PALE if outside else "white",
            ec=GREY,
            lw=0.5,
            hatch="xxx" if last else None,
        )
    on.box(start + pad * cell, top, size * cell, cell, fill="none", lw=1.0, zorder=3)
    for unit, window in enumerate(windows):
        level = top + cell + _PLACE * (unit + 0.8)
        colour = ORANGE if unit == 0 else BLUE
        ends = [(start + (window[0] + pad + 0.1) * cell, level), (start + (window[-1] + pad + 0.9) * cell, level)]
        on.line(ends, colour=colour, lw=1.6, solid_capstyle="butt")
    if left:
        on.words(start + (size + 2 * pad) * cell + 0.8, top + cell / 2, f"{left} left", ha="left")


PICTURE = Kind(name="padding", shows="what padding and stride do to the size of a map", of="nothing", draw=padding)
