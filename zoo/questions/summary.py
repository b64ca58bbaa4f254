"""One question in one call: build, trace, measure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from zoo.analysis.choose import choose
from zoo.analysis.conventions import load
from zoo.analysis.measure import measure
from zoo.analysis.rows import Depth, group
from zoo.errors import ZooError
from zoo.models.running import Run, run
from zoo.tables.selecting import select
from zoo.tables.table import Table
from zoo.tracing.record import Trace, Value
from zoo.util.process import undisturbed

if TYPE_CHECKING:
    from torch import nn


@undisturbed
def summary(
    target: "str | nn.Module",
    *,
    input: Sequence[int] | Sequence[Sequence[int]] | None = None,
    inputs: Any = None,
    train: bool = False,
    depth: Depth = None,
    fold: bool = False,
    columns: Sequence[str] | None = None,
    filter: str | None = None,
    sort: str | None = None,
    top: int | None = None,
    options: Mapping[str, Any] | None = None,
    batch: int = 1,
    convention: str = "pure",
    real: bool = False,
) -> Table:
    """The table of a model: a row for each layer, a column for each pass, totals.

    `target` is a catalogue name, another TARGET ("torchvision:NAME", "package.module:attribute", "file.py:attribute") or a module.
    `input` is a shape with batch, an `Input`, or a list of such, by default the one the model is made for with `batch` images;
    `inputs` are ready: one argument, a tuple of all, or a dict of keyword arguments. `real` runs a copy of the model once on real
    tensors, as models need that decide by values. `options` go to the builder of a model that is named.

    `depth` folds the rows below so many levels of modules, "auto" so that a page holds them; None shows every layer. `fold` shows
    identical blocks in succession as one row. `filter` keeps the rows whose names match a pattern, `sort` puts the greatest in a
    column first, `top` keeps the first, by MACs unless `sort` says otherwise; totals stay those of the model. `convention`
    names what `macs` and `flops` count (docs/conventions.md).

    Raises `ZooError` for whatever the caller got wrong.
    """
    sort = "macs" if sort is None and top is not None else sort
    columns = _with(columns, sort)
    load(convention)
    _check(input, inputs, depth, batch, top)
    found = run(target, input=input, inputs=inputs, train=train, options=options, batch=batch, real=real)
    level, folds = _matching(found.trace, depth, fold, filter)
    table = measure(found.trace, columns=columns, depth=level, fold=folds, convention=convention)
    notes = (*table.notes, *found.notes, *_folding(found.trace, table, level))
    context = {**table.context, **({"options": dict(found.options)} if found.options else {})}
    return select(replace(table, title=_title(found), context=context, notes=notes), filter=filter, sort=sort, top=top)


def _with(columns: Sequence[str] | None, sort: str | None) -> Sequence[str] | None:
    """The names of the columns, and of that to sort by where it is none of them. Raises `ZooError` for an unknown one."""
    names = [one.column.name for one in choose(columns)]
    if sort is None or sort in {"name", "type", *names}:
        return columns
    choose([sort])
    return [*names, sort]


def _matching(trace: Trace, depth: Depth, fold: bool, pattern: str | None) -> tuple[Depth, bool]:
    """The depth and folding that were asked for; if a pattern matches no row there, those of finer rows that it does match."""
    if pattern is not None:
        finer = None if depth == "auto" else depth
        for level, folds in ((depth, fold), (finer, fold), (finer, False)):
            if any(fnmatchcase(one.name, pattern) for one in group(trace, level, fold=folds)):
                return level, folds
    return depth, fold


def _folding(trace: Trace, table: Table, depth: Depth) -> Iterator[str]:
    """What is not shown by itself, and how to see it."""
    folded = any(row.times > 1 for row in table.rows)
    if folded:
        yield "×N: N identical blocks in one row, output, rf and depth after the last; --expand shows each"
    if depth == "auto" and len(group(trace, fold=folded)) > len(table.rows):
        yield "modules are shown whole where their layers would fill more than a page; --depth 99 shows every layer"


def _check(input: Any, inputs: Any, depth: Any, batch: Any, top: Any) -> None:
    if input is not None and inputs is not None:
        raise ZooError("give either input (shapes) or inputs (tensors)")
    if input is not None and not isinstance(input, Sequence):
        raise ZooError(f"input {input!r} is no shape: whole numbers such as (1, 3, 224, 224) are wanted")
    if depth not in (None, "auto") and (not isinstance(depth, int) or depth < 0):
        raise ZooError(f"depth {depth!r}: a whole number of at least 0, 'auto' or None is wanted")
    if not isinstance(batch, int) or batch < 1:
        raise ZooError(f"batch {batch!r}: a whole number of at least 1 is wanted")
    if top is not None and (not isinstance(top, int) or top < 1):
        raise ZooError(f"top {top!r}: a whole number of at least 1 is wanted")


def _title(found: Run) -> str:
    chosen = ", ".join(f"{key}={value}" for key, value in found.options.items())
    sizes = ", ".join(_size(value) for value in found.trace.inputs)
    mode = "training" if found.trace.mode == "train" else "evaluation"
    return f"{found.name}{f'({chosen})' if chosen else ''} · input {sizes} · {mode} mode"


def _size(value: Value) -> str:
    """1×3×224×224, with its type where it is no floating one."""
    sizes = "×".join(map(str, value.shape)) or "scalar"
    return sizes if "float" in value.dtype else f"{sizes} {value.dtype}"
