"""The networks that most libraries ship as ResNet: those of torchvision, after K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual
Learning for Image Recognition", CVPR 2016.

Table 1 gives the networks, figure 5 the two kinds of block, section 4.1 the kinds of shortcut. Stages carry the names of
Table 1 (conv1, conv2_x, ..., conv5_x). Shapes in comments are for 224×224 images. Deviations are on the cards.
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
IMAGENET1K_V1 = {
    "on": "ILSVRC 2012 validation",
    "measure": "accuracy",
    "crops": "centre crop",
    "note": "torchvision's weights",
    "source": "torchvision, IMAGENET1K_V1",
}
TERMS = "torchvision's weights may have terms of their own, derived from the data they were trained on. [torchvision, README]"
PAPER = ("paper", "its first version", "https://arxiv.org/abs/1512.03385v1")
RELEASE = ("author's file", "readme and prototxts", "https://github.com/KaimingHe/deep-residual-networks")
TORCHVISION = ("author's file", "model code and weight metadata", "https://github.com/pytorch/vision")
TORCH_DEFAULTS = "eps 1e-5, momentum 0.1 in torch's sense. [torchvision, resnet.py]"
TORCHVISION_RGB = (
    "For torchvision's weights: the shorter side scaled to 256 pixels, 224×224 centre crop, RGB in [0, 1], mean (0.485, 0.456, "
    "0.406) subtracted, divided by (0.229, 0.224, 0.225). [torchvision, IMAGENET1K_V1]"
)

NOT_OF_THE_PAPER = (
    "Not a network of the paper but torchvision's, which most libraries ship as ResNet-18: its shortcuts are projections where the "
    "shape changes (option B). The paper's ResNet-18 has option A: it is resnet18_a. [torchvision, resnet.py; paper, Table 2]"
)
OPTION_B = (
    "Not quite the paper's network but torchvision's, which most libraries ship as ResNet-34: it has the shortcuts of the paper's "
    "ResNet-34 B, with another padding of the stem's max pooling and another initialisation. The paper's own are resnet34_a, "
    "resnet34_b and resnet34_c. [torchvision, resnet.py; paper, Table 3]"
)
STRIDE_IN_3X3 = (
    "Not quite the published network but the one that most libraries ship as ResNet: stages from conv3_x on reduce "
    "the maps in the 3×3 convolution of their first block, where the authors' models do it in the 1×1 before. It "
    "costs 231 million multiply-accumulates. [torchvision, resnet.py; released, prototxt; computed]"
)
AS_TORCHVISION = (
    "As torchvision has it: the stem's max pooling is padded by 1, convolutions start from N(0, 2 / fan_out), the "
    "last layer from torch's default. [torchvision, resnet.py]"
)

TORCHVISION_KEYS = (
    (r"^layer1\.", "conv2_x."),
    (r"^layer2\.", "conv3_x."),
    (r"^layer3\.", "conv4_x."),
    (r"^layer4\.", "conv5_x."),
    (r"\.downsample\.0\.", ".shortcut.conv."),
    (r"\.downsample\.1\.", ".shortcut.bn."),
)


Factory: TypeAlias = Callable[[int, int, int], nn.Module]  # of in_channels, width or out_channels, stride


class ZeroPadding(nn.Module):
    """A shortcut without parameters: every stride-th pixel, and maps of zeros after the maps that there are."""

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
    """Figure 5, right: 1×1, 3×3 with the stride, 1×1. Input N×in_channels×H×W, output N×4·width×(H/stride)×(W/stride)."""

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: Factory) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = nn.Conv2d(width, width * 4, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.shortcut = shortcut(in_channels, width * 4, stride)
        self.relu3 = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = self.shortcut(x)  # N×4·width×(H/stride)×(W/stride)
        x = self.relu1(self.bn1(self.conv1(x)))  # N×width×H×W
        x = self.relu2(self.bn2(self.conv2(x)))  # N×width×(H/stride)×(W/stride)
        x = self.relu3(self.bn3(self.conv3(x)) + shortcut)  # N×4·width×(H/stride)×(W/stride)
        return x


class ResNet(nn.Module):
    """A column of Table 1 as torchvision has it, with `counts` blocks of expansion `e` in conv2_x to conv5_x.

    Input N×in_channels×224×224, output N×num_classes.
    """

    def __init__(self, block: Factory, e: int, counts: tuple[int, int, int, int], num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu1 = nn.ReLU(inplace=True)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
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
        """Convolutions from N(0, 2 / fan_out); batch normalisation and the last layer as torch leaves them."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

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
    title="ResNet-18 of torchvision",
    params=11_689_512,
    macs=1_814_073_344,
    depth=18,
    stages=("relu1 64 2 7", "conv2_x 64 4 43", "conv3_x 128 8 99", "conv4_x 256 16 211", "conv5_x 512 32 435"),
    num_features=512,
    published=(
        {"quantity": "params", "printed": "11,689,512", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "1.814G", "where": "weight metadata", "source": "torchvision"},
    ),
    variants=(
        {"options": {"shortcut": "A"}, "params": 11_515_688, "macs": 1_794_805_760},
        {"options": {"shortcut": "C"}, "params": 12_043_816, "macs": 1_878_298_624},
    ),
    torchvision="resnet18",
    keys=TORCHVISION_KEYS,
    parents=("resnet18_a",),
    sources={"paper": PAPER, "torchvision": TORCHVISION},
    deviations=(NOT_OF_THE_PAPER, AS_TORCHVISION),
    results=({**IMAGENET1K_V1, "top1": "69.758", "top5": "89.078"},),
    preprocessing=(TORCHVISION_RGB,),
    normalisation=(TORCH_DEFAULTS,),
    weights=(
        "torchvision's: https://download.pytorch.org/models/resnet18-f37072fd.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
    ),
)
def resnet18(num_classes: int = 1000, in_channels: int = 3, shortcut: Literal["A", "B", "C"] = "B") -> ResNet:
    """The ResNet-18 that torchvision ships: the paper's with projections in three shortcuts (option B)."""
    return ResNet(partial(BasicBlock, shortcut=SHORTCUTS[shortcut]), 1, (2, 2, 2, 2), num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-34 of torchvision",
    params=21_797_672,
    macs=3_663_761_408,
    depth=34,
    stages=("relu1 64 2 7", "conv2_x 64 4 59", "conv3_x 128 8 179", "conv4_x 256 16 547", "conv5_x 512 32 899"),
    num_features=512,
    published=(
        {"quantity": "params", "printed": "21,797,672", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "3.664G", "where": "weight metadata", "source": "torchvision"},
    ),
    variants=(
        {"options": {"shortcut": "A"}, "params": 21_623_848, "macs": 3_644_493_824},
        {"options": {"shortcut": "C"}, "params": 22_716_840, "macs": 3_830_747_136},
    ),
    torchvision="resnet34",
    keys=TORCHVISION_KEYS,
    parents=("resnet34_b",),
    sources={"paper": PAPER, "torchvision": TORCHVISION},
    deviations=(OPTION_B, AS_TORCHVISION),
    results=({**IMAGENET1K_V1, "top1": "73.314", "top5": "91.42"},),
    preprocessing=(TORCHVISION_RGB,),
    normalisation=(TORCH_DEFAULTS,),
    weights=(
        "torchvision's: https://download.pytorch.org/models/resnet34-b627a593.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
    ),
)
def resnet34(num_classes: int = 1000, in_channels: int = 3, shortcut: Literal["A", "B", "C"] = "B") -> ResNet:
    """The ResNet-34 that torchvision ships: projections in three shortcuts (option B), another stem pooling."""
    return ResNet(partial(BasicBlock, shortcut=SHORTCUTS[shortcut]), 1, (3, 4, 6, 3), num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-50 v1.5",
    params=25_557_032,
    macs=4_089_184_256,
    depth=50,
    stages=("relu1 64 2 7", "conv2_x 256 4 35", "conv3_x 512 8 91", "conv4_x 1024 16 267", "conv5_x 2048 32 427"),
    num_features=2_048,
    published=(
        {"quantity": "params", "printed": "25,557,032", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "4.089G", "where": "weight metadata", "source": "torchvision"},
    ),
    torchvision="resnet50",
    keys=TORCHVISION_KEYS,
    parents=("resnet50",),
    sources={"released": RELEASE, "torchvision": TORCHVISION},
    deviations=(STRIDE_IN_3X3, AS_TORCHVISION),
    results=({**IMAGENET1K_V1, "top1": "76.13", "top5": "92.862"},),
    preprocessing=(TORCHVISION_RGB,),
    normalisation=(TORCH_DEFAULTS,),
    weights=(
        "torchvision's: https://download.pytorch.org/models/resnet50-0676ba61.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
    ),
)
def resnet50_v1_5(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNet-50 with the stride in the 3×3 convolutions, as torchvision ships it."""
    return ResNet(partial(Bottleneck, shortcut=projected), 4, (3, 4, 6, 3), num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-101 v1.5",
    params=44_549_160,
    macs=7_801_405_440,
    depth=101,
    stages=("relu1 64 2 7", "conv2_x 256 4 35", "conv3_x 512 8 91", "conv4_x 1024 16 811", "conv5_x 2048 32 971"),
    num_features=2_048,
    published=(
        {"quantity": "params", "printed": "44,549,160", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "7.801G", "where": "weight metadata", "source": "torchvision"},
    ),
    torchvision="resnet101",
    keys=TORCHVISION_KEYS,
    parents=("resnet101",),
    sources={"released": RELEASE, "torchvision": TORCHVISION},
    deviations=(STRIDE_IN_3X3, AS_TORCHVISION),
    results=({**IMAGENET1K_V1, "top1": "77.374", "top5": "93.546"},),
    preprocessing=(TORCHVISION_RGB,),
    normalisation=(TORCH_DEFAULTS,),
    weights=(
        "torchvision's: https://download.pytorch.org/models/resnet101-63fe2227.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
    ),
)
def resnet101_v1_5(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNet-101 with the stride in the 3×3 convolutions, as torchvision ships it."""
    return ResNet(partial(Bottleneck, shortcut=projected), 4, (3, 4, 23, 3), num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-152 v1.5",
    params=60_192_808,
    macs=11_513_626_624,
    depth=152,
    stages=("relu1 64 2 7", "conv2_x 256 4 35", "conv3_x 512 8 155", "conv4_x 1024 16 1291", "conv5_x 2048 32 1451"),
    num_features=2_048,
    published=(
        {"quantity": "params", "printed": "60,192,808", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "11.514G", "where": "weight metadata", "source": "torchvision"},
    ),
    torchvision="resnet152",
    keys=TORCHVISION_KEYS,
    parents=("resnet152",),
    sources={"released": RELEASE, "torchvision": TORCHVISION},
    deviations=(STRIDE_IN_3X3, AS_TORCHVISION),
    results=({**IMAGENET1K_V1, "top1": "78.312", "top5": "94.046"},),
    preprocessing=(TORCHVISION_RGB,),
    normalisation=(TORCH_DEFAULTS,),
    weights=(
        "torchvision's: https://download.pytorch.org/models/resnet152-394f9c45.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
    ),
)
def resnet152_v1_5(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """ResNet-152 with the stride in the 3×3 convolutions, as torchvision ships it."""
    return ResNet(partial(Bottleneck, shortcut=projected), 4, (3, 8, 36, 3), num_classes, in_channels)
