"""Two heads of a classifier: fully connected layers on flattened maps, and global average pooling; with their parameters.

Global average pooling: M. Lin, Q. Chen, S. Yan, "Network In Network", arXiv 1312.4400, section 3.2.
"""

from itertools import pairwise
from math import log10
from typing import Annotated

from zoo.extend import Column, Kind, Picture, PositiveInt, Row, Sizes, Table, ZooError, sizes
from zoo.pictures._described import described, params
from zoo.pictures._paper import ORANGE, human
from zoo.pictures._sketch import LINE, Sheet, sketch

_COLUMNS = (
    Column("layers", "text", "of the head", hide_order=1),
    Column("inputs", "numbers", "that the first linear layer reads", hide_order=0),
    Column("params", "parameters", "of the head, with biases", hide_order=0),
)
_TALL = 46.0


def heads(
    maps: Annotated[Sizes, "channels, height and width of the last feature maps"] = (512, 7, 7),
    hidden: Annotated[PositiveInt, "units of each hidden layer"] = 4096,
    classes: PositiveInt = 1000,
) -> Picture:
    """Draw VGG's head, two hidden layers on flattened maps, and one linear layer on the averages of the maps."""
    if len(maps) != 3:
        raise ZooError("maps: expected channels, height and width, such as 512x7x7")
    flat = maps[0] * maps[1] * maps[2]
    full = _weights([flat, hidden, hidden, classes])
    pooled = _weights([maps[0], classes])
    rows = (
        Row("fully connected", "head", {"layers": "flatten, 3 linear", "inputs": flat, "params": sum(full)}),
        Row("global average pooling", "head", {"layers": "average, 1 linear", "inputs": maps[0], "params": sum(pooled)}),
    )
    said = f"the first linear layer holds {full[0]:,} of the {sum(full):,}"
    table = Table(f"Heads on maps of {sizes(maps)}", {"classes": classes}, _COLUMNS, rows, notes=(said,))

    def draw(on: Sheet) -> None:
        _row(on, 0, rows[0], maps, [("flatten", flat), ("fc", hidden), ("fc", hidden), ("fc", classes)], full)
        _row(on, _TALL, rows[1], maps, [("average", maps[0]), ("fc", classes)], pooled)

    return sketch(table, 2 * _TALL, draw)


def _weights(features: list[int]) -> list[int]:
    """The parameters of each linear layer, from so many features to so many."""
    return [params(described((before,), f"fc {after}")) for before, after in pairwise(features)]


def _row(on: Sheet, y: float, row: Row, maps: tuple[int, ...], layers: list[tuple[str, int]], weights: list[int]) -> None:
    """The maps, then columns of numbers, joined by the parameters between them."""
    middle, floor = y + 22, y + _TALL - 2.6 * LINE
    on.words(2, y + 1.2 * LINE, f"{row.name}: {row.cells['params']:,} parameters", ha="left", weight="bold")
    for i in range(5):
        on.box(4 + 1.5 * i, middle - 3 - 1.5 * i, 10, 10, fill="#DCEBF5", lw=0.6, zorder=2 - 0.1 * i)
    on.words(12, floor, f"maps\n{sizes(maps)}", va="top")
    talls = [4 + 4.6 * log10(count) for _, count in layers]
    for i, ((name, count), tall) in enumerate(zip(layers, talls, strict=True)):
        x, top = 29 + 21 * i, middle - tall / 2
        if i:
            before = 29 + 21 * (i - 1) + 3
            high, low = middle - talls[i - 1] / 2, middle + talls[i - 1] / 2
            on.polygon([(before, high), (x, top), (x, top + tall), (before, low)], "#FBE6BF", lw=0, zorder=1)
            on.words((before + x) / 2, middle, f"{human(weights[i - 1])}\nparameters")
        elif name == "average":
            for k in range(5):
                on.line([(14 + 1.5 * k, middle + 2 - 1.5 * k), (x, top + tall * (0.9 - 0.2 * k))], colour="#8C8C8C", lw=0.6)
        else:
            on.polygon([(20, middle - 9), (x, top), (x, top + tall), (20, middle + 1)], "#EFEFEF", lw=0, zorder=1)
        on.box(x, top, 3, tall, fill=ORANGE if name == "fc" else "white")
        on.words(x + 1.5, floor, f"{name}\n{count:,}", va="top")


PICTURE = Kind(name="heads", shows="fully connected layers against global average pooling", of="nothing", draw=heads)
