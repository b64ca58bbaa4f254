"""VGG: K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015.

Table 1 gives the configurations A to E, section 2.1 the layers, section 3.1 the initialisation. Layers carry the names
of the authors' Caffe models (conv1_1, ..., pool5, fc6, fc7, fc8). Shapes in comments are for 224×224 images. Deviations
stand on the cards.
"""

from collections import OrderedDict

import torch
from torch import nn

from zoo.extend import arch

# Table 1, a row here for a column there: the kernel sizes of the convolutions of each of the five blocks.
TABLE_1 = {
    "A": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "A-LRN": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "B": ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)),
    "C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "D": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "E": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}
WIDTHS = (64, 128, 256, 512, 512)  # of the five blocks, in every configuration

ICLR_2015 = {
    "year": 2014,
    "authors": "Karen Simonyan, Andrew Zisserman",
    "paper": "Very Deep Convolutional Networks for Large-Scale Image Recognition (ICLR 2015)",
    "arxiv": "1409.1556",
    "input": (3, 224, 224),
    "classifier": "classifier.fc8",
    "by_design": ("fixed-input", "heavy-head"),
    "num_features": 4_096,
}

INITIALISATION = (
    "Weights start from Glorot and Bengio's uniform distribution, biases from 0. The paper trained A from a normal "
    "distribution and began the deeper networks with A's layers, and says itself that Glorot and Bengio's procedure "
    "does without this pre-training."
)
NO_ADAPTIVE_POOL = (
    "pool5 goes straight into fc6, so images must give 7×7 maps; torchvision puts adaptive average pooling to 7×7 in "
    "between, which changes nothing at 224×224."
)
VARIANCE = (
    "Section 3.1 prints a variance of 10^-2 for the normal distribution, a standard deviation of 0.1; many ports "
    "read it as a standard deviation of 0.01."
)


def lrn() -> nn.LocalResponseNorm:
    """AlexNet's: k = 2, n = 5, alpha = 1e-4, beta = 0.75. torch divides alpha by n, AlexNet's formula does not."""
    return nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)


def feature_layers(configuration: str, in_channels: int) -> OrderedDict[str, nn.Module]:
    """A column of Table 1 down to the last pooling, by name."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for block, (kernels, width) in enumerate(zip(TABLE_1[configuration], WIDTHS, strict=True), start=1):
        for i, kernel in enumerate(kernels, start=1):
            layers[f"conv{block}_{i}"] = nn.Conv2d(in_channels, width, kernel_size=kernel, padding=kernel // 2)
            layers[f"relu{block}_{i}"] = nn.ReLU(inplace=True)
            in_channels = width
        if configuration == "A-LRN" and block == 1:
            layers["norm1_1"] = lrn()
        layers[f"pool{block}"] = nn.MaxPool2d(kernel_size=2, stride=2)  # 224 -> 112 -> 56 -> 28 -> 14 -> 7
    return layers


class VGG(nn.Module):
    """A column of Table 1. Input N×in_channels×224×224, output N×num_classes."""

    def __init__(self, configuration: str, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(feature_layers(configuration, in_channels))
        self.classifier = nn.Sequential(
            OrderedDict(
                fc6=nn.Linear(512 * 7 * 7, 4096),
                relu6=nn.ReLU(inplace=True),
                drop6=nn.Dropout(dropout),
                fc7=nn.Linear(4096, 4096),
                relu7=nn.ReLU(inplace=True),
                drop7=nn.Dropout(dropout),
                fc8=nn.Linear(4096, num_classes),
            )
        )
        self.initialise()

    def initialise(self) -> None:
        """Glorot and Bengio 2010, equation 16: uniform in ±sqrt(6 / (fan_in + fan_out)); biases 0."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)  # N×512×7×7
        x = torch.flatten(x, 1)  # N×25088
        x = self.classifier(x)  # N×num_classes
        return x


@arch(
    **ICLR_2015,
    title="VGG-11 (A)",
    params=132_863_336,
    macs=7_609_090_048,
    depth=11,
    stages=(
        "features.relu1_1 64 1 3",
        "features.relu2_1 128 2 8",
        "features.relu3_2 256 4 26",
        "features.relu4_2 512 8 62",
        "features.relu5_2 512 16 134",
        "features 512 32 150",
    ),
    published=(
        {"quantity": "depth", "printed": "11", "where": "Table 1"},
        {"quantity": "params", "printed": "133 million", "where": "Table 2"},
        {"quantity": "params", "printed": "132,863,336", "where": "torchvision's weight metadata"},
        {"quantity": "macs", "printed": "7.609G", "where": "torchvision's weight metadata"},
    ),
    torchvision="vgg11",
    keys=(
        (r"^features\.0\.", "features.conv1_1."),
        (r"^features\.3\.", "features.conv2_1."),
        (r"^features\.6\.", "features.conv3_1."),
        (r"^features\.8\.", "features.conv3_2."),
        (r"^features\.11\.", "features.conv4_1."),
        (r"^features\.13\.", "features.conv4_2."),
        (r"^features\.16\.", "features.conv5_1."),
        (r"^features\.18\.", "features.conv5_2."),
        (r"^classifier\.0\.", "classifier.fc6."),
        (r"^classifier\.3\.", "classifier.fc7."),
        (r"^classifier\.6\.", "classifier.fc8."),
    ),
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    errata=(VARIANCE,),
)
def vgg11(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration A: eight 3×3 convolutions, three fully connected layers."""
    return VGG("A", num_classes, in_channels, dropout)


@arch(
    **ICLR_2015,
    title="VGG-11 with LRN (A-LRN)",
    params=132_863_336,
    macs=7_609_090_048,
    depth=11,
    stages=(
        "features.norm1_1 64 1 3",
        "features.relu2_1 128 2 8",
        "features.relu3_2 256 4 26",
        "features.relu4_2 512 8 62",
        "features.relu5_2 512 16 134",
        "features 512 32 150",
    ),
    published=(
        {"quantity": "depth", "printed": "11", "where": "Table 1"},
        {"quantity": "params", "printed": "133 million", "where": "Table 2"},
    ),
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    errata=(VARIANCE,),
)
def vgg11_lrn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration A-LRN: A with AlexNet's local response normalisation after conv1_1."""
    return VGG("A-LRN", num_classes, in_channels, dropout)


@arch(
    **ICLR_2015,
    title="VGG-13 (B)",
    params=133_047_848,
    macs=11_308_466_176,
    depth=13,
    stages=(
        "features.relu1_2 64 1 5",
        "features.relu2_2 128 2 14",
        "features.relu3_2 256 4 32",
        "features.relu4_2 512 8 68",
        "features.relu5_2 512 16 140",
        "features 512 32 156",
    ),
    published=(
        {"quantity": "depth", "printed": "13", "where": "Table 1"},
        {"quantity": "params", "printed": "133 million", "where": "Table 2"},
        {"quantity": "params", "printed": "133,047,848", "where": "torchvision's weight metadata"},
        {"quantity": "macs", "printed": "11.308G", "where": "torchvision's weight metadata"},
    ),
    torchvision="vgg13",
    keys=(
        (r"^features\.0\.", "features.conv1_1."),
        (r"^features\.2\.", "features.conv1_2."),
        (r"^features\.5\.", "features.conv2_1."),
        (r"^features\.7\.", "features.conv2_2."),
        (r"^features\.10\.", "features.conv3_1."),
        (r"^features\.12\.", "features.conv3_2."),
        (r"^features\.15\.", "features.conv4_1."),
        (r"^features\.17\.", "features.conv4_2."),
        (r"^features\.20\.", "features.conv5_1."),
        (r"^features\.22\.", "features.conv5_2."),
        (r"^classifier\.0\.", "classifier.fc6."),
        (r"^classifier\.3\.", "classifier.fc7."),
        (r"^classifier\.6\.", "classifier.fc8."),
    ),
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    errata=(VARIANCE, "132,863,336 parameters, sometimes given for B, is the number of A."),
)
def vgg13(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration B: ten 3×3 convolutions, two in each block."""
    return VGG("B", num_classes, in_channels, dropout)


@arch(
    **ICLR_2015,
    title="VGG-16 with 1×1 convolutions (C)",
    params=133_638_952,
    macs=11_770_888_192,
    depth=16,
    stages=(
        "features.relu1_2 64 1 5",
        "features.relu2_2 128 2 14",
        "features.relu3_3 256 4 32",
        "features.relu4_3 512 8 68",
        "features.relu5_3 512 16 140",
        "features 512 32 156",
    ),
    published=(
        {"quantity": "depth", "printed": "16", "where": "Table 1"},
        {"quantity": "params", "printed": "134 million", "where": "Table 2"},
    ),
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    errata=(VARIANCE, "134,301,544 parameters, sometimes given for C, is the number of no column of Table 1."),
)
def vgg16_c(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration C: B with a 1×1 convolution at the end of blocks 3, 4 and 5."""
    return VGG("C", num_classes, in_channels, dropout)


@arch(
    **ICLR_2015,
    title="VGG-16 (D)",
    params=138_357_544,
    macs=15_470_264_320,
    depth=16,
    stages=(
        "features.relu1_2 64 1 5",
        "features.relu2_2 128 2 14",
        "features.relu3_3 256 4 40",
        "features.relu4_3 512 8 92",
        "features.relu5_3 512 16 196",
        "features 512 32 212",
    ),
    published=(
        {"quantity": "depth", "printed": "16", "where": "Table 1"},
        {"quantity": "params", "printed": "138 million", "where": "Table 2"},
        {"quantity": "params", "printed": "138,357,544", "where": "torchvision's weight metadata"},
        {"quantity": "macs", "printed": "15.47G", "where": "torchvision's weight metadata"},
        {
            "quantity": "macs",
            "printed": "15.3×10^9",
            "where": "the ResNet paper (arXiv 1512.03385), section 4.1",
            "note": "The convolutions alone, 15,346,630,656; the 19.6×10^9 of VGG-19 beside it include the classifier.",
        },
    ),
    torchvision="vgg16",
    keys=(
        (r"^features\.0\.", "features.conv1_1."),
        (r"^features\.2\.", "features.conv1_2."),
        (r"^features\.5\.", "features.conv2_1."),
        (r"^features\.7\.", "features.conv2_2."),
        (r"^features\.10\.", "features.conv3_1."),
        (r"^features\.12\.", "features.conv3_2."),
        (r"^features\.14\.", "features.conv3_3."),
        (r"^features\.17\.", "features.conv4_1."),
        (r"^features\.19\.", "features.conv4_2."),
        (r"^features\.21\.", "features.conv4_3."),
        (r"^features\.24\.", "features.conv5_1."),
        (r"^features\.26\.", "features.conv5_2."),
        (r"^features\.28\.", "features.conv5_3."),
        (r"^classifier\.0\.", "classifier.fc6."),
        (r"^classifier\.3\.", "classifier.fc7."),
        (r"^classifier\.6\.", "classifier.fc8."),
    ),
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    errata=(
        VARIANCE,
        "Google's table of receptive fields gives 30.7 billion: two for each multiply-accumulate of the convolutions alone.",
    ),
)
def vgg16(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration D: thirteen 3×3 convolutions, the VGG-16 of common use."""
    return VGG("D", num_classes, in_channels, dropout)


@arch(
    **ICLR_2015,
    title="VGG-19 (E)",
    params=143_667_240,
    macs=19_632_062_464,
    depth=19,
    stages=(
        "features.relu1_2 64 1 5",
        "features.relu2_2 128 2 14",
        "features.relu3_4 256 4 48",
        "features.relu4_4 512 8 116",
        "features.relu5_4 512 16 252",
        "features 512 32 268",
    ),
    published=(
        {"quantity": "depth", "printed": "19", "where": "Table 1"},
        {"quantity": "params", "printed": "144 million", "where": "Table 2"},
        {"quantity": "params", "printed": "143,667,240", "where": "torchvision's weight metadata"},
        {"quantity": "macs", "printed": "19.632G", "where": "torchvision's weight metadata"},
        {"quantity": "macs", "printed": "19.6×10^9", "where": "the ResNet paper (arXiv 1512.03385), section 4.1"},
    ),
    torchvision="vgg19",
    keys=(
        (r"^features\.0\.", "features.conv1_1."),
        (r"^features\.2\.", "features.conv1_2."),
        (r"^features\.5\.", "features.conv2_1."),
        (r"^features\.7\.", "features.conv2_2."),
        (r"^features\.10\.", "features.conv3_1."),
        (r"^features\.12\.", "features.conv3_2."),
        (r"^features\.14\.", "features.conv3_3."),
        (r"^features\.16\.", "features.conv3_4."),
        (r"^features\.19\.", "features.conv4_1."),
        (r"^features\.21\.", "features.conv4_2."),
        (r"^features\.23\.", "features.conv4_3."),
        (r"^features\.25\.", "features.conv4_4."),
        (r"^features\.28\.", "features.conv5_1."),
        (r"^features\.30\.", "features.conv5_2."),
        (r"^features\.32\.", "features.conv5_3."),
        (r"^features\.34\.", "features.conv5_4."),
        (r"^classifier\.0\.", "classifier.fc6."),
        (r"^classifier\.3\.", "classifier.fc7."),
        (r"^classifier\.6\.", "classifier.fc8."),
    ),
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    errata=(VARIANCE,),
)
def vgg19(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration E: sixteen 3×3 convolutions, the deepest of Table 1."""
    return VGG("E", num_classes, in_channels, dropout)
