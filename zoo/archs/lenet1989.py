"""LeNet-1989: Y. LeCun et al., "Backpropagation Applied to Handwritten Zip Code Recognition", Neural Computation 1, 1989.

The text gives the layers and counts their units, connections and parameters. Layers carry the paper's names (H1, H2, H3); in the
paper, a layer includes its squashing. Inputs there are between -1, the background, and 1. Deviations are on the card.
"""

import torch
from torch import nn
from torch.nn import functional as F

from zoo.extend import arch

# The eight maps of H1 that each of the twelve maps of H2 reads: its own and the next seven, in a circle.
READ = [(own + k) % 12 for own in range(12) for k in range(8)]


class ScaledTanh(nn.Module):
    """A scaled hyperbolic tangent, with f(1) = 1 and f(-1) = -1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1.7159 * torch.tanh(x * (2 / 3))


class FeatureMaps(nn.Module):
    """Twelve maps: the units of a map share the weights of a 5×5 kernel, but each has a bias of its own.

    Kernels move by two and reach over the border, where everything is background. Input N×in_maps×2·side×2·side, output
    N×12×side×side. Group i of maps feeds map i.
    """

    def __init__(self, in_maps: int, side: int, groups: int = 1) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(12, in_maps // groups, 5, 5))
        self.biases = nn.Parameter(torch.empty(12, side, side))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.pad(x, (2, 1, 2, 1), value=-1.0)  # N×in_maps×(2·side + 3)×(2·side + 3), background around
        x = F.conv2d(x, self.weight, stride=2, groups=self.groups)  # N×12×side×side
        return x + self.biases


class LeNet1989(nn.Module):
    """Input N×in_channels×16×16, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.H1 = FeatureMaps(in_channels, side=8)
        self.squash1 = ScaledTanh()
        self.read = READ
        self.H2 = FeatureMaps(12 * 8, side=4, groups=12)
        self.squash2 = ScaledTanh()
        self.H3 = nn.Linear(12 * 4 * 4, 30)
        self.squash3 = ScaledTanh()
        self.OUTPUT = nn.Linear(30, num_classes)
        self.squash4 = ScaledTanh()
        self.initialise(in_channels)

    def initialise(self, in_channels: int) -> None:
        """Weights and biases are uniform in ±2.4/F, with F inputs of a unit besides its bias."""
        layers = (self.H1, self.H2, self.H3, self.OUTPUT)
        for layer, inputs in zip(layers, (in_channels * 25, 8 * 25, 12 * 16, 30), strict=True):
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -2.4 / inputs, 2.4 / inputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.squash1(self.H1(x))  # N×12×8×8
        x = self.squash2(self.H2(x[:, self.read]))  # N×96×8×8 -> N×12×4×4
        x = torch.flatten(x, 1)  # N×192
        x = self.squash3(self.H3(x))  # N×30
        x = self.squash4(self.OUTPUT(x))  # N×num_classes
        return x


@arch(
    title="LeNet-1989",
    year=1989,
    authors="Yann LeCun, Bernhard Boser, John S. Denker, Donnie Henderson, Richard E. Howard, Wayne Hubbard, Lawrence D. Jackel",
    paper="Backpropagation Applied to Handwritten Zip Code Recognition (Neural Computation 1(4), 1989)",
    doi="10.1162/neco.1989.1.4.541",
    input=(1, 16, 16),
    params=9_760,
    macs=63_660,
    depth=4,
    stages=("squash1 12 2 5", "squash2 12 4 13"),
    classifier="OUTPUT",
    by_design=("fixed-input", "heavy-head"),
    num_features=30,
    connections=64_660,
    published=(
        {"quantity": "params", "printed": "9,760", "where": "section 3.3"},
        {
            "quantity": "connections",
            "printed": "64,660",
            "where": "section 3.3",
        },
        {
            "quantity": "neurons",
            "printed": "1,256",
            "where": "section 3.3",
            "note": "1,000 computed units and the 256 pixels.",
        },
    ),
    neurons=1_000,
    sources={
        "paper": ("paper", "all of it", "https://doi.org/10.1162/neco.1989.1.4.541"),
        "port": ("second-hand", "the notes of a port", "https://github.com/karpathy/lecun1989-repro"),
        "1998": ("paper", "LeCun et al., Proceedings of the IEEE, 1998", "https://doi.org/10.1109/5.726791"),
    },
    deviations=(
        "Which eight of the twelve maps of H1 a map of H2 reads is unpublished. Here map i reads maps i to i + 7, in a circle, so "
        "that all maps of H1 are read equally often. [paper, section 3.3; ours]",
        "Kernels of 5×5 that move by two take 16 pixels to 8 and 8 to 4 with three border pixels along each axis. How they are "
        "split is unpublished: here two lie above and to the left, one below and to the right. Where the receptive fields begin "
        "depends on it, their size and stride do not. [paper, section 3.3; ours; computed]",
        "The paper prints no constants of its scaled tanh; they are those that the authors print in 1998, 1.7159 tanh(2x/3). "
        "[paper, section 4; 1998, appendix A; ours]",
        "The paper gives its initialisation for weights; biases are treated alike. [paper, section 4; ours]",
    ),
    notes=(
        "H1 sees a border of -1 around the image, and the paper treats connections beyond the maps of H1 alike: they are padded "
        "with -1 too. [paper, section 3.3]",
        "The formula of the initialisation, ±2.4/F with F inputs of a unit, has been suspected to lack a square root. It lacks "
        "none: the authors' paper of 1998 says that they divide by F itself since the inputs of some units are highly correlated. "
        "[paper, section 4; port, open questions; 1998, appendix A]",
    ),
    results=(
        {"on": "zip codes, 2,007 test images", "top1": "5.0", "source": "paper, section 5"},
        {"on": "zip codes, 7,291 training images", "top1": "0.14", "source": "paper, section 5"},
    ),
    recipe={
        "loss": "Mean squared error, targets within the quasi-linear range of the sigmoid. [paper, section 4]",
        "optimiser": "Newton's algorithm with a positive, diagonal approximation of the Hessian, one image at a time in constant "
        "order. [paper, section 4]",
        "length": "23 passes. [paper, section 5]",
        "hardware": "A SUN-4/260, three days. [paper, sections 4 and 5.1]",
    },
    preprocessing={
        "stated": ("16×16 pixels of values from -1 to 1. [paper, section 2.2]",),
        "resize": 16,
        "values": (-1, 1),
        "mean": (0,),
        "std": (1,),
        "mean_of": "channels",
    },
    citation={
        "type": "article",
        "journal": "Neural Computation",
        "volume": "1",
        "number": "4",
        "pages": "541--551",
        "year": "1989",
    },
)
def lenet1989(num_classes: int = 10, in_channels: int = 1) -> LeNet1989:
    """LeCun 1989, zip codes: kernels shared within a map, a bias for each unit, H2 reading 8 of 12 maps."""
    return LeNet1989(num_classes, in_channels)
