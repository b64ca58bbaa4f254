"""Stages: the last feature maps of each resolution on the way to a network's head, found in a trace.

A map is on the way if everything that reaches the scores passes through it: maps inside a block that has a shortcut, in one of
several branches or in a gate are not. A stage is the output of a module, so that it has a name.

Start with `find_stages`. `_way` finds the ops through which everything passes, `_maps` keeps those of them that give feature maps,
`_by_stride` cuts these into runs of one resolution, and `_stepped_back` decides which map of a run is its last.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, count
from math import prod
from typing import Any

from zoo.analysis.choose import columns
from zoo.analysis.grids import FIRST, Grid, grids, reductions
from zoo.analysis.naming import find_name
from zoo.analysis.rows import Group
from zoo.ops.book import multiplies
from zoo.record.trace import Op, Trace, Value
from zoo.util.errors import ZooError

_MOST_LAYERS = 4  # of a head


@dataclass(frozen=True)
class Stage:
    """The last feature maps of one resolution.

    `layer` is the module that returns them, named as in `zoo.summary` (pool_1 is the second call of pool). `size` is by axis,
    `stride` the pixels of the input from one unit to the next, along the axis where they are most. `rf` is the receptive field as
    in the column of that name: size, stride and padding by axis, or why it is undefined. `layout` says how the maps lie in the
    tensor: "channels first" (N×C×H×W), "channels last" (N×H×W×C), or "tokens" (N×HW×C, after `extra` others such as a class token).

    Example:
        >>> last = zoo.stages("resnet50")[-1]
        >>> last.layer, last.channels, last.size, last.stride
        ('conv5_x', 2048, (7, 7), 32)
    """

    name: str
    layer: str
    channels: int
    size: tuple[int, ...]
    stride: int
    rf: Mapping[str, Any]
    layout: str = FIRST
    extra: int = 0


@dataclass(frozen=True, slots=True)
class _Maps:
    """Feature maps on the way to the head: what op number `index` gives."""

    index: int
    value: Value
    grid: Grid
    stride: int
    rf: Mapping[str, Any]


def find_stages(trace: Trace, *, finest: bool = False) -> tuple[Stage, ...]:
    """Return the stages of a trace, stage1 first; with `finest`, those of `_levels`.

    Raises `ZooError` if there are none, or if more than a head follows them.
    """
    layers: dict[int, str] = {}
    for name, value in handed_on(trace).items():
        layers.setdefault(value.id, name)  # the outermost began first
    way = _way(trace)
    path: list[_Maps] = []
    for maps, following in _by_stride(_maps(trace, way)):
        path += [one for one in _stepped_back(trace, maps, following) if one.value.id in layers][-1:]
    found = _levels(trace, layers, path) if finest else path
    if not found:
        raise ZooError(f"{trace.target} has no stages: no module on the path to its outputs returns feature maps (N×C×sizes)")
    named = tuple(_stage(f"stage{i}", layers[one.value.id], one) for i, one in enumerate(found, 1))
    if not finest and (excess := _more_than_a_head(trace, path[-1].index)) is not None:
        raise ZooError(f"{trace.target} has no stages: {excess} {named[-1].layer}")
    return named


def _levels(trace: Trace, layers: Mapping[int, str], path: Sequence[_Maps]) -> list[_Maps]:
    """The finest maps of each reduction: the last that a layer or block makes which looks further than one unit.

    Maps of branches count if no module around them returns maps of the way, as a block would. Convolutions of one unit and norms
    that follow are not counted: they belong to the head or to the next stage. A stage of the `path` to the head is preferred if it
    comes later, the last one if it has as many channels: it is the same maps after a norm or an activation.
    """
    usual = {one.stride: one for one in path}
    way = {trace.ops[i].output.id for i in _way(trace)}
    made = {value.id: i for i, op in enumerate(trace.ops) for value in op.outputs}
    grid_by_op, end = grids(trace), _head(trace)
    mixing, image, expanded = _mixing_calls(trace), trace.inputs[0].shape[2:], _expanded(trace, grid_by_op)
    candidates: dict[int, Found] = {}
    mixed: set[int] = set()
    for number, call in enumerate(trace.calls):
        value = call.outputs[0] if number and len(call.outputs) == 1 else None
        index = made.get(value.id, -1) if value is not None else -1
        if (
            value is None
            or index not in grid_by_op
            or index >= end
            or index in expanded
            or _within_block(trace, number, way, value)
        ):
            continue
        candidates[index] = index, value, grid_by_op[index]
        mixed |= {index} if number in mixing and call.type != "Sequential" else set()  # which returns what its last part makes
    last: dict[tuple[bool, int], _Maps] = {}  # by stride, of those that mix and of the others
    alike: dict[tuple[int, int], _Maps] = {}  # by stride and channels
    strided = _with_strides(trace, [candidates[i] for i in sorted(candidates)])
    for (index, value, grid), rf, strides in sorted(strided, key=lambda one: one[0][0]):
        by_size = reductions(image, grid.size)
        if not all(map(_close, image, grid.size, strides)):
            continue
        # Maps that were made coarser and then upsampled for a branch have a stride that their size does not show.
        stride = max(by_size) if min(by_size) >= 2 * max(strides) else max(strides)
        last[index in mixed, stride] = alike[stride, grid.channels] = _Maps(index, value, grid, stride, rf)
    levels = []
    for stride in sorted({stride for _, stride in last}):
        one, later = last.get((True, stride)) or last[False, stride], usual.get(stride)
        one = alike[stride, one.grid.channels]  # after a norm or an activation
        same = later is not None and (later is not path[-1] or later.grid.channels == one.grid.channels)
        levels.append(later if later is not None and same and later.index >= one.index else one)
    return levels


def _mixing_calls(trace: Trace) -> set[int]:
    """The calls, by number, in which an op reads more than one unit."""
    found: set[int] = set()
    for op in trace.ops:
        call: int | None = op.call if _mixes(op) else None
        while call is not None and call not in found:
            found.add(call)
            call = trace.calls[call].parent
    return found


def _within_block(trace: Trace, number: int, way: Container[int], value: Value) -> bool:
    """Whether a tensor off the way is made inside a call, other than the network, that returns one on the way."""
    call = trace.calls[number].parent if value.id not in way else None
    while call:
        if any(value.id in way for value in trace.calls[call].outputs):
            return True
        call = trace.calls[call].parent
    return False


def _stage(name: str, layer: str, maps: _Maps) -> Stage:
    grid = maps.grid
    return Stage(name, layer, grid.channels, grid.size, maps.stride, maps.rf, grid.layout, grid.extra)


def head_input(trace: Trace, among: Container[int]) -> Value:
    """The feature maps that a network's head reads: the last of more than one unit that no pooling to a fixed size has made.

    Only values whose ids are in `among` are taken. Raises `ZooError` if there are none, or if what follows is more than a head.
    """
    scores = trace.outputs[0].shape if len(trace.outputs) == 1 else ()
    for i in range(len(trace.ops) - 1, -1, -1):
        op = trace.ops[i]
        if not op.outputs or op.kind.startswith("adaptive_"):
            continue
        shape = op.output.shape
        if op.output.id in among and len(shape) == 4 and min(shape[2:]) > 1 and len(scores) == 2:
            if (excess := _more_than_a_head(trace, i)) is not None:
                raise ZooError(f"cannot find the head of {trace.target}: {excess}")
            return op.output
    raise ZooError(f"cannot find the head of {trace.target}: it does not go from feature maps to one row of scores")


def _more_than_a_head(trace: Trace, last: int) -> str | None:
    """What speaks against it that all after op number `last` is a head: too many layers with weights."""
    after = sum(_weighted(op) for op in trace.ops[last + 1 :])
    return f"{after} layers follow its last feature maps" if after > _MOST_LAYERS else None


def find_layers(trace: Trace, names: Sequence[str], *, finest: bool = False) -> dict[str, Stage]:
    """The stages of those names ("stage3"), or what modules of those names hand on, also by names of other frameworks.

    Raises `ZooError` for an unknown one.
    """
    layers = handed_on(trace)
    try:
        staged = {stage.name: stage for stage in find_stages(trace, finest=finest)}
    except ZooError:
        if any(name.startswith("stage") and name not in layers for name in names):
            raise
        staged = {}
    known = [*staged, *layers]
    found = {name: find_name(trace, name, known, "run zoo summary to see all") for name in names}
    return {name: staged.get(own) or _described(trace, own, layers[own]) for name, own in found.items()}


def _described(trace: Trace, name: str, value: Value) -> Stage:
    """Any tensor N×C×... as a stage; the stride is 0 if its axes are not those of the input."""
    rf = _measured(trace, [(0, value)])[0]
    same_axes = len(value.shape) == len(trace.inputs[0].shape)
    strides = rf.get("stride") or (reductions(trace.inputs[0].shape[2:], value.shape[2:]) if same_axes else [0])
    return Stage(name, name, value.shape[1] if len(value.shape) > 1 else 1, value.shape[2:], max(strides), rf)


def call_names(paths: Sequence[str]) -> list[str]:
    """The names of calls in the order in which they began: the module's path, then path_1, path_2, ... if it is called again.

    >>> call_names(["", "conv", "relu", "conv", "relu", "relu_1"])
    ['', 'conv', 'relu', 'conv_1', 'relu_2', 'relu_1']
    """
    modules = set(paths)
    names: dict[str, None] = {}
    for path in paths:
        name = path
        numbers = count(1)
        while name in names or (name != path and name in modules):  # the name of another module is not given to a call
            name = f"{path}_{next(numbers)}"
        names[name] = None
    return list(names)


def handed_on(trace: Trace) -> dict[str, Value]:
    """Return the output of each call of a module that returns one tensor, by the name of the call."""
    names = call_names([call.path for call in trace.calls])
    return {name: call.outputs[0] for name, call in zip(names, trace.calls, strict=True) if call.path and len(call.outputs) == 1}


def _way(trace: Trace) -> list[int]:
    """The ops, by number, through which everything passes that goes from the inputs to the first output.

    Ops are numbered in the order in which they ran, so an edge from op 2 to op 5 goes past the ops 3 and 4. An op on which the
    output depends is on the way if no edge goes past it. Edges are counted by where they begin and end; their running sum is how
    many go past.
    """
    made = {value.id: i for i, op in enumerate(trace.ops) for value in op.outputs}
    reached: set[int] = {value.id for value in trace.inputs}
    for op in trace.ops:
        if any(value.id in reached for value in op.inputs):
            reached.update(value.id for value in op.outputs)
    wanted = {made[value.id] for value in trace.outputs[:1] if value.id in made}  # ops on which the output depends
    jumps = [0] * (len(trace.ops) + 1)  # by op, how many edges begin just before it, less how many end at it
    way = []
    for i in range(len(trace.ops) - 1, -1, -1):
        if i not in wanted:
            continue
        for value in trace.ops[i].inputs:
            if value.id in reached:
                source = made.get(value.id, -1)  # -1 is the input
                wanted.add(source)
                jumps[source + 1] += 1
                jumps[i] -= 1
        way.append(i)
    past = list(accumulate(jumps))
    return [i for i in reversed(way) if past[i] == 0]


def _maps(trace: Trace, way: Sequence[int]) -> list[_Maps]:
    """The feature maps among what the ops on the way give, up to the head: what makes them all of one size whatever the input is,
    and what the last layer with weights gives if that is scores.
    """
    end = _head(trace)
    sizes = trace.inputs[0].shape[2:]
    grid_by_op = grids(trace)
    expanded = _expanded(trace, grid_by_op)
    found: list[Found] = []
    for i in way:
        op = trace.ops[i]
        if i >= end or op.kind.startswith("adaptive_"):
            break
        grid = grid_by_op.get(i)
        if grid is not None and prod(grid.size) > 1 and "dropout" not in op.kind and i not in expanded:
            found.append((i, op.output, grid))
    maps = []
    for (index, value, grid), rf, strides in _with_strides(trace, found):
        if all(map(_close, sizes, grid.size, strides)):
            maps.append(_Maps(index, value, grid, max(strides), rf))
    return sorted(maps, key=lambda one: one.index)


def _head(trace: Trace) -> int:
    """The number of the op with which a network's head begins at the latest: its last layer with weights, if it gives scores."""
    scores = len(trace.outputs[0].shape) < len(trace.inputs[0].shape) if trace.outputs else False
    return max((i for i, op in enumerate(trace.ops) if _weighted(op)), default=-1) if scores else len(trace.ops)


Found = tuple[int, Value, Grid]


def _with_strides(trace: Trace, found: Sequence[Found]) -> Iterator[tuple[Found, Mapping[str, Any], Sequence[int]]]:
    """Yield the maps with receptive field and stride by axis.

    After a map whose field is undefined (a sampler can read any unit), strides are counted again from that map and multiplied by
    its reduction relative to the input. Maps that are then reduced unevenly have other axes than the input (windows), and are left
    out. Of maps that lie channels last or as tokens, the stride is their reduction.
    """
    fields = _measured(trace, [(index, value) for index, value, _ in found])
    image = trace.inputs[0].shape[2:]
    lost = []  # maps without a field that are reduced by the same factor along each axis
    for one, field in zip(found, fields, strict=True):
        by_axis = reductions(image, one[2].size)
        if one[2].layout != FIRST:
            yield one, field, [one[2].stride] * len(image)
        elif "stride" in field:
            if all(isinstance(stride, int) for stride in field["stride"]):  # upsampled maps can have other strides
                yield one, field, field["stride"]
        elif len(set(by_axis)) == 1:
            lost.append((one, field))
    if lost:
        first, start, grid = lost[0][0]
        rest = replace(trace, inputs=(start,), ops=trace.ops[first + 1 :])  # as if the network began at the first of them
        anew = _measured(rest, [(index, value) for (index, value, _), _ in lost])
        for (one, field), again in zip(lost, anew, strict=True):
            known = again.get("stride", ())
            more = known if len(known) == len(image) else reductions(grid.size, one[2].size)
            yield one, field, [a * b for a, b in zip(reductions(image, grid.size), more, strict=True)]


def _measured(trace: Trace, found: Sequence[tuple[int, Value]]) -> list[Mapping[str, Any]]:
    cells, _ = columns()["rf"].measure(trace, [Group("", "", outputs=(value,)) for _, value in found])
    return [cell or {"undefined": "it does not depend on the input"} for cell in cells]


def _close(size: int, units: int, stride: int) -> bool:
    """Whether so many units at that stride can come from an axis of that size: else it is another axis that stands there.

    >>> _close(224, 56, 4), _close(224, 768, 4)
    (True, False)
    """
    return stride == 0 or units <= -(-size // stride) + 1


def _by_stride(maps: Sequence[_Maps]) -> Iterator[tuple[list[_Maps], _Maps | None]]:
    """Runs of maps of one stride, each greater than the one before, and what follows each."""
    largest = 0
    run: list[_Maps] = []
    for one in maps:
        if one.stride > largest:
            if run:
                yield run, one
            largest, run = one.stride, [one]
        elif one.stride == largest:
            run.append(one)
    if run:
        yield run, None


def _stepped_back(trace: Trace, maps: list[_Maps], following: _Maps | None) -> list[_Maps]:
    """The maps without those that the module which reduces them next has made for itself by mixing channels: the expansion of an
    inverted bottleneck, a norm before a convolution with stride, the 1×1 convolution of a transition.
    """
    if following is None:
        return maps
    call: int | None = trace.ops[following.index].call
    while call:  # from the module that reduces outwards; call 0 is the network itself
        first = next(i for i, op in enumerate(trace.ops) if _inside(trace, op.call, call))
        before = [one for one in maps if one.index < first]
        if not before or any(_mixes(op) for op in trace.ops[before[-1].index + 1 : maps[-1].index + 1]):
            break
        maps, call = before, trace.calls[call].parent
    return maps


def _inside(trace: Trace, call: int | None, outer: int) -> bool:
    """Whether a call is another one or in it; a call's index is greater than its parent's."""
    while call is not None and call > outer:
        call = trace.calls[call].parent
    return call == outer


_ATTENTION = frozenset({"scaled_dot_product_attention", "softmax", "_softmax"})


_MOST_DEPTHWISE = 3  # before the one that reduces, that one, and its blur


def _expanded(trace: Trace, grid_by_op: Mapping[int, Grid]) -> set[int]:
    """The ops, by number, that a reducing block runs before it reduces if all its windows are depthwise: an inverted bottleneck
    that begins with such a convolution, and expands. What it makes for itself is not the last of a resolution.
    """
    made = {value.id: i for i, op in enumerate(trace.ops) for value in op.outputs}
    windows: dict[int, list[bool]] = {}  # by call, whether each is depthwise
    ops: dict[int, list[int]] = {}
    for i, op in enumerate(trace.ops):
        call: int | None = op.call
        while call:
            ops.setdefault(call, []).append(i)
            if _mixes(op):
                windows.setdefault(call, []).append(_depthwise(op))
            call = trace.calls[call].parent
    found: set[int] = set()
    for call, depthwise in windows.items():
        outputs = trace.calls[call].outputs
        after = grid_by_op.get(made.get(outputs[0].id, -1)) if len(outputs) == 1 else None
        if after and 1 < len(depthwise) <= _MOST_DEPTHWISE and all(depthwise) and trace.calls[call].type != "Sequential":
            found |= {i for i in ops[call] if i in grid_by_op and prod(grid_by_op[i].size) > prod(after.size)}
    return found


def _depthwise(op: Op) -> bool:
    weight = op.input("weight")
    return "conv" in op.kind and weight is not None and weight.shape[1] == 1 < weight.shape[0]


def _mixes(op: Op) -> bool:
    """Return whether each unit of the output reads more than one unit of the input."""
    if op.kind in _ATTENTION:
        return True
    weight = op.input("weight")
    kernel = weight.shape[2:] if weight is not None and "conv" in op.kind else op.attrs.get("kernel_size", ())
    return any(n > 1 for n in ((kernel,) if isinstance(kernel, int) else kernel))


def _weighted(op: Op) -> bool:
    """Return whether the op is a layer that multiplies by parameters."""
    return multiplies(op.kind) and any(value.source == "parameter" for value in op.inputs)
