"""Max pooling under a shift of its input: every input may change, and few of the outputs do.

After I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 9.3.
"""

from typing import Annotated

from zoo.extend import Column, Kind, Picture, PositiveInt, Row, Table, Text, ZooError
from zoo.pictures._described import reads
from zoo.pictures._paper import PALE
from zoo.pictures._sketch import LINE, Sheet, sketch

_COLUMNS = (
    Column("values", "numbers", "from left to right", hide_order=0),
    Column("changed", "numbers", "that differ from those before the shift", hide_order=0),
)
_CHANGED = "#F6D79A"
_TALL = 11.0


def shift(
    values: Annotated[Text, "the inputs; the first one enters when the others are shifted by one"] = "0.3,0.1,1,0.2,0.1",
    kernel: Annotated[PositiveInt, "inputs of each output"] = 3,
    stride: PositiveInt = 1,
) -> Picture:
    """Draw max pooling of a row, and of the same row shifted by one pixel to the right; changed values are marked."""
    numbers = _numbers(values)
    before, after = numbers[1:], numbers[:-1]
    pad = (kernel - 1) // 2
    windows = reads(len(before), kernel, stride, pad)
    pooled = [[max(row[i] for i in window if 0 <= i < len(row)) for window in windows] for row in (before, after)]
    rows = [
        Row("input", "before the shift", {"values": before, "changed": 0}),
        Row("pooled", "before the shift", {"values": pooled[0], "changed": 0}),
        Row("input", "after the shift", {"values": after, "changed": _differ(before, after)}),
        Row("pooled", "after the shift", {"values": pooled[1], "changed": _differ(*pooled)}),
    ]
    title = f"Max pooling of {kernel}, stride {stride}, under a shift by one pixel"
    table = Table(title, {"kernel": kernel, "stride": stride}, _COLUMNS, tuple(rows))

    def draw(on: Sheet) -> None:
        for place in (0, 1):
            _panel(on, 4 + place * (_TALL + 6 * LINE), rows[2 * place : 2 * place + 2], rows[:2], windows)

    return sketch(table, 2 * (_TALL + 6 * LINE) + 1, draw)


def _numbers(text: str) -> list[float]:
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError:
        found = []
    if not 3 <= len(found) <= 13:
        raise ZooError(f"values: expected 3 to 13 numbers, such as 0.3,0.1,1,0.2,0.1, got {text!r}")
    return found


def _differ(one: list[float], other: list[float]) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))


def _panel(on: Sheet, y: float, rows: list[Row], before: list[Row], windows: list[list[int]]) -> None:
    inputs, pooled = (row.cells["values"] for row in rows)
    width = min(13.0, 66 / len(inputs))
    x = 18.0
    high, low = y + 1.6 * LINE, y + 1.6 * LINE + 5 + _TALL
    where = [x + width * (i + 0.5) for i in range(len(inputs))]
    step = (where[-1] - where[0]) / max(len(pooled) - 1, 1) if len(pooled) > 1 else 0
    above = [where[0] + step * j for j in range(len(pooled))] if len(pooled) != len(inputs) else where
    on.words(2, y, rows[0].type, ha="left", weight="bold")
    for j, window in enumerate(windows):
        for i in window:
            if 0 <= i < len(inputs):
                on.line([(where[i], low), (above[j], high + 5)], colour="#8C8C8C", lw=0.6)
    for places, top, row, old in ((above, high, rows[1], before[1]), (where, low, rows[0], before[0])):
        on.words(2, top + 2.5, row.name, ha="left")
        for place, value, was in zip(places, row.cells["values"], old.cells["values"], strict=True):
            fill = _CHANGED if value != was else PALE if top == low else "white"
            on.box(place - 4, top, 8, 5, f"{value:g}", fill=fill)
        if row.cells["changed"]:
            on.words(x + width * len(inputs) + 1, top + 2.5, f"{row.cells['changed']} of {len(places)}\nchanged", ha="left")


PICTURE = Kind(name="shift", shows="max pooling under a shift of its input", of="nothing", draw=shift)
