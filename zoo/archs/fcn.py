"""FCN: J. Long, E. Shelhamer, T. Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015.

VGG-16 with its fully connected layers as convolutions, so that images may have any size, and a score for each pixel. The layers,
their names and the offsets of the crops are those of the authors' released networks for PASCAL VOC. Shapes in comments are for
500×500 images. Deviations are on the cards.
"""

from collections import OrderedDict

import torch
from torch import nn

from zoo.extend import arch

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))  # VGG-16: convolutions of each block, and their maps

CVPR_2015 = {
    "year": 2014,
    "authors": "Jonathan Long, Evan Shelhamer, Trevor Darrell",
    "paper": "Fully Convolutional Networks for Semantic Segmentation (CVPR 2015)",
    "arxiv": "1411.4038",
    "input": (3, 500, 500),
    "by_design": ("unseen-padding",),
    "citation": {
        "type": "inproceedings",
        "booktitle": "IEEE Conference on Computer Vision and Pattern Recognition",
        "year": "2015",
    },
    "recipe": {
        "loss": "A softmax for each pixel, summed, without pixels labelled 255. [authors, voc-fcn8s/train.prototxt]",
        "optimiser": "Gradient descent, one image at a time, momentum 0.99. [authors, voc-fcn32s/solver.prototxt]",
        "learning rate": "10^-10 for FCN-32s, 10^-12 for FCN-16s, 10^-14 for FCN-8s; twice that for biases, none for the "
        "interpolations. [authors, solver.prototxt and train.prototxt of each]",
        "weight decay": "0.0005, none for biases. [authors, voc-fcn32s/solver.prototxt]",
        "dropout": "0.5 after fc6 and fc7. [authors, voc-fcn8s/train.prototxt]",
        "length": "100,000 iterations. [authors, voc-fcn32s/solver.prototxt]",
        "remark": "FCN-32s starts from VGG-16's weights, FCN-16s from FCN-32s, and FCN-8s from FCN-16s. [authors, README]",
    },
    "preprocessing": {
        "stated": (
            "BGR in [0, 255], the mean (104.00699, 116.66877, 122.67892) subtracted; images keep their size. "
            "[authors, voc-fcn8s/net.py and voc_layers.py]",
        ),
        "crop": None,
        "order": "BGR",
        "values": (0, 255),
        "mean": (104.00699, 116.66877, 122.67892),
        "std": (1, 1, 1),
        "mean_of": "channels",
    },
}
AUTHORS = ("author's file", "the released networks", "https://github.com/shelhamer/fcn.berkeleyvision.org")
PAPER = ("paper", "its second version", "https://arxiv.org/abs/1411.4038v2")
START = (
    "The convolutions start as VGG-16's do in this catalogue, from Glorot and Bengio's uniform distribution, where the authors "
    "copy trained weights. The layers of scores start from zeros, as in the released files, and the interpolations from bilinear "
    "kernels, one from each class to itself, which stay fixed; in the paper's experiments they were learned. "
    "[authors, surgery.py and README; ours]"
)
FIXED = (
    "The interpolations count as parameters although they are fixed: each is a kernel from every class to every class, and all but "
    "those of a class to itself are zero. [authors, voc-fcn8s/train.prototxt; computed]"
)
PADDED = (
    "conv1_1 pads 100 pixels, so that the scores can be cropped to images of any size; a unit of fc7 sees 404 pixels. "
    "[authors, README; computed]"
)


class Crop(nn.Module):
    """The part from `offset` on, as large as another tensor: N×C×H×W and N×D×h×w give N×C×h×w."""

    def __init__(self, offset: int) -> None:
        super().__init__()
        self.offset = offset

    def forward(self, x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        start = self.offset
        return x[:, :, start : start + like.shape[2], start : start + like.shape[3]]


def score(maps: int, classes: int) -> nn.Conv2d:
    """Scores of the classes at each place."""
    return nn.Conv2d(maps, classes, kernel_size=1)


def upsample(classes: int, factor: int) -> nn.ConvTranspose2d:
    """Scores at `factor` times the resolution, by interpolation."""
    return nn.ConvTranspose2d(classes, classes, kernel_size=2 * factor, stride=factor, bias=False)


def feature_layers(in_channels: int, dropout: float) -> OrderedDict[str, nn.Module]:
    """VGG-16 down to fc7, by name."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    padding = 100
    for block, (convolutions, width) in enumerate(BLOCKS, start=1):
        for i in range(1, convolutions + 1):
            layers[f"conv{block}_{i}"] = nn.Conv2d(in_channels, width, kernel_size=3, padding=padding)
            layers[f"relu{block}_{i}"] = nn.ReLU(inplace=True)
            in_channels, padding = width, 1
        layers[f"pool{block}"] = nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True)  # 698 -> 349 -> 175 -> 88 -> 44 -> 22
    for name, kernel in (("6", 7), ("7", 1)):  # 22 -> 16
        layers[f"fc{name}"] = nn.Conv2d(in_channels, 4096, kernel_size=kernel)
        layers[f"relu{name}"] = nn.ReLU(inplace=True)
        layers[f"drop{name}"] = nn.Dropout(dropout)
        in_channels = 4096
    return layers


def initialise(model: nn.Module) -> None:
    """Glorot and Bengio's start below the scores, zeros for the scores, and fixed bilinear kernels."""
    for name, layer in model.named_modules():
        if isinstance(layer, nn.ConvTranspose2d):
            side, classes = layer.kernel_size[0], layer.in_channels
            steps = 1 - (torch.arange(side) - (side - 1) / 2).abs() / (side / 2)
            kernel = torch.outer(steps, steps)
            with torch.no_grad():
                layer.weight.copy_(torch.eye(classes).view(classes, classes, 1, 1) * kernel)
            layer.weight.requires_grad_(False)
        elif isinstance(layer, nn.Conv2d):
            start = nn.init.zeros_ if name.startswith("score") else nn.init.xavier_uniform_
            start(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)


class FCN32s(nn.Module):
    """The maps of fc7 are scored. Input N×in_channels×H×W of any size, output N×num_classes×H×W."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(feature_layers(in_channels, dropout))
        self.score_fr = score(4096, num_classes)
        self.upscore = upsample(num_classes, 32)
        self.score = Crop(19)
        initialise(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.score_fr(self.features(x))  # N×num_classes×16×16
        scores = self.upscore(scores)  # N×num_classes×544×544
        scores = self.score(scores, x)  # N×num_classes×500×500
        return scores


class FCN16s(nn.Module):
    """The maps of pool4 are scored, too. Input N×in_channels×H×W of any size, output N×num_classes×H×W."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(feature_layers(in_channels, dropout))
        self.score_fr = score(4096, num_classes)
        self.upscore2 = upsample(num_classes, 2)
        self.score_pool4 = score(512, num_classes)
        self.score_pool4c = Crop(5)
        self.upscore = upsample(num_classes, 16)
        self.score = Crop(27)
        initialise(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = pool4 = x
        for name, layer in self.features.named_children():
            maps = layer(maps)
            if name == "pool4":
                pool4 = maps  # N×512×44×44
        scores: torch.Tensor = self.score_fr(maps)  # N×num_classes×16×16
        scores = self.upscore2(scores)  # N×num_classes×34×34
        scores = scores + self.score_pool4c(self.score_pool4(pool4), scores)
        scores = self.upscore(scores)  # N×num_classes×560×560
        scores = self.score(scores, x)  # N×num_classes×500×500
        return scores


class FCN8s(nn.Module):
    """The maps of pool3 and pool4 are scored, too. Input N×in_channels×H×W of any size, output N×num_classes×H×W."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(feature_layers(in_channels, dropout))
        self.score_fr = score(4096, num_classes)
        self.upscore2 = upsample(num_classes, 2)
        self.score_pool4 = score(512, num_classes)
        self.score_pool4c = Crop(5)
        self.upscore_pool4 = upsample(num_classes, 2)
        self.score_pool3 = score(256, num_classes)
        self.score_pool3c = Crop(9)
        self.upscore = upsample(num_classes, 8)
        self.score = Crop(31)
        initialise(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = pool3 = pool4 = x
        for name, layer in self.features.named_children():
            maps = layer(maps)
            if name == "pool3":
                pool3 = maps  # N×256×88×88
            elif name == "pool4":
                pool4 = maps  # N×512×44×44
        scores: torch.Tensor = self.score_fr(maps)  # N×num_classes×16×16
        scores = self.upscore2(scores)  # N×num_classes×34×34
        scores = scores + self.score_pool4c(self.score_pool4(pool4), scores)
        scores = self.upscore_pool4(scores)  # N×num_classes×70×70
        scores = scores + self.score_pool3c(self.score_pool3(pool3), scores)
        scores = self.upscore(scores)  # N×num_classes×568×568
        scores = self.score(scores, x)  # N×num_classes×500×500
        return scores


@arch(
    **CVPR_2015,
    title="FCN-32s",
    sources={"authors": AUTHORS, "paper": PAPER},
    params=136_152_917,
    macs=181_365_854_976,
    depth=17,
    stages=("score_fr 21 32 404",),
    published=(
        {
            "quantity": "params",
            "printed": "134 M",
            "where": "Table 1",
            "note": "Without the fixed interpolation, which has 1,806,336: 134,346,581.",
        },
    ),
    deviations=(START,),
    notes=(
        FIXED,
        PADDED,
        "Mean IU 63.6 on seg11valid, the 736 images of PASCAL VOC in the paper's footnote 7; the paper's own training gave 59.4. "
        "[authors, README; paper, Table 2]",
    ),
    weights=(
        "Released for unrestricted use: http://dl.caffe.berkeleyvision.org/fcn32s-heavy-pascal.caffemodel "
        "[authors, voc-fcn32s/caffemodel-url and README]",
    ),
    parents=("vgg16",),
)
def fcn32s(num_classes: int = 21, in_channels: int = 3, dropout: float = 0.5) -> FCN32s:
    """Long 2014: VGG-16 without fully connected layers; scores at every 32nd pixel, interpolated."""
    return FCN32s(num_classes, in_channels, dropout)


@arch(
    **CVPR_2015,
    title="FCN-16s",
    sources={"authors": AUTHORS, "paper": PAPER},
    params=134_815_994,
    macs=181_448_086_272,
    depth=18,
    stages=("score 21 1 468",),
    deviations=(START,),
    notes=(
        FIXED,
        PADDED,
        "Mean IU 65.0 on seg11valid, the 736 images of PASCAL VOC in the paper's footnote 7; the paper's own training gave 62.4. "
        "[authors, README; paper, Table 2]",
    ),
    weights=(
        "Released for unrestricted use: http://dl.caffe.berkeleyvision.org/fcn16s-heavy-pascal.caffemodel "
        "[authors, voc-fcn16s/caffemodel-url and README]",
    ),
    parents=("fcn32s",),
)
def fcn16s(num_classes: int = 21, in_channels: int = 3, dropout: float = 0.5) -> FCN16s:
    """Long 2014: FCN-32s with scores of pool4 added, at every 16th pixel."""
    return FCN16s(num_classes, in_channels, dropout)


@arch(
    **CVPR_2015,
    title="FCN-8s",
    sources={"authors": AUTHORS, "paper": PAPER},
    params=134_489_759,
    macs=181_529_034_048,
    depth=19,
    stages=("score 21 1 468",),
    deviations=(START,),
    notes=(
        FIXED,
        PADDED,
        "Mean IU 65.5 on seg11valid, the 736 images of PASCAL VOC in the paper's footnote 7, and 67.2 on seg12test; the paper's "
        "own training gave 62.7 on the former. [authors, README; paper, Table 2]",
        "A later release trains all strides at once, and scales the maps of pool3 by 0.0001 and those of pool4 by 0.01 before they "
        "are scored. [authors, voc-fcn8s-atonce]",
    ),
    weights=(
        "Released for unrestricted use: http://dl.caffe.berkeleyvision.org/fcn8s-heavy-pascal.caffemodel "
        "[authors, voc-fcn8s/caffemodel-url and README]",
    ),
    parents=("fcn16s",),
)
def fcn8s(num_classes: int = 21, in_channels: int = 3, dropout: float = 0.5) -> FCN8s:
    """Long 2014: FCN-16s with scores of pool3 added, at every 8th pixel."""
    return FCN8s(num_classes, in_channels, dropout)
