"""Models against each other, layer by layer, and with other heads."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo
from zoo.models.targets import resolve
from zoo.tables.table import Table
from zoo.tracing.skeleton import Skeleton
from zoo.transform.heads import find_head, make_head

# Another head ---------------------------------------------------------------------------------------------------------

HEADED = ("alexnet", "vgg16", "googlenet", "resnet50", "torchvision:densenet121")


def with_real_body(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    """The model with its fully connected layers on meta and random numbers elsewhere, and an input's shape with batch."""
    subject = resolve(name, {})
    generator = torch.Generator().manual_seed(0)
    for layer in subject.module.modules():
        if not any(layer.children()) and not isinstance(layer, nn.Linear):
            layer.to_empty(device="cpu")
            for tensor in (*layer.parameters(), *layer.buffers()):
                if tensor.is_floating_point():
                    tensor.data.uniform_(0.5, 1.5, generator=generator)
    return subject.module, (1, *subject.input)


def snapshot(model: nn.Module) -> dict[str, Any]:
    """Everything that could have been changed."""
    tensors = {key: (id(tensor), tensor._version, tensor.device) for key, tensor in model.state_dict(keep_vars=True).items()}
    parts = {path: (id(part), part.training, sorted(vars(part))) for path, part in model.named_modules()}
    return {"tensors": tensors, "parts": parts}


@pytest.mark.parametrize("name", HEADED)
def test_replaced_head(name: str) -> None:
    """Kills new weights in the body, a body that is cut short, and a model that is changed by lending its body."""
    model, shape = with_real_body(name)
    model.train()
    before = snapshot(model)
    changed = zoo.replace_head(model, "gap", input=shape, num_classes=7)
    assert snapshot(model) == before
    assert changed.training
    body, old = changed.body.state_dict(), model.state_dict()
    assert body
    assert all(torch.equal(tensor, old[key]) for key, tensor in body.items())
    assert all(tensor.data_ptr() != old[key].data_ptr() for key, tensor in body.items())
    left_out = {key.rpartition(".")[0] for key in old.keys() - body.keys()}
    assert all(isinstance(model.get_submodule(path), nn.Linear) for path in left_out)
    channels = changed.head.fc.in_features
    total = zoo.summary(changed, input=shape, columns=("params", "output")).total
    body_params = sum(param.numel() for key, param in model.named_parameters() if key in body)
    assert total == {"params": body_params + 7 * channels + 7, "output": [1, 7]}


@pytest.mark.parametrize(
    ("name", "last"),
    [("googlenet", "linear"), ("resnet50", "fc"), pytest.param("torchvision:densenet121", "classifier", marks=pytest.mark.slow)],
)
def test_same_head_again(name: str, last: str) -> None:
    """Kills a body that computes something else: with the weights of the old last layer the scores are the old ones."""
    torch.manual_seed(0)
    model = small(name)
    changed = zoo.replace_head(model, "gap", input=(1, 3, 224, 224)).eval()
    changed.head.fc.load_state_dict(model.get_submodule(last).state_dict())
    x = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        torch.testing.assert_close(changed(x), model(x))


def small(name: str) -> nn.Module:
    """With real weights, ready to be used."""
    if name.startswith("torchvision:"):
        from torchvision import models

        return models.get_model(name.partition(":")[2]).eval()
    return zoo.create_model(name).eval()


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("gap", 512 * 10 + 10),
        ("maps", 512 * 10 + 10),
        ("fc", 512 * 49 * 4096 + 4096 + 4096**2 + 4096 + 4096 * 10 + 10),
    ],
)
def test_kinds_of_head(kind: Any, params: int) -> None:
    """Kills a head of other layers, or for other maps than the body's 512×7×7."""
    subject = resolve("resnet18", {})
    with Skeleton():
        changed = zoo.replace_head(subject.module, kind, input=(1, 3, 224, 224), num_classes=10)
    assert sum(param.numel() for param in changed.head.parameters()) == params
    assert zoo.summary(changed, input=(2, 3, 224, 224), columns=("output",)).total == {"output": [2, 10]}


def test_maps_or_average_first() -> None:
    """Kills class maps that are more than the order of two sums: with the same weights both heads give the same scores."""
    torch.manual_seed(0)
    gap, maps = (make_head(kind, (5, 4, 3), 6) for kind in ("gap", "maps"))
    maps.conv.weight.data = gap.fc.weight.data[:, :, None, None]
    maps.conv.bias.data = gap.fc.bias.data
    x = torch.randn(2, 5, 4, 3)
    torch.testing.assert_close(gap(x), maps(x))


def test_own_head() -> None:
    """Kills a copy in place of the module that was given, and classes that are not the model's own where none are named."""
    subject = resolve("alexnet", {"num_classes": 11})
    own = nn.Sequential(nn.Flatten(), nn.LazyLinear(3, device="meta"))
    assert zoo.replace_head(subject.module, own, input=(1, 3, 227, 227)).head is own
    assert zoo.replace_head(subject.module, "gap", input=(1, 3, 227, 227)).head.fc.out_features == 11


def test_cut() -> None:
    """Kills pooling that the head wants (6×6, adaptive) taken for the body's, and pooling of the body (pool5) for the head's."""
    for name, maps in (("alexnet", (256, 6, 6)), ("alexnet_owt", (256, 6, 6)), ("vgg16", (512, 7, 7)), ("googlenet", (1024, 7, 7))):
        subject = resolve(name, {})
        cut = find_head(subject.module, (1, *subject.input))
        assert (cut.maps, cut.classes) == (maps, 1000)
        assert not any(isinstance(layer, nn.AdaptiveAvgPool2d | nn.Linear) for layer in cut.body.modules())


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) if x.sum() > 0 else -x.flatten(1)


@pytest.mark.parametrize(
    ("make", "head", "words"),
    [
        (lambda: resolve("torchvision:vit_b_16", {}).module, "gap", "cannot find the head of VisionTransformer"),
        (Branching, "gap", "cannot find the head of Branching: its forward pass is not a fixed graph"),
        (lambda: nn.Conv2d(3, 5, 3), "gap", "cannot find the head of Conv2d"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 224 * 224, 5)), "gap", "cannot find the head of Sequential"),
        (lambda: resolve("resnet18", {}).module, "gapp", "unknown head 'gapp'"),
    ],
)
def test_head_refused(make: Callable[[], nn.Module], head: Any, words: str) -> None:
    """Kills a cut in the middle of a network that has no head, and a message of several lines."""
    model = make()
    before = snapshot(model)
    with pytest.raises(zoo.ZooError, match=words) as caught:
        zoo.replace_head(model, head, input=(1, 3, 224, 224))
    assert "\n" not in str(caught.value)
    assert snapshot(model) == before


# Side by side ---------------------------------------------------------------------------------------------------------


@cache
def compared(*names: str) -> Table:
    return zoo.compare(*names)


def totals(table: Table) -> dict[str, dict[str, Any]]:
    return {row.name: dict(row.cells) for row in table.rows if row.type == "total"}


@pytest.mark.parametrize(
    "names", [("resnet50", "resnet50_v1_5"), ("vgg16", "googlenet", "resnet50"), ("googlenet", "googlenet_bn")]
)
def test_side_by_side(names: tuple[str, ...]) -> None:
    """Kills totals other than the card's, and stages that leave an op out or count it twice."""
    table = compared(*names)
    found = totals(table)
    assert list(found) == list(names)
    for name, cells in found.items():
        assert [cells["params"], cells["macs"]] == [zoo.card(name).params, zoo.card(name).macs]
        for column in ("layers", "params", "macs"):
            assert sum(row.cells[column] for row in table.rows if (row.name, row.type == "total") == (name, False)) == cells[column]


def test_stages() -> None:
    """Kills stages aligned by their place in the list: 28×28 maps of ResNet-50 stand beside 28×28 maps of VGG-16."""
    rows = compared("vgg16", "googlenet", "resnet50").rows
    outputs = {(row.type, row.name): row.cells["output"] for row in rows}
    assert outputs["1/8 of input", "vgg16"] == [1, 512, 28, 28]
    assert outputs["1/8 of input", "googlenet"] == [1, 480, 28, 28]
    assert outputs["1/8 of input", "resnet50"] == [1, 512, 28, 28]
    strides = list(dict.fromkeys(row.type for row in rows))
    assert strides == ["total", *(f"1/{2**i} of input" for i in range(6)), "head"]


def test_ratios_and_lesson() -> None:
    """Kills a ratio to another model than the first, and a sentence that has it the other way round."""
    table = compared("vgg16", "googlenet", "resnet50")
    google, resnet = totals(table)["googlenet"], totals(table)["resnet50"]
    assert google["params/1"] == pytest.approx(6_998_552 / 138_357_544, rel=1e-5)
    assert resnet["macs/1"] == pytest.approx(3_857_973_248 / 15_470_264_320, rel=1e-5)
    assert "googlenet compared with vgg16: 5.06% of the parameters (7 million against 138 million)" in table.notes[-1]
    assert "5.99% more MACs" in compared("resnet50", "resnet50_v1_5").notes[-1]
    assert "vgg16 compared with googlenet: 19.8 times as many parameters" in compared("googlenet", "vgg16").notes[-1]


def test_same_model_twice() -> None:
    """Kills rows that cannot be told apart, and a difference where there is none."""
    table = zoo.compare("lenet5", "lenet5")
    assert list(totals(table)) == ["lenet5 (1)", "lenet5 (2)"]
    assert table.notes[-1] == "lenet5 (2) costs the same as lenet5 (1)."


def test_unlike_inputs() -> None:
    """Kills the lectures' pair refused, and a ratio of work on stages of grey digits to work on those of colour photographs."""
    table = zoo.compare("alexnet", "lenet5")
    assert totals(table)["lenet5"]["params/1"] == pytest.approx(60_000 / 60_965_224, rel=1e-5)
    stages = [row.cells for row in table.rows if row.type != "total"]
    assert all(cells["params/1"] is None and cells["macs/1"] is None for cells in stages)
    assert "inputs differ: alexnet 1×3×227×227, lenet5 1×1×32×32; their stages have no ratios" in table.notes
    assert table.notes[-1].startswith("lenet5 compared with alexnet: 0.0984% of the parameters (60 thousand against 61 million)")


SHARES = {  # the share of MACs in the head, which is the last linear layer, and the stages
    "torchvision:convnext_tiny": (0.001, ["1/4 of input", "1/8 of input", "1/16 of input", "1/32 of input", "head"]),
    "torchvision:swin_t": (0.001, ["1/4 of input", "1/8 of input", "1/16 of input", "1/32 of input", "head"]),
    "timm:swin_tiny_patch4_window7_224": (0.001, ["1/4 of input", "1/8 of input", "1/16 of input", "1/32 of input", "head"]),
    "torchvision:vit_b_16": (0.001, ["1/16 of input", "tokens", "head"]),
    "timm:mixer_b16_224": (0.001, ["1/16 of input", "tokens", "head"]),
    "torchvision:regnet_y_400mf": (
        0.002,
        ["1/2 of input", "1/4 of input", "1/8 of input", "1/16 of input", "1/32 of input", "head"],
    ),
    "torchvision:efficientnet_b0": (
        0.004,
        ["1/2 of input", "1/4 of input", "1/8 of input", "1/16 of input", "1/32 of input", "head"],
    ),
}


@pytest.mark.parametrize("name", SHARES)
def test_stages_of_other_layouts(name: str) -> None:
    """Kills channels last, gates and tokens that are taken for the head, and a stage whose sum misses a layer."""
    most, stages = SHARES[name]
    found = zoo.trace(name)
    table = zoo.compare(found, "lenet5")
    rows = [row for row in table.rows if row.name == found.target]
    assert [row.type for row in rows] == ["total", *stages]
    assert 0 < rows[-1].cells["macs"] <= most * rows[0].cells["macs"]
    assert rows[-1].cells["layers"] == 1
    for column in ("layers", "params", "macs"):
        assert sum(row.cells[column] for row in rows[1:]) == rows[0].cells[column]


def test_stage_shares_of_swin() -> None:
    """Kills windows of one stage counted in another: both libraries' Swin have the same work at each resolution."""
    shares = []
    for name in ("torchvision:swin_t", "timm:swin_tiny_patch4_window7_224"):
        rows = {row.type: row.cells["macs"] for row in zoo.compare(name, "lenet5").rows if row.name == name}
        shares.append([rows[f"1/{stride} of input"] / rows["total"] for stride in (4, 8, 16, 32)])
    assert shares[0] == pytest.approx(shares[1], abs=0.01)


def test_no_work_at_all() -> None:
    """Kills a model without a single product that costs what another does."""
    lesson = zoo.compare(nn.Conv2d(3, 4, 3), nn.ReLU(), input=(1, 3, 8, 8)).notes[-1]
    assert lesson == "ReLU compared with Conv2d: no parameters (0 against 112), no MACs (0 against 3.89 thousand)."


def test_diff_sees_what_has_no_shape() -> None:
    """Kills layers taken for the same that have no bias, drop more, or normalise by other constants."""

    def net(bias: bool, k: float) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3, bias=bias), nn.LocalResponseNorm(5, k=k), nn.Conv2d(4, 4, 3, padding=1))

    table = zoo.diff(net(True, 1.0), net(False, 2.0), input=(1, 3, 8, 8))
    assert [(row.name, row.type) for row in table.rows] == [("0", "changed"), ("1", "changed")]
    assert "other 1.0" in table.rows[1].cells["first"]
    assert "other 2.0" in table.rows[1].cells["second"]


def test_given_modules_and_inputs() -> None:
    """Kills modules that are refused, and an input that only the first model gets."""
    table = zoo.compare(nn.Conv2d(3, 4, 3), nn.Conv2d(3, 8, 3), input=(2, 3, 10, 10))
    assert [row.cells["macs"] for row in table.rows if row.type == "total"] == [2 * 64 * 4 * 27, 2 * 64 * 8 * 27]
    assert list(table.context["inputs"].values()) == [[[2, 3, 10, 10]]] * 2


@pytest.mark.parametrize(
    ("what", "words"),
    [(["alexnet"], "unknown study"), (["alexnet", "resnet5"], "resnet50"), (["alexnet", "vgg-1"], "did you mean vgg1")],
)
def test_compare_refused(what: list[str], words: str) -> None:
    """Kills one model compared with nothing, and a mistyped name without a near one."""
    with pytest.raises(zoo.ZooError, match=words):
        zoo.compare(*what)


# Layer by layer -------------------------------------------------------------------------------------------------------


@cache
def differences(first: str, second: str) -> Table:
    return zoo.diff(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("googlenet", "googlenet_bn"),
        ("resnet50", "resnet50_v1_5"),
        ("vgg11", "vgg11_lrn"),
        ("plain18", "resnet18"),
        ("vgg16", "vgg19"),
    ],
)
def test_differences_add_up(first: str, second: str) -> None:
    """Kills a changed layer that is left out: the rows add up to the difference of the cards, in both directions."""
    for before, after in ((first, second), (second, first)):
        table = differences(before, after)
        expected = {key: getattr(zoo.card(after), key) - getattr(zoo.card(before), key) for key in ("params", "macs")}
        assert table.total == expected
        assert {key: sum(row.cells[key] for row in table.rows) for key in expected} == expected


def test_googlenet_and_its_port() -> None:
    """Kills a diff that cannot see the wood: nine 5×5 kernels became 3×3, two normalisations are gone."""
    table = differences("googlenet", "googlenet_bn")
    assert "9 × conv2d 5/1 pad 2 becomes conv2d 3/1 pad 1 + batch_norm + relu" in table.notes
    assert "57 × relu removed" in table.notes  # they are in the modules of the convolutions
    assert "2 × LocalResponseNorm removed" in table.notes
    rows = {row.name: row for row in table.rows}
    removed = {name for name, row in rows.items() if row.type == "removed"}
    assert {name for name in removed if "relu" not in name} == {"norm1", "norm2"}
    assert not any(row.type == "added" for row in table.rows)
    smaller = {name for name, row in rows.items() if row.cells["macs"]}
    assert smaller == {f"inception_{module}.conv5x5" for module in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")}
    assert rows["inception_3a.conv5x5"].cells["macs"] == (9 - 25) * 16 * 32 * 28**2
    assert rows["pool4"].cells["first"] == "max_pool2d 3/2 ceil → 832×7×7"


def test_moved_stride() -> None:
    """Kills a stride that is not shown: in three blocks it stands one convolution later."""
    table = differences("resnet50", "resnet50_v1_5")
    assert "3 × conv2d 1/2 becomes conv2d 1/1" in table.notes
    assert "3 × conv2d 3/1 pad 1 becomes conv2d 3/2 pad 1" in table.notes
    rows = {row.name: row for row in table.rows}
    assert {name for name, row in rows.items() if row.cells["macs"]} == {f"conv{i}_x.0.conv1" for i in (3, 4, 5)}
    assert {name for name in rows if name.endswith("conv2")} == {f"conv{i}_x.0.conv2" for i in (3, 4, 5)}
    assert {row.type for row in table.rows} == {"changed"}


def test_added_layers() -> None:
    """Kills an added layer that is called a changed one."""
    rows = differences("vgg11", "vgg11_lrn").rows
    assert [(row.name, row.type, row.cells["first"]) for row in rows] == [("features.norm1_1", "added", None)]


def test_no_differences() -> None:
    """Kills rows for what is the same, and a total of nothing."""
    table = differences("vgg16", "vgg16")
    assert table.rows == ()
    assert table.notes == ("39 layers are the same in both",)
    other = copy.deepcopy(resolve("resnet18", {}).module)
    assert zoo.diff("resnet18", other).rows == ()
