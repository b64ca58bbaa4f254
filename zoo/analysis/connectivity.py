"""Units and connections in LeCun's sense: LeCun et al., Proceedings of the IEEE 86(11), 1998, section II.

A layer is what has weights of its own: a convolution, a linear layer, subsampling with coefficients, a layer of fixed codes. Its
units are its outputs. A connection is a link from an input, or from a bias, to a unit, whether or not its weight is shared.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from zoo.analysis.rows import Group
from zoo.analysis.working import Place, added_up
from zoo.ops.arithmetic import macs, macs_working
from zoo.ops.book import multiplies, rule_of
from zoo.ops.count import Count
from zoo.ops.working import Line, product, shape_factors, sum_of_products
from zoo.record.trace import Op, Trace, each_axis, spatial_axes
from zoo.tables.table import Column

_OWN = frozenset({"parameter", "buffer"})


@dataclass(frozen=True)
class Connectivity:
    """A pass that counts each op in the light of the others in its layer; `count` tells which of the two numbers, `line` how."""

    column: Column
    count: Callable[[Op, "Layer"], int | Count]
    line: Callable[[Op, int], Line]

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Return the sum of each group, and of all ops."""
        layers = _layers(trace)

        def counted(ops: Iterable[Op]) -> Any:
            return sum((self.count(op, layers[op.call]) for op in filter(_gives, ops)), Count())

        counts = [counted(group.ops) for group in groups]
        return [count.cell() for count in counts], sum(counts, Count()).cell()

    def working(self, place: Place, cell: Any) -> Iterator[Line]:
        """A line for each op that counts, or the sum of the rows in a module."""
        layers = _layers(place.trace)

        def count(op: Op) -> int:
            found = self.count(op, layers[op.call]) if _gives(op) else 0
            return found if isinstance(found, int) else found.known

        return added_up(place, count, lambda op: [self.line(op, count(op))], cell)


def _layers(trace: Trace) -> "dict[int, Layer]":
    """The ops of each module call."""
    found: dict[int, Layer] = {}
    weights = _weights(trace)
    for op in filter(_gives, trace.ops):
        found.setdefault(op.call, Layer([], weights)).ops.append(op)
    return found


def _gives(op: Op) -> bool:
    """Whether it returns a tensor: an op of unread parameters returns none."""
    return bool(op.outputs)


def _weights(trace: Trace) -> frozenset[int]:
    """The ids of values that are parameters or buffers, or made of these alone, as by a transposition."""
    found: set[int] = set()
    for op in trace.ops:
        own = [value.source in _OWN or value.id in found for value in op.inputs]
        found |= {value.id for value, mine in zip(op.inputs, own, strict=True) if mine}
        if own and all(own):
            found |= {value.id for value in op.outputs}
    return frozenset(found)


@dataclass(frozen=True)
class Layer:
    """The ops of one module call."""

    ops: list[Op]
    weights: frozenset[int]

    def weighs(self, op: Op) -> bool:
        """Whether the op multiplies by weights."""
        return multiplies(op.kind) and any(value.id in self.weights for value in op.inputs)

    @cached_property
    def weighted(self) -> bool:
        """Whether it is a convolution or linear layer, whose units these ops give."""
        return any(map(self.weighs, self.ops))

    @cached_property
    def unweighted_units(self) -> bool:
        """Whether it subsamples with its own coefficients, or compares with its own codes."""
        subsamples = any("pool" in op.kind for op in self.ops) and any(map(_reads_own, self.ops))
        return not self.weighted and (subsamples or any(op.kind == "sub" and _reads_own(op) for op in self.ops))


def units(op: Op, layer: Layer) -> int | Count:
    """Outputs of an op that multiplies by weights, of each of its layers; of another layer with weights, those of its last op."""
    if layer.weighs(op):
        return op.output.numel * int(op.attrs.get("num_layers", 1))
    if _unknown(op, layer):
        return Count(0, {op.kind: 1})
    return op.output.numel if layer.unweighted_units and op is layer.ops[-1] else 0


def connections(op: Op, layer: Layer) -> int | Count:
    """Links into the units that the op gives, or adds to."""
    if layer.weighs(op):
        return macs(op) + _biases(op)
    if _unknown(op, layer):
        return Count(0, {op.kind: 1})
    if layer.weighted or layer.unweighted_units:
        if op.kind in {"add", "sub"} and _reads_own(op):
            return op.output.numel
        if "pool" in op.kind:
            return _pooled(op)
    return 0


def _unknown(op: Op, layer: Layer) -> bool:
    """Whether it reads weights, and nobody knows whether it multiplies by them."""
    return rule_of(op).macs is None and any(value.id in layer.weights for value in op.inputs)


def _biases(op: Op) -> int:
    """A link for each unit that a bias is added to; in a recurrent layer for each gate of it, at each step."""
    if "num_layers" in op.attrs or op.kind.endswith("_cell"):
        steps = op.inputs[0].numel // op.inputs[0].shape[-1]
        vectors = [value for value, role in zip(op.inputs, op.roles, strict=True) if role in {"params", "b_ih", "b_hh"}]
        return steps * sum(value.numel for value in vectors if len(value.shape) == 1)
    biased = op.input("bias") is not None or op.kind in {"addmm", "baddbmm", "addmv", "addbmm"}
    return op.output.numel if biased else 0


def _pooled(op: Op) -> int:
    """The places of all windows of a pooling; adaptive ones from floor(j·n/m) to ceil((j+1)·n/m), for n units and m windows."""
    axes = spatial_axes(op.kind)
    if "kernel_size" in op.attrs:
        return op.output.numel * prod(each_axis(op.attrs["kernel_size"], axes))
    sizes = zip(op.inputs[0].shape[-axes:], op.output.shape[-axes:], strict=True)
    return prod(op.output.shape[:-axes]) * prod(sum(-(-(j + 1) * n // m) - j * n // m for j in range(m)) for n, m in sizes)


def units_line(op: Op, count: int) -> Line:
    """The elements of the output, of each layer of a recurrent one."""
    several = int(op.attrs.get("num_layers", 1))
    factors = {**shape_factors(op.output), **({"layers": several} if several > 1 else {})}
    return product(op.kind, factors, count, says="each output is a unit")


def connections_line(op: Op, count: int) -> Line:
    """Products with weights, and a link from the bias to each unit; or the windows of a pooling."""
    if multiplies(op.kind):
        bias = [{"units": _biases(op)}] if _biases(op) else []
        says = "a link for each product with a weight" + (", and one from a bias to each unit" if bias else "")
        return sum_of_products(op.kind, [*(macs_working(op) or ()), *bias], count, says=says)
    if "pool" in op.kind and "kernel_size" in op.attrs:
        window = prod(each_axis(op.attrs["kernel_size"], spatial_axes(op.kind)))
        return product(op.kind, {"units": op.output.numel, "window": window}, count)
    if "pool" in op.kind:
        return product(op.kind, {"places of all windows": count}, count)
    return product(op.kind, {"units": op.output.numel}, count, says="a link from a weight of its own to each unit")


def _reads_own(op: Op) -> bool:
    return any(value.source in _OWN for value in op.inputs) and "norm" not in op.kind
