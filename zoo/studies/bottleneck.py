"""1×1 convolutions that make room for large ones: Szegedy et al., "Going Deeper with Convolutions" (2014), figure 2; He et al.,
"Deep Residual Learning for Image Recognition" (2015), figure 5.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from zoo.extend import Arm, Column, Study, Table, arms_table, ratio_text, short

if TYPE_CHECKING:
    from torch import nn

COLUMNS = (
    Column("in", "channels", "channels that come in", hide_order=1),
    Column("out", "channels", "channels that leave", hide_order=0),
    Column("params", "elements", "parameters", hide_order=0),
    Column("macs", "multiply-accumulates", "on the maps that the network has there", hide_order=0),
    Column("maps", "elements per axis", "height and width of what leaves", hide_order=4),
)
Shape: TypeAlias = tuple[int, ...]
ALL, BLOCK = "all nine", "conv2_x"


def run() -> Table:
    """GoogLeNet's modules with and without their reductions, each alone and all in a row; then ResNet's two kinds of block."""
    arms = [*_inception(), *_blocks()]
    return arms_table(
        "bottleneck: what do 1×1 convolutions before the large ones save?",
        COLUMNS,
        arms,
        ratios=("params", "macs"),
        notes=[
            "reduced: figure 2(b) of GoogLeNet's paper; naive: figure 2(a), the same 1×1, 3×3 and 5×5 filters on all channels",
            f"{ALL}: one behind the other, with the pooling between them; each naive module takes what the one before it gives",
            f"{BLOCK}: a block of ResNet-34, one of ResNet-50, and one of ResNet-34's kind on ResNet-50's channels",
        ],
        lesson=_lesson({(arm.type, arm.name): arm.cells for arm in arms}),
    )


def _inception() -> Iterator[Arm]:
    from torch import nn

    google, maps, weights = _traced("googlenet")
    names = [name for name, _ in google.named_children()]
    channels = first = weights["inception_3a.conv1x1"][1]
    stacks = {"reduced": nn.Sequential(), "naive": nn.Sequential()}
    for name in names[names.index("inception_3a") : names.index("inception_5b") + 1]:
        module = google.get_submodule(name)
        stacks["reduced"].append(module)
        if name.startswith("pool"):
            stacks["naive"].append(module)
            continue
        shape = (1, weights[f"{name}.conv1x1"][1], *maps[name][2:])
        filters = [(w[0], w[2]) for w in (weights[f"{name}.{conv}"] for conv in ("conv1x1", "conv3x3", "conv5x5"))]
        stacks["naive"].append(_naive(channels, filters))
        channels += sum(count for count, _ in filters)
        kind = name.removeprefix("inception_")
        yield Arm("reduced", _cells(module, shape), kind)
        yield Arm("naive", _cells(_naive(shape[1], filters), shape), kind)
    for arm, stack in stacks.items():
        yield Arm(arm, _cells(stack, (1, first, *maps["inception_3a"][2:])), ALL)


def _traced(name: str) -> "tuple[nn.Module, Mapping[str, Shape], Mapping[str, Shape]]":
    """A network, the shapes that leave its modules, and those of its weights by module."""
    from zoo.extend import trace
    from zoo.models.targets import resolve

    subject = resolve(name, {})
    found = trace(subject.module, input=(1, *subject.input))
    weights = {found.calls[op.call].path: weight.shape for op in found.ops if (weight := op.input("weight"))}
    return subject.module, {call.path: call.outputs[0].shape for call in found.calls}, weights


def _naive(channels: int, filters: Sequence[tuple[int, int]]) -> "nn.Module":
    """Figure 2(a): convolutions of so many filters of such sizes, and max pooling, side by side on `channels` channels."""
    import torch
    from torch import nn

    from zoo.tracing.skeleton import Skeleton

    class Naive(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(channels, count, size, padding=size // 2) for count, size in filters)
            self.pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([*(torch.relu(conv(x)) for conv in self.convs), self.pool(x)], dim=1)

    with Skeleton():
        return Naive()


def _blocks() -> Iterator[Arm]:
    """Figure 5: blocks that leave the shape as it is."""
    from zoo.archs.resnet import BasicBlock
    from zoo.tracing.skeleton import Skeleton

    for name, network in (("basic", "resnet34"), ("bottleneck", "resnet50")):
        resnet, maps, _ = _traced(network)
        shape = maps[f"{BLOCK}.1"]
        yield Arm(name, _cells(resnet.get_submodule(f"{BLOCK}.1"), shape), BLOCK)
    with Skeleton():
        wide = BasicBlock(shape[1], shape[1], 1, "A")
    yield Arm("wide basic", _cells(wide, shape), BLOCK)


def _cells(module: "nn.Module", shape: Shape) -> dict[str, Any]:
    from zoo.extend import measure, trace

    total = measure(trace(module, input=shape), columns=["output", "params", "macs"], depth=0).total
    _, channels, *sizes = total["output"]
    return {"in": shape[1], "out": channels, "params": total["params"], "macs": total["macs"], "maps": sizes}


def _lesson(cells: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[str]:
    """Sentences that quote the table."""
    reduced, naive = cells[ALL, "reduced"], cells[ALL, "naive"]
    fewer = [f"{ratio_text(naive[unit], reduced[unit])} times fewer" for unit in ("params", "macs")]
    params = " against ".join(short(side["params"]) for side in (reduced, naive))
    basic, narrow, wide = (cells[BLOCK, kind] for kind in ("basic", "bottleneck", "wide basic"))
    macs = [short(block["macs"]) for block in (basic, narrow, wide)]
    return [
        f"Pooling hands on every channel that it gets, so nine naive modules grow from {naive['in']} to {naive['out']:,} channels;",
        f"with 1×1 convolutions there are {reduced['out']:,}, {fewer[0]} parameters ({params}) and {fewer[1]} MACs.",
        f"In ResNet they let a block have {narrow['in']} channels for {macs[1]} MACs, where two 3×3 convolutions cost {macs[0]}",
        f"on {basic['in']} channels and {macs[2]} on {wide['in']}.",
    ]


STUDY = Study("bottleneck", "What do 1×1 convolutions before the large ones save?", run)
