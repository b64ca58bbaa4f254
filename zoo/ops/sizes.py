"""How the shape of an op's output follows from its inputs: a line for each axis."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from zoo.ops import window
from zoo.ops.book import rule_of
from zoo.ops.working import Line, product, total
from zoo.record.trace import Op, Value
from zoo.util.text import sizes


def lines(op: Op, output: Value) -> list[Line]:
    """A line for each axis of one output, or one line that says why there is no formula."""
    found = list(_lines(op, output))
    if len(found) == len(output.shape) and all(line.formula for line in found):
        return [replace(line, part=(axis,)) for axis, line in enumerate(found)]
    return found


def _lines(op: Op, output: Value) -> Iterator[Line]:
    rule = rule_of(op)
    windows = rule.window(op) if rule.window else None
    shape, given = output.shape, op.inputs[0].shape if op.inputs else ()
    weight = op.input("weight")
    if windows and len(shape) == len(given) == len(windows) + 2:
        yield _copied("batch", "N", shape[0])
        if weight is None:
            yield _copied("maps", "C", shape[1])
        else:
            yield Line("maps", "{C_out}", {"C_out": shape[1]}, shape[1], {"C_out": "axis 0 of the weight"})
        for axis in windows:
            yield window.size(axis, op.attrs.get("padding"))
    elif op.kind == "linear" and weight is not None:
        yield from _leading(shape[:-1])
        yield Line("features", "{out}", {"out": shape[-1]}, shape[-1], {"out": "axis 0 of the weight"})
    elif op.kind == "cat":
        yield from _joined(op, output)
    elif op.kind in _RESHAPES and op.inputs:
        yield from _reshaped(given, shape)
    elif op.kind.startswith("adaptive_"):
        yield from _adaptive(op, output)
    elif shape in {value.shape for value in op.inputs}:
        yield Line("shape", says=f"{sizes(shape) or 'scalar'}, as its input: {op.kind} does not change the shape")
    else:
        yield Line("shape", says=f"{sizes(shape) or 'scalar'}, as torch gives it: {op.kind} has no formula here")


_RESHAPES = frozenset({"flatten", "view", "reshape", "_unsafe_view", "squeeze", "unsqueeze"})


def _copied(label: str, name: str, size: int, source: str = "the input") -> Line:
    return Line(label, f"{{{name}}}", {name: size}, size, {name: source})


def _leading(shape: Sequence[int]) -> Iterator[Line]:
    for axis, size in enumerate(shape):
        name = "N" if axis == 0 else f"n{axis}"
        yield _copied("batch" if axis == 0 else f"axis {axis}", name, size)


def _joined(op: Op, output: Value) -> Iterator[Line]:
    """One axis is the sum over all inputs."""
    axes = len(output.shape)
    along = int(op.attrs.get("dim", 0)) % axes
    several = [value for value in op.inputs if len(value.shape) == axes]
    for axis, size in enumerate(output.shape):
        label = ("batch", "maps", "height", "width")[axis] if axes == 4 else f"axis {axis}"
        if axis == along:
            yield total(label, [(f"input {i}", value.shape[axis]) for i, value in enumerate(several)], size)
        else:
            yield _copied(label, f"n{axis}", size, "every input")


def _reshaped(given: Sequence[int], shape: Sequence[int]) -> Iterator[Line]:
    """Each axis of the output is a product of successive axes of the input, where it is; the sizes asked for otherwise."""
    left, lines = list(enumerate(given)), []
    for axis, size in enumerate(shape):
        factors: dict[str, int] = {}
        found = 1
        while left and found * left[0][1] <= size and (found < size or (left[0][1] == 1 and factors == {})):
            place, n = left.pop(0)
            factors[f"n{place}"] = n
            found *= n
        if found != size:
            yield Line("shape", says=f"{sizes(shape)}: the elements of {sizes(given)} in another shape, as the forward asks for it")
            return
        lines.append(product(f"axis {axis}", factors or {"1": 1}, size, sources=dict.fromkeys(factors, "the input")))
    yield from lines


def _adaptive(op: Op, output: Value) -> Iterator[Line]:
    axes, shape = len(op.attrs.get("output_size", (0,))), output.shape
    asked = range(len(shape) - axes, len(shape))
    for axis, size in enumerate(shape):
        source = "output_size, as the layer was given it" if axis in asked else "the input"
        yield _copied(f"axis {axis}", f"n{axis}", size, source)
