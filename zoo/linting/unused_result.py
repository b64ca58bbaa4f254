"""An op whose result nobody uses."""

from collections.abc import Iterator

from zoo.extend import Hit, Network, Op, Rule
from zoo.ops.book import computes_nothing


def check(network: Network) -> Iterator[Hit]:
    """A hit for each row of dead ops, at the first of them, with what all of them cost."""
    if not network.trace.outputs:
        return
    alive = _alive(network)
    dead = [op for op in network.ops if id(op) not in alive and not computes_nothing(op.kind) and _depends_on_input(network, op)]
    for ops in _connected(dead):
        if all(_is_bookkeeping(network, op) for op in ops):
            continue
        macs, params = sum(map(network.macs, ops)), sum(param.numel for op in ops for param in op.owns if param.kind == "parameter")
        kinds = ", ".join(dict.fromkeys(op.kind for op in ops))
        what = f"nothing uses the result of {len(ops)} {'op' if len(ops) == 1 else 'ops'} ({kinds})"
        saves = {key: number for key, number in (("params", params), ("macs", macs)) if number}
        yield Hit(ops[0], what, {"ops": len(ops), "elements": sum(op.output.numel for op in ops)}, saves)


def _alive(network: Network) -> set[int]:
    """The ids of the ops that the network's outputs depend on."""
    wanted = set(network.results)
    alive: set[int] = set()
    for op in reversed(network.ops):
        if any(value.id in wanted for value in op.outputs):
            alive.add(id(op))
            wanted.update(value.id for value in op.inputs)
    return alive


def _is_bookkeeping(network: Network, op: Op) -> bool:
    """Whether an op is a view, or arithmetic that a container does itself, such as on coordinates for a level that never comes."""
    return not op.traits.isdisjoint({"pointwise", "view", "alias"}) and not network.trace.calls[op.call].leaf


def _depends_on_input(network: Network, op: Op) -> bool:
    return any(value.id in network.from_input for value in op.inputs)


def _connected(ops: list[Op]) -> Iterator[list[Op]]:
    """Ops that read one another's results, together."""
    groups: list[list[Op]] = []
    by_value: dict[int, list[Op]] = {}
    for op in ops:
        mine = next((by_value[value.id] for value in op.inputs if value.id in by_value), None)
        if mine is None:
            mine = []
            groups.append(mine)
        mine.append(op)
        by_value.update((value.id, mine) for value in op.outputs)
    yield from groups


RULE = Rule(
    name="unused-result",
    finds="an op whose result nothing uses",
    why="The network computes the result in each forward pass and discards it. That costs time and memory, and often a "
    "connection was forgotten.",
    source="Aho et al., Compilers, 2nd edition, section 9.1.6: dead code",
    remedy="Connect the result, or remove the layer.",
    check=check,
)
