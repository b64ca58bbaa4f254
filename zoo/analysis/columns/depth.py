"""Depth: layers with weights on the longest path, the number in the networks' names."""

from collections.abc import Sequence
from typing import Any

from zoo.extend import Column, Count, Flow, Op, Value
from zoo.ops.book import rule_of
from zoo.ops.rule import fact

Depth = int | Count


def start(value: Value) -> Depth:
    """No layer yet."""
    return 0


def rule(op: Op, depths: tuple[Depth | None, ...]) -> Depth | None:
    """The deepest input, and one more for a convolution, a linear layer or a product with weights."""
    deepest = _deepest(depths)
    return None if deepest is None else deepest + layers(op, depths)


def layers(op: Op, depths: tuple[Depth | None, ...]) -> Depth:
    """How many layers with weights the op is. Weights are what does not depend on the network's input."""
    known = fact(rule_of(op), "layers")
    if known is None:
        return Count(0, {op.kind: 1})
    return known if isinstance(known, int) else known(op, [depth is not None for depth in depths])


def _deepest(depths: Sequence[Depth | None]) -> Depth | None:
    """The largest; a lower bound with all that is unknown on any way, since that way might be the longest."""
    known = [depth for depth in depths if depth is not None]
    partly = [depth for depth in known if isinstance(depth, Count)]
    if not partly:
        return max(known, default=None)  # type: ignore[type-var]
    unknown = {kind: max(one.unknown.get(kind, 0) for one in partly) for one in partly for kind in one.unknown}
    return Count(max(depth.known if isinstance(depth, Count) else depth for depth in known), unknown)


def cell(depths: Sequence[Depth | None]) -> Any:
    """The deepest of what leaves."""
    deepest = _deepest(depths)
    return deepest.cell() if isinstance(deepest, Count) else deepest


COLUMN = Flow(Column("depth", "layers", "layers with weights on the longest path", order=60, priority=3), start, rule, cell)
