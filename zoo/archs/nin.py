"""NIN: M. Lin, Q. Chen, S. Yan, "Network in Network", ICLR 2014.

Section 3 gives the idea: 1×1 convolutions after each convolution, and global average pooling in place of fully connected layers.
Layers, with their names, are those of the authors' released models (conv1, cccp1, cccp2, pool1, ...). Deviations are on the
cards.
"""

from collections import OrderedDict

import torch
from torch import nn

from zoo.extend import arch

ICLR_2014 = {
    "year": 2013,
    "authors": "Min Lin, Qiang Chen, Shuicheng Yan",
    "paper": "Network in Network (ICLR 2014)",
    "arxiv": "1312.4400",
    "citation": {"type": "inproceedings", "booktitle": "International Conference on Learning Representations", "year": "2014"},
}
PAPER = ("paper", "its third version, without the supplement", "https://arxiv.org/abs/1312.4400v3")


def pool() -> nn.MaxPool2d:
    """Windows overlap, and sizes are rounded up, as in cuda-convnet and in Caffe."""
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


class NINCifar(nn.Module):
    """Section 4.2. Input N×in_channels×32×32, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, 192, kernel_size=5, padding=2),  # N×192×32×32
                relu1=nn.ReLU(inplace=True),
                cccp1=nn.Conv2d(192, 160, kernel_size=1),  # N×160×32×32
                relu_cccp1=nn.ReLU(inplace=True),
                cccp2=nn.Conv2d(160, 96, kernel_size=1),  # N×96×32×32
                relu_cccp2=nn.ReLU(inplace=True),
                pool1=pool(),  # N×96×16×16
                drop1=nn.Dropout(dropout),
                conv2=nn.Conv2d(96, 192, kernel_size=5, padding=2),  # N×192×16×16
                relu2=nn.ReLU(inplace=True),
                cccp3=nn.Conv2d(192, 192, kernel_size=1),  # N×192×16×16
                relu_cccp3=nn.ReLU(inplace=True),
                cccp4=nn.Conv2d(192, 192, kernel_size=1),  # N×192×16×16
                relu_cccp4=nn.ReLU(inplace=True),
                pool2=pool(),  # N×192×8×8
                drop2=nn.Dropout(dropout),
                conv3=nn.Conv2d(192, 192, kernel_size=3, padding=1),  # N×192×8×8
                relu3=nn.ReLU(inplace=True),
                cccp5=nn.Conv2d(192, 192, kernel_size=1),  # N×192×8×8
                relu_cccp5=nn.ReLU(inplace=True),
                cccp6=nn.Conv2d(192, num_classes, kernel_size=1),  # N×num_classes×8×8
                relu_cccp6=nn.ReLU(inplace=True),
            )
        )
        self.poolg = nn.AdaptiveAvgPool2d((1, 1))
        self.initialise()

    def initialise(self) -> None:
        """Weights from N(0, 0.05²), biases 0."""
        for layer in self.features.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.05)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)  # N×num_classes×8×8: a map for each class
        x = self.poolg(x)  # N×num_classes×1×1
        x = torch.flatten(x, 1)  # N×num_classes
        return x


@arch(
    **ICLR_2014,
    title="NIN, CIFAR-10",
    input=(3, 32, 32),
    params=966_986,
    macs=222_486_528,
    depth=9,
    stages=("features.relu_cccp2 96 1 5", "features.relu_cccp4 192 2 15", "features.relu_cccp5 192 4 27"),
    classifier="features.cccp6",
    num_features=192,
    sources={
        "paper": PAPER,
        "released": ("author's file", "the first author's cuda-convnet", "https://github.com/mavenlin/cuda-convnet"),
        "gist": (
            "author's file",
            "the first author's description of a second release, for Caffe",
            "https://gist.github.com/mavenlin/e56253735ef32c3c296d",
        ),
        "port": ("transcription", "a port of that release, modelzoo/cifar10_nin.py", "https://github.com/Lasagne/Recipes"),
    },
    deviations=(
        "The paper leaves the sizes of its layers to its supplement; they are those of the authors' released configuration. "
        "[paper, section 4.1; released, NIN/cifar-10_def]",
        "Pooling at the end averages whatever map there is; the configuration has a window of 8×8, which is all of it at 32×32. "
        "[released, NIN/cifar-10_def; ours]",
    ),
    notes=(
        "The configuration that is followed here takes the maximum in both poolings, as the paper says. The author's second "
        "release, for Caffe, averages in pool2 as its port has it, and so do the ports that follow it. "
        "[released, NIN/cifar-10_def; paper, section 4.1; port]",
    ),
    results=(
        {"on": "CIFAR-10 test", "top1": "10.41", "note": "without augmentation", "source": "paper, Table 1"},
        {"on": "CIFAR-10 test", "top1": "8.81", "note": "with shifts and mirror images", "source": "paper, Table 1"},
        {"on": "CIFAR-10 validation", "measure": "accuracy", "top1": "89.6", "note": "the second release", "source": "gist"},
    ),
    recipe={
        "optimiser": "Stochastic gradient descent with momentum 0.9. [released, NIN/cifar-10_params]",
        "learning rate": "Divided by 10 when the training error stops falling, twice; in the readme after 200 and 230 epochs. "
        "[paper, section 4.1; released, README]",
        "batch": "128. [paper, section 4.1]",
        "weight decay": "0.00001. [released, NIN/cifar-10_params]",
        "dropout": "0.5 after both poolings. [released, NIN/cifar-10_def]",
        "length": "About 260 epochs. [released, README]",
    },
    preprocessing=("Global contrast normalisation and ZCA whitening. [paper, section 4.2]",),
    weights=(
        "Of the second release, for which the gist names BSD: "
        "https://www.dropbox.com/s/blrajqirr1p31v0/cifar10_nin.caffemodel?dl=1 [gist]",
    ),
)
def nin_cifar10(num_classes: int = 10, in_channels: int = 3, dropout: float = 0.5) -> NINCifar:
    """Lin 2013 for CIFAR-10: 1×1 convolutions between the others, and global average pooling of a map for each class."""
    return NINCifar(num_classes, in_channels, dropout)


class NINImageNet(nn.Module):
    """The authors' Caffe model. Input N×in_channels×224×224, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, 96, kernel_size=11, stride=4),  # N×96×54×54
                relu0=nn.ReLU(inplace=True),
                cccp1=nn.Conv2d(96, 96, kernel_size=1),  # N×96×54×54
                relu1=nn.ReLU(inplace=True),
                cccp2=nn.Conv2d(96, 96, kernel_size=1),  # N×96×54×54
                relu2=nn.ReLU(inplace=True),
                pool0=pool(),  # N×96×27×27
                conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2),  # N×256×27×27
                relu3=nn.ReLU(inplace=True),
                cccp3=nn.Conv2d(256, 256, kernel_size=1),  # N×256×27×27
                relu5=nn.ReLU(inplace=True),
                cccp4=nn.Conv2d(256, 256, kernel_size=1),  # N×256×27×27
                relu6=nn.ReLU(inplace=True),
                pool2=pool(),  # N×256×13×13
                conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),  # N×384×13×13
                relu7=nn.ReLU(inplace=True),
                cccp5=nn.Conv2d(384, 384, kernel_size=1),  # N×384×13×13
                relu8=nn.ReLU(inplace=True),
                cccp6=nn.Conv2d(384, 384, kernel_size=1),  # N×384×13×13
                relu9=nn.ReLU(inplace=True),
                pool3=pool(),  # N×384×6×6
                drop=nn.Dropout(dropout),
                conv4=nn.Conv2d(384, 1024, kernel_size=3, padding=1),  # N×1024×6×6
                relu10=nn.ReLU(inplace=True),
                cccp7=nn.Conv2d(1024, 1024, kernel_size=1),  # N×1024×6×6
                relu11=nn.ReLU(inplace=True),
                cccp8=nn.Conv2d(1024, num_classes, kernel_size=1),  # N×num_classes×6×6
                relu12=nn.ReLU(inplace=True),
            )
        )
        self.pool4 = nn.AdaptiveAvgPool2d((1, 1))
        self.initialise()

    def initialise(self) -> None:
        """Weights from N(0, 0.05²), in conv1, conv3 and cccp8 N(0, 0.01²); biases 0."""
        for name, layer in self.features.named_children():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.01 if name in {"conv1", "conv3", "cccp8"} else 0.05)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)  # N×num_classes×6×6: a map for each class
        x = self.pool4(x)  # N×num_classes×1×1
        x = torch.flatten(x, 1)  # N×num_classes
        return x


@arch(
    **ICLR_2014,
    title="NIN, ImageNet",
    input=(3, 224, 224),
    params=7_595_176,
    macs=1_100_188_800,
    depth=12,
    stages=("features.relu2 96 4 11", "features.relu6 256 8 51", "features.relu9 384 16 99", "features.relu11 1024 32 195"),
    classifier="features.cccp8",
    num_features=1_024,
    parents=("nin_cifar10",),
    sources={
        "paper": PAPER,
        "gist": (
            "author's file",
            "the first author's description of the release",
            "https://gist.github.com/mavenlin/d802a5849de39225bcc6",
        ),
        "prototxt": ("transcription", "the network and the solver of that gist, from a mirror"),
        "ports": ("second-hand", "other definitions of the network"),
    },
    deviations=(
        "Not a network of the paper, which has no experiment on ImageNet, but the one that the authors released for Caffe. It was "
        "announced with 29 MB, and that is four bytes for each parameter. [paper, section 4; gist; computed]",
        "Pooling at the end averages whatever map there is; the released model has a window of 6×6, which is all of it at 224×224. "
        "[prototxt; ours]",
    ),
    notes=(
        "Some ports take 227×227 images, for first maps of 55×55 instead of 54×54 and 1,105,996,320 multiply-accumulates. "
        "[ports; computed]",
    ),
    results=(
        {
            "on": "ILSVRC 2012 validation",
            "measure": "accuracy",
            "top1": "59.36",
            "crops": "centre crop",
            "source": "gist",
        },
    ),
    recipe={
        "optimiser": "Stochastic gradient descent with momentum 0.9. [prototxt]",
        "learning rate": "0.01, divided by 10 every 200,000 iterations. [prototxt]",
        "batch": "64. [prototxt]",
        "weight decay": "0.0005. [prototxt]",
        "augmentation": "Random 224×224 crops and mirror images. [prototxt]",
        "dropout": "0.5 before conv4. [prototxt]",
        "length": "450,000 iterations. [prototxt]",
        "hardware": "One GTX Titan, 4 to 5 days. [gist]",
    },
    preprocessing={"stated": ("The mean image of the training set is subtracted. [prototxt]",), "mean_of": "pixels"},
    weights=("The gist names BSD: https://www.dropbox.com/s/cphemjekve3d80n/nin_imagenet.caffemodel?dl=1 [gist]",),
)
def nin_imagenet(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> NINImageNet:
    """Lin's release for ImageNet: no fully connected layer, an eighth of AlexNet's parameters."""
    return NINImageNet(num_classes, in_channels, dropout)
