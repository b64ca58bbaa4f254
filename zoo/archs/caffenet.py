"""CaffeNet: the reference model of Y. Jia et al., "Caffe: Convolutional Architecture for Fast Feature Embedding", 2014.

The layers are those of models/bvlc_reference_caffenet/train_val.prototxt and carry its names. It is AlexNet with normalisation
after pooling. Shapes in comments are for 227×227 images. Deviations are on the card.
"""

import torch
from torch import nn

from zoo.extend import arch


def pool() -> nn.MaxPool2d:
    """Windows overlap, and sizes are rounded up, as everywhere in Caffe."""
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def lrn() -> nn.LocalResponseNorm:
    """Caffe's, with k = 1. Caffe divides alpha by n, and so does torch."""
    return nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=1.0)


class CaffeNet(nn.Module):
    """Input N×in_channels×227×227, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 96, kernel_size=11, stride=4)
        self.relu1 = nn.ReLU(inplace=True)
        self.pool1 = pool()
        self.norm1 = lrn()
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2)
        self.relu2 = nn.ReLU(inplace=True)
        self.pool2 = pool()
        self.norm2 = lrn()
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)
        self.relu3 = nn.ReLU(inplace=True)
        self.conv4 = nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=2)
        self.relu4 = nn.ReLU(inplace=True)
        self.conv5 = nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=2)
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
        """Weights from N(0, 0.01²), in fc6 and fc7 N(0, 0.005²); biases 1 in conv2, conv4, conv5, fc6 and fc7, else 0."""
        ones = {"conv2", "conv4", "conv5", "fc6", "fc7"}
        for name, layer in self.named_children():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, std=0.005 if name in {"fc6", "fc7"} else 0.01)
                assert layer.bias is not None
                nn.init.constant_(layer.bias, 1.0 if name in ones else 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm1(self.pool1(self.relu1(self.conv1(x))))  # N×96×55×55 -> N×96×27×27
        x = self.norm2(self.pool2(self.relu2(self.conv2(x))))  # N×256×27×27 -> N×256×13×13
        x = self.relu3(self.conv3(x))  # N×384×13×13
        x = self.relu4(self.conv4(x))  # N×384×13×13
        x = self.pool5(self.relu5(self.conv5(x)))  # N×256×13×13 -> N×256×6×6
        x = torch.flatten(x, 1)  # N×9216
        x = self.drop6(self.relu6(self.fc6(x)))  # N×4096
        x = self.drop7(self.relu7(self.fc7(x)))  # N×4096
        x = self.fc8(x)  # N×num_classes
        return x


@arch(
    title="CaffeNet",
    year=2014,
    authors="Yangqing Jia, Evan Shelhamer, Jeff Donahue, Sergey Karayev, Jonathan Long, Ross Girshick, Sergio Guadarrama, "
    "Trevor Darrell",
    paper="Caffe: Convolutional Architecture for Fast Feature Embedding (ACM Multimedia 2014)",
    doi="10.1145/2647868.2654889",
    arxiv="1408.5093",
    input=(3, 227, 227),
    params=60_965_224,
    macs=724_406_816,
    depth=8,
    stages=("relu1 96 4 11", "relu2 256 8 51", "relu5 256 16 163", "pool5 256 32 195"),
    classifier="fc8",
    by_design=("fixed-input", "heavy-head"),
    num_features=4_096,
    parents=("alexnet",),
    published=(
        {
            "quantity": "macs",
            "printed": "724M",
            "where": "README",
            "source": "convnet-burden",
            "note": "That tool takes 224×224 images and also counts biases, ReLU, pooling and normalisation; that it prints our "
            "first digits is chance. Its 727M for AlexNet are for 227×227.",
        },
    ),
    sources={
        "paper": ("transcription", "the paper's text as others copied it"),
        "caffe": ("author's file", "the model", "https://github.com/BVLC/caffe/tree/master/models/bvlc_reference_caffenet"),
        "caffe's alexnet": ("author's file", "its sister", "https://github.com/BVLC/caffe/tree/master/models/bvlc_alexnet"),
        "convnet-burden": ("author's file", "that tool's table", "https://github.com/albanie/convnet-burden"),
    },
    deviations=(
        "The paper gives no layers; they are those of the reference model that Caffe releases. [paper; caffe, train_val.prototxt]",
    ),
    notes=(
        "It differs from AlexNet in the order of pooling and normalisation, the constants of the latter (k = 1, and an alpha of "
        "1e-4 that is divided by n) and the deviation of 0.005 in fc6 and fc7; parameters and multiply-accumulates are equal. "
        "[caffe, train_val.prototxt and readme; computed]",
        "Caffe's own AlexNet is a third one: normalisation before pooling as in the paper, k = 1 as here, and biases of 0.1 where "
        "they are 1 here. Its readme found 0.1 necessary for training, since 1 gave a flat loss. "
        "[caffe's alexnet, train_val.prototxt and readme]",
    ),
    results=(
        {
            "on": "ILSVRC 2012 validation",
            "measure": "accuracy",
            "top1": "57.4",
            "top5": "80.4",
            "crops": "centre crop",
            "source": "caffe, readme",
        },
    ),
    recipe={
        "optimiser": "Stochastic gradient descent with momentum 0.9. [caffe, solver.prototxt]",
        "learning rate": "0.01, divided by 10 every 100,000 iterations; doubled for biases. [caffe, solver.prototxt and "
        "train_val.prototxt]",
        "batch": "256. [caffe, train_val.prototxt]",
        "weight decay": "0.0005, none on biases. [caffe, solver.prototxt and train_val.prototxt]",
        "augmentation": "Random 227×227 crops and mirror images, no change of colours. [caffe, train_val.prototxt and readme]",
        "dropout": "0.5 after fc6 and fc7. [caffe, train_val.prototxt]",
        "length": "450,000 iterations; the released weights are those of iteration 310,000. [caffe, solver.prototxt and readme]",
    },
    preprocessing={
        "stated": ("The mean image of the training set is subtracted. [caffe, train_val.prototxt]",),
        "mean_of": "pixels",
    },
    weights=(
        "Released for unrestricted use: http://dl.caffe.berkeleyvision.org/bvlc_reference_caffenet.caffemodel [caffe, readme]",
    ),
    citation={
        "type": "inproceedings",
        "booktitle": "Proceedings of the ACM International Conference on Multimedia",
        "year": "2014",
    },
)
def caffenet(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> CaffeNet:
    """Jia 2014: Caffe's AlexNet, normalised after pooling instead of before."""
    return CaffeNet(num_classes, in_channels, dropout)
