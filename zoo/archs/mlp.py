"""MLP: the multilayer perceptron of the Deep Learning Tutorials (LISA lab, Université de Montréal), 784-500-10 on MNIST.

The file mlp.py of the tutorial gives the layers, their sizes, and how weights start.
"""

from collections import OrderedDict

import torch
from torch import nn

from zoo.extend import arch


class MLP(nn.Module):
    """One hidden layer. Input N×in_channels×28×28, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, hidden: int) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.hidden = nn.Sequential(OrderedDict(fc=nn.Linear(in_channels * 28 * 28, hidden), tanh=nn.Tanh()))
        self.output = nn.Linear(hidden, num_classes)
        self.initialise()

    def initialise(self) -> None:
        """Uniform in ±sqrt(6 / (inputs + outputs)) for the hidden layer; zeros for the output and for biases."""
        fc = self.hidden.fc
        assert isinstance(fc, nn.Linear)
        nn.init.xavier_uniform_(fc.weight)
        nn.init.zeros_(fc.bias)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.flatten(x)  # N×784
        x = self.hidden(x)  # N×500
        x = self.output(x)  # N×num_classes
        return x


@arch(
    title="Multilayer perceptron, 784-500-10",
    year=2010,
    authors="LISA lab, Université de Montréal",
    paper="Deep Learning Tutorials: Multilayer Perceptron (2010)",
    url="https://github.com/lisa-lab/DeepLearningTutorials",
    input=(1, 28, 28),
    params=397_510,
    macs=397_000,
    depth=2,
    classifier="output",
    num_features=500,
    by_design=("fixed-input", "heavy-head"),
    sources={
        "tutorial": (
            "author's file",
            "the network and its training",
            "https://github.com/lisa-lab/DeepLearningTutorials/blob/master/code/mlp.py",
        ),
    },
    recipe={
        "loss": "Negative log-likelihood of a softmax, plus 0.0001 times the sum of squared weights. [tutorial]",
        "optimiser": "Stochastic gradient descent without momentum. [tutorial]",
        "learning rate": "0.01. [tutorial]",
        "batch": "20. [tutorial]",
        "length": "1,000 passes at most, with early stopping. [tutorial]",
    },
    deviations=(
        "The softmax is left to the loss. [ours]",
        "The output starts from zeros, as in the tutorial, so the hidden layer learns from the second step on. "
        "[tutorial; computed]",
    ),
    notes=("784·500 + 500 = 392,500 parameters of the hidden layer and 500·10 + 10 = 5,010 of the output. [computed]",),
    citation={"type": "misc", "year": "2010"},
)
def mlp_mnist(num_classes: int = 10, in_channels: int = 1, hidden: int = 500) -> MLP:
    """Deep Learning Tutorials: one hidden layer of 500 units, no convolution."""
    return MLP(num_classes, in_channels, hidden)
