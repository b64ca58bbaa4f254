"""GoogLeNet: C. Szegedy et al., "Going Deeper with Convolutions", CVPR 2015.

Figure 2(b) is the inception module, Table 1 the network, section 5 the auxiliary classifiers. Layers carry the names of
Table 1 and of the Caffe model (conv1, inception_3a, reduce3x3, pool_proj, ...), which is followed where the paper is
silent. Shapes in comments are for 224×224 images. Deviations are on the cards.
"""

import math
from typing import TypeAlias

import torch
from torch import nn

from zoo.extend import arch

CVPR_2015 = {
    "year": 2014,
    "authors": "Christian Szegedy, Wei Liu, Yangqing Jia, Pierre Sermanet, Scott Reed, Dragomir Anguelov, "
    "Dumitru Erhan, Vincent Vanhoucke, Andrew Rabinovich",
    "paper": "Going Deeper with Convolutions (CVPR 2015)",
    "doi": "10.1109/CVPR.2015.7298594",
    "arxiv": "1409.4842",
    "input": (3, 224, 224),
    "classifier": "linear",
    "num_features": 1_024,
    "citation": {
        "type": "inproceedings",
        "booktitle": "IEEE Conference on Computer Vision and Pattern Recognition",
        "year": "2015",
    },
}


class Inception(nn.Module):
    """Figure 2(b): four branches over the same maps. Their numbers of filters are a row of Table 1, in its order.

    Section 5 has a ReLU after every convolution, also inside the modules.
    """

    def __init__(self, in_channels: int, n1: int, n3_reduce: int, n3: int, n5_reduce: int, n5: int, n_pool: int) -> None:
        super().__init__()
        self.conv1x1 = nn.Conv2d(in_channels, n1, kernel_size=1)
        self.relu1x1 = nn.ReLU(inplace=True)
        self.reduce3x3 = nn.Conv2d(in_channels, n3_reduce, kernel_size=1)
        self.relu_reduce3x3 = nn.ReLU(inplace=True)
        self.conv3x3 = nn.Conv2d(n3_reduce, n3, kernel_size=3, padding=1)
        self.relu3x3 = nn.ReLU(inplace=True)
        self.reduce5x5 = nn.Conv2d(in_channels, n5_reduce, kernel_size=1)
        self.relu_reduce5x5 = nn.ReLU(inplace=True)
        self.conv5x5 = nn.Conv2d(n5_reduce, n5, kernel_size=5, padding=2)
        self.relu5x5 = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.pool_proj = nn.Conv2d(in_channels, n_pool, kernel_size=1)
        self.relu_pool_proj = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch1 = self.relu1x1(self.conv1x1(x))  # N×n1×H×W
        branch2 = self.relu_reduce3x3(self.reduce3x3(x))  # N×n3_reduce×H×W
        branch2 = self.relu3x3(self.conv3x3(branch2))  # N×n3×H×W
        branch3 = self.relu_reduce5x5(self.reduce5x5(x))  # N×n5_reduce×H×W
        branch3 = self.relu5x5(self.conv5x5(branch3))  # N×n5×H×W
        branch4 = self.relu_pool_proj(self.pool_proj(self.pool(x)))  # N×n_pool×H×W
        return torch.cat([branch1, branch2, branch3, branch4], dim=1)  # N×(n1+n3+n5+n_pool)×H×W


class GoogLeNet(nn.Module):
    """Table 1. Input N×in_channels×224×224, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3)
        self.relu1 = nn.ReLU(inplace=True)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.norm1 = nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=1.0)
        self.conv2_reduce = nn.Conv2d(64, 64, kernel_size=1)
        self.relu2_reduce = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(64, 192, kernel_size=3, padding=1)
        self.relu2 = nn.ReLU(inplace=True)
        self.norm2 = nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=1.0)
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception_3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception_3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.pool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception_4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception_4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception_4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception_4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception_4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.pool4 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception_5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception_5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.avgpool = nn.AvgPool2d(kernel_size=7, stride=1)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(1024, num_classes)
        self.initialise()

    def initialise(self) -> None:
        """As in the Caffe model: weights uniform in ±sqrt(3 / fan_in); biases 0.2, in the layers `linear` 0."""
        for name, layer in self.named_modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                bound = math.sqrt(3 / layer.weight[0].numel())
                nn.init.uniform_(layer.weight, -bound, bound)
                assert layer.bias is not None
                nn.init.constant_(layer.bias, 0.0 if name.endswith("linear") else 0.2)

    def to_4a(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu1(self.conv1(x))  # N×64×112×112
        x = self.norm1(self.pool1(x))  # N×64×56×56
        x = self.relu2_reduce(self.conv2_reduce(x))  # N×64×56×56
        x = self.relu2(self.conv2(x))  # N×192×56×56
        x = self.pool2(self.norm2(x))  # N×192×28×28
        x = self.inception_3a(x)  # N×256×28×28
        x = self.inception_3b(x)  # N×480×28×28
        x = self.pool3(x)  # N×480×14×14
        x = self.inception_4a(x)  # N×512×14×14
        return x

    def to_4d(self, x: torch.Tensor) -> torch.Tensor:
        x = self.inception_4b(x)  # N×512×14×14
        x = self.inception_4c(x)  # N×512×14×14
        x = self.inception_4d(x)  # N×528×14×14
        return x

    def to_logits(self, x: torch.Tensor) -> torch.Tensor:
        x = self.inception_4e(x)  # N×832×14×14
        x = self.pool4(x)  # N×832×7×7
        x = self.inception_5a(x)  # N×832×7×7
        x = self.inception_5b(x)  # N×1024×7×7
        x = self.avgpool(x)  # N×1024×1×1
        x = torch.flatten(x, 1)  # N×1024
        x = self.linear(self.dropout(x))  # N×num_classes
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.to_logits(self.to_4d(self.to_4a(x)))


class AuxiliaryHead(nn.Module):
    """Section 5: a classifier on the maps in the middle of the network, for training. Input N×in_channels×14×14."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(kernel_size=5, stride=3)
        self.conv = nn.Conv2d(in_channels, 128, kernel_size=1)
        self.relu_conv = nn.ReLU(inplace=True)
        self.fc = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.7)
        self.linear = nn.Linear(1024, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu_conv(self.conv(self.pool(x)))  # N×in_channels×4×4 -> N×128×4×4
        x = torch.flatten(x, 1)  # N×2048
        x = self.dropout(self.relu(self.fc(x)))  # N×1024
        x = self.linear(x)  # N×num_classes
        return x


Logits: TypeAlias = torch.Tensor | tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class GoogLeNetWithHeads(GoogLeNet):
    """With auxiliary heads on 4a and 4d: in training mode it returns (logits, aux1, aux2), three times N×num_classes.

    The paper adds the losses of the heads at a weight of 0.3 each.
    """

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__(num_classes, in_channels, dropout)
        self.aux1 = AuxiliaryHead(512, num_classes)
        self.aux2 = AuxiliaryHead(528, num_classes)
        self.initialise()

    def forward(self, x: torch.Tensor) -> Logits:  # type: ignore[override]
        x_4a = self.to_4a(x)  # N×512×14×14
        x_4d = self.to_4d(x_4a)  # N×528×14×14
        x = self.to_logits(x_4d)  # N×num_classes
        if self.training:
            return x, self.aux1(x_4a), self.aux2(x_4d)
        return x


@arch(
    **CVPR_2015,
    title="GoogLeNet",
    params=6_998_552,
    macs=1_582_671_872,
    depth=22,
    stages=("relu1 64 2 7", "norm2 192 4 19", "inception_3b 480 8 91", "inception_4e 832 16 427", "inception_5b 1024 32 715"),
    published=(
        {"quantity": "depth", "printed": "22", "where": "section 5"},
        {
            "quantity": "macs",
            "printed": "1.5 billion",
            "where": "section 1",
            "note": "The rows of Table 1 add up to it, with 34 million in the first, whose 7×7 convolution needs 118.",
        },
    ),
    variants=({"options": {"aux_heads": True}, "train": True, "params": 13_378_280, "macs": 1_591_044_096},),
    training={"aux_heads": True},
    parents=("nin_cifar10",),
    sources={
        "paper": ("paper", "its first version", "https://arxiv.org/abs/1409.4842v1"),
        "caffe": ("author's file", "Caffe's GoogLeNet", "https://github.com/BVLC/caffe/tree/master/models/bvlc_googlenet"),
        "convnet-burden": ("author's file", "that tool's table", "https://github.com/albanie/convnet-burden"),
    },
    deviations=(
        "The paper omits the constants of local response normalisation, biases and initialisation; they are those of "
        "the Caffe model: k = 1, n = 5, alpha = 1e-4 divided by n, beta = 0.75; every convolution has a bias; "
        "weights start uniform in ±sqrt(3 / fan_in), biases from 0.2, or 0 in the layers that give the classes. "
        "[paper, section 5; caffe, train_val.prototxt]",
        "Pooling of stride 2 rounds sizes up, as in Caffe: only so, without padding, come the 56, 28, 14 and 7 of Table 1. "
        "[paper, Table 1; caffe, train_val.prototxt; computed]",
        "The auxiliary heads exist if aux_heads is set, and run in training mode only: the paper drops them after training. "
        "Then the network returns (logits, aux1, aux2). [paper, section 5; ours]",
    ),
    errata=(
        "Table 1 counts weights without biases in units of 1,024. So counted, rows 3b, 4a, 4b, 4c, 4d, 4e and 5b "
        "print 380, 364, 437, 463, 580, 840 and 1388K where their own filters give 379, 366.8, 438, 497.5, 590.5, "
        "847 and 1409K. [paper, Table 1; computed]",
        "Row 5a of Table 1 prints 1072K and 54M operations; its own filters give 1018K and 51M. [paper, Table 1; computed]",
        "The first row of Table 1, 2.7K and 34M, is not a 7×7 convolution from 3 to 64 maps, which has 9.2K and 118M. A "
        "depthwise 7×7 convolution of multiplier 8 with a 1×1 convolution after it would fit both numbers; the paper "
        "does not speak of one. [paper, Table 1; computed]",
        "Section 1 has 12 times fewer parameters than AlexNet, which would be 5.1 million; this network has 8.7 times fewer. "
        "[paper, section 1; computed]",
        "Section 5 gives 224×224 as the size of the receptive field, and means the input's; a unit of inception_5b would see 715 "
        "pixels a side, and one after the average 907. [paper, section 5; computed]",
    ),
    notes=(
        "Of the network's size there are many numbers: Table 1 sums up to 6,797.7K, in its units of 1,024 6.96 million, where the "
        "network has 6,990,272 weights; 13.4 million includes the auxiliary heads; convnet-burden's 51 MB contain them too. "
        "[paper, Table 1; convnet-burden; computed]",
    ),
    results=(
        {"on": "ILSVRC 2014 validation and test", "top5": "6.67", "crops": "144 crops", "models": 7, "source": "paper, section 7"},
        {"on": "ILSVRC 2014 validation", "top5": "10.07", "crops": "1 crop", "source": "paper, Table 3"},
        {"on": "ILSVRC 2014 validation", "top5": "9.15", "crops": "10 crops", "source": "paper, Table 3"},
        {"on": "ILSVRC 2014 validation", "top5": "7.89", "crops": "144 crops", "source": "paper, Table 3"},
        {
            "on": "ILSVRC 2012 validation",
            "measure": "accuracy",
            "top1": "68.7",
            "top5": "88.9",
            "crops": "centre crop",
            "note": "Caffe's GoogLeNet",
            "source": "caffe, readme",
        },
    ),
    recipe={
        "loss": "The softmax losses of the auxiliary heads are added at a weight of 0.3 each. [paper, section 5; caffe, "
        "train_val.prototxt]",
        "optimiser": "Asynchronous stochastic gradient descent with momentum 0.9; the weights used are a Polyak average. "
        "[paper, section 6]",
        "learning rate": "Lowered by 4% every 8 epochs. [paper, section 6]",
        "augmentation": "Patches of 8% to 100% of the image's area with an aspect ratio of 3/4 to 4/3, and changes of light and "
        "colour, as a prescription found after the competition. [paper, section 6]",
        "dropout": "0.4 before the classifier, 0.7 in the auxiliary heads. [paper, Table 1 and section 5; caffe, "
        "train_val.prototxt]",
        "hardware": "DistBelief on CPUs. [paper, section 6]",
        "remark": "Caffe's weights were trained otherwise: 0.01·(1 - iteration/2,400,000)^0.5, batches of 32, weight decay "
        "0.0002, 60 epochs, mirror images and no changes of scale, aspect ratio or light. [caffe, quick_solver.prototxt, "
        "train_val.prototxt and readme]",
    },
    preprocessing={
        "stated": (
            "A mean is subtracted from RGB. Caffe's model takes channels as blue, green, red in [0, 255] and subtracts 104, 117 "
            "and 123. [paper, section 5; caffe, train_val.prototxt]",
        ),
        "order": "BGR",
        "values": (0, 255),
        "mean": (104, 117, 123),
        "std": (1, 1, 1),
        "mean_of": "channels",
    },
    weights=(
        "Caffe's GoogLeNet, released for unrestricted use: http://dl.caffe.berkeleyvision.org/bvlc_googlenet.caffemodel [caffe, "
        "readme]",
    ),
)
def googlenet(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.4, aux_heads: bool = False) -> GoogLeNet:
    """Szegedy 2014, Inception v1: nine modules of parallel 1×1, 3×3 and 5×5 convolutions, average pooling."""
    if aux_heads:
        return GoogLeNetWithHeads(num_classes, in_channels, dropout)
    return GoogLeNet(num_classes, in_channels, dropout)
