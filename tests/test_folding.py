"""Identical blocks in succession share a row: which are identical, what the row says of them, and when a page folds them."""

import csv
import io
import json
import random
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo
from zoo.analysis.rows import group, span_of_names
from zoo.models.targets import resolve
from zoo_cli.main import run

SUMS = ("params", "macs", "flops", "activations")


class Block(nn.Module):
    """Two layers and a shortcut; every argument makes it another block."""

    def __init__(self, dilation: int = 1, early: bool = False, kernel: int = 3, act: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(4, 4, kernel, padding=dilation * (kernel // 2), dilation=dilation)
        self.conv2 = nn.Conv2d(4, 4, kernel, padding=dilation * (kernel // 2), dilation=dilation)
        self.act, self.early = act(), early

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x)
        z = self.conv2(self.act(y))
        return z + (y if self.early else x)


class Other(Block):
    """The same under another type."""


def folded(net: nn.Module, shape: tuple[int, ...] = (1, 4, 8, 8), **how: Any) -> list[tuple[str, str, int]]:
    table = zoo.measure(zoo.trace(net, input=shape), fold=True, **({"depth": "auto"} | how))
    return [(row.name, row.type, row.times) for row in table.rows]


# Which blocks are identical ------------------------------------------------------------------------------------------

KINDS: list[Callable[[], nn.Module]] = [
    Block,
    lambda: Block(dilation=2),
    lambda: Block(early=True),
    lambda: Block(kernel=1),
    lambda: Block(act=nn.Sigmoid),
    Other,
    lambda: Block().double().float(),  # other weights, the same block
]


@pytest.mark.parametrize("seed", range(40))
def test_runs(seed: int) -> None:
    """Kills folding by type, by parameters or by ops alone: dilation, wiring, kernel, activation and type tell blocks apart."""
    draw = random.Random(seed)
    kinds = [draw.randrange(len(KINDS)) for _ in range(draw.randint(1, 12)) for _ in range(draw.randint(1, 3))]
    net = nn.Sequential(*(KINDS[kind]() for kind in kinds))
    runs = [len(list(run)) for _, run in groupby(kind % 6 for kind in kinds)]
    trace = zoo.trace(net, input=(1, 4, 8, 8))
    assert [one.times for one in group(trace, 1, fold=True)] == runs
    starts = [sum(runs[:i]) for i in range(len(runs))]
    names = [str(start) if times == 1 else f"{start}–{start + times - 1}" for start, times in zip(starts, runs, strict=True)]
    assert [one.name for one in group(trace, 1, fold=True)] == names


class Shapes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(4)) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x


class Apart(Shapes):
    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = torch.relu(block(x))
        return x


class Joined(nn.Module):
    """The second block takes one tensor twice, the others two."""

    class Pair(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return torch.relu(x + y)

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(self.Pair() for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        first = self.blocks[0](x, x + 1)
        second = self.blocks[1](first, first)
        return self.blocks[3](self.blocks[2](second, first), first)


class Branches(nn.Module):
    """Alike, but not numbered: their names say that they are not."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.spread = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.mean(x), self.spread(x)], 1)


def test_unlike() -> None:
    """Kills folding across names, across shapes, across an op in between, and across arguments that are one tensor and two."""
    assert [times for *_, times in folded(Branches(), (2, 4))] == [1, 1, 1]
    assert [times for *_, times in folded(Shapes())] == [1, 1, 3]
    assert [times for *_, times in folded(Apart())] == [1] * 12
    assert [one.times for one in group(zoo.trace(Joined(), input=(2, 3)), 2, fold=True)][2:] == [1, 2]


class Again(nn.Module):
    """One module is called five times; another, of two layers, three times."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.block = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
        self.twins = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])

    def forward(self, x: Tensor) -> Tensor:
        for part in [self.cell] * 5 + [self.block] * 3 + list(self.twins):
            x = part(x)
        return x


def test_called_again() -> None:
    """Kills parameters of a module that is called repeatedly counted for each call, and a run of one module and others alike."""
    table = zoo.measure(zoo.trace(Again(), input=(2, 4)), depth=1, fold=True)
    assert [(row.name, row.times) for row in table.rows] == [("cell", 5), ("block", 3), ("twins", 1)]
    assert [row.cells["params"] for row in table.rows] == [20, 28, 40]
    assert table.total["params"] == sum(p.numel() for p in Again().parameters())


def test_what_runs_nothing_is_not_regarded() -> None:
    """Kills an identity, or a drop path in evaluation mode, that keeps equal blocks apart."""
    net = nn.Sequential(nn.Sequential(Block(), nn.Identity()), nn.Sequential(Block(), nn.Identity()), nn.Sequential(Block()))
    assert folded(net)[-1][2] == 3


def test_unused_parts() -> None:
    """Kills unused modules that vanish in a fold, or keep equal blocks apart."""

    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(4, 4), nn.Linear(4, 7)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x)

    table = zoo.measure(zoo.trace(nn.Sequential(Half(), Half(), Half()), input=(2, 4)), fold=True)
    assert [(row.name, row.times, row.cells["params"]) for row in table.rows] == [("0–2.used", 3, 60), ("0–2.unused", 3, 105)]


# What the row says ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["resnet152", "resnet110", "torchvision:vit_b_16"])
@pytest.mark.parametrize("depth", [0, 1, 2, 3, "auto", None])
def test_rows_add_up(target: str, depth: Any) -> None:
    """Kills a folded row that counts one block, or a row that is lost or moved; an op that no row has, or two have."""
    trace = zoo.trace(resolve(target, {}).module, input=(1, *resolve(target, {}).input))
    table = zoo.measure(trace, columns=SUMS, depth=depth, fold=True)
    for name in SUMS:
        assert sum(row.cells[name] for row in table.rows) == table.total[name]
    ops = [id(op) for one in group(trace, depth, fold=True) for op in one.ops]
    assert sorted(ops) == sorted(map(id, trace.ops))


def test_resnet_152() -> None:
    """Kills counts that are not Table 1's (3, 8, 36, 3), and a block's cells that are not those of all, or of the last."""
    table = zoo.summary("resnet152", depth="auto", fold=True)
    rows = {row.name: row for row in table.rows if row.type == "Bottleneck"}
    assert {name: row.times for name, row in rows.items()} == {
        **{f"conv{stage}_x.0": 1 for stage in (2, 3, 4, 5)},
        **{f"conv{stage}_x.1–{blocks - 1}": blocks - 1 for stage, blocks in ((2, 3), (3, 8), (4, 36), (5, 3))},
    }
    each = {row.name: row for row in zoo.summary("resnet152", depth=2).rows}
    run = rows["conv4_x.1–35"].cells
    assert all(run[name] == 35 * each["conv4_x.1"].cells[name] for name in SUMS)
    assert all(run[name] == each["conv4_x.35"].cells[name] for name in ("output", "rf", "depth"))
    assert len(table.rows) < 24


def test_layers_of_blocks() -> None:
    """Kills blocks that are shown whole although a depth was named, and layers of theirs in another order than they ran."""
    assert folded(nn.Sequential(Block(), Block(), Block()), depth=2) == [
        *(("0–2.conv1", "Conv2d", 3), ("0–2.act", "ReLU", 3), ("0–2.conv2", "Conv2d", 3), ("0–2.add", "add", 3)),
    ]
    nested = nn.Sequential(*(nn.Sequential(Block(), Block()) for _ in range(3)))
    assert folded(nested, depth=None)[0] == ("0–2.0–1.conv1", "Conv2d", 6)
    assert folded(nested) == [("0–2", "Sequential", 3)]


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("layers.1.conv", "layers.35.conv", "layers.1–35.conv"),
        ("encoder_layer_0", "encoder_layer_11", "encoder_layer_0–11"),
        ("a.0.b.2.c", "a.3.b.9.c", "a.0–3.b.2–9.c"),
        ("left", "right.0", "left…right.0"),
        ("x1", "y2", "x1…y2"),
    ],
)
def test_names(first: str, last: str, name: str) -> None:
    """Kills a range where there is none."""
    assert span_of_names(first, last) == name


# When a page is folded -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "vgg19", "googlenet", "lenet5", "nin_imagenet"])
def test_nothing_repeats(name: str) -> None:
    """Kills folding that changes the page of a network whose blocks differ."""
    assert zoo.summary(name, depth="auto", fold=True) == zoo.summary(name, depth="auto")
    assert zoo.summary(name, fold=True) == zoo.summary(name)


def test_blocks_are_whole_on_a_page() -> None:
    """Kills layers of a block that repeats beside the whole of others of its type, and other modules that are closed with them."""
    net = nn.Sequential(Block(), Block(), Block(dilation=2), nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU()))
    assert folded(net) == [("0–1", "Block", 2), ("2", "Block", 1), ("3.0", "Conv2d", 1), ("3.1", "ReLU", 1)]


@pytest.mark.parametrize("arguments", [[], ["--expand"], ["--fold"], ["--fold", "--depth", "2"], ["--depth", "2"]], ids=" ".join)
@pytest.mark.parametrize("format", ["json", "csv"])
def test_machine_formats_fold_when_asked(capsys: pytest.CaptureFixture[str], arguments: list[str], format: str) -> None:
    """Kills rows that a program does not get, and a fold that does not say how many rows it stands for."""
    assert run(["summary", "resnet50", "--format", format, *arguments]) == 0
    out = capsys.readouterr().out
    read = json.loads(out)["rows"] if format == "json" else list(csv.DictReader(io.StringIO(out)))
    each = len(zoo.summary("resnet50", depth=2 if "--depth" in arguments else None).rows)
    assert (len(read) < each) is ("--fold" in arguments)
    assert sum(int(row.get("times", 1)) for row in read) == each
    assert any("times" in row for row in read) is ("--fold" in arguments)
    assert format == "csv" or all(row["times"] > 1 for row in read if "times" in row)


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_pages_fold_unless_expanded(capsys: pytest.CaptureFixture[str], format: str) -> None:
    """Kills a page of blocks that are all the same, a fold that is not told, and a page that folds in spite of --expand."""
    assert run(["summary", "resnet152", "--format", format]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "conv4_x.1–35" in page
    assert "×35" in page
    assert "--expand lists each block" in page
    assert run(["summary", "resnet152", "--format", format, "--expand"]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "conv4_x.35" in page
    assert "×35" not in page
    assert "--expand" not in page


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_times_are_never_cut(width: int) -> None:
    """Kills a type that pushes its ×35 off the page, and paths that are cut where they differ."""
    page = zoo.summary("resnet152", depth="auto", fold=True).render("text", width)
    assert page.count("×35 ") == 1
    if width > 40:
        assert "layer_0–11 " in zoo.summary("torchvision:vit_b_16", depth="auto", fold=True).render("text", width)
