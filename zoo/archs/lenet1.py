"""LeNet-1: Y. LeCun et al., "Handwritten Digit Recognition with a Back-Propagation Network", NIPS 2, 1989.

The text gives the layers, a table the connections of H3. Layers carry the paper's names (H1, H2, H3, H4); in the
paper, a layer includes its squashing. Deviations are on the card.
"""

import torch
from torch import nn
from torch.nn import functional as F

from zoo.extend import arch


class ScaledTanh(nn.Module):
    """A scaled hyperbolic tangent, with f(1) = 1 and f(-1) = -1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1.7159 * torch.tanh(x * (2 / 3))


class Subsampling(nn.Module):
    """The four inputs of a 2×2 window are added, multiplied by the map's coefficient, added to its bias."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.empty(maps, 1, 1))
        self.bias = nn.Parameter(torch.empty(maps, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.avg_pool2d(x, kernel_size=2, divisor_override=1)  # divided by 1: a sum
        return x * self.coefficient + self.bias


class PartialConvolution(nn.Module):
    """Layer H3: of its twelve maps four read one map of H2 each, four read the first two, four the last two.

    In the table's order a map that reads the first, two that read the first two, one that reads the second, two that read
    the first two; then likewise for the third and the fourth.
    """

    def __init__(self) -> None:
        super().__init__()
        self.read_1 = nn.Conv2d(4, 4, kernel_size=5, groups=4)
        self.read_2 = nn.Conv2d(4, 8, kernel_size=5, groups=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        read_1 = self.read_1(x)  # N×4×12×12 -> N×4×8×8
        read_2 = self.read_2(x)  # N×4×12×12 -> N×8×8×8
        x = torch.cat([read_1, read_2], dim=1)  # N×12×8×8
        return x[:, [0, 4, 5, 1, 6, 7, 2, 8, 9, 3, 10, 11]]


class LeNet1(nn.Module):
    """Input N×in_channels×28×28, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.H1 = nn.Conv2d(in_channels, 4, kernel_size=5)
        self.squash1 = ScaledTanh()
        self.H2 = Subsampling(4)
        self.squash2 = ScaledTanh()
        self.H3 = PartialConvolution()
        self.squash3 = ScaledTanh()
        self.H4 = Subsampling(12)
        self.squash4 = ScaledTanh()
        self.OUTPUT = nn.Linear(12 * 4 * 4, num_classes)
        self.squash5 = ScaledTanh()
        self.initialise()

    def initialise(self) -> None:
        """All parameters of a unit, including bias and coefficient, are uniform in ±2.4/F, with F inputs besides the bias."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear | Subsampling):
                inputs = 4 if isinstance(layer, Subsampling) else layer.weight[0].numel()
                for parameter in layer.parameters():
                    nn.init.uniform_(parameter, -2.4 / inputs, 2.4 / inputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.squash1(self.H1(x))  # N×4×24×24
        x = self.squash2(self.H2(x))  # N×4×12×12
        x = self.squash3(self.H3(x))  # N×12×8×8
        x = self.squash4(self.H4(x))  # N×12×4×4
        x = torch.flatten(x, 1)  # N×192
        x = self.squash5(self.OUTPUT(x))  # N×num_classes
        return x


@arch(
    title="LeNet-1",
    year=1989,
    authors="Yann LeCun, Bernhard Boser, John S. Denker, Donnie Henderson, Richard E. Howard, Wayne Hubbard, Lawrence D. Jackel",
    paper="Handwritten Digit Recognition with a Back-Propagation Network (NIPS 2, 1989)",
    url="https://papers.nips.cc/paper/1989/hash/53c3bce66e43be4f209556518c2fcb54-Abstract.html",
    input=(1, 28, 28),
    params=2_578,
    macs=91_520,
    depth=3,
    stages=("squash1 4 1 5", "squash3 12 2 14", "squash4 12 4 16"),
    classifier="OUTPUT",
    by_design=("fixed-input", "heavy-head"),
    num_features=192,
    connections=98_442,
    published=(
        {"quantity": "params", "printed": "2,578", "where": "page 402"},
        {
            "quantity": "connections",
            "printed": "98,442",
            "where": "page 402",
        },
        {
            "quantity": "macs",
            "printed": "100,000",
            "where": "section III.C.7",
            "source": "1998",
            "note": "A round number. Convolutions and output multiply 91,520 times; with one product for each unit of H2 (576) and "
            "H4 (192) it is 92,288.",
        },
        {
            "quantity": "neurons",
            "printed": "4,635",
            "where": "page 402",
            "note": "3,850 computed units, the 784 pixels and one unit that feeds the biases.",
        },
    ),
    neurons=3_850,
    parents=("lenet1989",),
    sources={
        "paper": (
            "paper",
            "all of it",
            "https://papers.nips.cc/paper/1989/hash/53c3bce66e43be4f209556518c2fcb54-Abstract.html",
        ),
        "1998": ("paper", "LeCun et al., Proceedings of the IEEE, 1998", "https://doi.org/10.1109/5.726791"),
    },
    deviations=(
        "The squashing function and the initialisation are taken from the same authors' other papers: 1.7159 tanh(2x/3) in every "
        "layer, the output too, and weights, biases and coefficients uniform in ±2.4/F, with F inputs of a unit. "
        "[1998, appendix A; ours]",
    ),
    notes=(
        "It was derived from LeNet-1989, which has about four times as many parameters, by the authors' Optimal Brain Damage. "
        "[paper, page 402; computed]",
    ),
    results=(
        {"on": "zip codes and printed digits, 2,707 test images", "top1": "3.4", "source": "paper, page 402"},
        {"on": "zip codes and printed digits, 9,840 training images", "top1": "1.1", "source": "paper, page 402"},
        {
            "on": "MNIST test",
            "top1": "1.7",
            "note": "trained later, on images reduced to 16×16",
            "source": "1998, figure 9",
        },
    ),
    recipe={
        "loss": "Mean squared error against targets of ±1. [paper, pages 399 and 402]",
        "optimiser": "A second-order version of backpropagation. [paper, page 402]",
        "length": "30 passes through 9,840 images. [paper, pages 397 and 402]",
        "hardware": "A SUN SPARCstation 1, about three days. [paper, page 402]",
    },
    preprocessing={
        "stated": ("A 16×16 digit is placed in a 28×28 plane, of values from -1 to 1. [paper, pages 398 and 400]",),
        "resize": 16,
        "values": (-1, 1),
        "mean": (0,),
        "std": (1,),
        "mean_of": "channels",
    },
    citation={
        "type": "inproceedings",
        "booktitle": "Advances in Neural Information Processing Systems 2",
        "pages": "396--404",
        "publisher": "Morgan Kaufmann",
        "year": "1990",
    },
)
def lenet1(num_classes: int = 10, in_channels: int = 1) -> LeNet1:
    """LeCun 1989, NIPS: two convolutions with trainable subsampling, the second partially connected."""
    return LeNet1(num_classes, in_channels)
