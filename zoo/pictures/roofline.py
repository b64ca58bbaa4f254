"""The roofline of a device, and the layers of networks under it (`zoo.analysis.roofline`)."""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from zoo.analysis.roofline import Bound, Device, bounds
from zoo.analysis.roofline import device as device_of
from zoo.extend import Column, Kind, Picture, Row, Table, Text, Trace, ZooError
from zoo.pictures._paper import BLACK, BLANK, COLOURS, DARK, GREY, MARKERS, beside, human, legend_above, picture, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CHARACTERS = 34
"""What a label may have beside a point."""
_COLUMNS = (
    Column("flops", "operations", "two for each MAC", hide_order=1),
    Column("bytes", "bytes", "inputs, parameters and outputs of the layer's operations", hide_order=1),
    Column("intensity", "FLOPs per byte", "arithmetic intensity", hide_order=0),
    Column("bound", "FLOPs per second", "at most, on this device", hide_order=0),
    Column("limit", "text", "what limits it: arithmetic or memory", hide_order=0),
    Column("microseconds", "microseconds", "at least, on this device", hide_order=0),
)


def roofline(
    traces: Sequence[Trace], device: Annotated[Text, "t4, v100, a100, h100, or FLOPS:BYTES per second"] = "a100"
) -> Picture:
    """Draw the layers of networks under the roofline of a device.

    Arguments:
        traces: What `zoo.trace` recorded, one for each network.
        device: A name of `DEVICES`, or its peak and bandwidth as "19.5e12:1555e9".

    Returns:
        A `Picture`; its table has a row for each layer that multiplies.

    Raises:
        ZooError: For an unknown device, and if no layer multiplies.
    """
    chosen = device_of(device)
    rows = tuple(row for trace in traces for row in _rows(trace, chosen))
    names = [trace.target for trace in traces]
    facts = {"name": chosen.name, "flops": chosen.flops, "bandwidth": chosen.bandwidth, "source": chosen.source}
    speed, width = human(chosen.flops, "FLOP/s"), human(chosen.bandwidth, "B/s")
    said = f"{chosen.name}: {speed} in single precision without tensor cores, {width} ({chosen.source})"
    table = Table(
        f"Roofline of {', '.join(names)} on {chosen.name}", {"targets": names, "device": facts}, _COLUMNS, rows, notes=(said,)
    )
    return picture(table, lambda figure: _paint(figure, table, chosen), 72)


def _rows(trace: Trace, device: Device) -> list[Row]:
    rows = [Row(one.row.name, trace.target, _cells(one)) for one in bounds(trace, device)]
    if not rows:
        raise ZooError(f"{trace.target} has no layer that multiplies")
    return rows


def _cells(one: Bound) -> dict[str, Any]:
    measured = {"intensity": one.intensity, "bound": one.most, "microseconds": 1e6 * one.seconds}
    rounded = {name: float(f"{value:.6g}") for name, value in measured.items()}
    return {"flops": one.flops, "bytes": one.bytes, **rounded, "limit": "memory" if one.by_memory else "arithmetic"}


def _paint(figure: "Figure", table: Table, device: Device) -> None:
    axes = figure.add_subplot()
    intensities = [row.cells["intensity"] for row in table.rows]
    low, high = min(*intensities, device.balance) / 3, max(*intensities, device.balance) * 3
    roof = [(low, low * device.bandwidth), (device.balance, device.flops), (high, device.flops)]
    axes.plot(*zip(*roof, strict=True), color=BLACK, lw=1.3)
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low * device.bandwidth / 1.5, device.flops * 4))
    axes.plot([device.balance] * 2, [axes.get_ylim()[0], device.flops], color=GREY, lw=0.7, ls=(0, (4, 3)))
    most = max(row.cells["flops"] for row in table.rows)
    for index, target in enumerate(table.context["targets"]):
        rows = [row for row in table.rows if row.type == target]
        points = [row.cells["intensity"] for row in rows], [row.cells["bound"] for row in rows]
        areas = [9 + 60 * row.cells["flops"] / most for row in rows]
        look: dict[str, Any] = {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]}
        axes.scatter(*points, s=areas, **look, alpha=0.65, lw=0.4, edgecolors="white", zorder=3)
        axes.scatter([], [], s=14, **look, label=target)
    _label_ends(axes, table.rows)
    _label_roof(axes, device)
    axes.set_xlabel("arithmetic intensity (FLOPs per byte)")
    axes.set_ylabel("at most (FLOP/s)")
    ticks(axes.xaxis)
    ticks(axes.yaxis)
    legend_above(figure, axes)


def _label_roof(axes: "Axes", device: Device) -> None:
    words = f"{device.name}: {human(device.flops, 'FLOP/s')}, {human(device.bandwidth, 'B/s')}"
    beside(axes, words, (1, 1), (0, -2), "axes fraction", ha="right", va="top")
    base = (device.balance, axes.get_ylim()[0])
    beside(axes, f"balance: {device.balance:.1f}", base, (-3, 12), ha="right")
    beside(axes, "← memory limits", base, (-3, 3), ha="right", color=DARK)
    beside(axes, "arithmetic limits →", base, (3, 3), color=DARK)


def _label_ends(axes: "Axes", rows: Sequence[Row]) -> None:
    """Name the layer with the least intensity and the one that takes longest."""
    least = min(rows, key=lambda row: float(row.cells["intensity"]))
    longest = max(rows, key=lambda row: float(row.cells["microseconds"]))
    several, middle = len({row.type for row in rows}) > 1, prod(axes.get_xlim()) ** 0.5
    for row, below in {(least.type, least.name): (least, False), (longest.type, longest.name): (longest, True)}.values():
        name = f"{row.name} of {row.type.rpartition(':')[2]}" if several else row.name
        place = (row.cells["intensity"], row.cells["bound"])
        words = name if len(name) <= _CHARACTERS else f"…{name[1 - _CHARACTERS :]}"
        right = place[0] > middle
        beside(axes, words, place, (-4 if right else 4, -11 if below else -4), ha="right" if right else "left", bbox=BLANK)


PICTURE = Kind(name="roofline", shows="which layers arithmetic limits on a device, and which memory", of="targets", draw=roofline)
