"""From a trace to a table: rows are groups of ops, columns are the quantities computed for each."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from zoo.analysis.choose import choose
from zoo.analysis.conventions import COUNTED, legend, under, unseen
from zoo.analysis.kinds import Pass
from zoo.analysis.rows import Depth, Group, group
from zoo.errors import ZooError
from zoo.tables.notes import Guessed, LowerBound, NotCounted, Note, Shared, UnknownOp, Unused
from zoo.tables.table import Row, Table
from zoo.tracing.record import Trace
from zoo.util.pausing import no_collection


@no_collection()
def measure(
    trace: Trace,
    *,
    columns: Sequence[str] | None = None,
    depth: Depth = None,
    fold: bool = False,
    convention: str = "pure",
) -> Table:
    """The table of a trace: a row for each layer, or for each module at most so many levels down.

    Arguments:
        trace: What `zoo.trace` recorded.
        columns: Names of columns, in this order.
        depth: Levels of modules (0 is the whole model), "auto" so that a page holds the rows, None for every layer. An op that a
            container runs itself has a row of its own.
        fold: Identical blocks in succession share a row, in which sums are those of all, and what flows (output, rf, depth) is
            what leaves the last.
        convention: What `macs` and `flops` count (docs/conventions.md).

    Returns:
        A `Table`.

    Raises:
        ZooError: For an unknown column or convention, and for what is no `Trace`.

    Example:
        >>> found = zoo.trace("lenet5")
        >>> zoo.measure(found, columns=["params", "macs"], depth=0).total
        {'params': 60000, 'macs': 325680}
    """
    if not isinstance(trace, Trace):
        raise ZooError(f"measure: expected a Trace, got {type(trace).__name__}; zoo.trace makes one, and zoo.summary does both")
    chosen = under(convention, choose(columns))
    rows = group(trace, depth, fold=fold)
    measured = [p.measure(trace, rows) for p in chosen]
    shown = tuple(p.column if columns is None else replace(p.column, hide_order=0) for p in chosen)
    names = [p.column.name for p in chosen]
    return Table(
        title=trace.target,
        context={
            "target": trace.target,
            "inputs": [list(value.shape) for value in trace.inputs],
            "mode": trace.mode,
            "convention": convention,
            "versions": dict(trace.versions),
        },
        columns=shown,
        rows=tuple(
            Row(row.name, row.type, dict(zip(names, cells, strict=True)), row.times, row.mark)
            for row, *cells in zip(rows, *([c for c, _ in measured]), strict=True)
        ),
        total={name: total for name, (_, total) in zip(names, measured, strict=True)},
        notes=(*_notes(trace, rows), *_lower_bounds(trace, chosen, rows, measured), *_not_counted(convention, trace, names)),
        legend=legend(convention),
    )


def _notes(trace: Trace, rows: Sequence[Group]) -> Iterator[Note]:
    if any(row.mark == "shared" for row in rows):
        yield Shared()
    if guessed := Counter(op.kind for op in trace.ops if op.attrs.get("guessed")):
        yield Guessed(dict(guessed))
    if unused := trace.unused:
        owners = dict.fromkeys(param.name.partition(".")[0] for param in unused)
        yield Unused(sum(param.numel for param in unused), tuple(owners))


def _not_counted(convention: str, trace: Trace, names: Sequence[str]) -> Iterator[NotCounted]:
    if convention != "pure" and not COUNTED.isdisjoint(names) and (missed := unseen(convention, trace)):
        yield missed


def _lower_bounds(
    trace: Trace, chosen: Sequence[Pass], rows: Sequence[Group], measured: Sequence[tuple[list[Any], Any]]
) -> Iterator[LowerBound]:
    """Yield a note for each column whose total is a lower bound: which ops are unknown, how often, and in which modules."""
    for one, (cells, total) in zip(chosen, measured, strict=True):
        if isinstance(total, dict) and "unknown" in total:
            partly = [row for row, cell in zip(rows, cells, strict=True) if isinstance(cell, dict) and "unknown" in cell]
            ops = [UnknownOp(kind, times, _places(trace, kind, partly)) for kind, times in total["unknown"].items()]
            yield LowerBound(one.column.name, tuple(ops))


def _places(trace: Trace, kind: str, rows: Sequence[Group]) -> tuple[str, ...]:
    """conv1, blocks.*.norm: the modules that ran an op, those that differ by numbers alone together where there are many."""
    paths = dict.fromkeys(trace.calls[op.call].path or trace.target for row in rows for op in row.ops if op.kind == kind)
    alike: dict[str, list[str]] = {}
    for path in paths:
        alike.setdefault(re.sub(r"\d+", "*", path), []).append(path)
    return tuple(name for pattern, names in alike.items() for name in (names if len(names) < 4 else [pattern]))
