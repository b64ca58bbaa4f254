"""What networks cost against how accurate they are: MACs, parameters, and the accuracy that a primary source prints."""

from collections import Counter
from collections.abc import Sequence
from math import pi, sqrt
from typing import TYPE_CHECKING, Any

from zoo.catalogue.accuracy import single
from zoo.extend import Column, Kind, Picture, Row, Table, Trace, accuracies, measure
from zoo.pictures._labels import label_points
from zoo.pictures._paper import BLUE, SMALL, human, picture, ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = (
    Column("params", "parameters", "of the network", hide_order=0),
    Column("macs", "multiply-accumulates", "of the network, for its input", hide_order=0),
    Column("top1", "percent", "top-1 accuracy of a single network", hide_order=0),
    Column("top5", "percent", "top-5 accuracy of the same network", hide_order=1),
    Column("how", "text", "crops, and remarks", hide_order=2),
    Column("source", "text", "where the accuracy is printed", hide_order=2),
)


def tradeoff(traces: Sequence[Trace]) -> Picture:
    """Draw MACs against top-1 accuracy, with areas that stand for parameters; without any accuracy, MACs against parameters.

    Accuracies are those on cards of the catalogue, with their sources, and in torchvision's metadata. Networks without one on the
    same images are in the table only.

    Arguments:
        traces: What `zoo.trace` recorded, one for each network.

    Returns:
        A `Picture`; its table has a row for each network.
    """
    found = {trace.target: accuracies(trace.target) for trace in traces}
    sets = Counter(
        on for several in found.values() for on in {one.on for one in several if one.models == 1 and one.top1 is not None}
    )
    on = sets.most_common(1)[0][0] if sets else ""
    rows = []
    for trace in traces:
        total = measure(trace, columns=["params", "macs"], depth=0).total
        best = single(found[trace.target], on)
        facts = {"top1": best.top1, "top5": best.top5, "how": best.how, "source": best.source} if best else {}
        rows.append(Row(trace.target, "network", {**total, "top1": None, "top5": None, "how": None, "source": None, **facts}))
    without = [row.name for row in rows if row.cells["top1"] is None]
    notes = [f"no top-1 accuracy on {on or 'any images'} in a primary source: {', '.join(without)}"] if without else []
    notes += ["accuracies are those of the sources: training and crops differ"] if on else []
    table = Table("Accuracy and cost", {"on": on}, _COLUMNS, tuple(rows), notes=tuple(notes))
    return picture(table, lambda figure: _paint(figure, table), 70)


def _paint(figure: "Figure", table: Table) -> None:
    axes = figure.add_subplot()
    on = table.context["on"]
    rows = [row for row in table.rows if not on or row.cells["top1"] is not None]
    x, params = [_known(row.cells["macs"]) for row in rows], [_known(row.cells["params"]) for row in rows]
    y = [row.cells["top1"] for row in rows] if on else params
    areas = [8 + 230 * number / max(params) for number in params] if on else [20.0] * len(rows)
    axes.scatter(x, y, s=areas, color=BLUE, alpha=0.45, lw=0, zorder=3)
    axes.scatter(x, y, s=3, color=BLUE, zorder=4)
    axes.set_xscale("log")
    axes.margins(0.14)
    axes.grid()
    axes.set_xlabel("MACs")
    ticks(axes.xaxis)
    if on:
        axes.set_ylabel(f"top-1 accuracy on {on} (%)")
        axes.set_title(f"areas: parameters; the largest is {human(max(params))}", size=SMALL)
    else:
        axes.set(yscale="log", ylabel="parameters")
        ticks(axes.yaxis)
    label_points(axes, x, y, [row.name.removeprefix("torchvision:") for row in rows], [sqrt(area / pi) for area in areas])


def _known(cell: Any) -> int:
    return int(cell["at_least"] if isinstance(cell, dict) else cell or 0)


PICTURE = Kind(name="tradeoff", shows="accuracy against cost, where a primary source prints it", of="targets", draw=tradeoff)
