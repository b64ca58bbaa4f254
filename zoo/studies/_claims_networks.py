"""Claims of lectures about networks and their errors on ImageNet. Nothing printed is an input of a computation."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache, partial
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from zoo.extend import card, measure, sizes, trace
from zoo.studies._claim import Claim
from zoo.studies._claims_layers import output_of, params_of

if TYPE_CHECKING:
    from zoo.extend import Result


# Networks ---------------------------------------------------------------------------------------------------------------


@cache
def _network(name: str) -> "Mapping[str, Mapping[str, Any]]":
    """The finest rows by name, and the total under ""."""
    table = measure(trace(name), columns=["output", "params", "macs", "depth", "kernel", "stride", "padding"])
    return {"": table.total, **{row.name: {**row.cells, "type": row.type} for row in table.rows}}


def _alexnet() -> Iterator[Claim]:
    say = partial(Claim, "alexnet", "B")
    cropped = "the paper's text says 224; 227 pixels give 55×55 without padding"
    same = "SAME gives ceil(224 / 4) = 56; 55 follows from 227 pixels without padding"
    valid = "the published network has no padding there"
    yield say("input", "224×224", lambda: sizes(trace("alexnet").inputs[0].shape[2:]), cropped)
    yield say("C1 on 224×224, 11×11/4, SAME", "55×55", lambda: output_of("3x224x224", "conv 96 11x11/4 same"), same)
    yield say("C1", "96 of 55×55, 11×11/4, SAME", lambda: _layer("conv1", "maps size window padding"), valid)
    yield say("S2", "27×27, 3×3/2, VALID", lambda: _layer("pool1", "size window padding"))
    yield say("C3", "256 of 27×27, 5×5, SAME", lambda: _layer("conv2", "maps size kernel padding"))
    yield say("S4", "256 of 13×13, 3×3/2", lambda: _layer("pool2", "maps size window"))
    for printed, ours in (("C5", "conv3"), ("C6", "conv4")):
        yield say(printed, "384 of 13×13", partial(_layer, ours, "maps size"))
    yield say("C7", "256 of 13×13, 3×3, SAME", lambda: _layer("conv5", "maps size kernel padding"))
    for printed, ours in (("F8", "fc6"), ("F9", "fc7")):
        yield say(printed, "4,096", partial(_units, ours))
    yield say("Out", "1,000", lambda: _units("fc8"))
    pooled = "the table lists no pooling after C7; the network has one, to 6×6 maps"
    yield say("F8 on 13×13×256, parameters", "", lambda: params_of("256x13x13", "fc 4096"), pooled)
    yield say("F8 as published, parameters", "", lambda: _network("alexnet")["fc6"]["params"])


@cache
def _windowed(name: str) -> "Mapping[str, Mapping[str, Any]]":
    """The columns of lectures, by row."""
    table = measure(trace(name), columns=["maps", "size", "kernel", "stride", "padding"])
    return {row.name: row.cells for row in table.rows}


def _layer(row: str, what: str, name: str = "alexnet") -> str:
    """What a lecture's table prints of a layer, such as `96 of 55×55, 11×11/4, VALID`."""
    cells = _windowed(name)[row]
    size, kernel = (sizes(cells[key] or ()) for key in ("size", "kernel"))
    maps, asked = f"{cells['maps']} of ", what.split()
    stride = "/" + "×".join(dict.fromkeys(map(str, cells["stride"] or ())))
    words = {
        "size": (maps if "maps" in asked else "") + size,
        "kernel": kernel,
        "window": kernel + stride,
        "padding": cells["padding"],
    }
    return ", ".join(str(words[one]) for one in asked if one in words)


def _units(row: str) -> int:
    return int(_network("alexnet")[row]["output"][1])


def _lenet_to_alexnet() -> Iterator[Claim]:
    from zoo.studies import lenet_to_alexnet

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
    return sizes(sides)


def _one(value: Any) -> int:
    """The number that holds for every axis."""
    values = {value} if isinstance(value, int) else set(value)
    return int(next(iter(values))) if len(values) == 1 else -1


def _block4() -> str:
    pools = [cells for name, cells in _network("vgg16").items() if cells.get("type") == "MaxPool2d"]
    _, maps, *sides = pools[3]["output"]
    return sizes((*sides, maps))


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
        "AlexNet's parameters, times its own",
        "10",
        lambda: float(f"{_network('alexnet')['']['params'] / _network('googlenet')['']['params']:.1f}"),
        "GoogLeNet's paper says 12; counted, it is this",
    )


def _resnet() -> Iterator[Claim]:
    say = partial(Claim, "resnet", "B")
    yield say("layers of ResNet-152", "152", lambda: _network("resnet152")[""]["depth"])
    yield say("unit of ResNet-34", "3×3, 3×3", lambda: _unit("resnet34"))
    yield say(
        "unit of ResNet-152",
        "3×3, 3×3",
        lambda: _unit("resnet152"),
        "two 3×3 are the unit of ResNet-18 and 34; from ResNet-50 on it has three convolutions",
    )
    yield say("BN and ReLU in the unit", "yes", _normalised, "BN after each convolution")
    yield say("starts as GoogLeNet", "yes", _starts_alike, "7×7/2, then 3×3/2 pooling")
    yield say("ends as GoogLeNet", "yes", _ends_alike, "global average, one fully connected layer")
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
    before = "before the last average"
    yield say("E", "poolings of All-CNN", "0", partial(_count, "all_cnn_c", "max_pool2d", "avg_pool2d"), before)
    yield say("E", "its convolutions with stride 2", "2", lambda: sum(_one(op.attrs["stride"]) == 2 for op in _convs("all_cnn_c")))
    one_net = "what the lecture calls a spatial transducer net is fully convolutional"
    linear = partial(_count, "fcn32s", "linear")
    yield say("E", "FC layers of FCN-32s", "0", linear, one_net)
    for size in ((500, 500), (320, 352)):
        shown = sizes(size)
        yield say("E", f"its output on {shown}", shown, partial(_scores, *size), "the output's size scales with the input's")


def _faces() -> Iterator[Claim]:
    """The network for the age or gender of a face."""
    say = partial(Claim, "age and gender", "A")
    crop = "of images of 256×256, as its card says"
    yield say("input", "227×227", lambda: sizes(trace("levi_hassner").inputs[0].shape[2:]), crop)
    for row, printed in (("conv1", "96 of 3×7×7"), ("conv2", "256 of 96×5×5"), ("conv3", "384 of 256×3×3")):
        yield say(row, printed, partial(_filters, row))
    yield say("stride of conv1", "4", lambda: _one(_convs("levi_hassner")[0].attrs["stride"]))
    yield say("after each convolution", "ReLU", lambda: _after("levi_hassner", "conv2d"))
    for row in ("pool1", "pool2", "pool5"):
        yield say(row, "3×3/2", partial(_layer, row, "window", "levi_hassner"))
    yield say("normalisation", "LRN", _normalised_faces, "after the first two poolings", bool)
    for row in ("fc6", "fc7"):
        yield say(row, "512", partial(_features, row))
    yield say("dropout", "0.5", lambda: ", ".join(sorted({str(op.attrs["p"]) for op in _dropouts()})))
    yield say("ages", "8", lambda: _network("levi_hassner")[""]["output"][1])
    yield say("genders", "2", lambda: trace("levi_hassner", options={"num_classes": 2}).outputs[0].shape[1], "--set num_classes=2")


def _after(name: str, kind: str) -> str:
    """The ops that follow each op of a kind, as lectures write them."""
    ops = trace(name).ops
    found = {ops[i + 1].kind for i, op in enumerate(ops) if op.kind == kind}
    return ", ".join(sorted(found)).replace("relu", "ReLU")


def _normalised_faces() -> str:
    """The layers of local response normalisation that follow a pooling."""
    rows = measure(trace("levi_hassner"), columns=["maps"]).rows
    return ", ".join(after.name for one, after in pairwise(rows) if (one.type, after.type) == ("MaxPool2d", "LocalResponseNorm"))


def _dropouts() -> list[Any]:
    return [op for op in trace("levi_hassner").ops if op.kind == "dropout"]


def _features(row: str) -> int:
    return int(_network("levi_hassner")[row]["output"][1])


def _count(name: str, *kinds: str) -> int:
    return sum(op.kind in kinds for op in trace(name).ops)


def _scores(height: int, width: int) -> str:
    return sizes(trace("fcn32s", input=(1, 3, height, width)).outputs[0].shape[2:])


def _convs(name: str) -> list[Any]:
    return [op for op in trace(name).ops if op.kind == "conv2d"]


def _filters(row: str) -> str:
    found = trace("levi_hassner")
    op = next(op for op in found.ops if op.kind == "conv2d" and found.calls[op.call].path == row)
    maps, *window = op.inputs[1].shape
    return f"{maps} of {sizes(window)}"


# ImageNet ---------------------------------------------------------------------------------------------------------------


def _imagenet() -> Iterator[Claim]:
    say = partial(Claim, "imagenet")
    first = "no card: the runner-up of 2012 had 26.2% (AlexNet's paper, abstract)"
    yield say("B", "error before deep networks", "over 26%", lambda: None, first)
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


TOPICS = (_alexnet, _lenet_to_alexnet, _vgg, _googlenet, _resnet, _faces, _others, _imagenet)
