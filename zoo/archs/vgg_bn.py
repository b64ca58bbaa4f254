"""VGG with batch normalisation: the networks A, B, D and E of K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for
Large-Scale Image Recognition", ICLR 2015, as torchvision ships them.

Table 1 gives the configurations, S. Ioffe, C. Szegedy, "Batch Normalization", ICML 2015, the layer after each convolution. Layers
carry the names of the authors' Caffe models (conv1_1, ..., pool5, fc6, fc7, fc8). Shapes in comments are for 224×224 images.
Deviations are on the cards.
"""

from collections import OrderedDict

import torch
from torch import nn

from zoo.extend import arch

# Table 1, a row here for a column there: the number of 3×3 convolutions in each of the five blocks.
A = (1, 1, 2, 2, 2)
B = (2, 2, 2, 2, 2)
D = (2, 2, 3, 3, 3)
E = (2, 2, 4, 4, 4)
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
    "sources": {"torchvision": ("author's file", "model code and weight metadata", "https://github.com/pytorch/vision")},
    "preprocessing": (
        "For torchvision's weights: the shorter side scaled to 256 pixels, 224×224 centre crop, RGB in [0, 1], mean (0.485, 0.456, "
        "0.406) subtracted, divided by (0.229, 0.224, 0.225). [torchvision, IMAGENET1K_V1]",
    ),
    "normalisation": ("eps 1e-5, momentum 0.1 in torch's sense. [torchvision, vgg.py]",),
    "citation": {"type": "inproceedings", "booktitle": "International Conference on Learning Representations", "year": "2015"},
}

IMAGENET1K_V1 = {
    "on": "ILSVRC 2012 validation",
    "measure": "accuracy",
    "crops": "centre crop",
    "note": "torchvision's weights",
    "source": "torchvision, IMAGENET1K_V1",
}
TERMS = "torchvision's weights may have terms of their own, derived from the data they were trained on. [torchvision, README]"

NOT_IN_THE_PAPER = (
    "Not in the paper, which is older than batch normalisation, but torchvision's: it stands between each convolution, which "
    "keeps its bias, and its ReLU. [torchvision, vgg.py]"
)
AS_TORCHVISION = (
    "As torchvision has it: adaptive average pooling to 7×7 before the classifier, which changes nothing at 224×224; convolutions "
    "start from N(0, 2 / fan_out), fully connected layers from N(0, 0.01²), biases from 0. [torchvision, vgg.py]"
)


def feature_layers(counts: tuple[int, ...], in_channels: int) -> OrderedDict[str, nn.Module]:
    """A column of Table 1 down to the last pooling, by name."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for block, (count, width) in enumerate(zip(counts, WIDTHS, strict=True), start=1):
        for i in range(1, count + 1):
            layers[f"conv{block}_{i}"] = nn.Conv2d(in_channels, width, kernel_size=3, padding=1)
            layers[f"bn{block}_{i}"] = nn.BatchNorm2d(width)
            layers[f"relu{block}_{i}"] = nn.ReLU(inplace=True)
            in_channels = width
        layers[f"pool{block}"] = nn.MaxPool2d(kernel_size=2, stride=2)  # 224 -> 112 -> 56 -> 28 -> 14 -> 7
    return layers


class VGGBN(nn.Module):
    """A column of Table 1 with batch normalisation. Input N×in_channels×224×224, output N×num_classes."""

    def __init__(self, counts: tuple[int, ...], num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(feature_layers(counts, in_channels))
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
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
        """Convolutions from N(0, 2 / fan_out), linear layers from N(0, 0.01²), biases 0; batch normalisation as torch has it."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                else:
                    nn.init.normal_(layer.weight, std=0.01)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)  # N×512×7×7
        x = self.avgpool(x)  # N×512×7×7, whatever the input's size
        x = torch.flatten(x, 1)  # N×25088
        x = self.classifier(x)  # N×num_classes
        return x


@arch(
    **ICLR_2015,
    title="VGG-11 with batch normalisation (A)",
    params=132_868_840,
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
        {"quantity": "params", "printed": "132,868,840", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "7.609G", "where": "weight metadata", "source": "torchvision"},
    ),
    torchvision="vgg11_bn",
    keys=(
        (r"^features\.0\.", "features.conv1_1."),
        (r"^features\.1\.", "features.bn1_1."),
        (r"^features\.4\.", "features.conv2_1."),
        (r"^features\.5\.", "features.bn2_1."),
        (r"^features\.8\.", "features.conv3_1."),
        (r"^features\.9\.", "features.bn3_1."),
        (r"^features\.11\.", "features.conv3_2."),
        (r"^features\.12\.", "features.bn3_2."),
        (r"^features\.15\.", "features.conv4_1."),
        (r"^features\.16\.", "features.bn4_1."),
        (r"^features\.18\.", "features.conv4_2."),
        (r"^features\.19\.", "features.bn4_2."),
        (r"^features\.22\.", "features.conv5_1."),
        (r"^features\.23\.", "features.bn5_1."),
        (r"^features\.25\.", "features.conv5_2."),
        (r"^features\.26\.", "features.bn5_2."),
        (r"^classifier\.0\.", "classifier.fc6."),
        (r"^classifier\.3\.", "classifier.fc7."),
        (r"^classifier\.6\.", "classifier.fc8."),
    ),
    parents=("vgg11",),
    deviations=(NOT_IN_THE_PAPER, AS_TORCHVISION),
    results=({**IMAGENET1K_V1, "top1": "70.37", "top5": "89.81"},),
    weights=(
        "torchvision's: https://download.pytorch.org/models/vgg11_bn-6002323d.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
    ),
)
def vgg11_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGGBN:
    """Configuration A with batch normalisation after each of its eight convolutions, as torchvision ships it."""
    return VGGBN(A, num_classes, in_channels, dropout)


@arch(
    **ICLR_2015,
    title="VGG-13 with batch normalisation (B)",
    params=133_053_736,
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
        {"quantity": "params", "printed": "133,053,736", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "11.308G", "where": "weight metadata", "source": "torchvision"},
    ),
    torchvision="vgg13_bn",
    keys=(
        (r"^features\.0\.", "features.conv1_1."),
        (r"^features\.1\.", "features.bn1_1."),
        (r"^features\.3\.", "features.conv1_2."),
        (r"^features\.4\.", "features.bn1_2."),
        (r"^features\.7\.", "features.conv2_1."),
        (r"^features\.8\.", "features.bn2_1."),
        (r"^features\.10\.", "features.conv2_2."),
        (r"^features\.11\.", "features.bn2_2."),
        (r"^features\.14\.", "features.conv3_1."),
        (r"^features\.15\.", "features.bn3_1."),
        (r"^features\.17\.", "features.conv3_2."),
        (r"^features\.18\.", "features.bn3_2."),
        (r"^features\.21\.", "features.conv4_1."),
        (r"^features\.22\.", "features.bn4_1."),
        (r"^features\.24\.", "features.conv4_2."),
        (r"^features\.25\.", "features.bn4_2."),
        (r"^features\.28\.", "features.conv5_1."),
        (r"^features\.29\.", "features.bn5_1."),
        (r"^features\.31\.", "features.conv5_2."),
        (r"^features\.32\.", "features.bn5_2."),
        (r"^classifier\.0\.", "classifier.fc6."),
        (r"^classifier\.3\.", "classifier.fc7."),
        (r"^classifier\.6\.", "classifier.fc8."),
    ),
    parents=("vgg13",),
    deviations=(NOT_IN_THE_PAPER, AS_TORCHVISION),
    results=({**IMAGENET1K_V1, "top1": "71.586", "top5": "90.374"},),
    weights=(
        "torchvision's: https://download.pytorch.org/models/vgg13_bn-abd245e5.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
    ),
)
def vgg13_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGGBN:
    """Configuration B with batch normalisation after each of its ten convolutions, as torchvision ships it."""
    return VGGBN(B, num_classes, in_channels, dropout)


@arch(
    **ICLR_2015,
    title="VGG-16 with batch normalisation (D)",
    params=138_365_992,
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
        {"quantity": "params", "printed": "138,365,992", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "15.47G", "where": "weight metadata", "source": "torchvision"},
    ),
    torchvision="vgg16_bn",
    keys=(
        (r"^features\.0\.", "features.conv1_1."),
        (r"^features\.1\.", "features.bn1_1."),
        (r"^features\.3\.", "features.conv1_2."),
        (r"^features\.4\.", "features.bn1_2."),
        (r"^features\.7\.", "features.conv2_1."),
        (r"^features\.8\.", "features.bn2_1."),
        (r"^features\.10\.", "features.conv2_2."),
        (r"^features\.11\.", "features.bn2_2."),
        (r"^features\.14\.", "features.conv3_1."),
        (r"^features\.15\.", "features.bn3_1."),
        (r"^features\.17\.", "features.conv3_2."),
        (r"^features\.18\.", "features.bn3_2."),
        (r"^features\.20\.", "features.conv3_3."),
        (r"^features\.21\.", "features.bn3_3."),
        (r"^features\.24\.", "features.conv4_1."),
        (r"^features\.25\.", "features.bn4_1."),
        (r"^features\.27\.", "features.conv4_2."),
        (r"^features\.28\.", "features.bn4_2."),
        (r"^features\.30\.", "features.conv4_3."),
        (r"^features\.31\.", "features.bn4_3."),
        (r"^features\.34\.", "features.conv5_1."),
        (r"^features\.35\.", "features.bn5_1."),
        (r"^features\.37\.", "features.conv5_2."),
        (r"^features\.38\.", "features.bn5_2."),
        (r"^features\.40\.", "features.conv5_3."),
        (r"^features\.41\.", "features.bn5_3."),
        (r"^classifier\.0\.", "classifier.fc6."),
        (r"^classifier\.3\.", "classifier.fc7."),
        (r"^classifier\.6\.", "classifier.fc8."),
    ),
    parents=("vgg16",),
    deviations=(NOT_IN_THE_PAPER, AS_TORCHVISION),
    results=({**IMAGENET1K_V1, "top1": "73.36", "top5": "91.516"},),
    weights=(
        "torchvision's: https://download.pytorch.org/models/vgg16_bn-6c64b313.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
    ),
)
def vgg16_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGGBN:
    """Configuration D with batch normalisation after each of its thirteen convolutions, as torchvision ships it."""
    return VGGBN(D, num_classes, in_channels, dropout)


@arch(
    **ICLR_2015,
    title="VGG-19 with batch normalisation (E)",
    params=143_678_248,
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
        {"quantity": "params", "printed": "143,678,248", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "19.632G", "where": "weight metadata", "source": "torchvision"},
    ),
    torchvision="vgg19_bn",
    keys=(
        (r"^features\.0\.", "features.conv1_1."),
        (r"^features\.1\.", "features.bn1_1."),
        (r"^features\.3\.", "features.conv1_2."),
        (r"^features\.4\.", "features.bn1_2."),
        (r"^features\.7\.", "features.conv2_1."),
        (r"^features\.8\.", "features.bn2_1."),
        (r"^features\.10\.", "features.conv2_2."),
        (r"^features\.11\.", "features.bn2_2."),
        (r"^features\.14\.", "features.conv3_1."),
        (r"^features\.15\.", "features.bn3_1."),
        (r"^features\.17\.", "features.conv3_2."),
        (r"^features\.18\.", "features.bn3_2."),
        (r"^features\.20\.", "features.conv3_3."),
        (r"^features\.21\.", "features.bn3_3."),
        (r"^features\.23\.", "features.conv3_4."),
        (r"^features\.24\.", "features.bn3_4."),
        (r"^features\.27\.", "features.conv4_1."),
        (r"^features\.28\.", "features.bn4_1."),
        (r"^features\.30\.", "features.conv4_2."),
        (r"^features\.31\.", "features.bn4_2."),
        (r"^features\.33\.", "features.conv4_3."),
        (r"^features\.34\.", "features.bn4_3."),
        (r"^features\.36\.", "features.conv4_4."),
        (r"^features\.37\.", "features.bn4_4."),
        (r"^features\.40\.", "features.conv5_1."),
        (r"^features\.41\.", "features.bn5_1."),
        (r"^features\.43\.", "features.conv5_2."),
        (r"^features\.44\.", "features.bn5_2."),
        (r"^features\.46\.", "features.conv5_3."),
        (r"^features\.47\.", "features.bn5_3."),
        (r"^features\.49\.", "features.conv5_4."),
        (r"^features\.50\.", "features.bn5_4."),
        (r"^classifier\.0\.", "classifier.fc6."),
        (r"^classifier\.3\.", "classifier.fc7."),
        (r"^classifier\.6\.", "classifier.fc8."),
    ),
    parents=("vgg19",),
    deviations=(NOT_IN_THE_PAPER, AS_TORCHVISION),
    results=({**IMAGENET1K_V1, "top1": "74.218", "top5": "91.842"},),
    weights=(
        "torchvision's: https://download.pytorch.org/models/vgg19_bn-c79401a0.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
    ),
)
def vgg19_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGGBN:
    """Configuration E with batch normalisation after each of its sixteen convolutions, as torchvision ships it."""
    return VGGBN(E, num_classes, in_channels, dropout)
