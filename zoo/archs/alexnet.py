"""AlexNet: A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012.

Section 3 and figure 2 give the layers, section 5 the initialisation. Layers carry the names of the authors' Caffe descendants
(conv1, norm1, pool1, ..., fc8). Shapes in comments are for one 3×227×227 image. Deviations stand on the cards.
"""

from collections import OrderedDict

import torch
from torch import nn

from zoo.extend import arch

NIPS_2012 = {
    "title": "AlexNet",
    "year": 2012,
    "authors": "Alex Krizhevsky, Ilya Sutskever, Geoffrey E. Hinton",
    "paper": "ImageNet Classification with Deep Convolutional Neural Networks (NIPS 2012)",
    "doi": "10.1145/3065386",
    "input": (3, 227, 227),
    "classifier": "fc8",
    "by_design": ("fixed-input", "heavy-head"),
    "num_features": 4_096,
}


def lrn() -> nn.LocalResponseNorm:
    """Section 3.3: k = 2, n = 5, alpha = 1e-4, beta = 0.75. torch divides alpha by n, the paper's formula does not."""
    return nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)


class AlexNet(nn.Module):
    """The network of figure 2. `groups` is 2 where a layer sees only the maps of its own GPU, 1 for one column.

    Input N×in_channels×227×227, output N×num_classes.
    """

    def __init__(self, num_classes: int, in_channels: int, dropout: float, groups: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 96, kernel_size=11, stride=4)
        self.relu1 = nn.ReLU(inplace=True)
        self.norm1 = lrn()
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=groups)
        self.relu2 = nn.ReLU(inplace=True)
        self.norm2 = lrn()
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)
        self.relu3 = nn.ReLU(inplace=True)
        self.conv4 = nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=groups)
        self.relu4 = nn.ReLU(inplace=True)
        self.conv5 = nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=groups)
        self.relu5 = nn.ReLU(inplace=True)
        self.pool5 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.relu6 = nn.ReLU(inplace=True)
        self.drop6 = nn.Dropout(dropout)
        self.fc7 = nn.Linear(4096, 4096)
        self.relu7 = nn.ReLU(inplace=True)
        self.drop7 = nn.Dropout(dropout)
        self.fc8 = nn.Linear(4096, num_classes)
        self.initialise()

    def initialise(self) -> None:
        """Section 5: weights from N(0, 0.01²); biases 1 in conv2, conv4, conv5 and the hidden fully connected layers, else 0."""
        for name, layer in self.named_children():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                assert layer.bias is not None
                nn.init.constant_(layer.bias, 1.0 if name in {"conv2", "conv4", "conv5", "fc6", "fc7"} else 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool1(self.norm1(self.relu1(self.conv1(x))))  # N×96×55×55 -> N×96×27×27
        x = self.pool2(self.norm2(self.relu2(self.conv2(x))))  # N×256×27×27 -> N×256×13×13
        x = self.relu3(self.conv3(x))  # N×384×13×13
        x = self.relu4(self.conv4(x))  # N×384×13×13
        x = self.pool5(self.relu5(self.conv5(x)))  # N×256×13×13 -> N×256×6×6
        x = torch.flatten(x, 1)  # N×9216
        x = self.drop6(self.relu6(self.fc6(x)))  # N×4096
        x = self.drop7(self.relu7(self.fc7(x)))  # N×4096
        x = self.fc8(x)  # N×num_classes
        return x


@arch(
    **NIPS_2012,
    params=60_965_224,
    macs=724_406_816,
    depth=8,
    stages=("norm1 96 4 11", "norm2 256 8 51", "relu5 256 16 163", "pool5 256 32 195"),
    published=(
        {"quantity": "params", "printed": "60 million", "where": "abstract"},
        {"quantity": "depth", "printed": "8", "where": "section 3"},
    ),
    deviations=(
        "One module computes what two GPUs computed: conv2, conv4 and conv5 are grouped convolutions of two groups.",
        "The paper does not say whether local response normalisation crosses from one GPU's maps to the other's; here it does, "
        "as in the Caffe model.",
        "torch divides the alpha of local response normalisation by the window's size, the paper's formula and its 1e-4 do not: "
        "5e-4 over a window of 5 is the paper's. cuda-convnet and Caffe divide too, Caffe with k = 1.",
        "The Caffe model starts fc6 and fc7 from a standard deviation of 0.005 and biases at 0.1; here the paper's 0.01 and 1.",
    ),
    errata=(
        "The paper says 224×224 inputs; with an 11×11 kernel of stride 4, 55×55 maps follow from 227×227 without padding, or from "
        "224×224 if sizes are rounded up, as the authors' cuda-convnet does. 227 is used here, as in Caffe.",
        "The caption of figure 2 counts 253,440 neurons in the first layer; 55×55×96 is 290,400, and only that count gives the "
        "650,000 neurons of the abstract.",
        "An older abstract, on the proceedings' page, counts 500,000 neurons and two globally connected layers.",
        "Other tools count otherwise: 727 million at 227 pixels with biases, ReLUs and pooling (convnet-burden), 1.38 billion at "
        "two for each multiply-accumulate of the one-tower network (Google's table of receptive fields).",
        "Section 1 credits each convolutional layer with no more than 1% of the parameters; conv3 has 1.45%, conv4 1.09%.",
    ),
)
def alexnet(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> AlexNet:
    """Krizhevsky 2012: five convolutions on two GPUs, local response normalisation, overlapping pooling."""
    return AlexNet(num_classes, in_channels, dropout, groups=2)


@arch(
    **NIPS_2012,
    params=62_378_344,
    macs=1_135_256_096,
    depth=8,
    stages=("norm1 96 4 11", "norm2 256 8 51", "relu5 256 16 163", "pool5 256 32 195"),
    deviations=(
        "Not the published network: conv2, conv4 and conv5 see all maps, as many lectures and re-implementations draw it. "
        "It has 1.57 times the multiply-accumulates of the published one.",
    ),
)
def alexnet_ungrouped(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> AlexNet:
    """The single-column AlexNet of lectures: every convolution sees all maps."""
    return AlexNet(num_classes, in_channels, dropout, groups=1)


class AlexNetOWT(nn.Module):
    """One tower, no normalisation, adaptive pooling before the classifier. Input N×in_channels×224×224, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, 64, kernel_size=11, stride=4, padding=2),  # N×64×55×55
                relu1=nn.ReLU(inplace=True),
                pool1=nn.MaxPool2d(kernel_size=3, stride=2),  # N×64×27×27
                conv2=nn.Conv2d(64, 192, kernel_size=5, padding=2),  # N×192×27×27
                relu2=nn.ReLU(inplace=True),
                pool2=nn.MaxPool2d(kernel_size=3, stride=2),  # N×192×13×13
                conv3=nn.Conv2d(192, 384, kernel_size=3, padding=1),  # N×384×13×13
                relu3=nn.ReLU(inplace=True),
                conv4=nn.Conv2d(384, 256, kernel_size=3, padding=1),  # N×256×13×13
                relu4=nn.ReLU(inplace=True),
                conv5=nn.Conv2d(256, 256, kernel_size=3, padding=1),  # N×256×13×13
                relu5=nn.ReLU(inplace=True),
                pool5=nn.MaxPool2d(kernel_size=3, stride=2),  # N×256×6×6
            )
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            OrderedDict(
                drop6=nn.Dropout(dropout),
                fc6=nn.Linear(256 * 6 * 6, 4096),
                relu6=nn.ReLU(inplace=True),
                drop7=nn.Dropout(dropout),
                fc7=nn.Linear(4096, 4096),
                relu7=nn.ReLU(inplace=True),
                fc8=nn.Linear(4096, num_classes),
            )
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)  # N×256×6×6
        x = self.avgpool(x)  # N×256×6×6, whatever the input's size
        x = torch.flatten(x, 1)  # N×9216
        x = self.classifier(x)  # N×num_classes
        return x


@arch(
    title="AlexNet, one weird trick",
    year=2014,
    authors="Alex Krizhevsky",
    paper="One weird trick for parallelizing convolutional neural networks (2014)",
    arxiv="1404.5997",
    input=(3, 224, 224),
    params=61_100_840,
    macs=714_188_480,
    depth=8,
    stages=("features.relu1 64 4 11", "features.relu2 192 8 51", "features.relu5 256 16 163", "features 256 32 195"),
    classifier="classifier.fc8",
    by_design=("fixed-input", "heavy-head"),
    num_features=4_096,
    published=(
        {"quantity": "params", "printed": "61,100,840", "where": "torchvision's weight metadata"},
        {"quantity": "macs", "printed": "0.714G", "where": "torchvision's weight metadata"},
    ),
    torchvision="alexnet",
    keys=(
        (r"^features\.0\.", "features.conv1."),
        (r"^features\.3\.", "features.conv2."),
        (r"^features\.6\.", "features.conv3."),
        (r"^features\.8\.", "features.conv4."),
        (r"^features\.10\.", "features.conv5."),
        (r"^classifier\.1\.", "classifier.fc6."),
        (r"^classifier\.4\.", "classifier.fc7."),
        (r"^classifier\.6\.", "classifier.fc8."),
    ),
    deviations=(
        "As torchvision ships it: conv1 padded by 2, no local response normalisation, dropout before fc6 and fc7 rather than "
        "after, adaptive pooling to 6×6, torch's default initialisation.",
        "The author's released configuration has conv1 unpadded with sizes rounded up, local response normalisation, and the "
        "ReLUs of conv1 and conv5 after their pooling.",
    ),
    errata=(
        "Its remark of 2.4% fewer connections fits no count of either version: the released one has 1.4% fewer multiplications.",
        "The text of the paper gives the widths 64, 192, 384, 384, 256; the released configuration and torchvision have 64, 192, "
        "384, 256, 256, and only these fit its own remark of 0.2% more parameters than the two-GPU network.",
    ),
)
def alexnet_owt(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> AlexNetOWT:
    """Krizhevsky 2014, one weird trick: the one-tower AlexNet that torchvision ships."""
    return AlexNetOWT(num_classes, in_channels, dropout)
