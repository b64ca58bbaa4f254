"""How the cost of a network grows with its input: MACs and the peak of live activations by input size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.extend import Column, Kind, Picture, Row, Table, Trace, ZooError, measure
from zoo.pictures._paper import MARKERS, binary, human, legend_above, picture, style_of, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = (
    Column("input", "elements per axis", "the input's shape, batch included", hide_order=0),
    Column("side", "pixels", "the longest side of the input", hide_order=0),
    Column("macs", "multiply-accumulates", "of the network", hide_order=0),
    Column("peak", "bytes", "most live activations", hide_order=0),
)


def sweep(traces: Sequence[Trace]) -> Picture:
    """Draw what networks cost on inputs of several sizes.

    Arguments:
        traces: What `zoo.trace` recorded: for each network one trace for each size.

    Returns:
        A `Picture`; its table has a row for each trace.

    Raises:
        ZooError: If every network has one size only.
    """
    names = list(dict.fromkeys(trace.target for trace in traces))
    if len(traces) == len(names):
        raise ZooError("sweep: expected two sizes of the input or more")
    rows = tuple(sorted(map(_row, traces), key=lambda row: (names.index(row.name), row.cells["side"])))
    table = Table(f"Cost by input size of {', '.join(names)}", {"targets": names}, _COLUMNS, rows)
    return picture(table, lambda figure: _paint(figure, table), 78)


def _row(trace: Trace) -> Row:
    shape = trace.inputs[0].shape
    total = measure(trace, columns=["macs", "peak"], depth=0).total
    return Row(trace.target, "point", {"input": list(shape), "side": max(shape[2:], default=shape[-1]), **total})


def _paint(figure: "Figure", table: Table) -> None:
    above, below = figure.subplots(2, 1, sharex=True)
    for index, target in enumerate(table.context["targets"]):
        cells = [row.cells for row in table.rows if row.name == target]
        x, look = [cell["side"] for cell in cells], {**style_of(index), "marker": MARKERS[index % len(MARKERS)]}
        above.plot(x, [_known(cell["macs"]) for cell in cells], label=target, **look)
        below.plot(x, [_known(cell["peak"]) for cell in cells], **look)
    for axes, words, show in ((above, "MACs", human), (below, "peak of activations", binary)):
        axes.set(ylabel=words, xscale="log")
        axes.set_yscale("log", base=10 if show is human else 2)
        axes.grid()
        _more_ticks(axes, show is human)
        ticks(axes.yaxis, show)
    sides = sorted({row.cells["side"] for row in table.rows})
    below.set_xticks(_apart(sides))
    ticks(below.xaxis, lambda side: f"{side:.0f}")
    below.set_xlabel("side of the input (pixels)")
    legend_above(figure, above)


def _more_ticks(axes: "Axes", decimal: bool) -> None:
    """Between powers of ten too, if there are few of these."""
    from matplotlib.ticker import LogLocator

    low, high = axes.get_ylim()
    if decimal and high / low < 100:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))


def _apart(sides: Sequence[int]) -> list[int]:
    """Sizes that are far enough apart for their numbers."""
    found: list[int] = []
    for side in sides:
        if not found or side >= found[-1] * (sides[-1] / sides[0]) ** 0.1:
            found.append(side)
    return found


def _known(cell: Any) -> int:
    return int(cell["at_least"] if isinstance(cell, dict) else cell or 0)


PICTURE = Kind(name="sweep", shows="what a network costs by the size of its input", of="targets", draw=sweep)
