"""AcmeNet: A. Author, "A paper", 2020. Table 1."""

from typing import Literal

import torch
from torch import nn

from zoo.extend import arch


class AcmeNet(nn.Module):
    """Input N×in_channels×16×16, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, pooling: str) -> None:
        super().__init__()
        pool = nn.MaxPool2d if pooling == "max" else nn.AvgPool2d
        self.conv1 = nn.Conv2d(in_channels, 8, kernel_size=3, padding=1)
        self.pool1 = pool(kernel_size=2)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=3, padding=1)
        self.fc = nn.Linear(16, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv1(x))  # N×8×16×16
        x = self.pool1(x)  # N×8×8×8
        x = torch.relu(self.conv2(x))  # N×16×8×8
        return self.fc(x.mean((2, 3)))  # N×num_classes


@arch(
    title="AcmeNet",
    year=2020,
    authors="A. Author",
    paper="A paper (2020)",
    arxiv="2001.00000",
    input=(3, 16, 16),
    params=1_562,
    macs=129_184,
    depth=3,
    stages=("conv1 8 1 3", "conv2 16 2 8"),
)
def acmenet(num_classes: int = 10, in_channels: int = 3, pooling: Literal["max", "average"] = "max") -> AcmeNet:
    """Author 2020: two convolutions and a global average."""
    return AcmeNet(num_classes, in_channels, pooling)
