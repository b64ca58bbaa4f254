"""STN: M. Jaderberg, K. Simonyan, A. Zisserman, K. Kavukcuoglu, "Spatial Transformer Networks", NIPS 2015.

Section 3 gives the three parts of a spatial transformer and their names: localisation network, grid generator, sampler. Here it
precedes a small classifier of digits. Deviations are on the card.
"""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

from zoo.extend import arch


class GridGenerator(nn.Module):
    """Section 3.2, equation 1: where in the input each pixel of the output comes from.

    Input N×2×3 affine transformations, output N×height×width×2 pairs of x and y, which are -1 at the centre of the first pixel and
    1 at that of the last.
    """

    def forward(self, theta: torch.Tensor, height: int, width: int) -> torch.Tensor:
        x = torch.linspace(-1, 1, width, device=theta.device, dtype=theta.dtype)
        y = torch.linspace(-1, 1, height, device=theta.device, dtype=theta.dtype)
        x, y = x.view(1, 1, width, 1), y.view(1, height, 1, 1)
        theta = theta.view(-1, 1, 1, 2, 3)
        return theta[..., 0] * x + theta[..., 1] * y + theta[..., 2]  # N×height×width×2


class SpatialTransformer(nn.Module):
    """Rotates, scales and shifts each image as the localisation network predicts. Input and output N×in_channels×28×28."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.localisation = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, 8, kernel_size=7),  # N×8×22×22
                pool1=nn.MaxPool2d(kernel_size=2, stride=2),  # N×8×11×11
                relu1=nn.ReLU(inplace=True),
                conv2=nn.Conv2d(8, 10, kernel_size=5),  # N×10×7×7
                pool2=nn.MaxPool2d(kernel_size=2, stride=2),  # N×10×3×3
                relu2=nn.ReLU(inplace=True),
                flatten=nn.Flatten(),  # N×90
                fc1=nn.Linear(10 * 3 * 3, 32),  # N×32
                relu3=nn.ReLU(inplace=True),
                fc2=nn.Linear(32, 2 * 3),  # N×6
            )
        )
        self.grid_generator = GridGenerator()
        self.initialise()

    def initialise(self) -> None:
        """The last layer ignores its input and gives the identity; the others start as torch does by default."""
        last = self.localisation.fc2
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        with torch.no_grad():
            last.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        theta = self.localisation(x).view(-1, 2, 3)  # N×2×3
        grid = self.grid_generator(theta, x.shape[2], x.shape[3])  # N×28×28×2
        return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=True)  # N×in_channels×28×28


class STN(nn.Module):
    """A spatial transformer in front of a classifier. Input N×in_channels×28×28, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.transformer = SpatialTransformer(in_channels)
        self.conv1 = nn.Conv2d(in_channels, 10, kernel_size=5)
        self.pool1 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.drop2 = nn.Dropout2d(dropout)
        self.pool2 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.relu2 = nn.ReLU(inplace=True)
        self.fc1 = nn.Linear(20 * 4 * 4, 50)
        self.relu3 = nn.ReLU(inplace=True)
        self.drop3 = nn.Dropout(dropout)
        self.fc2 = nn.Linear(50, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.transformer(x)  # N×in_channels×28×28
        x = self.relu1(self.pool1(self.conv1(x)))  # N×10×24×24 -> N×10×12×12
        x = self.relu2(self.pool2(self.drop2(self.conv2(x))))  # N×20×8×8 -> N×20×4×4
        x = torch.flatten(x, 1)  # N×320
        x = self.drop3(self.relu3(self.fc1(x)))  # N×50
        x = self.fc2(x)  # N×num_classes
        return x


@arch(
    title="Spatial transformer, MNIST",
    year=2015,
    authors="Max Jaderberg, Karen Simonyan, Andrew Zisserman, Koray Kavukcuoglu",
    paper="Spatial Transformer Networks (NIPS 2015)",
    arxiv="1506.02025",
    input=(1, 28, 28),
    params=27_360,
    macs=771_300,
    depth=8,
    stages=("conv1 10 1 ?", "conv2 20 2 ?", "relu2 20 4 ?"),
    classifier="fc2",
    by_design=("fixed-input", "heavy-head"),
    num_features=50,
    sources={
        "paper": ("transcription", "the paper's text as others copied it"),
        "tutorial": (
            "author's file",
            "the example, of 2017",
            "https://github.com/pytorch/tutorials/blob/main/intermediate_source/spatial_transformer_tutorial.py",
        ),
        "torch": ("author's file", "torch.nn.functional.affine_grid", "https://github.com/pytorch/pytorch"),
    },
    deviations=(
        "The transformer is the paper's, the layers are not: they are those of the well-known example in PyTorch's tutorials, with "
        "5,520 parameters in the localisation network and 21,840 in the classifier. The outputs are scores, not log-probabilities. "
        "[paper, section 3; tutorial; computed]",
        "Multiply-accumulates are those of convolutions and fully connected layers, 290,800 in the localisation network and "
        "480,500 in the classifier; what the grid and the sampler compute is in the FLOPs alone. [ours; computed]",
        "Coordinates of -1 and 1 are the centres of the outermost pixels (align_corners=True): the paper says within the spatial "
        "bounds, which leaves it open, and this was torch's only way when the example was written. Since 1.3 torch's default makes "
        "them the pixels' outer edges. The identity, rotations and scalings of a square image come out the same both ways; shifts "
        "differ by the factor 27/28. [paper, section 3.2; torch; tutorial; computed]",
        "Layers start from torch's default, but for the last of the localisation network, which starts at the identity: until "
        "its weights have moved, the layers before it learn nothing. [tutorial; computed]",
    ),
    recipe={
        "loss": "Negative log-likelihood of a softmax. [tutorial]",
        "optimiser": "Stochastic gradient descent without momentum. [tutorial]",
        "learning rate": "0.01. [tutorial]",
        "batch": "64. [tutorial]",
        "length": "20 passes. [tutorial]",
    },
    preprocessing={
        "stated": ("Pixels in [0, 1], mean 0.1307 subtracted, divided by 0.3081. [tutorial]",),
        "values": (0, 1),
        "mean": (0.1307,),
        "std": (0.3081,),
        "mean_of": "channels",
    },
    citation={"type": "inproceedings", "booktitle": "Advances in Neural Information Processing Systems 28", "year": "2015"},
)
def stn_mnist(num_classes: int = 10, in_channels: int = 1, dropout: float = 0.5) -> STN:
    """Jaderberg 2015: a spatial transformer that straightens digits, in front of a small classifier."""
    return STN(num_classes, in_channels, dropout)
