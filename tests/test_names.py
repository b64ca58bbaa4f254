"""Layers are found by the names that Keras, TF-slim, Caffe and torchvision give them; other names lead to similar ones."""

import pytest

import zoo
from zoo.analysis.choose import choose, on_page
from zoo.analysis.naming import alike, elsewhere
from zoo.questions.survey import _table, analyse
from zoo_cli.main import run

# Names and shapes (side, channels) of other frameworks, for images of 224×224. The end points of TF-slim's InceptionV1 are those of
# its own test (tensorflow/models, research/slim/nets/inception_v1_test.py, testBuildAndCheckAllEndPointsUptoMixed5c); the modules
# of Caffe's GoogLeNet are named in models/bvlc_googlenet/deploy.prototxt. Keras' names, filters and strides are those of
# keras-team/keras, keras/src/applications/vgg16.py, vgg19.py and resnet.py, where every convolution is padded to keep the size.
PRINTED = """
googlenet  Conv2d_1a_7x7            112 64
googlenet  MaxPool_2a_3x3           56 64
googlenet  Conv2d_2b_1x1            56 64
googlenet  Conv2d_2c_3x3            56 192
googlenet  MaxPool_3a_3x3           28 192
googlenet  Mixed_3b                 28 256
googlenet  Mixed_3c                 28 480
googlenet  MaxPool_4a_3x3           14 480
googlenet  Mixed_4b                 14 512
googlenet  Mixed_4c                 14 512
googlenet  Mixed_4d                 14 512
googlenet  Mixed_4e                 14 528
googlenet  Mixed_4f                 14 832
googlenet  MaxPool_5a_2x2           7 832
googlenet  Mixed_5b                 7 832
googlenet  Mixed_5c                 7 1024
googlenet  InceptionV1/Mixed_5c     7 1024
googlenet  inception_4b/3x3_reduce  14 112
googlenet  inception_4b/output      14 512
vgg16      vgg_16/conv4/conv4_1     28 512
vgg16      vgg_16/pool4             14 512
resnet50   conv1_conv               112 64
resnet50   conv1_bn                 112 64
resnet50   conv1_relu               112 64
resnet50   pool1_pool               56 64
resnet50   conv2_block1_0_conv      56 256
resnet50   conv2_block1_0_bn        56 256
resnet50   conv2_block1_1_conv      56 64
resnet50   conv2_block1_1_relu      56 64
resnet50   conv2_block1_2_conv      56 64
resnet50   conv2_block1_3_bn        56 256
resnet50   conv2_block1_add         56 256
resnet50   conv2_block3_out         56 256
resnet50   conv3_block1_1_conv      28 128
resnet50   conv3_block4_out         28 512
resnet50   conv4_block6_out         14 1024
resnet50   conv4_block6_2_conv      14 256
resnet50   conv5_block1_0_conv      7 2048
resnet50   conv5_block3_out         7 2048
resnet152  conv4_block36_out        14 1024
"""


def keras_vgg(name: str, several: tuple[int, ...]) -> list[str]:
    """All layers of Keras' VGG of these convolutions: 3×3 with padding "same", 2×2 pooling with stride 2."""
    lines, side = [], 224
    for block, (count, channels) in enumerate(zip(several, (64, 128, 256, 512, 512), strict=True), 1):
        lines += [f"{name} block{block}_conv{i} {side} {channels}" for i in range(1, count + 1)]
        side //= 2
        lines.append(f"{name} block{block}_pool {side} {channels}")
    return lines


LINES = PRINTED.strip().splitlines() + keras_vgg("vgg16", (2, 2, 3, 3, 3)) + keras_vgg("vgg19", (2, 2, 4, 4, 4))


def outputs(name: str) -> tuple[zoo.Trace, dict[str, tuple[int, ...]]]:
    """A network of the catalogue, and the shape of each of its modules and rows by name."""
    trace = zoo.trace(name)
    rows = {row.name: tuple(row.cells["output"]) for row in zoo.summary(trace, columns=["output"]).rows}
    return trace, rows | {call.path: call.outputs[0].shape for call in trace.calls if call.outputs}


@pytest.mark.parametrize("network", sorted({line.split()[0] for line in LINES}))
def test_names_as_printed_elsewhere(network: str) -> None:
    """Kills a name that leads to another layer: it has other maps, or another size."""
    trace, shapes = outputs(network)
    found = {}
    for name, layer, side, channels in map(str.split, LINES):
        if name == network:
            found[layer] = elsewhere(trace, layer, shapes)
            assert found[layer] is not None, layer
            assert shapes[found[layer]] == (1, int(channels), int(side), int(side)), layer
    assert len(set(found.values())) >= len(found) - 2  # two frameworks have some names for one layer


@pytest.mark.parametrize(
    ("network", "layer", "shape"), [("vgg16", "block4_pool", [1, 512, 14, 14]), ("googlenet", "Mixed_4e", [1, 528, 14, 14])]
)
def test_commands_take_such_names(network: str, layer: str, shape: list[int]) -> None:
    """Kills a command that knows only the names of the catalogue."""
    assert zoo.receptive_field(network, layer).units == tuple(shape[2:])
    assert zoo.explain(network, layer, ["output"]).quantities[0].cell == shape


TWINS = ["vgg11", "vgg16", "vgg19", "vgg16_bn", "googlenet_bn", "resnet18", "resnet50_v1_5"]


@pytest.mark.parametrize("name", TWINS)
def test_torchvision(name: str) -> None:
    """Kills a map that is one layer off: each of torchvision's modules gives what the layer of its name gives here."""
    card = zoo.card(name)
    ours = zoo.trace(name)
    shapes = {call.path: call.outputs[0].shape for call in ours.calls if call.outputs}
    theirs = zoo.trace(f"torchvision:{card.torchvision}", options=dict(card.torchvision_options))
    found = 0
    for call in theirs.calls:
        if call.path and call.path not in shapes and call.outputs and (layer := elsewhere(ours, call.path, shapes)) is not None:
            assert shapes[layer] == call.outputs[0].shape, (call.path, layer)
            found += 1
    assert found >= 15
    if name == "vgg16":
        assert elsewhere(ours, "features.23", shapes) == "features.pool4"
        assert elsewhere(ours, "classifier.3", shapes) == "classifier.fc7"


def test_features_by_other_names() -> None:
    """Kills maps that are handed out under another name than they were asked for."""
    import torch

    maps = zoo.features("vgg11", ["block4_pool", "features.5"])(torch.zeros(1, 3, 32, 32))
    assert {name: tuple(one.shape) for name, one in maps.items()} == {"block4_pool": (1, 512, 2, 2), "features.5": (1, 128, 8, 8)}


SUGGESTED = {
    "rf vgg16 block9_pool": "did you mean features.pool5 or features.pool4 or features.pool3?",
    "rf alexnet block4_pool": "did you mean pool5",
    "rf torchvision:resnet50 conv4_block6_out": "did you mean layer4",
    "explain lenet5 conv3": "did you mean C3?",
    "explain vgg16 features.99": "did you mean features",
    "compare poolin": "or pooling",
    "compare residual": "did you mean plain-vs-residual",
}


@pytest.mark.parametrize("command", SUGGESTED)
def test_suggestions(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a refusal without a hint, where a name has a word in common."""
    assert run(command.split()) == 2
    err = capsys.readouterr().err
    assert SUGGESTED[command] in err
    assert err.count("\n") == 1


def test_alike() -> None:
    """Kills suggestions by letters alone, where words and numbers are shared."""
    known = ["features.conv4_1", "features.pool3", "features.pool4", "classifier.fc6"]
    assert alike("block4_pool", known) == ["features.pool4"]
    assert alike("conv4_2", known) == ["features.conv4_1"]
    assert alike("Pool", known)[0].startswith("features.pool")
    assert alike("zzz", known) == []


ASKED = ["params", "macs", "flops", "activations", "depth", "connections"]


@pytest.mark.parametrize("command", ["summary alexnet", "sweep alexnet --input 3x227x227 --input 3x240x240"])
def test_columns_that_were_asked_for_stay(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills a page that drops what the user asked for, and one that does not say how to see what it drops."""
    monkeypatch.setenv("COLUMNS", "60")
    assert run([*command.split(), "--columns", ",".join(ASKED)]) == 0
    assert set(ASKED) <= set(capsys.readouterr().out.splitlines()[1].split())
    assert run(command.split()) == 0
    assert "(widen the terminal or use --format" in " ".join(capsys.readouterr().out.split())


def test_surveyed_columns_stay() -> None:
    """The same for a survey, which here runs in this process."""
    records = [analyse("lenet5", ASKED)]
    for asked in (True, False):
        page = _table(records, on_page(choose(ASKED), asked=asked)).render("text", 60)
        assert (set(ASKED) <= set(page.splitlines()[1].split())) == asked
