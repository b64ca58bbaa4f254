"""The cone of a deeper unit in a row of units: deeper units see more, although each is linked to a few only."""

from typing import Annotated

from zoo.extend import Column, Kind, Picture, PositiveInt, Row, Table, ZooError
from zoo.pictures._described import reads
from zoo.pictures._paper import BLUE, ORANGE
from zoo.pictures._sketch import LINE, Sheet, sketch
from zoo.pictures.wiring import spread

_COLUMNS = (
    Column("units", "units", "of the layer", hide_order=0),
    Column("seen", "units", "that the unit on top sees", hide_order=0),
    Column("first", "unit", "the first of them, counted from 1", hide_order=1),
    Column("last", "unit", "the last of them", hide_order=1),
)
_SEEN = "#BBD9EC"


def deeper(
    layers: Annotated[PositiveInt, "layers above the input"] = 3,
    kernel: Annotated[PositiveInt, "inputs of each unit"] = 3,
    stride: PositiveInt = 1,
    inputs: Annotated[PositiveInt, "units of the input"] = 9,
) -> Picture:
    """Draw what the middle unit of the last layer sees in each layer below it, with "same" padding."""
    if layers > 8:
        raise ZooError(f"layers: expected an integer from 1 to 8, got {layers}")
    windows = []
    size = inputs
    for _ in range(layers):
        windows.append(reads(size, kernel, stride, (kernel - 1) // 2))
        size = len(windows[-1])
    sizes = [inputs, *map(len, windows)]
    seen = [{sizes[-1] // 2}]
    for below, window in zip(reversed(sizes[:-1]), reversed(windows), strict=True):
        seen.insert(0, {i for unit in seen[0] for i in window[unit] if 0 <= i < below})
    rows = tuple(
        Row(f"layer {k}" if k else "input", "layer", {"units": n, "seen": len(some), "first": min(some) + 1, "last": max(some) + 1})
        for k, (n, some) in enumerate(zip(sizes, seen, strict=True))
    )
    title = f"What a unit of layer {layers} sees: kernel {kernel}, stride {stride}"
    table = Table(title, {"kernel": kernel, "stride": stride}, _COLUMNS, rows)
    gap = min(15.0, 60 / layers)

    def draw(on: Sheet) -> None:
        _draw(on, gap, sizes, windows, seen, rows)

    return sketch(table, gap * layers + 3.2 * LINE, draw)


def _draw(
    on: Sheet, gap: float, sizes: list[int], windows: list[list[list[int]]], seen: list[set[int]], rows: tuple[Row, ...]
) -> None:
    radius = min(2.5, 0.36 * 78 / max(sizes))
    places = [spread(size, 1, 78) for size in sizes]
    heights = [1.6 * LINE + gap * (len(sizes) - 1 - level) for level in range(len(sizes))]
    for level, window in enumerate(windows):
        for unit, inputs in enumerate(window):
            for i in inputs:
                if 0 <= i < sizes[level]:
                    inside = unit in seen[level + 1]
                    ends = (places[level][i], heights[level] - radius), (places[level + 1][unit], heights[level + 1] + radius)
                    on.line(ends, colour=BLUE if inside else "#CCCCCC", lw=1.0 if inside else 0.5, zorder=1.6 if inside else 1.4)
    for level, size in enumerate(sizes):
        top = level == len(sizes) - 1
        for unit in range(size):
            fill = (ORANGE if top else _SEEN) if unit in seen[level] else "white"
            on.circle(places[level][unit], heights[level], radius, fill=fill)
        on.words(
            81, heights[level], f"{rows[level].name}:\n{'one unit' if top else f'sees {len(seen[level])} of {size}'}", ha="left"
        )


PICTURE = Kind(name="deeper", shows="the cone of a deeper unit in a row of units", of="nothing", draw=deeper)
