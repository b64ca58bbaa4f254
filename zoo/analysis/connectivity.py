"""Units and connections in LeCun's sense: LeCun et al., Proceedings of the IEEE 86(11), 1998, section II.

A layer is what has weights of its own: a convolution, a linear layer, subsampling with coefficients, a layer of fixed codes. Its
units are its outputs. A connection is a link from an input, or from a bias, to a unit, whether or not its weight is shared.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from zoo.analysis.rows import Group
from zoo.analysis.working import Place, added_up
from zoo.ops.arithmetic import known_macs, macs_working
from zoo.ops.book import multiplies
from zoo.ops.working import Line, product, shape_factors, sum_of_products
from zoo.tables.table import Column
from zoo.tracing.record import Op, Trace, each_axis

_OWN = frozenset({"parameter", "buffer"})


@dataclass(frozen=True)
class Connectivity:
    """A pass that counts each op in the light of the others in its layer; `count` tells which of the two numbers, `line` how."""

    column: Column
    count: Callable[[Op, "Layer"], int]
    line: Callable[[Op, int], Line]

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return the sum of each group, and of all ops."""
        layers = _layers(trace)
        cells = [sum(self.count(op, layers[op.call]) for op in group.ops) for group in groups]
        return cells, sum(cells)

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """A line for each op that counts, or the sum of the rows in a module."""
        layers = _layers(place.trace)

        def count(op: Op) -> int:
            return self.count(op, layers[op.call])

        return added_up(place, count, lambda op: [self.line(op, count(op))], cell)


def _layers(trace: Trace) -> "dict[int, Layer]":
    """The ops of each module call."""
    found: dict[int, Layer] = {}
    for op in trace.ops:
        found.setdefault(op.call, Layer([])).ops.append(op)
    return found


@dataclass(frozen=True)
class Layer:
    """The ops of one module call."""

    ops: list[Op]

    @cached_property
    def weighted(self) -> bool:
        """Whether it is a convolution or linear layer, whose units these ops give."""
        return any(_weighs(op) for op in self.ops)

    @cached_property
    def unweighted_units(self) -> bool:
        """Whether it subsamples with its own coefficients, or compares with its own codes."""
        subsamples = any("pool" in op.kind for op in self.ops) and any(map(_reads_own, self.ops))
        return not self.weighted and (subsamples or any(op.kind == "sub" and _reads_own(op) for op in self.ops))


def units(op: Op, layer: Layer) -> int:
    """Outputs of a convolution or linear op; of another layer with weights, the outputs of its last op."""
    if _weighs(op):
        return op.output.numel
    return op.output.numel if layer.unweighted_units and op is layer.ops[-1] else 0


def connections(op: Op, layer: Layer) -> int:
    """Return the links into the units that the op computes or adds to."""
    if _weighs(op):
        return known_macs(op) + (op.output.numel if op.input("bias") is not None else 0)
    if layer.weighted or layer.unweighted_units:
        if op.kind in {"add", "sub"} and _reads_own(op):
            return op.output.numel
        if "pool" in op.kind:
            return op.output.numel * prod(each_axis(op.attrs["kernel_size"], 2))
    return 0


def units_line(op: Op, count: int) -> Line:
    """The elements of the output."""
    return product(op.kind, shape_factors(op.output), count, says="each output is a unit")


def connections_line(op: Op, count: int) -> Line:
    """Products with weights, and a link from the bias to each unit; or the windows of a pooling."""
    if _weighs(op):
        bias = [{"units": op.output.numel}] if op.input("bias") is not None else []
        says = "a link for each product with a weight" + (", and one from a bias to each unit" if bias else "")
        return sum_of_products(op.kind, [*(macs_working(op) or ()), *bias], count, says=says)
    if "pool" in op.kind:
        window = prod(each_axis(op.attrs["kernel_size"], 2))
        return product(op.kind, {"units": op.output.numel, "window": window}, count)
    return product(op.kind, {"units": op.output.numel}, count, says="a link from a weight of its own to each unit")


def _weighs(op: Op) -> bool:
    return multiplies(op.kind) and op.input("weight") is not None


def _reads_own(op: Op) -> bool:
    return any(value.source in _OWN for value in op.inputs) and "norm" not in op.kind
