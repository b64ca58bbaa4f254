"""Networks by the year of their paper: parameters, MACs, and the best top-5 error of ILSVRC that a primary source prints."""

from collections.abc import Sequence
from math import nan
from typing import TYPE_CHECKING, Any

from zoo.extend import Column, Kind, Picture, Row, Table, Trace, ZooError, accuracies, card, measure
from zoo.pictures._paper import BLUE, GREEN, ORANGE, human, picture, ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = (
    Column("year", "year", "of the paper", hide_order=0),
    Column("params", "parameters", "of the network", hide_order=0),
    Column("macs", "multiply-accumulates", "of the network, for its input", hide_order=0),
    Column("top5_error", "percent", "the least top-5 error of ILSVRC", hide_order=0),
    Column("models", "networks", "whose scores were averaged for this error", hide_order=1),
    Column("source", "text", "where the error is printed", hide_order=2),
)


def years(traces: Sequence[Trace]) -> Picture:
    """Draw networks of the catalogue by year.

    Arguments:
        traces: What `zoo.trace` recorded, one for each network of the catalogue.

    Returns:
        A `Picture`; its table has a row for each network.

    Raises:
        ZooError: For a network without a card.
    """
    rows = tuple(sorted(map(_row, traces), key=lambda row: int(row.cells["year"])))
    errors = any(row.cells["top5_error"] is not None for row in rows)
    notes = ("errors are those of the best entry that the source prints: ensembles and crops differ",) if errors else ()
    table = Table("Networks by year", {}, _COLUMNS, rows, notes=notes)
    return picture(table, lambda figure: _paint(figure, table), 22 + 32 * (3 if errors else 2))


def _row(trace: Trace) -> Row:
    try:
        year = card(trace.target).year
    except ZooError as error:
        raise ZooError(f"{trace.target} has no card that states its year; expected names of zoo list") from error
    printed = [one for one in accuracies(trace.target) if one.top5 is not None and ("ILSVRC" in one.on or "ImageNet" in one.on)]
    best = max(printed, key=lambda one: one.top5 or 0, default=None)
    cells: dict[str, Any] = {"year": year, **measure(trace, columns=["params", "macs"], depth=0).total}
    if best is None or best.top5 is None:
        return Row(trace.target, "network", {**cells, "top5_error": None, "models": None, "source": None})
    least = round(100 - best.top5, 6)
    return Row(
        trace.target, "network", {**cells, "top5_error": least, "models": best.models, "source": f"{best.on}: {best.source}"}
    )


_PANELS = (
    ("params", "parameters", BLUE, "o"),
    ("macs", "MACs", ORANGE, "s"),
    ("top5_error", "least top-5 error of ILSVRC (%)", GREEN, "^"),
)


def _paint(figure: "Figure", table: Table) -> None:
    shown = [panel for panel in _PANELS if any(row.cells[panel[0]] is not None for row in table.rows)]
    names = [f"{row.name}, {row.cells['year']}" for row in table.rows]
    for axes, (name, words, colour, marker) in zip(figure.subplots(len(shown), 1, sharex=True), shown, strict=True):
        numbers = [_known(row.cells[name]) for row in table.rows]
        axes.scatter(range(len(names)), numbers, s=18, color=colour, marker=marker, lw=0, zorder=3)
        axes.set_title(words)
        axes.margins(x=0.04, y=0.12)
        axes.grid()
        if name == "top5_error":
            axes.set_ylim(bottom=0)
        else:
            axes.set_yscale("log")
            ticks(axes.yaxis, human)
    axes.set_xticks(range(len(names)), names, rotation=50, ha="right", rotation_mode="anchor")


def _known(cell: Any) -> float:
    """The number, or the part of it that is known; not a number where there is none, so that no point is drawn."""
    return nan if cell is None else float(cell["at_least"] if isinstance(cell, dict) else cell)


PICTURE = Kind(name="years", shows="networks by year: parameters, MACs, top-5 error", of="targets", draw=years)
