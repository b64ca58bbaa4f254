"""Compare two models layer by layer: what the second adds, removes and changes.

Start with `diff`. The layers of both models are folded to the same level (`_aligned`) and aligned by name in order, like the lines
of two texts (`_differences`). Layers without a name in common are compared by what they do (`_by_what_they_do`). Two layers are the
same if their `_facts` are equal.
"""

import difflib
from collections import Counter
from collections.abc import Container, Hashable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from zoo.analysis.choose import columns
from zoo.analysis.conventions import legend
from zoo.analysis.measure import measure
from zoo.analysis.rows import Group, group
from zoo.questions.compare import labels, traced
from zoo.tables.formats._cells import text
from zoo.tables.table import Column, Row, Table
from zoo.tracing.process import undisturbed
from zoo.tracing.record import UNUSED, WRITE, Op, Trace
from zoo.util.text import sizes

if TYPE_CHECKING:
    from zoo.models.forward import Traceable

DIFF = (
    Column("first", "text", "the layer in the first model", hide_order=0),
    Column("second", "text", "the layer in the second model", hide_order=0),
    Column("params", "elements", "parameters, second minus first", hide_order=1),
    Column("macs", "multiply-accumulates", "MACs, second minus first", hide_order=1),
)


@undisturbed
def diff(
    first: "Traceable",
    second: "Traceable",
    *,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Table:
    """Compare two models layer by layer: what the second adds, removes and changes.

    Arguments:
        first, second: TARGETs or modules, as `zoo.trace` takes them, or `Trace`s.
        input, inputs, batch, train, real, options: As in `zoo.trace`, for both models.

    Returns:
        A `Table` with a row for each layer that differs. Its notes count the kinds of change, most frequent first.

    Raises:
        ZooError: As `zoo.trace`.

    Example:
        >>> table = zoo.diff("alexnet", "alexnet_ungrouped")
        >>> [row.name for row in table.rows]
        ['conv2', 'conv4', 'conv5']
    """
    how = {"input": input, "inputs": inputs, "batch": batch, "train": train, "real": real, "options": options}
    traces = traced([first, second], how)
    before, after = _aligned(*map(_layers, traces))
    found = tuple(_differences(before, after))
    rows = tuple(row for row in found if row.type != "renamed")
    names = labels(traces)
    same = len(before.keys() & after.keys()) - sum(row.type == "changed" for row in rows)
    return Table(
        f"from {names[0]} to {names[1]}",
        {"targets": names, "convention": "pure", "versions": dict(traces[0].versions)},
        DIFF,
        rows,
        {name: _less(*[_total(found, name) for found in traces]) for name in _COUNTED} if rows else {},
        (*_kinds_of_change(rows), f"{same} layers are the same in both", *_renamed(len(found) - len(rows))),
        legend=legend("pure"),
    )


_COUNTED = ("params", "macs")

Layers = dict[str, Group]
"""What each layer of one model did, by its name."""


def _layers(trace: Trace) -> list[Group]:
    """What ran: parameters that nothing reads have no outputs."""
    return [row for row in group(trace) if row.outputs]


def _total(trace: Trace, column: str) -> Any:
    return measure(trace, columns=[column], depth=0).total[column]


def _aligned(first: Sequence[Group], second: Sequence[Group]) -> tuple[Layers, Layers]:
    """Return layers by name; if one model has a layer and the other a module of that name, the module's layers are one.

    For example, a network with the linear layer "fc" and one with "fc.0" and "fc.1" instead have one layer "fc" each.
    """
    names, others = {row.name for row in first}, {row.name for row in second}
    return _folded(first, others - names), _folded(second, names - others)


def _folded(rows: Sequence[Group], modules: Container[str]) -> Layers:
    """The layers, with those inside of one of `modules` joined to one of its name."""
    layers: Layers = {}
    for row in rows:
        around = row.name
        while around and around not in modules:
            around = around.rpartition(".")[0]
        name = around or row.name
        known = layers.get(name)
        if known is None:
            layers[name] = Group(name, row.type, list(row.ops), row.outputs)
        else:
            known.ops.extend(row.ops)
            known.outputs = row.outputs
    return layers


def _differences(first: Layers, second: Layers) -> Iterator[Row]:
    """A row for each layer that is not the same in both, in the order of the models."""
    matcher = difflib.SequenceMatcher(None, list(first), list(second), autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():  # names a to b of the first stand where c to d of the second do
        before, after = _part(first, a, b), _part(second, c, d)
        if tag != "equal":
            yield from _by_what_they_do(before, after)
            continue
        for name, row in before.items():
            if _does(row) != _does(after[name]):
                yield _row(name, "changed", row, after[name])


def _part(layers: Layers, start: int, stop: int) -> Layers:
    return dict(islice(layers.items(), start, stop))


def _by_what_they_do(first: Layers, second: Layers) -> Iterator[Row]:
    """Pair layers with different names that do the same on the same maps."""
    alike: dict[Hashable, list[str]] = {}
    for name, row in second.items():
        alike.setdefault(_does(row), []).append(name)
    for name, row in first.items():
        if same := alike.get(_does(row)):
            yield Row(same.pop(0), "renamed", {})
        else:
            yield _row(name, "removed", row, None)
    left = set(chain.from_iterable(alike.values()))
    yield from (_row(name, "added", None, row) for name, row in second.items() if name in left)


def _renamed(count: int) -> Iterator[str]:
    if count:
        yield f"{count} layers do the same under different names"


def _real_ops(row: Group) -> list[Op]:
    return [op for op in row.ops if op.kind not in {UNUSED, WRITE}]


def _does(row: Group) -> tuple[Hashable, ...]:
    """Return everything recorded about a layer: its ops with arguments, and the shapes and types of inputs and outputs."""
    return tuple(op.signature(lambda v: (v.shape, v.dtype)) for op in _real_ops(row))


def _row(name: str, kind: str, before: Group | None, after: Group | None) -> Row:
    """One line of the table: what the layer is in each model (None where it is not), and what that changes."""
    first, second = _described(before) if before else None, _described(after) if after else None
    if before and after and first == second:  # what differs is not in the description
        first, second = f"{first}: {_particular(before, after)}", f"{second}: {_particular(after, before)}"
    changes = {column: _less(_counted(before, column), _counted(after, column)) for column in _COUNTED}
    return Row(name, kind, {"first": first, "second": second, **changes})


def _counted(row: Group | None, column: str) -> Any:
    """The layer's number in a column; 0 where there is no such layer."""
    return columns()[column].measure(_EMPTY, [row])[0][0] if row else 0


def _particular(row: Group, other: Group) -> str:
    """Return how a layer differs from another with the same description."""
    found = []
    for mine, theirs in zip(row.ops, other.ops, strict=False):
        found += [f"{key} {text(value)}" for key, value in mine.attrs.items() if value != theirs.attrs.get(key)]
        for role, value in zip(mine.roles, mine.inputs, strict=True):
            there = theirs.input(role)
            if there is None or (there.shape, there.dtype) != (value.shape, value.dtype):
                found.append(f"{value.dtype} {role} {text(list(value.shape))}")
    return ", ".join(dict.fromkeys(found)) or "other inputs"


_EMPTY = Trace("", "eval", (), (), (), ())
_SHAPE = " → "


def _less(before: Any, after: Any) -> int | None:
    """Return after - before, if both are exact."""
    return after - before if isinstance(before, int) and isinstance(after, int) else None


def _kinds_of_change(rows: Sequence[Row]) -> list[str]:
    """Count the kinds of change, ignoring shapes."""
    kinds = Counter((_without_shape(row.cells["first"]), _without_shape(row.cells["second"])) for row in rows)
    return [f"{count} × {_change(before, after)}" for (before, after), count in kinds.most_common()]


def _without_shape(described: str | None) -> str:
    return (described or "").partition(_SHAPE)[0]


def _change(before: str, after: str) -> str:
    if before == after:
        return f"{before}, on maps of different sizes"
    if not before:
        return f"{after} added"
    if not after:
        return f"{before} removed"
    return f"{before} becomes {after}"


def _described(row: Group) -> str:
    """Describe a layer: conv2d 3/1 pad 1 + relu → 128×28×28. A module of many ops without weights is described by its type."""
    ops = _real_ops(row)
    parts = dict.fromkeys(map(_described_op, ops))
    weighted = any(op.input("weight") is not None for op in ops)
    done = " + ".join(parts) if weighted or len(parts) < _MANY else row.type
    return f"{done}{_SHAPE}{text(list(row.outputs[0].shape[1:]))}"


_MANY = 4


def _described_op(op: Op) -> str:
    """An op with the arguments that shape its window, where they are not the usual ones: conv2d 3/1 pad 1."""
    weight = op.input("weight")
    kernel = weight.shape[2:] if weight is not None and "conv" in op.kind else op.attrs.get("kernel_size", ())
    words = [op.kind]
    if kernel:
        stride = op.attrs.get("stride") or kernel
        words.append(f"{_short(kernel)}/{_short(stride)}")
        if any(_tuple(op.attrs.get("padding", 0))):
            words.append(f"pad {_short(op.attrs['padding'])}")
        if set(_tuple(op.attrs.get("dilation", 1))) != {1}:
            words.append(f"dilation {_short(op.attrs['dilation'])}")
        if op.attrs.get("groups", 1) > 1:
            words.append(f"groups {op.attrs['groups']}")
        if op.attrs.get("ceil_mode"):
            words.append("ceil")
    return " ".join(words)


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _short(value: Any) -> str:
    by_axis = _tuple(value)
    return str(by_axis[0]) if len(set(by_axis)) == 1 else sizes(by_axis)
