"""ResNet: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

Table 1 gives the networks, figure 5 the two kinds of block, section 4.1 the kinds of shortcut, section 3.3 the
plain networks. Stages carry the names of Table 1 (conv1, conv2_x, ..., conv5_x). Shapes in comments are for 224×224
images. Deviations are on the cards.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Literal, TypeAlias

import torch
from torch import nn

from zoo.extend import arch

CVPR_2016 = {
    "year": 2015,
    "authors": "Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun",
    "paper": "Deep Residual Learning for Image Recognition (CVPR 2016)",
    "doi": "10.1109/CVPR.2016.90",
    "arxiv": "1512.03385",
    "input": (3, 224, 224),
    "classifier": "fc",
    "citation": {
        "type": "inproceedings",
        "booktitle": "IEEE Conference on Computer Vision and Pattern Recognition",
        "year": "2016",
    },
}
RECIPE = {
    "optimiser": "Stochastic gradient descent with momentum 0.9. [paper, section 3.4]",
    "learning rate": "0.1, divided by 10 when the error stopped falling. [paper, section 3.4]",
    "batch": "256. [paper, section 3.4]",
    "weight decay": "0.0001. [paper, section 3.4]",
    "augmentation": "Random 224×224 crops of images whose shorter side is drawn from 256 to 480, mirror images, AlexNet's "
    "change of colours. [paper, section 3.4]",
    "dropout": "None. [paper, section 3.4]",
    "length": "Up to 600,000 iterations. [paper, section 3.4]",
}
DEEP_RECIPE = {**RECIPE, "hardware": "8 GPUs. [released, README]"}
PIXEL_MEAN = {"stated": ("The per-pixel mean is subtracted. [paper, section 3.4]",), "mean_of": "pixels"}
SOURCES = {
    "paper": ("paper", "its first version", "https://arxiv.org/abs/1512.03385v1"),
    "rectifiers": ("paper", "He et al. 2015, Delving Deep into Rectifiers", "https://arxiv.org/abs/1502.01852"),
    "released": ("author's file", "readme, licence and prototxts", "https://github.com/KaimingHe/deep-residual-networks"),
}
DEEP_SOURCES = {
    **SOURCES,
    "caffe": ("author's file", "its defaults", "https://github.com/BVLC/caffe"),
    "torchvision": ("author's file", "model code and weight metadata", "https://github.com/pytorch/vision"),
}
AVERAGES = (
    "The released means and variances are averages over a large batch, taken after the training, not moving averages; eps is "
    "Caffe's default 1e-5, as torch's. [released, README and prototxt; caffe, caffe.proto]"
)
VAL = "ILSVRC 2012 validation"
SCALES = "dense, several scales"
FROM_A_LINK = "The readme links to them; the repository is under the MIT licence. [released, README and LICENSE]"
EPS = "The paper gives no constants: eps 1e-5 and momentum 0.1, torch's defaults. [paper, section 3.4; ours]"

INITIALISATION = (
    "Convolutions start from equation 10 of He et al. 2015, arXiv 1502.01852: N(0, 2 / fan_in). The paper refers to "
    "that work and says no more; the last layer is treated alike here, with biases 0. [paper, section 3.4; rectifiers; ours]"
)
RELEASED = (
    "The paper does not say how the stem's max pooling is padded: as in the authors' Caffe models it is not, and rounds sizes up. "
    "[paper, Table 1; released, prototxt]"
)
NOT_RELEASED = (
    "The authors released no model of this network. The stem's max pooling, on whose padding the paper is silent, is that of their "
    "Caffe models of the deeper networks: not padded, with sizes rounded up. [released, README and prototxt; ours]"
)
ZEROS_LAST = (
    "Where a shortcut meets twice as many maps, the paper adds maps of zeros and does not say where: here after the others. "
    "[paper, section 3.3; ours]"
)
STRIDE_IN_1X1 = (
    "Stages from conv3_x on reduce the maps in the first 1×1 convolution of their first block, as in the authors' "
    "Caffe models; in the _v1_5 networks, which most libraries ship, the 3×3 convolution does it. Receptive fields "
    "differ too. [released, prototxt; torchvision, resnet.py; computed]"
)


Factory: TypeAlias = Callable[[int, int, int], nn.Module]  # of in_channels, width or out_channels, stride


class ZeroPadding(nn.Module):
    """A shortcut without parameters: every stride-th pixel, and zero maps after the existing maps."""

    def __init__(self, more_channels: int, stride: int) -> None:
        super().__init__()
        self.more_channels = more_channels
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(x, (0, 0, 0, 0, 0, self.more_channels))


def padded(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Section 4.1, option A: the identity, padded with zeros where the shape changes."""
    same = (in_channels, stride) == (out_channels, 1)
    return nn.Identity() if same else ZeroPadding(out_channels - in_channels, stride)


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Section 4.1, option C in every block, and option B where the shape changes: a 1×1 convolution."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(out_channels)))


def projected(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Section 4.1, option B: the identity, projected where the shape changes."""
    same = (in_channels, stride) == (out_channels, 1)
    return nn.Identity() if same else projection(in_channels, out_channels, stride)


SHORTCUTS: dict[str, Factory] = {"A": padded, "B": projected, "C": projection}


class BasicBlock(nn.Module):
    """Figure 5, left: two 3×3 convolutions. Input N×in_channels×H×W, output N×width×(H/stride)×(W/stride)."""

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: Factory) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = shortcut(in_channels, width, stride)
        self.relu2 = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = self.shortcut(x)  # N×width×(H/stride)×(W/stride)
        x = self.relu1(self.bn1(self.conv1(x)))  # N×width×(H/stride)×(W/stride)
        x = self.relu2(self.bn2(self.conv2(x)) + shortcut)
        return x


class Bottleneck(nn.Module):
    """Figure 5, right: 1×1, 3×3, 1×1. Input N×in_channels×H×W, output N×4·width×(H/stride)×(W/stride)."""

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: Factory) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=1, stride=stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(width, width * 4, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.shortcut = shortcut(in_channels, width * 4, stride)
        self.relu3 = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = self.shortcut(x)  # N×4·width×(H/stride)×(W/stride)
        x = self.relu1(self.bn1(self.conv1(x)))  # N×width×(H/stride)×(W/stride)
        x = self.relu2(self.bn2(self.conv2(x)))  # N×width×(H/stride)×(W/stride)
        x = self.relu3(self.bn3(self.conv3(x)) + shortcut)  # N×4·width×(H/stride)×(W/stride)
        return x


class ResNet(nn.Module):
    """A column of Table 1, with `counts` blocks of expansion `e` in conv2_x to conv5_x, and the stem of the authors' Caffe models.

    Input N×in_channels×224×224, output N×num_classes.
    """

    def __init__(self, block: Factory, e: int, counts: tuple[int, int, int, int], num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu1 = nn.ReLU(inplace=True)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.conv2_x = self.stage(block, counts[0], 64, 64, 64 * e, 1)
        self.conv3_x = self.stage(block, counts[1], 64 * e, 128, 128 * e, 2)
        self.conv4_x = self.stage(block, counts[2], 128 * e, 256, 256 * e, 2)
        self.conv5_x = self.stage(block, counts[3], 256 * e, 512, 512 * e, 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * e, num_classes)
        self.initialise()

    @staticmethod
    def stage(block: Factory, count: int, in_channels: int, width: int, out_channels: int, stride: int) -> nn.Sequential:
        """`count` blocks, of which the first changes the shape."""
        rest = (block(out_channels, width, 1) for _ in range(count - 1))
        return nn.Sequential(block(in_channels, width, stride), *rest)

    def initialise(self) -> None:
        """Weights from N(0, 2 / fan_in), bias 0; batch normalisation starts with scale 1 and shift 0."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu1(self.bn1(self.conv1(x)))  # N×64×112×112
        x = self.pool1(x)  # N×64×56×56
        x = self.conv2_x(x)  # N×64e×56×56, e: the expansion, 1 or 4
        x = self.conv3_x(x)  # N×128e×28×28
        x = self.conv4_x(x)  # N×256e×14×14
        x = self.conv5_x(x)  # N×512e×7×7
        x = self.avgpool(x)  # N×512e×1×1
        x = torch.flatten(x, 1)  # N×512e
        x = self.fc(x)  # N×num_classes
        return x


@arch(
    **CVPR_2016,
    title="ResNet-18 A",
    params=11_515_688,
    macs=1_794_805_760,
    depth=18,
    stages=("relu1 64 2 7", "conv2_x 64 4 43", "conv3_x 128 8 99", "conv4_x 256 16 211", "conv5_x 512 32 435"),
    num_features=512,
    published=(
        {"quantity": "depth", "printed": "18", "where": "Table 1"},
        {"quantity": "macs", "printed": "1.8×10^9", "where": "Table 1"},
    ),
    parents=("plain18",),
    sources=SOURCES,
    deviations=(INITIALISATION, NOT_RELEASED, ZEROS_LAST),
    results=({"on": VAL, "top1": "27.88", "crops": "10 crops", "source": "paper, Table 2"},),
    recipe=RECIPE,
    preprocessing=PIXEL_MEAN,
    normalisation=(EPS,),
)
def resnet18_a(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """He 2015, Table 2: eight basic blocks of two 3×3 convolutions, shortcuts without parameters."""
    return ResNet(partial(BasicBlock, shortcut=padded), 1, (2, 2, 2, 2), num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-34 A",
    params=21_623_848,
    macs=3_644_493_824,
    depth=34,
    stages=("relu1 64 2 7", "conv2_x 64 4 59", "conv3_x 128 8 179", "conv4_x 256 16 547", "conv5_x 512 32 899"),
    num_features=512,
    published=(
        {"quantity": "depth", "printed": "34", "where": "Table 1"},
        {"quantity": "macs", "printed": "3.6×10^9", "where": "Table 1"},
    ),
    parents=("plain34",),
    sources=SOURCES,
    deviations=(INITIALISATION, NOT_RELEASED, ZEROS_LAST),
    results=({"on": VAL, "top1": "25.03", "top5": "7.76", "crops": "10 crops", "source": "paper, Tables 2 and 3"},),
    recipe=RECIPE,
    preprocessing=PIXEL_MEAN,
    normalisation=(EPS,),
)
def resnet34_a(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """He 2015, Tables 2 and 3: sixteen basic blocks of two 3×3 convolutions, shortcuts without parameters."""
    return ResNet(partial(BasicBlock, shortcut=padded), 1, (3, 4, 6, 3), num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-34 B",
    params=21_797_672,
    macs=3_663_761_408,
    depth=34,
    stages=("relu1 64 2 7", "conv2_x 64 4 59", "conv3_x 128 8 179", "conv4_x 256 16 547", "conv5_x 512 32 899"),
    num_features=512,
    published=({"quantity": "depth", "printed": "34", "where": "Table 1"},),
    parents=("plain34",),
    sources=SOURCES,
    deviations=(INITIALISATION, NOT_RELEASED),
    notes=(
        "Table 1's 3.6×10^9 is the count of option A, 3.644×10^9, rounded; with projections it is 3.664×10^9, which rounds to 3.7. "
        "[paper, Table 1; computed]",
    ),
    results=(
        {"on": VAL, "top1": "24.52", "top5": "7.46", "crops": "10 crops", "source": "paper, Table 3"},
        {"on": VAL, "top1": "21.84", "top5": "5.71", "crops": SCALES, "source": "paper, Table 4"},
    ),
    recipe=RECIPE,
    preprocessing=PIXEL_MEAN,
    normalisation=(EPS,),
)
def resnet34_b(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """He 2015, Table 3: sixteen basic blocks, projections in the three shortcuts that change the shape."""
    return ResNet(partial(BasicBlock, shortcut=projected), 1, (3, 4, 6, 3), num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-34 C",
    params=22_716_840,
    macs=3_830_747_136,
    depth=34,
    stages=("relu1 64 2 7", "conv2_x 64 4 59", "conv3_x 128 8 179", "conv4_x 256 16 547", "conv5_x 512 32 899"),
    num_features=512,
    published=({"quantity": "depth", "printed": "34", "where": "Table 1"},),
    parents=("plain34",),
    sources=SOURCES,
    deviations=(INITIALISATION, NOT_RELEASED),
    results=(
        {"on": VAL, "top1": "24.19", "top5": "7.40", "crops": "10 crops", "source": "paper, Table 3"},
        {"on": VAL, "top1": "21.53", "top5": "5.60", "crops": SCALES, "source": "paper, Table 4"},
    ),
    recipe=RECIPE,
    preprocessing=PIXEL_MEAN,
    normalisation=(EPS,),
)
def resnet34_c(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """He 2015, Table 3: sixteen basic blocks, a projection in every shortcut."""
    return ResNet(partial(BasicBlock, shortcut=projection), 1, (3, 4, 6, 3), num_classes, in_channels)


class PlainBlock(nn.Module):
    """The two 3×3 convolutions of a basic block, without a shortcut."""

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu1(self.bn1(self.conv1(x)))  # N×width×(H/stride)×(W/stride)
        x = self.relu2(self.bn2(self.conv2(x)))
        return x


class PlainNet(ResNet):
    """Section 3.3: a column of Table 1 without the shortcuts. Input N×in_channels×224×224, output N×num_classes."""


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
    parents=("plain34",),
    sources=SOURCES,
    deviations=(INITIALISATION, NOT_RELEASED),
    results=({"on": VAL, "top1": "27.94", "crops": "10 crops", "source": "paper, Table 2"},),
    recipe=RECIPE,
    preprocessing=PIXEL_MEAN,
    normalisation=(EPS,),
    by_design=("sees-whole-image", "small-image"),
)
def plain18(num_classes: int = 1000, in_channels: int = 3) -> PlainNet:
    """He 2015: the layers of ResNet-18 without its shortcuts."""
    return PlainNet(PlainBlock, 1, (2, 2, 2, 2), num_classes, in_channels)


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
    parents=("vgg19",),
    sources=SOURCES,
    deviations=(INITIALISATION, NOT_RELEASED),
    results=({"on": VAL, "top1": "28.54", "top5": "10.02", "crops": "10 crops", "source": "paper, Tables 2 and 3"},),
    recipe=RECIPE,
    preprocessing=PIXEL_MEAN,
    normalisation=(EPS,),
    by_design=("sees-whole-image", "small-image"),
)
def plain34(num_classes: int = 1000, in_channels: int = 3) -> PlainNet:
    """He 2015: the layers of ResNet-34 without its shortcuts."""
    return PlainNet(PlainBlock, 1, (3, 4, 6, 3), num_classes, in_channels)


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
    parents=("resnet34_b",),
    sources={
        **DEEP_SOURCES,
        "slim": ("author's file", "research/slim/nets/resnet_v1.py", "https://github.com/tensorflow/models"),
        "receptive_field": ("author's file", "Google's table", "https://github.com/google-research/receptive_field"),
    },
    deviations=(INITIALISATION, RELEASED, STRIDE_IN_1X1),
    errata=(
        "Table 1's 3.8×10^9 is 3.858×10^9 cut off, while 7.6 and 11.3 of the deeper networks are rounded. [paper, Table 1; "
        "computed]",
    ),
    notes=(
        "TensorFlow-slim's resnet_v1_50 is a third network: it reduces the maps in the last block of a stage, and in the 3×3 "
        "convolution. [slim]",
        "Units of the last maps see 483 pixels a side, but 427 where the stride is in the 3×3 convolution: both numbers circulate. "
        "[receptive_field; computed]",
        "The released ResNet-50 description leaves the bias of conv1 on, for 64 parameters more; those of ResNet-101 "
        "and 152 do not. [released, prototxt; computed]",
    ),
    results=(
        {"on": VAL, "top1": "24.7", "top5": "7.8", "crops": "centre crop", "source": "released, README"},
        {"on": VAL, "top1": "22.85", "top5": "6.71", "crops": "10 crops", "source": "paper, Table 3"},
        {"on": VAL, "top1": "20.74", "top5": "5.25", "crops": SCALES, "source": "paper, Table 4"},
    ),
    recipe=DEEP_RECIPE,
    preprocessing=PIXEL_MEAN,
    normalisation=(AVERAGES,),
    weights=(FROM_A_LINK,),
)
def resnet50(num_classes: int = 1000, in_channels: int = 3, shortcut: Literal["A", "B", "C"] = "B") -> ResNet:
    """He 2015: sixteen bottleneck blocks, stride in their first 1×1 convolution."""
    return ResNet(partial(Bottleneck, shortcut=SHORTCUTS[shortcut]), 4, (3, 4, 6, 3), num_classes, in_channels)


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
    parents=("resnet50",),
    sources=DEEP_SOURCES,
    deviations=(INITIALISATION, RELEASED, STRIDE_IN_1X1),
    results=(
        {"on": VAL, "top1": "23.6", "top5": "7.1", "crops": "centre crop", "source": "released, README"},
        {"on": VAL, "top1": "21.75", "top5": "6.05", "crops": "10 crops", "source": "paper, Table 3"},
        {"on": VAL, "top1": "19.87", "top5": "4.60", "crops": SCALES, "source": "paper, Table 4"},
    ),
    recipe=DEEP_RECIPE,
    preprocessing=PIXEL_MEAN,
    normalisation=(AVERAGES,),
    weights=(FROM_A_LINK,),
)
def resnet101(num_classes: int = 1000, in_channels: int = 3, shortcut: Literal["A", "B", "C"] = "B") -> ResNet:
    """He 2015: 33 bottleneck blocks, stride in their first 1×1 convolution."""
    return ResNet(partial(Bottleneck, shortcut=SHORTCUTS[shortcut]), 4, (3, 4, 23, 3), num_classes, in_channels)


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
    parents=("resnet50",),
    sources=DEEP_SOURCES,
    deviations=(INITIALISATION, RELEASED, STRIDE_IN_1X1),
    errata=(
        "Section 4.1 sets its 11.3×10^9 beside 15.3×10^9 of VGG-16 and 19.6×10^9 of VGG-19: the first of these "
        "counts convolutions alone, the second the classifier as well, as for ResNets. [paper, section 4.1; computed]",
    ),
    results=(
        {"on": VAL, "top1": "23.0", "top5": "6.7", "crops": "centre crop", "source": "released, README"},
        {"on": VAL, "top1": "21.43", "top5": "5.71", "crops": "10 crops", "source": "paper, Table 3"},
        {"on": VAL, "top1": "19.38", "top5": "4.49", "crops": SCALES, "source": "paper, Table 4"},
        {"on": "ILSVRC 2015 test", "top5": "3.57", "models": 6, "note": "two of 152 layers", "source": "paper, section 4.1"},
    ),
    recipe=DEEP_RECIPE,
    preprocessing=PIXEL_MEAN,
    normalisation=(AVERAGES,),
    weights=(FROM_A_LINK,),
)
def resnet152(num_classes: int = 1000, in_channels: int = 3, shortcut: Literal["A", "B", "C"] = "B") -> ResNet:
    """He 2015: fifty bottleneck blocks, stride in their first 1×1 convolution."""
    return ResNet(partial(Bottleneck, shortcut=SHORTCUTS[shortcut]), 4, (3, 8, 36, 3), num_classes, in_channels)
