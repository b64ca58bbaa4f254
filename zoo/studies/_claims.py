"""The claims of `lecture-tables`: what a lecture prints, and how it is computed. Nothing printed is an input of a computation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from zoo.extend import card, measure, trace

if TYPE_CHECKING:
    from zoo.extend import Result, Row, Trace

LECTURES = {
    "A": "theory of convolutional networks; age and gender",
    "B": "architectures, with Keras",
    "C": "slides after Goodfellow, CS231n and Ranzato",
    "D": "building blocks",
    "E": "visual data",
}


@dataclass(frozen=True)
class Claim:
    """One claim: who makes it (letters of `LECTURES`), about what, as printed ("" if it prints nothing), and what is computed.

    `reason` says why they differ, or what is meant. `verdict` is for a comparison other than of equality: a word, or whether
    what is computed holds.
    """

    topic: str
    by: str
    about: str
    printed: str
    compute: Callable[[], Any]
    reason: str = ""
    verdict: str | Callable[[Any], bool] | None = None


def claims() -> Iterator[Claim]:
    """All claims, by topic."""
    for topic in (_sizes, _parameters, _connectivity, _alexnet, _vgg, _googlenet, _resnet, _others, _imagenet):
        yield from topic()


# Layers that are only described -----------------------------------------------------------------------------------------


@cache
def _described(input: str, layers: str) -> "tuple[Trace, Sequence[Row]]":
    from zoo.models.by_hand import trace_of
    from zoo.models.described import read

    found = trace_of([int(n) for n in input.split("x")], read(layers))
    return found, measure(found, columns=["output", "params", "macs"]).rows


def _output(input: str, layers: str, row: int = -1) -> str:
    """Height and width, or length, after a layer: 24×24."""
    return "×".join(map(str, _described(input, layers)[1][row].cells["output"][2:]))


def _volume(input: str, layers: str) -> str:
    """Height×width×maps, as lectures write volumes: 28×28×6."""
    _, maps, *sides = _described(input, layers)[1][-1].cells["output"]
    return "×".join(map(str, (*sides, maps)))


def _params(input: str, layers: str, row: int | None = None) -> int:
    rows = _described(input, layers)[1]
    return sum(one.cells["params"] for one in (rows if row is None else rows[row : row + 1]))


def _fit(input: str, layers: str) -> str:
    """The output's size, or that the last window leaves some of the input unseen."""
    from zoo.extend import rule_of

    op = next(op for op in reversed(_described(input, layers)[0].ops) if op.kind.startswith("conv"))
    window = rule_of(op).window
    rest = any(axis.rest for axis in (window(op) if window else None) or ())
    return f"does not fit: {_output(input, layers)}, the last row and column unseen" if rest else _output(input, layers)


def _sizes() -> Iterator[Claim]:
    def say(by: str, about: str, printed: str, image: str, layers: str) -> Claim:
        return Claim("sizes", by, about, printed, lambda: _output(image, layers))

    yield say("A B", "28×28, 5×5, valid", "24×24", "1x28x28", "conv 1 5x5 valid")
    yield say("B", "4×4, 3×3", "2×2", "1x4x4", "conv 1 3x3")
    yield say("B", "4×4, 2×2", "3×3", "1x4x4", "conv 1 2x2")
    yield say("A", "3×4, 2×2", "2×3", "1x3x4", "conv 1 2x2")
    yield say("A E", "5×5, 3×3", "3×3", "1x5x5", "conv 1 3x3")
    yield say("B", "5×7 padded with zeros, 3×3 with stride 2", "3×4", "1x5x7", "conv 1 3x3/2 pad 1")
    yield say("C", "7×7, 3×3 with stride 1", "5×5", "1x7x7", "conv 1 3x3")
    yield say("C", "7×7, 3×3 with stride 2", "3×3", "1x7x7", "conv 1 3x3/2")
    yield Claim(
        "sizes",
        "C",
        "7×7, 3×3 with stride 3",
        "does not fit",
        lambda: _fit("1x7x7", "conv 1 3x3/3"),
        "libraries round down and do not say so",
        lambda found: found.startswith("does not fit"),
    )
    yield say("C", "7×7, 3×3 with stride 1, pad 1", "7×7", "1x7x7", "conv 1 3x3 pad 1")
    for kernel, printed in ((3, "1"), (5, "2"), (7, "3")):
        yield Claim("sizes", "C", f"pad that preserves the size, F = {kernel}", printed, partial(_preserving, kernel))
    chain = "conv 1 5x5 | conv 1 5x5"
    yield Claim(
        "sizes",
        "C",
        "32, then 5×5 twice",
        "28, 24",
        lambda: ", ".join(_output("3x32x32", chain, i).partition("×")[0] for i in (0, 1)),
    )
    yield Claim("sizes", "C B", "32×32×3, six 5×5", "28×28×6", lambda: _volume("3x32x32", "conv 6 5x5"))
    yield Claim("sizes", "C B", "32×32×3, grid of the units of five 5×5", "28×28×5", lambda: _volume("3x32x32", "conv 5 5x5"))
    yield Claim("sizes", "C B", "each filter of 5×5 on 32×32×3", "5×5×3", _full_depth, "filters extend the full depth of the input")
    yield Claim("sizes", "B", "32×32×3, ten 5×5, pad 2", "32×32×10", lambda: _volume("3x32x32", "conv 10 5x5 pad 2"))


def _preserving(kernel: int) -> str:
    side = 32
    fits = (p for p in range(kernel) if _output(f"1x{side}x{side}", f"conv 1 {kernel}x{kernel} pad {p}") == f"{side}×{side}")
    return str(next(fits))


def _full_depth() -> str:
    """Height, width and maps of the weight of one filter."""
    weight = _described("3x32x32", "conv 6 5x5")[0].ops[0].inputs[1].shape
    return "×".join(map(str, (*weight[2:], weight[1])))


def _parameters() -> Iterator[Claim]:
    say = partial(Claim, "parameters")
    yield say("B", "784 inputs to 30 units, fully connected", "23,550", lambda: _params("784", "fc 30"))
    yield say("B", "one shared 5×5 map", "26", lambda: _params("1x28x28", "conv 1 5x5"))
    yield say("B", "32×32×3, ten 5×5", "760", lambda: _params("3x32x32", "conv 10 5x5 pad 2"))
    yield say("A", "perceptron 784-500-10", "397,510", lambda: _params("784", "fc 500 | relu | fc 10"))
    keras = "conv 32 3x3 | pool 2x2 | flatten"
    yield say("B", "28×28×3, Conv2D(32, 3×3)", "896", lambda: _params("3x28x28", keras, 0))
    yield say("B", "28×28×3, Conv2D(32, 3×3), output", "26×26×32", lambda: _volume("3x28x28", "conv 32 3x3"))
    yield say("B", "then MaxPool 2×2, output", "13×13×32", lambda: _volume("3x28x28", "conv 32 3x3 | pool 2x2"))
    yield say("B", "then flattened", "5,408", lambda: _described("3x28x28", keras)[1][-1].cells["output"][1])
    text = "conv 32 5 | pool 3 | gap"
    yield say("B", "21 words of 128 numbers, Conv1D(32, 5)", "20,512", lambda: _params("128x21", text, 0))
    yield say("B", "its length", "17", lambda: int(_output("128x21", text, 0)))
    yield say("B", "then MaxPool1D(3), length", "5", lambda: int(_output("128x21", text, 1)))
    yield say("B", "then global max, numbers", "32", lambda: _described("128x21", text)[1][-1].cells["output"][1])
    yield say("B", "Embedding(10,000, 128)", "1,280,000", _embedding)


def _embedding() -> int:
    from torch import nn

    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        return sum(param.numel() for param in nn.Embedding(10_000, 128).parameters())


def _connectivity() -> Iterator[Claim]:
    say = partial(Claim, "connectivity")
    yield say("C D", "200×200 pixels, 40,000 units, fully connected", "1.6×10^9", lambda: _dense("1x200x200"))
    yield say("D", "the same in colour", "4.8×10^9", lambda: _dense("3x200x200"))
    local = "each unit has 100 weights, those over the zeros of the padding included"
    yield say("C", "locally connected, 10×10", "4M", lambda: _local("1x200x200", 10), reason=local)
    yield say("C", "without weights over the zeros", "", _inside)
    yield say("C", "100 shared filters of 10×10", "10K", lambda: _params("1x200x200", "conv 100 10x10 same no bias"))
    yield say("C", "320×280, kernel 2×1: numbers stored", "2", lambda: _params("1x320x280", "conv 1 2x1 no bias"))
    yield say("C", "its operations", "267,960", _operations, reason="2 multiplications and 1 addition for each unit")
    yield say(
        "C",
        "its FLOPs in zoo summary",
        "",
        _flops,
        reason="2 for each multiply-accumulate: a unit's first product counts an addition too",
    )
    yield say(
        "C", "as a dense matrix, numbers", "over 8×10^9", lambda: _dense_of("1x320x280", "2x1"), verdict=lambda n: n > 8 * 10**9
    )
    yield say(
        "C",
        "as a dense matrix, operations",
        "over 16×10^9",
        lambda: 2 * _dense_of("1x320x280", "2x1") - _units("1x320x280", "2x1"),
        verdict=lambda n: n > 16 * 10**9,
    )
    yield say(
        "C", "as a sparse matrix, numbers", "178,640", lambda: _described("1x320x280", "conv 1 2x1 no bias")[1][0].cells["macs"]
    )


def _units(input: str, kernel: str) -> int:
    return _described(input, f"conv 1 {kernel} no bias")[0].outputs[0].numel


def _dense_of(input: str, kernel: str) -> int:
    """Numbers of the dense matrix of a convolution: each unit reads each input."""
    return _units(input, kernel) * _described(input, f"conv 1 {kernel} no bias")[0].inputs[0].numel


def _dense(input: str) -> int:
    """Weights of a fully connected layer with a unit for each pixel."""
    return _params(input, f"fc {_pixels(input)}") - _pixels(input)


def _pixels(input: str) -> int:
    _, height, width = map(int, input.split("x"))
    return height * width


def _local(input: str, side: int) -> int:
    """A window of weights for each pixel."""
    return _pixels(input) * _params(input, f"conv 1 {side}x{side} same no bias")


def _inside() -> int:
    """Pairs of one of 200×200 units and a pixel in its window of 10×10, which begins 4 pixels before it."""
    along = sum(0 <= i - 4 + t < 200 for i in range(200) for t in range(10))
    return along**2


def _operations() -> int:
    macs = _described("1x320x280", "conv 1 2x1 no bias")[1][0].cells["macs"]
    return 2 * int(macs) - _units("1x320x280", "2x1")


def _flops() -> int:
    return int(measure(_described("1x320x280", "conv 1 2x1 no bias")[0], columns=["flops"], depth=0).total["flops"])


# Networks ---------------------------------------------------------------------------------------------------------------


@cache
def _network(name: str) -> "Mapping[str, Mapping[str, Any]]":
    """The finest rows by name, and the total under ""."""
    table = measure(trace(name), columns=["output", "params", "macs", "depth", "kernel", "stride", "padding"])
    return {"": table.total, **{row.name: {**row.cells, "type": row.type} for row in table.rows}}


def _side(name: str, row: str) -> str:
    return "×".join(map(str, _network(name)[row]["output"][2:]))


def _alexnet() -> Iterator[Claim]:
    from zoo.studies import lenet_to_alexnet

    say = partial(Claim, "alexnet", "B")
    same = "SAME gives ceil(224 / 4) = 56; 55 follows from 227 pixels without padding"
    yield say("C1: 224×224, 11×11 with stride 4, SAME", "55×55", lambda: _output("3x224x224", "conv 96 11x11/4 same"), same)
    yield say("C1 of the published network, 227×227, VALID", "55×55", lambda: _side("alexnet", "conv1"))
    yield say("S2: 3×3 with stride 2, VALID", "27×27", lambda: _side("alexnet", "pool1"))
    yield say("C3: 5×5, SAME", "27×27", lambda: _side("alexnet", "conv2"))
    yield say("S4: 3×3 with stride 2, VALID", "13×13", lambda: _side("alexnet", "pool2"))
    yield say("C7: 256 maps, 3×3, SAME", "13×13", lambda: _side("alexnet", "conv5"))
    pooled = "the table lists no pooling after C7; the network has one, to 6×6 maps"
    yield say(
        "F8: 4,096 units on 13×13×256, as printed",
        "",
        lambda: _params("256x13x13", "fc 4096"),
        pooled,
    )
    yield say("F8 of the published network", "", lambda: _network("alexnet")["fc6"]["params"])
    yield say("Out", "1,000", lambda: _network("alexnet")[""]["output"][1])
    for row in lenet_to_alexnet.run().rows:
        cells = row.cells
        if cells["printed"] is not None:
            about = f"{row.type}: {row.name}"
            convention, verdict = cells["convention"], cells["verdict"]
            compute = partial(int, cells["computed"])
            yield Claim("lenet to alexnet", "D", about, cells["printed"], compute, convention, verdict)


def _vgg() -> Iterator[Claim]:
    say = partial(Claim, "vgg", "B")
    yield say("layers of AlexNet", "8", lambda: _network("alexnet")[""]["depth"])
    yield say("layers of VGG-16", "16", lambda: _network("vgg16")[""]["depth"])
    yield say("layers of VGG-19", "19", lambda: _network("vgg19")[""]["depth"])
    yield say("windows of all convolutions", "3×3, stride 1, pad 1", lambda: _windows("vgg16", "Conv2d"))
    yield say("windows of all poolings", "2×2, stride 2, pad 0", lambda: _windows("vgg16", "MaxPool2d"))
    yield Claim("vgg", "E", "parameters of VGG-16", "138,357,544", lambda: _network("vgg16")[""]["params"])
    yield Claim("vgg", "E", "features of block4_pool", "14×14×512", _block4, "Keras' name of the fourth pooling")


def _windows(name: str, type: str) -> str:
    """The different windows of all layers of a type."""
    ops = [op for op in trace(name).ops if op.kind == {"Conv2d": "conv2d", "MaxPool2d": "max_pool2d"}[type]]
    found = {(_by_axes(op, "kernel"), *(_one(op.attrs[key]) for key in ("stride", "padding"))) for op in ops}
    return "; ".join(f"{kernel}, stride {stride}, pad {padding}" for kernel, stride, padding in sorted(found))


def _by_axes(op: Any, what: str) -> str:
    sides = op.attrs["kernel_size"] if "kernel_size" in op.attrs else op.inputs[1].shape[2:]
    sides = (sides, sides) if isinstance(sides, int) else sides
    return "×".join(map(str, sides))


def _one(value: Any) -> int:
    """The number that holds for every axis."""
    values = {value} if isinstance(value, int) else set(value)
    return int(next(iter(values))) if len(values) == 1 else -1


def _block4() -> str:
    pools = [cells for name, cells in _network("vgg16").items() if cells.get("type") == "MaxPool2d"]
    _, maps, *sides = pools[3]["output"]
    return "×".join(map(str, (*sides, maps)))


def _googlenet() -> Iterator[Claim]:
    say = partial(Claim, "googlenet", "B")
    yield say("layers", "22", lambda: _network("googlenet")[""]["depth"])
    yield say("Inception modules", "9", lambda: sum(call.type == "Inception" for call in trace("googlenet").calls))
    yield say(
        "fully connected layers",
        "0",
        partial(_count, "googlenet", "linear"),
        "it has one, for the class scores; VGG has three",
    )
    yield say("parameters of that layer", "", lambda: _network("googlenet")["linear"]["params"])
    yield say(
        "parameters, times fewer than AlexNet's",
        "10",
        lambda: float(f"{_network('alexnet')['']['params'] / _network('googlenet')['']['params']:.1f}"),
        "GoogLeNet's paper says 12; counted, it is this",
    )


def _resnet() -> Iterator[Claim]:
    say = partial(Claim, "resnet", "B")
    yield say("layers of ResNet-152", "152", lambda: _network("resnet152")[""]["depth"])
    yield say("convolutions of a unit of ResNet-34", "3×3, 3×3", lambda: _unit("resnet34"))
    yield say(
        "convolutions of a unit of ResNet-152",
        "3×3, 3×3",
        lambda: _unit("resnet152"),
        "two 3×3 are the unit of ResNet-18 and 34; from ResNet-50 on it has three convolutions",
    )
    yield say("BN after each convolution of the unit, and ReLU", "yes", _normalised)
    yield say("starts like GoogLeNet: 7×7/2, then 3×3/2 pooling", "yes", _starts_alike)
    yield say("ends like GoogLeNet: global average, one FC layer", "yes", _ends_alike)
    yield say("dropout layers", "0", lambda: sum(call.type == "Dropout" for call in trace("resnet152").calls))


@cache
def _unit_ops(name: str) -> tuple[Any, ...]:
    """The ops of the second unit of the first stage, which has no projection."""
    found = trace(name)
    units = [i for i, call in enumerate(found.calls) if call.type in {"BasicBlock", "Bottleneck"}]
    path = found.calls[units[1]].path
    return tuple(op for op in found.ops if found.calls[op.call].path.startswith(f"{path}.") or op.call == units[1])


def _unit(name: str) -> str:
    return ", ".join(_by_axes(op, "kernel") for op in _unit_ops(name) if op.kind == "conv2d")


def _normalised() -> str:
    kinds = [op.kind for op in _unit_ops("resnet152")]
    after = all(kinds[i + 1] == "batch_norm" for i, kind in enumerate(kinds) if kind == "conv2d")
    return "yes" if after and any("relu" in kind for kind in kinds) else "no"


def _starts_alike() -> str:
    heads = []
    for name in ("resnet152", "googlenet"):
        ops = [op for op in trace(name).ops if op.kind in {"conv2d", "max_pool2d"}][:2]
        heads.append([(_by_axes(op, "kernel"), _one(op.attrs["stride"])) for op in ops])
    return "yes" if heads[0] == heads[1] == [("7×7", 2), ("3×3", 2)] else f"no: {heads}"


def _ends_alike() -> str:
    ends = [[op.kind for op in trace(name).ops if "avg_pool" in op.kind or op.kind == "linear"][-2:] for name in _ENDS]
    return "yes" if all("avg_pool" in first and last == "linear" for first, last in ends) else f"no: {ends}"


_ENDS = ("resnet152", "googlenet")


def _others() -> Iterator[Claim]:
    say = partial(Claim, "other networks")
    yield say("E", "poolings of All-CNN before the last average", "0", partial(_count, "all_cnn_c", "max_pool2d", "avg_pool2d"))
    yield say("E", "its convolutions with stride 2", "2", lambda: sum(_one(op.attrs["stride"]) == 2 for op in _convs("all_cnn_c")))
    for row, printed in (("conv1", "96 of 3×7×7"), ("conv2", "256 of 96×5×5"), ("conv3", "384 of 256×3×3")):
        yield say("A", f"age and gender, {row}", printed, partial(_filters, row))
    yield say("A", "age and gender, stride of conv1", "4", lambda: _one(_convs("levi_hassner")[0].attrs["stride"]))
    for row in ("fc6", "fc7"):
        yield say("A", f"age and gender, {row}", "512", partial(_features, row))
    one_net = "what the lecture calls a spatial transducer net is fully convolutional"
    linear = partial(_count, "fcn32s", "linear")
    yield say("E", "fully connected layers of FCN-32s", "0", linear, one_net)
    for size in ((500, 500), (320, 352)):
        shown = "×".join(map(str, size))
        yield say("E", f"its output on {shown}", shown, partial(_scores, *size), "the output's size scales with the input's")
    yield say("A", "ages", "8", lambda: _network("levi_hassner")[""]["output"][1])


def _features(row: str) -> int:
    return int(_network("levi_hassner")[row]["output"][1])


def _count(name: str, *kinds: str) -> int:
    return sum(op.kind in kinds for op in trace(name).ops)


def _scores(height: int, width: int) -> str:
    return "×".join(map(str, trace("fcn32s", input=(1, 3, height, width)).outputs[0].shape[2:]))


def _convs(name: str) -> list[Any]:
    return [op for op in trace(name).ops if op.kind == "conv2d"]


def _filters(row: str) -> str:
    found = trace("levi_hassner")
    op = next(op for op in found.ops if op.kind == "conv2d" and found.calls[op.call].path == row)
    maps, *window = op.inputs[1].shape
    return f"{maps} of {'×'.join(map(str, window))}"


# ImageNet ---------------------------------------------------------------------------------------------------------------


def _imagenet() -> Iterator[Claim]:
    say = partial(Claim, "imagenet")
    first = "no card: the runner-up of 2012 had 26.2% (AlexNet's paper, abstract)"
    yield say("B", "top-5 error before deep networks", "over 26%", lambda: None, first)
    yield say("D", "top-5 accuracy 2011", "75%", lambda: None, "no card: the winner of 2011 was not a convolutional network")
    for name, printed in (("alexnet", ""), ("zfnet", ""), ("vgg19", ""), ("googlenet", "6.7%"), ("resnet152", "3.57%")):
        error, result = _best(name)
        about = f"{card(name).title}, {card(name).year}, top-5 error"
        yield say("B", about, printed, f"{error}%".__str__, _said(result))
    yield say("D", "top-5 accuracy 2012", "85%", lambda: f"{100 - _best('alexnet')[0]}%", "100% less AlexNet's error")
    yield say("D", "top-5 accuracy 2015", "96.5%", lambda: f"{100 - _best('resnet152')[0]}%", "100% less ResNet's error")
    human = "no network: one annotator (Russakovsky et al. 2015, section 6.4)"
    yield say("B", "human top-5 error", "5.1%", lambda: None, human)


def _best(name: str) -> "tuple[Decimal, Result]":
    """The least top-5 error on the card that was measured in the competition, or on its images, and the result it is from."""
    results = [one for one in card(name).results if one.on.startswith("ILSVRC") and "2010" not in one.on]
    found = [(error, one) for one in results if (error := one.error(5)) is not None]
    return min(found, key=itemgetter(0))


def _said(result: "Result") -> str:
    models = "single model" if result.models == 1 else f"{result.models} models averaged"
    return f"{result.on}, {models} [{'; '.join(map(str, result.citations))}]"
