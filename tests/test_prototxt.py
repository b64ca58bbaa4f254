"""Caffe's network definitions are read as the networks that Caffe builds; what is wrong in a file is said with its line."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import zoo
from zoo.graph_files.caffe.textformat import Message, read
from zoo_cli.main import run

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write a file, and return its path."""

    def save(text: str, name: str = "net.prototxt") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return save


def layer(kind: str, bottoms: str, top: str, more: str = "", name: str = "") -> str:
    """One layer of the new syntax."""
    lines = [f'name: "{name or top}"', f'type: "{kind}"', *(f'bottom: "{one}"' for one in bottoms.split()), f'top: "{top}"', more]
    return "layer {\n" + "\n".join(lines) + "\n}\n"


def given(*sizes: int, name: str = "data") -> str:
    dims = " ".join(f"dim: {n}" for n in sizes)
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape: {{ {dims} }} }} }}\n'


def totals(path: Path, **how: object) -> tuple[object, ...]:
    total = zoo.summary(str(path), columns=["params", "macs", "depth"], **how).total
    return total["params"], total["macs"], total["depth"]


def shape(path: Path, **how: object) -> tuple[int, ...]:
    return zoo.trace(str(path), **how).outputs[0].shape


# Whole networks, in files of our own: totals are those of the catalogue, which other tests hold to the papers. ---------------


OLD = {"Convolution": "CONVOLUTION", "Pooling": "POOLING", "InnerProduct": "INNER_PRODUCT", "ReLU": "RELU", "LRN": "LRN"}
OLD |= {"Dropout": "DROPOUT", "Softmax": "SOFTMAX"}


def old_layer(kind: str, bottoms: str, top: str, more: str = "", name: str = "") -> str:
    """One layer of the old syntax."""
    return layer(kind, bottoms, top, more, name).replace("layer {", "layers {").replace(f'"{kind}"', OLD[kind])


def alexnet(old: bool) -> str:
    """AlexNet in one column: the old syntax, or the new one."""
    convolutions = [(96, 11, 4, 0, 1), (256, 5, 1, 2, 2), (384, 3, 1, 1, 1), (384, 3, 1, 1, 2), (256, 3, 1, 1, 2)]
    add = old_layer if old else layer
    sizes = 'input: "data" input_dim: 10 input_dim: 3 input_dim: 227 input_dim: 227\n' if old else given(10, 3, 227, 227)
    text, last = f'name: "AlexNet"  # one column\n{sizes}', "data"
    for i, (maps, kernel, stride, pad, group) in enumerate(convolutions, 1):
        numbers = f"num_output: {maps} kernel_size: {kernel} stride: {stride} pad: {pad} group: {group}"
        text += add("Convolution", last, f"conv{i}", f"convolution_param {{ {numbers} }}")
        last = f"conv{i}"
        text += add("ReLU", last, last, name=f"relu{i}")
        if i in {1, 2}:
            text += add("LRN", last, f"norm{i}", "lrn_param { local_size: 5 }")
            last = f"norm{i}"
        if i in {1, 2, 5}:
            text += add("Pooling", last, f"pool{i}", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }")
            last = f"pool{i}"
    for i, units in ((6, 4096), (7, 4096), (8, 1000)):
        text += add("InnerProduct", last, f"fc{i}", f"inner_product_param {{ num_output: {units} }}")
        last = f"fc{i}"
        if i < 8:
            text += add("ReLU", last, last, name=f"relu{i}") + add("Dropout", last, last, name=f"drop{i}")
    return text + add("Softmax", "fc8", "prob")


OLDEST_FIELDS = {"kernel_size": "kernelsize", "bias_term": "biasterm"}


def oldest(text: str) -> str:
    """The old syntax as that of 2013: fields of all types side by side, and padding as a layer of its own."""
    found = []
    for one in text.split("layers {")[1:]:
        lines = [line for line in one.rpartition("}")[0].strip().splitlines() if line]
        outer = [line for line in lines if line.startswith(("bottom", "top"))]
        name, kind, *rest = (line for line in lines if line not in outer)
        kind = kind.removeprefix("type: ").lower().replace("convolution", "conv").replace("pooling", "pool").replace("_", "")
        fields = " ".join(rest).partition("{")[2].rpartition("}")[0].split()
        numbers = dict(zip(fields[::2], fields[1::2], strict=True))
        if (pad := numbers.pop("pad:", "0")) != "0":
            below = outer[0].partition('"')[2].rstrip('"')
            found.append(f'layer {{ name: "{below}p" type: "padding" pad: {pad} }} {outer[0]} top: "{below}p"')
            outer[0] = f'bottom: "{below}p"'
        said = " ".join(f"{OLDEST_FIELDS.get(key[:-1], key[:-1])}: {value}" for key, value in numbers.items())
        found.append(f'layer {{ {name} type: "{kind}" {said} }} ' + " ".join(outer))
    return text.partition("layers {")[0] + "".join(f"layers {{ {one} }}\n" for one in found)


@pytest.mark.parametrize("syntax", ["new", "old", "oldest"])
def test_alexnet(save: Save, syntax: str) -> None:
    """Kills a syntax, groups that are ignored, and layers in place that are lost: every layer is as in the catalogue."""
    text = alexnet(syntax != "new")
    path = save(oldest(text) if syntax == "oldest" else text)
    card = zoo.card("alexnet")
    assert totals(path) == (card.params, card.macs, card.depth)
    columns = ["output", "params", "macs", "rf"]
    ours = {row.name: row.cells for row in zoo.summary("alexnet", columns=columns).rows}
    theirs = {row.name: row.cells for row in zoo.summary(str(path), columns=columns).rows}
    assert theirs.pop("prob")["output"] == [1, 1000]
    assert theirs == {name: ours[name] for name in theirs}
    assert list(theirs) == [name for name in ours if name in theirs]


VGG_FCN = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


def fcn8s() -> str:
    text, last = given(1, 3, 500, 500), "data"
    for block, (several, maps) in enumerate(VGG_FCN, 1):
        for i in range(1, several + 1):
            pad = 100 if block == i == 1 else 1
            numbers = f"num_output: {maps} pad: {pad} kernel_size: 3"
            text += layer("Convolution", last, f"conv{block}_{i}", f"convolution_param {{ {numbers} }}")
            last = f"conv{block}_{i}"
            text += layer("ReLU", last, last, name=f"relu{block}_{i}")
        text += layer("Pooling", last, f"pool{block}", "pooling_param { kernel_size: 2 stride: 2 }")
        last = f"pool{block}"
    for name, maps, kernel in (("fc6", 4096, 7), ("fc7", 4096, 1), ("score_fr", 21, 1)):
        text += layer("Convolution", last, name, f"convolution_param {{ num_output: {maps} kernel_size: {kernel} }}")
        last = name

    def grow(bottom: str, top: str, kernel: int) -> str:
        numbers = f"num_output: 21 kernel_size: {kernel} stride: {kernel // 2} bias_term: false"
        return layer("Deconvolution", bottom, top, f"param {{ lr_mult: 0 }} convolution_param {{ {numbers} }}")

    text += grow("score_fr", "upscore2", 4)
    for pool, offset, up, more in (("pool4", 5, "upscore2", ("upscore_pool4", 4)), ("pool3", 9, "upscore_pool4", ("upscore8", 16))):
        text += layer("Convolution", pool, f"score_{pool}", "convolution_param { num_output: 21 kernel_size: 1 }")
        text += layer("Crop", f"score_{pool} {up}", f"score_{pool}c", f"crop_param {{ axis: 2 offset: {offset} }}")
        text += layer("Eltwise", f"{up} score_{pool}c", f"fuse_{pool}", "eltwise_param { operation: SUM }")
        text += grow(f"fuse_{pool}", *more)
    return text + layer("Crop", "upscore8 data", "score", "crop_param { axis: 2 offset: 31 }")


def test_fcn8s(save: Save) -> None:
    """Kills a deconvolution, a crop or a skip that is not the catalogue's, and interpolation that counts as trainable."""
    path, card = save(fcn8s()), zoo.card("fcn8s")
    assert totals(path) == (card.params, card.macs, card.depth)
    columns = ["params", "trainable", "frozen", "rf"]
    theirs, ours = zoo.summary(str(path), columns=columns), zoo.summary("fcn8s", columns=columns)
    assert {**theirs.total} == {**ours.total}
    assert theirs.total["frozen"] == 21 * 21 * (4 * 4 + 4 * 4 + 16 * 16)
    assert shape(path) == (1, 21, 500, 500)


def test_residual_unit(save: Save) -> None:
    """Kills BatchNorm and Scale counted twice or not, and statistics taken for parameters."""
    text = given(2, 8, 14, 14)
    numbers = "num_output: 8 kernel_size: 3 pad: 1 bias_term: false"
    for i, bottom in ((1, "data"), (2, "conv1")):
        text += layer("Convolution", bottom, f"conv{i}", f"convolution_param {{ {numbers} }}")
        text += layer("BatchNorm", f"conv{i}", f"conv{i}", "batch_norm_param { use_global_stats: true }", name=f"bn{i}")
        text += layer("Scale", f"conv{i}", f"conv{i}", "scale_param { bias_term: true }", name=f"scale{i}")
    text += layer("Eltwise", "data conv2", "sum") + layer("ReLU", "sum", "sum", name="relu")
    table = zoo.summary(str(save(text)), columns=["params", "buffers", "macs", "rf"])
    unit = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
    params = 2 * sum(p.numel() for p in unit.parameters())
    assert (table.total["params"], table.total["macs"]) == (params, 2 * 8 * 8 * 9 * 14 * 14)
    assert table.total["buffers"] == 2 * 2 * 8
    assert table.total["rf"]["size"] == [5, 5]


# Sizes ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(5, 16))
@pytest.mark.parametrize(("kernel", "stride", "pad"), [(3, 2, 0), (2, 2, 0), (3, 2, 1), (3, 3, 0), (5, 3, 2), (2, 2, 1)])
def test_pooling_rounds_up(save: Save, n: int, kernel: int, stride: int, pad: int) -> None:
    """Kills sizes rounded down, and a last window that begins in the padding: torch's ceil_mode agrees."""
    for kind, name in (("MAX", nn.MaxPool2d), ("AVE", nn.AvgPool2d)):
        window = f"pooling_param {{ pool: {kind} kernel_size: {kernel} stride: {stride} pad: {pad} }}"
        expected = name(kernel, stride, pad, ceil_mode=True)(torch.zeros(1, 2, n, n)).shape
        assert shape(save(given(1, 2, n, n) + layer("Pooling", "data", "pool", window))) == expected


MODULES: dict[str, tuple[str, str, nn.Module]] = {
    "window by side": (
        "Convolution",
        "convolution_param { num_output: 6 kernel_h: 3 kernel_w: 5 stride_h: 2 stride_w: 1 pad_h: 1 pad_w: 2 }",
        nn.Conv2d(4, 6, (3, 5), (2, 1), (1, 2)),
    ),
    "dilation and groups": (
        "Convolution",
        "convolution_param { num_output: 8 kernel_size: 3 dilation: 2 group: 2 pad: 2 bias_term: false }",
        nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=2, bias=False),
    ),
    "repeated sizes": (
        "Convolution",
        "convolution_param { num_output: 2 kernel_size: [3, 1] stride: 2 stride: 1 }",
        nn.Conv2d(4, 2, (3, 1), (2, 1)),
    ),
    "deconvolution in groups": (
        "Deconvolution",
        "convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 group: 4 }",
        nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=4),
    ),
    "inner product": (
        "InnerProduct",
        "inner_product_param { num_output: 7 }",
        nn.Sequential(nn.Flatten(), nn.Linear(4 * 9 * 11, 7)),
    ),
    "transposed weight": (
        "InnerProduct",
        "inner_product_param { num_output: 7 transpose: true bias_term: false }",
        nn.Sequential(nn.Flatten(), nn.Linear(4 * 9 * 11, 7, bias=False)),
    ),
    "global pooling": ("Pooling", "pooling_param { pool: AVE global_pooling: true }", nn.AdaptiveAvgPool2d(1)),
    "rounded down": ("Pooling", "pooling_param { kernel_size: 2 stride: 2 round_mode: FLOOR }", nn.MaxPool2d(2)),
    "prelu": ("PReLU", "", nn.PReLU(4)),
    "leaky": ("ReLU", "relu_param { negative_slope: 0.1 }", nn.LeakyReLU(0.1)),
    "across channels": ("LRN", "lrn_param { local_size: 5 }", nn.LocalResponseNorm(5)),
    "flatten": ("Flatten", "", nn.Flatten()),
}


@pytest.mark.parametrize("case", MODULES)
def test_layers(save: Save, case: str) -> None:
    """Kills a field that is not read: shapes, costs and receptive fields are those of torch's layer."""
    kind, fields, module = MODULES[case]
    path = save(given(1, 4, 9, 11) + layer(kind, "data", "out", fields))
    columns = ["output", "params", "macs", "flops", "rf", "depth"]
    theirs = zoo.summary(str(path), columns=columns)
    ours = zoo.summary(module, input=(1, 4, 9, 11), columns=columns)
    assert theirs.total == ours.total


LAYOUT = {
    "Concat": (layer("Concat", "data data", "out"), (2, 8, 6, 6)),
    "old axis": (layer("Concat", "data data", "out", "concat_param { concat_dim: 0 }"), (4, 4, 6, 6)),
    "Reshape": (layer("Reshape", "data", "out", "reshape_param { shape { dim: 0 dim: 2 dim: -1 } }"), (2, 2, 72)),
    "some axes": (layer("Reshape", "data", "out", "reshape_param { axis: 1 num_axes: 2 shape { dim: 24 } }"), (2, 24, 6)),
    "Flatten": (layer("Flatten", "data", "out", "flatten_param { axis: 2 }"), (2, 4, 36)),
    "Permute": (layer("Permute", "data", "out", "permute_param { order: 0 order: 2 order: 3 order: 1 }"), (2, 6, 6, 4)),
    "Tile": (layer("Tile", "data", "out", "tile_param { tiles: 3 }"), (2, 12, 6, 6)),
    "Reduction": (layer("Reduction", "data", "out", "reduction_param { axis: 2 operation: MEAN }"), (2, 4)),
    "ArgMax": (layer("ArgMax", "data", "out", "argmax_param { axis: 1 top_k: 2 }"), (2, 2, 6, 6)),
    "Softmax": (layer("Softmax", "data", "out"), (2, 4, 6, 6)),
}


@pytest.mark.parametrize("case", LAYOUT)
def test_layouts(save: Save, case: str) -> None:
    """Kills a layout that gives other sizes than Caffe's documentation says."""
    text, expected = LAYOUT[case]
    assert shape(save(given(2, 4, 6, 6) + text), batch=2) == expected


def test_slices(save: Save) -> None:
    """Kills slices at points read as lengths, and equal parts that overlap."""
    cut = 'layer {{ name: "cut" type: "Slice" bottom: "data" {} }}'
    tops = 'top: "a" top: "b" top: "c" slice_param { axis: 1 slice_point: 1 slice_point: 3 }'
    path = save(given(1, 6, 4, 4) + cut.format(tops))
    assert [value.shape[1] for value in zoo.trace(str(path)).outputs] == [1, 2, 3]
    path = save(given(1, 6, 4, 4) + cut.format('top: "a" top: "b" top: "c"'))
    assert [value.shape[1] for value in zoo.trace(str(path)).outputs] == [2, 2, 2]


# Phases, data, sharing -------------------------------------------------------------------------------------------------------

TRAIN_VAL = (
    """
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
        transform_param { crop_size: 16 mirror: true } data_param { source: "somewhere" batch_size: 64 } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
        transform_param { crop_size: 24 } data_param { batch_size: 10 } }
"""
    + layer("InnerProduct", "data", "fc", "inner_product_param { num_output: 5 }")
    + layer("Dropout", "fc", "fc", name="drop")
    + layer("InnerProduct", "fc", "extra", "inner_product_param { num_output: 3 } include { phase: TRAIN }")
    + layer("Silence", "extra", "", "include { phase: TRAIN }").replace('top: ""', "")
    + layer("Accuracy", "fc label", "accuracy", "exclude { phase: TRAIN }")
    + layer("SoftmaxWithLoss", "fc label", "loss")
)


def test_phases(save: Save) -> None:
    """Kills layers of the other phase, images of the other size, and losses that hide the scores' cost."""
    path = save(TRAIN_VAL)
    assert totals(path) == (5 * (3 * 24 * 24 + 1), 5 * 3 * 24 * 24, 1)
    assert totals(path, train=True) == (5 * (3 * 16 * 16 + 1) + 3 * 6, 5 * 3 * 16 * 16 + 15, 1)
    test, train = (zoo.trace(str(path), train=train) for train in (False, True))
    assert [op.attrs["train"] for trace in (test, train) for op in trace.ops if op.kind == "dropout"] == [False, True]
    assert {"accuracy"} == {call.path for call in test.calls} - {call.path for call in train.calls}
    notes = " ".join(map(str, zoo.summary(str(path)).notes))
    assert "images of 3 channels are assumed" in notes
    assert "batch 1; the file declares data 10×3×24×24" in notes


STAGES = (
    'layer { name: "data" type: "Data" top: "data" transform_param { crop_size: 8 } include { stage: "train" } }\n'
    + given(1, 3, 6, 6).replace(" }\n", ' exclude { stage: "train" } }\n')
    + layer("InnerProduct", "data", "fc", "inner_product_param { num_output: 5 }")
    + layer("InnerProduct", "fc", "more", 'inner_product_param { num_output: 2 } include { stage: "deploy" stage: "big" }')
    + layer("InnerProduct", "fc", "less", 'inner_product_param { num_output: 3 } include { not_stage: "big" min_level: 1 }')
)


def test_stages(save: Save) -> None:
    """Kills rules of stages and levels that are ignored: all stages of a rule must be there, and none of its not_stage."""
    path = save(STAGES)
    fc = 5 * (3 * 6 * 6 + 1)
    assert totals(path)[0] == fc
    assert "no stage is chosen; rules of the file name big, deploy, train" in " ".join(map(str, zoo.summary(str(path)).notes))
    assert totals(path, options={"stage": "train"})[0] == 5 * (3 * 8 * 8 + 1)
    assert totals(path, options={"stage": "deploy"})[0] == fc
    assert totals(path, options={"stage": "deploy,big"})[0] == fc + 2 * 6
    assert totals(save("state { level: 1 }\n" + STAGES))[0] == fc + 3 * 6
    assert totals(save('state { level: 1 stage: "deploy" stage: "big" }\n' + STAGES))[0] == fc + 2 * 6
    with pytest.raises(zoo.ZooError, match=r"unknown stage 'deplo'; did you mean deploy\?"):
        zoo.summary(str(path), options={"stage": "deplo"})
    with pytest.raises(zoo.ZooError, match="has no option num_classes; expected stage"):
        zoo.summary(str(path), options={"num_classes": 2})


def test_inputs_that_are_not_in_the_file(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a guess of sizes that only the data has."""
    text = 'layer { name: "mnist" type: "Data" top: "data" top: "label" }\n' + layer(
        "InnerProduct", "data", "fc", "inner_product_param { num_output: 10 }"
    )
    path = save(text)
    with pytest.raises(zoo.ZooError, match=r"net.prototxt:1: layer mnist \(Data\): the sizes .* pass --input"):
        zoo.summary(str(path))
    assert totals(path, input=(1, 1, 28, 28)) == (7850, 7840, 1)
    assert run(["summary", str(path), "--input", "1x28x28"]) == 0
    assert "7,850" in capsys.readouterr().out


def test_shared_parameters(save: Save) -> None:
    """Kills weights that two layers share, counted twice; in both syntaxes."""
    new = given(1, 4, 8, 8) + "".join(
        layer("InnerProduct", "data", top, 'param { name: "w" } param { name: "b" } inner_product_param { num_output: 3 }')
        for top in "ab"
    )
    assert totals(save(new))[0] == 3 * 256 + 3
    fields = 'param: "w" inner_product_param { num_output: 3 }'
    old = 'input: "data" input_shape { dim: 1 dim: 4 dim: 8 dim: 8 }\n'
    old += "".join(old_layer("InnerProduct", "data", top, fields) for top in "ab")
    assert totals(save(old))[0] == 3 * 256 + 2 * 3


def test_layers_that_only_their_code_knows(save: Save) -> None:
    """Kills a total that leaves layers out in silence, and a file that is refused for one such layer."""
    text = (
        given(1, 3, 8, 8)
        + layer("Convolution", "data", "conv", "convolution_param { num_output: 4 kernel_size: 3 }")
        + layer("Python", "conv", "proposal", 'python_param { module: "m" layer: "L" }')
        + layer("InnerProduct", "proposal", "fc", "inner_product_param { num_output: 2 }")
        + layer("Frobnicate", "conv", "conv", name="in place")
    )
    table = zoo.summary(str(save(text)), columns=["output", "params", "macs"])
    assert table.total["params"] == 4 * 28
    assert table.total["macs"]["at_least"] == 4 * 27 * 36
    assert table.total["macs"]["unknown"] == {"caffe::Python": 1, "caffe::InnerProduct": 1, "caffe::Frobnicate": 1}
    notes = " ".join(map(str, table.notes))
    assert "proposal (Python, line 9: " in notes
    assert "fc (InnerProduct, line 16: it reads what such a layer gives)" in notes
    assert "also those of params" in notes


def test_groups_of_names(save: Save) -> None:
    """Kills a name that is changed, and Inception modules that cannot be folded."""
    text = given(1, 3, 8, 8) + "".join(
        layer("Convolution", "data", f"inception/{name}", f"convolution_param {{ num_output: {maps} kernel_size: 1 }}")
        for name, maps in (("1x1", 2), ("3x3_reduce", 3))
    )
    path = save(text + layer("Concat", "inception/1x1 inception/3x3_reduce", "inception/output"))
    assert [row.name for row in zoo.summary(str(path)).rows] == ["inception/1x1", "inception/3x3_reduce", "inception/output"]
    (row,) = zoo.summary(str(path), depth=1).rows
    assert (row.name, row.cells["params"], row.cells["output"]) == ("inception", 5 * 4, [1, 5, 8, 8])


# Files that are wrong --------------------------------------------------------------------------------------------------------


def conv(fields: str) -> str:
    return given(1, 3, 8, 8) + layer("Convolution", "data", "conv", f"convolution_param {{ {fields} }}")


def one(kind: str, more: str = "", bottoms: str = "data") -> str:
    return given(1, 3, 8, 8) + layer(kind, bottoms, "x", more)


OLDEST = "input: 'data' input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8\n"
WRONG = {
    "": "it is not the definition of a network",
    "net: 'x.prototxt' base_lr: 0.1": "it is a solver's file",
    "layer { name: 'a'": ":1: expected } for the brace of line 1, got the end of the file",
    "layer { name: 'a\n": ":1: expected a field, got an unfinished string",
    "layer {\n name 'a' }": ":2: expected : or { after name, got 'a'",
    "layer {\n\n name: } ": ":3: expected a value of name, got }",
    "layer { } }": ":1: expected the name of a field, got }",
    "?": ":1: expected a field, got '?'",
    "layer: 3": ":1: layer: expected { ... }, got 3",
    "layer { name: 'a' }": ":1: layer a: expected a type, got none",
    "layer { type: 'ReLU' top: 'x' }": "it has no input in the phase TEST",
    "layers { layer { name: 'conv1' type: 'convolve' } }": ":1: type: expected one of the types of this syntax, got type 'convol",
    "layers { layer { name: 'conv1' } }": ":1: type: expected one of the types of this syntax, got none",
    "layers {\n layer { type: 'conv' kernel_size: 3 } }": ":2: kernel_size: this syntax has no such field; did you mean kernelsize",
    OLDEST + "layers { layer { type: 'padding' pad: 1 } bottom: 'data' top: 'p' }\nlayers { layer { type: 'relu' } bottom: 'p' }": (
        ":3: a layer padding is read by ReLU: expected a convolution or pooling with one bottom"
    ),
    OLDEST + "layers { layer { type: 'padding' pad: 1 } bottom: 'data' }": ":2: a layer padding has one bottom and one top",
    "input: 'data' input_dim: 1 input_dim: 3 layer { type: 'ReLU' }": ":1: input: expected four input_dim",
    given(1, 3, 8, 8) + layer("ReLU", "dat", "x"): ":5: layer x (ReLU): bottom: no layer before gives 'dat'; did you mean data?",
    given(1, 3, 0, 8) + layer("ReLU", "data", "x"): ":1: layer data (Input): dim: expected an integer >= 1, got 0",
    given(1, 3, 2**31, 8) + layer("ReLU", "data", "x"): "dim: expected an integer >= 1 and below 2^31",
    conv("kernel_size: 3"): ": layer conv (Convolution): num_output: expected an integer >= 1, got none",
    conv("num_output: 4"): ": kernel_size: expected an integer >= 1, got none",
    conv("num_output: 4 kernel_size: 0"): ":7: layer conv (Convolution): kernel_size: expected an integer",
    conv("num_output: x kernel_size: 3"): ": num_output: expected an integer >= 1, got x",
    conv("num_output: 4 kernel_size: 9"): ": layer conv (Convolution): a window of 9 does not fit into 8",
    conv("num_output: 4 kernel_size: 3 group: 2"): ": group: 3 channels and 4 maps do not divide into 2 groups",
    conv("num_output: 4 kernel_size: 3 strid: 2"): ": strid: Caffe has no such field; did you mean stride?",
    conv("num_output: 999999999 kernel_size: 3"): ": its weight would have",
    one("Pooling", "pooling_param { kernel_size: 2 pool: SUM }"): ": pool: expected MAX, AVE",
    one("Eltwise"): ": layer x (Eltwise): expected 2 bottoms, got 1",
    one("ReLU", "include { } exclude { }"): ": a layer has either include or exclude, not both",
    one("Reshape", "reshape_param { shape { dim: 7 } }"): ": cannot reshape 1×3×8×8 to 7",
    one("Crop", "crop_param { offset: 1 }", "data data"): ": cannot crop 8 from 1 on out of 8 along axis 2",
    one("Softmax", "softmax_param { axis: 7 }"): ": axis 7: the input has 4 axes",
    "layer { " * 200: ":1: messages are nested more than 100 deep",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_files(save: Save, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a traceback, a message without the line, and a wrong file that is read as another."""
    path = save(text)
    assert run(["summary", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"zoo: {path}")
    assert WRONG[text] in err


def test_files_that_are_no_text(tmp_path: Path) -> None:
    """Kills a file of weights that is read as text, and one that fills the memory."""
    path = tmp_path / "weights.prototxt"
    path.write_bytes(b"layer {\n\xff\xfe }")
    with pytest.raises(zoo.ZooError, match=r"weights.prototxt:2: expected a text file"):
        zoo.summary(str(path))
    path.write_bytes(b"#" * 17_000_000)
    with pytest.raises(zoo.ZooError, match="more than 16 MB"):
        zoo.summary(str(path))


def test_text_format(save: Save) -> None:
    """Kills spellings of the text format that Caffe's files use."""
    path = save("a: 1 a: 0x10, a: -2; b: [1.5, .5f, 1e3]  # remark\nc < d: 'x' \"y\" >\ne: { f: MAX g: true }")
    fields = read(path).fields
    assert [value.content for value in fields["a"]] == [1, 16, -2]
    assert [value.content for value in fields["b"]] == [1.5, 0.5, 1000.0]
    (c,), (e,) = fields["c"], fields["e"]
    assert isinstance(c.content, Message)
    assert isinstance(e.content, Message)
    assert (c.line, c.content.fields["d"][0].content, e.line) == (2, "xy", 3)
    assert [e.content.fields[name][0].content for name in "fg"] == ["MAX", "true"]


def test_what_graph_files_do_not_take(save: Save) -> None:
    """Kills options that are ignored in silence."""
    path = str(save(given(1, 3, 8, 8) + layer("ReLU", "data", "x")))
    for how, what in (({"options": {"num_classes": 2}}, "no option num_classes"), ({"real": True}, "--real does not apply")):
        with pytest.raises(zoo.ZooError, match=what):
            zoo.summary(path, **how)
    assert math.prod(shape(Path(path), input=(2, 5, 6, 7))) == 2 * 5 * 6 * 7
