"""Fully connected heads against global average pooling: Lin, Chen and Yan, "Network In Network" (2013), section 3.2."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Sizes, Study, Table, TargetName, ZooError, arms_table, ratio_text, short, sizes

if TYPE_CHECKING:
    from torch import nn

    from zoo.models.targets import Subject

NETWORKS = ("alexnet", "vgg16", "googlenet", "resnet50")
HEADS = {
    "maps": "1×1 convolution to class maps, then average",
    "nin": "1×1 convolution to class maps, ReLU, then average, as in Network In Network",
    "gap": "average, then one linear layer",
    "flat": "flatten, then one linear layer: as many layers as gap, without the average",
    "fc": "VGG's three fully connected layers",
}
_ONE_FUNCTION = (
    "maps and gap are one function: the average of a linear map of each position is the linear map of the average; the ReLU of nin "
    "comes between, so that nin is another function, for no more MACs"
)
COLUMNS = (
    Column("params", "elements", "of the whole network", hide_order=0),
    Column("macs", "multiply-accumulates", "of the whole network", hide_order=0),
    Column("head_params", "elements", "parameters after the last feature maps", hide_order=2),
    Column("head_macs", "multiply-accumulates", "MACs after the last feature maps", hide_order=4),
    Column("share", "share", "the head's share of the parameters", hide_order=1),
    Column("rf", "pixels", "receptive field of a class score", hide_order=4),
    Column("any_size", "text", "whether other input sizes work", hide_order=3),
)


def run(
    on: Annotated[TargetName | None, "use this network instead"] = None,
    input: Annotated[Sizes | None, "its input size without batch, such as 3x320x320"] = None,
) -> Table:
    """Compare the published head with others, for AlexNet, VGG-16, GoogLeNet and ResNet-50, or for the network `on`.

    Raises `ZooError` if the head of that network cannot be found.
    """
    from zoo.models.importing import neighbours

    if input is not None and on is None:
        raise ZooError("input requires on, the network to use")
    names = (on,) if on else NETWORKS
    arms: list[Arm] = []
    for name in names:
        with neighbours(name):
            arms += _arms(name, input)
    return arms_table(
        "fc-vs-gap: what does global average pooling save, compared with fully connected layers?",
        COLUMNS,
        arms,
        ratios=("params",),
        notes=[*(f"{kind}: {words}" for kind, words in HEADS.items()), _ONE_FUNCTION],
        lesson=_lesson({(arm.type, arm.name): arm.cells for arm in arms}, names, input),
    )


def _arms(name: str, input: Sequence[int] | None) -> Iterator[Arm]:
    from torch import nn

    from zoo.models.targets import resolve
    from zoo.tracing.skeleton import Skeleton
    from zoo.transform.heads import find_head

    subject = resolve(name, {})
    own = subject.input
    subject = replace(subject, input=tuple(input or own))
    shape = (1, *subject.input)
    try:
        cut = find_head(subject.module, shape)
    except ZooError:
        if subject.input == own:
            raise
        cut = find_head(subject.module, (1, *own))  # the head takes its own size alone; the body takes others
    body = _total(cut.body, shape)
    yield Arm("published", _cells(subject.module, subject, body), subject.name)
    for kind in HEADS:
        with Skeleton():
            module = nn.Sequential(cut.body, _head(kind, body["output"][1:], cut.classes))
        yield Arm(kind, _cells(module, subject, body), subject.name)


def _head(kind: str, maps: Sequence[int], classes: int) -> "nn.Module":
    from torch import nn

    from zoo.transform.heads import make_head

    if kind == "flat":
        return nn.Sequential(nn.Flatten(), nn.Linear(prod(maps), classes))
    if kind == "nin":
        convolution, *average = make_head("maps", maps, classes).children()
        return nn.Sequential(convolution, nn.ReLU(), *average)
    return make_head(kind, maps, classes)


def _total(module: "nn.Module", shape: tuple[int, ...]) -> Mapping[str, Any]:
    from zoo.extend import measure
    from zoo.tracing.trace import trace

    return measure(trace(module, input=shape), columns=["output", "params", "macs", "rf"], depth=0).total


def _cells(module: "nn.Module", subject: "Subject", body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        total = _total(module, (1, *subject.input))
    except ZooError:  # fully connected layers take the maps of one size
        return {"any_size": "no"}
    return {
        "params": total["params"],
        "macs": total["macs"],
        "head_params": total["params"] - body["params"],
        "head_macs": total["macs"] - body["macs"],
        "share": round((total["params"] - body["params"]) / total["params"], 6),
        "rf": total["rf"],
        "any_size": "yes" if _takes_other_sizes(module, subject) else "no",
    }


def _takes_other_sizes(module: "nn.Module", subject: "Subject") -> bool:
    """Return whether the network accepts an image 1.5 times as large."""
    from zoo.tracing.trace import trace

    channels, *sizes = subject.input
    try:
        trace(module, input=(1, channels, *(size * 3 // 2 for size in sizes)))
    except ZooError:
        return False
    return True


def _lesson(cells: Mapping[tuple[str, str], Mapping[str, Any]], names: tuple[str, ...], input: Sequence[int] | None) -> list[str]:
    """Sentences that quote the table."""
    name = next(network for network, _ in cells)
    published, gap, flat, fc = (cells[name, arm] for arm in ("published", "gap", "flat", "fc"))
    if "params" not in published:
        return [
            f"As published {name} does not take {sizes(input or ())}. With an average and one linear layer it does, with",
            f"{gap['params']:,} parameters at any size; VGG's head, built for these maps, would make it {fc['params']:,}.",
        ]
    all_params = short(published["params"])
    if published["head_params"] > 2 * gap["head_params"]:
        lesson = [
            f"The head of {name} holds {published['share']:.1%} of its {all_params} parameters;",
            f"with an average and one linear layer the network has {gap['params']:,} parameters and {gap['macs']:,} MACs.",
            f"Two changes make that: one linear layer instead of the head leaves {flat['params']:,}, the average",
            "does the rest.",
        ]
    else:
        kind = "and one linear layer" if published["head_params"] == gap["head_params"] else "already"
        lesson = [
            f"The head of {name} is an average {kind}, with {published['share']:.1%} of its {all_params} parameters;",
            *_added(published, gap),
            f"with VGG's head the network would have {fc['params']:,}, "
            f"{ratio_text(fc['params'], published['params'])} times as many.",
        ]
    if names == NETWORKS:
        vgg, google, alex = cells["vgg16", "gap"], cells["googlenet", "published"], cells["alexnet", "published"]
        more = ratio_text(alex["params"], google["params"])
        lesson += [
            f"VGG-16 with global average pooling and one linear layer has {vgg['params']:,} parameters and {vgg['macs']:,} MACs:",
            "it loses most parameters, but keeps nearly all MACs, since most MACs are in convolutions.",
            f"AlexNet's {alex['params']:,} parameters are {more} times GoogLeNet's {google['params']:,}, not 12 times as its",
            f"paper states; with VGG's head, it would have {cells['googlenet', 'fc']['params']:,}.",
        ]
    return lesson


def _added(published: Mapping[str, Any], gap: Mapping[str, Any]) -> Iterator[str]:
    """What another linear layer costs where the maps that are averaged are class maps already."""
    if (more := gap["params"] - published["params"]) > 0:
        yield f"another linear layer after it would only add {short(more)};"


STUDY = Study("fc-vs-gap", "What does global average pooling instead of fully connected layers save?", run)
