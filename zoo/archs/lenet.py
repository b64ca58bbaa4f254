"""LeNet-5: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998.

Section II.B and figure 2 give the layers, Table I the connections of C3, figure 3 the codes of the output units,
appendix A the squashing function. Layers carry the paper's names (C1, S2, C3, S4, C5, F6, OUTPUT); in the
paper, a layer includes its squashing. Inputs there are -0.1 for background and 1.175 for ink. Deviations are on the cards.
"""

import torch
from torch import nn
from torch.nn import functional as F

from zoo.extend import arch

IEEE_1998 = {
    "year": 1998,
    "authors": "Yann LeCun, Léon Bottou, Yoshua Bengio, Patrick Haffner",
    "paper": "Gradient-Based Learning Applied to Document Recognition (Proceedings of the IEEE 86(11), 1998)",
    "doi": "10.1109/5.726791",
    "input": (1, 32, 32),
    "classifier": "OUTPUT",
    "num_features": 84,
    "citation": {
        "type": "article",
        "journal": "Proceedings of the IEEE",
        "volume": "86",
        "number": "11",
        "pages": "2278--2324",
        "year": "1998",
    },
}

# Table I: the maps of S2 that each map of C3 reads, in the order of C3's maps.
READ_3 = ((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5))  # maps 0 to 5
READ_4 = (
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),  # maps 6 to 11
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),  # maps 12 to 14; map 15 reads all six
)

# Stylised digits, 7 wide and 12 high, side by side from 0 to 9: ink is +1, background -1.
DIGITS = """
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
..###.. ...#... .#####. .#####. .....#. ####### ..####. ####### .#####. .#####.
.#...#. ..##... #.....# #.....# ....##. #...... .#..... ......# #.....# #.....#
#.....# .#.#... ......# ......# ...#.#. #...... #...... .....#. #.....# #.....#
#.....# ...#... .....#. ......# ..#..#. ######. ######. ....#.. #.....# #.....#
#.....# ...#... ....#.. ..####. .#...#. ......# #.....# ....#.. .#####. .######
#.....# ...#... ...#... ......# #....#. ......# #.....# ...#... #.....# ......#
#.....# ...#... ..#.... ......# ####### ......# #.....# ...#... #.....# ......#
.#...#. ...#... .#..... #.....# .....#. #.....# #.....# ..#.... #.....# .....#.
..###.. .#####. ####### .#####. .....#. .#####. .#####. ..#.... .#####. .####..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""


def digit_codes() -> torch.Tensor:
    """The ten bitmaps of `DIGITS`, each read row by row: 10×84, of +1 and -1."""
    rows = [line.split() for line in DIGITS.split("\n") if line]  # 12 rows of ten pieces
    bitmaps = ["".join(row[digit] for row in rows) for digit in range(10)]
    values = {"#": 1.0, ".": -1.0}
    return torch.tensor([[values[pixel] for pixel in bitmap] for bitmap in bitmaps])


class ScaledTanh(nn.Module):
    """Appendix A: f(a) = A tanh(S a) with A = 1.7159, S = 2/3, so that f(1) = 1 and f(-1) = -1."""

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
    """Layer C3: each of 16 maps reads the maps of S2 that Table I gives it, and has no weights for the others.

    Maps that read equally many are one grouped convolution, a group for each, over the maps gathered for them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.maps_3 = [i for maps in READ_3 for i in maps]
        self.maps_4 = [i for maps in READ_4 for i in maps]
        self.read_3 = nn.Conv2d(6 * 3, 6, kernel_size=5, groups=6)
        self.read_4 = nn.Conv2d(9 * 4, 9, kernel_size=5, groups=9)
        self.read_6 = nn.Conv2d(6, 1, kernel_size=5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        read_3 = self.read_3(x[:, self.maps_3])  # N×18×14×14 -> N×6×10×10
        read_4 = self.read_4(x[:, self.maps_4])  # N×36×14×14 -> N×9×10×10
        read_6 = self.read_6(x)  # N×6×14×14 -> N×1×10×10
        return torch.cat([read_3, read_4, read_6], dim=1)  # N×16×10×10


class EuclideanRBF(nn.Module):
    """One unit per class: the squared Euclidean distance of the input from the fixed code of the class."""

    codes: torch.Tensor

    def __init__(self, codes: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("codes", codes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.unsqueeze(1) - self.codes).square().sum(dim=2)  # N×84 -> N×classes×84 -> N×classes


class LeNet5(nn.Module):
    """The network of figure 2. Input N×in_channels×32×32, output N×num_classes distances: the smallest is the class."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.C1 = nn.Conv2d(in_channels, 6, kernel_size=5)
        self.squash1 = ScaledTanh()
        self.S2 = Subsampling(6)
        self.squash2 = ScaledTanh()
        self.C3 = PartialConvolution()
        self.squash3 = ScaledTanh()
        self.S4 = Subsampling(16)
        self.squash4 = ScaledTanh()
        self.C5 = nn.Conv2d(16, 120, kernel_size=5)
        self.squash5 = ScaledTanh()
        self.F6 = nn.Linear(120, 84)
        self.squash6 = ScaledTanh()
        self.OUTPUT = EuclideanRBF(digit_codes()[:num_classes])
        self.initialise()

    def initialise(self) -> None:
        """All parameters of a unit, including bias and coefficient, are uniform in ±2.4/F, with F inputs besides the bias."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear | Subsampling):
                inputs = 4 if isinstance(layer, Subsampling) else layer.weight[0].numel()
                for parameter in layer.parameters():
                    nn.init.uniform_(parameter, -2.4 / inputs, 2.4 / inputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.squash1(self.C1(x))  # N×6×28×28
        x = self.squash2(self.S2(x))  # N×6×14×14
        x = self.squash3(self.C3(x))  # N×16×10×10
        x = self.squash4(self.S4(x))  # N×16×5×5
        x = self.squash5(self.C5(x))  # N×120×1×1
        x = torch.flatten(x, 1)  # N×120
        x = self.squash6(self.F6(x))  # N×84
        x = self.OUTPUT(x)  # N×num_classes
        return x


@arch(
    **IEEE_1998,
    title="LeNet-5",
    params=60_000,
    macs=325_680,
    depth=4,
    stages=("squash1 6 1 5", "squash3 16 2 14", "squash4 16 4 16"),
    connections=340_908,
    published=(
        {"quantity": "params", "printed": "60,000", "where": "section II.B"},
        {"quantity": "connections", "printed": "340,908", "where": "section II.B"},
        {
            "quantity": "depth",
            "printed": "7",
            "where": "section II.B",
            "note": "The paper counts every layer but the input, even S2, S4 and OUTPUT, which learn no kernels.",
        },
    ),
    parents=("lenet1",),
    sources={
        "paper": ("paper", "sections II and III, appendices A to C", "https://doi.org/10.1109/5.726791"),
        "lecture": ("second-hand", "lecture notes on the network's connections"),
    },
    deviations=(
        "The paper shows the 7×12 bitmaps of the output codes in figure 3 and prints no numbers; the ten digits here "
        "are redrawn in that style. As in the paper they hold +1 and -1 and are fixed (there: at least initially), so they are "
        "not parameters. "
        "[paper, section II.B and figure 3; ours]",
        "The paper gives its initialisation for weights; biases and the coefficients of S2 and S4 are treated alike. "
        "[paper, appendix A; ours]",
        "There are codes for ten digits: fewer classes take the first of them, more are refused. [ours]",
    ),
    notes=(
        "The outputs are distances, so the smallest is the class. [paper, section II.B]",
        "C3 has 1,516 parameters and 151,600 connections. Lecture notes also count 156,000, with a bias for each of "
        "the 60 kernels instead of each of the 16 maps; the paper's total of 340,908 connections needs 151,600, and "
        "the 840 links of the output. [paper, section II.B; lecture; computed]",
        "Other sizes in circulation are other networks: 60,840 parameters with trainable output codes, 61,706 for "
        "the tutorials' version, 431,080 for the MNIST network that Caffe calls LeNet. [computed]",
        "Figure 11 prints 401 thousand multiply-accumulates for LeNet-5: its caption names no unit, but the text has its 650 for "
        "another classifier as 650,000, about 60% more than LeNet-5. No count reproduces it: convolutions and F6 multiply 325,680 "
        "times, the coefficients of S2 and S4 1,576 and the distances of the output 840 times more; connections number 340,908. "
        "[paper, figure 11 and section III.C.11; computed]",
    ),
    results=(
        {"on": "MNIST test", "top1": "0.95", "source": "paper, figure 9"},
        {"on": "MNIST test", "top1": "0.8", "note": "trained with distorted images too", "source": "paper, figure 9"},
        {"on": "MNIST training", "top1": "0.35", "note": "after 19 passes", "source": "paper, section III.B"},
    ),
    recipe={
        "loss": "The distance from the right code, and the logarithm of the sum of exp(-distance) over all codes, to which the "
        "paper adds a constant: without it, cross-entropy of the outputs with their signs changed. [paper, equation 9]",
        "optimiser": "The stochastic diagonal Levenberg-Marquardt method: after each image, with a step of its own for each "
        "weight, estimated from 500 images before each pass. [paper, section III.B and appendix C]",
        "learning rate": "0.0005 for two passes, 0.0002 for three, 0.0001 for three, 0.00005 for four, then 0.00001. "
        "[paper, section III.B]",
        "length": "20 passes through 60,000 images; the test error settles after about 10. [paper, section III.B]",
        "augmentation": "For 0.8%: 540,000 images distorted by shifts, scalings, squeezing and shear beside the 60,000. "
        "[paper, section III.B]",
    },
    preprocessing={
        "stated": (
            "Digits of at most 20×20 pixels, centred in a 28×28 field, are placed in a 32×32 image whose background is -0.1 and "
            "whose ink is 1.175, for a mean near 0 and a variance near 1. [paper, section II.B]",
        ),
        "resize": 28,
        "values": (-0.1, 1.175),
        "mean": (0,),
        "std": (1,),
        "mean_of": "channels",
    },
)
def lenet5(num_classes: int = 10, in_channels: int = 1) -> LeNet5:
    """LeCun 1998 as printed: partial C3, trainable subsampling, scaled tanh, distances to fixed digit codes.

    Raises `ValueError` for more than ten classes: there are no codes for them.
    """
    if not 1 <= num_classes <= 10:
        raise ValueError(f"expected 1 to 10 classes, got {num_classes}; see lenet5_modern")
    return LeNet5(num_classes, in_channels)


class LeNet5Modern(nn.Module):
    """LeNet-5 with standard layers. Input N×in_channels×32×32, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__()
        self.C1 = nn.Conv2d(in_channels, 6, kernel_size=5)
        self.tanh1 = nn.Tanh()
        self.S2 = nn.AvgPool2d(kernel_size=2)
        self.C3 = nn.Conv2d(6, 16, kernel_size=5)
        self.tanh3 = nn.Tanh()
        self.S4 = nn.AvgPool2d(kernel_size=2)
        self.C5 = nn.Conv2d(16, 120, kernel_size=5)
        self.tanh5 = nn.Tanh()
        self.F6 = nn.Linear(120, 84)
        self.tanh6 = nn.Tanh()
        self.OUTPUT = nn.Linear(84, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.S2(self.tanh1(self.C1(x)))  # N×6×28×28 -> N×6×14×14
        x = self.S4(self.tanh3(self.C3(x)))  # N×16×10×10 -> N×16×5×5
        x = self.tanh5(self.C5(x))  # N×120×1×1
        x = torch.flatten(x, 1)  # N×120
        x = self.tanh6(self.F6(x))  # N×84
        x = self.OUTPUT(x)  # N×num_classes
        return x


@arch(
    **IEEE_1998,
    title="LeNet-5, modern",
    params=61_706,
    macs=416_520,
    depth=5,
    stages=("tanh1 6 1 5", "tanh3 16 2 14", "S4 16 4 16"),
    parents=("lenet5",),
    deviations=(
        "Not the published network but the one that tutorials build in its place: every map of C3 reads all of S2, "
        "subsampling is a plain average, tanh is unscaled, and the output is a linear layer. [ours]",
        "Initialised as torch does by default. [ours]",
    ),
)
def lenet5_modern(num_classes: int = 10, in_channels: int = 1) -> LeNet5Modern:
    """The tutorials' LeNet-5: full C3, plain average pooling, tanh, linear output."""
    return LeNet5Modern(num_classes, in_channels)
