"""Memory over time: the activations that are alive while each operation runs, and where they are most."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.analysis.rows import group
from zoo.extend import UNUSED, Column, Kind, Picture, Row, Table, Trace, ZooError
from zoo.ops.memory import lives, storages
from zoo.pictures._paper import BLUE, ORANGE, PALE, SMALL, binary, brief, legend_above, picture, style_of, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PARTS = (
    ("used", "read or written by the operation", ORANGE, None),
    ("waiting", "kept for a later operation", BLUE, None),
    ("input", "the network's input, which the caller holds", PALE, "////"),
)
_NAMES = tuple(name for name, *_ in _PARTS)
_COLUMNS = (
    Column("step", "operations", "that ran before", hide_order=1),
    Column("op", "text", "the operation", hide_order=2),
    Column("live", "bytes", "activations that are alive while it runs", hide_order=0),
    Column("used", "bytes", "of these, what it reads and writes", hide_order=0),
    Column("waiting", "bytes", "of these, what a later operation reads", hide_order=0),
    Column("input", "bytes", "of these, the network's input, unless the operation reads it", hide_order=0),
)


def memory(traces: Sequence[Trace]) -> Picture:
    """Draw what activations are alive over time, during inference, if each is freed after the last operation that reads it.

    One network is drawn with the parts of its memory, several as one line each. Parameters are not counted.

    Arguments:
        traces: What `zoo.trace` recorded, one for each network.

    Returns:
        A `Picture`; its table has a row for each operation. The largest number is the total of the column `peak`.

    Raises:
        ZooError: If a network runs no operation.
    """
    rows = tuple(row for trace in traces for row in _rows(trace))
    names = [trace.target for trace in traces]
    peaks = {name: max((row for row in rows if row.type == name), key=lambda row: int(row.cells["live"])) for name in names}
    said = tuple(f"peak of {name}: {row.cells['live']:,} bytes at {row.name}" for name, row in peaks.items())
    context = {"targets": names, "peaks": {name: {"layer": row.name, **row.cells} for name, row in peaks.items()}}
    table = Table(f"Live activations of {', '.join(names)}", context, _COLUMNS, rows, notes=said)
    return picture(table, lambda figure: _paint(figure, table), 62)


def _rows(trace: Trace) -> list[Row]:
    layer = {id(op): row.name for row in group(trace) for op in row.ops}
    parts = [dict.fromkeys(_NAMES, 0) for _ in trace.ops]
    base = storages(trace)
    touched = [{base[value.id].id for value in (*op.inputs, *op.outputs)} for op in trace.ops]
    inputs = {value.id for value in trace.inputs}
    for storage, first, last in lives(trace):
        for index in range(first, min(last + 1, len(trace.ops))):
            idle = "input" if storage.id in inputs else "waiting"
            parts[index]["used" if storage.id in touched[index] else idle] += storage.nbytes
    ran = [(op, cells) for op, cells in zip(trace.ops, parts, strict=True) if op.kind != UNUSED]
    if not ran:
        raise ZooError(f"{trace.target} runs no operation")
    return [
        Row(layer[id(op)], trace.target, {"step": step, "op": op.kind, "live": sum(cells.values()), **cells})
        for step, (op, cells) in enumerate(ran)
    ]


def _paint(figure: "Figure", table: Table) -> None:
    axes = figure.add_subplot()
    targets = table.context["targets"]
    if len(targets) == 1:
        _parts(axes, table.rows)
    else:
        for index, target in enumerate(targets):
            rows = [row for row in table.rows if row.type == target]
            steps = [row.cells["step"] / len(rows) for row in rows]
            label = f"{target}, peak {binary(max(row.cells['live'] for row in rows))}"
            axes.step(
                [*steps, 1], [row.cells["live"] for row in [*rows, rows[-1]]], where="post", label=label, **style_of(index), lw=0.9
            )
    for target in targets:
        _name_the_peak(axes, [row for row in table.rows if row.type == target], len(targets))
    axes.set_xlabel("time (operations)" if len(targets) == 1 else "time (part of all operations)")
    axes.set_ylabel("live activations")
    axes.set_ylim(0, 1.18 * max(row.cells["live"] for row in table.rows))
    axes.margins(x=0.01)
    axes.grid(axis="y")
    _binary_ticks(axes)
    legend_above(figure, axes, 1)


def _parts(axes: "Axes", rows: Sequence[Row]) -> None:
    """The parts of what is alive, one on top of the other, over the time of each operation."""
    edges = list(range(len(rows) + 1))
    below = [0] * len(rows)
    for name, words, colour, hatch in _PARTS:
        above = [low + row.cells[name] for low, row in zip(below, rows, strict=True)]
        if above != below:
            axes.stairs(above, edges, baseline=below, fill=True, fc=colour, ec="white", hatch=hatch, lw=0, label=words)
        below = above
    axes.stairs(below, edges, color="black", lw=0.6)


def _name_the_peak(axes: "Axes", rows: Sequence[Row], lines: int) -> None:
    peak = max(rows, key=lambda row: int(row.cells["live"]))
    step, most = peak.cells["step"] + 0.5, peak.cells["live"]
    x = step if lines == 1 else step / len(rows)
    axes.plot(x, most, "v", color="black", ms=3)
    if lines > 1:
        return
    words = f"peak: {binary(most)} at {brief([peak], 24)[0]} ({peak.cells['op']})"
    early = x < 0.5 * len(rows)
    axes.annotate(words, (x, most), (0, 4), textcoords="offset points", ha="left" if early else "right", size=SMALL)


def _binary_ticks(axes: "Axes") -> None:
    """Ticks at round numbers of KiB, MiB or GiB."""
    from matplotlib.ticker import MaxNLocator

    most = axes.get_ylim()[1]
    unit = next(unit for unit in (2**30, 2**20, 2**10, 1) if most >= unit)
    steps = MaxNLocator(5, steps=[1, 2, 4, 5, 10]).tick_values(0, most / unit)
    axes.set_yticks([step * unit for step in steps if step * unit <= most])
    ticks(axes.yaxis, binary)


PICTURE = Kind(name="memory", shows="what activations are alive over time, and their peak", of="targets", draw=memory)
