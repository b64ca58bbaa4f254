"""Depth: layers with weights on the longest path, the number in the networks' names."""

from collections.abc import Sequence
from typing import Any

from zoo.extend import Column, Count, Flow, Op, Value
from zoo.ops.book import RULES

Depth = int | Count


def start(value: Value) -> Depth:
    """No layer yet."""
    return 0


def rule(op: Op, depths: tuple[Depth | None, ...]) -> Depth | None:
    """The deepest input, and one more for a convolution, a linear layer or a product with weights."""
    known = [depth for depth in depths if depth is not None]
    return _deepest(known) + layers(op, depths) if known else None


def layers(op: Op, depths: tuple[Depth | None, ...]) -> Depth:
    """How many layers with weights the op is. Weights are what does not depend on the network's input."""
    known = RULES[op.kind, op.traits].layers
    if isinstance(known, int):
        return known
    return Count(0, {op.kind: 1}) if known is None else known(op, [depth is not None for depth in depths])


def _deepest(depths: Sequence[Depth]) -> Depth:
    """The largest; a lower bound with all that is unknown on any way, since that way might be the longest."""
    if len(depths) == 1:
        return depths[0]
    partly = [depth for depth in depths if isinstance(depth, Count)]
    deepest = max([depth.known if isinstance(depth, Count) else depth for depth in depths])
    if not partly:
        return deepest
    kinds = {kind for one in partly for kind in one.unknown}
    return Count(deepest, {kind: max(one.unknown.get(kind, 0) for one in partly) for kind in sorted(kinds)})


def cell(depths: Sequence[Depth | None]) -> Any:
    """The deepest of what leaves."""
    known = [depth for depth in depths if depth is not None]
    deepest = _deepest(known) if known else None
    return deepest.cell() if isinstance(deepest, Count) else deepest


COLUMN = Flow(Column("depth", "layers", "layers with weights on the longest path", order=60, hide_order=3), start, rule, cell)
