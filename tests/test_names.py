"""Layers are found by the names that Keras, TF-slim, Caffe and torchvision give them; other names lead to similar ones."""

import pytest

import zoo
from zoo.analysis.choose import choose, on_page
from zoo.analysis.naming import alike, elsewhere
from zoo.questions.survey import _table, analyse
from zoo_cli.main import run

# Names and shapes (height, width, channels) as Keras' VGG16 and ResNet50 and TF-slim's InceptionV1 print them for 224×224 images.
PRINTED = """
vgg16      block1_conv1             224 64
vgg16      block1_pool              112 64
vgg16      block3_conv3             56 256
vgg16      block4_pool              14 512
vgg16      block5_conv3             14 512
vgg16      block5_pool              7 512
vgg19      block3_conv4             56 256
vgg19      block5_pool              7 512
googlenet  Conv2d_1a_7x7            112 64
googlenet  Conv2d_2b_1x1            56 64
googlenet  Conv2d_2c_3x3            56 192
googlenet  MaxPool_3a_3x3           28 192
googlenet  Mixed_3b                 28 256
googlenet  Mixed_3c                 28 480
googlenet  MaxPool_4a_3x3           14 480
googlenet  Mixed_4b                 14 512
googlenet  Mixed_4e                 14 528
googlenet  Mixed_4f                 14 832
googlenet  MaxPool_5a_2x2           7 832
googlenet  Mixed_5c                 7 1024
googlenet  inception_4b/3x3_reduce  14 112
googlenet  inception_4b/output      14 512
resnet50   conv2_block3_out         56 256
resnet50   conv3_block4_out         28 512
resnet50   conv4_block6_out         14 1024
resnet50   conv4_block6_2_conv      14 256
resnet50   conv5_block3_out         7 2048
resnet50   pool1_pool               56 64
"""


@pytest.mark.parametrize("line", PRINTED.strip().splitlines(), ids=lambda line: line.split()[1])
def test_names_as_printed_elsewhere(line: str) -> None:
    """Kills a name that leads to another layer: it has other maps, or another size."""
    name, layer, side, channels = line.split()
    field = zoo.receptive_field(name, layer)
    assert field.units == (int(side), int(side))
    row = zoo.explain(name, layer, ["output"]).quantities[0]
    assert row.cell == [1, int(channels), int(side), int(side)]


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
