"""GoogLeNet with batch normalisation, as torchvision has it: C. Szegedy et al., "Going Deeper with Convolutions", CVPR 2015.

Figure 2(b) is the inception module, Table 1 the network, section 5 the auxiliary classifiers. Layers carry the names of
Table 1 and of the Caffe model (conv1, inception_3a, reduce3x3, pool_proj, ...), which is followed where the paper is
silent. Shapes in comments are for 224×224 images. Deviations are on the cards.
"""

from typing import TypeAlias

import torch
from torch import nn

from zoo.extend import arch

CVPR_2015 = {
    "year": 2014,
    "authors": "Christian Szegedy, Wei Liu, Yangqing Jia, Pierre Sermanet, Scott Reed, Dragomir Anguelov, "
    "Dumitru Erhan, Vincent Vanhoucke, Andrew Rabinovich",
    "paper": "Going Deeper with Convolutions (CVPR 2015)",
    "doi": "10.1109/CVPR.2015.7298594",
    "arxiv": "1409.4842",
    "input": (3, 224, 224),
    "classifier": "linear",
    "num_features": 1_024,
    "citation": {
        "type": "inproceedings",
        "booktitle": "IEEE Conference on Computer Vision and Pattern Recognition",
        "year": "2015",
    },
}


class ConvolutionBN(nn.Module):
    """A convolution without bias, batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.bn(self.conv(x)))
        return x


class InceptionBN(nn.Module):
    """Figure 2(b) with batch normalisation, and a 3×3 kernel where the paper has 5×5.

    The numbers of filters of its four branches are a row of Table 1, in its order.
    """

    def __init__(self, in_channels: int, n1: int, n3_reduce: int, n3: int, n5_reduce: int, n5: int, n_pool: int) -> None:
        super().__init__()
        self.conv1x1 = ConvolutionBN(in_channels, n1, kernel_size=1)
        self.reduce3x3 = ConvolutionBN(in_channels, n3_reduce, kernel_size=1)
        self.conv3x3 = ConvolutionBN(n3_reduce, n3, kernel_size=3, padding=1)
        self.reduce5x5 = ConvolutionBN(in_channels, n5_reduce, kernel_size=1)
        self.conv5x5 = ConvolutionBN(n5_reduce, n5, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.pool_proj = ConvolutionBN(in_channels, n_pool, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch1 = self.conv1x1(x)  # N×n1×H×W
        branch2 = self.conv3x3(self.reduce3x3(x))  # N×n3×H×W
        branch3 = self.conv5x5(self.reduce5x5(x))  # N×n5×H×W
        branch4 = self.pool_proj(self.pool(x))  # N×n_pool×H×W
        return torch.cat([branch1, branch2, branch3, branch4], dim=1)  # N×(n1+n3+n5+n_pool)×H×W


class GoogLeNetBN(nn.Module):
    """Table 1 as torchvision has it. Input N×in_channels×224×224, output N×num_classes."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = ConvolutionBN(in_channels, 64, kernel_size=7, stride=2, padding=3)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.conv2_reduce = ConvolutionBN(64, 64, kernel_size=1)
        self.conv2 = ConvolutionBN(64, 192, kernel_size=3, padding=1)
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception_3a = InceptionBN(192, 64, 96, 128, 16, 32, 32)
        self.inception_3b = InceptionBN(256, 128, 128, 192, 32, 96, 64)
        self.pool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception_4a = InceptionBN(480, 192, 96, 208, 16, 48, 64)
        self.inception_4b = InceptionBN(512, 160, 112, 224, 24, 64, 64)
        self.inception_4c = InceptionBN(512, 128, 128, 256, 24, 64, 64)
        self.inception_4d = InceptionBN(512, 112, 144, 288, 32, 64, 64)
        self.inception_4e = InceptionBN(528, 256, 160, 320, 32, 128, 128)
        self.pool4 = nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True)
        self.inception_5a = InceptionBN(832, 256, 160, 320, 32, 128, 128)
        self.inception_5b = InceptionBN(832, 384, 192, 384, 48, 128, 128)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(1024, num_classes)
        self.initialise()

    def initialise(self) -> None:
        """Weights from N(0, 0.01²), truncated at ±2; batch normalisation and biases as torch leaves them."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.01)

    def to_4a(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool1(self.conv1(x))  # N×64×112×112 -> N×64×56×56
        x = self.conv2(self.conv2_reduce(x))  # N×64×56×56 -> N×192×56×56
        x = self.pool2(x)  # N×192×28×28
        x = self.inception_3a(x)  # N×256×28×28
        x = self.inception_3b(x)  # N×480×28×28
        x = self.pool3(x)  # N×480×14×14
        x = self.inception_4a(x)  # N×512×14×14
        return x

    def to_4d(self, x: torch.Tensor) -> torch.Tensor:
        x = self.inception_4b(x)  # N×512×14×14
        x = self.inception_4c(x)  # N×512×14×14
        x = self.inception_4d(x)  # N×528×14×14
        return x

    def to_logits(self, x: torch.Tensor) -> torch.Tensor:
        x = self.inception_4e(x)  # N×832×14×14
        x = self.pool4(x)  # N×832×7×7
        x = self.inception_5a(x)  # N×832×7×7
        x = self.inception_5b(x)  # N×1024×7×7
        x = self.avgpool(x)  # N×1024×1×1
        x = torch.flatten(x, 1)  # N×1024
        x = self.linear(self.dropout(x))  # N×num_classes
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.to_logits(self.to_4d(self.to_4a(x)))


class AuxiliaryHeadBN(nn.Module):
    """Section 5 with batch normalisation and pooling that takes maps of any size. Input N×in_channels×H×W."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d((4, 4))
        self.conv = ConvolutionBN(in_channels, 128, kernel_size=1)
        self.fc = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.7)
        self.linear = nn.Linear(1024, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(self.pool(x))  # N×in_channels×4×4 -> N×128×4×4
        x = torch.flatten(x, 1)  # N×2048
        x = self.dropout(self.relu(self.fc(x)))  # N×1024
        x = self.linear(x)  # N×num_classes
        return x


Logits: TypeAlias = torch.Tensor | tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class GoogLeNetBNWithHeads(GoogLeNetBN):
    """With auxiliary heads on 4a and 4d: in training mode it returns (logits, aux1, aux2), three times N×num_classes.

    The paper adds the losses of the heads at a weight of 0.3 each.
    """

    def __init__(self, num_classes: int, in_channels: int, dropout: float) -> None:
        super().__init__(num_classes, in_channels, dropout)
        self.aux1 = AuxiliaryHeadBN(512, num_classes)
        self.aux2 = AuxiliaryHeadBN(528, num_classes)
        self.initialise()

    def forward(self, x: torch.Tensor) -> Logits:  # type: ignore[override]
        x_4a = self.to_4a(x)  # N×512×14×14
        x_4d = self.to_4d(x_4a)  # N×528×14×14
        x = self.to_logits(x_4d)  # N×num_classes
        if self.training:
            return x, self.aux1(x_4a), self.aux2(x_4d)
        return x


@arch(
    **CVPR_2015,
    title="GoogLeNet with batch normalisation",
    params=6_624_904,
    macs=1_498_376_192,
    depth=22,
    stages=("conv1 64 2 7", "conv2 192 4 19", "inception_3b 480 8 59", "inception_4e 832 16 235", "inception_5b 1024 32 379"),
    published=(
        {"quantity": "params", "printed": "6,624,904", "where": "weight metadata", "source": "torchvision"},
        {"quantity": "macs", "printed": "1.498G", "where": "weight metadata", "source": "torchvision"},
    ),
    variants=({"options": {"aux_heads": True}, "train": True, "params": 13_004_888, "macs": 1_506_748_416},),
    training={"aux_heads": True},
    torchvision="googlenet",
    torchvision_options={"aux_logits": False, "transform_input": False, "init_weights": False},
    torchvision_training={"aux_logits": True},
    weights_note="they expect images of mean 0.5 and standard deviation 0.5, to which torchvision's transform_input converts",
    keys=(
        (r"^conv2\.", "conv2_reduce."),
        (r"^conv3\.", "conv2."),
        (r"^inception(\w+)\.", r"inception_\1."),
        (r"\.branch1\.", ".conv1x1."),
        (r"\.branch2\.0\.", ".reduce3x3."),
        (r"\.branch2\.1\.", ".conv3x3."),
        (r"\.branch3\.0\.", ".reduce5x5."),
        (r"\.branch3\.1\.", ".conv5x5."),
        (r"\.branch4\.1\.", ".pool_proj."),
        (r"^(aux\d)\.fc1\.", r"\1.fc."),
        (r"^(aux\d)\.fc2\.", r"\1.linear."),
        (r"^fc\.", "linear."),
    ),
    parents=("googlenet",),
    sources={"torchvision": ("author's file", "model code and weight metadata", "https://github.com/pytorch/vision")},
    deviations=(
        "Not the published network but torchvision's: batch normalisation (eps 0.001) after every convolution and no "
        "local response normalisation, 3×3 kernels in conv5x5 (a known mistake, as its source says), a last max "
        "pooling of 2×2, heads that pool to 4×4 whatever they are given, dropout 0.2 before the classifier. "
        "[torchvision, googlenet.py]",
        "torchvision's transform_input is left out: it normalises images again for one set of weights, and is not a "
        "part of the network. [torchvision, googlenet.py; ours]",
        "In training mode it returns (logits, aux1, aux2), in the order of the layers; torchvision's returns (logits, aux2, aux1). "
        "[torchvision, googlenet.py; ours]",
    ),
    results=(
        {
            "on": "ILSVRC 2012 validation",
            "measure": "accuracy",
            "top1": "69.778",
            "top5": "89.53",
            "crops": "centre crop",
            "note": "torchvision's weights",
            "source": "torchvision, IMAGENET1K_V1",
        },
    ),
    preprocessing={
        "stated": (
            "torchvision's weights want RGB of mean 0.5 and deviation 0.5, to which its transform_input turns images that were "
            "normalised with (0.485, 0.456, 0.406) and (0.229, 0.224, 0.225). [torchvision, googlenet.py]",
        ),
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
    },
    normalisation=("eps 0.001, momentum 0.1 in torch's sense. [torchvision, googlenet.py]",),
    weights=(
        "torchvision's, which may have terms derived from the data they were trained on: "
        "https://download.pytorch.org/models/googlenet-1378be20.pth [torchvision, IMAGENET1K_V1 and README]",
    ),
)
def googlenet_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2, aux_heads: bool = False) -> GoogLeNetBN:
    """The GoogLeNet that torchvision ships: batch normalisation for local response normalisation, 3×3 for 5×5."""
    if aux_heads:
        return GoogLeNetBNWithHeads(num_classes, in_channels, dropout)
    return GoogLeNetBN(num_classes, in_channels, dropout)
