"""The poolings of a network that halve its maps, and what strided convolutions would cost instead."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

from zoo.extend import NORMS, POOLINGS, Arm, Op, Trace, ZooError, kernel, macs, measure, relation, short, stride

ALL = "network"
WHAT = {
    "pooling": "the pooling, and the convolution before it where one is",
    "convolution": "a convolution of the same window, stride and channels instead of the pooling, with biases",
    "stride": "no pooling: the convolution before it has its stride, and gives maps of the same size",
}


def of_network(found: Trace) -> tuple[list[Arm], list[str]]:
    """Rows for each pooling of a network and for the network; and the lesson.

    Raises `ZooError` if the network has no pooling with a stride, or if its costs are not known.
    """
    whole = measure(found, columns=["params", "macs"], depth=0).total
    arms = [arm for name, op, before in _poolings(found) for arm in _arms(name, op, before)]
    if not arms or not all(isinstance(count, int) for count in whole.values()):
        raise ZooError(f"{found.target} has no pooling of maps with a stride, or its costs are not known")
    poolings = {arm.type: arm.cells for arm in arms if arm.name == "pooling"}
    arms.append(Arm("pooling", whole, ALL))
    for kind in ("convolution", "stride"):
        changed = [arm for arm in arms if arm.name == kind]
        if changed:
            more = {name: sum(arm.cells[name] - poolings[arm.type][name] for arm in changed) for name in whole}
            arms.append(Arm(kind, {name: whole[name] + more[name] for name in whole}, ALL))
    return arms, list(_lesson(found.target, arms))


def _poolings(found: Trace) -> Iterator[tuple[str, Op, Op | None]]:
    """Poolings that leave maps of more than one unit, by the names of their rows, and the convolution whose maps they pool."""
    from zoo.analysis.rows import group

    makes = {value.id: op for op in found.ops for value in op.outputs}
    for row in group(found):
        for op in row.ops:
            if op.kind in POOLINGS and max(stride(op)) > 1 and max(op.output.shape[2:]) > 1:
                yield row.name, op, _before(op, makes)


def _before(op: Op, makes: Mapping[int, Op]) -> Op | None:
    """The convolution before it, with nothing between that mixes positions or changes the shape."""
    before = makes.get(op.inputs[0].id)
    while before and (before.kind in NORMS or "pointwise" in before.traits) and len(_made(before)) == 1:
        before = makes.get(before.inputs[0].id)
    return before if before and before.kind in {"conv1d", "conv2d", "conv3d"} else None


def _made(op: Op) -> list[Any]:
    """The tensors that it reads and that other ops made."""
    return [value for value in op.inputs if value.source == "op"]


def _arms(name: str, op: Op, before: Op | None) -> Iterator[Arm]:
    maps, window = op.output.shape[1], prod(kernel(op))
    own = {"params": sum(param.numel for param in before.owns), "macs": macs(before)} if before else {"params": 0, "macs": 0}
    yield Arm("pooling", own, name)
    weights = maps * maps * window
    more = {"params": weights + maps, "macs": weights * op.output.shape[0] * prod(op.output.shape[2:])}
    yield Arm("convolution", {key: own[key] + more[key] for key in own}, name)
    if before:
        units = prod(before.output.shape[:2]) * prod(op.output.shape[2:])
        yield Arm("stride", {**own, "macs": units * prod(before.inputs[1].shape[1:])}, name)


def _lesson(target: str, arms: Sequence[Arm]) -> Iterator[str]:
    """Sentences that quote the table."""
    whole = {arm.name: arm.cells for arm in arms if arm.type == ALL}
    several, few = (sum(arm.name == kind and arm.type != ALL for arm in arms) for kind in ("pooling", "stride"))
    base, conv = whole["pooling"], whole["convolution"]
    poolings = f"each of its {several} poolings" if several > 1 else "its pooling"
    yield f"With a convolution instead of {poolings}, {target} has {relation(base['params'], conv['params'], 'parameters')}"
    yield f"({conv['params']:,} against {base['params']:,}) and {relation(base['macs'], conv['macs'], 'MACs')}"
    yield f"({conv['macs']:,} against {base['macs']:,})."
    if few:
        which = f", for {few} of them," if few < several else ","
        yield f"With the stride in the convolution before a pooling instead{which} it has {short(whole['stride']['macs'])} MACs,"
        yield "and later units see less."
    else:
        yield "No convolution directly before a pooling could take its stride."
