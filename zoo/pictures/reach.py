"""Sparse wiring seen from below and from above: the units that one input reaches, and the inputs that one unit sees.

After I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 9.2, which draws both for a convolution and for a
fully connected layer.
"""

from collections.abc import Sequence
from typing import Annotated

from zoo.extend import Column, Kind, Natural, Picture, PositiveInt, Row, Table, ZooError
from zoo.pictures._described import reads
from zoo.pictures._paper import BLUE, ORANGE, PALE
from zoo.pictures._sketch import LINE, Sheet, sketch, subscript
from zoo.pictures.wiring import spread

_COLUMNS = (
    Column("from", "unit", "the input or the unit that is looked at", hide_order=0),
    Column("linked", "units", "those that it is linked to, counted from 1", hide_order=0),
    Column("count", "units", "how many there are", hide_order=0),
)
_TALL = 15.0
_GREY_LINK = "#C4C4C4"


def reach(
    inputs: Annotated[PositiveInt, "units of the layer below"] = 5,
    kernel: Annotated[PositiveInt, "inputs of each unit"] = 3,
    stride: PositiveInt = 1,
    padding: Annotated[Natural, "zeros on each side"] = 1,
    of: Annotated[PositiveInt, "the input or unit that is looked at, counted from 1"] = 3,
) -> Picture:
    """Draw what one input reaches, and what one unit sees, with a convolution and with full wiring."""
    windows = reads(inputs, kernel, stride, padding)
    if of > min(inputs, len(windows)):
        raise ZooError(f"of: expected an integer from 1 to {min(inputs, len(windows))}, got {of}")
    sparse = [(i, j) for j, window in enumerate(windows) for i in window if 0 <= i < inputs]
    full = [(i, j) for j in range(len(windows)) for i in range(inputs)]
    rows = []
    for name, links in (("convolution", sparse), ("fully connected", full)):
        above = [j + 1 for i, j in links if i == of - 1]
        below = [i + 1 for i, j in links if j == of - 1]
        rows.append(Row(name, "from below", {"from": f"x{of}", "linked": above, "count": len(above)}))
        rows.append(Row(name, "from above", {"from": f"s{of}", "linked": below, "count": len(below)}))
    table = Table("Seen from below and from above", {"inputs": inputs, "units": len(windows)}, _COLUMNS, tuple(rows))

    def draw(on: Sheet) -> None:
        for place, (row, links) in enumerate(zip(rows, (sparse, sparse, full, full), strict=True)):
            _panel(on, 2 + 50 * (place % 2), (place // 2) * (_TALL + 5.5 * LINE), row, links, inputs, len(windows), of - 1)

    return sketch(table, 2 * (_TALL + 5.5 * LINE), draw)


def _panel(on: Sheet, x: float, y: float, row: Row, links: Sequence[tuple[int, int]], inputs: int, units: int, of: int) -> None:
    from_below = row.type == "from below"
    below, above = spread(inputs, x, 46), spread(units, x, 46)
    high, low = y + 2.8 * LINE, y + 2.8 * LINE + _TALL
    radius = min(2.6, 0.36 * 46 / max(inputs, units))
    what = f"{row.cells['from']} reaches {row.cells['count']}" if from_below else f"{row.cells['from']} sees {row.cells['count']}"
    on.words(x, y + LINE, f"{row.name}: {what}", ha="left")
    for i, j in links:
        marked = (i if from_below else j) == of
        ends = (below[i], low - radius), (above[j], high + radius)
        on.arrow(*ends, colour=BLUE if marked else _GREY_LINK, lw=1.0 if marked else 0.5, zorder=2 if marked else 1)
    linked = {number - 1 for number in row.cells["linked"]}
    for number, place in enumerate(below):
        fill = ORANGE if from_below and number == of else "#BBD9EC" if not from_below and number in linked else PALE
        on.circle(place, low, radius, f"x{subscript(number + 1)}" if radius > 1.9 else "", fill=fill)
    for number, place in enumerate(above):
        fill = ORANGE if not from_below and number == of else "#BBD9EC" if from_below and number in linked else "white"
        on.circle(place, high, radius, f"s{subscript(number + 1)}" if radius > 1.9 else "", fill=fill)


PICTURE = Kind(name="reach", shows="what one input reaches, and what one unit sees", of="nothing", draw=reach)
