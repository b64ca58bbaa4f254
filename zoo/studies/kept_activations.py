"""Activations that training keeps in plain, residual and densely connected stacks: He et al., "Deep Residual Learning" (2015);
Huang et al., "Densely Connected Convolutional Networks" (2016); Pleiss et al., "Memory-Efficient Implementation of DenseNets"
(2017).
"""

from collections.abc import Callable, Mapping, Sequence
from math import log2
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, PositiveInt, Study, Table, ZooError, arms_table, ratio_text, short

if TYPE_CHECKING:
    from torch import nn

COLUMNS = (
    Column("params", "elements", "parameters", hide_order=1),
    Column("macs", "multiply-accumulates", "MACs", hide_order=1),
    Column("saved", "bytes", "kept for the backward, one image in float32", hide_order=0),
    Column("saved_a_layer", "bytes", "kept for each 3×3 convolution", hide_order=0),
    Column("peak", "bytes", "most activations at one time in evaluation", hide_order=2),
)
HOW = {
    "plain": "3×3 convolution, batch normalisation, ReLU, one after the other",
    "residual": "the same, with a shortcut around every two",
    "dense": "all maps so far, concatenated; normalisation, ReLU and a 3×3 convolution to an eighth of the channels",
}
SIDE = 32


def run(
    layers: Annotated[PositiveInt, "convolutions in the deepest stacks, a multiple of 8"] = 32,
    channels: Annotated[PositiveInt, "maps of the plain and residual stacks, a multiple of 8"] = 64,
) -> Table:
    """Stacks of a quarter, half and all of the layers, and what a training step keeps in each.

    Raises `ZooError` for layers and channels that are not multiples of 8.
    """
    if layers % 8 or channels % 8:
        raise ZooError(f"expected multiples of 8 for layers and channels, got {layers} and {channels}")
    depths = (layers // 4, layers // 2, layers)
    arms = [Arm(f"{depth} layers", _cells(built(kind, depth, channels), depth, channels), kind) for kind in HOW for depth in depths]
    notes = [
        *(f"{kind}: {words}" for kind, words in HOW.items()),
        f"{SIDE}×{SIDE} pixels; counted as written, without memory-efficient implementations that compute concatenations again",
    ]
    title = "kept-activations: what does training keep in plain, residual and dense stacks?"
    return arms_table(title, COLUMNS, arms, ratios=("saved",), notes=notes, lesson=_lesson(arms, depths))


def built(kind: str, depth: int, channels: int) -> "nn.Module":
    """A stack of this kind, on `channels` maps."""
    import torch
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, *layers: nn.Module) -> None:
            super().__init__()
            self.layers, self.relu = nn.Sequential(*layers), nn.ReLU(inplace=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.relu(self.layers(x) + x)
            return found

    class Dense(nn.Module):
        def __init__(self, *layers: nn.Module) -> None:
            super().__init__()
            self.layers = nn.ModuleList(layers)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps = [x]
            for layer in self.layers:
                maps.append(layer(torch.cat(maps, 1)))
            return torch.cat(maps, 1)

    def conv() -> list[nn.Module]:
        return [nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)]

    if kind == "plain":
        return nn.Sequential(*(nn.Sequential(*conv(), nn.ReLU(inplace=True)) for _ in range(depth)))
    if kind == "residual":
        return nn.Sequential(*(Residual(*conv(), nn.ReLU(inplace=True), *conv()) for _ in range(depth // 2)))
    growth = channels // 8
    widths = [channels + growth * i for i in range(depth)]
    return Dense(
        *(
            nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, growth, 3, padding=1, bias=False))
            for width in widths
        )
    )


def _cells(net: "nn.Module", depth: int, channels: int) -> dict[str, Any]:
    from zoo.extend import measure, trace

    shape = (1, channels, SIDE, SIDE)
    total = measure(trace(net, input=shape), columns=["params", "macs", "peak"], depth=0).total
    saved = measure(trace(net, input=shape, train=True), columns=["saved"], depth=0).total["saved"]
    return {**total, "saved": saved, "saved_a_layer": saved // depth}


def _lesson(arms: Sequence[Arm], depths: Sequence[int]) -> list[str]:
    """Sentences that quote the table."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for arm in arms:
        by_kind.setdefault(arm.type, []).append(arm.cells)
    first, last = depths[0], depths[-1]
    said = [f"From {first} to {last} layers,"]
    for kind, cells in by_kind.items():
        said.append(
            f"{kind} stacks keep {ratio_text(cells[-1]['saved'], cells[0]['saved'])} times as many bytes ({_growth(cells)}),"
        )
    plain, residual, dense = (cells[-1] for cells in by_kind.values())
    said[-1] = f"{said[-1][:-1]}."
    per_parameter: Callable[[Mapping[str, Any]], float] = lambda cells: cells["saved"] / cells["params"]  # noqa: E731
    same = "shortcuts keep nothing more" if residual["saved"] == plain["saved"] else "shortcuts make the difference"
    said += [
        f"With {last} layers the residual stack keeps {short(residual['saved'])} bytes, the plain one {short(plain['saved'])}:",
        f"{same}. The dense one keeps {short(dense['saved'])},",
        f"but the dense one has only {short(dense['params'])} parameters, where the plain one has {short(plain['params'])}:",
        f"{per_parameter(dense):.0f} bytes for each parameter, against {per_parameter(plain):.0f}.",
    ]
    return said


def _growth(cells: Sequence[Mapping[str, Any]]) -> str:
    """How the bytes grow when the layers double: linearly, or with which power."""
    power = log2(cells[-1]["saved"] / cells[-2]["saved"])
    return "in proportion" if abs(power - 1) < 0.05 else f"as the {power:.1f}th power of the depth at last"


STUDY = Study("kept-activations", "What does training keep in plain, residual and dense stacks, by depth?", run)
