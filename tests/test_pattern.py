"""The pattern of classic networks: N, M and K are those of the papers' tables, and networks leave it where their papers do."""

import json

import pytest
import torch
from torch import nn

import zoo
from zoo_cli.main import run

# Convolutions of each stage, from Table 1 of the VGG paper (columns A to E) and from the figures of the AlexNet and ZFNet papers.
N = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
    "alexnet": (1, 1, 3),
    "zfnet": (1, 1, 3),
    "levi_hassner": (1, 1, 1),
}


def stages(found: object) -> tuple[int, ...]:
    rows = found.table.rows  # type: ignore[attr-defined]
    return tuple(row.cells["N"] for row in rows if row.name.startswith("stage"))


@pytest.mark.parametrize("name", N)
def test_stages(name: str) -> None:
    """Kills convolutions in the wrong stage, a pooling that ends none, and LRN, batch normalisation or dropout taken for a part."""
    for target in (name, f"{name}_bn") if f"{name}_bn" in zoo.list_models() else (name,):
        found = zoo.pattern(target)
        assert (stages(found), found.follows, found.leaves) == (N[name], True, ())
        hidden, scores = found.table.rows[-2:]
        assert (hidden.type, hidden.cells["N"]) == ("[FC - RELU]*2", 2)
        assert (scores.name, scores.cells["output"]) == ("scores", [zoo.trace(target).outputs[0].shape[1]])
        assert found.formula.endswith(
            " - [FC - RELU]*2 - SOFTMAX" + (f", N = {', '.join(map(str, N[name]))}") * (len(set(N[name])) > 1)
        )


LEAVES = {
    "googlenet": ("inception_3a.conv1x1", "inception_3a.cat concatenates them", "avgpool"),
    "resnet18": ("conv2_x.0.conv1", "conv2_x.0.add, which adds them: a residual", "avgpool"),
    "nin_cifar10": ("poolg", "global average pooling", None),
    "plain34": ("avgpool", "global average pooling", None),
    "fcn32s": ("upscore", "the resolution grows again", None),
    "lenet5": ("OUTPUT", "a layer that the pattern does not have", None),
    "lenet_caffe": ("conv1", "no activation follows", "conv2"),
}


@pytest.mark.parametrize("name", LEAVES)
def test_leaves(name: str) -> None:
    """Kills a network that is pressed into the pattern, and a reason without its place."""
    place, why, later = LEAVES[name]
    found = zoo.pattern(name)
    assert not found.follows
    assert found.formula.endswith(" - ...") or " - ..., N = " in found.formula
    assert found.leaves[0][0] == place
    assert why in found.leaves[0][1]
    assert [name for name, _ in found.leaves[1:2]] == ([later] if later else [])
    assert str(found.table.notes[0]).startswith(f"{name} leaves the pattern at {place}: ")


def test_any_activation_and_functional_parts() -> None:
    """Kills a pattern that knows modules of torch only, and ReLU only."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2, self.fc1, self.fc2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3), nn.Linear(200, 9), nn.Linear(9, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = nn.functional.max_pool2d(torch.tanh(self.conv1(x)), 2)
            x = nn.functional.max_pool2d(torch.sigmoid(self.conv2(x)), 2)
            return torch.softmax(self.fc2(torch.relu(self.fc1(x.flatten(1)))), 1)

    found = zoo.pattern(Net(), input=(1, 1, 28, 28))
    assert found.formula == "INPUT - [[CONV - RELU]*1 - POOL]*2 - [FC - RELU]*1 - SOFTMAX"


def test_pooling_before_the_activation_is_said() -> None:
    """Kills a stage that is refused because max pooling and activation are exchanged, which changes nothing."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 2))
    found = zoo.pattern(net, input=(1, 1, 8, 8))
    assert found.follows
    assert any("before its activation" in str(note) for note in found.table.notes)


# Rule, AlexNet, VGG-16: by hand from their papers.
RULES = {
    "input divisible by 2": ("no", "yes"),
    "kernel 3×3, at most 5×5": ("no", "yes"),
    "convolution stride 1": ("no", "yes"),
    "convolution keeps the size": ("no", "yes"),
    "pooling 2×2, stride 2": ("no", "yes"),
}


def test_rules_for_sizes() -> None:
    """Kills a rule that cannot be broken, and one that VGG-16, from which it was taken, breaks."""
    alexnet, vgg = (zoo.pattern(name).rules.rows for name in ("alexnet", "vgg16"))
    assert {row.name: (row.cells["holds"], other.cells["holds"]) for row, other in zip(alexnet, vgg, strict=True)} == RULES
    assert [row.cells["because"] for row in alexnet[1:4]] == ["conv1 11×11", "conv1 stride 4", "conv1 227 -> 55, padding 0"]
    assert alexnet[0].cells["because"].startswith("227 = 2^0 · 227; strides halve it 5 times")
    assert vgg[0].cells["of"] == "5/5"
    assert zoo.pattern("resnet18").rules.rows[0].cells["of"] == "5/5"  # a projection halves no second time


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a command that prints one of the two tables, and JSON without version."""
    assert run(["pattern", "lenet5_modern"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "[FC - RELU]*1 - SOFTMAX" in out
    assert "rules for sizes" in out
    assert run(["pattern", "googlenet", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["schema"], data["follows"], data["leaves"][0]["layer"]) == ("zoo.pattern/1", False, "inception_3a.conv1x1")
    assert run(["pattern", "alexnet", "--format", "csv"]) == 0
    assert "stage 3" in capsys.readouterr().out
