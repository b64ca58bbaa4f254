"""What each layer of a network costs: parameters, MACs and memory, as shares of the totals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.extend import Column, Kind, Picture, Row, Table, Trace, ZooError, measure
from zoo.pictures._paper import BLUE, GREEN, ORANGE, SMALL, binary, brief, human, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST, _DEEPEST = 24, 4
_OTHER = "all others"
_PARTS = (
    ("params", "parameters", human, BLUE),
    ("macs", "MACs", human, ORANGE),
    ("activation_bytes", "activations", binary, GREEN),
)
_NAMES = tuple(name for name, *_ in _PARTS)
_COLUMNS = (
    Column("params", "parameters", "of this layer, each once", hide_order=0),
    Column("macs", "multiply-accumulates", "of this layer", hide_order=0),
    Column("activation_bytes", "bytes", "of the outputs of this layer's operations", hide_order=0),
)


def cost(traces: Sequence[Trace]) -> Picture:
    """Draw what each layer costs. Layers without parameters and MACs are added up in one last bar.

    Arguments:
        traces: What `zoo.trace` recorded, one for each network.

    Returns:
        A `Picture`; its table has a row for each bar. The rows of a network add up to its totals.

    Raises:
        ZooError: If a network has neither parameters nor MACs.
    """
    names = [trace.target for trace in traces]
    rows = tuple(row for trace in traces for row in _rows(trace))
    table = Table(f"Cost by layer of {', '.join(names)}", {"targets": names}, _COLUMNS, rows)
    return picture(table, lambda figure: _paint(figure, table), 14 * len(names) + 3.7 * len(rows))


def _rows(trace: Trace) -> list[Row]:
    """A bar for each layer or module, as deep as there are few enough to be read."""
    found = next(rows for depth in (None, *range(_DEEPEST, 0, -1)) if len(rows := _bars(trace, depth)) <= _MOST or depth == 1)
    if len(found) < 2:
        raise ZooError(f"{trace.target} has neither parameters nor MACs to draw")
    return found


def _bars(trace: Trace, depth: int | None) -> list[Row]:
    rows, rest = [], dict.fromkeys(_NAMES, 0)
    for row in measure(trace, columns=_NAMES, depth=depth, fold=True).rows:
        cells = {name: _known(row.cells[name]) for name in _NAMES}
        if cells["params"] or cells["macs"]:
            rows.append(Row(row.name, trace.target, cells, row.times))
        else:
            rest = {name: rest[name] + cells[name] for name in _NAMES}
    return [*rows, Row(_OTHER, trace.target, rest)]


def _known(cell: Any) -> int:
    """The number, or the part of it that is known."""
    return int(cell["at_least"] if isinstance(cell, dict) else cell or 0)


def _paint(figure: "Figure", table: Table) -> None:
    targets = table.context["targets"]
    groups = [[row for row in table.rows if row.type == target] for target in targets]
    grid = figure.subplots(len(targets), len(_PARTS), sharey="row", squeeze=False, height_ratios=[len(rows) for rows in groups])
    for axes, rows, target in zip(grid, groups, targets, strict=True):
        labels = [f"{name} ×{row.times}" if row.times > 1 else name for name, row in zip(brief(rows), rows, strict=True)]
        for ax, (name, words, show, colour) in zip(axes, _PARTS, strict=True):
            _bars_of(ax, [row.cells[name] for row in rows], f"{words}\n{show(sum(row.cells[name] for row in rows))}", colour)
        axes[0].set_yticks(range(len(rows)), labels)
        axes[0].set_ylim(len(rows) - 0.4, -0.6)
        if len(targets) > 1:
            axes[0].annotate(target, (0, 1), (-4, 6), "axes fraction", "offset points", ha="right", weight="bold")


def _bars_of(axes: "Axes", numbers: Sequence[int], title: str, colour: str) -> None:
    """One bar a layer, with its share of the total in percent."""
    total = sum(numbers) or 1
    axes.barh(range(len(numbers)), numbers, color=colour, height=0.72)
    most = max(numbers) or 1
    for place, number in enumerate(numbers):
        share = 100 * number / total
        words = f"{share:.0f}%" if share >= 9.95 else f"{share:.1f}%" if share >= 0.05 else "<0.1%" if number else "–"
        axes.annotate(words, (number, place), (2, 0), textcoords="offset points", va="center", size=SMALL)
    axes.set_xlim(0, most * 1.5)
    axes.set_xticks([])
    axes.spines[["bottom"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_title(title, size=SMALL)


PICTURE = Kind(name="cost", shows="what each layer costs: parameters, MACs, memory", of="targets", draw=cost)
