"""Comparisons: a study by name, or any models against each other."""

from collections.abc import Iterator, Sequence
from math import log2
from typing import TYPE_CHECKING, Any

from zoo.analysis.choose import columns
from zoo.analysis.rows import Group, group
from zoo.errors import ZooError, near, unknown
from zoo.ops.arithmetic import FREE, MACS
from zoo.studies._study import Arm, arms_table, listing, short, studies, times
from zoo.tables.formats._cells import text
from zoo.tables.table import Column, Table
from zoo.tracing.record import Trace
from zoo.util.process import undisturbed

if TYPE_CHECKING:
    from torch import nn


COLUMNS = (
    Column("layers", "layers", "convolutions, linear layers and other products with weights", priority=3),
    Column("output", "elements per axis", "shape of what leaves the stage", priority=2),
    Column("params", "elements", "parameters", priority=0),
    Column("macs", "multiply-accumulates", "MACs", priority=0),
    Column("rf", "pixels", "receptive field at the end of the stage", priority=4),
)


@undisturbed
def compare(*what: "str | nn.Module", **options: Any) -> Table:
    """Without arguments the studies; for a study's name its table; for two or more models their totals and stages side by side.

    `options` are the study's, or `input` (a shape with batch, for every model) and `train`. Raises `ZooError` for unknown names and
    for what cannot be compared.
    """
    if not what:
        for name in options:
            raise ZooError(f"option {name}: of which comparison? zoo compare lists them")
        return listing()
    known = studies()
    names = [name for name in what if isinstance(name, str) and name in known]
    if names and len(what) > 1:
        raise ZooError(f"{names[0]} is a comparison of its own: name it alone, or two or more models")
    if names:
        return known[names[0]](**options)
    if len(what) == 1:
        raise ZooError(_alone(what[0]))
    for name in options.keys() - {"input", "train"}:
        raise unknown("option of models side by side", name, ["input", "train"])
    return models(what, **options)


def _alone(name: "str | nn.Module") -> str:
    close = near(str(name), studies())
    hint = f"did you mean {' or '.join(close)}" if close else f"choose from {', '.join(studies())}"
    return f"{name!s:.80} is no comparison; {hint}, or name two or more models"


def models(targets: Sequence["str | nn.Module"], *, input: Sequence[int] | None = None, train: bool = False) -> Table:
    """Totals, then stages aligned on how far the maps are reduced, with ratios to the first model."""
    traces = [traced(target, input, train) for target in targets]
    names = labels(traces)
    kinds = {label: found.inputs[0].shape[1:2] + (len(found.inputs[0].shape),) for label, found in zip(names, traces, strict=True)}
    if len(set(kinds.values())) > 1:
        shapes = ", ".join(f"{label} {text(list(t.inputs[0].shape))}" for label, t in zip(names, traces, strict=True))
        raise ZooError(f"inputs of other channels or axes cannot be compared: {shapes}; zoo summary shows each by itself")
    arms = [Arm(label, _cells(found, group(found)), "total") for label, found in zip(names, traces, strict=True)]
    staged = [(stride, label, cells) for label, found in zip(names, traces, strict=True) for stride, cells in _stages(found)]
    for stride in sorted({stride for stride, _, _ in staged}):
        name = "head" if stride == _HEAD else f"1/{stride} of input"
        arms += [Arm(label, cells, name) for at, label, cells in staged if at == stride]
    sizes = {label: "×".join(map(str, found.inputs[0].shape)) for label, found in zip(names, traces, strict=True)}
    differ = [f"inputs differ: {', '.join(f'{label} {size}' for label, size in sizes.items())}; --input sets one for all"]
    return arms_table(
        " against ".join(names),
        COLUMNS,
        arms,
        ratios=("params", "macs"),
        base=names[0],
        notes=differ if len(set(sizes.values())) > 1 else [],
        lesson=_lesson(arms[: len(traces)]),
        context={"inputs": {label: [list(v.shape) for v in found.inputs] for label, found in zip(names, traces, strict=True)}},
    )


def traced(target: "str | nn.Module", input: Sequence[int] | None, train: bool) -> Trace:
    """One forward of a TARGET. Raises `ZooError` as `zoo.summary` does."""
    from zoo.models.running import trace_target

    return trace_target(target, input, train=train)


def labels(traces: Sequence[Trace]) -> list[str]:
    """The targets' names, told apart where two are the same."""
    names = [found.target for found in traces]
    return [f"{name} ({i})" if names.count(name) > 1 else name for i, name in enumerate(names, start=1)]


_HEAD = 1 << 30


def _stages(found: Trace) -> Iterator[tuple[int, dict[str, Any]]]:
    """The ops by how far their maps are reduced, in powers of two; what has no maps any more, or maps of one unit, is the head."""
    sizes = found.inputs[0].shape[2:]
    by_stride: dict[int, list[Group]] = {}
    for row in group(found):
        by_stride.setdefault(_reduction(row.outputs[0].shape if row.outputs else (), sizes), []).append(row)
    for stride, rows in by_stride.items():
        yield stride, _cells(found, rows)


def _reduction(shape: Sequence[int], sizes: Sequence[int]) -> int:
    """By which power of two maps of that shape are smaller than the input, along each axis alike; else they are no maps."""
    if len(shape) != len(sizes) + 2 or min(shape[2:], default=1) == 1:
        return _HEAD
    powers = {max(round(log2(side / n)), 0) for side, n in zip(sizes, shape[2:], strict=True)}
    return 1 << powers.pop() if len(powers) == 1 else _HEAD


def _cells(found: Trace, rows: Sequence[Group]) -> dict[str, Any]:
    """The sums over some rows, and what leaves the last of them that is a layer."""
    ops = [op for row in rows for op in row.ops]
    given = [row for row in rows if row.outputs]
    done = [row for row in given if row.type not in FREE or row.type == "cat"] or given
    whole = Group("", "", ops, done[-1].outputs if done else ())
    cells = {name: columns()[name].measure(found, [whole])[0][0] for name in ("output", "params", "macs", "rf")}
    return {**cells, "layers": sum(op.kind in MACS and op.input("weight") is not None for op in ops)}


def _lesson(totals: Sequence[Arm]) -> list[str]:
    """Each model against the first, in words."""
    first, *others = totals
    words = []
    for other in others:
        pairs = {words: (first.cells[name], other.cells[name]) for name, words in (("params", "parameters"), ("macs", "MACs"))}
        if not all(isinstance(n, int) for pair in pairs.values() for n in pair):
            words.append(f"Of {first.name} or {other.name} only lower bounds are known.")
            continue
        said = [
            f"{times(max(a, b), min(a, b)) + ' times ' if min(a, b) else ''}{'more' if b > a else 'fewer'} {name} "
            f"({short(b)} against {short(a)})"
            for name, (a, b) in pairs.items()
            if a != b
        ]
        words.append(
            f"{other.name} has {' and '.join(said)} than {first.name}." if said else f"{other.name} costs what {first.name} does."
        )
    return words
