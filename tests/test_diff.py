"""`zoo diff` on pairs whose difference is known: what changes in each is written down beside it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import zoo
from zoo.tables.table import Table

# Pairs that differ in one respect --------------------------------------------------------------------------------------


class Shared(nn.Module):
    """Two convolutions, of one weight or of two."""

    def __init__(self, shared: bool) -> None:
        super().__init__()
        self.a = nn.Conv2d(8, 8, 3, padding=1)
        self.b = self.a if shared else nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(F.relu(self.a(x)))


class Tied(nn.Module):
    """Two different modules that hold one weight, or one each."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
        if tied:
            self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x))


class Spare(nn.Module):
    """A layer that runs, one that does not, or none."""

    def __init__(self, spare: bool, runs: bool = False) -> None:
        super().__init__()
        self.a = nn.Linear(10, 10)
        if spare:
            self.spare = nn.Linear(10, 10)
        self.runs = runs

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.spare(x) if self.runs else x


class Wired(nn.Module):
    """Three convolutions of one shape, joined in one of several ways."""

    def __init__(self, join: Callable[..., Tensor]) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(3))
        self.join = join

    def forward(self, x: Tensor) -> Tensor:
        return self.join(self, x)


def z_plus_x(net: Any, x: Tensor) -> Tensor:
    y = net.a(x)
    return net.c(net.b(y)) + x


def z_plus_y(net: Any, x: Tensor) -> Tensor:
    y = net.a(x)
    return net.c(net.b(y)) + y


def y_plus_z(net: Any, x: Tensor) -> Tensor:
    y = net.a(x)
    z = net.c(net.b(y))
    return y + z


def serial(net: Any, x: Tensor) -> Tensor:
    y = net.a(x)
    z = net.b(y)
    return net.c(z)


def parallel(net: Any, x: Tensor) -> Tensor:
    net.a(x)
    z = net.b(x)
    return net.c(z)


def joined(net: Any, x: Tensor) -> Tensor:
    return torch.cat([net.a(x), net.b(x)], 1)


def joined_otherwise(net: Any, x: Tensor) -> Tensor:
    a, b = net.a(x), net.b(x)
    return torch.cat([b, a], 1)


def sequence(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers)


def conv(out: int = 8, **options: Any) -> nn.Module:
    return nn.Conv2d(8, out, 3, padding=1, **options)


MAPS, ROW = (1, 8, 12, 12), (1, 10)
Expected = list[tuple[str, str]]
PAIRS: dict[str, tuple[nn.Module, nn.Module, tuple[int, ...], Expected, int, str]] = {
    # name: two modules, their input, rows as (type, name), parameters more, words that a note or a cell has
    "the same": (sequence(conv()), sequence(conv()), MAPS, [], 0, "1 layer is the same in both"),
    "shared, unshared": (Shared(True), Shared(False), MAPS, [("sharing", "b")], 584, "parameters of a"),
    "unshared, shared": (Shared(False), Shared(True), MAPS, [("sharing", "a_1")], -584, "parameters of b"),
    "tied": (Tied(False), Tied(True), (1, 8), [("sharing", "b")], -64, "reads other layers' parameters"),
    "unused layer": (Spare(False), Spare(True), ROW, [("added", "spare")], 110, "Linear that never runs added"),
    "unused layer gone": (Spare(True), Spare(False), ROW, [("removed", "spare")], -110, "Linear that never runs removed"),
    "layer put to use": (
        Spare(True),
        Spare(True, runs=True),
        ROW,
        [("unused", "spare")],
        0,
        "Linear that never runs becomes linear",
    ),
    "z + x, z + y": (Wired(z_plus_x), Wired(z_plus_y), MAPS, [("rewired", "add")], 0, "reads c, a"),
    "y + z, z + y": (Wired(y_plus_z), Wired(z_plus_y), MAPS, [], 0, "4 layers are the same in both"),
    "serial, parallel": (Wired(serial), Wired(parallel), MAPS, [("rewired", "b")], 0, "reads the input"),
    "order of maps": (Wired(joined), Wired(joined_otherwise), MAPS, [("rewired", "cat")], 0, "reads b, a"),
    "slope": (sequence(nn.LeakyReLU(0.01)), sequence(nn.LeakyReLU(0.2)), ROW, [("changed", "0")], 0, "negative_slope 0.2"),
    "eps": (
        sequence(nn.BatchNorm2d(8)),
        sequence(nn.BatchNorm2d(8, eps=0.001)),
        MAPS,
        [("changed", "0")],
        0,
        "batch_norm, eps 1e-05 becomes eps 0.001",
    ),
    "dropout": (sequence(nn.Dropout(0.5)), sequence(nn.Dropout(0.1)), ROW, [("changed", "0")], 0, "p 0.5 becomes p 0.1"),
    "bias": (sequence(conv()), sequence(conv(bias=False)), MAPS, [("changed", "0")], -8, "becomes no bias"),
    "dtype": (sequence(nn.Linear(10, 10)), sequence(nn.Linear(10, 10)).double(), ROW, [("changed", "0")], 0, "float64"),
    "channels": (sequence(conv(8)), sequence(conv(16)), MAPS, [("changed", "0")], 8 * 9 * 8 + 8, "of other channels"),
    "stride": (
        sequence(conv()),
        sequence(conv(stride=2)),
        MAPS,
        [("changed", "0")],
        0,
        "conv2d 3/1 pad 1 becomes conv2d 3/2 pad 1",
    ),
    "smaller maps": (
        sequence(nn.MaxPool2d(2), conv()),
        sequence(nn.MaxPool2d(3), conv()),
        MAPS,
        [("changed", "0"), ("changed", "1")],
        0,
        "1 × conv2d 3/1 pad 1, on maps of other sizes",
    ),
    "dilation": (
        sequence(conv()),
        sequence(nn.Conv2d(8, 8, 3, padding=2, dilation=2)),
        MAPS,
        [("changed", "0")],
        0,
        "conv2d 3/1 pad 2 dilation 2",
    ),
    "groups": (sequence(conv()), sequence(conv(groups=8)), MAPS, [("changed", "0")], 8 * 9 - 8 * 8 * 9, "groups 8"),
    "activation": (
        sequence(conv(), nn.ReLU()),
        sequence(conv(), nn.GELU()),
        MAPS,
        [("removed", "1"), ("added", "1")],
        0,
        "gelu added",
    ),
    "norm between numbers": (
        sequence(conv(), nn.ReLU(), conv(), nn.ReLU()),
        sequence(conv(), nn.BatchNorm2d(8), nn.ReLU(), conv(), nn.BatchNorm2d(8), nn.ReLU()),
        MAPS,
        [("added", "1"), ("added", "4")],
        32,
        "2 × batch_norm added",
    ),
    "norm moved": (
        sequence(nn.BatchNorm2d(8), conv(), nn.ReLU()),
        sequence(conv(), nn.ReLU(), nn.BatchNorm2d(8)),
        MAPS,
        [("moved", "2")],
        0,
        "1 × moved",
    ),
    "one layer less": (sequence(conv(), conv(), conv()), sequence(conv(), conv()), MAPS, [("removed", "2")], -584, "1 × conv2d"),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_pairs(pair: str) -> None:
    """Kills a difference that is not seen, one that is not there, and one that goes by another name."""
    first, second, shape, expected, params, words = PAIRS[pair]
    dtypes = [next((param.dtype for param in net.parameters()), torch.float32) for net in (first, second)]
    given = [torch.zeros(shape, dtype=dtype) for dtype in dtypes]
    table = zoo.diff(*(zoo.trace(net, inputs=(one,)) for net, one in zip((first, second), given, strict=True)))
    assert [(row.type, row.name) for row in table.rows] == expected
    assert sum(row.cells["params"] for row in table.rows) == params
    assert table.total.get("params", 0) == params
    said = [*map(str, table.notes), *(str(cell) for row in table.rows for cell in row.cells.values())]
    assert any(words in one for one in said), said
    assert not any("other inputs" in one for one in said)
    if pair != "smaller maps":
        assert not any("maps of other sizes" in one for one in said)


# The same paper's network elsewhere -------------------------------------------------------------------------------------


def changes(table: Table) -> list[str]:
    """The kinds of change, without the counts of layers that are the same or renamed."""
    return [str(note) for note in table.notes if "×" in str(note)]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("vgg16", "torchvision:vgg16", ["1 × adaptive_avg_pool2d added"]),
        ("vgg16_bn", "torchvision:vgg16_bn", []),
        ("torchvision:vgg16", "torchvision:vgg16_bn", ["13 × batch_norm added"]),
        ("resnet50_v1_5", "torchvision:resnet50", []),
        ("resnet18", "torchvision:resnet18", []),
        ("alexnet_owt", "torchvision:alexnet", []),
        ("googlenet_bn", "torchvision:googlenet", ["9 × max_pool2d 3/1 pad 1 becomes max_pool2d 3/1 pad 1 ceil"]),
        ("torchvision:densenet121", "timm:densenet121", ["1 × dropout added"]),
        ("torchvision:resnet50", "timm:resnet50", []),
    ],
)
def test_the_same_network_of_others(first: str, second: str, expected: list[str]) -> None:
    """Kills differences of names that are called differences, and a true one that is lost among them."""
    table = zoo.diff(first, second)
    assert changes(table) == expected, [(row.type, row.name, dict(row.cells)) for row in table.rows]


def test_transformers_of_two_libraries() -> None:
    """Kills rows for tokens in another order, and a page that leaves them out in silence."""
    first, second = (zoo.trace(name) for name in ("torchvision:vit_b_16", "timm:vit_base_patch16_224"))
    table = zoo.diff(first, second)
    assert [(row.type, row.name) for row in table.rows] == [("added", "head_drop")]
    notes = " ".join(map(str, table.notes))
    assert "not listed: layers that only put elements elsewhere" in notes
    assert "96 × view removed" in notes
    assert "these were not compared" in notes
    # what does differ is listed all the same: 12 layers without biases, and one MLP of another width
    other = zoo.diff(first, zoo.trace("timm:vit_base_patch16_224", options={"qkv_bias": False}))
    changed = [row for row in other.rows if row.type == "changed"]
    assert [row.name for row in changed] == [f"blocks.{i}.attn.qkv" for i in range(12)]
    assert other.total["params"] == -12 * 3 * 768 == sum(row.cells["params"] for row in other.rows)
    wide = zoo.diff(first, zoo.trace("timm:vit_base_patch16_224", options={"mlp_ratio": 3.0}))
    assert {row.name.rpartition("mlp.")[2] for row in wide.rows if row.type == "changed"} >= {"fc1", "fc2"}
    assert wide.total["params"] == sum(row.cells["params"] for row in wide.rows)


class Tokens(nn.Module):
    """Blocks that permute what they read: there and back, or one more time."""

    def __init__(self, blocks: int, twice: bool) -> None:
        super().__init__()
        self.twice, self.layers = twice, nn.ModuleList(nn.Linear(8, 8) for _ in range(blocks))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x.transpose(0, 1)).transpose(0, 1) if self.twice else layer(x)
        return x


def test_few_layouts_are_listed() -> None:
    """Kills a difference that is left out though it could be read: many are counted in a note, few are rows."""
    for blocks, rows in ((2, 6), (6, 0)):
        table = zoo.diff(Tokens(blocks, False), Tokens(blocks, True), input=(3, 5, 8))
        assert len(table.rows) == rows
        assert any("not listed" in str(note) for note in table.notes) == (rows == 0)


@pytest.mark.slow
def test_masks_that_are_computed() -> None:
    """Kills ops on constants among the differences, and differences of the network among what is left out."""
    table = zoo.diff("torchvision:swin_t", "timm:swin_tiny_patch4_window7_224")
    assert table.total == {"params": 0, "macs": 0}
    kinds = {(row.type, row.name.rpartition(".")[2]) for row in table.rows}
    assert kinds == {
        *(("moved", "pad"), ("moved", "add"), ("moved", "roll_1")),  # timm rolls before it pads, and adds the mask later
        *(("removed", "cat"), ("removed", "avgpool"), ("changed", "head")),  # it merges patches and pools by reshaping
    }
    assert "45 × fill removed" in " ".join(map(str, table.notes))


def test_totals_first() -> None:
    """Kills totals that stand last, or not at all on a narrow page."""
    page = zoo.diff("alexnet", "alexnet_ungrouped").render("text", 80).splitlines()
    assert page[1] == "parameters  60,965,224 → 62,378,344 (+1,413,120, +2.32%)"
    assert page[2] == "MACs        724,406,816 → 1,135,256,096 (+410,849,280, +56.7%)"
    assert zoo.diff("lenet5", "lenet5").context["about"]["parameters"] == "60,000 → 60,000 (no difference)"
