"""Build, trace and measure a model in one call."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, cast

from zoo.analysis.choose import choose
from zoo.analysis.conventions import load
from zoo.analysis.measure import measure
from zoo.analysis.rows import PAGE, Depth, group, without
from zoo.models.forward import forward
from zoo.models.running import Run
from zoo.questions.budget import exceeded, read_limits
from zoo.questions.explainer import Explainer
from zoo.record.trace import Trace, Value
from zoo.tables.notes import Folded, Note, Paged, Shortened, Stopped
from zoo.tables.selecting import select
from zoo.tables.table import Page, Table
from zoo.tracing.process import undisturbed
from zoo.util.errors import ForwardError, ZooError
from zoo.util.text import sizes

if TYPE_CHECKING:
    from zoo.models.forward import Traceable


@undisturbed
def summary(
    target: "Traceable",
    *,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
    depth: Depth = None,
    fold: bool | Literal["auto"] = False,
    columns: Sequence[str] | None = None,
    filter: str | None = None,
    sort: str | None = None,
    top: int | None = None,
    convention: str = "pure",
    exclude: Sequence[str] = (),
    partial: bool = False,
    limits: Mapping[str, int | str | None] | None = None,
) -> Table:
    """Return the table of a model: a row for each layer, a column for each quantity, and totals.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them, or a `Trace`.
        input, inputs, batch, train, real, options: As in `zoo.trace`.
        depth: Fold the rows below this many levels of modules; "auto" fits one page, None shows every layer.
        fold: Show consecutive identical blocks as one row; "auto" does if the rows do not fit one page.
        columns: Names of columns, in this order.
        filter: Keep the rows whose names match a pattern such as "conv5_x.*".
        sort, top: Sort by this column, largest first; keep this many rows, the largest by MACs if no column is given.
        convention: What `macs` and `flops` count (docs/conventions.md).
        exclude: Leave out the modules whose names match one of these patterns, from rows and from totals.
        partial: If the forward raises, return the table of the layers before.
        limits: A budget, such as {"max_macs": "5G"}, by the names of `zoo.check_budget`; what exceeds it is in the notes.

    Returns:
        A `Table` with the totals of the whole model. Without `depth` and `fold`, `print` and notebooks show one page of it.

    Raises:
        ZooError: As `zoo.trace`, for unknown columns and conventions, patterns that match nothing, and for values out of range. If
            the forward raised, its attribute `table` is the table of the layers before.

    Example:
        >>> zoo.summary("alexnet").total["params"]
        60965224
    """
    sort = "macs" if sort is None and top is not None else sort
    _check(depth, top, convention)
    budget = read_limits(limits or {})
    how = {"columns": _with(columns, sort), "convention": convention, "exclude": exclude}
    rows = {"filter": filter, "sort": sort, "top": top}
    try:
        found = forward(target, input=input, inputs=inputs, batch=batch, train=train, real=real, options=options)
    except ForwardError as error:
        before = _before(error, options or {}, depth, fold, how, rows)
        if not partial or before is None:
            raise
        return before
    table = _table(found, depth, fold, how, rows, budget)
    return table if depth is not None or fold or any(rows.values()) else _paged(table, _Folded(found, how, budget, len(table.rows)))


def _paged(table: Table, make: "_Folded") -> Table:
    """The table with the page that `print` and notebooks show, if it is longer than one."""
    return replace(table, page=Page(table.rows, table.columns, make)) if len(table.rows) > PAGE else table


@dataclass(frozen=True)
class _Folded:
    """The page of a table of `rows` rows."""

    run: Run
    how: Mapping[str, Any]
    budget: Mapping[str, int]
    rows: int

    def __call__(self) -> Table:
        table = _table(self.run, "auto", True, self.how, {}, self.budget)
        notes = [note for note in table.notes if not isinstance(note, Folded | Shortened)]
        return replace(table, notes=(*notes, Paged(self.rows)))


def _before(error: ForwardError, options: Mapping[str, Any], *how: Any) -> Table | None:
    """The table of the layers before a forward stopped, which becomes the error's; None if nothing ran."""
    if error.trace is not None:
        with contextlib.suppress(ZooError):  # patterns may ask for what did not run
            error.table = _table(Run(error.trace.target, error.trace, options, (Stopped(str(error)),)), *how)
    return cast("Table | None", error.table)


def _table(
    found: Run,
    depth: Depth,
    fold: bool | str,
    how: Mapping[str, Any],
    rows: Mapping[str, Any],
    budget: Mapping[str, int] | None = None,
) -> Table:
    """The table of a forward: `how` it is measured, which of its `rows` are selected, and which limits it must keep."""
    kept, _ = without(found.trace, how["exclude"])
    fold = len(group(kept, None if depth == "auto" else depth)) > PAGE if fold == "auto" else bool(fold)
    level, folds = _matching(kept, depth, fold, rows.get("filter"))
    table = measure(found.trace, depth=level, fold=folds, **how)
    notes = (*table.notes, *found.notes, *_folding(kept, table, level), *exceeded(found.trace, budget or {}))
    context = {**table.context, **({"options": dict(found.options)} if found.options else {})}
    explainer = Explainer(found.trace, how["convention"], tuple(column.name for column in table.columns))
    whole = replace(table, title=title(found), context=context, notes=notes, explainer=explainer)
    return select(whole, **rows)


def _with(columns: Sequence[str] | None, sort: str | None) -> Sequence[str] | None:
    """Return the names of the columns, and of the column to sort by if it is not shown. Raises `ZooError` for an unknown column."""
    names = [one.column.name for one in choose(columns)]
    if sort is None or sort in {"name", "type", *names}:
        return columns
    choose([sort])
    return [*names, sort]


def _matching(trace: Trace, depth: Depth, fold: bool, pattern: str | None) -> tuple[Depth, bool]:
    """Return the requested depth and folding; if the pattern matches no row there, a larger depth at which it does."""
    if pattern is not None:
        finer = None if depth == "auto" else depth
        for level, folds in ((depth, fold), (finer, fold), (finer, False)):
            if any(fnmatchcase(one.name, pattern) for one in group(trace, level, fold=folds)):
                return level, folds
    return depth, fold


def _folding(trace: Trace, table: Table, depth: Depth) -> Iterator[Note]:
    """Yield notes on rows that are folded, and how to show them."""
    folded = any(row.times > 1 for row in table.rows)
    if folded:
        yield Folded()
    if depth == "auto" and len(group(trace, fold=folded)) > len(table.rows):
        yield Shortened()


def _check(depth: Any, top: Any, convention: str) -> None:
    load(convention)
    if depth not in (None, "auto") and (not isinstance(depth, int) or depth < 0):
        raise ZooError(f"depth: expected an integer >= 0, 'auto' or None, got {depth!r}")
    if top is not None and (not isinstance(top, int) or top < 1):
        raise ZooError(f"top: expected an integer >= 1, got {top!r}")


def title(found: Run) -> str:
    """What ran on which input: "alexnet · input 1×3×227×227 · evaluation mode"."""
    chosen = ", ".join(f"{key}={value}" for key, value in found.options.items())
    inputs = ", ".join(_size(value) for value in found.trace.inputs)
    mode = "training" if found.trace.mode == "train" else "evaluation"
    return f"{found.name}{f'({chosen})' if chosen else ''} · input {inputs} · {mode} mode"


def _size(value: Value) -> str:
    """Return the text of a shape, such as 1×3×224×224, with its type unless it is a floating-point type."""
    shape = sizes(value.shape) or "scalar"
    return shape if "float" in value.dtype else f"{shape} {value.dtype}"
