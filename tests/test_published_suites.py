"""Numbers that other projects publish: Google's receptive fields, convnet-burden's sizes, and what torch's FLOP counter counts.

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
