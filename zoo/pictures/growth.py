"""How the receptive field grows with depth: the largest and the least window, and the distance between windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from zoo.analysis.columns import depth
from zoo.analysis.rows import group
from zoo.extend import Column, Count, Kind, Picture, Row, Table, Trace, ZooError, carry
from zoo.ops.axes import starts
from zoo.ops.least_field import least, widest
from zoo.pictures._labels import ABOVE, label_points
from zoo.pictures._paper import GREY, SMALL, legend_above, picture, style_of, ticks
from zoo.receptive.shown import Shown, shown
from zoo.receptive.spans import Field, start

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = (
    Column("depth", "layers", "layers with weights on the longest path", hide_order=0),
    Column("largest", "pixels", "the largest window of a unit after at most so many layers", hide_order=0),
    Column("least", "pixels", "the window along the smallest path to these units, or to those of a later layer", hide_order=0),
    Column("stride", "pixels", "between neighbouring units of the layer with the largest window", hide_order=0),
    Column("layer", "module", "the first layer with the largest window", hide_order=1),
)


@dataclass(frozen=True)
class _Unit:
    """What the units of one row see, from the input along all paths and along the smallest one."""

    layer: str
    depth: int
    largest: int
    least: int
    stride: float


def growth(traces: Sequence[Trace]) -> Picture:
    """Draw the windows of several networks by depth. Gates and normalisations, which see everything, do not count.

    Arguments:
        traces: What `zoo.trace` recorded, one for each network.

    Returns:
        A `Picture`; its table has a row for each depth of each network.

    Raises:
        ZooError: If no layer of a network has a window.
    """
    rows = tuple(row for trace in traces for row in _rows(trace))
    sides = {trace.target: [*trace.inputs[0].shape[1:]][:2][-1] for trace in traces}  # after the channels, if there are any
    names = list(sides)
    title = "Receptive field by depth" + (f" of {names[0]}" if len(names) == 1 else "")
    table = Table(title, {"targets": names, "input": sides}, _COLUMNS, rows)
    return picture(table, lambda figure: _paint(figure, table), 78)


def _rows(trace: Trace) -> list[Row]:
    units = sorted(_units(trace), key=lambda unit: unit.depth)
    if not units:
        raise ZooError(f"{trace.target} has no receptive field to draw: none of its layers has a window")
    widest_ones = [_widest(units, layers) for layers in range(units[-1].depth + 1)]
    leasts = list(accumulate(reversed([min(unit.least for unit in ones) for ones in widest_ones]), min))[::-1]
    found = []
    for layers, (ones, smallest) in enumerate(zip(widest_ones, leasts, strict=True)):
        first = ones[0]
        cells = {"depth": layers, "largest": first.largest, "least": smallest, "stride": first.stride, "layer": first.layer}
        found.append(Row(trace.target, "network", cells))
    return found


def _widest(units: Sequence[_Unit], layers: int) -> list[_Unit]:
    """The units after at most so many layers that have the largest window."""
    known = [unit for unit in units if unit.depth <= layers]
    most = max(unit.largest for unit in known)
    return [unit for unit in known if unit.largest == most]


def _units(trace: Trace) -> list[_Unit]:
    """Of each row whose units differ in what they see."""
    seen = starts(trace, start)
    depths, wide, small = carry(trace, depth.start, depth.rule), carry(trace, seen, widest), carry(trace, seen, least)
    image = trace.inputs[0]
    found = [_Unit("input", 0, 1, 1, 1)] if isinstance(seen(image), tuple) else []
    for row in group(trace):
        for value in row.outputs[:1]:
            largest, smallest, layers = _axis(wide.get(value.id)), _axis(small.get(value.id)), depths.get(value.id)
            if largest is None or smallest is None or largest.whole or not isinstance(layers, int | Count):
                continue
            known = layers.known if isinstance(layers, Count) else layers
            found.append(_Unit(row.name, known, largest.size, smallest.size, float(largest.stride)))
    return found if len(found) > 1 else []


def _axis(field: Field | None) -> Shown | None:
    """The axis along which the window is largest."""
    axes = shown(field) if field is not None else ""
    return None if isinstance(axes, str) else max(axes, key=lambda axis: axis.size)


def _paint(figure: "Figure", table: Table) -> None:
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.1))
    shortcuts = False
    deepest: list[int] = []
    largest: list[int] = []
    for index, name in enumerate(table.context["targets"]):
        cells = [row.cells for row in table.rows if row.name == name]
        x, look = [cell["depth"] for cell in cells], style_of(index)
        above.step(x, [cell["largest"] for cell in cells], where="post", label=name, **look)
        below.step(x, [cell["stride"] for cell in cells], where="post", **look)
        deepest.append(x[-1])
        largest.append(cells[-1]["largest"])
        above.plot(deepest[-1], largest[-1], "o", color=look["color"])
        if any(cell["least"] != cell["largest"] for cell in cells):
            above.step(x, [cell["least"] for cell in cells], where="post", color=look["color"], lw=0.6)
            shortcuts = True
    if shortcuts:
        above.plot([], [], color=GREY, lw=0.6, label="thin: smallest path")
    _edges(above, sorted(set(table.context["input"].values())))
    above.set_ylabel("window (pixels)")
    above.margins(y=0.16)
    above.set_ylim(bottom=0)
    label_points(above, deepest, largest, [f"{side:,}" for side in largest], [2.5] * len(largest), ABOVE)
    above.grid(axis="y")
    below.set_yscale("log", base=2)
    below.set_yticks([2**power for power in range(int(max(row.cells["stride"] for row in table.rows)).bit_length())])
    ticks(below.yaxis)
    below.set_ylabel("stride (pixels)")
    below.set_xlabel("depth (layers with weights)")
    below.grid(axis="y")
    below.xaxis.get_major_locator().set_params(integer=True)
    legend_above(figure, above)


def _edges(axes: "Axes", sides: Sequence[int]) -> None:
    """Where windows reach the size of the inputs."""
    for side in sides:
        axes.axhline(side, color=GREY, lw=0.7, ls=(0, (4, 3)))
    words = "input:\n" + ",\n".join(f"{side:,}" for side in sides)
    axes.annotate(words, (1, sides[-1]), (2, 0), ("axes fraction", "data"), "offset points", va="center", size=SMALL)


PICTURE = Kind(name="growth", shows="how the receptive field grows with depth", of="targets", draw=growth)
