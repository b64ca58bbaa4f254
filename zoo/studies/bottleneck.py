"""1×1 convolutions that reduce the input of large ones: Szegedy et al., "Going Deeper with Convolutions" (2014), figure 2; He et
al., "Deep Residual Learning for Image Recognition" (2015), figure 5.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from zoo.extend import Arm, Column, Study, Table, TargetName, arms_table, ratio_text, short

if TYPE_CHECKING:
    from torch import nn

COLUMNS = (
    Column("in", "channels", "input channels", hide_order=1),
    Column("out", "channels", "output channels", hide_order=0),
    Column("params", "elements", "parameters", hide_order=0),
    Column("macs", "multiply-accumulates", "on feature maps of the size in the network", hide_order=0),
    Column("maps", "elements per axis", "height and width of the output", hide_order=4),
)
Shape: TypeAlias = tuple[int, ...]
ALL, BLOCK = "all nine", "conv2_x"
WITHOUT = {"no reductions": (False, True), "no projections": (True, False), "naive": (False, False)}
"""Whether the 1×1 convolutions before the 3×3 and the 5×5 are there, and those after the pooling."""


def run(on: Annotated[TargetName | None, "take the reductions of this network instead"] = None) -> Table:
    """Compare GoogLeNet's modules with and without reductions, one by one and in sequence; then ResNet's two kinds of block.

    Or compare the layers of `on` with and without theirs. Raises `ZooError` if it has none.
    """
    if on is not None:
        return _of_network(on)
    arms = [*_inception(), *_blocks()]
    return arms_table(
        "bottleneck: how much do 1×1 convolutions before large ones save?",
        COLUMNS,
        arms,
        ratios=("params", "macs"),
        notes=[
            "reduced: figure 2(b) of GoogLeNet's paper, with 1×1 convolutions before the 3×3 and 5×5 (reductions) and after "
            "the pooling (projections); naive: figure 2(a), the same 1×1, 3×3 and 5×5 filters on all channels",
            f"{ALL}: one after the other, with the pooling between them; each naive module takes what the one before it gives",
            f"{BLOCK}: a block of ResNet-34, one of ResNet-50, and one of ResNet-34's kind on ResNet-50's channels",
        ],
        lesson=_lesson({(arm.type, arm.name): arm.cells for arm in arms}),
    )


def _of_network(on: Any) -> Table:
    from zoo.extend import trace
    from zoo.studies._reductions import WHAT, of_network

    found = trace(on)
    arms, lesson = of_network(found)
    title = f"bottleneck: what do the 1×1 convolutions of {found.target} before large ones save?"
    return arms_table(title, COLUMNS, arms, ratios=("params", "macs"), notes=[WHAT], lesson=lesson)


def _inception() -> Iterator[Arm]:
    from torch import nn

    google, maps, weights = _traced("googlenet")
    names = [name for name, _ in google.named_children()]
    channels = first = weights["inception_3a.conv1x1"][1]
    stacks = {name: nn.Sequential() for name in ("reduced", *WITHOUT)}
    given = dict.fromkeys(WITHOUT, channels)
    for name in names[names.index("inception_3a") : names.index("inception_5b") + 1]:
        module = google.get_submodule(name)
        stacks["reduced"].append(module)
        if name.startswith("pool"):
            for arm in WITHOUT:
                stacks[arm].append(module)
            continue
        shape = (1, weights[f"{name}.conv1x1"][1], *maps[name][2:])
        filters = [(w[0], w[2]) for w in (weights[f"{name}.{conv}"] for conv in ("conv1x1", "conv3x3", "conv5x5"))]
        narrow = [weights[f"{name}.{conv}"][0] for conv in ("reduce3x3", "reduce5x5")]
        projected = weights[f"{name}.pool_proj"][0]
        for arm, (reduces, projects) in WITHOUT.items():
            stacks[arm].append(_module(given[arm], filters, narrow if reduces else (), projected if projects else 0))
            given[arm] = sum(count for count, _ in filters) + (projected if projects else given[arm])
        kind = name.removeprefix("inception_")
        yield Arm("reduced", _cells(module, shape), kind)
        yield Arm("naive", _cells(_module(shape[1], filters), shape), kind)
    for arm, stack in stacks.items():
        yield Arm(arm, _cells(stack, (1, first, *maps["inception_3a"][2:])), ALL)


def _traced(name: str) -> "tuple[nn.Module, Mapping[str, Shape], Mapping[str, Shape]]":
    """Return a network, the output shapes of its modules, and the shapes of its weights by module."""
    from zoo.extend import trace
    from zoo.models.targets import resolve

    subject = resolve(name, {})
    found = trace(subject.module, input=(1, *subject.input))
    weights = {found.calls[op.call].path: weight.shape for op in found.ops if (weight := op.input("weight"))}
    return subject.module, {call.path: call.outputs[0].shape for call in found.calls}, weights


def _module(channels: int, filters: Sequence[tuple[int, int]], narrow: Sequence[int] = (), projected: int = 0) -> "nn.Module":
    """Convolutions of so many filters of such sizes (1×1, 3×3, 5×5), and max pooling, side by side on `channels` channels.

    With `narrow`, 1×1 convolutions of so many filters come before the 3×3 and the 5×5; with `projected`, one after the pooling.
    """
    import torch
    from torch import nn

    from zoo.tracing.skeleton import Skeleton

    def branch(count: int, size: int, width: int) -> nn.Module:
        if not width:
            return nn.Sequential(nn.Conv2d(channels, count, size, padding=size // 2), nn.ReLU())
        reduce = nn.Conv2d(channels, width, 1)
        return nn.Sequential(reduce, nn.ReLU(), nn.Conv2d(width, count, size, padding=size // 2), nn.ReLU())

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            widths = (0, *(narrow or (0, 0)))
            self.convs = nn.ModuleList(branch(*one, width) for one, width in zip(filters, widths, strict=True))
            pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
            self.pool = nn.Sequential(pool, nn.Conv2d(channels, projected, 1), nn.ReLU()) if projected else pool

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([*(conv(x) for conv in self.convs), self.pool(x)], dim=1)

    with Skeleton():
        return Module()


def _blocks() -> Iterator[Arm]:
    """Figure 5: blocks that keep the shape."""
    from zoo.archs.resnet import BasicBlock, padded
    from zoo.tracing.skeleton import Skeleton

    for name, network in (("basic", "resnet34"), ("bottleneck", "resnet50")):
        resnet, maps, _ = _traced(network)
        shape = maps[f"{BLOCK}.1"]
        yield Arm(name, _cells(resnet.get_submodule(f"{BLOCK}.1"), shape), BLOCK)
    with Skeleton():
        wide = BasicBlock(shape[1], shape[1], 1, padded)
    yield Arm("wide basic", _cells(wide, shape), BLOCK)


def _cells(module: "nn.Module", shape: Shape) -> dict[str, Any]:
    from zoo.extend import measure, trace

    total = measure(trace(module, input=shape), columns=["output", "params", "macs"], depth=0).total
    _, channels, *sizes = total["output"]
    return {"in": shape[1], "out": channels, "params": total["params"], "macs": total["macs"], "maps": sizes}


def _lesson(cells: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[str]:
    """Sentences that quote the table."""
    reduced, naive = cells[ALL, "reduced"], cells[ALL, "naive"]

    def times(arm: str) -> str:
        params, macs = (ratio_text(cells[ALL, arm][unit], reduced[unit]) for unit in ("params", "macs"))
        return f"{params} times the parameters and {macs} times the MACs"

    basic, narrow, wide = (cells[BLOCK, kind] for kind in ("basic", "bottleneck", "wide basic"))
    macs = [short(block["macs"]) for block in (basic, narrow, wide)]
    return [
        f"Nine modules without reductions have {times('no reductions')}; without projections, {times('no projections')},",
        f"since pooling keeps every channel that it gets; without both, {times('naive')}, for there are",
        f"{naive['out']:,} channels at the end instead of {reduced['out']:,}.",
        f"In ResNet they let a block have {narrow['in']} channels for {macs[1]} MACs, where two 3×3 convolutions cost {macs[0]}",
        f"on {basic['in']} channels and {macs[2]} on {wide['in']}.",
    ]


STUDY = Study("bottleneck", "How much do 1×1 convolutions before large ones save?", run)
