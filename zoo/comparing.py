"""Comparisons: a study by name, or any models against each other."""

import difflib
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from math import log2
from typing import TYPE_CHECKING, Any

from zoo.analysis.arithmetic import FREE, MACS
from zoo.analysis.engine import Group, group, measure, passes
from zoo.errors import ZooError, near, unknown
from zoo.formats._cells import text
from zoo.record import UNUSED, WRITE, Op, Trace
from zoo.study import Arm, arms_table, listing, short, studies, times
from zoo.table import Column, Row, Table

if TYPE_CHECKING:
    from torch import nn


COLUMNS = (
    Column("layers", "layers", "convolutions, linear layers and other products with weights", priority=3),
    Column("output", "elements per axis", "shape of what leaves the stage", priority=2),
    Column("params", "elements", "parameters", priority=0),
    Column("macs", "multiply-accumulates", "MACs", priority=0),
    Column("rf", "pixels", "receptive field at the end of the stage", priority=4),
)


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
    traces = [_traced(target, input, train) for target in targets]
    labels = _labels(traces)
    kinds = {label: found.inputs[0].shape[1:2] + (len(found.inputs[0].shape),) for label, found in zip(labels, traces, strict=True)}
    if len(set(kinds.values())) > 1:
        shapes = ", ".join(f"{label} {text(list(t.inputs[0].shape))}" for label, t in zip(labels, traces, strict=True))
        raise ZooError(f"inputs of other channels or axes cannot be compared: {shapes}; zoo summary shows each by itself")
    arms = [Arm(label, _cells(found, group(found)), "total") for label, found in zip(labels, traces, strict=True)]
    staged = [(stride, label, cells) for label, found in zip(labels, traces, strict=True) for stride, cells in _stages(found)]
    for stride in sorted({stride for stride, _, _ in staged}):
        name = "head" if stride == _HEAD else f"1/{stride} of input"
        arms += [Arm(label, cells, name) for at, label, cells in staged if at == stride]
    sizes = {label: "×".join(map(str, found.inputs[0].shape)) for label, found in zip(labels, traces, strict=True)}
    differ = [f"inputs differ: {', '.join(f'{label} {size}' for label, size in sizes.items())}; --input sets one for all"]
    return arms_table(
        " against ".join(labels),
        COLUMNS,
        arms,
        ratios=("params", "macs"),
        base=labels[0],
        notes=differ if len(set(sizes.values())) > 1 else [],
        lesson=_lesson(arms[: len(traces)]),
        context={"inputs": {label: [list(v.shape) for v in found.inputs] for label, found in zip(labels, traces, strict=True)}},
    )


def _traced(target: "str | nn.Module", input: Sequence[int] | None, train: bool) -> Trace:
    from zoo.running import trace_target

    return trace_target(target, input, train=train)


def _labels(traces: Sequence[Trace]) -> list[str]:
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
    cells = {name: passes()[name].measure(found, [whole])[0][0] for name in ("output", "params", "macs", "rf")}
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


DIFF = (
    Column("first", "text", "the layer in the first model", priority=0),
    Column("second", "text", "the layer in the second model", priority=0),
    Column("params", "elements", "parameters, second less first", priority=1),
    Column("macs", "multiply-accumulates", "MACs, second less first", priority=1),
)


def diff(first: "str | nn.Module", second: "str | nn.Module", *, input: Sequence[int] | None = None) -> Table:
    """Layer by layer what the second model adds, removes and changes; layers that are the same in both are left out.

    The notes count the kinds of change, the most frequent first.
    """
    traces = _traced(first, input, False), _traced(second, input, False)
    sides = _aligned(*([row for row in group(found) if row.outputs] for found in traces))
    found = tuple(_differences(*sides))
    rows = tuple(row for row in found if row.type != "renamed")
    total = {name: _less(*(measure(t, columns=[name], depth=0).total[name] for t in traces)) for name in ("params", "macs")}
    labels = _labels(traces)
    same = len(sides[0].keys() & sides[1].keys()) - sum(row.type == "changed" for row in rows)
    return Table(
        f"from {labels[0]} to {labels[1]}",
        {"targets": labels, "convention": "pure", "versions": dict(traces[0].versions)},
        DIFF,
        rows,
        total if rows else {},
        (*_kinds_of_change(rows), f"{same} layers are the same in both", *_renamed(len(found) - len(rows))),
    )


Layers = dict[str, Group]


def _aligned(first: Sequence[Group], second: Sequence[Group]) -> tuple[Layers, Layers]:
    """Layers by name; where one model has a layer, and the other a module of layers of that name, these are taken together."""
    names = [{row.name for row in rows} for rows in (first, second)]
    return _folded(first, names[1] - names[0]), _folded(second, names[0] - names[1])


def _folded(rows: Sequence[Group], modules: Container[str]) -> Layers:
    layers: Layers = {}
    for row in rows:
        path = row.name
        while path and path not in modules:
            path = path.rpartition(".")[0]
        known = layers.get(path or row.name)
        if known is None:
            layers[path or row.name] = Group(path or row.name, row.type, list(row.ops), row.outputs)
        else:
            known.ops.extend(row.ops)
            known.outputs = row.outputs
    return layers


def _differences(first: Layers, second: Layers) -> Iterator[Row]:
    matcher = difflib.SequenceMatcher(None, list(first), list(second), autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            for name in list(first)[a:b]:
                if _facts(first[name]) != _facts(second[name]):
                    yield _row(name, "changed", first[name], second[name])
        else:
            yield from _by_what_they_do({n: first[n] for n in list(first)[a:b]}, {n: second[n] for n in list(second)[c:d]})


def _by_what_they_do(first: Layers, second: Layers) -> Iterator[Row]:
    """Layers without a name in common: one that does what another does, on the same maps, has another name."""
    alike: dict[str, list[str]] = {}
    for name, row in second.items():
        alike.setdefault(repr(_facts(row)), []).append(name)
    for name, row in first.items():
        if same := alike.get(repr(_facts(row))):
            yield Row(same.pop(0), "renamed", {})
        else:
            yield _row(name, "removed", row, None)
    left = {name for names in alike.values() for name in names}
    yield from (_row(name, "added", None, row) for name, row in second.items() if name in left)


def _renamed(count: int) -> Iterator[str]:
    if count:
        yield f"{count} layers do the same under other names"


def _facts(row: Group) -> list[Any]:
    """All that is recorded of a layer: its ops with every argument, and the shapes of what they read and give."""
    ops = [op for op in row.ops if op.kind not in {UNUSED, WRITE}]
    return [(op.kind, dict(op.attrs), op.roles, [(v.shape, v.dtype) for v in (*op.inputs, *op.outputs)]) for op in ops]


def _row(name: str, kind: str, before: Group | None, after: Group | None) -> Row:
    cells: dict[str, Any] = {side: _described(row) if row else None for side, row in (("first", before), ("second", after))}
    if before and after and cells["first"] == cells["second"]:
        cells["first"], cells["second"] = (
            f"{cells[side]}: {_particular(*pair)}" for side, pair in (("first", (before, after)), ("second", (after, before)))
        )
    for column in ("params", "macs"):
        counts = [passes()[column].measure(_EMPTY, [row])[0][0] if row else 0 for row in (before, after)]
        cells[column] = _less(*counts)
    return Row(name, kind, cells)


def _particular(row: Group, other: Group) -> str:
    """What a layer has that another of the same description has not."""
    found = []
    for mine, theirs in zip(row.ops, other.ops, strict=False):
        found += [f"{key} {text(value)}" for key, value in mine.attrs.items() if value != theirs.attrs.get(key)]
        found += [
            f"{value.dtype} {role} {text(list(value.shape))}"
            for role, value in zip(mine.roles, mine.inputs, strict=True)
            if (there := theirs.input(role)) is None or (there.shape, there.dtype) != (value.shape, value.dtype)
        ]
    return ", ".join(dict.fromkeys(found)) or "other inputs"


_EMPTY = Trace("", "eval", (), (), (), ())
_SHAPE = " → "


def _less(before: Any, after: Any) -> int | None:
    """after - before, if both are exact."""
    return after - before if isinstance(before, int) and isinstance(after, int) else None


def _kinds_of_change(rows: Sequence[Row]) -> list[str]:
    """How often which layer became which, shapes apart."""
    kinds = Counter(tuple((row.cells[side] or "").partition(_SHAPE)[0] for side in ("first", "second")) for row in rows)
    return [f"{count} × {_change(before, after)}" for (before, after), count in kinds.most_common()]


def _change(before: str, after: str) -> str:
    if before == after:
        return f"{before}, on maps of other sizes"
    return f"{before} becomes {after}" if before and after else f"{before} removed" if before else f"{after} added"


def _described(row: Group) -> str:
    """What a layer does: conv2d 3/1 pad 1 + relu → 128×28×28."""
    ops = [op for op in row.ops if op.kind not in {UNUSED, WRITE}]
    parts = dict.fromkeys(map(_described_op, ops))
    weighted = any(op.input("weight") is not None for op in ops)
    done = " + ".join(parts) if weighted or len(parts) < _MANY else row.type
    return f"{done}{_SHAPE}{text(list(row.outputs[0].shape[1:]))}"


_MANY = 4


def _described_op(op: Op) -> str:
    weight = op.input("weight")
    kernel = weight.shape[2:] if weight is not None and "conv" in op.kind else op.attrs.get("kernel_size", ())
    words = [op.kind]
    if kernel:
        stride = op.attrs.get("stride") or kernel
        words.append(f"{_short(kernel)}/{_short(stride)}")
        words += [f"pad {_short(op.attrs['padding'])}"] if any(_tuple(op.attrs.get("padding", 0))) else []
        words += [f"dilation {_short(op.attrs['dilation'])}"] if set(_tuple(op.attrs.get("dilation", 1))) != {1} else []
        words += [f"groups {op.attrs['groups']}"] if op.attrs.get("groups", 1) > 1 else []
        words += ["ceil"] if op.attrs.get("ceil_mode") else []
    return " ".join(words)


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _short(value: Any) -> str:
    sizes = _tuple(value)
    return str(sizes[0]) if len(set(sizes)) == 1 else "×".join(map(str, sizes))
