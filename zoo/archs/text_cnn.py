"""Text CNN: Y. Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014.

Section 2 gives the model, section 3.1 the sizes. The input is word vectors, which CNN-static takes as they are, and receptive
fields are in tokens. Sizes of the input are those of the author's program for the data set MR.
"""

import torch
from torch import nn

from zoo.extend import arch

WINDOWS = (3, 4, 5)  # tokens that a filter sees


class MaxOverTime(nn.Module):
    """Section 2: filters of one window, rectified, and of each the largest value. Input N×in_channels×tokens, output N×maps."""

    def __init__(self, in_channels: int, maps: int, window: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, maps, kernel_size=window)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveMaxPool1d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.conv(x))  # N×maps×(tokens - window + 1)
        return torch.flatten(self.pool(x), 1)  # N×maps


class TextCNN(nn.Module):
    """Filters of three windows side by side. Input N×in_channels×tokens, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, maps: int, dropout: float) -> None:
        super().__init__()
        layers = {f"window{n}": MaxOverTime(in_channels, maps, n) for n in WINDOWS}
        self.windows = nn.ModuleDict(layers)
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(len(WINDOWS) * maps, num_classes)
        self.initialise()

    def initialise(self) -> None:
        """Convolutions uniform in ±0.01; the output and biases from zeros."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d):
                nn.init.uniform_(layer.weight, -0.01, 0.01)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.cat([window(x) for window in self.windows.values()], dim=1)  # N×300
        x = self.fc(self.drop(x))  # N×num_classes
        return x


@arch(
    title="CNN for sentences (CNN-static)",
    year=2014,
    authors="Yoon Kim",
    paper="Convolutional Neural Networks for Sentence Classification (EMNLP 2014)",
    doi="10.3115/v1/D14-1181",
    arxiv="1408.5882",
    input=(300, 64),
    params=360_902,
    macs=21_900_600,
    depth=2,
    classifier="fc",
    num_features=300,
    by_design=("even-kernel",),
    sources={
        "paper": ("paper", "its second version", "https://arxiv.org/abs/1408.5882v2"),
        "author": ("author's file", "the program for the data set MR", "https://github.com/yoonkim/CNN_sentence"),
    },
    results=(
        {"on": "MR, ten folds", "measure": "accuracy", "top1": "81.0", "source": "paper, Table 2"},
        {"on": "SST-2 test", "measure": "accuracy", "top1": "86.8", "source": "paper, Table 2"},
    ),
    recipe={
        "loss": "Negative log-likelihood of a softmax. [author, conv_net_sentence.py]",
        "optimiser": "Adadelta. [paper, section 3.1; author, conv_net_sentence.py]",
        "batch": "50 sentences. [paper, section 3.1; author, conv_net_sentence.py]",
        "dropout": "0.5 before the output. [paper, section 3.1; author, conv_net_sentence.py]",
        "length": "25 passes. [author, conv_net_sentence.py]",
        "remark": "Weights of the output are scaled down to a norm of 3 if it is larger. "
        "[paper, sections 2.1 and 3.1; author, conv_net_sentence.py]",
    },
    deviations=(
        "The input is word vectors, 300 numbers for each token, and not the tokens' indices: CNN-static keeps the table that maps "
        "indices to vectors fixed. [paper, section 3.3; ours]",
        "The author's filters are two-dimensional, as wide as a word vector; these are one-dimensional over 300 channels, which is "
        "the same sum. [author, conv_net_sentence.py; ours]",
    ),
    notes=(
        "The program pads sentences of at most 56 words with 4 empty tokens before them, and after them up to 64. "
        "[author, conv_net_sentence.py]",
        "A filter sees 3, 4 or 5 tokens, and the maximum over time all of them. [paper, section 2; computed]",
    ),
    citation={
        "type": "inproceedings",
        "booktitle": "Conference on Empirical Methods in Natural Language Processing",
        "pages": "1746--1751",
        "year": "2014",
    },
)
def text_cnn(num_classes: int = 2, in_channels: int = 300, maps: int = 100, dropout: float = 0.5) -> TextCNN:
    """Kim 2014: windows of 3, 4 and 5 word vectors, 100 filters each, and their maxima over the sentence."""
    return TextCNN(num_classes, in_channels, maps, dropout)
