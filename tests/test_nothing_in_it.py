"""Layers and inputs of size zero: counts of nothing are 0, in every column, format and convention."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import zoo
from zoo.analysis import conventions
from zoo.analysis.choose import columns
from zoo.tables import formats


class Fn(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


CASES: dict[str, tuple[Callable[[], nn.Module], Sequence[int]]] = {
    "conv to nothing": (lambda: nn.Conv2d(3, 0, 3), (1, 3, 8, 8)),
    "conv of nothing": (lambda: nn.Conv2d(0, 4, 3), (1, 0, 8, 8)),
    "conv of no images": (lambda: nn.Conv2d(3, 4, 3), (0, 3, 8, 8)),
    "transposed to nothing": (lambda: nn.ConvTranspose2d(3, 0, 3), (1, 3, 8, 8)),
    "transposed of nothing": (lambda: nn.ConvTranspose2d(0, 3, 3), (1, 0, 8, 8)),
    "three axes": (lambda: nn.Conv3d(0, 0, 1), (1, 0, 2, 2, 2)),
    "linear of nothing": (lambda: nn.Linear(0, 4), (1, 0)),
    "linear to nothing": (lambda: nn.Linear(4, 0), (1, 4)),
    "batch norm": (lambda: nn.BatchNorm2d(0), (2, 0, 8, 8)),
    "layer norm": (lambda: nn.LayerNorm(0), (2, 0)),
    "pool": (lambda: nn.MaxPool2d(2), (0, 3, 8, 8)),
    "adaptive pool": (lambda: nn.AdaptiveAvgPool2d(0), (1, 3, 8, 8)),
    "adaptive pool on one axis": (lambda: nn.AdaptiveMaxPool2d((0, 2)), (1, 3, 8, 8)),
    "sequence of nothing": (lambda: nn.LSTM(3, 4), (2, 0, 3)),
    "encoder of no words": (lambda: nn.TransformerEncoderLayer(4, 2, 4), (0, 2, 4)),
    "encoder of no batch": (lambda: nn.TransformerEncoderLayer(4, 2, 4), (2, 0, 4)),
    "upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), (0, 3, 8, 8)),
    "softmax": (lambda: nn.Softmax(1), (1, 0)),
    "product": (lambda: Fn(lambda x: x @ x.mT), (2, 0, 4)),
    "empty product": (lambda: Fn(lambda x: torch.einsum("bij,bkj->bik", x, x)), (2, 4, 0)),
    "attention": (lambda: Fn(lambda x: F.scaled_dot_product_attention(x, x, x)), (1, 2, 0, 4)),
    "concatenation": (lambda: Fn(lambda x: torch.cat([x[:, :0], x])), (1, 0, 8)),
    "sum": (lambda: Fn(lambda x: x.sum()), (0,)),
    "mean": (lambda: Fn(lambda x: x.mean((2, 3))), (1, 0, 4, 4)),
    "embedding": (lambda: Fn(lambda x: F.embedding(torch.zeros(0, 3, dtype=torch.long), x)), (3, 4)),
    "no layers": (lambda: nn.Sequential(), (1, 3)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_sizes_of_zero(name: str) -> None:
    """Kills a division by a size that is zero."""
    build, shape = CASES[name]
    net = build()
    for train in (False, True):
        table = zoo.summary(net, input=shape, columns=list(columns()), train=train)
        assert table.total["params"] == sum(p.numel() for p in net.parameters())
        for known in formats.names():
            table.render(known)
        for convention in conventions.names():
            zoo.summary(net, input=shape, convention=convention, train=train)


@pytest.mark.filterwarnings("ignore")
def test_macs_of_nothing() -> None:
    """Kills a lower bound, or an unknown, where the count is 0."""
    for name in ("conv to nothing", "conv of nothing", "conv of no images", "transposed of nothing", "linear to nothing"):
        build, shape = CASES[name]
        assert zoo.summary(build(), input=shape).total["macs"] == 0
