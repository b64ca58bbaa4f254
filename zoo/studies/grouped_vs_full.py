"""Convolutions in groups compared with convolutions over all maps: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with
Deep Convolutional Neural Networks" (2012), section 3.5: conv2, conv4 and conv5 read only the maps of their own GPU.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Op, Study, Table, TargetName, ZooError, arms_table, macs, ratio_text, relation, short

if TYPE_CHECKING:
    from zoo.extend import Trace

COLUMNS = (
    Column("reads", "channels", "channels that each filter reads", hide_order=1),
    Column("params", "elements", "parameters", hide_order=0),
    Column("macs", "multiply-accumulates", "MACs", hide_order=0),
)
ALL, EVERY = "network", "all of them"
_FEW = 4


def run(on: Annotated[TargetName | None, "take the grouped convolutions of this network instead of AlexNet's"] = None) -> Table:
    """Compare the grouped convolutions of a network with the same filters over all channels, and the whole network.

    Raises `ZooError` if the network has no grouped convolution, or if its costs are not known.
    """
    from zoo.extend import measure, trace

    found = trace(on or "alexnet")
    whole = measure(found, columns=["params", "macs"], depth=0).total
    arms = [arm for name, op in _convolutions(found) for arm in _pair(name, op)]
    if not arms or not all(isinstance(whole[name], int) for name in ("params", "macs")):
        raise ZooError(f"{found.target} has no convolution in groups, or its costs are not known")
    sums = {
        kind: {name: sum(arm.cells[name] for arm in arms if arm.name == kind) for name in whole} for kind in ("grouped", "full")
    }
    arms += [Arm(kind, cells, EVERY) for kind, cells in sums.items()]
    grown = {name: whole[name] + sums["full"][name] - sums["grouped"][name] for name in whole}
    arms += [Arm("grouped", whole, ALL), Arm("full", grown, ALL)]
    return arms_table(
        f"grouped-vs-full: how much do the groups of {found.target}'s convolutions save?",
        COLUMNS,
        arms,
        ratios=("params", "macs"),
        notes=["full: every filter reads all channels; nothing else of the network changes"],
        lesson=list(_lesson(found.target, arms)),
    )


def _convolutions(found: "Trace") -> Iterator[tuple[str, Op]]:
    """The convolutions in groups, by the names of their rows, but for those that read picked maps, some of them several times."""
    from zoo.analysis.rows import group

    picked = {value.id for op in found.ops if op.kind in {"index", "index_select"} for value in op.outputs}
    for row in group(found):
        for op in row.ops:
            if op.kind in {"conv1d", "conv2d", "conv3d"} and op.attrs["groups"] > 1 and op.inputs[0].id not in picked:
                yield row.name, op


def _pair(name: str, op: Op) -> Iterator[Arm]:
    """The convolution as it is, and over all channels: as many filters, each as many times as deep as there are groups."""
    weight, groups = op.inputs[1], op.attrs["groups"]
    params = sum(param.numel for param in op.owns)  # none if an earlier layer has the same weights
    more = (groups - 1) * weight.numel if params else 0
    yield Arm("grouped", {"reads": weight.shape[1], "params": params, "macs": macs(op)}, name)
    yield Arm("full", {"reads": groups * weight.shape[1], "params": params + more, "macs": groups * macs(op)}, name)


def _lesson(target: str, arms: Sequence[Arm]) -> Iterator[str]:
    """Sentences that quote the table."""
    cells: dict[tuple[str, str], Any] = {(arm.type, arm.name): arm.cells for arm in arms}
    layers = [arm.type for arm in arms if arm.name == "full" and arm.type not in {ALL, EVERY}]
    grouped, full = cells[ALL, "grouped"], cells[ALL, "full"]
    ratios = {ratio_text(cells[layer, "full"]["macs"], cells[layer, "grouped"]["macs"]) for layer in layers}
    some = f"{', '.join(layers[:-1])} and {layers[-1]}" if 1 < len(layers) <= _FEW else f"the {len(layers)} convolutions in groups"
    times = ratio_text(cells[EVERY, "full"]["macs"], cells[EVERY, "grouped"]["macs"])
    each = "each " if len(ratios) == 1 and len(layers) > 1 else ""
    yield f"Without groups, {some if len(layers) > 1 else layers[0]} would {each}need {times} times the MACs,"
    yield f"and the whole of {target} {relation(grouped['macs'], full['macs'], 'MACs')}:"
    yield f"{short(full['macs'])} instead of {short(grouped['macs'])}."
    yield f"It would have {relation(grouped['params'], full['params'], 'parameters')}: {full['params']:,} instead of"
    yield f"{grouped['params']:,}, of which {cells[EVERY, 'grouped']['params']:,} are in these convolutions."


STUDY = Study("grouped-vs-full", "How much do convolutions in groups save?", run)
