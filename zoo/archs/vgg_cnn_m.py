"""CNN-M: K. Chatfield, K. Simonyan, A. Vedaldi, A. Zisserman, "Return of the Devil in the Details", BMVC 2014.

Table 1 gives the medium network, CNN-M. Layers carry the names of the authors' Caffe models, some of which have a narrower fc7.
Shapes in comments are for 224×224 images. Deviations stand on the card.
"""

import torch
from torch import nn

from zoo.extend import arch


def pool() -> nn.MaxPool2d:
    """Windows overlap, and as everywhere in Caffe sizes are rounded up."""
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def lrn() -> nn.LocalResponseNorm:
    """k = 2, n = 5, alpha = 5e-4, beta = 0.75. Caffe divides alpha by n, and so does torch."""
    return nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)


class CNNM(nn.Module):
    """The row CNN-M of Table 1, with `fc7` features before the classes. Input N×in_channels×224×224, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float, fc7: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 96, kernel_size=7, stride=2)
        self.relu1 = nn.ReLU(inplace=True)
        self.norm1 = lrn()
        self.pool1 = pool()
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, stride=2, padding=1)
        self.relu2 = nn.ReLU(inplace=True)
        self.norm2 = lrn()
        self.pool2 = pool()
        self.conv3 = nn.Conv2d(256, 512, kernel_size=3, padding=1)
        self.relu3 = nn.ReLU(inplace=True)
        self.conv4 = nn.Conv2d(512, 512, kernel_size=3, padding=1)
        self.relu4 = nn.ReLU(inplace=True)
        self.conv5 = nn.Conv2d(512, 512, kernel_size=3, padding=1)
        self.relu5 = nn.ReLU(inplace=True)
        self.pool5 = pool()
        self.fc6 = nn.Linear(512 * 6 * 6, 4096)
        self.relu6 = nn.ReLU(inplace=True)
        self.drop6 = nn.Dropout(dropout)
        self.fc7 = nn.Linear(4096, fc7)
        self.relu7 = nn.ReLU(inplace=True)
        self.drop7 = nn.Dropout(dropout)
        self.fc8 = nn.Linear(fc7, num_classes)
        self.initialise()

    def initialise(self) -> None:
        """Weights from N(0, 0.01²), biases 0."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool1(self.norm1(self.relu1(self.conv1(x))))  # N×96×109×109 -> N×96×54×54
        x = self.pool2(self.norm2(self.relu2(self.conv2(x))))  # N×256×26×26 -> N×256×13×13
        x = self.relu3(self.conv3(x))  # N×512×13×13
        x = self.relu4(self.conv4(x))  # N×512×13×13
        x = self.pool5(self.relu5(self.conv5(x)))  # N×512×13×13 -> N×512×6×6
        x = torch.flatten(x, 1)  # N×18432
        x = self.drop6(self.relu6(self.fc6(x)))  # N×4096
        x = self.drop7(self.relu7(self.fc7(x)))  # N×fc7
        x = self.fc8(x)  # N×num_classes
        return x


@arch(
    title="CNN-M",
    year=2014,
    authors="Ken Chatfield, Karen Simonyan, Andrea Vedaldi, Andrew Zisserman",
    paper="Return of the Devil in the Details: Delving Deep into Convolutional Nets (BMVC 2014)",
    arxiv="1405.3531",
    input=(3, 224, 224),
    params=102_908_520,
    macs=1_676_172_320,
    depth=8,
    stages=("norm1 96 2 7", "pool1 96 4 11", "norm2 256 8 27", "relu5 512 16 139", "pool5 512 32 171"),
    classifier="fc8",
    by_design=("fixed-input", "heavy-head"),
    num_features=4_096,
    variants=(
        {"options": {"fc7": 2048}, "params": 92_469_864, "macs": 1_665_735_712},
        {"options": {"fc7": 1024}, "params": 87_250_536, "macs": 1_660_517_408},
        {"options": {"fc7": 128}, "params": 82_683_624, "macs": 1_655_951_392},
    ),
    deviations=(
        "The released Caffe models say nothing of the initialisation: weights start from N(0, 0.01²), biases from 0, AlexNet's "
        "way in most of its layers.",
        "Paddings, the rounding of sizes and the constants of normalisation are those of the released Caffe models.",
    ),
)
def vgg_cnn_m(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, fc7: int = 4096) -> CNNM:
    """Chatfield 2014: the medium network, between AlexNet and VGG; a narrow fc7 gives short features."""
    return CNNM(num_classes, in_channels, dropout, fc7)
