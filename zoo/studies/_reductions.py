"""The 1×1 convolutions of a network that reduce the input of a larger one, and what the larger one would cost without them."""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

from zoo.extend import Arm, Op, Trace, ZooError, kernel, macs, measure, relation, short

EVERY, ALL = "all of them", "network"
WHAT = (
    "reduced: a 1×1 convolution, what follows it on maps of the same shape, and the larger convolution that alone reads it; "
    "direct: the larger one with as many filters on the channels that the 1×1 convolution reads"
)


class Pair(NamedTuple):
    """A reduction, what lies between, and the convolution with a larger kernel, in this order."""

    name: str
    ops: tuple[Op, ...]


def reductions(found: Trace) -> Iterator[Pair]:
    """Each larger convolution whose input alone a 1×1 convolution with fewer outputs than inputs makes."""
    from zoo.analysis.rows import group

    makes = {value.id: op for op in found.ops for value in op.outputs}
    reads: dict[int, int] = {}
    for op in found.ops:
        for value in op.inputs:
            reads[value.id] = reads.get(value.id, 0) + 1
    for row in group(found):
        for op in row.ops:
            chain = tuple(_back(op, makes, reads)) if _is_full(op) and max(op.inputs[1].shape[2:]) > 1 else ()
            if len(chain) > 1:
                yield Pair(row.name, chain[::-1])


def _back(op: Op, makes: Mapping[int, Op], reads: Mapping[int, int]) -> Iterator[Op]:
    """The convolution and, if a reduction lies before it, what is between and the reduction; else nothing."""
    chain = [op]
    while (before := makes.get(chain[-1].inputs[0].id)) and reads[before.output.id] == 1:
        chain.append(before)
        if _is_full(before):
            weight = before.inputs[1].shape
            yield from chain if max(weight[2:]) == 1 and weight[0] < weight[1] else ()
            return
        if not before.inputs or before.inputs[0].shape != before.output.shape or _maps(before) > 1:
            return


def _is_full(op: Op) -> bool:
    return op.kind == "conv2d" and op.attrs["groups"] == 1


def _maps(op: Op) -> int:
    """How many of the tensors that it reads other ops made."""
    return sum(value.source == "op" for value in op.inputs)


def of_network(found: Trace) -> tuple[list[Arm], list[str]]:
    """Rows for each reduction of a network, for all of them and for the network; and the lesson.

    Raises `ZooError` if the network has no reduction, or if its costs are not known.
    """
    whole = measure(found, columns=["params", "macs"], depth=0).total
    arms = [arm for pair in reductions(found) for arm in _arms(pair)]
    if not arms or not all(isinstance(count, int) for count in whole.values()):
        raise ZooError(f"{found.target} has no 1×1 convolution that reduces the input of a larger one, or its costs are not known")
    sums = {
        kind: {name: sum(arm.cells[name] for arm in arms if arm.name == kind) for name in whole} for kind in ("reduced", "direct")
    }
    grown = {name: whole[name] + sums["direct"][name] - sums["reduced"][name] for name in whole}
    several = len(arms) // 2
    arms += [Arm(kind, cells, EVERY) for kind, cells in sums.items()]
    arms += [Arm("reduced", whole, ALL), Arm("direct", grown, ALL)]
    return arms, list(_lesson(found.target, several, sums, whole, grown))


def _arms(pair: Pair) -> Iterator[Arm]:
    reduction, *_, large = pair.ops
    narrow, channels = reduction.inputs[1].shape[:2]
    cells = {"in": channels, "out": large.output.shape[1], "maps": list(large.output.shape[2:])}
    params = sum(param.numel for op in pair.ops for param in op.owns if param.kind == "parameter")
    yield Arm("reduced", {**cells, "params": params, "macs": sum(map(macs, pair.ops))}, pair.name)
    own = sum(param.numel for param in large.owns)
    wider = large.inputs[1].numel * (channels - narrow) // narrow if own else 0
    yield Arm("direct", {**cells, "params": own + wider, "macs": large.output.numel * channels * prod(kernel(large))}, pair.name)


def _lesson(
    target: str, several: int, sums: Mapping[str, Any], whole: Mapping[str, int], grown: Mapping[str, int]
) -> Iterator[str]:
    """Sentences that quote the table."""
    names = (("params", "parameters"), ("macs", "MACs"))
    layers, network = (
        " and ".join(relation(few[name], many[name], words) for name, words in names)
        for few, many in ((sums["reduced"], sums["direct"]), (whole, grown))
    )
    yield f"Without its {several} reduction{'s' if several > 1 else ''} these layers of {target} would have {layers},"
    yield f"and the network {network}: {short(grown['params'])} parameters instead of {short(whole['params'])},"
    yield f"{short(grown['macs'])} MACs instead of {short(whole['macs'])}."
