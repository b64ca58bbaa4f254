"""Two models, layer by layer: what the second adds, removes, moves and changes.

Start with `diff`. The layers of both are matched (`zoo.analysis.alignment`), at the grain at which fewer differ (`_grains`); then
each pair is compared: what both do (`_changed`), which layers they read (`_rewired`) and whose parameters (`_shared`).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.analysis import choose
from zoo.analysis.alignment import Pair, Wiring, align, depends_on_input, does_what, only_layout, positions_apart, real_ops, wiring
from zoo.analysis.conventions import legend
from zoo.analysis.measure import measure
from zoo.analysis.rows import Group, group
from zoo.questions.compare import labels, traced
from zoo.record.trace import UNUSED, WRITE, Op, Trace, Value
from zoo.tables.formats._cells import text
from zoo.tables.table import Column, Row, Table
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError
from zoo.util.text import sizes

if TYPE_CHECKING:
    from zoo.models.forward import Traceable

_WORDS = (
    Column("first", "text", "the layer in the first model", hide_order=0),
    Column("second", "text", "the layer in the second model", hide_order=0),
)
_COUNTED = {
    "params": "parameters",
    "trainable": "trainable parameters",
    "frozen": "frozen parameters",
    "buffers": "elements of buffers",
    "macs": "MACs",
    "flops": "FLOPs",
    "activations": "activations",
    "activation_bytes": "bytes of activations",
}
"""The columns whose change a row can show, and what they count: sums over the ops of a layer."""


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
    columns: Sequence[str] = ("params", "macs"),
) -> Table:
    """Compare two models layer by layer: what the second adds, removes and changes.

    Arguments:
        first, second: TARGETs or modules, as `zoo.trace` takes them, or `Trace`s.
        input, inputs, batch, train, real, options: As in `zoo.trace`, for both models.
        columns: Counts whose change is shown, such as "flops" or "activations".

    Returns:
        A `Table` with a row for each layer that differs: "changed", "added", "removed", "moved" (it does the same elsewhere in the
        network), "rewired" (it reads other layers), "sharing" (it reads other layers' parameters) or "unused" (only one model runs
        it). Totals of both models stand above; the notes count the kinds of change, the most frequent first. If more than
        eight differences are of layers that only put elements elsewhere, or that do not depend on the input, such as masks,
        a note counts these instead.

    Raises:
        ZooError: As `zoo.trace`, and for a column that is not such a count.

    Example:
        >>> table = zoo.diff("alexnet", "alexnet_ungrouped")
        >>> [row.name for row in table.rows]
        ['conv2', 'conv4', 'conv5']
    """
    shown = _changes(columns)
    kept = {column.name for column in (*_WORDS, *shown)}
    how = {"input": input, "inputs": inputs, "batch": batch, "train": train, "real": real, "options": options}
    names = labels(traces := traced([first, second], how))
    found = compared(traces)
    before, after, matched, every = found
    rows, moves = _without_quiet(traces, found)
    rows = tuple(replace(row, cells={name: cell for name, cell in row.cells.items() if name in kept}) for row in rows)
    totals = {name: [_total(found, name) for found in traces] for name in columns}
    changed = {row.name for row in every if row.type in _OF_PAIRS}
    same = sum(before[i].name not in changed and after[j].name not in changed for i, j in matched)
    renamed = sum(before[i].name != after[j].name for i, j in matched)
    return Table(
        f"from {names[0]} to {names[1]}",
        {
            "targets": names,
            "about": {_COUNTED[name]: _totals(*both) for name, both in totals.items()},
            "convention": "pure",
            "versions": dict(traces[0].versions),
        },
        (*_WORDS, *shown),
        rows,
        {name: _less(*both) for name, both in totals.items()} if rows else {},
        (*_kinds_of_change(rows), *moves, f"{_layers(same, 'is', 'are')} the same in both", *_renamed(renamed)),
        legend=legend("pure"),
    )


_OF_PAIRS = frozenset({"changed", "rewired", "sharing", "moved"})

Place = tuple[int, int]
"""Where a row stands: the number of the layer in the second model, or of the last one before it; then that in the first."""


def _layers_of(trace: Trace) -> list[Group]:
    """What ran, and what has parameters that never do; not buffers that this forward leaves alone, such as a norm's counter."""
    return [row for row in group(trace) if _runs(row) or any(param.kind == "parameter" for op in row.ops for param in op.owns)]


def _layers(count: int, one: str, many: str) -> str:
    """1 layer is, 2 layers are."""
    return f"{count} layer{'' if count == 1 else 's'} {one if count == 1 else many}"


def _total(trace: Trace, column: str) -> Any:
    return measure(trace, columns=[column], depth=0).total[column]


def _totals(before: Any, after: Any) -> str:
    """Both totals, difference and per cent: 60,965,224 → 62,378,344 (+1,413,120, +2.3%)."""
    words = f"{text(before)} → {text(after)}"
    difference = _less(before, after)
    if difference is None:
        return f"{words} (of lower bounds there is no difference)"
    share = _per_cent(100 * difference / before) if before else ""
    return f"{words} ({difference:+,}{share})" if difference else f"{words} (no difference)"


Compared = tuple[list[Group], list[Group], list[Pair], tuple[Row, ...]]


def compared(traces: Sequence[Trace]) -> Compared:
    """The layers of both models, the pairs among them, and a row for each difference, at the grain at which fewer differ.

    If many differences are quiet (`_quiet`), tokens may also be in another shape and order.
    """
    found = min((_compared(traces, *layers) for layers in _grains(traces)), key=lambda found: len(found[-1]))
    if len(_quiet(traces, found)) > _MOST_QUIET:
        sides = ([positions_apart(row) for row in rows] for rows in found[:2])
        found = min(found, _compared(traces, *sides), key=lambda found: len(found[-1]) - len(_quiet(traces, found)))
    return found


_MOST_QUIET = 8
"""So many quiet differences are listed one by one."""


def _quiet(traces: Sequence[Trace], found: Compared) -> list[Row]:
    """The differences of layers that only put elements elsewhere, or that do not depend on the input, such as a mask."""
    names = []
    for trace, layers in zip(traces, found[:2], strict=True):
        live = depends_on_input(trace)
        fixed = {row.name for row in layers if _runs(row) and not any(v.id in live for op in row.ops for v in op.outputs)}
        names.append(fixed | {row.name for row in layers if only_layout(row)})
    return [
        row
        for row in found[-1]
        if row.type in {"added", "removed", "changed", "moved"} and row.name in names[row.type != "removed"]
    ]


def _without_quiet(traces: Sequence[Trace], found: Compared) -> tuple[tuple[Row, ...], list[str]]:
    """The differences without the quiet ones if these are many, and a note that counts them."""
    quiet = _quiet(traces, found)
    if len(quiet) <= _MOST_QUIET:
        return found[-1], []
    counts = Counter(f"{_kind(row)} {row.type}" for row in quiet)
    listed = ", ".join(f"{count} × {change}" for change, count in counts.most_common())
    what = "layers that only put elements elsewhere, or do not depend on the input"
    return tuple(row for row in found[-1] if row not in quiet), [f"not listed: {what}: {listed}; these were not compared"]


def _kind(row: Row) -> str:
    """What a layer of a difference does: view."""
    if row.type == "moved":
        return "layers"
    return _without_shape(row.cells["second"] or row.cells["first"])


def _changes(names: Sequence[str]) -> list[Column]:
    """The columns of changes. Raises `ZooError` for one that is not a count."""
    if isinstance(names, str):
        raise ZooError(f"columns: expected a list of names, such as [{names!r}], got {names!r}")
    if wrong := [name for name in names if name not in _COUNTED]:
        raise ZooError(f"columns: a diff shows changes of {', '.join(_COUNTED)}; got {wrong[0]!r}")
    units = choose.columns()
    return [Column(name, units[name].column.unit, f"{_COUNTED[name]}, second minus first", hide_order=1) for name in names]


def _per_cent(change: float) -> str:
    return f", {change:+,.0f}%" if abs(change) >= 100 else f", {change:+.3g}%"


def _grains(traces: Sequence[Trace]) -> Iterator[tuple[list[Group], list[Group]]]:
    """The layers of both: with those of a module joined where the other model has one layer of its name, and then as they are.

    For example, a network with the linear layer "fc" and one with "fc.0" and "fc.1" instead have one layer "fc" each.
    """
    first, second = map(_layers_of, traces)
    names, others = {row.name for row in first}, {row.name for row in second}
    folded = _folded(first, others - names), _folded(second, names - others)
    yield folded
    if (len(folded[0]), len(folded[1])) != (len(first), len(second)):
        yield first, second


def _compared(traces: Sequence[Trace], before: list[Group], after: list[Group]) -> Compared:
    """The layers of both, the pairs among them, and a row for each difference."""
    matched = _matched(before, after)
    found = sorted(_differences(traces, before, after, matched), key=lambda one: one[0])
    return before, after, matched, tuple(row for _, row in found)


def _folded(rows: Sequence[Group], modules: Container[str]) -> list[Group]:
    """The layers, with those inside of one of `modules` joined to one of its name."""
    layers: dict[str, Group] = {}
    for row in rows:
        around = row.name
        while around and around not in modules:
            around = around.rpartition(".")[0]
        name = around or row.name
        known = layers.get(name)
        if known is None:
            layers[name] = Group(name, row.type, list(row.ops), row.outputs, mark=row.mark)
        else:
            known.ops.extend(row.ops)
            known.outputs = row.outputs
    return list(layers.values())


# Differences


def _matched(before: Sequence[Group], after: Sequence[Group]) -> list[Pair]:
    """The pairs in order; with those that moved, and those that one of the models has and does not run."""
    found = align(before, after)
    pairs = [*found.matched, *found.moved]
    left = {row.name: i for i, row in enumerate(before)}
    left = {name: i for name, i in left.items() if i not in {i for i, _ in pairs}}
    paired = {j for _, j in pairs}
    pairs += [
        (left[row.name], j)
        for j, row in enumerate(after)
        if j not in paired and row.name in left and _runs(row) != _runs(before[left[row.name]])
    ]
    return sorted(pairs)


def _runs(row: Group) -> bool:
    return any(op.kind not in {UNUSED, WRITE} for op in row.ops)


def _differences(
    traces: Sequence[Trace], before: Sequence[Group], after: Sequence[Group], matched: Sequence[Pair]
) -> Iterator[tuple[Place, Row]]:
    """A row for each layer that is not the same in both, with its place."""
    layers = (before, after)
    moved = _out_of_order(traces, layers, matched)
    stay = [pair for pair in matched if pair not in moved]
    wires = _wires(traces, layers, stay)
    names = [(before[i].name, after[j].name) for i, j in stay]
    for i, j in matched:
        one, other = before[i], after[j]
        row = _changed(one, other)
        if row is None and (i, j) in moved:
            row = _moved(one, other, i, j)
        elif row is None:
            both = wires[0][i], wires[1][j]
            row = _shared(one, other, *both, names) or _rewired(other, *both, names)
        if row is not None:
            yield (j, i), row
    ones, others = {i for i, _ in matched}, {j for _, j in matched}
    follows = dict(matched)
    last = -1
    for i, one in enumerate(before):
        last = follows.get(i, last)
        if i not in ones:
            yield (last, i), _row(one.name, "removed", one, None)
    yield from (((j, -1), _row(other.name, "added", None, other)) for j, other in enumerate(after) if j not in others)


Layers = tuple[Sequence[Group], Sequence[Group]]


def _wires(traces: Sequence[Trace], layers: Layers, pairs: Sequence[Pair]) -> list[list[Wiring]]:
    """By model, what each layer reads, in numbers of these pairs."""
    sides = zip(traces, layers, strict=True)
    return [wiring(trace, rows, {pair[side]: n for n, pair in enumerate(pairs)}) for side, (trace, rows) in enumerate(sides)]


def _out_of_order(traces: Sequence[Trace], layers: Layers, matched: Sequence[Pair]) -> set[Pair]:
    """The fewest pairs without which all others follow one another in both models, and that read other layers in each.

    Of two branches side by side the one may run first here and the other there: that moves no layer.
    """
    ends: list[int] = []  # of the longest chain of each length, the least layer of the second model at its end
    chains: list[list[Pair]] = []
    for pair in matched:
        place = bisect_left(ends, pair[1])
        chain = [*(chains[place - 1] if place else []), pair]
        ends[place : place + 1], chains[place : place + 1] = [pair[1]], [chain]
    crossing = set(matched) - set(chains[-1] if chains else [])
    wires = _wires(traces, layers, matched) if crossing else []
    return {(i, j) for i, j in crossing if wires[0][i].reads != wires[1][j].reads}


def _moved(before: Group, after: Group, i: int, j: int) -> Row:
    cells = {"first": f"layer {i + 1}, {before.name}", "second": f"layer {j + 1}, {after.name}", "params": 0, "macs": 0}
    return Row(after.name, "moved", cells)


def _changed(before: Group, after: Group) -> Row | None:
    if _runs(before) != _runs(after):
        return _row(after.name, "unused", before, after)
    if does_what(before) != does_what(after) or (_own(before) != _own(after) and not _runs(before)):
        return _row(after.name, "changed", before, after)
    return None


def _own(row: Group) -> list[tuple[int, ...]]:
    return [param.shape for op in row.ops for param in op.owns]


Names = Sequence[tuple[str, str]]


def _shared(before: Group, after: Group, one: Wiring, other: Wiring, names: Names) -> Row | None:
    """A row if both read the parameters of other layers."""
    if one.parameters == other.parameters or not _runs(before):
        return None
    cells = [f"parameters of {_listed(wire.parameters, side, names)}" for side, wire in enumerate((one, other))]
    changes = {column: _less(_counted(before, column), _counted(after, column)) for column in _COUNTED}
    return Row(after.name, "sharing", {"first": cells[0], "second": cells[1], **changes})


def _rewired(after: Group, one: Wiring, other: Wiring, names: Names) -> Row | None:
    """A row if they read other layers."""
    if None in one.reads or None in other.reads:
        return None
    reads = [tuple(number for number in wire.reads if number is not None) for wire in (one, other)]
    if reads[0] == reads[1] or (not (one.ordered and other.ordered) and sorted(reads[0]) == sorted(reads[1])):
        return None
    cells = [f"reads {_listed(numbers, side, names)}" for side, numbers in enumerate(reads)]
    return Row(after.name, "rewired", {"first": cells[0], "second": cells[1], "params": 0, "macs": 0})


def _listed(numbers: Sequence[int], side: int, names: Names) -> str:
    found = dict.fromkeys(
        names[number][side] if number >= 0 else "the input" if number == -1 else f"input {-number}" for number in numbers
    )
    return ", ".join(found) or "nothing"


def _renamed(count: int) -> Iterator[str]:
    if count:
        yield f"{_layers(count, 'has', 'have')} another name in the second"


def _row(name: str, kind: str, before: Group | None, after: Group | None) -> Row:
    """One line of the table: what the layer is in each model (None where it is not), and what that changes."""
    first, second = _described(before) if before else None, _described(after) if after else None
    if before and after and first == second:  # what differs is not in the description
        mine, theirs = _particulars(before, after)
        first, second = f"{first}: {mine}", f"{second}: {theirs}"
    changes = {column: _less(_counted(before, column), _counted(after, column)) for column in _COUNTED}
    return Row(name, kind, {"first": first, "second": second, **changes})


def _counted(row: Group | None, column: str) -> Any:
    """The layer's number in a column; 0 where there is no such layer."""
    return choose.columns()[column].measure(_EMPTY, [row])[0][0] if row else 0


def _particulars(before: Group, after: Group) -> tuple[str, str]:
    """What each of two layers of one description has that the other has not."""
    first: list[str] = []
    second: list[str] = []
    for one, other in zip(real_ops(before), real_ops(after), strict=False):
        for key in sorted(one.attrs.keys() | other.attrs.keys()):
            if one.attrs.get(key) != other.attrs.get(key):
                first.append(f"{key} {text(one.attrs.get(key))}")
                second.append(f"{key} {text(other.attrs.get(key))}")
        for role in dict.fromkeys([*one.roles, *other.roles]):
            mine, theirs = (_read(op, role) for op in (one, other))
            if mine != theirs:
                first.append(mine)
                second.append(theirs)
    return ", ".join(dict.fromkeys(first)) or "other tensors", ", ".join(dict.fromkeys(second)) or "other tensors"


def _read(op: Op, role: str) -> str:
    """What an op reads in one role: float32 input 1×64×56×56, or no bias."""
    value: Value | None = op.input(role)
    return f"no {role}" if value is None else f"{value.dtype} {role} {text(list(value.shape))}"


_EMPTY = Trace("", "eval", (), (), (), ())
_SHAPE = " → "
_MAPS = "on maps of other sizes"


def _less(before: Any, after: Any) -> int | None:
    """Return after - before, if both are exact."""
    return after - before if isinstance(before, int) and isinstance(after, int) else None


def _kinds_of_change(rows: Sequence[Row]) -> list[str]:
    """How often which layer became which, shapes apart."""
    return [f"{count} × {change}" for change, count in Counter(map(_change, rows)).most_common()]


def _without_shape(described: str | None) -> str:
    """conv2d 3/1 of "conv2d 3/1 → 64×56×56: bias 64"."""
    return (described or "").partition(_SHAPE)[0]


def _change(row: Row) -> str:
    """What happened to a layer, as text."""
    before, after = row.cells["first"], row.cells["second"]
    if row.type in {"rewired", "sharing", "moved"}:
        return {"rewired": "reads other layers", "sharing": "reads other layers' parameters", "moved": "moved"}[row.type]
    first, second = _without_shape(before), _without_shape(after)
    if before is None:
        return f"{second} added"
    if after is None:
        return f"{first} removed"
    if first != second:
        return f"{first} becomes {second}"
    return f"{first}, {_reason(before.partition(_SHAPE)[2], after.partition(_SHAPE)[2])}"


def _reason(before: str, after: str) -> str:
    """Of two descriptions that differ after the arrow: another argument, input or output."""
    (shape, _, mine), (other_shape, _, theirs) = before.partition(": "), after.partition(": ")
    if shape != other_shape:
        same_channels = shape.partition("×")[0] == other_shape.partition("×")[0]
        return _MAPS if "×" in shape and same_channels else "of other channels"
    return f"{mine} becomes {theirs}"


def _described(row: Group) -> str:
    """What a layer does: conv2d 3/1 pad 1 + relu → 128×28×28. A module of many ops without weights goes by its type."""
    if not _runs(row):
        return f"{row.type} that never runs"
    ops = real_ops(row)
    parts = dict.fromkeys(map(_described_op, ops))
    weighted = any(op.input("weight") is not None for op in ops)
    done = " + ".join(parts) if weighted or len(parts) < _MANY else row.type
    return f"{done}{_SHAPE}{text(list(row.outputs[0].shape[1:]))}" if row.outputs else done


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
