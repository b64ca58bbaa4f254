"""Depth: layers with weights on the longest path, the number in the networks' names."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.extend import Column, Count, Flow, Line, Op, Place, Value, carry
from zoo.ops.book import RULES
from zoo.ops.working import total

Depth = int | Count


def start(value: Value) -> Depth:
    """Return 0 layers, for an input."""
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
    """Return the largest depth of the outputs."""
    known = [depth for depth in depths if depth is not None]
    deepest = _deepest(known) if known else None
    return deepest.cell() if isinstance(deepest, Count) else deepest


def lines(place: Place, cell: Any) -> Iterator[Line]:
    """The layers with weights on the longest path from the input to what leaves, added up."""
    depths = _depths(place)
    values = [value for value in place.group.outputs if depths.get(value.id) is not None]
    if not values:
        yield Line("depth", says="it does not depend on the network's input")
        return
    value = max(values, key=lambda one: _known(depths[one.id]))
    path = _path(place, depths, value)
    if not path:
        yield Line("depth", says="0: no layer with weights on the way", part=())
        return
    known = cell["at_least"] if isinstance(cell, dict) else cell
    kept = place.wiring.links
    if (id(path), known) not in kept:  # the layers after this one, up to the next with weights, have the same path
        says = "" if known == cell else "a lower bound: some ops are unknown"
        kept[id(path), known] = total("path", path, known, part=(), says=says)
    yield kept[id(path), known]


def _path(place: Place, depths: Mapping[int, Depth | None], value: Value) -> list[tuple[str, int]]:
    """The layers with weights on the longest path to a value, and how many each of them is."""
    known = place.wiring.links
    ahead: list[tuple[Value, Op]] = []
    while ("path", value.id) not in known:
        op = place.wiring.maker.get(value.id)
        inputs = [one for one in op.inputs if depths.get(one.id) is not None] if op is not None else []
        if op is None:
            known["path", value.id] = []
        else:
            ahead.append((value, op))
            if not inputs:
                break
            value = max(inputs, key=lambda one: _known(depths[one.id]))
    path: list[tuple[str, int]] = known.get(("path", value.id), [])
    for after, op in reversed(ahead):
        count = _known(layers(op, tuple(depths.get(one.id) for one in op.inputs)))
        path = known["path", after.id] = [*path, (place.wiring.row_of(op), count)] if count else path
    return path


def _depths(place: Place) -> Mapping[int, Depth | None]:
    """The depth of each value, by its id; carried once for all places of a trace."""
    known = place.wiring.links
    if ("depths",) not in known:
        known["depths",] = carry(place.trace, start, rule)
    found: Mapping[int, Depth | None] = known["depths",]
    return found


def _known(depth: Depth | None) -> int:
    return depth.known if isinstance(depth, Count) else depth or 0


COLUMN = Flow(
    Column("depth", "layers", "layers with weights on the longest path", order=60, hide_order=3), start, rule, cell, lines
)
