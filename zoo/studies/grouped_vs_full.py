"""Convolutions in two groups compared with convolutions over all maps: Krizhevsky, Sutskever and Hinton, "ImageNet Classification
with Deep Convolutional Neural Networks" (2012), section 3.5: conv2, conv4 and conv5 read only the maps of their own GPU.
"""

from collections.abc import Mapping
from typing import Any

from zoo.extend import Arm, Column, Study, Table, arms_table, ratio_text, short

NETWORKS = {"grouped": "alexnet", "full": "alexnet_ungrouped"}
COLUMNS = (
    Column("reads", "channels", "channels that each filter reads", hide_order=1),
    Column("params", "elements", "parameters", hide_order=0),
    Column("macs", "multiply-accumulates", "MACs", hide_order=0),
    Column("rf", "pixels", "receptive field", hide_order=4),
)
ALL = "network"


def run() -> Table:
    """Compare the grouped layers of AlexNet, and the whole network."""
    layers = {arm: _layers(name) for arm, name in NETWORKS.items()}
    changed = [name for name, cells in layers["grouped"].items() if cells != layers["full"][name]]
    arms = [Arm(arm, layers[arm][name], name) for name in changed for arm in NETWORKS]
    cells = {(arm.type, arm.name): arm.cells for arm in arms}
    return arms_table(
        "grouped-vs-full: how much do AlexNet's two groups save?",
        COLUMNS,
        arms,
        ratios=("params", "macs"),
        notes=[f"{arm}: {name}" for arm, name in NETWORKS.items()],
        lesson=_lesson(cells, [name for name in changed if name != ALL]),
    )


def _layers(name: str) -> dict[str, dict[str, Any]]:
    """Return the cells of each layer by name, and of the network."""
    from zoo.extend import measure, trace

    found = trace(name)
    table = measure(found, columns=["params", "macs", "rf"])
    reads = {found.calls[op.call].path: weight.shape[1] for op in found.ops if (weight := op.input("weight"))}
    return {row.name: {**row.cells, "reads": reads.get(row.name)} for row in table.rows} | {ALL: dict(table.total)}


def _lesson(cells: Mapping[tuple[str, str], Mapping[str, Any]], layers: list[str]) -> list[str]:
    """Sentences that quote the table."""
    grouped, full = cells[ALL, "grouped"], cells[ALL, "full"]
    params, macs = (ratio_text(full[unit], grouped[unit]) for unit in ("params", "macs"))
    each = ratio_text(cells[layers[0], "full"]["macs"], cells[layers[0], "grouped"]["macs"])
    return [
        f"Without groups, {', '.join(layers[:-1])} and {layers[-1]} would each need {each} times the MACs, and the network {macs}",
        f"times: {short(full['macs'])} instead of {short(grouped['macs'])}. Its parameters would grow by a factor of only",
        f"{params}, from {grouped['params']:,} to {full['params']:,}, since most are in the fully connected layers.",
    ]


STUDY = Study("grouped-vs-full", "How much do the two groups of AlexNet's convolutions save?", run)
