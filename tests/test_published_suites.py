"""Numbers that other projects publish: Google's receptive fields, convnet-burden's sizes, the counts of torch's and fvcore's tests.

The numbers are facts of those projects, copied as data; tests/published has the longer ones with their source.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import zoo

# github.com/google-research/receptive_field, its table of 561 rows: by network and resolution, the rows of its end-points

TABLE: dict[str, dict[str, list[list[str]]]] = defaultdict(lambda: defaultdict(list))
for line in (Path(__file__).parent / "published" / "google_receptive_fields.txt").read_text(encoding="utf-8").splitlines():
    if not line.startswith("#"):
        network, resolution, *rest = line.split()
        TABLE[network][resolution].append(rest)

STEM = "conv2d_1a conv2d_2a conv2d_2b maxpool_3a conv2d_3b conv2d_4a maxpool_5a mixed_5b mixed_6a repeat_1 mixed_7a conv2d_7b"
BLOCKS = "blocks.0.0 1.0 1.1 2.0 2.1 3.0 3.1 3.2 3.3 3.4 3.5 4.0 4.1".split()
MOBILE = ["conv_stem", *(f"blocks.{block.removeprefix('blocks.')}" for block in BLOCKS)]
STAGES = [f"conv{i}_x" for i in (2, 3, 4, 5)]

# Each network here, its depth, the layers that are the end-points, and what is equal: sizes; strides, unless their networks have
# them in other layers; paddings, where theirs do not depend on the resolution.
NETWORKS: dict[str, tuple[str, int, Callable[[list[str]], Iterable[str]], int]] = {
    "vgg_a": ("vgg11", 2, lambda names: [f"features.{name}" for name in names], 3),
    "vgg_16": ("vgg16", 2, lambda names: [f"features.{name}" for name in names], 3),
    "alexnet_v2": ("alexnet_owt", 2, lambda names: [f"features.{name}" for name in names], 2),
    "resnet_v1_50": ("resnet50", 1, lambda names: STAGES, 1),
    "resnet_v1_101": ("resnet101", 1, lambda names: STAGES, 1),
    "resnet_v1_152": ("resnet152", 1, lambda names: STAGES, 1),
    "inception_v3": (
        "torchvision:inception_v3",
        1,
        lambda names: [{"MaxPool_3a_3x3": "maxpool1", "MaxPool_5a_3x3": "maxpool2"}.get(name, name) for name in names],
        3,
    ),
    "inception_v4": ("timm:inception_v4", 2, lambda names: [f"features.{i}" for i in range(22)], 3),
    "inception_resnet_v2": ("timm:inception_resnet_v2", 1, lambda names: STEM.split(), 3),
    "mobilenet_v1": ("timm:mobilenetv1_100", 2, lambda names: MOBILE, 2),
    "mobilenet_v1_075": ("timm:mobilenetv1_100", 2, lambda names: MOBILE, 2),  # narrower, which changes no field
}
QUICK = ("vgg_a", "vgg_16", "alexnet_v2", "resnet_v1_50")


@pytest.mark.parametrize("network", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NETWORKS])
def test_google_receptive_fields(network: str) -> None:
    """Kills a size, a stride or a padding that is not that of Google's table at any of its end-points."""
    target, depth, layers, facts = NETWORKS[network]
    if ":" in target:
        pytest.importorskip(target.partition(":")[0])
    fields = {row.name: row.cells["rf"] for row in zoo.summary(target, columns=["rf"], depth=depth).rows}
    if network.startswith("mobilenet"):  # a row for each block
        fields |= {row.name: row.cells["rf"] for row in zoo.summary(target, columns=["rf"], depth=3).rows}
    for resolution, rows in TABLE[network].items():
        for (end, _, *published), layer in zip(rows, layers([row[0] for row in rows]), strict=True):
            ours = [fields[layer][key][0] for key in ("size", "stride", "padding")]
            same = facts if network not in {"inception_v3", "inception_v4", "inception_resnet_v2"} or resolution == "-" else 2
            assert list(map(str, ours[:same])) == published[:same], (resolution, end)


def test_rows_of_the_table() -> None:
    """Kills a table of which rows were lost."""
    assert sum(len(rows) for by_resolution in TABLE.values() for rows in by_resolution.values()) == 561
    assert sum(len(rows) for network in NETWORKS for rows in TABLE[network].values()) == 375


@pytest.mark.parametrize(("network", "target"), [("vgg_a", "vgg11"), ("vgg_16", "vgg16")])
def test_google_flops(network: str, target: str) -> None:
    """Kills MACs of the layers up to an end-point that are not half of the table's FLOPs, which count biases and pooling too."""
    rows = {row.name: row.cells["macs"] for row in zoo.summary(target, input=(1, 3, 224, 224), columns=["macs"]).rows}
    names = list(rows)
    for end, published, *_ in TABLE[network]["224"]:
        until = names[: names.index(f"features.{end}") + 1]
        ours = 2 * sum(rows[name] or 0 for name in until) / 1e9
        assert ours <= float(published) + 5e-4 <= 1.05 * ours


# github.com/albanie/convnet-burden, reports/alexnet.md and reports/resnet-50.md: side of the input, side of the last maps, and
# billions of operations for 128 images, one for each multiply-accumulate

BURDENS = {
    "alexnet": [(114, 2, 15), (227, 6, 86), (341, 9, 200), (454, 13, 361), (568, 16, 572), (681, 20, 829)],
    "resnet50": [(112, 4, 131), (224, 7, 497), (336, 11, None), (448, 14, None), (560, 18, None), (672, 21, None)],
}


@pytest.mark.slow
@pytest.mark.parametrize("network", BURDENS)
def test_convnet_burden(network: str) -> None:
    """Kills maps of another size, or another cost, at one of the six sizes of the input that are published."""
    for side, last, published in BURDENS[network]:
        parts = dict(zoo.create_model(network).named_children())
        names = list(parts)
        end = names.index("pool5" if network == "alexnet" else "conv5_x") + 1
        body = nn.Sequential(*[parts[name] for name in names[:end]])
        table = zoo.summary(body, input=(128, 3, side, side), columns=["output", "macs"], depth=1)
        assert list(table.total["output"][-2:]) == [last, last]
        if published is not None:
            assert table.total["macs"] / 1e9 == pytest.approx(published, rel=0.035)  # theirs count biases, ReLUs and pooling too


# github.com/pytorch/pytorch, test/test_flop_counter.py: what FlopCounterMode counts


class Product(nn.Module):
    """A function of tensors as a model."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Any:
        return self.function(*tensors)


FLOPS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]], int]] = {
    "mm": (torch.mm, [(4, 5), (5, 6)], 240),
    "bmm": (torch.bmm, [(3, 4, 5), (3, 5, 6)], 720),
    "addmm": (torch.addmm, [(4, 6), (4, 5), (5, 6)], 240),
    "addmm of a column": (torch.addmm, [(4, 1), (4, 5), (5, 6)], 240),
    "addmm of a row": (torch.addmm, [(6,), (4, 5), (5, 6)], 240),
    "baddbmm": (torch.baddbmm, [(3, 4, 6), (3, 4, 5), (3, 5, 6)], 720),
    "conv2d": (lambda x, w: F.conv2d(x, w, padding=1), [(2, 3, 6, 6), (6, 3, 4, 4)], 28800),
    "conv1d": (lambda x, w: F.conv1d(x, w, padding=1), [(2, 3, 6), (6, 3, 4)], 1440),
    "einsum": (lambda a, b: torch.einsum("ab,bc->ac", a, b), [(6, 7), (7, 8)], 672),
    "linear": (F.linear, [(8, 9), (10, 9)], 1440),
    "matmul": (torch.matmul, [(5, 6), (6, 7)], 420),
    "attention": (lambda *qkv: F.scaled_dot_product_attention(*qkv, is_causal=True), [(4, 8, 128, 64)] * 3, 134217728),
    "more keys": (
        lambda *qkv: F.scaled_dot_product_attention(*qkv, is_causal=True),
        [(4, 8, 128, 64), (4, 8, 256, 64), (4, 8, 256, 64)],
        268435456,
    ),
}


@pytest.mark.parametrize("name", FLOPS)
def test_flops_of_torchs_tests(name: str) -> None:
    """Kills MACs that are not half of the FLOPs that torch's tests expect."""
    function, shapes, flops = FLOPS[name]
    assert 2 * zoo.summary(Product(function), input=shapes, columns=["macs"]).total["macs"] == flops


def test_training_step_of_torchs_tests() -> None:
    """Kills a backward pass that is not the rest of the FLOPs of a training step of ResNet-18 whose input has a gradient."""
    table = zoo.summary("torchvision:resnet18", input=(1, 3, 224, 224), columns=["macs", "backward_macs"], train=True)
    first = next(row.cells["macs"] for row in table.rows if row.name == "conv1")
    assert 2 * (table.total["macs"] + table.total["backward_macs"] + first) == 10884440064
    assert 2 * sum(row.cells["macs"] or 0 for row in table.rows if row.name.startswith("layer1")) == 924844032


# github.com/facebookresearch/fvcore, tests/test_flop_count.py, test_jit_model_analysis.py, test_activation_count.py and
# test_param_count.py: what its FlopCountAnalysis counts, one for each multiply-accumulate, and what it estimates for norms

Layer = Callable[[], Callable[..., Any]]
SQUARE = (5, 10, 15, 15)
PRODUCTS: dict[str, tuple[Layer, list[tuple[int, ...]], int]] = {
    "conv2d": (lambda: nn.Conv2d(10, 3, 3, padding=1), [SQUARE], 303_750),
    "strided conv2d": (lambda: nn.Conv2d(10, 6, 3, 2, 1), [(2, 10, 20, 20)], 108_000),
    "grouped conv2d": (lambda: nn.Conv2d(16, 8, 5, padding=2, groups=4), [(5, 16, 15, 15)], 900_000),
    "depthwise conv2d": (lambda: nn.Conv2d(16, 8, 3, padding=1, groups=8), [(5, 16, 15, 15)], 162_000),
    "conv1d": (lambda: nn.Conv1d(10, 3, 3, padding=1), [SQUARE[:3]], 6_750),
    "conv3d": (lambda: nn.Conv3d(10, 3, 3, padding=1), [(*SQUARE, 15)], 13_668_750),
    "transposed": (lambda: nn.ConvTranspose2d(10, 3, 3, padding=1), [SQUARE], 303_750),
    "strided transposed": (lambda: nn.ConvTranspose2d(10, 3, 3, 2, 1), [SQUARE], 303_750),
    "padded transposed": (lambda: nn.ConvTranspose2d(10, 3, 3, 3, 1, output_padding=2), [SQUARE], 303_750),
    "nn.Linear": (lambda: nn.Linear(8, 4), [(5, 8)], 160),
    "linear": (lambda: nn.Linear(10, 20), [(5, 10)], 1_000),
    "linear of three axes": (lambda: nn.Linear(10, 20), [(5, 5, 10)], 5_000),
    "mm": (lambda: torch.mm, [(3, 4), (4, 5)], 60),
    "matmul": (lambda: torch.matmul, [(20, 10), (10, 100)], 20_000),
    "matmul of batches of one": (lambda: torch.matmul, [(1, 20, 10), (1, 10, 100)], 20_000),
    "matmul of batches": (lambda: torch.matmul, [(2, 2, 20, 10), (2, 2, 10, 100)], 80_000),
    "matmul of one and a matrix": (lambda: torch.matmul, [(1, 20, 10), (10, 100)], 20_000),
    "matmul of two and a matrix": (lambda: torch.matmul, [(2, 20, 10), (10, 100)], 40_000),
    "bmm": (lambda: torch.bmm, [(2, 5, 2), (2, 2, 12)], 240),
    "einsum of columns": (lambda: lambda a, b: torch.einsum("nct,ncp->ntp", a, b), [(1, 5, 2), (1, 5, 12)], 120),
    "einsum of rows": (lambda: lambda a, b: torch.einsum("ntg,ncg->nct", a, b), [(1, 2, 6), (1, 5, 6)], 60),
    "einsum of two axes": (lambda: lambda a, b: torch.einsum("nc,nchw->hw", a, b), [(3, 4), (3, 4, 2, 3)], 72),
}
ESTIMATES: dict[str, tuple[Layer, list[tuple[int, ...]], int]] = {
    "batch_norm1d": (lambda: nn.BatchNorm1d(10, affine=False), [(10, 10)], 100),
    "batch_norm2d in training": (lambda: lambda x: F.batch_norm(x, None, None, training=True), [(10, 10, 5, 5)], 10_000),
    "batch_norm3d in training": (lambda: lambda x: F.batch_norm(x, None, None, training=True), [(10, 10, 5, 5, 5)], 50_000),
    "affine batch_norm": (lambda: nn.BatchNorm2d(2), [(2, 2, 2, 2)], 32),
    "plain batch_norm": (lambda: nn.BatchNorm2d(2, affine=False), [(2, 2, 2, 2)], 16),
    "affine batch_norm in training": (
        lambda: lambda x, w: F.batch_norm(x, None, None, w, w, training=True),
        [(2, 2, 2, 2), (2,)],
        80,
    ),
    "affine group_norm": (lambda: nn.GroupNorm(2, 2), [(2, 2, 2, 2)], 80),
    "plain group_norm": (lambda: nn.GroupNorm(2, 2, affine=False), [(2, 2, 2, 2)], 64),
    "bilinear": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), [(2, 2, 2, 2)], 256),
}


@pytest.mark.parametrize("name", [*PRODUCTS, *ESTIMATES])
def test_flops_of_fvcores_tests(name: str) -> None:
    """Kills MACs that are not what fvcore's tests expect, and a convention of that name that estimates otherwise."""
    build, shapes, flops = (PRODUCTS | ESTIMATES)[name]
    net = Product(build())
    assert zoo.summary(net, input=shapes, columns=["macs"], convention="fvcore").total["macs"] == flops
    if name in PRODUCTS:
        assert zoo.summary(net, input=shapes, columns=["macs"]).total["macs"] == flops


class Parts(nn.Module):
    """Layers by name, and a forward that is written as a function of them."""

    def __init__(self, run: Callable[[Any, Tensor], Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.run = run
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor, *rest: Any) -> Tensor:
        return self.run(self, x, *rest)


def three() -> nn.Module:
    """A convolution, a pooling and two linear layers."""
    parts = {"conv": nn.Conv2d(2, 5, 1), "pool": nn.AdaptiveAvgPool2d(1), "linear1": nn.Linear(5, 3), "linear2": nn.Linear(3, 1)}
    return Parts(lambda n, x: n.linear2(n.linear1(n.pool(n.conv(x)).flatten(1))), **parts)


def nested() -> nn.Module:
    """A convolution and a linear layer around another of both."""
    inner = Parts(lambda n, x: 3 * n.fc(n.conv(x.reshape(-1, 2, 5)).flatten(1)) + 1, conv=nn.Conv1d(2, 2, 1), fc=nn.Linear(10, 10))
    parts = {"conv": nn.Conv1d(4, 4, 3, padding=1), "fc": nn.Linear(20, 10), "submod": inner}
    return Parts(lambda n, x: n.submod(n.fc(n.conv(x).flatten(1))) ** 2, **parts)


def shared() -> nn.Module:
    """One layer inside of two modules, and one under two names."""
    one, two = nn.Linear(10, 10), nn.Linear(10, 1)
    parts = [Parts(lambda n, x: n.submod(x), submod=one) for _ in range(2)]

    def run(net: Any, x: Tensor) -> Tensor:
        both = net.submod1(x) + net.submod2(x)
        return net.multiname1(both) + net.multiname2(both)

    net = Parts(run)
    for name, part in zip(("submod1", "submod2", "multiname1", "multiname2"), (*parts, two, two), strict=True):
        net.add_module(name, part)
    return net


def repeated(net: Any, x: Tensor) -> Tensor:
    for layer in [net.fc1] * 3 + [net.fc2] * 2:
        x = layer(x)
    return x


def recursive(net: Any, x: Tensor, count: int = 3) -> Tensor:
    found: Tensor = net(x, count - 1) if count > 0 else net.fc(x)
    return found


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], dict[str, int]]] = {
    "ThreeNet": (three, (4, 2, 10, 10), {"conv": 4_000, "pool": 2_000, "linear1": 60, "linear2": 12, "": 6_072}),
    "NestedNet": (nested, (1, 4, 5), {"conv": 240, "fc": 200, "submod": 120, "submod.conv": 20, "submod.fc": 100, "": 560}),
    "UnusedNet": (
        lambda: Parts(
            lambda n, x: n.fc2(n.act(n.fc1(x))),
            fc1=nn.Linear(10, 10),
            fc2=nn.Linear(10, 1),
            unused=nn.Linear(20, 20),
            act=nn.ReLU(),
        ),
        (1, 10),
        {"fc1": 100, "fc2": 10, "": 110},
    ),
    "RepeatedNet": (
        lambda: Parts(repeated, fc1=nn.Linear(10, 10), fc2=nn.Linear(10, 10)),
        (1, 10),
        {"fc1": 300, "fc2": 200, "": 500},
    ),
    "NonForwardNet": (
        lambda: Parts(lambda n, x: n.submod.fc(n.fc(x)), fc=nn.Linear(10, 10), submod=Parts(repeated, fc=nn.Linear(10, 1))),
        (1, 10),
        {"fc": 100, "submod.fc": 10, "": 110},
    ),
    "SharedModuleNet": (shared, (1, 10), {"submod1": 100, "submod2": 100, "": 220}),
    "RecursiveScopeNet": (lambda: Parts(recursive, fc=nn.Linear(10, 1)), (1, 10), {"fc": 10, "": 10}),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules_of_fvcores_tests(name: str) -> None:
    """Kills MACs that are put down to another module than fvcore's tests expect, and calls that count once or twice too often."""
    build, shape, expected = MODULES[name]
    table = zoo.summary(build(), input=shape, columns=["macs"], convention="fvcore")
    found = {"": table.total["macs"]}
    for path in expected.keys() - {""}:
        names = tuple(f"{again}." for again in (path, *(f"{path}_{i}" for i in (1, 2, 3))))  # later calls have a number
        found[path] = sum(row.cells["macs"] or 0 for row in table.rows if f"{row.name}.".startswith(names))
    assert found == expected


def test_activations_and_parameters_of_fvcores_tests() -> None:
    """Kills activations that are not the elements of the outputs, and a shared weight that counts twice."""
    convs = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 4, 1, 2), nn.Conv2d(4, 2, 1, 2))
    table = zoo.summary(convs, input=(1, 3, 32, 32), columns=["activations"])
    assert ([row.cells["activations"] for row in table.rows], table.total["activations"]) == ([8_192, 1_024, 128], 9_344)
    assert zoo.summary(nn.Linear(10, 20), input=(1, 10), columns=["activations"]).total["activations"] == 20
    pair = nn.Sequential(nn.Conv2d(100, 100, 3), nn.Conv2d(100, 100, 3))
    assert zoo.summary(pair, input=(1, 100, 5, 5), columns=["params"]).total["params"] == 180_200
    pair[1].weight = pair[0].weight
    table = zoo.summary(pair, input=(1, 100, 5, 5), columns=["params"])
    assert ([row.cells["params"] for row in table.rows], table.total["params"]) == ([90_100, 100], 90_200)
