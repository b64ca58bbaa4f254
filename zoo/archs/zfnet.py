"""ZFNet: M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.

Figure 3 gives the layers, section 3 the training. The final version of the paper is meant: 7×7 kernels of stride 2 come first.
Layers carry the names of AlexNet's. Shapes in comments are for 224×224 images. Deviations are on the card.
"""

import torch
from torch import nn

from zoo.extend import arch


def pool() -> nn.MaxPool2d:
    """Windows overlap, and sizes are rounded up, as cuda-convnet does, on which the authors' implementation is based."""
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def lrn() -> nn.LocalResponseNorm:
    """AlexNet's: k = 2, n = 5, alpha = 1e-4, beta = 0.75. torch divides alpha by n, AlexNet's formula does not."""
    return nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)


class ZFNet(nn.Module):
    """The network of figure 3. Input N×in_channels×224×224, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 96, kernel_size=7, stride=2, padding=1)
        self.relu1 = nn.ReLU(inplace=True)
        self.pool1 = pool()
        self.norm1 = lrn()
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, stride=2)
        self.relu2 = nn.ReLU(inplace=True)
        self.pool2 = pool()
        self.norm2 = lrn()
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)
        self.relu3 = nn.ReLU(inplace=True)
        self.conv4 = nn.Conv2d(384, 384, kernel_size=3, padding=1)
        self.relu4 = nn.ReLU(inplace=True)
        self.conv5 = nn.Conv2d(384, 256, kernel_size=3, padding=1)
        self.relu5 = nn.ReLU(inplace=True)
        self.pool5 = pool()
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.relu6 = nn.ReLU(inplace=True)
        self.drop6 = nn.Dropout(dropout)
        self.fc7 = nn.Linear(4096, 4096)
        self.relu7 = nn.ReLU(inplace=True)
        self.drop7 = nn.Dropout(dropout)
        self.fc8 = nn.Linear(4096, num_classes)
        self.initialise()

    def initialise(self) -> None:
        """Section 3: weights of 10^-2, here from N(0, 0.01²), and biases 0."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm1(self.pool1(self.relu1(self.conv1(x))))  # N×96×110×110 -> N×96×55×55
        x = self.norm2(self.pool2(self.relu2(self.conv2(x))))  # N×256×26×26 -> N×256×13×13
        x = self.relu3(self.conv3(x))  # N×384×13×13
        x = self.relu4(self.conv4(x))  # N×384×13×13
        x = self.pool5(self.relu5(self.conv5(x)))  # N×256×13×13 -> N×256×6×6
        x = torch.flatten(x, 1)  # N×9216
        x = self.drop6(self.relu6(self.fc6(x)))  # N×4096
        x = self.drop7(self.relu7(self.fc7(x)))  # N×4096
        x = self.fc8(x)  # N×num_classes
        return x


@arch(
    title="ZFNet",
    year=2013,
    authors="Matthew D. Zeiler, Rob Fergus",
    paper="Visualizing and Understanding Convolutional Networks (ECCV 2014)",
    doi="10.1007/978-3-319-10590-1_53",
    arxiv="1311.2901",
    input=(3, 224, 224),
    params=62_357_608,
    macs=1_168_032_896,
    depth=8,
    stages=("relu1 96 2 7", "norm1 96 4 11", "relu2 256 8 27", "relu5 256 16 139", "pool5 256 32 171"),
    classifier="fc8",
    by_design=("fixed-input", "heavy-head"),
    num_features=4_096,
    published=({"quantity": "depth", "printed": "8", "where": "figure 3"},),
    parents=("alexnet",),
    sources={
        "paper": ("paper", "the text of ECCV 2014", "https://doi.org/10.1007/978-3-319-10590-1_53"),
        "earlier text": ("transcription", "an earlier version of the paper as others copied it"),
        "cuda-convnet2": ("author's file", "Krizhevsky's later library", "https://github.com/akrizhevsky/cuda-convnet2"),
        "py-faster-rcnn": ("author's file", "its ZF network", "https://github.com/rbgirshick/py-faster-rcnn"),
    },
    deviations=(
        "Paddings are unpublished. The 110×110 maps of figure 3 follow from 224×224 with one pixel around conv1, as here, or "
        "without any if sizes are rounded up, as in Krizhevsky's library; the authors' implementation is based on his. Fields then "
        "begin one pixel further on. [paper, section 3 and figure 3; cuda-convnet2, layer.py; computed]",
        "The paper normalises contrast across maps, after pooling, and gives no constants: AlexNet's are taken. "
        "[paper, figure 3; ours]",
        "The paper starts all weights at 10^-2, which is taken for the deviation of a normal distribution. [paper, section 3; "
        "ours]",
        "In training the paper scales kernels back whose root mean square exceeds 0.1; that is left to the training. "
        "[paper, section 3; ours]",
    ),
    errata=(
        "The text names layers 3, 4 and 5 as those that AlexNet connects sparsely; AlexNet's grouped layers are 2, 4 and 5. "
        "[paper, section 3]",
    ),
    notes=(
        "An earlier text of the paper has 11×11 kernels of stride 4 in conv1 and 27×27 maps; the final one 7×7, stride 2, and "
        "55×55 maps after pooling. [earlier text, figure 2; paper, figure 3]",
        "The ZF network of Faster R-CNN is another one: conv1 is padded by 3, conv2 by 2, poolings by 1, and normalisation is "
        "within a map and comes before pooling. [py-faster-rcnn, models/pascal_voc/ZF]",
    ),
    results=(
        {"on": "ILSVRC 2012 validation", "top1": "38.4", "top5": "16.5", "source": "paper, Table 1"},
        {"on": "ILSVRC 2012 test", "top5": "15.3", "models": 5, "source": "paper, Table 1"},
        {
            "on": "ILSVRC 2012 test",
            "top5": "14.8",
            "models": 6,
            "note": "with one of 512, 1024 and 512 maps in conv3 to conv5",
            "source": "paper, Table 1",
        },
    ),
    recipe={
        "optimiser": "Stochastic gradient descent with momentum 0.9. [paper, section 3]",
        "learning rate": "0.01, lowered by hand when the validation error stopped falling. [paper, section 3]",
        "batch": "128. [paper, section 3]",
        "augmentation": "224×224 crops of the corners and the centre, and their mirror images. [paper, section 3]",
        "dropout": "0.5 in layers 6 and 7. [paper, section 3]",
        "length": "70 epochs. [paper, section 3]",
        "hardware": "One GTX 580 GPU, about 12 days; an earlier text says 24. [paper, section 3; earlier text, section 3.1]",
    },
    preprocessing={
        "stated": (
            "The shorter side is scaled to 256 pixels, the central 256×256 patch cut out, the mean over all images subtracted from "
            "each pixel. [paper, section 3]",
        ),
        "resize": 256,
        "mean_of": "pixels",
    },
    citation={
        "type": "inproceedings",
        "booktitle": "Computer Vision -- ECCV 2014",
        "series": "Lecture Notes in Computer Science",
        "volume": "8689",
        "pages": "818--833",
        "publisher": "Springer",
        "year": "2014",
    },
)
def zfnet(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> ZFNet:
    """Zeiler 2013: AlexNet with a finer first layer and no groups, found by looking at what layers see."""
    return ZFNet(num_classes, in_channels, dropout)
