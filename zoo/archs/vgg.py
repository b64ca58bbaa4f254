"""VGG: K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015.

Table 1 gives the configurations A to E, section 2.1 the layers, section 3.1 the initialisation. Layers carry the names
of the authors' Caffe models (conv1_1, ..., pool5, fc6, fc7, fc8). Shapes in comments are for 224×224 images. Deviations
are on the cards.
"""

from collections import OrderedDict

import torch
from torch import nn

from zoo.extend import arch

# Table 1, a row here for a column there: the kernel sizes of the convolutions of each of the five blocks.
A = ((3,), (3,), (3, 3), (3, 3), (3, 3))
B = ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3))
C = ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1))
D = ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))
E = ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3))
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
    "recipe": {
        "loss": "Multinomial logistic regression. [paper, section 3.1]",
        "optimiser": "Gradient descent by mini-batches with momentum 0.9. [paper, section 3.1]",
        "learning rate": "0.01, divided by 10 when the validation accuracy stopped rising, three times. [paper, section 3.1]",
        "batch": "256. [paper, section 3.1]",
        "weight decay": "0.0005. [paper, section 3.1]",
        "augmentation": "Random 224×224 crops of images whose shorter side is 256, 384, or drawn from 256 to 512; mirror images; "
        "random shifts of RGB. [paper, section 3.1]",
        "dropout": "0.5 in the first two fully connected layers. [paper, section 3.1]",
        "length": "370,000 iterations, 74 epochs. [paper, section 3.1]",
        "hardware": "Four Titan Black GPUs, 2 to 3 weeks for a network. [paper, section 3.3]",
    },
    "citation": {"type": "inproceedings", "booktitle": "International Conference on Learning Representations", "year": "2015"},
}
PAPER = ("paper", "its sixth version", "https://arxiv.org/abs/1409.1556v6")
TORCHVISION = ("author's file", "model code and weight metadata", "https://github.com/pytorch/vision")
VAL = "ILSVRC 2012 validation"
IMAGENET1K_V1 = {
    "on": VAL,
    "measure": "accuracy",
    "crops": "centre crop",
    "note": "torchvision's weights",
    "source": "torchvision, IMAGENET1K_V1",
}
TERMS = "torchvision's weights may have terms of their own, derived from the data they were trained on. [torchvision, README]"

INITIALISATION = (
    "Weights start from Glorot and Bengio's uniform distribution, biases from 0. The paper trained A from a normal "
    "distribution and began the deeper networks with A's layers, and says itself that Glorot and Bengio's procedure "
    "does without this pre-training. [paper, section 3.1; ours]"
)
NO_ADAPTIVE_POOL = (
    "pool5 goes straight into fc6, so images must give 7×7 maps, as those of 224 to 255 pixels a side do; torchvision puts "
    "adaptive average pooling to 7×7 in between, which changes nothing at 224×224. [paper, Table 1; ours]"
)
VARIANCE = (
    "Section 3.1 prints a variance of 10^-2 for the normal distribution, a standard deviation of 0.1; many ports "
    "read it as a standard deviation of 0.01. [paper, section 3.1]"
)
MEAN_RGB = "The mean RGB of the training set is subtracted from each pixel, and nothing else done. [paper, section 2.1]"
GIST = (
    "author's file",
    "the first author's description of the released network",
    "https://gist.github.com/ksimonyan/211839e770f7b538e2d8",
)
AS_RELEASED = {
    "stated": (
        MEAN_RGB,
        "Of pixels in [0, 255], the mean is 103.939, 116.779 and 123.68 in blue, green and red, for the released D. [gist]",
    ),
    "order": "BGR",
    "values": (0, 255),
    "mean": (103.939, 116.779, 123.68),
    "std": (1, 1, 1),
    "mean_of": "channels",
}
TORCHVISION_RGB = (
    "For torchvision's weights: the shorter side scaled to 256 pixels, 224×224 centre crop, RGB in [0, 1], mean (0.485, 0.456, "
    "0.406) subtracted, divided by (0.229, 0.224, 0.225). [torchvision, IMAGENET1K_V1]"
)


def lrn() -> nn.LocalResponseNorm:
    """AlexNet's: k = 2, n = 5, alpha = 1e-4, beta = 0.75. torch divides alpha by n, AlexNet's formula does not."""
    return nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)


def feature_layers(kernels: tuple[tuple[int, ...], ...], in_channels: int) -> OrderedDict[str, nn.Module]:
    """A column of Table 1 down to the last pooling, by name."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for block, (sizes, width) in enumerate(zip(kernels, WIDTHS, strict=True), start=1):
        for i, kernel in enumerate(sizes, start=1):
            layers[f"conv{block}_{i}"] = nn.Conv2d(in_channels, width, kernel_size=kernel, padding=kernel // 2)
            layers[f"relu{block}_{i}"] = nn.ReLU(inplace=True)
            in_channels = width
        layers[f"pool{block}"] = nn.MaxPool2d(kernel_size=2, stride=2)  # 224 -> 112 -> 56 -> 28 -> 14 -> 7
    return layers


def with_lrn(layers: OrderedDict[str, nn.Module]) -> OrderedDict[str, nn.Module]:
    """A-LRN: normalised after conv1_1 and its ReLU."""
    (conv, first), (relu, second), *rest = layers.items()
    return OrderedDict([(conv, first), (relu, second), ("norm1_1", lrn()), *rest])


class VGG(nn.Module):
    """A column of Table 1, of these convolutions. Input N×in_channels×224×224, output N×num_classes.

    Images are 224 to 255 pixels a side: pool5 must make 7×7 maps of them.
    """

    def __init__(self, layers: OrderedDict[str, nn.Module], num_classes: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(layers)
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
        {"quantity": "params", "printed": "132,863,336", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "7.609G", "where": "weight metadata", "source": "torchvision"},
    ),
    parents=("alexnet",),
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
    sources={"paper": PAPER, "torchvision": TORCHVISION},
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    notes=(VARIANCE,),
    results=(
        {"on": VAL, "top1": "29.6", "top5": "10.4", "crops": "dense, shorter side 256", "source": "paper, Table 3"},
        {**IMAGENET1K_V1, "top1": "69.02", "top5": "88.628"},
    ),
    preprocessing=(MEAN_RGB, TORCHVISION_RGB),
    weights=(
        "torchvision's: https://download.pytorch.org/models/vgg11-8a719046.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
    ),
)
def vgg11(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration A: eight 3×3 convolutions, three fully connected layers."""
    return VGG(feature_layers(A, in_channels), num_classes, dropout)


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
    parents=("vgg11",),
    sources={"paper": PAPER, "gist": GIST},
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    notes=(VARIANCE,),
    results=({"on": VAL, "top1": "29.7", "top5": "10.5", "crops": "dense, shorter side 256", "source": "paper, Table 3"},),
    preprocessing=AS_RELEASED,
)
def vgg11_lrn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration A-LRN: A with AlexNet's local response normalisation after conv1_1."""
    return VGG(with_lrn(feature_layers(A, in_channels)), num_classes, dropout)


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
        {"quantity": "params", "printed": "133,047,848", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "11.308G", "where": "weight metadata", "source": "torchvision"},
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
    parents=("vgg11",),
    sources={"paper": PAPER, "torchvision": TORCHVISION},
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    notes=(VARIANCE,),
    results=(
        {"on": VAL, "top1": "28.7", "top5": "9.9", "crops": "dense, shorter side 256", "source": "paper, Table 3"},
        {**IMAGENET1K_V1, "top1": "69.928", "top5": "89.246"},
    ),
    preprocessing=(MEAN_RGB, TORCHVISION_RGB),
    weights=(
        "torchvision's: https://download.pytorch.org/models/vgg13-19584684.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
    ),
)
def vgg13(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration B: ten 3×3 convolutions, two in each block."""
    return VGG(feature_layers(B, in_channels), num_classes, dropout)


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
    parents=("vgg13",),
    sources={"paper": PAPER, "gist": GIST},
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    notes=(
        VARIANCE,
        "134,301,544 parameters, sometimes given for C, is the number of no column of Table 1. [computed]",
    ),
    results=({"on": VAL, "top1": "27.3", "top5": "8.8", "crops": "dense, shorter side 384", "source": "paper, Table 3"},),
    preprocessing=AS_RELEASED,
)
def vgg16_c(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration C: B with a 1×1 convolution at the end of blocks 3, 4 and 5."""
    return VGG(feature_layers(C, in_channels), num_classes, dropout)


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
        {"quantity": "params", "printed": "138,357,544", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "15.47G", "where": "weight metadata", "source": "torchvision"},
        {
            "quantity": "macs",
            "printed": "15.3×10^9",
            "where": "section 4.1",
            "source": "resnet paper",
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
    parents=("vgg13",),
    sources={
        "paper": PAPER,
        "torchvision": TORCHVISION,
        "gist": GIST,
        "resnet paper": ("paper", "He et al., Deep Residual Learning", "https://arxiv.org/abs/1512.03385v1"),
    },
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    notes=(VARIANCE,),
    results=(
        {"on": VAL, "top1": "25.6", "top5": "8.1", "crops": "dense, shorter side 384", "source": "paper, Table 3"},
        {"on": VAL, "top5": "7.5", "crops": "dense, three scales", "note": "the released network", "source": "gist"},
        {
            "on": "ILSVRC 2012 test",
            "top5": "7.4",
            "crops": "dense, three scales",
            "note": "the released network",
            "source": "gist",
        },
        {**IMAGENET1K_V1, "top1": "71.592", "top5": "90.382"},
    ),
    preprocessing=(MEAN_RGB, TORCHVISION_RGB),
    weights=(
        "torchvision's: https://download.pytorch.org/models/vgg16-397923af.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
        "The authors': VGG_ILSVRC_16_layers.caffemodel under http://www.robots.ox.ac.uk/~vgg/software/very_deep/caffe/; for their "
        "licence the description refers to http://www.robots.ox.ac.uk/~vgg/research/very_deep/. They take channels as blue, "
        "green, red, less 103.939, 116.779 and 123.68. [gist]",
    ),
)
def vgg16(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration D: thirteen 3×3 convolutions, the VGG-16 of common use."""
    return VGG(feature_layers(D, in_channels), num_classes, dropout)


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
        {"quantity": "params", "printed": "143,667,240", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "19.632G", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "19.6×10^9", "where": "section 4.1", "source": "resnet paper"},
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
    parents=("vgg16",),
    sources={
        "paper": PAPER,
        "torchvision": TORCHVISION,
        "gist": (
            "author's file",
            "the first author's description of the released network",
            "https://gist.github.com/ksimonyan/3785162f95cd2d5fee77",
        ),
        "resnet paper": ("paper", "He et al., Deep Residual Learning", "https://arxiv.org/abs/1512.03385v1"),
    },
    deviations=(INITIALISATION, NO_ADAPTIVE_POOL),
    notes=(VARIANCE,),
    results=(
        {"on": VAL, "top1": "25.5", "top5": "8.0", "crops": "dense, shorter side 384", "source": "paper, Table 3"},
        {"on": "ILSVRC 2012 test", "top5": "7.3", "crops": "dense, three scales", "source": "paper, section 4.2"},
        {
            "on": "ILSVRC 2014 test",
            "top5": "7.3",
            "models": 7,
            "note": "the entry to the competition, networks of several configurations",
            "source": "paper, section 4.4",
        },
        {
            "on": "ILSVRC 2014 test",
            "top5": "6.8",
            "crops": "dense and 50 crops a scale, three scales",
            "models": 2,
            "note": "D and E, after the competition",
            "source": "paper, section 4.4",
        },
        {**IMAGENET1K_V1, "top1": "72.376", "top5": "90.876"},
    ),
    preprocessing=(MEAN_RGB, TORCHVISION_RGB),
    weights=(
        "torchvision's: https://download.pytorch.org/models/vgg19-dcbb9e9d.pth [torchvision, IMAGENET1K_V1]",
        TERMS,
        "The authors': VGG_ILSVRC_19_layers.caffemodel under http://www.robots.ox.ac.uk/~vgg/software/very_deep/caffe/; for their "
        "licence the description refers to http://www.robots.ox.ac.uk/~vgg/research/very_deep/. They take channels as blue, "
        "green, red, less 103.939, 116.779 and 123.68. [gist]",
    ),
)
def vgg19(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """Simonyan 2014, configuration E: sixteen 3×3 convolutions, the deepest of Table 1."""
    return VGG(feature_layers(E, in_channels), num_classes, dropout)
