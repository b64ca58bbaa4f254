"""From a trace to a table: rows are groups of ops, columns are the quantities computed for each."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from zoo.analysis.choose import choose, on_page
from zoo.analysis.conventions import legend, under, unseen
from zoo.analysis.kinds import Pass
from zoo.analysis.rows import Depth, Group, group, without
from zoo.record.trace import Param, Trace
from zoo.tables.notes import COUNTED, Excluded, Guessed, LowerBound, NotCounted, Note, Shared, Stray, UnknownOp, Unused
from zoo.tables.table import Row, Table
from zoo.util.errors import ZooError
from zoo.util.pausing import no_collection


@no_collection
def measure(
    trace: Trace,
    *,
    columns: Sequence[str] | None = None,
    depth: Depth = None,
    fold: bool = False,
    convention: str = "pure",
    exclude: Sequence[str] = (),
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
        exclude: Patterns of names of modules, such as "*.head": what runs in these is left out of rows and totals of sums. What
            flows (output, rf, depth) is that of the whole network.

    Returns:
        A `Table`.

    Raises:
        ZooError: For an unknown column or convention, a pattern that matches no module, and for what is no `Trace`.

    Example:
        >>> found = zoo.trace("lenet5")
        >>> zoo.measure(found, columns=["params", "macs"], depth=0).total
        {'params': 60000, 'macs': 325680}
    """
    if not isinstance(trace, Trace):
        raise ZooError(f"measure: expected a Trace, got {type(trace).__name__}; zoo.trace makes one, and zoo.summary does both")
    chosen = under(convention, choose(columns))
    kept, left_out = without(trace, exclude)
    rows = group(kept, depth, fold=fold)
    measured = [_measured(p, trace, rows, kept) for p in chosen]
    shown = on_page(chosen, asked=columns is not None)
    names = [p.column.name for p in chosen]
    return Table(
        title=trace.target,
        context=_context(trace, convention),
        columns=shown,
        rows=tuple(
            Row(row.name, row.type, dict(zip(names, cells, strict=True)), row.times, row.mark)
            for row, *cells in zip(rows, *([c for c, _ in measured]), strict=True)
        ),
        total={name: total for name, (_, total) in zip(names, measured, strict=True)},
        notes=(
            *_excluded(trace, exclude, left_out, chosen),
            *_notes(kept, rows),
            *_lower_bounds(kept, chosen, rows, measured),
            *_not_counted(convention, kept, names),
        ),
        legend=legend(convention),
    )


def _context(trace: Trace, convention: str) -> dict[str, Any]:
    return {
        "target": trace.target,
        "inputs": [list(value.shape) for value in trace.inputs],
        "mode": trace.mode,
        "convention": convention,
        "versions": dict(trace.versions),
    }


def _measured(one: Pass, trace: Trace, rows: Sequence[Group], kept: Trace) -> tuple[list[Any], Any]:
    """The cells of the rows, and the total: of all ops, or of those that are kept together."""
    if len(kept.ops) == len(trace.ops):
        return one.measure(trace, rows)
    cells, _ = one.measure(trace, [*rows, Group(trace.target, "", list(kept.ops), trace.outputs)])
    return cells[:-1], cells[-1]


def _excluded(trace: Trace, patterns: Sequence[str], modules: int, chosen: Sequence[Pass]) -> Iterator[Note]:
    if not modules:
        return
    kept, _ = without(trace, patterns)
    held = set(map(id, kept.ops))
    gone = Group("", "", [op for op in trace.ops if id(op) not in held])
    sums = {one.column.name: one.measure(trace, [gone])[0][0] for one in chosen if one.column.name in {"params", "macs"}}
    yield Excluded(tuple(patterns), modules, {name: count for name, count in sums.items() if isinstance(count, int)})


def _notes(trace: Trace, rows: Sequence[Group]) -> Iterator[Note]:
    if any(row.mark == "shared" for row in rows):
        yield Shared()
    if stray := [op for op in trace.ops if "stray" in op.attrs]:
        modules = _together(dict.fromkeys(trace.calls[op.call].path or trace.target for op in stray))
        yield Stray(sum(op.attrs["stray"] for op in stray), modules)
    if guessed := Counter(op.kind for op in trace.ops if op.attrs.get("guessed")):
        yield Guessed(dict(guessed))
    if unused := trace.unused:
        yield Unused(sum(param.numel for param in unused), _together(_owners(trace, unused)))


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
    return _together(paths)


def _together(paths: Iterable[str]) -> tuple[str, ...]:
    """Names that differ by numbers alone as one pattern, where there are many."""
    alike: dict[str, list[str]] = {}
    for path in paths:
        alike.setdefault(re.sub(r"\d+", "*", path), []).append(path)
    return tuple(name for pattern, names in alike.items() for name in (names if len(names) < 4 else [pattern]))


def _owners(trace: Trace, unused: Sequence[Param]) -> Iterator[str]:
    """The modules of which nothing is read, each the deepest that holds all it covers; a parameter beside others that are read."""
    read = {around for param in trace.params if param not in set(unused) for around in _around(param)}
    covers: dict[str, list[Param]] = {}
    for param in unused:
        whole = next((path for path in _around(param) if path not in read), param.name)
        covers.setdefault(whole, []).append(param)
    for whole, params in covers.items():
        deeper = [path for path in _around(params[0]) if all(path in _around(param) for param in params)]
        yield deeper[-1] if deeper and whole not in {param.name for param in params} else whole


def _around(param: Param) -> list[str]:
    """The names of the modules around a parameter, the outermost first."""
    names = param.name.split(".")
    return [".".join(names[:n]) for n in range(1, len(names))]
