"""CNN-M: K. Chatfield, K. Simonyan, A. Vedaldi, A. Zisserman, "Return of the Devil in the Details", BMVC 2014.

Table 1 gives the medium network, CNN-M. Layers carry the names of the authors' Caffe models, some of which have a narrower fc7.
Shapes in comments are for 224×224 images. Deviations are on the card.
"""

import torch
from torch import nn

from zoo.extend import arch

VALIDATION = "ILSVRC 2012 validation"


def pool() -> nn.MaxPool2d:
    """Windows overlap, and sizes are rounded up, as everywhere in Caffe."""
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def lrn() -> nn.LocalResponseNorm:
    """k = 2, n = 5, alpha = 5e-4, beta = 0.75. Caffe divides alpha by n, and so does torch."""
    return nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)


class CNNM(nn.Module):
    """The row CNN-M of Table 1, with `fc7` features before the classes. Input N×in_channels×224×224, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float, fc7: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 96, kernel_size=7, stride=2)
        self.relu1 = nn.ReLU(inplace=True)
        self.norm1 = lrn()
        self.pool1 = pool()
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, stride=2, padding=1)
        self.relu2 = nn.ReLU(inplace=True)
        self.norm2 = lrn()
        self.pool2 = pool()
        self.conv3 = nn.Conv2d(256, 512, kernel_size=3, padding=1)
        self.relu3 = nn.ReLU(inplace=True)
        self.conv4 = nn.Conv2d(512, 512, kernel_size=3, padding=1)
        self.relu4 = nn.ReLU(inplace=True)
        self.conv5 = nn.Conv2d(512, 512, kernel_size=3, padding=1)
        self.relu5 = nn.ReLU(inplace=True)
        self.pool5 = pool()
        self.fc6 = nn.Linear(512 * 6 * 6, 4096)
        self.relu6 = nn.ReLU(inplace=True)
        self.drop6 = nn.Dropout(dropout)
        self.fc7 = nn.Linear(4096, fc7)
        self.relu7 = nn.ReLU(inplace=True)
        self.drop7 = nn.Dropout(dropout)
        self.fc8 = nn.Linear(fc7, num_classes)
        self.initialise()

    def initialise(self) -> None:
        """The paper's Gaussian of variance 10^-2: weights from N(0, 0.1²); biases 0."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.1)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool1(self.norm1(self.relu1(self.conv1(x))))  # N×96×109×109 -> N×96×54×54
        x = self.pool2(self.norm2(self.relu2(self.conv2(x))))  # N×256×26×26 -> N×256×13×13
        x = self.relu3(self.conv3(x))  # N×512×13×13
        x = self.relu4(self.conv4(x))  # N×512×13×13
        x = self.pool5(self.relu5(self.conv5(x)))  # N×512×13×13 -> N×512×6×6
        x = torch.flatten(x, 1)  # N×18432
        x = self.drop6(self.relu6(self.fc6(x)))  # N×4096
        x = self.drop7(self.relu7(self.fc7(x)))  # N×fc7
        x = self.fc8(x)  # N×num_classes
        return x


@arch(
    title="CNN-M",
    year=2014,
    authors="Ken Chatfield, Karen Simonyan, Andrea Vedaldi, Andrew Zisserman",
    paper="Return of the Devil in the Details: Delving Deep into Convolutional Nets (BMVC 2014)",
    doi="10.5244/C.28.6",
    arxiv="1405.3531",
    input=(3, 224, 224),
    params=102_908_520,
    macs=1_676_172_320,
    depth=8,
    stages=("norm1 96 2 7", "pool1 96 4 11", "norm2 256 8 27", "relu5 512 16 139", "pool5 512 32 171"),
    classifier="fc8",
    by_design=("fixed-input", "heavy-head"),
    num_features=4_096,
    parents=("zfnet",),
    variants=(
        {"options": {"fc7": 2048}, "params": 92_469_864, "macs": 1_665_735_712},
        {"options": {"fc7": 1024}, "params": 87_250_536, "macs": 1_660_517_408},
        {"options": {"fc7": 128}, "params": 82_683_624, "macs": 1_655_951_392},
    ),
    sources={
        "paper": (
            "transcription",
            "a picture of its Table 1, and its section on training as notes quote it",
            "https://github.com/SherlockHolmes221/CNNs",
        ),
        "authors' page": ("transcription", "a copy of https://www.robots.ox.ac.uk/~vgg/research/deep_eval"),
        "gist": (
            "author's file",
            "the second author's descriptions of the released networks, in part",
            "https://gist.github.com/ksimonyan/f194575702fae63b2829",
        ),
        "description": (
            "author's file",
            "the beginning of the second author's description of CNN-M-1024",
            "https://gist.github.com/ksimonyan/f0f3d010e6d5f0100274",
        ),
        "matconvnet": ("author's file", "the third author's library", "https://github.com/vlfeat/matconvnet"),
        "copy": (
            "transcription",
            "the whole of the second author's description of CNN-M, and the prototxt below its classes, as others copied them",
            "https://github.com/weihancug/SSGF-for-HRRS-scene-classification",
        ),
        "account": ("second-hand", "what is said of the end of the description of CNN-M-1024, which was not read"),
        "model zoo": ("transcription", "Caffe's page of released models as others copied it"),
        "fast-rcnn": ("transcription", "CNN-M-1024 under another head", "https://github.com/rbgirshick/py-faster-rcnn"),
        "convnet-burden": ("author's file", "that tool's table", "https://github.com/albanie/convnet-burden"),
    },
    deviations=(
        "Kernels, strides and paddings are those of Table 1. It says nothing of the window of pooling, of its rounding and of the "
        "constants of normalisation: windows of 3×3, sizes rounded up and constants are those of the Caffe models; the third "
        "author's definition pads pool2 below and to the right instead, for the same maps. [paper, Table 1; copy; "
        "fast-rcnn, models/pascal_voc/VGG_CNN_M_1024; matconvnet, cnn_imagenet_init.m]",
        "The paper gives the initialisation of weights alone; biases start from 0. [paper, section on training; ours]",
    ),
    notes=(
        "The paper starts weights from a Gaussian of variance 10^-2, a standard deviation of 0.1, which is taken at its word here. "
        "The signal grows from layer to layer with it: scores of standard normal noise begin with a standard deviation near 10^5, "
        "with AlexNet's 0.01 near 10^-3. [paper, section on training; computed]",
        "convnet-burden's 393, 353, 333 and 315 MB for fc7 of 4096, 2048, 1024 and 128 are four bytes for each parameter. "
        "[convnet-burden; computed]",
        "Its convolutions have the kernels and strides of ZFNet's; the last three have more maps, and paddings differ. "
        "[paper, Table 1; computed]",
    ),
    results=(
        {"on": VALIDATION, "top5": "13.7", "crops": "10 crops", "source": "copy; model zoo"},
        {"on": VALIDATION, "top5": "15.7", "crops": "centre crop", "source": "copy"},
        {
            "on": VALIDATION,
            "top1": "37.3",
            "top5": "15.9",
            "crops": "centre crop",
            "note": "measured again",
            "source": "matconvnet, pretrained.md",
        },
        {"on": VALIDATION, "top5": "13.5", "note": "fc7=2048", "source": "authors' page, results; model zoo"},
        {
            "on": VALIDATION,
            "top1": "37.1",
            "top5": "15.8",
            "crops": "centre crop",
            "note": "fc7=2048",
            "source": "matconvnet, pretrained.md",
        },
        {"on": VALIDATION, "top5": "13.7", "crops": "10 crops", "note": "fc7=1024", "source": "model zoo; account"},
        {"on": VALIDATION, "top5": "16.0", "crops": "centre crop", "note": "fc7=1024", "source": "account"},
        {
            "on": VALIDATION,
            "top1": "37.8",
            "top5": "16.1",
            "crops": "centre crop",
            "note": "fc7=1024, measured again",
            "source": "matconvnet, pretrained.md",
        },
        {"on": VALIDATION, "top5": "15.6", "note": "fc7=128", "source": "model zoo"},
        {
            "on": VALIDATION,
            "top1": "40.8",
            "top5": "18.4",
            "crops": "centre crop",
            "note": "fc7=128",
            "source": "matconvnet, pretrained.md",
        },
    ),
    recipe={
        "optimiser": "Stochastic gradient descent with momentum 0.9. [paper, section on training]",
        "learning rate": "0.01, divided by 10 when the validation error stopped falling. [paper, section on training]",
        "weight decay": "0.0005. [paper, section on training]",
        "augmentation": "Random crops, mirror images and shifts of RGB. [paper, section on training]",
    },
    preprocessing={
        "stated": (
            "The shorter side is scaled to 256 pixels; of 224×224 crops, blue, green and red, the mean image is subtracted. [gist]",
        ),
        "resize": 256,
        "order": "BGR",
        "mean_of": "pixels",
    },
    weights=(
        "For non-commercial use only: VGG_CNN_M.caffemodel, and the same with _2048 and _1024, under "
        "http://www.robots.ox.ac.uk/~vgg/software/deep_eval/releases/bvlc/ [gist; description]",
    ),
    citation={"type": "inproceedings", "booktitle": "Proceedings of the British Machine Vision Conference", "year": "2014"},
)
def vgg_cnn_m(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, fc7: int = 4096) -> CNNM:
    """Chatfield 2014: the medium network, between AlexNet and VGG; a narrow fc7 gives short features."""
    return CNNM(num_classes, in_channels, dropout, fc7)
