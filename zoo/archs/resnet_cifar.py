"""ResNet for CIFAR-10: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2.

The networks have 6n + 2 layers: a convolution, three stages of n blocks with 16, 32 and 64 maps, a fully connected layer. Stages
are named as in the networks for ImageNet (conv1, conv2_x, conv3_x, conv4_x). Shapes in comments are for 32×32 images.
Deviations are on the cards.
"""

import torch
from torch import nn

from zoo.extend import arch

CVPR_2016 = {
    "year": 2015,
    "authors": "Kaiming He, Xiangyu Zhang, Shaoqing Ren, Jian Sun",
    "paper": "Deep Residual Learning for Image Recognition (CVPR 2016)",
    "doi": "10.1109/CVPR.2016.90",
    "arxiv": "1512.03385",
    "input": (3, 32, 32),
    "classifier": "fc",
    "num_features": 64,
    "recipe": {
        "optimiser": "Stochastic gradient descent with momentum 0.9. [paper, section 4.2]",
        "learning rate": "0.1, divided by 10 after 32,000 and 48,000 iterations; in ResNet-110, 0.01 before that, until the "
        "training error is below 80%, about 400 iterations. [paper, section 4.2]",
        "batch": "128. [paper, section 4.2]",
        "weight decay": "0.0001. [paper, section 4.2]",
        "augmentation": "Images padded by 4 pixels, random 32×32 crops, mirror images. [paper, section 4.2]",
        "dropout": "None. [paper, section 4.2]",
        "length": "64,000 iterations. [paper, section 4.2]",
        "hardware": "Two GPUs. [paper, section 4.2]",
    },
    "preprocessing": {"stated": ("The per-pixel mean is subtracted. [paper, section 4.2]",), "mean_of": "pixels"},
    "normalisation": ("The paper gives no constants: eps 1e-5 and momentum 0.1, torch's defaults. [paper, section 4.2; ours]",),
    "citation": {
        "type": "inproceedings",
        "booktitle": "IEEE Conference on Computer Vision and Pattern Recognition",
        "year": "2016",
    },
}
PAPER = ("paper", "its first version", "https://arxiv.org/abs/1512.03385v1")
RECTIFIERS = ("paper", "He et al. 2015, Delving Deep into Rectifiers", "https://arxiv.org/abs/1502.01852")
PORTS = ("second-hand", "other definitions, such as those in https://github.com/akamaster/pytorch_resnet_cifar10")

INITIALISATION = (
    "Convolutions start from equation 10 of He et al. 2015, arXiv 1502.01852: N(0, 2 / fan_in). The paper refers to "
    "that work and says no more; the last layer is treated alike here, with biases 0. [paper, section 4.2; rectifiers; ours]"
)
ZEROS_LAST = (
    "Where a shortcut meets twice as many maps, the paper adds maps of zeros and does not say where: here after the others. "
    "Popular ports put half of them in front, so trained weights of theirs do not fit. [paper, section 3.3; ports; ours]"
)
PROJECTIONS = (
    "Ports with projections in the two shortcuts that change shape (option B) have 2,752 parameters more; the paper has none. "
    "[paper, section 4.2; ports; computed]"
)


class ZeroPadding(nn.Module):
    """A shortcut without parameters: every stride-th pixel, and zero maps after the existing maps."""

    def __init__(self, more_channels: int, stride: int) -> None:
        super().__init__()
        self.more_channels = more_channels
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(x, (0, 0, 0, 0, 0, self.more_channels))


class PlainBlock(nn.Module):
    """Two 3×3 convolutions. Input N×in_channels×H×W, output N×width×(H/stride)×(W/stride)."""

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


class BasicBlock(nn.Module):
    """The same with a shortcut of option A around it: the identity, padded with zeros where the shape changes."""

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU(inplace=True)
        same = (in_channels, stride) == (width, 1)
        self.shortcut = nn.Identity() if same else ZeroPadding(width - in_channels, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = self.shortcut(x)  # N×width×(H/stride)×(W/stride)
        x = self.relu1(self.bn1(self.conv1(x)))  # N×width×(H/stride)×(W/stride)
        x = self.relu2(self.bn2(self.conv2(x)) + shortcut)
        return x


class ResNetCifar(nn.Module):
    """6n + 2 layers. Input N×in_channels×32×32, output N×num_classes."""

    def __init__(self, block: type[PlainBlock | BasicBlock], n: int, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2_x = self.stage(block, n, 16, 16, 1)
        self.conv3_x = self.stage(block, n, 16, 32, 2)
        self.conv4_x = self.stage(block, n, 32, 64, 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(64, num_classes)
        self.initialise()

    @staticmethod
    def stage(block: type[PlainBlock | BasicBlock], n: int, in_channels: int, width: int, stride: int) -> nn.Sequential:
        """`n` blocks, of which the first changes the shape."""
        return nn.Sequential(block(in_channels, width, stride), *(block(width, width, 1) for _ in range(n - 1)))

    def initialise(self) -> None:
        """Weights from N(0, 2 / fan_in), bias 0; batch normalisation starts with scale 1 and shift 0."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu1(self.bn1(self.conv1(x)))  # N×16×32×32
        x = self.conv2_x(x)  # N×16×32×32
        x = self.conv3_x(x)  # N×32×16×16
        x = self.conv4_x(x)  # N×64×8×8
        x = self.avgpool(x)  # N×64×1×1
        x = torch.flatten(x, 1)  # N×64
        x = self.fc(x)  # N×num_classes
        return x


@arch(
    **CVPR_2016,
    title="ResNet-20, CIFAR-10",
    params=269_722,
    macs=40_551_040,
    depth=20,
    stages=("conv2_x 16 1 15", "conv3_x 32 2 37", "conv4_x 64 4 81"),
    published=(
        {"quantity": "depth", "printed": "20", "where": "Table 6"},
        {"quantity": "params", "printed": "0.27M", "where": "Table 6"},
    ),
    parents=("plain20",),
    sources={"paper": PAPER, "rectifiers": RECTIFIERS, "ports": PORTS},
    deviations=(INITIALISATION, ZEROS_LAST),
    notes=(PROJECTIONS,),
    results=({"on": "CIFAR-10 test", "top1": "8.75", "source": "paper, Table 6"},),
)
def resnet20(num_classes: int = 10, in_channels: int = 3) -> ResNetCifar:
    """He 2015 for CIFAR-10: nine blocks of two 3×3 convolutions, shortcuts without parameters."""
    return ResNetCifar(BasicBlock, 3, num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-32, CIFAR-10",
    params=464_154,
    macs=68_862_592,
    depth=32,
    stages=("conv2_x 16 1 23", "conv3_x 32 2 61", "conv4_x 64 4 137"),
    published=(
        {"quantity": "depth", "printed": "32", "where": "Table 6"},
        {"quantity": "params", "printed": "0.46M", "where": "Table 6"},
    ),
    parents=("plain32",),
    sources={"paper": PAPER, "rectifiers": RECTIFIERS, "ports": PORTS},
    deviations=(INITIALISATION, ZEROS_LAST),
    notes=(PROJECTIONS,),
    results=({"on": "CIFAR-10 test", "top1": "7.51", "source": "paper, Table 6"},),
)
def resnet32(num_classes: int = 10, in_channels: int = 3) -> ResNetCifar:
    """He 2015 for CIFAR-10: fifteen blocks of two 3×3 convolutions, shortcuts without parameters."""
    return ResNetCifar(BasicBlock, 5, num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-44, CIFAR-10",
    params=658_586,
    macs=97_174_144,
    depth=44,
    stages=("conv2_x 16 1 31", "conv3_x 32 2 85", "conv4_x 64 4 193"),
    published=(
        {"quantity": "depth", "printed": "44", "where": "Table 6"},
        {"quantity": "params", "printed": "0.66M", "where": "Table 6"},
    ),
    parents=("plain44",),
    sources={"paper": PAPER, "rectifiers": RECTIFIERS, "ports": PORTS},
    deviations=(INITIALISATION, ZEROS_LAST),
    notes=(PROJECTIONS,),
    results=({"on": "CIFAR-10 test", "top1": "7.17", "source": "paper, Table 6"},),
)
def resnet44(num_classes: int = 10, in_channels: int = 3) -> ResNetCifar:
    """He 2015 for CIFAR-10: 21 blocks of two 3×3 convolutions, shortcuts without parameters."""
    return ResNetCifar(BasicBlock, 7, num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-56, CIFAR-10",
    params=853_018,
    macs=125_485_696,
    depth=56,
    stages=("conv2_x 16 1 39", "conv3_x 32 2 109", "conv4_x 64 4 249"),
    published=(
        {"quantity": "depth", "printed": "56", "where": "Table 6"},
        {"quantity": "params", "printed": "0.85M", "where": "Table 6"},
    ),
    parents=("plain56",),
    sources={"paper": PAPER, "rectifiers": RECTIFIERS, "ports": PORTS},
    deviations=(INITIALISATION, ZEROS_LAST),
    notes=(PROJECTIONS,),
    results=({"on": "CIFAR-10 test", "top1": "6.97", "source": "paper, Table 6"},),
)
def resnet56(num_classes: int = 10, in_channels: int = 3) -> ResNetCifar:
    """He 2015 for CIFAR-10: 27 blocks of two 3×3 convolutions, shortcuts without parameters."""
    return ResNetCifar(BasicBlock, 9, num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-110, CIFAR-10",
    params=1_727_962,
    macs=252_887_680,
    depth=110,
    stages=("conv2_x 16 1 75", "conv3_x 32 2 217", "conv4_x 64 4 501"),
    published=(
        {"quantity": "depth", "printed": "110", "where": "Table 6"},
        {"quantity": "params", "printed": "1.7M", "where": "Table 6"},
    ),
    parents=("plain110",),
    sources={"paper": PAPER, "rectifiers": RECTIFIERS, "ports": PORTS},
    deviations=(INITIALISATION, ZEROS_LAST),
    notes=(PROJECTIONS,),
    results=(
        {"on": "CIFAR-10 test", "top1": "6.43", "note": "the best of five; 6.61 ± 0.16 on average", "source": "paper, Table 6"},
    ),
)
def resnet110(num_classes: int = 10, in_channels: int = 3) -> ResNetCifar:
    """He 2015 for CIFAR-10: 54 blocks of two 3×3 convolutions, shortcuts without parameters."""
    return ResNetCifar(BasicBlock, 18, num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="ResNet-1202, CIFAR-10",
    params=19_421_274,
    macs=2_829_238_912,
    depth=1202,
    stages=("conv2_x 16 1 803", "conv3_x 32 2 2401", "conv4_x 64 4 5597"),
    published=(
        {"quantity": "depth", "printed": "1202", "where": "Table 6"},
        {"quantity": "params", "printed": "19.4M", "where": "Table 6"},
    ),
    parents=("resnet110",),
    sources={"paper": PAPER, "rectifiers": RECTIFIERS, "ports": PORTS},
    deviations=(INITIALISATION, ZEROS_LAST),
    notes=(PROJECTIONS,),
    results=({"on": "CIFAR-10 test", "top1": "7.93", "source": "paper, Table 6"},),
)
def resnet1202(num_classes: int = 10, in_channels: int = 3) -> ResNetCifar:
    """He 2015 for CIFAR-10: 600 blocks of two 3×3 convolutions, shortcuts without parameters."""
    return ResNetCifar(BasicBlock, 200, num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="Plain-20, CIFAR-10",
    params=269_722,
    macs=40_551_040,
    depth=20,
    stages=("conv2_x 16 1 15", "conv3_x 32 2 37", "conv4_x 64 4 81"),
    published=({"quantity": "depth", "printed": "20", "where": "figure 6"},),
    parents=("plain34",),
    sources={"paper": PAPER, "rectifiers": RECTIFIERS},
    deviations=(INITIALISATION,),
    by_design=("sees-whole-image", "small-image"),
)
def plain20(num_classes: int = 10, in_channels: int = 3) -> ResNetCifar:
    """He 2015 for CIFAR-10: the layers of ResNet-20 without its shortcuts."""
    return ResNetCifar(PlainBlock, 3, num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="Plain-32, CIFAR-10",
    params=464_154,
    macs=68_862_592,
    depth=32,
    stages=("conv2_x 16 1 23", "conv3_x 32 2 61", "conv4_x 64 4 137"),
    published=({"quantity": "depth", "printed": "32", "where": "figure 6"},),
    parents=("plain34",),
    sources={"paper": PAPER, "rectifiers": RECTIFIERS},
    deviations=(INITIALISATION,),
    by_design=("sees-whole-image", "small-image"),
)
def plain32(num_classes: int = 10, in_channels: int = 3) -> ResNetCifar:
    """He 2015 for CIFAR-10: the layers of ResNet-32 without its shortcuts."""
    return ResNetCifar(PlainBlock, 5, num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="Plain-44, CIFAR-10",
    params=658_586,
    macs=97_174_144,
    depth=44,
    stages=("conv2_x 16 1 31", "conv3_x 32 2 85", "conv4_x 64 4 193"),
    published=({"quantity": "depth", "printed": "44", "where": "figure 6"},),
    parents=("plain34",),
    sources={"paper": PAPER, "rectifiers": RECTIFIERS},
    deviations=(INITIALISATION,),
    by_design=("sees-whole-image", "small-image"),
)
def plain44(num_classes: int = 10, in_channels: int = 3) -> ResNetCifar:
    """He 2015 for CIFAR-10: the layers of ResNet-44 without its shortcuts."""
    return ResNetCifar(PlainBlock, 7, num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="Plain-56, CIFAR-10",
    params=853_018,
    macs=125_485_696,
    depth=56,
    stages=("conv2_x 16 1 39", "conv3_x 32 2 109", "conv4_x 64 4 249"),
    published=({"quantity": "depth", "printed": "56", "where": "figure 6"},),
    parents=("plain34",),
    sources={"paper": PAPER, "rectifiers": RECTIFIERS},
    deviations=(INITIALISATION,),
    by_design=("sees-whole-image", "small-image"),
)
def plain56(num_classes: int = 10, in_channels: int = 3) -> ResNetCifar:
    """He 2015 for CIFAR-10: the layers of ResNet-56 without its shortcuts."""
    return ResNetCifar(PlainBlock, 9, num_classes, in_channels)


@arch(
    **CVPR_2016,
    title="Plain-110, CIFAR-10",
    params=1_727_962,
    macs=252_887_680,
    depth=110,
    stages=("conv2_x 16 1 75", "conv3_x 32 2 217", "conv4_x 64 4 501"),
    published=({"quantity": "depth", "printed": "110", "where": "figure 6"},),
    parents=("plain34",),
    sources={"paper": PAPER, "rectifiers": RECTIFIERS},
    deviations=(INITIALISATION,),
    notes=("Its error was above 60%, and figure 6 does not show it. [paper, figure 6]",),
    by_design=("sees-whole-image", "small-image"),
)
def plain110(num_classes: int = 10, in_channels: int = 3) -> ResNetCifar:
    """He 2015 for CIFAR-10: the layers of ResNet-110 without its shortcuts."""
    return ResNetCifar(PlainBlock, 18, num_classes, in_channels)
