"""Two models, layer by layer: what the second adds, removes and changes."""

import difflib
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zoo.analysis.choose import columns
from zoo.analysis.measure import measure
from zoo.analysis.rows import Group, group
from zoo.questions.compare import labels, traced
from zoo.tables.formats._cells import text
from zoo.tables.table import Column, Row, Table
from zoo.tracing.record import UNUSED, WRITE, Op, Trace
from zoo.util.process import undisturbed

if TYPE_CHECKING:
    from torch import nn

DIFF = (
    Column("first", "text", "the layer in the first model", priority=0),
    Column("second", "text", "the layer in the second model", priority=0),
    Column("params", "elements", "parameters, second less first", priority=1),
    Column("macs", "multiply-accumulates", "MACs, second less first", priority=1),
)


@undisturbed
def diff(first: "str | nn.Module", second: "str | nn.Module", *, input: Sequence[int] | None = None) -> Table:
    """Layer by layer what the second model adds, removes and changes; layers that are the same in both are left out.

    The notes count the kinds of change, the most frequent first.
    """
    traces = traced(first, input, False), traced(second, input, False)
    sides = _aligned(*([row for row in group(found) if row.outputs] for found in traces))
    found = tuple(_differences(*sides))
    rows = tuple(row for row in found if row.type != "renamed")
    total = {name: _less(*(measure(t, columns=[name], depth=0).total[name] for t in traces)) for name in ("params", "macs")}
    names = labels(traces)
    same = len(sides[0].keys() & sides[1].keys()) - sum(row.type == "changed" for row in rows)
    return Table(
        f"from {names[0]} to {names[1]}",
        {"targets": names, "convention": "pure", "versions": dict(traces[0].versions)},
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
        counts = [columns()[column].measure(_EMPTY, [row])[0][0] if row else 0 for row in (before, after)]
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
