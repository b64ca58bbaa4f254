"""Full, local and convolutional wiring of one row of units: which units are linked, and which links share a weight."""

from collections.abc import Sequence
from typing import Annotated, Any

from zoo.extend import Column, Kind, Natural, Picture, PositiveInt, Row, Table
from zoo.pictures._described import reads
from zoo.pictures._paper import BLACK, COLOURS, DASHES, PALE
from zoo.pictures._sketch import LINE, Sheet, sketch, subscript

Link = tuple[int, int, int]
"""An input, a unit, and the number of its weight."""

_COLUMNS = (
    Column("inputs", "units", "of the layer below", hide_order=0),
    Column("units", "units", "of the layer above", hide_order=0),
    Column("connections", "links", "from an input to a unit", hide_order=0),
    Column("weights", "numbers", "that are learned, without biases", hide_order=0),
)
_TALL = 22.0
_NAMES = ("fully connected", "locally connected", "convolution")


def wiring(
    inputs: Annotated[PositiveInt, "units of the layer below"] = 5,
    kernel: Annotated[PositiveInt, "inputs of each unit"] = 3,
    stride: PositiveInt = 1,
    padding: Annotated[Natural, "zeros on each side"] = 1,
) -> Picture:
    """Draw full, local and shared wiring between as many units; arrows of one colour and dash share their weight."""
    windows = reads(inputs, kernel, stride, padding)
    full = [(i, j, j * inputs + i) for j in range(len(windows)) for i in range(inputs)]
    shared = [(i, j, k) for j, window in enumerate(windows) for k, i in enumerate(window) if 0 <= i < inputs]
    local = [(i, j, number) for number, (i, j, _) in enumerate(shared)]
    links = (full, local, shared)
    rows = tuple(
        Row(
            name,
            "wiring",
            {"inputs": inputs, "units": len(windows), "connections": len(some), "weights": len({k for *_, k in some})},
        )
        for name, some in zip(_NAMES, links, strict=True)
    )
    table = Table(f"Wiring of {inputs} inputs and {len(windows)} units", {"kernel": kernel, "stride": stride}, _COLUMNS, rows)

    def draw(on: Sheet) -> None:
        for place, (row, some) in enumerate(zip(rows, links, strict=True)):
            _panel(on, 1.5 + 33.3 * place, 30.5, row, some, kernel if place == 2 else 0)

    return sketch(table, _TALL + 6 * LINE, draw)


def spread(count: int, x: float, width: float) -> list[float]:
    """Where that many units are centred."""
    return [x + width * (i + 0.5) / count for i in range(count)]


def _panel(on: Sheet, x: float, width: float, row: Row, links: Sequence[Link], kernel: int) -> None:
    cells: dict[str, Any] = dict(row.cells)
    lower, upper = spread(cells["inputs"], x, width), spread(cells["units"], x, width)
    low, high = LINE * 2.6 + _TALL, LINE * 2.6
    radius = min(2.4, 0.36 * width / max(cells["inputs"], cells["units"]))
    on.words(x + width / 2, LINE * 0.9, row.name, weight="bold")
    for i, j, weight in links:
        look: dict[str, Any] = {"colour": BLACK, "lw": 0.6}
        if kernel:
            look = {"colour": COLOURS[weight % len(COLOURS)], "lw": 1.0, "linestyle": DASHES[weight % len(DASHES)]}
        start, end = (lower[i], low - radius), (upper[j], high + radius)
        on.line([start, end], **look)
        on.arrow(_towards(end, start, 0.03), end, colour=look["colour"], lw=0.6)
    for places, y, letter, fill in ((lower, low, "x", PALE), (upper, high, "s", "white")):
        for number, place in enumerate(places, 1):
            on.circle(place, y, radius, f"{letter}{subscript(number)}" if radius > 1.9 else "", fill=fill)
    said = f"{cells['connections']} connections\n{cells['weights']} weights"
    on.words(x + width / 2, low + radius + LINE * 1.4, said)


def _towards(end: tuple[float, float], start: tuple[float, float], part: float) -> tuple[float, float]:
    """A place just before the end of a line, from which its arrow head is drawn."""
    return end[0] + (start[0] - end[0]) * part, end[1] + (start[1] - end[1]) * part


PICTURE = Kind(name="wiring", shows="full, local and convolutional wiring side by side", of="nothing", draw=wiring)
