"""The receptive field of a layer as a chain of recurrences, from the input to the layer.

Along one axis every op that slides a window of k elements, d apart, in steps of s and with p of padding before the first, changes
what a unit sees by

    size' = size + d·(k − 1)·stride      stride' = stride·s      from' = from − p·stride

where `from` is the first pixel of the first window. Where branches join, the one that reaches furthest decides each end. `_path`
follows the deciding branch back to the input; `_links` derives each step forward again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from zoo.analysis.working import Place
from zoo.ops.book import rule_of
from zoo.ops.window import NAMES, Axis
from zoo.ops.working import Line
from zoo.receptive.shown import Shown
from zoo.receptive.spans import Field, Spans
from zoo.record.trace import Op, Value

End = Literal["first", "last"]


def chains(place: Place, cell: Any) -> Iterator[Line]:
    """The working of a layer's cell: a chain for each axis of the input, or two where different branches decide its two ends."""
    return _chains(_Fields(place), cell)


def least_chains(place: Place, cell: Any) -> Iterator[Line]:
    """The same along the smallest path: where branches join, the one that sees least decides."""
    return _chains(_Fields(place, least=True), cell)


def _chains(fields: "_Fields", cell: Any) -> Iterator[Line]:
    place = fields.place
    name = "rf_min" if fields.least else "rf"
    value = next((value for value in place.group.outputs if fields.states.get(value.id) is not None), None)
    if value is None:
        yield Line(name, says="it does not depend on the network's input")
        return
    found = fields.shown(value)
    if isinstance(found, str):
        yield Line(name, says=f"undefined: {found}")
        return
    names = NAMES.get(len(found), tuple(map(str, range(len(found)))))
    for axis, name in enumerate(names):
        first, last = (_path(fields, value, axis, end) for end in _ENDS)
        if first == last:
            yield from _chain(fields, first, value, axis, name)
        else:
            yield from _two_chains(fields, (first, last), value, axis, name)
    for axis, name in enumerate(names):
        if "misaligned" in (cell or {}):
            says = "pixels between the centres of the branches that are joined"
            yield Line("join", "", {}, cell["misaligned"][axis], axis=name, name="misaligned", says=says, part=("misaligned", axis))
    for i, other in enumerate((cell or {}).get("others", ())):
        yield from (
            Line(f"output {i + 2}", "", {}, leaf, name=str(path[0]), says=f"{path[0]} {leaf}", part=("others", i, *path))
            for path, leaf in _leaves(other)
        )


def _leaves(cell: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Each number or text of a cell, and where it is."""
    for key, item in cell.items():
        if isinstance(item, list):
            yield from (((key, axis), one) for axis, one in enumerate(item))
        else:
            yield (key,), item


_ENDS: tuple[End, End] = ("first", "last")
_PARTS = frozenset({"size", "stride", "from"})


@dataclass(frozen=True)
class _Fields:
    """The field of every value of a trace: along all paths, or along the smallest where it is the `least`."""

    place: Place
    least: bool = False

    @property
    def states(self) -> Mapping[int, Field | None]:
        return self.place.wiring.least_fields if self.least else self.place.wiring.fields

    def shown(self, value: Value) -> list[Shown] | str:
        return self.place.wiring.window(value, least=self.least)

    def along(self, value: Value, axis: int) -> Shown | None:
        """What is shown of a value along an axis, or None."""
        found = self.shown(value)
        return None if isinstance(found, str) else found[axis]

    def units(self, value: Value, axis: int) -> int:
        """How many units a value has along an axis."""
        field = self.states[value.id]
        return field[axis].units if isinstance(field, tuple) else 1

    def inputs(self, op: Op) -> list[Value]:
        """The inputs of an op that depend on the network's, each once."""
        return list({value.id: value for value in op.inputs if self.states.get(value.id) is not None}.values())


_Path = list[tuple[Value, Value]]
"""Steps from one value to the next, from the network's input on."""


def _path(fields: _Fields, value: Value, axis: int, end: End) -> _Path:
    """The values from the input to `value` that decide one end of its window."""
    known = fields.place.wiring.links
    ahead: list[tuple[Value, Value]] = []
    while (fields.least, axis, end, value.id) not in known:
        source = _source(fields, value, axis, end)
        if source is None:
            known[fields.least, axis, end, value.id] = []
        else:
            ahead.append((source, value))
            value = source
    path: _Path = known[fields.least, axis, end, value.id]
    for source, target in reversed(ahead):
        path = known[fields.least, axis, end, target.id] = [*path, (source, target)]
    return path


def _source(fields: _Fields, value: Value, axis: int, end: End) -> Value | None:
    """The input of a value's op that decides one end of its window; None of a value that no op gave."""
    op = fields.place.wiring.maker.get(value.id)
    inputs = fields.inputs(op) if op is not None else []
    if not inputs:
        return None
    source = _smallest(fields, inputs, value, axis) if fields.least else None
    return source or _decides(fields, inputs, axis, end)


def _smallest(fields: _Fields, inputs: list[Value], value: Value, axis: int) -> Value | None:
    """The input that sees what the value of a join sees along the smallest path, if the join keeps it."""
    after = fields.along(value, axis)
    alike = [one for one in inputs if after is not None and fields.along(one, axis) == after]
    return alike[0] if len(inputs) > 1 and alike else None


def _decides(fields: _Fields, inputs: list[Value], axis: int, end: End) -> Value:
    """Of several inputs the one whose window reaches furthest; the first where several reach as far."""
    if len(inputs) == 1:
        return inputs[0]
    reach = {value.id: _reach(fields, value, axis, end) for value in inputs}
    both = [
        value
        for value in inputs
        if all(_reach(fields, value, axis, e) == max(_reach(fields, v, axis, e) for v in inputs) for e in _ENDS)
    ]
    return both[0] if both else max(inputs, key=lambda value: reach[value.id])


def _reach(fields: _Fields, value: Value, axis: int, end: End) -> int:
    found = fields.along(value, axis)
    if found is None:
        return -1
    return -found.first if end == "first" else found.last


def _chain(fields: _Fields, path: _Path, value: Value, axis: int, name: str) -> Iterator[Line]:
    """Size, stride and start from one value to the next, as far as they change."""
    lines = [
        Line("input", "1", {}, 1, axis=name, name="size"),
        Line("input", "1", {}, 1, axis=name, name="stride"),
        Line("input", "0", {}, 0, axis=name, name="from"),
    ]
    for source, target in path:
        lines += [line for line in _link(fields, source, target, axis, name) if line.name != "to"]
    ends = {line.name: i for i, line in enumerate(lines)}  # the last line of each name is what the cell says
    for i, line in enumerate(lines):
        yield line.at((line.name, axis)) if line.name in _PARTS and ends[line.name] == i else line


def _two_chains(fields: _Fields, paths: tuple[_Path, _Path], value: Value, axis: int, name: str) -> Iterator[Line]:
    """A chain for either end of the window, then its size."""
    found = fields.along(value, axis)
    assert found is not None
    for path, end in zip(paths, ("from", "to"), strict=True):
        lines = [
            Line("input", "1", {}, 1, axis=f"{name}, {end}", name="stride"),
            Line("input", "0", {}, 0, axis=f"{name}, {end}", name=end),
        ]
        for source, target in path:
            lines += [line for line in _link(fields, source, target, axis, f"{name}, {end}") if line.name in {"stride", end, ""}]
        last = {line.name: i for i, line in enumerate(lines)}
        for i, line in enumerate(lines):
            final = end == "from" and line.name in _PARTS and last[line.name] == i
            yield line.at((line.name, axis)) if final else line
    operands = {"to": found.last, "from": found.first}
    yield Line("window", "{to} - {from} + 1", operands, found.size, axis=name, name="size", part=("size", axis))


def _link(fields: _Fields, source: Value, target: Value, axis: int, name: str) -> list[Line]:
    """How what one value sees follows from what the one before it sees; nothing where nothing changes."""
    known, key = fields.place.wiring.links, ("link", fields.least, source.id, target.id, axis, name)
    if key not in known:
        known[key] = _derived(fields, source, target, axis, name)
    found: list[Line] = known[key]
    return found


def _derived(fields: _Fields, source: Value, target: Value, axis: int, name: str) -> list[Line]:
    """The lines of a link."""
    before, after = fields.along(source, axis), fields.along(target, axis)
    op = fields.place.wiring.maker[target.id]
    label = fields.place.wiring.row_of(op)
    if after is None:
        return [Line(label, says=f"{op.kind}: no window for all units here", axis=name)]
    if before is None:  # from units without a common window, such as tokens beside a class token, to all of them together
        return list(_stated(after, label, name, op.kind))
    inputs = fields.inputs(op)
    if fields.least and len(inputs) > 1 and before == after:
        return _met(fields, op, inputs, source, axis, name, label)
    if len(inputs) > 1 and op.kind not in _PRODUCTS:
        return _joined(fields, op, inputs, after, axis, name, label)
    if (before.size, before.stride, before.padding) == (after.size, after.stride, after.padding):
        return []
    window = _window(fields, op, axis)
    if window is not None and _slides(before, after, window):
        return list(_slid(before, after, window, label, name))
    n = fields.units(source, axis)
    if after.whole and after.size == before.size + (n - 1) * before.stride and after.padding == before.padding:
        return list(_whole(before, after, n, label, name, op.kind))
    return list(_stated(after, label, name, op.kind))


_PRODUCTS = frozenset({"matmul", "bmm", "mm", "scaled_dot_product_attention"})
"""These sum over units before they join."""


def _window(fields: _Fields, op: Op, axis: int) -> Axis | None:
    """The window of an op along an axis of the input, if the op slides along as many axes."""
    windows = rule_of(op).window
    found = windows(op) if windows else None
    field: Spans | None = fields.states[op.output.id]  # type: ignore[assignment]
    return found[axis] if found and field and len(found) == len(field) else None


def _slides(before: Shown, after: Shown, window: Axis) -> bool:
    size = before.size + (window.reach - 1) * before.stride
    start = before.first - window.before * before.stride
    return (after.size, after.stride, after.first) == (size, before.stride * window.stride, start)


def _slid(before: Shown, after: Shown, window: Axis, label: str, name: str) -> Iterator[Line]:
    """The recurrences of a window."""
    stride = _exact(before.stride)
    dilated = "{d}*" if window.dilation != 1 else ""
    gap = {"d": window.dilation} if window.dilation != 1 else {}
    common = {"k": window.kernel, "stride": stride, **gap}
    yield Line(
        label, f"{{size}} + {dilated}({{k}} - 1)*{{stride}}", {"size": before.size, **common}, after.size, axis=name, name="size"
    )
    yield Line(label, "{stride}*{s}", {"stride": stride, "s": window.stride}, _exact(after.stride), axis=name, name="stride")
    padded = {"from": before.first, "p": window.before, "stride": stride}
    yield Line(label, "{from} - {p}*{stride}", padded, after.first, axis=name, name="from")
    operands = {"to": before.last, "p": window.before, **common}
    yield Line(label, f"{{to}} + ({dilated}({{k}} - 1) - {{p}})*{{stride}}", operands, after.last, axis=name, name="to")


def _whole(before: Shown, after: Shown, n: int, label: str, name: str, kind: str) -> Iterator[Line]:
    """All units together."""
    stride = _exact(before.stride)
    says = f"{kind} sees all {n} units together"
    operands = {"size": before.size, "n": n, "stride": stride}
    yield Line(label, "{size} + ({n} - 1)*{stride}", operands, after.size, axis=name, name="size", says=says)
    if after.stride != before.stride and before.stride:
        times = _exact(after.stride / before.stride)
        yield Line(label, "{stride}*{s}", {"stride": stride, "s": times}, _exact(after.stride), axis=name, name="stride")
    operands = {"to": before.last, "n": n, "stride": stride}
    yield Line(label, "{to} + ({n} - 1)*{stride}", operands, after.last, axis=name, name="to", says=says)


def _met(fields: _Fields, op: Op, inputs: list[Value], source: Value, axis: int, name: str, label: str) -> list[Line]:
    """The least of what the branches see."""
    seen = {fields.place.wiring.name_of(value): found.size for value in inputs if (found := fields.along(value, axis)) is not None}
    least = fields.place.wiring.name_of(source)
    if len(set(seen.values())) < 2 or min(seen.values()) != seen[least]:
        return []
    says = f"{op.kind} joins {', '.join(seen)}: {least} sees least"
    return [
        Line(label, f"min({', '.join(f'{{{branch}}}' for branch in seen)})", seen, seen[least], axis=name, name="size", says=says)
    ]


def _joined(fields: _Fields, op: Op, inputs: list[Value], after: Shown, axis: int, name: str, label: str) -> list[Line]:
    """The hull of what all branches see."""
    first: dict[str, int | float] = {}
    last: dict[str, int | float] = {}
    for value in inputs:
        found = fields.along(value, axis)
        if found is None:
            return list(_stated(after, label, name, op.kind))
        more = (fields.units(value, axis) - 1) * found.stride if after.whole and not found.whole else 0
        branch = fields.place.wiring.name_of(value)
        first[branch], last[branch] = found.first, _exact(found.last + more)
    if (min(first.values()), max(last.values())) != (after.first, after.last):
        return list(_stated(after, label, name, op.kind))
    low, high = min(first, key=first.__getitem__), max(last, key=last.__getitem__)
    decides = f"{low} decides both ends" if low == high else f"{low} decides the first pixel, {high} the last"
    same = len(set(first.values())) == len(set(last.values())) == 1
    if same:
        return []
    says = f"{op.kind} joins {', '.join(first)}: {decides}"
    braces = [f"{{{branch}}}" for branch in first]
    spread = {**{f"{branch} to": value for branch, value in last.items()}, "from": after.first}
    to = ", ".join(f"{{{branch} to}}" for branch in last)
    return [
        Line(label, f"min({', '.join(braces)})", first, after.first, axis=name, name="from", says=says),
        Line(label, f"max({', '.join(braces)})", last, after.last, axis=name, name="to"),
        Line(label, f"max({to}) - {{from}} + 1", spread, after.size, axis=name, name="size"),
    ]


def _stated(after: Shown, label: str, name: str, kind: str) -> Iterator[Line]:
    """What is known without a recurrence of a window."""
    says = f"by the rule of {kind}, unit by unit"
    for part, value in (("size", after.size), ("stride", _exact(after.stride)), ("from", after.first), ("to", after.last)):
        yield Line(label, "", {}, value, axis=name, name=part, says=says)


def _exact(value: Any) -> Any:
    """A whole number as an int; a fraction as a float."""
    return int(value) if value == int(value) else float(value)
