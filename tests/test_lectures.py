"""What five lectures on convolutional networks claim: one command each, whose output says it in the lecture's own terms.

A claim is written here as the lecture has it. Where a lecture is wrong or loose, the command says so, and the words are those of
the correction.
"""

from functools import cache

import pytest

from zoo_cli.main import run

CLAIMS: dict[str, tuple[str, tuple[str, ...]]] = {
    # one layer
    "valid convolution of 28x28": (
        'layer 1x28x28 "conv 1 5x5"',
        ("1×1×24×24", "p: padding, the default, valid", "the same 576 units"),
    ),
    "full, valid, same": (
        "compare convolution",
        (
            "full m + k - 1 = 5 + 3 - 1 = 7",
            "valid m - k + 1 = 5 - 3 + 1 = 3",
            "same m = 5",
            "(m - k + s) / s",
            "(k - 1)/2 = 1 preserves",
        ),
    ),
    "sizes with a stride": ("compare convolution --stride 2", ("valid floor((m - k) / s) + 1 = floor((5 - 3) / 2) + 1 = 2",)),
    "fully connected 784 to 30, and one shared map": (
        "compare lecture-tables --topic parameters",
        (
            "784 to 30, fully connected parameters B 23,550 23,550 equal 30×784 + 30: weights and biases",
            "one shared 5×5 map parameters B 26 26 equal 1×1×5×5 + 1: weights and biases",
        ),
    ),
    "one shared map": ('layer 1x28x28 "conv 1 5x5"', ("shared the convolution 576 14,976 25 1 26",)),
    "connections": (
        'layer 1x28x28 "conv 1 5x5"',
        ("units connections weights", "dense every unit to every input 576 452,160", "local every unit to its window 576 14,976"),
    ),
    "weights are a 4-D tensor": (
        'layer 3x32x32 "conv 10 5x5 pad 2"',
        ("weight 10×3×5×5, a 4-D tensor: maps out × maps in × height × width", "10 biases, one for each map"),
    ),
    "small images": (
        "compare lecture-tables --topic sizes",
        (
            "4×4, 3×3 sizes B 2×2 2×2 equal",
            "4×4, 2×2 sizes B 3×3 3×3 equal",
            "3×4, 2×2 sizes A 2×3 2×3 equal",
            "5×5, 3×3 sizes A E 3×3 3×3 equal",
        ),
    ),
    "5x7 with zero padding": ('layer 1x5x7 "conv 1 3x3/2 pad 1"', ("1×1×3×4",)),
    "ten 5x5 with padding": ('layer 3x32x32 "conv 10 5x5 pad 2"', ("1×10×32×32", "10×3×5×5 760", "p: padding, same")),
    "six 5x5": ('layer 3x32x32 "conv 6 5x5"', ("1×6×28×28", "6 filters of 5×5×3")),
    "six and five 5x5 on 32x32x3": (
        "compare lecture-tables --topic sizes",
        (
            "32×32×3, six 5×5 sizes C B 28×28×6 28×28×6 equal",
            "32×32×3, units of five 5×5 sizes C B 28×28×5 28×28×5 equal",
            "filter of 5×5 on 32×32×3 sizes C B 5×5×3 5×5×3 equal filters extend the full depth",
        ),
    ),
    "7x7 with strides": (
        "compare lecture-tables --topic sizes",
        (
            "7×7, 3×3/1 sizes C 5×5 5×5",
            "7×7, 3×3/2 sizes C 3×3 3×3",
            "7×7, 3×3/3 sizes C does not fit does not fit: 2×2, the last row and column unseen",
            "7×7, 3×3/1, pad 1 sizes C 7×7 7×7",
        ),
    ),
    "stride 3 does not fit": ('layer 1x7x7 "conv 1 3x3/3"', ("does not fit exactly: no window sees row 7 of 7",)),
    "padding that preserves": (
        "compare lecture-tables --topic sizes",
        tuple(f"pad that keeps it, F = {k} sizes C {p} {p} equal" for k, p in ((3, 1), (5, 2), (7, 3))),
    ),
    "32, 28, 24": ('layer 3x32x32 "conv 6 5x5 | conv 10 5x5"', ("1×6×28×28", "1×10×24×24")),
    "flipped kernels": (
        "compare convolution",
        (
            "libraries call convolution is cross-correlation",
            "Flipping this kernel changes nothing, because it is symmetric",
            "changes 7 values",
        ),
    ),
    "worked example": (
        "compare convolution",
        ("1*1 + 0*1 + 1*1 + 0*0 + 1*1 + 0*1 + 1*0 + 0*0 + 1*1 = 4", "1 0 1 4 3 4", "0 1 0 2 4 3", "1 0 1 2 3 4"),
    ),
    "blur and edges": ("compare convolution", ("edge filter", "1 -1", "blur filter")),
    "gradient of a shared weight": (
        "compare convolution --run",
        ("gradient of the shared kernel is the sum of the gradients of 9 copies", "shared kernel gradient", "44 46 38"),
    ),
    "stride and sharing": (
        "compare dense-vs-sparse-vs-conv --input 1x28x28 --kernel 5x5 --stride 2",
        ("a stride saves work and storage, sharing saves storage and no work",),
    ),
    # pooling and normalisation
    "kinds of pooling": (
        "compare pooling",
        ("max windows", "average windows", "L2 windows", "L2 over features maps", "cross-channel max maps", "6 8", "3.25 5.25"),
    ),
    "pooling has no weights": (
        "compare pooling",
        (
            "Pooling has no weights.",
            "With stride 1 it saves 6.2% of the work above",
            "589,824 MACs instead of 2,359,296, which is 4.0 times as many",
        ),
    ),
    "pooling under a shift": ("compare pooling --run", ("changes 4 of 4 inputs and 2 of 4 outputs", "torch gives the same values")),
    "local response and contrast normalisation": (
        "compare local-normalisation --run",
        (
            "Brightness changes no value of subtractive and contrast normalisation",
            "Contrast changes no value of divisive and contrast normalisation",
            "alexnet has CONV - LRN - POOL, with 0 parameters",
            "torch gives the same values",
        ),
    ),
    "normalisation between convolution and pooling": (
        "pattern alexnet",
        ("[[CONV - RELU]*N - POOL]*3 - [FC - RELU]*2 - SOFTMAX", "between the parts: norm1, norm2 (LocalResponseNorm)"),
    ),
    # connectivity
    "growth of receptive fields": (
        "compare growth",
        ("plain stack sees 13 pixels: each layer adds 2", "With strides it sees 29, with pooling 36", "the rest is its stride"),
    ),
    "small filters": ("compare stacked-3x3", ("27C² weights; one 7×7 convolution has 49C², 81% more",)),
    "the textbook's edge detector": (
        "compare dense-vs-sparse-vs-conv",
        ("8,003,072,000", "16,006,054,680", "178,640", "267,960", "zoo summary prints 357,280 FLOPs for it, 89,320 more"),
    ),
    "fully connected, grey and colour": (
        "compare lecture-tables --topic connectivity",
        ("1.6×10^9 1,600,000,000 equal", "4.8×10^9 4,800,000,000 equal"),
    ),
    "locally connected": (
        "compare lecture-tables --topic connectivity",
        ("locally connected, 10×10 connectivity C 4M 4,000,000 equal",),
    ),
    "100 filters": (
        "compare lecture-tables --topic connectivity",
        ("100 shared filters of 10×10 connectivity C 10K 10,000 equal",),
    ),
    "Toeplitz matrix": (
        "compare toeplitz --run",
        (
            "each row is the one above shifted by 1: a Toeplitz matrix",
            "K(i - m) is not zero exactly where |m - i| <= 1",
            "The product of each matrix with numbers is torch's convolution",
        ),
    ),
    "equivariance": (
        "compare equivariance --run",
        (
            "f(g(x)) = g(f(x)) for every shift tried: convolution, max pooling /1",
            "sample(f(g(x))) = sample(g(f(x))) holds for all of them",
            "g(sample(f(x))) is another signal",
        ),
    ),
    "local connection is convolution without sharing": (
        "compare toeplitz --input 6 --kernel 3",
        ("local 1-D valid a b c . . .", "sparse 1-D valid a b c . . .", "equal letters are one weight"),
    ),
    "what a unit sees and an input reaches": (
        "compare toeplitz --input 5 --kernel 3 --padding same",
        ("2: 1 2 3", "3: 2 3 4", "5: 4 5"),
    ),
    "a convolution with stride": (
        "compare toeplitz --input 7 --kernel 3 --stride 2",
        ("1: 1 2 3", "2: 3 4 5", "3: 5 6 7", "shifted by 2"),
    ),
    # networks
    "LeNet-5": (
        "summary lenet5 --style lecture",
        (
            "name type maps size kernel stride padding activation",
            "C5 Convolution 120 1×1 5×5 1×1 VALID tanh",
            "S4 Average pooling 16 5×5 2×2 2×2 VALID tanh",
            "C1 Convolution 6 28×28 5×5 1×1 VALID tanh",
        ),
    ),
    "AlexNet": (
        "summary alexnet --style lecture-down",
        (
            "conv1 Convolution 96 55×55 11×11 4×4 VALID ReLU",
            "pool1 Max pooling 96 27×27 3×3 2×2 VALID",
            "conv2 Convolution 256 27×27 5×5 1×1 SAME ReLU",
            "pool2 Max pooling 256 13×13 3×3 2×2 VALID",
            "conv4 Convolution 384 13×13 3×3 1×1 SAME ReLU",
            "conv5 Convolution 256 13×13 3×3 1×1 SAME ReLU",
            "fc7 Fully connected – 4,096",
            "fc8 Fully connected – 1,000",
        ),
    ),
    "AlexNet's table contradicts itself": (
        "compare lecture-tables --topic alexnet",
        (
            "input alexnet B 224×224 227×227 differs",
            "55×55 is printed, 56×56 is counted (SAME gives ceil(224 / 4) = 56",
            "C1 alexnet B 96 of 55×55, 11×11/4, SAME 96 of 55×55, 11×11/4, VALID differs",
            "S2 alexnet B 27×27, 3×3/2, VALID 27×27, 3×3/2, VALID equal",
            "C3 alexnet B 256 of 27×27, 5×5, SAME 256 of 27×27, 5×5, SAME equal",
            "S4 alexnet B 256 of 13×13, 3×3/2 256 of 13×13, 3×3/2 equal",
            "C5 alexnet B 384 of 13×13 384 of 13×13 equal",
            "C6 alexnet B 384 of 13×13 384 of 13×13 equal",
            "C7 alexnet B 256 of 13×13, 3×3, SAME 256 of 13×13, 3×3, SAME equal",
            "F8 alexnet B 4,096 4,096 equal",
            "F9 alexnet B 4,096 4,096 equal",
            "Out alexnet B 1,000 1,000 equal",
            "F8 on 13×13×256, parameters alexnet B – 177,213,440",
        ),
    ),
    "VGG": (
        "compare lecture-tables --topic vgg",
        (
            "layers of AlexNet vgg B 8 8 equal",
            "VGG-16 vgg B 16 16 equal",
            "VGG-19 vgg B 19 19 equal",
            "convolutions vgg B 3×3, stride 1, pad 1 3×3, stride 1, pad 1 equal",
            "poolings vgg B 2×2, stride 2, pad 0 2×2, stride 2, pad 0 equal",
        ),
    ),
    "GoogLeNet": (
        "compare lecture-tables --topic googlenet",
        (
            "layers googlenet B 22 22 equal",
            "Inception modules googlenet B 9 9 equal",
            "that layer googlenet B – 1,025,000",
            "10 is printed, 8.7 is counted",
        ),
    ),
    "the pattern of classic networks": (
        "pattern vgg16",
        ("INPUT - [[CONV - RELU]*N - POOL]*5 - [FC - RELU]*2 - SOFTMAX, N = 2, 2, 3, 3, 3", "vgg16 follows the pattern"),
    ),
    "the pattern of LeNet-5": (
        "pattern lenet5",
        (
            *("stage 1 [CONV - RELU]*1 - POOL 1 C1 S2", "stage 2 [CONV - RELU]*1 - POOL 1 C3 S4", "hidden [FC - RELU]*1 1 F6"),
            "the window of C5 is the whole input, so it is also fully connected: CONV - POOL - CONV - POOL - FC - FC",
        ),
    ),
    "rules for sizes": (
        "pattern vgg16",
        (
            "input divisible by 2 rule yes 5/5 224 = 2^5 · 7",
            "kernel 3×3, at most 5×5 rule yes 13/13",
            "convolution stride 1 rule yes 13/13",
            "convolution keeps the size rule yes 13/13",
            "pooling 2×2, stride 2 rule yes 5/5",
        ),
    ),
    "features of block4_pool": ("explain vgg16 block4_pool output", ("output 1×512×14×14",)),
    "1x1 bottlenecks": ("compare bottleneck", ("without reductions have 4.1 times the parameters and 3.6 times the MACs",)),
    "FC against GAP": (
        "compare fc-vs-gap",
        ("The head of alexnet holds 96.2% of its 61 million parameters", "parameters are 8.7 times GoogLeNet's"),
    ),
    "ResNet-152": (
        "compare lecture-tables --topic resnet",
        (
            "layers of ResNet-152 resnet B 152 152 equal",
            "3×3, 3×3 1×1, 3×3, 1×1 differs",
            "starts as GoogLeNet resnet B yes yes equal 7×7/2, then 3×3/2 pooling",
            "ends as GoogLeNet resnet B yes yes equal global average, one fully connected layer",
            "dropout layers resnet B 0 0 equal",
        ),
    ),
    "Conv1D on words": (
        'layer 128x21 "conv 32 5 | pool 3 | gap"',
        ("conv1 Conv1d 1×32×17 32×128×5 20,512", "1×32×5", "1×32×1", "5@i"),
    ),
    "words": (
        "compare lecture-tables --topic parameters",
        (
            "embedding 10,000×128 parameters B 1,280,000 1,280,000 equal",
            "21×128, Conv1D(32, 5) parameters B 20,512 20,512 equal",
            "words that a unit sees parameters B – 5 –",
            "its length parameters B 17 17 equal",
            "then MaxPool1D(3), length parameters B 5 5 equal",
            "then global max, numbers parameters B 32 32 equal",
        ),
    ),
    "Keras": (
        'layer 3x28x28 "conv 32 3x3 | pool 2x2 | flatten"',
        ("1×32×26×26 32×3×3×3 896", "1×32×13×13", "flatten1 Flatten 1×5408"),
    ),
    "60 million and 832 million": (
        "compare alexnet-832m",
        ("fc8 layer 4M", "60M", "832M", "conv2 and conv5 are grouped as in the paper. conv4 is not"),
    ),
    "LeNet-1989 to AlexNet": (
        "compare lenet-to-alexnet",
        (
            "1256 1,256",
            "9760 9,760",
            "65k 64,660",
            "344k 344,468",
            "652M 652,368,384",
            "11 billion 10,843,029,380",
            "200×10^15 211,367,356,416,000,000 rounded",
            "a factor of 3",
        ),
    ),
    "VGG-16 and its parameters": (
        "compare lecture-tables --topic vgg",
        ("138,357,544 138,357,544 equal", "features of block4_pool vgg E 14×14×512 14×14×512 equal"),
    ),
    "errors on ImageNet": (
        "compare lecture-tables --topic imagenet",
        (
            "GoogLeNet, 2014, top-5 error imagenet B 6.7% 6.67% rounded",
            "ResNet-152, 2015, top-5 error imagenet B 3.57% 3.57% equal",
            "2012 imagenet D 85% 84.7% rounded",
            "over 26%",
            "5.1%",
            "models averaged",
        ),
    ),
    "age and gender": (
        "summary levi_hassner --style lecture-down",
        (
            "conv1 Convolution 96 56×56 7×7 4×4",
            "conv2 Convolution 256 28×28 5×5",
            "conv3 Convolution 384 14×14 3×3",
            "Max pooling",
            "fc6 Fully connected – 512",
            "fc7 Fully connected – 512",
            "fc8 Fully connected – 8",
            "LocalResponseNorm",
            "Dropout",
        ),
    ),
    "age and gender, one by one": (
        'compare lecture-tables --topic "age and gender"',
        (
            "input age and gender A 227×227 227×227 equal of images of 256×256",
            *(
                f"conv{i} age and gender A {x} {x} equal"
                for i, x in ((1, "96 of 3×7×7"), (2, "256 of 96×5×5"), (3, "384 of 256×3×3"))
            ),
            "stride of conv1 age and gender A 4 4 equal",
            "after each convolution age and gender A ReLU ReLU equal",
            "pool5 age and gender A 3×3/2 3×3/2 equal",
            "normalisation age and gender A LRN norm1, norm2 holds",
            "fc7 age and gender A 512 512 equal",
            "dropout age and gender A 0.5 0.5 equal",
            "ages age and gender A 8 8 equal",
            "genders age and gender A 2 2 equal",
        ),
    ),
    "two genders": ("summary levi_hassner --set num_classes=2 --filter fc8", ("1×2",)),
    "multilayer perceptron": ("summary mlp_mnist --batch 60", ("60×500", "60×10", "397,510")),
    "a spatial transducer net": (
        "compare lecture-tables --lecture E",
        (
            "FC layers of FCN-32s other networks E 0 0 equal",
            "its output on 500×500 other networks E 500×500 500×500 equal",
            "its output on 320×352 other networks E 320×352 320×352 equal",
        ),
    ),
    "All Convolutional Net": (
        "compare lecture-tables --lecture E",
        (
            "poolings of All-CNN other networks E 0 0 equal",
            "its convolutions with stride 2 other networks E 2 2 equal",
        ),
    ),
}
PROTOTXT = """
name: "ages"
input: "data"
input_shape { dim: 1 dim: 3 dim: 227 dim: 227 }
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 96 kernel_size: 7 stride: 4 }
}
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
"""


@cache
def printed(command: str, width: str = "400") -> str:
    """What a command prints on a wide page, with single spaces."""
    import contextlib
    import io
    import os
    import shlex

    before, out = os.environ.get("COLUMNS"), io.StringIO()
    os.environ["COLUMNS"] = width
    try:
        with contextlib.redirect_stdout(out):
            assert run(shlex.split(command)) == 0
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
    return " ".join(out.getvalue().split())


@pytest.mark.parametrize("claim", CLAIMS)
def test_claim(claim: str) -> None:
    """Kills a command that computes something else, or says it in words that a student would have to translate."""
    command, words = CLAIMS[claim]
    page = printed(command)
    assert not [one for one in words if one not in page], page


def test_caffe_file(tmp_path: object) -> None:
    """A network as Caffe writes it: conv1 with num_output 96, kernel_size 7, stride 4; MAX pooling 3 with stride 2."""
    from pathlib import Path

    file = Path(str(tmp_path)) / "ages.prototxt"
    file.write_text(PROTOTXT, encoding="utf-8")
    page = printed(f"summary {file} --style lecture-down")
    assert "conv1 Convolution 96 56×56 7×7 4×4" in page
    assert "pool1 Max pooling 96 28×28 3×3 2×2" in page
