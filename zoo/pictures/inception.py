"""An Inception module without and with its 1×1 reductions: what each layer costs.

C. Szegedy et al., "Going Deeper with Convolutions", arXiv 1409.4842, figure 2: (a) the naive module, (b) with reductions.
"""

from typing import Annotated

from zoo.extend import Column, Kind, Picture, Row, Sizes, Table, ZooError, sizes
from zoo.pictures._described import described, macs, params
from zoo.pictures._paper import human
from zoo.pictures._sketch import LINE, Sheet, sketch

_COLUMNS = (
    Column("maps", "maps", "that leave the layer", hide_order=0),
    Column("params", "parameters", "with biases", hide_order=0),
    Column("macs", "multiply-accumulates", "of the layer", hide_order=0),
)
_TINTS = {"1×1": "#F6D79A", "3×3": "#BBD9EC", "5×5": "#8FD3BE", "pool": "#E8E8E8"}
Layer = tuple[str, str, int]
"""A name, its description, and the maps that it reads."""


def inception(
    input: Annotated[Sizes, "maps, height and width of the input"] = (192, 28, 28),
    filters: Annotated[Sizes, "of the branches: 1x1, 3x3 reduction, 3x3, 5x5 reduction, 5x5, projection"] = (
        64,
        96,
        128,
        16,
        32,
        32,
    ),
) -> Picture:
    """Draw the module of figure 2, by default inception (3a) of GoogLeNet, naive and with reductions, with MACs in each box."""
    if len(input) != 3 or len(filters) != 6:
        raise ZooError("expected an input such as 192x28x28, and six numbers of filters, such as 64x96x128x16x32x32")
    one, less3, three, less5, five, projected = filters
    naive = [[_layer("1×1", one, 1)], [_layer("3×3", three, 3)], [_layer("5×5", five, 5)], [_POOL]]
    reduced = [
        [_layer("1×1", one, 1)],
        [_layer("1×1", less3, 1), _layer("3×3", three, 3)],
        [_layer("1×1", less5, 1), _layer("5×5", five, 5)],
        [_POOL, _layer("1×1", projected, 1)],
    ]
    groups = [_rows(name, input, branches) for name, branches in (("naive", naive), ("reduced", reduced))]
    rows = tuple(row for group in groups for branch in group for row in branch)
    notes = tuple(_total(name, group) for name, group in zip(("naive", "with reductions"), groups, strict=True))
    table = Table(
        f"Inception module on {sizes(input)}", {"input": list(input), "filters": list(filters)}, _COLUMNS, rows, notes=notes
    )
    tall = 44.5

    def draw(on: Sheet) -> None:
        for place, (group, note) in enumerate(zip(groups, notes, strict=True)):
            _module(on, place * tall, input, group, note)

    return sketch(table, 2 * tall + 2, draw)


def _layer(name: str, filters: int, kernel: int) -> tuple[str, str]:
    return name, f"conv {filters} {kernel}x{kernel} pad {kernel // 2}"


_POOL = ("pool 3×3", "pool 3x3 stride 1 pad 1")


def _rows(module: str, image: tuple[int, ...], branches: list[list[tuple[str, str]]]) -> list[list[Row]]:
    """A row for each layer of each branch."""
    found = []
    for number, branch in enumerate(branches, 1):
        shape, rows = tuple(image), []
        for name, text in branch:
            layer = described(shape, text)
            shape = layer.outputs[0].shape[1:]
            cells = {"maps": shape[0], "params": params(layer), "macs": macs(layer)}
            rows.append(Row(f"{module} {number}: {name}", name, cells))
        found.append(rows)
    return found


def _total(name: str, branches: list[list[Row]]) -> str:
    rows = [row for branch in branches for row in branch]
    work, held = (sum(row.cells[column] for row in rows) for column in ("macs", "params"))
    return f"{name}: {human(work)} MACs, {held:,} parameters"


def _module(on: Sheet, y: float, image: tuple[int, ...], branches: list[list[Row]], note: str) -> None:
    """The input at the bottom, the branches side by side, the concatenation at the top."""
    on.words(2, y + LINE, note, ha="left", weight="bold")
    top, bottom = y + 2.1 * LINE, y + 37.0
    centres = [12.5, 37.5, 62.5, 87.5]
    maps = sum(branch[-1].cells["maps"] for branch in branches)
    on.round_box(25, top, 50, 4.6, f"concatenation: {maps} maps")
    on.round_box(25, bottom, 50, 4.6, f"input: {sizes(image)}")
    for centre, branch in zip(centres, branches, strict=True):
        levels = [bottom - 9.6, bottom - 19.4][: len(branch)] if len(branch) > 1 else [bottom - 13.5]
        for row, level in zip(branch, levels, strict=True):
            cost = f"{human(row.cells['macs'])} MACs"
            words = (
                f"{row.type}, {row.cells['maps']} maps\n{cost}" if row.cells["macs"] else f"{row.type}\n{row.cells['maps']} maps"
            )
            on.round_box(centre - 12, level, 24, 7.4, words, fill=_TINTS[row.type.split(" ")[0]])
        start = (min(max(centre, 28), 72), bottom)
        on.arrow(start, (centre, levels[0] + 7.4))
        if len(levels) > 1:
            on.arrow((centre, levels[0]), (centre, levels[1] + 7.4))
        on.arrow((centre, levels[-1]), (min(max(centre, 28), 72), top + 4.6))


PICTURE = Kind(name="inception", shows="an Inception module, naive and with reductions", of="nothing", draw=inception)
