"""What may be analysed: names, torchvision's models, code by import path or by file, ready modules, and inputs of every kind."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import zoo
from zoo.tables.notes import AssumedInput
from zoo_cli.main import run

NETS = """
from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import nn

from target_parts import WIDTH, block


@dataclass
class Config:
    width: int = WIDTH


class Net(nn.Module):
    def __init__(self, num_classes: int = 10, *, bias: bool = True, name: str | None = "net") -> None:
        super().__init__()
        assert name is None or isinstance(name, str)
        self.body = block(3, Config().width)
        self.head = nn.Linear(Config().width, num_classes, bias=bias)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


class Reads(Net):
    def __init__(self):
        super().__init__()
        values = self.head.weight.tolist()
        self.more = nn.Linear(10, 20 if len(values) == 10 and any(values[0]) else 30)

    def forward(self, x):
        return self.more(super().forward(x))


class Late(nn.Module):
    def __init__(self):
        super().__init__()
        import target_late

        self.body = target_late.block(3, 8)

    def forward(self, x):
        import target_later

        return self.body(x) * target_later.SCALE


class Two(Net):
    def forward(self, x, y):
        return super().forward(x) + super().forward(y)


class Namespace:
    Net = Net

    class Inner:
        @staticmethod
        def make(width=4):
            return nn.Conv2d(3, width, 3)


def factory(width=4, depth=1):
    return nn.Sequential(*(nn.Conv2d(width if i else 3, width, 3) for i in range(depth)))


ready = Net(5)
short = functools.partial(Net, 7)
arrow = lambda: Net(6)
"""
PARTS = """
from torch import nn

WIDTH, SCALE = 8, 2


def block(before, after):
    return nn.Conv2d(before, after, 3)
"""
BODY = 8 * 3 * 9 + 8


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with a file of nets, its neighbours, and a package. What is imported from it is forgotten."""
    (tmp_path / "target_nets.py").write_text(NETS)
    for name in ("target_parts", "target_late", "target_later"):
        (tmp_path / f"{name}.py").write_text(PARTS)
    package = tmp_path / "target_pack"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("from .deep.nets import make\n")
    (package / "deep" / "__init__.py").write_text("")
    (package / "deep" / "nets.py").write_text(f"{PARTS}\nfrom .size import WIDTH\n\ndef make():\n    return block(3, WIDTH)\n")
    (package / "deep" / "size.py").write_text("WIDTH = 4\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("target_")]:
        del sys.modules[name]


def params(target: Any, **how: Any) -> Any:
    return zoo.summary(target, columns=["params"], **{"input": (1, 3, 8, 8), **how}).total["params"]


# Code ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("ready", BODY + 8 * 5 + 5),
        ("Net", BODY + 8 * 10 + 10),
        ("Namespace.Net", BODY + 8 * 10 + 10),
        ("Namespace.Inner.make", 4 * 27 + 4),
        ("ready.body", BODY),
        ("factory", 4 * 27 + 4),
        ("short", BODY + 8 * 7 + 7),
        ("arrow", BODY + 8 * 6 + 6),
        ("Reads", BODY + 8 * 10 + 10 + 10 * 20 + 20),
    ],
)
def test_file(folder: Path, attribute: str, expected: int) -> None:
    """Kills a kind of attribute that is not understood, by a relative or an absolute path."""
    assert params(f"target_nets.py:{attribute}") == expected
    assert params(f"{folder}/target_nets.py:{attribute}") == expected


@pytest.mark.parametrize("target", ["target_pack:make", "target_pack.deep.nets:make", "target_pack:deep.nets.make"])
def test_package(target: str) -> None:
    """Kills relative imports, and packages in the working directory that are not found."""
    assert params(target) == 4 * 27 + 4


def test_installed_package() -> None:
    """Kills a path that must be a file."""
    assert params("torch.nn:ReLU") == 0
    assert params("torch.nn:Conv2d", options={"in_channels": 3, "out_channels": 5, "kernel_size": 3}) == 5 * 28


@pytest.mark.parametrize(
    ("attribute", "options", "expected"),
    [
        ("Net", {"num_classes": 3}, BODY + 8 * 3 + 3),
        ("Net", {"num_classes": 3, "bias": False}, BODY + 8 * 3),
        ("Net", {"name": None}, BODY + 90),
        ("Net", {"name": "other"}, BODY + 90),
        ("factory", {"width": 2, "depth": 3}, (2 * 27 + 2) + 2 * (2 * 18 + 2)),
    ],
)
def test_options(capsys: pytest.CaptureFixture[str], attribute: str, options: dict[str, Any], expected: int) -> None:
    """Kills options that a factory does not get, or gets as words, from Python and from the command line."""
    assert params(f"target_nets.py:{attribute}", options=options) == expected
    assigned = [word for key, value in options.items() for word in ("--set", f"{key}={value}")]
    assert run(["summary", f"target_nets.py:{attribute}", *assigned, "--input", "3x8x8", "--format", "json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert table["total"]["params"] == expected
    assert table["context"]["options"] == options


def test_name_and_context() -> None:
    """Kills a table that does not say what was analysed, and an assumed input that is not told."""
    table = zoo.summary("target_nets.py:Net")
    assert table.context["target"] == "target_nets.py:Net"
    assert table.context["inputs"] == [[1, 3, 224, 224]]
    assert table.title.startswith("target_nets.py:Net · input 1×3×224×224")
    assert AssumedInput((3, 224, 224)) in table.notes
    assert "no input was given: 3×224×224 is assumed" in table.render("text", 100)
    assert zoo.summary("target_nets.py:Net", input=(1, 3, 9, 9)).notes == ()


def test_late_imports() -> None:
    """Kills a neighbour that is found while the file is imported, and lost when the network is built or runs."""
    assert params("target_nets.py:Late") == BODY


def test_changed_file(folder: Path) -> None:
    """Kills a file that is read once and for all."""
    assert params("target_nets.py:ready") == BODY + 45
    (folder / "target_nets.py").write_text(NETS.replace("Net(5)", "Net(50)"))
    assert params("target_nets.py:ready") == BODY + 450


def test_search_path_is_left_alone() -> None:
    """Kills folders that stay on the search path, and a module of the process that a file of the same name replaces."""
    before = list(sys.path)
    Path("json.py").write_text("from torch import nn\nnet = nn.Conv2d(3, 4, 3)\n")
    assert params("json.py:net") == 4 * 28
    assert sys.modules["json"] is json
    assert sys.path == before


def test_skeleton_of_a_class_is_its_numbers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a network that is built without weights and counts otherwise than with them."""
    monkeypatch.syspath_prepend(folder)
    from target_nets import Net  # type: ignore[import-not-found]

    by_name, ready = zoo.summary("target_nets.py:Net", input=(2, 3, 8, 8)), zoo.summary(Net(), input=(2, 3, 8, 8))
    assert by_name.rows == ready.rows
    assert by_name.total == ready.total


# torchvision ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("resnet18", 224, 11_689_512),
        ("googlenet", 224, 6_624_904),
        ("inception_v3", 299, 27_161_264),
        ("efficientnet_v2_s", 384, 21_458_488),
        ("vit_b_16", 224, 86_567_656),
    ],
)
def test_torchvision(name: str, size: int, expected: int) -> None:
    """Kills an input of another size than that of the published weights, and models that differ from the published ones."""
    table = zoo.summary(f"torchvision:{name}", columns=["params"])
    assert table.context["inputs"] == [[1, 3, size, size]]
    assert table.total["params"] == expected
    assert f"input of the published weights: 3×{size}×{size}" in map(str, table.notes)


def test_torchvision_options() -> None:
    """Kills options that torchvision's builder does not get."""
    assert params("torchvision:resnet18", input=(1, 3, 64, 64), options={"num_classes": 10}) == 11_689_512 - 990 * 513


# Ready modules and inputs --------------------------------------------------------------------------------------------


def test_ready_module() -> None:
    """Kills a module that must have a name, and one in training mode that is shown, or left, in another."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    table = zoo.summary(net, input=(1, 3, 8, 8))
    assert (table.context["target"], table.context["mode"]) == ("Sequential", "eval")
    assert zoo.summary(net, input=(1, 3, 8, 8), train=True).context["mode"] == "train"
    assert net.training


@pytest.mark.parametrize("input", [(1, 3, 8, 9), [1, 3, 8, 9], torch.Size((1, 3, 8, 9)), [(1, 3, 8, 9)]], ids=str)
def test_one_shape(input: Any) -> None:
    """Kills a shape that must be a tuple."""
    assert zoo.summary(nn.Conv2d(3, 4, 3), input=input).total["output"] == [1, 4, 6, 7]


def test_several_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills the second input, from Python and from the command line."""
    table = zoo.summary("target_nets.py:Two", input=[(2, 3, 8, 8), (2, 3, 6, 6)])
    assert table.context["inputs"] == [[2, 3, 8, 8], [2, 3, 6, 6]]
    assert table.total["macs"] == 2 * (27 * 8 * (36 + 16) + 2 * 80)
    assert run(["summary", "target_nets.py:Two", "-i", "3x8x8", "-i", "3x6x6", "-b", "2", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == table.to_dict()


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(100, 16)
        self.head = nn.Linear(16, 5)

    def forward(self, batch: dict[str, torch.Tensor], scale: torch.Tensor) -> torch.Tensor:
        return self.head(self.embedding(batch["tokens"]).mean(1)) * scale


def test_ready_tensors() -> None:
    """Kills inputs that are not images: whole numbers, in a dict, beside others; and tensors whose values are used or changed."""
    tokens, scale = torch.full((2, 7), 99), torch.ones(5)
    table = zoo.summary(Words(), inputs=({"tokens": tokens}, scale))
    assert table.context["inputs"] == [[2, 7], [5]]
    assert table.total["output"] == [2, 5]
    assert table.total["macs"] == 2 * 16 * 5
    assert tokens.eq(99).all()


@pytest.mark.parametrize("inputs", [torch.zeros(1, 3, 8, 8), (torch.zeros(1, 3, 8, 8),)], ids=["tensor", "tuple"])
def test_ready_tensor(inputs: Any) -> None:
    """Kills a single tensor that must be wrapped."""
    assert zoo.summary(nn.Conv2d(3, 4, 3), inputs=inputs).total["output"] == [1, 4, 6, 6]


def test_halves_and_whole() -> None:
    """Kills a summary that is more than a trace, measured."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    table = zoo.measure(zoo.trace(net, input=(1, 3, 8, 8)), columns=["rf", "params"])
    assert table.rows == zoo.summary(net, input=(1, 3, 8, 8), columns=["rf", "params"]).rows


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_types(dtype: torch.dtype) -> None:
    """Kills inputs of single precision for weights that are not."""
    assert params(nn.Conv2d(3, 4, 3).to(dtype)) == 4 * 28


@pytest.mark.parametrize(("name", "size"), [("resnet18", 224), ("efficientnet_b1", 240), ("vit_tiny_patch16_224", 224)])
def test_timm(name: str, size: int) -> None:
    """Kills weights that are made, an input that is not the model's, and MACs that torch's own counter does not give."""
    timm = pytest.importorskip("timm")
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        model = timm.create_model(name).eval()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(torch.empty(1, 3, size, size, device="meta"))
    table = zoo.summary(f"timm:{name}", columns=["params", "macs"], depth=0)
    assert table.context["inputs"] == [[1, 3, size, size]]
    assert table.total["params"] == sum(p.numel() for p in model.parameters())
    assert table.total["macs"] == counter.get_total_flops() // 2
    with pytest.raises(zoo.ZooError, match="unknown timm model 'resnt18'; did you mean"):
        zoo.summary("timm:resnt18")


def test_pretrained_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a download, or a minute of retries without a network, of weights that an analysis does not read."""
    timm = pytest.importorskip("timm")
    from timm.models import _builder

    def download(*given: object, **named: object) -> None:
        raise AssertionError("downloads")

    monkeypatch.setattr(_builder, "load_pretrained", download)
    expected = sum(p.numel() for p in timm.create_model("resnet10t").parameters())
    assert zoo.summary("timm:resnet10t", options={"pretrained": True}, depth=0).total["params"] == expected
