"""A residual unit: the layers, the shortcut around them, and the addition; with two 3×3 convolutions, and as a bottleneck.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", arXiv 1512.03385, figures 2 and 5.
"""

from typing import Annotated

from zoo.extend import Column, Kind, Picture, PositiveInt, Row, Table
from zoo.pictures._described import described, macs, params
from zoo.pictures._paper import VERMILLION, human
from zoo.pictures._sketch import LINE, Sheet, sketch

_COLUMNS = (
    Column("kernel", "elements per axis", "of the convolution", hide_order=0),
    Column("maps", "maps", "that it reads and gives", hide_order=0),
    Column("params", "parameters", "without biases, which batch normalisation replaces", hide_order=0),
    Column("macs", "multiply-accumulates", "of the convolution", hide_order=0),
)


def residual(
    maps: Annotated[PositiveInt, "maps of the unit with two 3×3 convolutions"] = 64,
    wide: Annotated[PositiveInt, "maps that enter the bottleneck, and leave it"] = 256,
    size: Annotated[PositiveInt, "height and width of the maps"] = 56,
) -> Picture:
    """Draw both residual units of the paper with their cost, which is about the same."""
    units = {
        "basic": [(3, maps, maps), (3, maps, maps)],
        "bottleneck": [(1, wide, maps), (3, maps, maps), (1, maps, wide)],
    }
    groups = {name: [_row(name, size, *layer) for layer in layers] for name, layers in units.items()}
    rows = tuple(row for group in groups.values() for row in group)
    notes = tuple(
        f"{name}: {sum(row.cells['params'] for row in group):,} parameters, {human(sum(row.cells['macs'] for row in group))} MACs"
        for name, group in groups.items()
    )
    table = Table(f"Residual units on {size}×{size}", {"size": size}, _COLUMNS, rows, notes=notes)
    height = 84.0

    def draw(on: Sheet) -> None:
        for place, (group, note) in enumerate(zip(groups.values(), notes, strict=True)):
            _unit(on, 50.0 * place, group, note)

    return sketch(table, height, draw)


def _row(unit: str, size: int, kernel: int, before: int, after: int) -> Row:
    layer = described((before, size, size), f"conv {after} {kernel}x{kernel} pad {kernel // 2} no bias")
    cells = {"kernel": [kernel, kernel], "maps": [before, after], "params": params(layer), "macs": macs(layer)}
    return Row(f"{unit}: {kernel}×{kernel}, {before} to {after}", unit, cells)


def _unit(on: Sheet, x: float, rows: list[Row], note: str) -> None:
    """From the input at the top to the output at the bottom."""
    name, _, cost = note.partition(": ")
    on.words(x + 3, LINE, f"{name} unit", ha="left", weight="bold")
    on.words(x + 3, 2.2 * LINE, cost.replace(", ", "\n"), ha="left", va="top")
    centre, top, bottom = x + 28, 5.6 * LINE, 70.0
    on.words(centre, top - 1, f"{rows[0].cells['maps'][0]} maps", va="bottom")
    step = (bottom - 8 - top) / len(rows)
    y = top
    on.line([(centre, top), (centre, top + 2)])
    for number, row in enumerate(rows):
        kernel, (_, after) = row.cells["kernel"][0], row.cells["maps"]
        box = top + 3.5 + step * number
        on.arrow((centre, y), (centre, box))
        on.round_box(centre - 12, box, 24, 7.2, f"{kernel}×{kernel}, {after}\n{human(row.cells['macs'])} MACs", fill="#BBD9EC")
        y = box + 7.2
        if number < len(rows) - 1:
            on.words(centre + 1.2, y + (step - 7.2) / 2, "BN, ReLU", ha="left")
    on.words(centre + 1.2, y + 2.4, "BN", ha="left")
    on.arrow((centre, y), (centre, bottom - 2.4))
    on.circle(centre, bottom, 2.4, "+")
    on.arrow((centre, bottom + 2.4), (centre, bottom + 9))
    on.words(centre + 1.2, bottom + 5, "ReLU", ha="left")
    side = centre - 17
    on.line([(centre, top + 1), (side, top + 1), (side, bottom)], colour=VERMILLION, lw=1.3)
    on.arrow((side, bottom), (centre - 2.4, bottom), colour=VERMILLION, lw=1.3)
    on.words(side - 1, (top + bottom) / 2, "identity", rotation=90, ha="right")


PICTURE = Kind(name="residual", shows="residual units with two 3×3 convolutions, and as a bottleneck", of="nothing", draw=residual)
