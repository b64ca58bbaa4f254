"""AlexNet: A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012.

Section 3 and figure 2 give the layers, section 5 the initialisation. Layers carry the names of the authors' Caffe descendants
(conv1, norm1, pool1, ..., fc8). Shapes in comments are for one 3×227×227 image. Deviations are on the cards.
"""

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import nn

from zoo.extend import arch

NIPS_2012 = {
    "title": "AlexNet",
    "year": 2012,
    "authors": "Alex Krizhevsky, Ilya Sutskever, Geoffrey E. Hinton",
    "paper": "ImageNet Classification with Deep Convolutional Neural Networks (NIPS 2012)",
    "url": "https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks",
    "input": (3, 227, 227),
    "classifier": "fc8",
    "by_design": ("fixed-input", "heavy-head"),
    "num_features": 4_096,
    "citation": {
        "type": "inproceedings",
        "booktitle": "Advances in Neural Information Processing Systems 25",
        "pages": "1097--1105",
        "year": "2012",
    },
}
TORCHVISION = ("author's file", "model code and weight metadata", "https://github.com/pytorch/vision")


def lrn() -> nn.LocalResponseNorm:
    """Section 3.3: k = 2, n = 5, alpha = 1e-4, beta = 0.75. torch divides alpha by n, the paper's formula does not."""
    return nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)


class TowerNorm(nn.Module):
    """Local response normalisation of each GPU's maps by themselves: the first half of the channels, then the second."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = lrn()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.tower(maps) for maps in x.chunk(2, dim=1)], dim=1)


class AlexNet(nn.Module):
    """The network of figure 2. `groups` is 2 where a layer sees only the maps of its own GPU, 1 for one column.

    Input N×in_channels×227×227, output N×num_classes.
    """

    def __init__(self, num_classes: int, in_channels: int, dropout: float, groups: int, norm: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 96, kernel_size=11, stride=4)
        self.relu1 = nn.ReLU(inplace=True)
        self.norm1 = norm()
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=groups)
        self.relu2 = nn.ReLU(inplace=True)
        self.norm2 = norm()
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)
        self.relu3 = nn.ReLU(inplace=True)
        self.conv4 = nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=groups)
        self.relu4 = nn.ReLU(inplace=True)
        self.conv5 = nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=groups)
        self.relu5 = nn.ReLU(inplace=True)
        self.pool5 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.relu6 = nn.ReLU(inplace=True)
        self.drop6 = nn.Dropout(dropout)
        self.fc7 = nn.Linear(4096, 4096)
        self.relu7 = nn.ReLU(inplace=True)
        self.drop7 = nn.Dropout(dropout)
        self.fc8 = nn.Linear(4096, num_classes)
        self.initialise()

    def initialise(self) -> None:
        """Section 5: weights from N(0, 0.01²); biases 1 in conv2, conv4, conv5 and the hidden fully connected layers, else 0."""
        ones = {"conv2", "conv4", "conv5", "fc6", "fc7"}
        for name, layer in self.named_children():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                assert layer.bias is not None
                nn.init.constant_(layer.bias, 1.0 if name in ones else 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool1(self.norm1(self.relu1(self.conv1(x))))  # N×96×55×55 -> N×96×27×27
        x = self.pool2(self.norm2(self.relu2(self.conv2(x))))  # N×256×27×27 -> N×256×13×13
        x = self.relu3(self.conv3(x))  # N×384×13×13
        x = self.relu4(self.conv4(x))  # N×384×13×13
        x = self.pool5(self.relu5(self.conv5(x)))  # N×256×13×13 -> N×256×6×6
        x = torch.flatten(x, 1)  # N×9216
        x = self.drop6(self.relu6(self.fc6(x)))  # N×4096
        x = self.drop7(self.relu7(self.fc7(x)))  # N×4096
        x = self.fc8(x)  # N×num_classes
        return x


@arch(
    **NIPS_2012,
    params=60_965_224,
    macs=724_406_816,
    depth=8,
    stages=("norm1 96 4 11", "norm2 256 8 51", "relu5 256 16 163", "pool5 256 32 195"),
    published=(
        {"quantity": "params", "printed": "60 million", "where": "abstract"},
        {"quantity": "depth", "printed": "8", "where": "section 3"},
        {
            "quantity": "neurons",
            "printed": "650,000",
            "where": "abstract",
            "note": "650,080 of the 659,272 units are those of the convolutions, with 55×55×96 in the first.",
        },
    ),
    neurons=659_272,
    variants=({"options": {"norm_per_gpu": True}, "params": 60_965_224, "macs": 724_406_816},),
    sources={
        "paper": (
            "paper",
            "all of it",
            "https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks",
        ),
        "older abstract": ("transcription", "the abstract on the proceedings' page as others copied it"),
        "reprint": ("second-hand", "a bibliographic record of Communications of the ACM 60(6), 2017"),
        "caffe": ("author's file", "Caffe's AlexNet", "https://github.com/BVLC/caffe/tree/master/models/bvlc_alexnet"),
        "cuda-convnet2": ("author's file", "the first author's later library", "https://github.com/akrizhevsky/cuda-convnet2"),
        "convnet-burden": ("author's file", "that tool's table", "https://github.com/albanie/convnet-burden"),
        "receptive_field": ("author's file", "Google's table", "https://github.com/google-research/receptive_field"),
    },
    deviations=(
        "One module computes what two GPUs computed: conv2, conv4 and conv5 are grouped convolutions of two groups. "
        "[paper, section 3.5; ours]",
        "Local response normalisation crosses from one GPU's maps to the other's here, as in the Caffe model: the paper's sum runs "
        "to N, the number of kernels in the layer, and does not mention the GPUs. The author's two-GPU configuration in "
        "cuda-convnet2, a later relative of this network, normalises each GPU's maps by themselves; norm_per_gpu=True does so. "
        "Maps 46 to 49 of norm1 and 126 to 129 of norm2 depend on it, counted from 0. "
        "[paper, section 3.3; caffe, train_val.prototxt; cuda-convnet2, layers-imagenet-2gpu-model.cfg; computed]",
        "torch divides the alpha of local response normalisation by the window's size, the paper's formula and its 1e-4 do not: "
        "5e-4 over a window of 5 is the paper's. cuda-convnet2 divides too, and so does Caffe, with k = 1. "
        "[paper, section 3.3; cuda-convnet2, layer.py; caffe, lrn_layer.cpp and train_val.prototxt; computed]",
    ),
    errata=(
        "The paper says 224×224 inputs; with an 11×11 kernel of stride 4, 55×55 maps follow from 227×227 without padding, or from "
        "224×224 if sizes are rounded up, as cuda-convnet2 does. 227 is used here, as in Caffe. "
        "[paper, section 3.5; cuda-convnet2, layer.py; caffe, train_val.prototxt; computed]",
        "The caption of figure 2 counts 253,440 neurons in the first layer; 55×55×96 is 290,400, and only that count gives the "
        "650,000 neurons of the abstract. [paper, figure 2 and abstract; computed]",
        "Section 1 credits each convolutional layer with no more than 1% of the parameters; conv3 has 1.45%, conv4 1.09%. "
        "[paper, section 1; computed]",
    ),
    notes=(
        "Caffe's AlexNet starts fc6 and fc7 from a standard deviation of 0.005, and the biases that the paper starts at 1 "
        "(conv2, conv4, conv5, fc6, fc7) at 0.1: its readme calls this necessary for training, since 1 gave a flat loss. Here "
        "they start as in the paper. [caffe, train_val.prototxt and readme; paper, section 5]",
        "An older abstract counts 500,000 neurons and two globally connected layers. [older abstract]",
        "The paper was printed again in 2017, DOI 10.1145/3065386. [reprint]",
        "Other tools count otherwise: 727 million at 227 pixels (convnet-burden, which counts biases, ReLUs and pooling), 1.38 "
        "billion at two for each multiply-accumulate of a one-tower network (Google's table of receptive fields). "
        "[convnet-burden; receptive_field; computed]",
    ),
    results=(
        {"on": "ILSVRC 2010 test", "top1": "37.5", "top5": "17.0", "crops": "10 crops", "source": "paper, section 6"},
        {"on": "ILSVRC 2010 test", "top1": "39.0", "top5": "18.3", "crops": "1 crop", "source": "paper, section 6"},
        {"on": "ILSVRC 2012 validation", "top1": "40.7", "top5": "18.2", "source": "paper, Table 2"},
        {"on": "ILSVRC 2012 test", "top5": "16.4", "models": 5, "source": "paper, Table 2"},
        {
            "on": "ILSVRC 2012 test",
            "top5": "15.3",
            "models": 7,
            "note": "the winning entry; two networks have a sixth convolution and saw ImageNet's Fall 2011 release before",
            "source": "paper, section 6 and Table 2",
        },
        {
            "on": "ILSVRC 2012 validation",
            "measure": "accuracy",
            "top1": "57.1",
            "top5": "80.2",
            "crops": "centre crop",
            "note": "Caffe's AlexNet",
            "source": "caffe, readme",
        },
    ),
    recipe={
        "loss": "Multinomial logistic regression on a 1000-way softmax. [paper, section 3.5]",
        "optimiser": "Stochastic gradient descent with momentum 0.9. [paper, section 5]",
        "learning rate": "0.01 in all layers, divided by 10 by hand when the validation error stopped improving, three times. "
        "[paper, section 5]",
        "batch": "128. [paper, section 5]",
        "weight decay": "0.0005. [paper, section 5]",
        "augmentation": "Random 224×224 patches and their mirror images; RGB intensities shifted along the principal components of "
        "the training set. [paper, section 4.1]",
        "dropout": "0.5 in the first two fully connected layers. [paper, section 4.2]",
        "length": "About 90 passes through 1.2 million images. [paper, section 5]",
        "hardware": "Two GTX 580 GPUs of 3 GB, five to six days. [paper, section 5]",
    },
    preprocessing={
        "stated": (
            "The shorter side is scaled to 256 pixels, the central 256×256 patch cut out, the mean over the training set "
            "subtracted from each pixel. [paper, section 2]",
        ),
        "resize": 256,
        "mean_of": "pixels",
    },
    weights=(
        "Caffe's AlexNet, released for unrestricted use: http://dl.caffe.berkeleyvision.org/bvlc_alexnet.caffemodel [caffe, "
        "readme]",
    ),
)
def alexnet(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5, norm_per_gpu: bool = False) -> AlexNet:
    """Krizhevsky 2012: five convolutions on two GPUs, local response normalisation, overlapping pooling."""
    return AlexNet(num_classes, in_channels, dropout, groups=2, norm=TowerNorm if norm_per_gpu else lrn)


@arch(
    **NIPS_2012,
    params=62_378_344,
    macs=1_135_256_096,
    depth=8,
    stages=("norm1 96 4 11", "norm2 256 8 51", "relu5 256 16 163", "pool5 256 32 195"),
    parents=("alexnet",),
    deviations=(
        "Not the published network: conv2, conv4 and conv5 see all maps, as many lectures and re-implementations draw it. "
        "It has 1.57 times the multiply-accumulates of the published one. [ours; computed]",
    ),
)
def alexnet_ungrouped(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> AlexNet:
    """The single-column AlexNet of lectures: every convolution sees all maps."""
    return AlexNet(num_classes, in_channels, dropout, groups=1, norm=lrn)


class AlexNetOWT(nn.Module):
    """One tower, no normalisation, adaptive pooling before the classifier. Input N×in_channels×224×224, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, 64, kernel_size=11, stride=4, padding=2),  # N×64×55×55
                relu1=nn.ReLU(inplace=True),
                pool1=nn.MaxPool2d(kernel_size=3, stride=2),  # N×64×27×27
                conv2=nn.Conv2d(64, 192, kernel_size=5, padding=2),  # N×192×27×27
                relu2=nn.ReLU(inplace=True),
                pool2=nn.MaxPool2d(kernel_size=3, stride=2),  # N×192×13×13
                conv3=nn.Conv2d(192, 384, kernel_size=3, padding=1),  # N×384×13×13
                relu3=nn.ReLU(inplace=True),
                conv4=nn.Conv2d(384, 256, kernel_size=3, padding=1),  # N×256×13×13
                relu4=nn.ReLU(inplace=True),
                conv5=nn.Conv2d(256, 256, kernel_size=3, padding=1),  # N×256×13×13
                relu5=nn.ReLU(inplace=True),
                pool5=nn.MaxPool2d(kernel_size=3, stride=2),  # N×256×6×6
            )
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            OrderedDict(
                drop6=nn.Dropout(dropout),
                fc6=nn.Linear(256 * 6 * 6, 4096),
                relu6=nn.ReLU(inplace=True),
                drop7=nn.Dropout(dropout),
                fc7=nn.Linear(4096, 4096),
                relu7=nn.ReLU(inplace=True),
                fc8=nn.Linear(4096, num_classes),
            )
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.features(x)  # N×256×6×6
        x = self.avgpool(x)  # N×256×6×6, whatever the input's size
        x = torch.flatten(x, 1)  # N×9216
        x = self.classifier(x)  # N×num_classes
        return x


@arch(
    title="AlexNet, one weird trick",
    year=2014,
    authors="Alex Krizhevsky",
    paper="One weird trick for parallelizing convolutional neural networks (2014)",
    arxiv="1404.5997",
    input=(3, 224, 224),
    params=61_100_840,
    macs=714_188_480,
    depth=8,
    stages=("features.relu1 64 4 11", "features.relu2 192 8 51", "features.relu5 256 16 163", "features 256 32 195"),
    classifier="classifier.fc8",
    by_design=("fixed-input", "heavy-head"),
    num_features=4_096,
    published=(
        {"quantity": "params", "printed": "61,100,840", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "0.714G", "where": "weight metadata", "source": "torchvision"},
    ),
    torchvision="alexnet",
    keys=(
        (r"^features\.0\.", "features.conv1."),
        (r"^features\.3\.", "features.conv2."),
        (r"^features\.6\.", "features.conv3."),
        (r"^features\.8\.", "features.conv4."),
        (r"^features\.10\.", "features.conv5."),
        (r"^classifier\.1\.", "classifier.fc6."),
        (r"^classifier\.4\.", "classifier.fc7."),
        (r"^classifier\.6\.", "classifier.fc8."),
    ),
    parents=("alexnet",),
    sources={
        "paper": ("paper", "its second version", "https://arxiv.org/abs/1404.5997v2"),
        "torchvision": TORCHVISION,
        "cuda-convnet2": ("author's file", "the author's library", "https://github.com/akrizhevsky/cuda-convnet2"),
    },
    deviations=(
        "As torchvision ships it: conv1 padded by 2, no local response normalisation, dropout before fc6 and fc7 rather than "
        "after, adaptive pooling to 6×6, torch's default initialisation. [torchvision, alexnet.py]",
        "The author's released configuration has conv1 unpadded with sizes rounded up, local response normalisation, and the "
        "ReLUs of conv1 and conv5 after their pooling. [cuda-convnet2, layers-imagenet-1gpu.cfg and layer.py]",
    ),
    errata=(
        "The remark of 2.4% fewer connections than the two-GPU network fits no count of either version: the released one has 1.4% "
        "fewer multiplications. [paper, section 5; computed]",
        "The text of the paper gives the widths 64, 192, 384, 384, 256; the released configuration and torchvision have 64, 192, "
        "384, 256, 256, and only these fit its own remark of 0.2% more parameters than the two-GPU network. "
        "[paper, section 5, footnote 1; cuda-convnet2, layers-imagenet-1gpu.cfg; torchvision, alexnet.py; computed]",
    ),
    results=(
        {
            "on": "ILSVRC 2012 validation",
            "measure": "accuracy",
            "top1": "56.522",
            "top5": "79.066",
            "crops": "centre crop",
            "note": "torchvision's weights",
            "source": "torchvision, IMAGENET1K_V1",
        },
        {
            "on": "ILSVRC 2012 validation",
            "top1": "42.33",
            "crops": "centre crop",
            "note": "the author's network, trained on one GPU",
            "source": "paper, Table 1",
        },
    ),
    recipe={
        "loss": "1000 independent logistic units, trained to minimise cross-entropy. [paper, section 5]",
        "optimiser": "Stochastic gradient descent with momentum 0.9. [paper, section 5]",
        "learning rate": "Multiplied by 250^(-1/3) at 25%, 50% and 75% of the training. [paper, section 5]",
        "batch": "128 on one GPU, up to 1,024 on eight. [paper, Table 1]",
        "weight decay": "0.0005. [paper, section 5]",
        "augmentation": "Random 224×224 patches of 256×256 images, and their mirror images. [paper, section 5]",
        "length": "90 passes. [paper, section 5]",
        "hardware": "One K20 GPU, 98 hours; eight, 16. [paper, section 5 and Table 1]",
        "remark": "This is the author's training; torchvision trained its weights again. [paper, section 5; torchvision]",
    },
    preprocessing=(
        "For torchvision's weights: the shorter side scaled to 256 pixels, 224×224 centre crop, RGB in [0, 1], mean (0.485, 0.456, "
        "0.406) subtracted, divided by (0.229, 0.224, 0.225). [torchvision, IMAGENET1K_V1]",
    ),
    weights=(
        "torchvision's, which may have terms derived from the data they were trained on: "
        "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth [torchvision, IMAGENET1K_V1 and README]",
    ),
    citation={"type": "misc", "year": "2014"},
)
def alexnet_owt(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> AlexNetOWT:
    """Krizhevsky 2014, one weird trick: the one-tower AlexNet that torchvision ships."""
    return AlexNetOWT(num_classes, in_channels, dropout)
