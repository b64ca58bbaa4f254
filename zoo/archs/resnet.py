"""ResNet: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

Table 1 gives the networks, figure 5 the two kinds of block, section 4.1 the kinds of shortcut, section 3.3 the
plain networks. Stages carry the names of Table 1 (conv1, conv2_x, ..., conv5_x). Shapes in comments are for 224×224
images. Deviations stand on the cards.
"""

from collections import OrderedDict
from typing import Literal, TypeAlias

import torch
from torch import nn
from torch.nn import functional as F

from zoo.extend import arch

CVPR_2016 = {
    "year": 2015,
    "authors": "Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun",
    "paper": "Deep Residual Learning for Image Recognition (CVPR 2016)",
    "doi": "10.1109/CVPR.2016.90",
    "arxiv": "1512.03385",
    "input": (3, 224, 224),
    "classifier": "fc",
}

INITIALISATION = (
    "Convolutions start from equation 10 of He et al. 2015, arXiv 1502.01852: N(0, 2 / fan_in). The paper refers to "
    "that work and says no more; the last layer is treated alike here, with biases 0."
)
STEM_POOLING = (
    "The paper does not say how the stem's max pooling is padded: by 1 on all sides here, as torchvision does, so "
    "that its weights fit. The authors' Caffe models of the deeper networks do not pad it and round sizes up, for "
    "maps of the same size that start one pixel of conv1 further on."
)
PLAIN_STEM = "The paper does not say how the stem's max pooling is padded: by 1 on all sides here, as in resnet18 and resnet34."
OPTION_B = (
    "Shortcuts are option B unless shortcut says otherwise, as in torchvision; the paper's Table 2 has this network with option A."
)
RELEASED = (
    "The paper does not say how the stem's max pooling is padded: as in the authors' Caffe models it is not, and rounds sizes up."
)
STRIDE_IN_1X1 = (
    "Stages from conv3_x on reduce the maps in the first 1×1 convolution of their first block, as in the authors' "
    "Caffe models; in the _v1_5 networks, which most libraries ship, the 3×3 convolution does it. Receptive fields "
    "differ too."
)
STRIDE_IN_3X3 = (
    "Not quite the published network but the one that most libraries ship as ResNet: stages from conv3_x on reduce "
    "the maps in the 3×3 convolution of their first block, where the authors' models do it in the 1×1 before. It "
    "costs 231 million multiply-accumulates."
)
AS_TORCHVISION = (
    "As torchvision has it: the stem's max pooling is padded by 1, convolutions start from N(0, 2 / fan_out), the "
    "last layer from torch's default."
)

TORCHVISION_KEYS = (
    (r"^layer1\.", "conv2_x."),
    (r"^layer2\.", "conv3_x."),
    (r"^layer3\.", "conv4_x."),
    (r"^layer4\.", "conv5_x."),
    (r"\.downsample\.0\.", ".shortcut.conv."),
    (r"\.downsample\.1\.", ".shortcut.bn."),
)


class ZeroPadding(nn.Module):
    """A shortcut without parameters: every stride-th pixel, and maps of zeros after the maps that there are."""

    def __init__(self, more_channels: int, stride: int) -> None:
        super().__init__()
        self.more_channels = more_channels
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.more_channels))


def make_shortcut(option: str, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Section 4.1: where the shape changes, A pads with zeros and B projects; elsewhere identity. C always projects."""
    if option != "C" and (in_channels, stride) == (out_channels, 1):
        return nn.Identity()
    if option == "A":
        return ZeroPadding(out_channels - in_channels, stride)
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
            bn=nn.BatchNorm2d(out_channels),
        )
    )


class BasicBlock(nn.Module):
    """Figure 5, left: two 3×3 convolutions. Input N×in_channels×H×W, output N×width×(H/stride)×(W/stride)."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = make_shortcut(shortcut, in_channels, width, stride)
        self.relu2 = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = self.shortcut(x)  # N×width×(H/stride)×(W/stride)
        x = self.relu1(self.bn1(self.conv1(x)))  # N×width×(H/stride)×(W/stride)
        x = self.bn2(self.conv2(x))
        x = self.relu2(x + shortcut)
        return x


class Bottleneck(nn.Module):
    """Figure 5, right: 1×1, 3×3, 1×1. Input N×in_channels×H×W, output N×4·width×(H/stride)×(W/stride)."""

    expansion = 4
    stride_in_3x3 = False

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: str) -> None:
        super().__init__()
        first, second = (1, stride) if self.stride_in_3x3 else (stride, 1)
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=1, stride=first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=second, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(width, width * 4, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.shortcut = make_shortcut(shortcut, in_channels, width * 4, stride)
        self.relu3 = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = self.shortcut(x)  # N×4·width×(H/stride)×(W/stride)
        x = self.relu1(self.bn1(self.conv1(x)))  # N×width×(H/stride)×(W/stride), in v1.5 still N×width×H×W
        x = self.relu2(self.bn2(self.conv2(x)))  # N×width×(H/stride)×(W/stride)
        x = self.bn3(self.conv3(x))  # N×4·width×(H/stride)×(W/stride)
        x = self.relu3(x + shortcut)
        return x


Block: TypeAlias = type[BasicBlock | Bottleneck]


class ResNet(nn.Module):
    """A column of Table 1, with `counts` blocks in conv2_x to conv5_x.

    Input N×in_channels×224×224, output N×num_classes.
    """

    def __init__(
        self,
        block: Block,
        counts: tuple[int, int, int, int],
        num_classes: int,
        in_channels: int,
        shortcut: str,
    ) -> None:
        super().__init__()
        e = block.expansion
        self.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu1 = nn.ReLU(inplace=True)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.conv2_x = self.stage(block, counts[0], 64, 64, 1, shortcut)
        self.conv3_x = self.stage(block, counts[1], 64 * e, 128, 2, shortcut)
        self.conv4_x = self.stage(block, counts[2], 128 * e, 256, 2, shortcut)
        self.conv5_x = self.stage(block, counts[3], 256 * e, 512, 2, shortcut)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * e, num_classes)
        self.initialise()

    @staticmethod
    def stage(block: Block, count: int, in_channels: int, width: int, stride: int, shortcut: str) -> nn.Sequential:
        """`count` blocks, of which the first changes the shape."""
        first = block(in_channels, width, stride, shortcut)
        rest = [block(width * block.expansion, width, 1, shortcut) for _ in range(count - 1)]
        return nn.Sequential(first, *rest)

    def initialise(self) -> None:
        """Weights from N(0, 2 / fan_in), bias 0; batch normalisation is born with scale 1 and shift 0."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu1(self.bn1(self.conv1(x)))  # N×64×112×112
        x = self.pool1(x)  # N×64×56×56
        x = self.conv2_x(x)  # N×64e×56×56, e = 1 or 4: the expansion of the block
        x = self.conv3_x(x)  # N×128e×28×28
        x = self.conv4_x(x)  # N×256e×14×14
        x = self.conv5_x(x)  # N×512e×7×7
        x = self.avgpool(x)  # N×512e×1×1
        x = torch.flatten(x, 1)  # N×512e
        x = self.fc(x)  # N×num_classes
        return x


@arch(
    **CVPR_2016,
    title="ResNet-18",
    params=11_689_512,
    macs=1_814_073_344,
    depth=18,
    stages=("relu1 64 2 7", "conv2_x 64 4 43", "conv3_x 128 8 99", "conv4_x 256 16 211", "conv5_x 512 32 435"),
    num_features=512,
    published=(
        {"quantity": "depth", "printed": "18", "where": "Table 1"},
        {"quantity": "macs", "printed": "1.8×10^9", "where": "Table 1"},
        {"quantity": "params", "printed": "11,689,512", "where": "torchvision's weight metadata"},
        {"quantity": "macs", "printed": "1.814G", "where": "torchvision's weight metadata"},
    ),
    variants=(
        {"options": {"shortcut": "A"}, "params": 11_515_688, "macs": 1_794_805_760},
        {"options": {"shortcut": "C"}, "params": 12_043_816, "macs": 1_878_298_624},
    ),
    torchvision="resnet18",
    keys=TORCHVISION_KEYS,
    deviations=(INITIALISATION, STEM_POOLING, OPTION_B),
)
def resnet18(num_classes: int = 1000, in_channels: int = 3, shortcut: Literal["A", "B", "C"] = "B") -> ResNet:
    """He 2015: eight basic blocks of two 3×3 convolutions."""
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, in_channels, shortcut)


@arch(
    **CVPR_2016,
    title="ResNet-34",
    params=21_797_672,
    macs=3_663_761_408,
    depth=34,
    stages=("relu1 64 2 7", "conv2_x 64 4 59", "conv3_x 128 8 179", "conv4_x 256 16 547", "conv5_x 512 32 899"),
    num_features=512,
    published=(
        {"quantity": "depth", "printed": "34", "where": "Table 1"},
        {"quantity": "macs", "printed": "3.6×10^9", "where": "Table 1"},
        {"quantity": "params", "printed": "21,797,672", "where": "torchvision's weight metadata"},
        {"quantity": "macs", "printed": "3.664G", "where": "torchvision's weight metadata"},
    ),
    variants=(
        {"options": {"shortcut": "A"}, "params": 21_623_848, "macs": 3_644_493_824},
        {"options": {"shortcut": "C"}, "params": 22_716_840, "macs": 3_830_747_136},
    ),
    torchvision="resnet34",
    keys=TORCHVISION_KEYS,
    deviations=(INITIALISATION, STEM_POOLING, OPTION_B),
    errata=(
        "Table 1's 3.6×10^9 is the count of option A, 3.644×10^9, rounded; with projections it is 3.664×10^9, which rounds to 3.7.",
    ),
)
def resnet34(num_classes: int = 1000, in_channels: int = 3, shortcut: Literal["A", "B", "C"] = "B") -> ResNet:
    """He 2015: sixteen basic blocks of two 3×3 convolutions."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, in_channels, shortcut)


class PlainBlock(BasicBlock):
    """The two 3×3 convolutions of a basic block, and no way around them."""

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: str) -> None:
        super().__init__(in_channels, width, stride, shortcut)
        del self.shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu1(self.bn1(self.conv1(x)))  # N×width×(H/stride)×(W/stride)
        x = self.relu2(self.bn2(self.conv2(x)))
        return x


class PlainNet(ResNet):
    """Section 3.3: a column of Table 1 without the shortcuts. Input N×in_channels×224×224, output N×num_classes."""

    def __init__(self, counts: tuple[int, int, int, int], num_classes: int, in_channels: int) -> None:
        super().__init__(PlainBlock, counts, num_classes, in_channels, "A")


@arch(
    **CVPR_2016,
    title="Plain-18",
    params=11_515_688,
    macs=1_794_805_760,
    depth=18,
    stages=("relu1 64 2 7", "conv2_x 64 4 43", "conv3_x 128 8 99", "conv4_x 256 16 211", "conv5_x 512 32 435"),
    num_features=512,
    published=(
        {"quantity": "depth", "printed": "18", "where": "Table 2"},
        {"quantity": "macs", "printed": "1.8×10^9", "where": "Table 1"},
    ),
    deviations=(INITIALISATION, PLAIN_STEM),
    by_design=("sees-whole-image", "small-image"),
)
def plain18(num_classes: int = 1000, in_channels: int = 3) -> PlainNet:
    """He 2015: the layers of ResNet-18 without its shortcuts."""
    return PlainNet((2, 2, 2, 2), num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="Plain-34",
    params=21_623_848,
    macs=3_644_493_824,
    depth=34,
    stages=("relu1 64 2 7", "conv2_x 64 4 59", "conv3_x 128 8 179", "conv4_x 256 16 547", "conv5_x 512 32 899"),
    num_features=512,
    published=(
        {"quantity": "depth", "printed": "34", "where": "section 3.3"},
        {"quantity": "macs", "printed": "3.6 billion", "where": "section 3.3"},
    ),
    deviations=(INITIALISATION, PLAIN_STEM),
    by_design=("sees-whole-image", "small-image"),
)
def plain34(num_classes: int = 1000, in_channels: int = 3) -> PlainNet:
    """He 2015: the layers of ResNet-34 without its shortcuts."""
    return PlainNet((3, 4, 6, 3), num_classes, in_channels)


class ResNetCaffe(ResNet):
    """The released Caffe models: their stem's max pooling is not padded and rounds sizes up."""

    def __init__(self, counts: tuple[int, int, int, int], num_classes: int, in_channels: int, shortcut: str) -> None:
        super().__init__(Bottleneck, counts, num_classes, in_channels, shortcut)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)  # N×64×56×56


@arch(
    **CVPR_2016,
    title="ResNet-50",
    params=25_557_032,
    macs=3_857_973_248,
    depth=50,
    stages=("relu1 64 2 7", "conv2_x 256 4 35", "conv3_x 512 8 99", "conv4_x 1024 16 291", "conv5_x 2048 32 483"),
    num_features=2_048,
    published=(
        {"quantity": "depth", "printed": "50", "where": "Table 1"},
        {"quantity": "macs", "printed": "3.8×10^9", "where": "Table 1"},
    ),
    deviations=(INITIALISATION, RELEASED, STRIDE_IN_1X1),
    errata=(
        "TensorFlow-slim's resnet_v1_50 is a third network: it reduces the maps in the last block of a stage.",
        "Units of the last maps see 483 pixels a side, but 427 where the stride is in the 3×3 convolution: both numbers circulate.",
        "Table 1's 3.8×10^9 is 3.858×10^9 cut off, while 7.6 and 11.3 of the deeper networks are rounded.",
        "The released ResNet-50 description leaves the bias of conv1 on, for 64 parameters more; those of ResNet-101 "
        "and 152 do not.",
    ),
)
def resnet50(num_classes: int = 1000, in_channels: int = 3, shortcut: Literal["A", "B", "C"] = "B") -> ResNet:
    """He 2015: sixteen bottleneck blocks, stride in their first 1×1 convolution."""
    return ResNetCaffe((3, 4, 6, 3), num_classes, in_channels, shortcut)


@arch(
    **CVPR_2016,
    title="ResNet-101",
    params=44_549_160,
    macs=7_570_194_432,
    depth=101,
    stages=("relu1 64 2 7", "conv2_x 256 4 35", "conv3_x 512 8 99", "conv4_x 1024 16 835", "conv5_x 2048 32 1027"),
    num_features=2_048,
    published=(
        {"quantity": "depth", "printed": "101", "where": "Table 1"},
        {"quantity": "macs", "printed": "7.6×10^9", "where": "Table 1"},
    ),
    deviations=(INITIALISATION, RELEASED, STRIDE_IN_1X1),
)
def resnet101(num_classes: int = 1000, in_channels: int = 3, shortcut: Literal["A", "B", "C"] = "B") -> ResNet:
    """He 2015: 33 bottleneck blocks, stride in their first 1×1 convolution."""
    return ResNetCaffe((3, 4, 23, 3), num_classes, in_channels, shortcut)


@arch(
    **CVPR_2016,
    title="ResNet-152",
    params=60_192_808,
    macs=11_282_415_616,
    depth=152,
    stages=("relu1 64 2 7", "conv2_x 256 4 35", "conv3_x 512 8 163", "conv4_x 1024 16 1315", "conv5_x 2048 32 1507"),
    num_features=2_048,
    published=(
        {"quantity": "depth", "printed": "152", "where": "Table 1"},
        {"quantity": "macs", "printed": "11.3×10^9", "where": "Table 1"},
    ),
    deviations=(INITIALISATION, RELEASED, STRIDE_IN_1X1),
    errata=(
        "Section 4.1 sets its 11.3×10^9 beside 15.3×10^9 of VGG-16 and 19.6×10^9 of VGG-19: the first of these "
        "counts convolutions alone, the second the classifier as well, as for ResNets.",
    ),
)
def resnet152(num_classes: int = 1000, in_channels: int = 3, shortcut: Literal["A", "B", "C"] = "B") -> ResNet:
    """He 2015: fifty bottleneck blocks, stride in their first 1×1 convolution."""
    return ResNetCaffe((3, 8, 36, 3), num_classes, in_channels, shortcut)


class BottleneckV15(Bottleneck):
    """The bottleneck with its stride in the 3×3 convolution."""

    stride_in_3x3 = True


class ResNetV15(ResNet):
    """The deeper columns of Table 1 as torchvision has them."""

    def __init__(self, counts: tuple[int, int, int, int], num_classes: int, in_channels: int) -> None:
        super().__init__(BottleneckV15, counts, num_classes, in_channels, "B")

    def initialise(self) -> None:
        """Convolutions from N(0, 2 / fan_out); batch normalisation and the last layer as torch leaves them."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


@arch(
    **CVPR_2016,
    title="ResNet-50 v1.5",
    params=25_557_032,
    macs=4_089_184_256,
    depth=50,
    stages=("relu1 64 2 7", "conv2_x 256 4 35", "conv3_x 512 8 91", "conv4_x 1024 16 267", "conv5_x 2048 32 427"),
    num_features=2_048,
    published=(
        {"quantity": "params", "printed": "25,557,032", "where": "torchvision's weight metadata"},
        {"quantity": "macs", "printed": "4.089G", "where": "torchvision's weight metadata"},
    ),
    torchvision="resnet50",
    keys=TORCHVISION_KEYS,
    deviations=(STRIDE_IN_3X3, AS_TORCHVISION),
)
def resnet50_v1_5(num_classes: int = 1000, in_channels: int = 3) -> ResNetV15:
    """ResNet-50 with the stride in the 3×3 convolutions, as torchvision ships it."""
    return ResNetV15((3, 4, 6, 3), num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-101 v1.5",
    params=44_549_160,
    macs=7_801_405_440,
    depth=101,
    stages=("relu1 64 2 7", "conv2_x 256 4 35", "conv3_x 512 8 91", "conv4_x 1024 16 811", "conv5_x 2048 32 971"),
    num_features=2_048,
    published=(
        {"quantity": "params", "printed": "44,549,160", "where": "torchvision's weight metadata"},
        {"quantity": "macs", "printed": "7.801G", "where": "torchvision's weight metadata"},
    ),
    torchvision="resnet101",
    keys=TORCHVISION_KEYS,
    deviations=(STRIDE_IN_3X3, AS_TORCHVISION),
)
def resnet101_v1_5(num_classes: int = 1000, in_channels: int = 3) -> ResNetV15:
    """ResNet-101 with the stride in the 3×3 convolutions, as torchvision ships it."""
    return ResNetV15((3, 4, 23, 3), num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-152 v1.5",
    params=60_192_808,
    macs=11_513_626_624,
    depth=152,
    stages=("relu1 64 2 7", "conv2_x 256 4 35", "conv3_x 512 8 155", "conv4_x 1024 16 1291", "conv5_x 2048 32 1451"),
    num_features=2_048,
    published=(
        {"quantity": "params", "printed": "60,192,808", "where": "torchvision's weight metadata"},
        {"quantity": "macs", "printed": "11.514G", "where": "torchvision's weight metadata"},
    ),
    torchvision="resnet152",
    keys=TORCHVISION_KEYS,
    deviations=(STRIDE_IN_3X3, AS_TORCHVISION),
)
def resnet152_v1_5(num_classes: int = 1000, in_channels: int = 3) -> ResNetV15:
    """ResNet-152 with the stride in the 3×3 convolutions, as torchvision ships it."""
    return ResNetV15((3, 8, 36, 3), num_classes, in_channels)
