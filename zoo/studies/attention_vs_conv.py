"""Attention over all positions against a 3×3 convolution: Vaswani et al., "Attention Is All You Need" (2017), table 1."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, PositiveInt, Study, Table, ZooError, arms_table, ratio_text, short

if TYPE_CHECKING:
    from torch import nn

COLUMNS = (
    Column("positions", "positions", "height times width of the maps", hide_order=2),
    Column("params", "elements", "parameters", hide_order=1),
    Column("macs", "multiply-accumulates", "MACs", hide_order=0),
    Column("weights", "elements", "attention weights: one for each head and pair of positions", hide_order=0),
    Column("sees", "positions", "that one output depends on, at most", hide_order=2),
)
SIDES = (7, 14, 28, 56, 112)
KERNEL = 3


def run(
    channels: Annotated[PositiveInt, "channels of the maps"] = 256,
    heads: Annotated[PositiveInt, "heads of the attention; they divide the channels"] = 8,
) -> Table:
    """Both layers, with as many channels out as in, on maps of several sizes.

    Raises `ZooError` if the heads do not divide the channels.
    """
    if channels % heads:
        raise ZooError(f"{heads} heads do not divide {channels} channels")
    arms = [arm for side in SIDES for arm in _pair(channels, heads, side)]
    return arms_table(
        "attention-vs-conv: what does attention over all positions cost against a 3×3 convolution?",
        COLUMNS,
        arms,
        ratios=("macs",),
        notes=[
            f"{channels} channels in and out; attention: {heads} heads, with the projections of queries, keys, values and outputs; "
            "biases in both"
        ],
        lesson=_lesson(arms, channels),
    )


def _pair(channels: int, heads: int, side: int) -> list[Arm]:
    from torch import nn

    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        conv, attention = nn.Conv2d(channels, channels, KERNEL, padding=KERNEL // 2), _attention(channels, heads)
    positions = side * side
    sees = min(side, KERNEL) ** 2
    return [
        Arm("convolution", {**_cells(conv, (1, channels, side, side)), "positions": positions, "sees": sees}, f"{side}×{side}"),
        Arm(
            "attention",
            {
                **_cells(attention, (1, positions, channels)),
                "positions": positions,
                "weights": heads * positions**2,
                "sees": positions,
            },
            f"{side}×{side}",
        ),
    ]


def _attention(channels: int, heads: int) -> "nn.Module":
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Attention(nn.Module):
        """Input and output N×L×C."""

        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(channels, 3 * channels)
            self.out = nn.Linear(channels, channels)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            parts = self.qkv(x).unflatten(-1, (3, heads, channels // heads)).permute(2, 0, 3, 1, 4)  # 3 × N × heads × L × C/heads
            found = F.scaled_dot_product_attention(parts[0], parts[1], parts[2])  # N × heads × L × C/heads
            mixed: torch.Tensor = self.out(found.transpose(1, 2).flatten(2))
            return mixed

    return Attention()


def _cells(layer: "nn.Module", shape: tuple[int, ...]) -> dict[str, Any]:
    from zoo.extend import measure, trace

    return dict(measure(trace(layer, input=shape), columns=["params", "macs"], depth=0).total)


def _lesson(arms: Sequence[Arm], channels: int) -> list[str]:
    """Sentences that quote the table."""
    pairs = list(zip(arms[::2], arms[1::2], strict=True))
    dearer = [attention.type for conv, attention in pairs if attention.cells["macs"] > conv.cells["macs"]]
    first, last = pairs[0], pairs[-1]
    said = f"With {channels:,} channels attention takes more MACs than the convolution"
    return [
        f"{said} at {', '.join(dearer)}." if dearer else f"{said} at none of these sizes.",
        f"From {first[0].type} to {last[0].type} the convolution's MACs grow {_times(first[0], last[0])}-fold, as the positions",
        f"do, and attention's {_times(first[1], last[1])}-fold, to {short(last[1].cells['macs'])} against",
        f"{short(last[0].cells['macs'])}.",
    ]


def _times(small: Arm, large: Arm) -> str:
    return ratio_text(large.cells["macs"], small.cells["macs"])


STUDY = Study("attention-vs-conv", "What does attention over all positions cost against a convolution, by resolution?", run)
