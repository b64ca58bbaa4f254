"""Run a study by name, or compare models side by side.

Start with `compare`, which decides what is asked for; `side_by_side` puts models side by side: `_cells` makes one cell of any rows,
those of a whole model or those of one of its `_stages`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from zoo.analysis.choose import columns
from zoo.analysis.reductions import HEAD, TOKENS, stages_of_rows
from zoo.analysis.rows import Group, group
from zoo.extend.study import Arm, arms_table, relation, short, studies, studies_table
from zoo.models.forward import trace
from zoo.ops.book import computes_nothing, multiplies
from zoo.record.trace import Trace
from zoo.tables.table import Column, Table
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError, near, unknown
from zoo.util.text import sizes

if TYPE_CHECKING:
    from zoo.models.forward import Traceable


COLUMNS = (
    Column("layers", "layers", "convolutions, linear layers and other products with weights", hide_order=3),
    Column("output", "elements per axis", "output shape of the stage", hide_order=2),
    Column("params", "elements", "parameters", hide_order=0),
    Column("macs", "multiply-accumulates", "MACs", hide_order=0),
    Column("rf", "pixels", "receptive field at the end of the stage", hide_order=4),
)


@undisturbed
def compare(*what: "Traceable", **options: Any) -> Table:
    """List the studies, run one, or compare models side by side.

    Arguments:
        what: Nothing, to list the studies; the name of a study; or two or more models, as `zoo.trace` takes them.
        options: The options of the study (`zoo.compare()` lists them), or for models the keywords of `zoo.trace`.

    Returns:
        A `Table`: the studies with their options, the arms of a study, or the totals and stages of models, with ratios.

    Raises:
        ZooError: For unknown names and options, and for models that cannot be compared.

    Example:
        >>> table = zoo.compare("vgg16", "resnet50")
        >>> [(row.name, row.cells["params"]) for row in table.rows[:2]]
        [('vgg16', 138357544), ('resnet50', 25557032)]
    """
    if not what:
        for name in options:
            raise ZooError(f"option {name} requires the name of a study; run zoo compare to list the studies")
        return studies_table()
    known = studies()
    names = [name for name in what if isinstance(name, str) and name in known]
    if names and len(what) > 1:
        raise ZooError(f"{names[0]} is a study; expected the name of one study only, or of two or more models")
    if names:
        return known[names[0]](**options)
    if len(what) == 1:
        raise ZooError(_alone(what[0]))
    for name in options.keys() - _KEYWORDS:
        raise unknown("option for comparing models", name, sorted(_KEYWORDS))
    return side_by_side(what, **options)


def _alone(name: "Traceable") -> str:
    label = name if isinstance(name, str) else getattr(name, "target", type(name).__name__)
    close = _of_one_stem(label, studies()) or near(label, studies())
    hint = f"did you mean {' or '.join(close)}" if close else "run zoo compare to list the studies"
    return f"unknown study {label:.80}; {hint}, or name two or more models"


_STEM = 4  # letters that words such as pool and pooling share


def _of_one_stem(name: str, choices: Iterable[str]) -> list[str]:
    """The choices with a word that begins as one of `name` does.

    >>> _of_one_stem("pooling", ["stacked-3x3", "pool-vs-stride"])
    ['pool-vs-stride']
    """
    stems = {word[:_STEM] for word in name.lower().split("-") if len(word) >= _STEM}
    return [one for one in choices if any(word[:_STEM] in stems for word in one.split("-"))][:3]


def side_by_side(
    targets: "Sequence[Traceable]",
    *,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Table:
    """Return a table of totals, then of stages aligned by the reduction of the maps, with ratios to the first model.

    The keywords are those of `zoo.trace`, and hold for every model that is not a `Trace` already. Where inputs have other channels
    or axes, stages have no ratios. Raises `ZooError` as `zoo.trace` does.
    """
    how = {"input": input, "inputs": inputs, "batch": batch, "train": train, "real": real, "options": options}
    traces = traced(targets, how)
    names = labels(traces)
    labelled = list(zip(names, traces, strict=True))
    totals = [Arm(label, _cells(found, group(found)), "total") for label, found in labelled]
    stages = {label: _stages(found) for label, found in labelled}
    arms = list(totals)
    for stride in sorted(set(chain.from_iterable(stages.values()))):  # tokens and the head last
        name = {TOKENS: "tokens", HEAD: "head"}.get(stride, f"1/{stride} of input")
        arms += [Arm(label, cells[stride], name) for label, cells in stages.items() if stride in cells]
    table = arms_table(
        " against ".join(names),
        COLUMNS,
        arms,
        ratios=("params", "macs"),
        base=names[0],
        notes=_sizes_differ(labelled),
        lesson=_lesson(totals),
        context={"inputs": {label: _shapes(found) for label, found in labelled}},
    )
    return table if _alike(traces) else _without_ratios_of_stages(table)


_KEYWORDS = frozenset({"input", "inputs", "batch", "train", "real", "options"})


def _alike(traces: Sequence[Trace]) -> bool:
    """Whether all inputs have the same channels and as many axes: 3 channels and 4 axes of an image N×3×H×W."""
    shapes = [found.inputs[0].shape if found.inputs else () for found in traces]
    return len({(*shape[1:2], len(shape)) for shape in shapes}) == 1


def _without_ratios_of_stages(table: Table) -> Table:
    """The table with blanks where stages of unlike inputs would be compared."""
    rows = [
        row if row.type == "total" else replace(row, cells={k: None if k.endswith("/1") else v for k, v in row.cells.items()})
        for row in table.rows
    ]
    return replace(table, rows=tuple(rows))


def _shapes(found: Trace) -> list[list[int]]:
    return [list(value.shape) for value in found.inputs]


def _sizes_differ(labelled: Sequence[tuple[str, Trace]]) -> list[str]:
    """A note if models were given inputs of several sizes."""
    if len({found.inputs[0].shape for _, found in labelled}) == 1:
        return []
    each = [f"{label} {sizes(found.inputs[0].shape)}" for label, found in labelled]
    hint = "--input sets one for all" if _alike([found for _, found in labelled]) else "their stages have no ratios"
    return [f"inputs differ: {', '.join(each)}; {hint}"]


def traced(targets: "Sequence[Traceable]", how: Mapping[str, Any]) -> list[Trace]:
    """One forward of each; the keywords of `zoo.trace` do not concern those that are traces already."""
    return [target if isinstance(target, Trace) else trace(target, **how) for target in targets]


def labels(traces: Sequence[Trace]) -> list[str]:
    """Return the names of the targets, numbered if two are the same."""
    names = [found.target for found in traces]
    return [f"{name} ({i})" if names.count(name) > 1 else name for i, name in enumerate(names, start=1)]


def _stages(found: Trace) -> dict[int, dict[str, Any]]:
    """The sums over the layers of each stage, by how far its maps are reduced."""
    rows = group(found)
    by_stride: dict[int, list[Group]] = {}
    for row, stride in zip(rows, stages_of_rows(found, rows), strict=True):
        by_stride.setdefault(stride, []).append(row)
    return {stride: _cells(found, members) for stride, members in by_stride.items()}


def _cells(found: Trace, rows: Sequence[Group]) -> dict[str, Any]:
    """Return the sums over some rows, and the output of the last row that is a layer."""
    ops = list(chain.from_iterable(row.ops for row in rows))
    given = [row for row in rows if row.outputs]
    done = [row for row in given if not computes_nothing(row.type) or row.type == "cat"] or given
    whole = Group("", "", ops, done[-1].outputs if done else ())  # all rows as if they were one
    cells = {name: columns()[name].measure(found, [whole])[0][0] for name in ("output", "params", "macs", "rf")}
    return {**cells, "layers": sum(multiplies(op.kind) and op.input("weight") is not None for op in ops)}


def _lesson(totals: Sequence[Arm]) -> list[str]:
    """Describe each model relative to the first."""
    first, *others = totals
    return [_sentence(first, other) for other in others]


def _sentence(first: Arm, other: Arm) -> str:
    said = []
    for name, words in (("params", "parameters"), ("macs", "MACs")):
        a, b = first.cells[name], other.cells[name]
        if not (isinstance(a, int) and isinstance(b, int)):
            return f"For {first.name} or {other.name} only lower bounds are known."
        if a != b:
            said.append(f"{relation(a, b, words)} ({short(b)} against {short(a)})")
    if not said:
        return f"{other.name} costs the same as {first.name}."
    return f"{other.name} compared with {first.name}: {', '.join(said)}."
