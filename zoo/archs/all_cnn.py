"""All-CNN: J. T. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller, "Striving for Simplicity: The All Convolutional Net", 2014.

Tables 1 and 2 give the networks: convolutions of stride 2 in place of poolings. Layers are numbered through (conv1 to conv9).
Deviations are on the card.
"""

from collections import OrderedDict

import torch
from torch import nn

from zoo.extend import arch


class AllCNNC(nn.Module):
    """Input N×in_channels×32×32, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, input_dropout: float, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                drop0=nn.Dropout(input_dropout),
                conv1=nn.Conv2d(in_channels, 96, kernel_size=3, padding=1),  # N×96×32×32
                relu1=nn.ReLU(inplace=True),
                conv2=nn.Conv2d(96, 96, kernel_size=3, padding=1),  # N×96×32×32
                relu2=nn.ReLU(inplace=True),
                conv3=nn.Conv2d(96, 96, kernel_size=3, stride=2, padding=1),  # N×96×16×16
                relu3=nn.ReLU(inplace=True),
                drop3=nn.Dropout(dropout),
                conv4=nn.Conv2d(96, 192, kernel_size=3, padding=1),  # N×192×16×16
                relu4=nn.ReLU(inplace=True),
                conv5=nn.Conv2d(192, 192, kernel_size=3, padding=1),  # N×192×16×16
                relu5=nn.ReLU(inplace=True),
                conv6=nn.Conv2d(192, 192, kernel_size=3, stride=2, padding=1),  # N×192×8×8
                relu6=nn.ReLU(inplace=True),
                drop6=nn.Dropout(dropout),
                conv7=nn.Conv2d(192, 192, kernel_size=3),  # N×192×6×6
                relu7=nn.ReLU(inplace=True),
                conv8=nn.Conv2d(192, 192, kernel_size=1),  # N×192×6×6
                relu8=nn.ReLU(inplace=True),
                conv9=nn.Conv2d(192, num_classes, kernel_size=1),  # N×num_classes×6×6
                relu9=nn.ReLU(inplace=True),
            )
        )
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.initialise()

    def initialise(self) -> None:
        """Caffe's xavier initialisation: uniform in ±sqrt(3 / fan_in). Biases 0."""
        for layer in self.features.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)  # N×num_classes×6×6: a map for each class
        x = self.pool(x)  # N×num_classes×1×1
        x = torch.flatten(x, 1)  # N×num_classes
        return x


@arch(
    title="All-CNN-C",
    year=2014,
    authors="Jost Tobias Springenberg, Alexey Dosovitskiy, Thomas Brox, Martin Riedmiller",
    paper="Striving for Simplicity: The All Convolutional Net (ICLR 2015 workshop)",
    arxiv="1412.6806",
    input=(3, 32, 32),
    params=1_369_738,
    macs=270_798_336,
    depth=9,
    stages=("features.relu2 96 1 5", "features.relu5 192 2 15", "features.relu8 192 4 27"),
    classifier="features.conv9",
    num_features=192,
    published=(
        {"quantity": "params", "printed": "1.4M", "where": "Table 3"},
        {"quantity": "params", "printed": "1.3M", "where": "Table 4"},
    ),
    sources={
        "paper": ("transcription", "its tables and its section on training as others copied them"),
        "port": ("transcription", "a Caffe port", "https://github.com/mateuszbuda/ALL-CNN"),
        "others": ("second-hand", "remarks of other ports"),
    },
    deviations=(
        "The initialisation of the paper was not found: convolutions start uniform in ±sqrt(3 / fan_in), biases from 0, as in the "
        "Caffe port whose layers also agree with the paper's sizes. [port, ALL_CNN_C_train_val.prototxt; ours]",
    ),
    errata=(
        "The paper prints about 1.4M parameters in Table 3 and about 1.3M in Table 4 for the same network. [paper, Tables 3 and 4]",
    ),
    notes=(
        "The paper averages over 6×6 units, which needs an unpadded conv7. Some call the 6×6 a mistake and pad conv7, for maps of "
        "8×8: the same parameters, and 10.4 million multiply-accumulates more. [paper, Table 1; others; computed]",
    ),
    results=(
        {"on": "CIFAR-10 test", "top1": "9.08", "note": "without augmentation", "source": "paper, Tables 3 and 4"},
        {"on": "CIFAR-10 test", "top1": "7.25", "note": "with shifts and mirror images", "source": "paper, Table 4"},
    ),
    recipe={
        "optimiser": "Stochastic gradient descent with momentum 0.9. [paper, on training]",
        "learning rate": "The best of 0.25, 0.1, 0.05 and 0.01, multiplied by 0.1 after 200, 250 and 300 epochs. "
        "[paper, on training]",
        "weight decay": "0.001. [paper, on training]",
        "augmentation": "For 7.25%: mirror images and shifts of at most 5 pixels. [paper, on training]",
        "dropout": "0.2 on the input, 0.5 after conv3 and conv6. [paper, on training; port, ALL_CNN_C_train_val.prototxt]",
        "length": "350 epochs. [paper, on training]",
    },
    preprocessing=("Contrast normalisation and whitening. [paper, on training; port, README]",),
    citation={
        "type": "inproceedings",
        "booktitle": "International Conference on Learning Representations, workshop track",
        "year": "2015",
    },
)
def all_cnn_c(num_classes: int = 10, in_channels: int = 3, input_dropout: float = 0.2, dropout: float = 0.5) -> AllCNNC:
    """Springenberg 2014 for CIFAR-10: nothing but convolutions, two of them with stride 2 instead of pooling."""
    return AllCNNC(num_classes, in_channels, input_dropout, dropout)
