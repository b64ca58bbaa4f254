"""A trace on inputs of other sizes, from the shape facts of its ops alone: nothing is run, and torch is not needed.

This is the trace that a new forward would record only if the forward does the same at every size: whoever uses it has to know that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from zoo.ops.book import RULES
from zoo.ops.rule import Shape
from zoo.record.trace import UNUSED, Op, Trace, Value


def resized(trace: Trace, shapes: Sequence[Shape]) -> Trace | None:
    """The trace on inputs of these shapes; None if an op refuses them, or has no shape fact.

    Example:
        >>> [resized(zoo.trace("lenet5"), [(8, 1, 32, 32)]).outputs[0].shape]
        [(8, 10)]
    """
    if [tuple(shape) for shape in shapes] == [value.shape for value in trace.inputs]:
        return trace
    if [len(shape) for shape in shapes] != [len(value.shape) for value in trace.inputs] or max(map(prod, shapes)) > _MOST:
        return None
    now = {value.id: value._replace(shape=tuple(shape)) for value, shape in zip(trace.inputs, shapes, strict=True)}
    ops = []
    for op in trace.ops:
        found = _on(op, now)
        if found is None:
            return None
        ops.append(found)
        now |= {value.id: value for value in found.outputs}
    calls = tuple(call._replace(outputs=_all(call.outputs, now)) for call in trace.calls)
    inputs, outputs = _all(trace.inputs, now), _all(trace.outputs, now)
    return replace(trace, inputs=inputs, outputs=outputs, calls=calls, ops=tuple(ops))


_MOST = 2**40
"""Elements of an input, beyond which torch may refuse some op for its size."""


def _all(values: Sequence[Value], now: Mapping[int, Value]) -> tuple[Value, ...]:
    return tuple(now.get(value.id, value) for value in values)


def _on(op: Op, now: Mapping[int, Value]) -> Op | None:
    """The op on what now reaches it; None if that cannot be told."""
    inputs = _all(op.inputs, now)
    if op.kind == UNUSED or inputs == op.inputs:
        return op
    shape_of = RULES[op.kind, op.traits].shape
    attrs = _asked_of(op, inputs[0].shape)
    if shape_of is None or attrs is None:
        return None
    found = op._replace(inputs=inputs, attrs=attrs)
    shapes = shape_of(found._replace(outputs=()))
    if shapes is None:
        return None
    several = [shapes] if isinstance(shapes, tuple) else list(shapes)
    if len(several) != len(op.outputs):
        return None
    return found._replace(outputs=tuple(value._replace(shape=shape) for value, shape in zip(op.outputs, several, strict=True)))


def _asked_of(op: Op, source: Shape) -> Mapping[str, Any] | None:
    """The arguments of an op whose input now has the shape `source`: a view asks for other sizes then."""
    if op.kind != "view":
        return op.attrs
    size = _size(op.inputs[0].shape, tuple(op.attrs["size"]), op.output.shape, source)
    return None if size is None else {**op.attrs, "size": size}


def _size(before: Shape, asked: Shape, target: Shape, source: Shape) -> Shape | None:
    """What a view asks for on `source`, if it asked for `target` by the sizes `asked` on `before`.

    Dimensions of both shapes are matched from the front, one or more of one side with as many elements of the other. A dimension
    that is alone on its side, beside any of size 1, takes what its partners now hold; others have to stay as they are.

    >>> _size((1, 96, 55, 55), (1, 1, 96, 55, -1), (1, 1, 96, 55, 55), (2, 96, 31, 40))
    (2, 1, 96, 31, -1)
    """
    found: list[int] = []
    for ours, theirs in _matched(before, target):
        sizes = list(target[theirs])
        now = 1
        for size in source[ours]:
            now *= size
        growing = [i for i, size in enumerate(sizes) if size != 1] or [0]
        if source[ours] != before[ours]:
            if len(growing) != 1:
                return None
            sizes[growing[0]] = now
        found += sizes
    return tuple(-1 if said == -1 else size for said, size in zip(asked, found, strict=True))


def _matched(before: Shape, target: Shape) -> list[tuple[slice, slice]]:
    """Stretches of both shapes, from the front, with as many elements."""
    found = []
    i = j = 0
    while i < len(before) and j < len(target):
        a, b, left, right = before[i], target[j], i + 1, j + 1
        while a != b:
            if a < b:
                a, left = a * before[left], left + 1
            else:
                b, right = b * target[right], right + 1
        found.append((slice(i, left), slice(j, right)))
        i, j = left, right
    if found:  # what follows has size 1
        found[-1] = slice(found[-1][0].start, len(before)), slice(found[-1][1].start, len(target))
    return found
