"""Caffe's LeNet: the MNIST example of Y. Jia et al., "Caffe: Convolutional Architecture for Fast Feature Embedding", 2014.

The layers are those of examples/mnist/lenet_train_test.prototxt and carry its names. Deviations are on the card.
"""

import torch
from torch import nn

from zoo.extend import arch


class LeNetCaffe(nn.Module):
    """Input N×in_channels×28×28, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 20, kernel_size=5)
        self.pool1 = nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True)
        self.conv2 = nn.Conv2d(20, 50, kernel_size=5)
        self.pool2 = nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True)
        self.ip1 = nn.Linear(50 * 4 * 4, 500)
        self.relu1 = nn.ReLU(inplace=True)
        self.ip2 = nn.Linear(500, num_classes)
        self.initialise()

    def initialise(self) -> None:
        """Caffe's xavier initialisation: uniform in ±sqrt(3 / fan_in). Biases 0."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool1(self.conv1(x))  # N×20×24×24 -> N×20×12×12
        x = self.pool2(self.conv2(x))  # N×50×8×8 -> N×50×4×4
        x = torch.flatten(x, 1)  # N×800
        x = self.relu1(self.ip1(x))  # N×500
        x = self.ip2(x)  # N×num_classes
        return x


@arch(
    title="LeNet of Caffe",
    year=2014,
    authors="Yangqing Jia, Evan Shelhamer, Jeff Donahue, Sergey Karayev, Jonathan Long, Ross Girshick, Sergio Guadarrama, "
    "Trevor Darrell",
    paper="Caffe: Convolutional Architecture for Fast Feature Embedding (ACM Multimedia 2014)",
    doi="10.1145/2647868.2654889",
    arxiv="1408.5093",
    input=(1, 28, 28),
    params=431_080,
    macs=2_293_000,
    depth=4,
    stages=("conv1 20 1 5", "conv2 50 2 14", "pool2 50 4 16"),
    classifier="ip2",
    by_design=("fixed-input", "heavy-head"),
    num_features=500,
    parents=("lenet5",),
    sources={
        "paper": ("transcription", "the paper's text as others copied it"),
        "caffe": ("author's file", "the example", "https://github.com/BVLC/caffe/tree/master/examples/mnist"),
    },
    deviations=(
        "Figure 1 of the paper draws an MNIST network of Caffe as an example; layers and their initialisation are those of the "
        "prototxt that Caffe ships. [paper, figure 1; caffe, lenet_train_test.prototxt]",
    ),
    notes=(
        "It is often taken for LeNet-5, which has a seventh of its parameters, and a seventh of its multiply-accumulates: there "
        "are 20 and 50 maps here, max pooling, and no activation but one ReLU. [caffe, lenet_train_test.prototxt; computed]",
    ),
    results=(
        {"on": "MNIST test", "measure": "accuracy", "top1": "98.97", "note": "the log in its readme", "source": "caffe, readme.md"},
    ),
    recipe={
        "optimiser": "Stochastic gradient descent with momentum 0.9. [caffe, lenet_solver.prototxt]",
        "learning rate": "0.01·(1 + 0.0001·iteration)^-0.75. [caffe, lenet_solver.prototxt]",
        "batch": "64. [caffe, lenet_train_test.prototxt]",
        "weight decay": "0.0005. [caffe, lenet_solver.prototxt]",
        "length": "10,000 iterations. [caffe, lenet_solver.prototxt]",
    },
    preprocessing={
        "stated": (
            "Pixels from 0 to 255 are multiplied by 1/256, or 0.00390625: at most 0.99609375. [caffe, lenet_train_test.prototxt]",
        ),
        "values": (0, 0.99609375),
        "mean": (0,),
        "std": (1,),
        "mean_of": "channels",
    },
    citation={
        "type": "inproceedings",
        "booktitle": "Proceedings of the ACM International Conference on Multimedia",
        "year": "2014",
    },
)
def lenet_caffe(num_classes: int = 10, in_channels: int = 1) -> LeNetCaffe:
    """The MNIST network that Caffe calls LeNet: 20 and 50 maps, max pooling, one ReLU."""
    return LeNetCaffe(num_classes, in_channels)
