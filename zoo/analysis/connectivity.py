"""Units and connections in LeCun's sense: LeCun et al., Proceedings of the IEEE 86(11), 1998, section II.

A layer is what has weights of its own: a convolution, a linear layer, subsampling with coefficients, a layer of fixed codes. Its
units are its outputs. A connection is a link from an input, or from a bias, to a unit, whether or not its weight is shared.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from zoo.analysis.rows import Group
from zoo.ops.arithmetic import macs
from zoo.ops.book import multiplies, rule_of
from zoo.ops.count import Count
from zoo.tables.table import Column
from zoo.tracing.record import Op, Trace, each_axis, spatial_axes

_OWN = frozenset({"parameter", "buffer"})


@dataclass(frozen=True)
class Connectivity:
    """A pass that counts each op in the light of the others in its layer; `count` tells which of the two numbers."""

    column: Column
    count: Callable[[Op, "Layer"], int | Count]

    def measure(self, trace: Trace, groups: Sequence[Group]) -> tuple[list[Any], Any]:
        """Sums over each group, and over all."""
        layers: dict[int, Layer] = {}
        weights = _weights(trace)
        for op in filter(_gives, trace.ops):
            layers.setdefault(op.call, Layer([], weights)).ops.append(op)

        def counted(ops: Iterable[Op]) -> Any:
            return sum((self.count(op, layers[op.call]) for op in filter(_gives, ops)), Count())

        counts = [counted(group.ops) for group in groups]
        return [count.cell() for count in counts], sum(counts, Count()).cell()


def _gives(op: Op) -> bool:
    """Whether it returns a tensor: parameters that were not read stand in an op that does not."""
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
        """Whether it subsamples with coefficients of its own, or compares with codes of its own."""
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


def _reads_own(op: Op) -> bool:
    return any(value.source in _OWN for value in op.inputs) and "norm" not in op.kind
