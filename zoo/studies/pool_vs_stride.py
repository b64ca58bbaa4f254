"""Pooling compared with strided convolutions: Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity: The All
Convolutional Net" (2014), arXiv 1412.6806, tables 1 and 2: the four networks on base model C, for CIFAR-10.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Study, Table, TargetName, arms_table, ratio_text, short

if TYPE_CHECKING:
    from torch import nn

# The 3×3 layers of a stage that halve the maps: "conv" has stride 1, "stride" and "pool" have stride 2.
STAGES = {
    "base": ("conv", "conv", "pool"),
    "strided": ("conv", "stride"),
    "more convs": ("conv", "conv", "conv", "pool"),
    "all conv": ("conv", "conv", "stride"),
}
NAMES = {
    "base": "Model C: 3×3 max pooling with stride 2",
    "strided": "Strided-CNN-C: the convolution before each pooling has its stride, and the pooling is removed",
    "more convs": "ConvPool-CNN-C: one more convolution before each pooling",
    "all conv": "All-CNN-C: a convolution with stride 2 replaces each pooling",
}
COLUMNS = (
    Column("params", "elements", "parameters", hide_order=0),
    Column("macs", "multiply-accumulates", "MACs", hide_order=0),
    Column("depth", "layers", "layers with weights", hide_order=2),
    Column("rf", "pixels", "receptive field of one unit of the class maps, before their average", hide_order=1),
)
WIDTHS, CLASSES, INPUT = (96, 192), 10, (1, 3, 32, 32)


def run(on: Annotated[TargetName | None, "replace the poolings of this network instead"] = None) -> Table:
    """The four networks, down to the class maps; or any network with its poolings, and with convolutions instead of them.

    Raises `ZooError` if the network `on` has no pooling with a stride.
    """
    if on is not None:
        return _of_network(on)
    arms = [Arm(name, _cells(kinds), "model C") for name, kinds in STAGES.items()]
    return arms_table(
        "pool-vs-stride: what does it cost to replace pooling by strided convolutions?",
        COLUMNS,
        arms,
        ratios=("params", "macs"),
        notes=[
            *(f"{name}: {words}" for name, words in NAMES.items()),
            "whether a network without pooling is as accurate takes training, which is not done here",
        ],
        lesson=_lesson({arm.name: arm.cells for arm in arms}),
    )


def _of_network(on: Any) -> Table:
    from zoo.extend import trace
    from zoo.studies._poolings import WHAT, of_network

    found = trace(on)
    arms, lesson = of_network(found)
    notes = [f"{name}: {words}" for name, words in WHAT.items()]
    title = f"pool-vs-stride: what would strided convolutions cost {found.target} instead of pooling?"
    return arms_table(title, COLUMNS[:2], arms, ratios=("params", "macs"), notes=notes, lesson=lesson)


def _network(kinds: tuple[str, ...]) -> "nn.Module":
    """Two stages, then 3×3 without padding, 1×1, and 1×1 to class maps; these are 6×6 as in the paper if the pooling is padded."""
    from torch import nn

    layers: list[nn.Module] = []
    channels = INPUT[1]
    for width in WIDTHS:
        for kind in kinds:
            if kind == "pool":
                layers.append(nn.MaxPool2d(3, stride=2, padding=1))
            else:
                layers += [nn.Conv2d(channels, width, 3, stride=2 if kind == "stride" else 1, padding=1), nn.ReLU()]
                channels = width
    for width, size in ((WIDTHS[-1], 3), (WIDTHS[-1], 1), (CLASSES, 1)):
        layers += [nn.Conv2d(channels, width, size), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers)


def _cells(kinds: tuple[str, ...]) -> dict[str, Any]:
    from zoo.extend import measure, trace
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        net = _network(kinds)
    return dict(measure(trace(net, input=INPUT), columns=["params", "macs", "depth", "rf"], depth=0).total)


def _lesson(cells: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sentences that quote the table."""
    base, new = cells["base"], cells["all conv"]
    macs = {name: short(cell["macs"]) for name, cell in cells.items()}
    side = {name: cell["rf"]["size"][0] for name, cell in cells.items()}
    return [
        f"A convolution instead of each pooling sees as far ({side['all conv']} pixels, {side['base']} with pooling), learns",
        f"{short(new['params'] - base['params'])} parameters more, and costs "
        f"{ratio_text(new['macs'], base['macs'])} times the MACs:",
        f"{macs['all conv']}, where the same convolutions without their stride, before a pooling, need {macs['more convs']}.",
        f"With the stride in a convolution that is there anyway, MACs fall from {macs['base']} to {macs['strided']}, and a unit",
        f"sees {side['strided']} pixels.",
    ]


STUDY = Study("pool-vs-stride", "What does it cost to replace pooling by strided convolutions?", run)
