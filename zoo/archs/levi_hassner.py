"""Levi and Hassner: G. Levi, T. Hassner, "Age and Gender Classification Using Convolutional Neural Networks", CVPR workshops 2015.

Section 3 and figure 2 give the network; what they leave out is in the authors' Caffe prototxts, whose names the layers carry:
the third pooling is called pool5 there. Shapes in comments are for 227×227 images. Deviations are on the card.
"""

import torch
from torch import nn

from zoo.extend import arch


def pool() -> nn.MaxPool2d:
    """Windows overlap, and sizes are rounded up, as everywhere in Caffe."""
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def lrn() -> nn.LocalResponseNorm:
    """Caffe's, with k = 1. Caffe divides alpha by n, and so does torch."""
    return nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=1.0)


class LeviHassner(nn.Module):
    """The network of figure 2. Input N×in_channels×227×227, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 96, kernel_size=7, stride=4)
        self.relu1 = nn.ReLU(inplace=True)
        self.pool1 = pool()
        self.norm1 = lrn()
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, padding=2)
        self.relu2 = nn.ReLU(inplace=True)
        self.pool2 = pool()
        self.norm2 = lrn()
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)
        self.relu3 = nn.ReLU(inplace=True)
        self.pool5 = pool()
        self.fc6 = nn.Linear(384 * 7 * 7, 512)
        self.relu6 = nn.ReLU(inplace=True)
        self.drop6 = nn.Dropout(dropout)
        self.fc7 = nn.Linear(512, 512)
        self.relu7 = nn.ReLU(inplace=True)
        self.drop7 = nn.Dropout(dropout)
        self.fc8 = nn.Linear(512, num_classes)
        self.initialise()

    def initialise(self) -> None:
        """Weights from N(0, 0.01²), in fc6 and fc7 N(0, 0.005²); biases 1 in conv2, fc6 and fc7, else 0."""
        ones = {"conv2", "fc6", "fc7"}
        for name, layer in self.named_children():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.005 if name in {"fc6", "fc7"} else 0.01)
                assert layer.bias is not None
                nn.init.constant_(layer.bias, 1.0 if name in ones else 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm1(self.pool1(self.relu1(self.conv1(x))))  # N×96×56×56 -> N×96×28×28
        x = self.norm2(self.pool2(self.relu2(self.conv2(x))))  # N×256×28×28 -> N×256×14×14
        x = self.pool5(self.relu3(self.conv3(x)))  # N×384×14×14 -> N×384×7×7
        x = torch.flatten(x, 1)  # N×18816
        x = self.drop6(self.relu6(self.fc6(x)))  # N×512
        x = self.drop7(self.relu7(self.fc7(x)))  # N×512
        x = self.fc8(x)  # N×num_classes
        return x


@arch(
    title="Levi and Hassner's age network",
    year=2015,
    authors="Gil Levi, Tal Hassner",
    paper="Age and Gender Classification Using Convolutional Neural Networks (CVPR workshops 2015)",
    doi="10.1109/CVPRW.2015.7301352",
    input=(3, 227, 227),
    params=11_415_048,
    macs=709_253_120,
    depth=6,
    stages=("relu1 96 4 7", "relu2 256 8 47", "relu3 384 16 95", "pool5 384 32 127"),
    classifier="fc8",
    by_design=("fixed-input", "heavy-head"),
    num_features=512,
    variants=({"options": {"num_classes": 2}, "params": 11_411_970, "macs": 709_250_048},),
    parents=("caffenet",),
    sources={
        "paper": ("transcription", "its sections on the network and its training as others copied them"),
        "released": ("author's file", "the prototxts", "https://github.com/GilLevi/AgeGenderDeepLearning"),
        "leaderboard": ("second-hand", "Papers with Code on this paper"),
    },
    deviations=(
        "It is the network for eight ages; the one for two genders differs in num_classes=2 alone. "
        "[released, age_net_definitions and gender_net_definitions]",
        "Weights start as in the authors' prototxt. The paper has N(0, 0.01²) in all layers. "
        "[released, train_val_test_fold_is_0.prototxt; paper, on initialisation]",
    ),
    errata=(
        "The text leaves out the stride of 4 in conv1; the 28×28 maps that it gives after pooling need it. "
        "[paper, on the layers; released, train_val_test_fold_is_0.prototxt; computed]",
    ),
    notes=(
        "The authors' prototxt calls itself CaffeNet, which it is not: it has three convolutions. "
        "[released, train_val_test_fold_is_0.prototxt]",
    ),
    results=(
        {
            "on": "Adience ages, five folds",
            "measure": "accuracy",
            "top1": "49.5",
            "crops": "centre crop",
            "source": "leaderboard",
        },
        {"on": "Adience ages, five folds", "measure": "accuracy", "top1": "50.7", "crops": "10 crops", "source": "leaderboard"},
        {
            "on": "Adience genders, five folds",
            "measure": "accuracy",
            "top1": "85.9",
            "crops": "centre crop",
            "note": "num_classes=2",
            "source": "leaderboard",
        },
        {
            "on": "Adience genders, five folds",
            "measure": "accuracy",
            "top1": "86.8",
            "crops": "10 crops",
            "note": "num_classes=2",
            "source": "leaderboard",
        },
    ),
    weights=(
        "models/age_net.caffemodel and models/gender_net.caffemodel in the authors' repository, which names no licence: they are "
        "provided as is. [released, README and models]",
    ),
    recipe={
        "optimiser": "Stochastic gradient descent, with momentum 0.9. [paper, on training; released, "
        "solver_test_fold_is_0.prototxt]",
        "learning rate": "0.001, divided by 10 after 10,000 iterations, by the solver every 10,000. "
        "[paper, on training; released, solver_test_fold_is_0.prototxt]",
        "batch": "50. [paper, on training; released, train_val_test_fold_is_0.prototxt]",
        "weight decay": "0.0005. [released, solver_test_fold_is_0.prototxt]",
        "augmentation": "Random 227×227 crops of 256×256 images, and mirror images. [paper, on training]",
        "dropout": "0.5 after both hidden fully connected layers. [paper, on training]",
        "length": "50,000 iterations at most. [released, solver_test_fold_is_0.prototxt]",
    },
    preprocessing={
        "stated": (
            "Faces are scaled to 256×256 and cut to 227×227; the mean image is subtracted. "
            "[paper, on the layers; released, train_val_test_fold_is_0.prototxt]",
        ),
        "resize": 256,
        "mean_of": "pixels",
    },
    citation={
        "type": "inproceedings",
        "booktitle": "IEEE Conference on Computer Vision and Pattern Recognition Workshops",
        "year": "2015",
    },
)
def levi_hassner(num_classes: int = 8, in_channels: int = 3, dropout: float = 0.5) -> LeviHassner:
    """Levi 2015: three convolutions and narrow fully connected layers, for the age or gender of a face."""
    return LeviHassner(num_classes, in_channels, dropout)
