"""`zoo lint`: each rule finds a planted fault and is silent on its repair; real models have what they are known for."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo
from zoo.extend.rule import Hit, Rule, rules
from zoo.questions.lint import choose
from zoo.questions.lint_reports import source_of
from zoo.util.errors import ZooError
from zoo_cli.main import run

ROOT = Path(zoo.__file__).parent.parent
IMAGE = (1, 3, 32, 32)


class Net(nn.Module):
    """Modules as attributes, and a forward given as a function of the network and its input."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.how = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.how(self, x)


def layers(*parts: nn.Module) -> nn.Module:
    return nn.Sequential(*parts)


def conv(reads: int, makes: int, kernel: int = 3, **more: Any) -> nn.Conv2d:
    return nn.Conv2d(reads, makes, kernel, **{"padding": kernel // 2, "bias": False, **more})


def head(maps: int) -> tuple[nn.Module, ...]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(maps, 10)


@dataclass(frozen=True)
class Planted:
    """A network with a fault, the layer it is in, words of the finding; and the same network repaired."""

    rule: str
    faulty: Callable[[], nn.Module]
    repaired: Callable[[], nn.Module]
    layer: str
    says: str
    input: tuple[int, ...] = IMAGE
    more: tuple[tuple[str, Any], ...] = ()


def two_branches(used: bool) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        one, other = self.one(x), self.other(x)
        return torch.relu(one + other if used else one)

    return Net(forward, one=conv(3, 8), other=conv(3, 8))


def spare_head(used: bool) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        x = self.stem(x)
        return x + self.spare(x) if used else x

    return Net(forward, stem=conv(3, 8), spare=conv(8, 8))


def residual(last: nn.Module) -> nn.Module:
    return Net(lambda self, x: self.last(self.stem(x) + self.body(self.stem(x))), stem=conv(3, 8), body=conv(8, 8), last=last)


def attention(patch: int) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        tokens = self.embed(x).flatten(2).transpose(1, 2)  # N×tokens×256
        return nn.functional.scaled_dot_product_attention(tokens, tokens, tokens) @ self.mix.weight

    return Net(forward, embed=nn.Conv2d(3, 256, patch, patch), mix=nn.Linear(256, 256))


def scores(product: Callable[[Tensor, Tensor], Tensor]) -> nn.Module:
    def forward(self: Any, x: Tensor) -> Tensor:
        tokens = self.embed(x).flatten(2)  # N×256×tokens
        return torch.softmax(product(tokens.transpose(1, 2), tokens), -1)

    return Net(forward, embed=nn.Conv2d(3, 256, 8, 8))


PLANTED = [
    Planted("unused-result", lambda: two_branches(False), lambda: two_branches(True), "other", "result of 1 op (conv2d)"),
    Planted("unused-parameter", lambda: spare_head(False), lambda: spare_head(True), "spare", "576 parameters are not read"),
    Planted(
        "bias-before-norm",
        lambda: layers(conv(3, 8, bias=True), nn.BatchNorm2d(8)),
        lambda: layers(conv(3, 8), nn.BatchNorm2d(8)),
        "0",
        "8 biases",
    ),
    Planted(
        "sees-whole-image",
        lambda: layers(*(conv(8 if i else 3, 8) for i in range(18)), *head(8)),
        lambda: layers(*(conv(8 if i else 3, 8) for i in range(17)), *head(8)),
        "17",
        "1 of 18 convolutions with windows, this one first, read units that see more than the image on every path: 35 pixels of 34",
        input=(1, 3, 34, 34),
    ),
    Planted(
        "unseen-border",
        lambda: layers(nn.Conv2d(3, 8, 3, stride=2), *head(8)),
        lambda: layers(nn.Conv2d(3, 8, 3, stride=2, padding=1), *head(8)),
        "0",
        "63 of 1,024 pixels reach no output: 1 at the bottom, 1 at the right",
    ),
    Planted(
        "stride-exceeds-kernel",
        lambda: layers(nn.Conv2d(3, 8, 1, stride=2), *head(8)),
        lambda: layers(nn.Conv2d(3, 8, 2, stride=2), *head(8)),
        "0",
        "1×1 with stride 2×2 reads 1 of 4 positions; no other layer reads all",
    ),
    Planted(
        "heavy-head",
        lambda: layers(conv(3, 8), nn.Flatten(), nn.Linear(8 * 32 * 32, 10)),
        lambda: layers(conv(3, 8), nn.ReLU(), conv(8, 16), *head(16)),
        "2",
        "81,930; global average pooling of its 8 maps would save 81,840",
    ),
    Planted(
        "channel-multiple",
        lambda: layers(conv(3, 30)),
        lambda: layers(conv(3, 32)),
        "0",
        "30 channels out: not a multiple of 8, so 94% of the padded tiles are used",
    ),
    Planted(
        "linear-stack",
        lambda: layers(conv(3, 16), conv(16, 16, 1)),
        lambda: layers(conv(3, 16), nn.ReLU(), conv(16, 16, 1)),
        "0",
        "the conv2d after it follows without a nonlinearity: 688 weights compute what 432 can",
    ),
    Planted(
        "checkerboard",
        lambda: layers(nn.ConvTranspose2d(3, 8, 3, stride=2)),
        lambda: layers(nn.ConvTranspose2d(3, 8, 4, stride=2)),
        "0",
        "3×3 with stride 2×2: outputs are sums of 1 or 2 terms an axis",
    ),
    Planted(
        "redundant-activation",
        lambda: layers(conv(3, 8), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU()),
        lambda: layers(conv(3, 8), nn.ReLU(), nn.MaxPool2d(2), conv(8, 8), nn.ReLU()),
        "3",
        "relu without effect: its input is never negative",
    ),
    Planted(
        "norm-twice",
        lambda: layers(conv(3, 8), nn.BatchNorm2d(8), nn.BatchNorm2d(8)),
        lambda: layers(conv(3, 8), nn.BatchNorm2d(8), nn.ReLU(), nn.BatchNorm2d(8)),
        "2",
        "batch_norm of what another batch_norm has just normalised",
    ),
    Planted(
        "softmax-output",
        lambda: layers(conv(3, 8), *head(8), nn.Softmax(1)),
        lambda: layers(conv(3, 8), *head(8)),
        "4",
        "scores of 10 classes",
    ),
    Planted(
        "unseen-padding",
        lambda: layers(conv(3, 8, padding=3)),
        lambda: layers(conv(3, 8, padding=2)),
        "0",
        "140 of 1,296 units see padding alone",
    ),
    Planted(
        "even-kernel",
        lambda: layers(conv(3, 8, 4)),
        lambda: layers(conv(3, 8, 4, stride=4)),
        "0",
        "4×4 with stride 1",
    ),
    Planted(
        "dropout-before-norm",
        lambda: layers(conv(3, 8), nn.Dropout(0.2), conv(8, 8), nn.BatchNorm2d(8)),
        lambda: layers(conv(3, 8), conv(8, 8), nn.BatchNorm2d(8), nn.Dropout(0.2)),
        "1",
        "dropout of 0.2: in training, the batch_norm after it meets up to 1.25 times the variance",
    ),
    Planted(
        "norm-of-one",
        lambda: layers(conv(3, 8), nn.GroupNorm(8, 8)),
        lambda: layers(conv(3, 8), nn.GroupNorm(4, 8)),
        "1",
        "8 channels in as many groups",
    ),
    Planted(
        "small-field",
        lambda: layers(conv(3, 8), conv(8, 8)),
        lambda: layers(conv(3, 8, stride=2), conv(8, 8)),
        "1",
        "no unit sees more than 5 pixels; the object has 7",
        more=(("object", 7),),
    ),
    Planted(
        "large-kernel",
        lambda: layers(conv(3, 16), conv(16, 16, 5)),
        lambda: layers(conv(3, 16), conv(16, 16)),
        "1",
        "5×5 has 6,400 weights; 2 stacked 3×3 see the same with 4,608",
    ),
    Planted(
        "fixed-input",
        lambda: layers(conv(3, 8), nn.Flatten(), nn.Linear(8 * 32 * 32, 10)),
        lambda: layers(conv(3, 8), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(8 * 4 * 4, 10)),
        "2",
        "takes images that give maps of 32×32, and no others",
    ),
    Planted(
        "quadratic-attention",
        lambda: attention(1),
        lambda: attention(4),
        "scaled_dot_product_attention",
        "at 1,024 tokens",
    ),
    Planted(
        "small-image",
        lambda: layers(*(conv(8 if i else 3, 8) for i in range(17)), *head(8)),
        lambda: layers(*(conv(8 if i else 3, 8) for i in range(16)), *head(8)),
        "12",
        "5 of 17 convolutions with windows, this one first, see more than the 26 pixels of the image",
        input=(1, 3, 26, 26),
    ),
    Planted(
        "memory-peak",
        lambda: layers(conv(3, 64), nn.LocalResponseNorm(5), nn.MaxPool2d(4), conv(64, 8)),
        lambda: layers(conv(3, 64), nn.MaxPool2d(4), nn.LocalResponseNorm(5), conv(64, 8)),
        "1",
        "no other layer needs more than",
    ),
    Planted(
        "late-scale",
        lambda: scores(lambda q, k: q @ k / 16),
        lambda: scores(lambda q, k: (q / 16) @ k),
        "matmul",
        "the product is scaled by 0.0625 only afterwards",
    ),
    Planted(
        "relu-before-pool",
        lambda: layers(conv(3, 8), nn.ReLU(), nn.MaxPool2d(2)),
        lambda: layers(conv(3, 8), nn.MaxPool2d(2), nn.ReLU()),
        "1",
        "relu of 8,192 elements, of 2,048 after the pooling",
    ),
]


def found(module: Any, rule: str, shape: tuple[int, ...] | None = None, **more: Any) -> list[tuple[str, str]]:
    """Layers and words of what a rule finds."""
    given = {} if shape is None else {"input": shape}
    return [(one.layer, one.what) for one in zoo.lint(module, select=[rule], **given, **more)]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.rule)
def test_a_rule_finds_the_fault_and_not_its_repair(planted: Planted) -> None:
    """Kills a rule that finds nothing, one that finds it elsewhere, and one that cannot be satisfied."""
    [(layer, what)] = found(planted.faulty(), planted.rule, planted.input, **dict(planted.more))
    assert layer == planted.layer
    assert planted.says in what
    assert found(planted.repaired(), planted.rule, planted.input, **dict(planted.more)) == []


def test_every_rule_has_a_planted_fault() -> None:
    """Kills a rule that nobody has seen at work."""
    assert sorted(planted.rule for planted in PLANTED) == sorted(rules())


SILENT = {
    "unused-result": lambda: Net(lambda self, x: self.lstm(x.flatten(2).transpose(1, 2))[0], lstm=nn.LSTM(3, 8, batch_first=True)),
    "bias-before-norm": lambda: layers(conv(3, 8, bias=True), nn.GroupNorm(2, 8)),  # the mean is that of four channels
    "stride-exceeds-kernel": lambda: layers(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 8, 1, stride=2)),  # there is nothing to skip
    "linear-stack": lambda: layers(conv(64, 4, 1), conv(4, 64, 1)),  # a bottleneck: one layer would have more weights
    "redundant-activation": lambda: Net(lambda self, x: torch.relu(torch.relu(x) - 1)),
    "norm-twice": lambda: Net(lambda self, x: (y := self.one(x)) + self.two(y), one=nn.BatchNorm2d(3), two=nn.BatchNorm2d(3)),
    "sees-whole-image": lambda: residual(conv(8, 8)),
    "fixed-input": lambda: Net(lambda self, x: self.out(x.flatten(2).reshape(96, 4, 8).flatten(1)), out=nn.Linear(32, 8)),
}


@pytest.mark.parametrize("rule", SILENT)
def test_a_rule_is_silent_where_there_is_no_fault(rule: str) -> None:
    """Kills a rule that looks at the pattern and not at what it does."""
    channels = 64 if rule == "linear-stack" else 3
    assert found(SILENT[rule](), rule, (1, channels, 4, 4) if rule == "sees-whole-image" else (1, channels, 32, 32)) == []


def test_branches_that_are_added_are_one_convolution() -> None:
    """Kills an alarm on 1×1 branches that are merged into the kernel beside them before deployment, and silence on shortcuts."""

    def block(other: nn.Module) -> nn.Module:
        small = layers(conv(3, 8, 1, stride=2), nn.BatchNorm2d(8))
        return Net(lambda self, x: torch.relu(self.small(x) + self.other(x)), small=small, other=other)

    def shortcut() -> nn.Module:
        return layers(conv(3, 8, stride=2), nn.BatchNorm2d(8), nn.ReLU(), conv(8, 8), nn.BatchNorm2d(8))

    assert found(block(layers(conv(3, 8, stride=2), nn.BatchNorm2d(8))), "stride-exceeds-kernel", IMAGE) == []
    assert [layer for layer, _ in found(block(shortcut()), "stride-exceeds-kernel", IMAGE)] == ["small.0"]


def test_heads_of_attention_are_no_maps() -> None:
    """Kills a head that fixes the input where heads of attention are joined."""
    assert found("torchvision:vit_b_32", "fixed-input") == []


def test_a_softmax_belongs_to_a_file_for_inference(tmp_path: Path) -> None:
    """Kills an alarm on every deploy.prototxt."""
    sizes = "input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }"
    last = 'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 10 } }'
    softmax = 'layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }'
    file = tmp_path / "deploy.prototxt"
    file.write_text(f'input: "data"\n{sizes}\n{last}\n{softmax}\n', encoding="utf-8")
    assert zoo.trace(str(file)).ops[-1].kind == "softmax"
    assert found(str(file), "softmax-output") == []


# Experiments: what the rules say of a network, the network itself shows


def test_a_bias_before_a_normalisation_changes_nothing() -> None:
    """Kills a rule that calls a bias useless which is not."""
    net = layers(conv(3, 8, bias=True), nn.BatchNorm2d(8)).double().train()
    image = torch.rand(4, 3, 8, 8, dtype=torch.float64)
    before = net(image)
    nn.init.constant_(net[0].bias, 5)
    assert torch.allclose(net(image), before, atol=1e-9)
    assert found(net, "bias-before-norm", (4, 3, 8, 8))


def test_pixels_at_the_border_have_no_gradient() -> None:
    """Kills a count of unseen pixels that differs from what autograd sees."""
    net = layers(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=3)).double()
    for layer in (net[0], net[2]):
        nn.init.constant_(layer.weight, 1)
        nn.init.constant_(layer.bias, 1)
    image = torch.rand(1, 3, 32, 32, dtype=torch.float64, requires_grad=True)
    net(image).sum().backward()
    assert image.grad is not None
    seen = image.grad[0, 0] != 0
    rows, columns = (torch.arange(32)[seen.any(dim=axis)].max().item() + 1 for axis in (1, 0))
    [finding] = zoo.lint(net, input=IMAGE, select=["unseen-border"])
    assert finding.evidence["by_axis"] == [[0, 32 - rows], [0, 32 - columns]]
    assert finding.evidence["unseen"] == 32 * 32 - rows * columns > 0


def test_units_in_padding_do_not_see_the_image() -> None:
    """Kills a count of units in padding that differs from what the layer computes."""
    layer = conv(1, 1, padding=4)
    nn.init.constant_(layer.weight, 1)
    blind = int((layer(torch.ones(1, 1, 5, 5)) == 0).sum())
    [finding] = zoo.lint(layer, input=(1, 1, 5, 5), select=["unseen-padding"])
    assert finding.evidence["units"] == blind > 0


def test_weights_in_padding_have_no_gradient() -> None:
    """Kills a count of idle weights that differs from what autograd sees."""
    layer = conv(1, 1, dilation=4, padding=4)
    layer(torch.ones(1, 1, 3, 3)).sum().backward()
    assert layer.weight.grad is not None
    idle = int((layer.weight.grad == 0).sum())
    [finding] = zoo.lint(layer, input=(1, 1, 3, 3), select=["unseen-padding"])
    assert finding.evidence["weights"] == idle == 8


# The least receptive field -------------------------------------------------------------------------------------------


def test_feasible_input_of_resnet50() -> None:
    """Kills a shortest path, or a hull, that differs from Richter et al.'s tool: 75 to 427 pixels for torchvision's ResNet-50."""
    assert zoo.lint("torchvision:resnet50").feasible == (75, 427)


def test_the_least_field_follows_the_shortcut() -> None:
    """Kills a least field that is the hull, and one that is spoiled by a gate."""
    rows = {row.name: row.cells for row in zoo.summary("torchvision:resnet50", columns=["rf", "rf_min"], depth=2).rows}
    assert [rows[f"layer{i}.0"]["rf_min"]["size"] for i in (1, 2, 3, 4)] == [[11, 11]] * 4
    assert rows["layer4.2"]["rf"]["size"] == [427, 427]
    gated = Net(lambda self, x: self.conv(x) * self.gate(self.conv(x)), conv=conv(3, 8), gate=nn.AdaptiveAvgPool2d(1))
    total = zoo.summary(gated, input=IMAGE, columns=["rf", "rf_min"]).total
    assert total["rf"]["global"]
    assert total["rf_min"] == {"size": [3, 3], "stride": [1, 1], "padding": [1, 1]}


@pytest.mark.parametrize("name", ["vgg16", "alexnet", "plain34", "torchvision:mobilenet_v2"])
def test_without_branches_the_least_field_is_the_field(name: str) -> None:
    """Kills a least field that loses windows; mobilenet_v2 has shortcuts, and its own is smaller."""
    total = zoo.summary(name, columns=["rf", "rf_min"], depth=0).total
    assert (total["rf"] == total["rf_min"]) == (":" not in name)


def test_a_branch_that_goes_alone_is_followed() -> None:
    """Kills a least field that is no field of any path: the paths of a block, one at a time, and the smallest of them."""

    def block(kept: str) -> nn.Module:
        parts = {"one": conv(4, 4, 1), "three": conv(4, 4, 3), "five": conv(4, 4, 5)}
        return Net(
            lambda self, x: torch.cat([part(x) for name, part in self.named_children() if name != "how"], 1),
            **{name: part for name, part in parts.items() if kept in ("all", name)},
        )

    def size(kept: str, column: str) -> list[int]:
        net = layers(conv(3, 4), block(kept), nn.Conv2d(12 if kept == "all" else 4, 4, 3, padding=1))
        field: dict[str, list[int]] = zoo.summary(net, input=IMAGE, columns=[column]).total[column]
        return field["size"]

    alone = [size(kept, "rf") for kept in ("one", "three", "five")]
    assert size("all", "rf_min") == min(alone)
    assert size("all", "rf") == max(alone)


# Known models --------------------------------------------------------------------------------------------------------


def test_known_findings() -> None:
    """Kills a rule that overlooks what is known to be wrong in published code."""
    timm = pytest.importorskip("timm")
    assert timm
    assert found("timm:dla60_res2net", "unused-result") == [
        ("level4.tree1.downsample", "nothing uses the result of 1 op (max_pool2d)")
    ]
    [(layer, what)] = found("torchvision:inception_v3", "unused-parameter")
    assert (layer, what) == ("AuxLogits", "3,326,696 parameters are not read in evaluation mode; training mode reads them")
    layers = [f"downsamp_modules.{i}.0" for i in range(3)] + ["final_layer.0"]  # HighResolutionNet._make_head: bias=conv_bias
    assert sorted(layer for layer, _ in found("timm:hrnet_w32", "bias-before-norm")) == layers


def test_plain_networks_see_the_whole_image_early() -> None:
    """Kills an alarm on networks with shortcuts, and silence where the paper itself shows that depth harms."""
    for name in zoo.list_models("plain*") + ["resnet56", "resnet34", "vgg19"]:
        by_design = [one.by_design for one in zoo.lint(name, select=["sees-whole-image"])]
        assert by_design == [True] * name.startswith("plain")


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
@pytest.mark.parametrize("name", ["vgg{}_bn", "torchvision:vgg{}_bn"])
def test_vgg_with_batch_normalisation_has_useless_biases(name: str, depth: int) -> None:
    """Kills a miscount: one of each convolution, which are all but three layers with weights."""
    assert sum(one.times for one in zoo.lint(name.format(depth), select=["bias-before-norm"])) == depth - 3


@pytest.mark.parametrize(
    "name", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "resnext50_32x4d"]
)
def test_resnets_are_silent_but_for_their_shortcuts(name: str) -> None:
    """Kills a rule that calls the most used networks faulty."""
    result = zoo.lint(f"torchvision:{name}")
    assert {one.rule for one in result} == {"stride-exceeds-kernel"}
    assert not result


def test_a_small_image_is_found() -> None:
    """Kills silence on the classic mistake: an ImageNet network on images of CIFAR-10."""
    [(layer, what)] = found("torchvision:resnet50", "small-image", (1, 3, 32, 32))
    assert layer == "layer3.1.conv2"  # the first with stride 16 in front of it: 11 + 2·16 = 43 pixels
    assert what.startswith("8 of 17 convolutions with windows")
    assert what.endswith("from 75 pixels on, none does")
    assert found("torchvision:resnet50", "small-image", (1, 3, 75, 75)) == []
    idle = "8 of 9 weights of each kernel read padding alone, on a map of 1×1"
    assert ("layer4.1–2.conv2", idle) in found("torchvision:resnet50", "unseen-padding", (1, 3, 32, 32))
    assert zoo.lint("torchvision:resnet50", input=(1, 3, 32, 32))


# What is returned ----------------------------------------------------------------------------------------------------


def test_truth_counts_warnings_alone() -> None:
    """Kills an assertion that fails for what is only worth knowing, and one that passes for what was asked for by name."""
    net = layers(nn.Conv2d(3, 8, 1, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    image = (1, 3, 31, 31)
    assert not zoo.lint(net, input=image)
    assert len(zoo.lint(net, input=image)) == 1
    assert zoo.lint(net, input=image, select=["stride-exceeds-kernel"])
    assert not zoo.lint(net, input=image, select=["stride-exceeds-kernel"], ignore=["stride-exceeds-kernel"])


def test_a_failed_assertion_shows_the_table() -> None:
    """Kills a test that fails and does not say why."""
    faulty = layers(conv(3, 8, bias=True), nn.BatchNorm2d(8))
    assert "bias-before-norm" in repr(zoo.lint(faulty, input=IMAGE))


def test_what_a_card_declares_does_not_count() -> None:
    """Kills a finding against a paper's own design."""
    result = zoo.lint("alexnet", select=["default"])
    assert [(one.rule, one.by_design) for one in result] == [("heavy-head", True), ("fixed-input", True)]
    assert not result
    assert result.to_table().rows[0].cells["level"] == "by design"


def test_cards_declare_rules_that_there_are() -> None:
    """Kills a declaration of a rule that was renamed."""
    assert {name for model in zoo.list_models() for name in zoo.card(model).by_design} <= set(rules())


def test_identical_blocks_share_a_finding() -> None:
    """Kills a page of one finding forty times over."""
    blocks = nn.Sequential(*(layers(conv(8, 8, bias=True), nn.BatchNorm2d(8), nn.ReLU()) for _ in range(35)))
    [finding] = zoo.lint(layers(conv(3, 8), nn.ReLU(), blocks), input=IMAGE, select=["bias-before-norm"])
    assert (finding.layer, finding.times, finding.saves["params"]) == ("2.0–34.0", 35, 280)


def test_costly_findings_come_first() -> None:
    """Kills an order that hides the large among the small."""
    costs = [one.cost for one in zoo.lint("torchvision:vgg16_bn") if one.counts]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 0.7


def test_the_model_is_as_it_was() -> None:
    """Kills a rule that looks at training mode and leaves the model in it."""
    net = spare_head(False).eval()
    zoo.lint(net, input=IMAGE)
    assert not any(part.training for part in net.modules())


def test_a_trace_is_enough() -> None:
    """Kills a question that needs the module again."""
    trace = zoo.trace(spare_head(False), input=IMAGE)
    [finding] = zoo.lint(trace, select=["unused-parameter"])
    assert finding.what.endswith("training mode could not be checked")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"select": ["no-such"]}, "unknown rule 'no-such'"),
        ({"ignore": ["bias-before-nrom"]}, "did you mean bias-before-norm"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"object": 0}, "expected a number of pixels >= 1, got 0"),
        ({"select": []}, "select: expected names of rules, got none"),
    ],
)
def test_wrong_questions_are_refused(arguments: dict[str, Any], says: str) -> None:
    """Kills a misspelt rule that silently never runs."""
    with pytest.raises(ZooError, match=re.escape(says)):
        zoo.lint("lenet5", **arguments)


def test_a_device_adds_its_rules() -> None:
    """Kills rules for hardware that others have to read."""
    assert {"channel-multiple", "late-scale"}.isdisjoint(rule.name for rule in choose())
    assert {rule.name for rule in choose(device="tensor-cores")} - {rule.name for rule in choose()} == {
        "channel-multiple",
        "late-scale",
    }


def test_a_rule_can_be_registered() -> None:
    """Kills a collection of rules that is closed to others."""
    mine = Rule(
        name="no-batch-of-one",
        finds="a batch of one",
        why="Because.",
        source="Us",
        remedy="Give two.",
        check=lambda network: [Hit("", "one image")] if network.trace.inputs[0].shape[0] == 1 else [],
    )
    with zoo.register(mine):
        assert found("lenet5", "no-batch-of-one") == [("", "one image")]
    with pytest.raises(ZooError, match="unknown rule"):
        zoo.lint("lenet5", select=["no-batch-of-one"])


# The command line ----------------------------------------------------------------------------------------------------

NET = "from torch import nn\n\n\nclass Net(nn.Sequential):\n    def __init__(self):\n        super().__init__({0})\n"
FAULTY = NET.format("nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()")


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A TARGET with a useless bias, in a folder of its own."""
    (tmp_path / "net.py").write_text(FAULTY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return "net.py:Net"


def test_errors_are_what_is_asked_for(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an exit code that fails a build for what nobody asked about, and one that never does."""
    assert run(["lint", net, "-i", "3x32x32"]) == 0
    assert run(["lint", net, "-i", "3x32x32", "--error-on", "checkerboard"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["lint", net, "-i", "3x32x32", "--error-on", "checkerboard,bias-before-norm"]) == 1
    assert capsys.readouterr().err == "zoo: --error-on: bias-before-norm\n"
    assert run(["lint", net, "-i", "3x32x32", "--error-on", "any"]) == 1
    assert run(["lint", net, "-i", "3x32x32", "--error-on", "any", "--ignore", "bias-before-norm"]) == 0
    assert run(["lint", net, "--error-on", "no-such"]) == 2


def test_a_rule_that_is_an_error_runs(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a build that can never fail, since the rule that it names is off or left out of the selection."""
    Path("net.py").write_text(NET.format("nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2)"), encoding="utf-8")
    assert run(["lint", net, "-i", "3x32x32", "--error-on", "any"]) == 0
    assert run(["lint", net, "-i", "3x32x32", "--error-on", "relu-before-pool"]) == 1
    assert run(["lint", net, "-i", "3x32x32", "--select", "checkerboard", "--error-on", "relu-before-pool"]) == 1
    assert run(["lint", net, "-i", "3x32x32", "--error-on", "relu-before-pool", "--ignore", "relu-before-pool"]) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--select", ""], "--select: expected names of rules, got none"),
        (["--error-on", ","], "--error-on: expected names of rules, got none"),
        (["--error-on", "default"], "--error-on: unknown rule 'default'"),
        (["--ignore", "default"], "--ignore: unknown rule 'default'"),
        (["--select", "checkerbord"], "--select: unknown rule 'checkerbord'; did you mean checkerboard"),
        (["--for", "tpu"], "--for: unknown device 'tpu'"),
    ],
)
def test_wrong_options_are_refused(net: str, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    """Kills an option that is empty or misspelt, and leaves a project unchecked without a word."""
    assert run(["lint", net, "-i", "3x32x32", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"zoo: {says}")


def test_a_project_is_configured(net: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills settings that nobody reads, and a typing error in them that nobody notices."""
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.zoo.lint]\nerror-on = ["any"]\n', encoding="utf-8")
    assert run(["lint", net, "-i", "3x32x32"]) == 1
    project.write_text('[tool.zoo.lint]\nerror-on = ["any"]\nignore = ["bias-before-norm"]\n', encoding="utf-8")
    assert run(["lint", net, "-i", "3x32x32"]) == 0
    here = f"zoo: {project}: [tool.zoo.lint]"
    for wrong, says in (
        ("[tool.zoo.lint]\ningore = []", "did you mean ignore?"),
        ("[tool.zoo.lint]\nobject = 'x'", f"{here} object: expected an integer"),
        ("[tool.zoo.lint]\nobject = true", f"{here} object: expected an integer"),
        ("[tool.zoo.lint]\nselect = ['no-such']", f"{here} select: unknown rule 'no-such'"),
        ("[tool.zoo.lint]\nselect = []", f"{here} select: expected names of rules, got none"),
        ("[tool.zoo.lint]\nerror-on = 'any'", f"{here} error-on: expected a list of names"),
        ("[tool.zoo.lint]\nfor = 'tpu'", f"{here} for: unknown device 'tpu'"),
        ("[tool.zoo.lint]\nselect = [", f"zoo: {project}: "),
        ("[tool.zoo]\nlint = 3", f"zoo: {project}: expected a table [tool.zoo.lint], got lint = 3"),
    ):
        project.write_text(f"{wrong}\n", encoding="utf-8")
        capsys.readouterr()
        assert run(["lint", net]) == 2
        assert says in capsys.readouterr().err


def test_json_has_everything(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a machine format that leaves out the evidence."""
    run(["lint", net, "-i", "3x32x32", "-f", "json"])
    table = json.loads(capsys.readouterr().out)
    [row] = table["rows"]
    assert (row["name"], row["type"], row["evidence"], row["saves"]) == ("0", "bias-before-norm", {"biases": 8}, {"params": 8})
    assert table["context"]["rules"]["bias-before-norm"].keys() == {"why", "source", "remedy"}
    assert table["context"]["feasible_input"] == [3, 3]


def test_sarif_takes_any_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an address with spaces or letters that no address may have."""
    (tmp_path / "my nét.py").write_text(FAULTY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run(["lint", "my nét.py:Net", "-i", "3x32x32", "-f", "sarif"])
    assert '"uri": "my%20n%C3%A9t.py"' in capsys.readouterr().out


def test_sarif_points_at_the_line(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a log that GitHub's code scanning would refuse: it needs these fields, and a place."""
    run(["lint", net, "-i", "3x32x32", "-f", "sarif"])
    log = json.loads(capsys.readouterr().out)
    assert log["version"] == "2.1.0"
    [ran] = log["runs"]
    [result] = ran["results"]
    assert result["ruleId"] in {rule["id"] for rule in ran["tool"]["driver"]["rules"]}
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("net.py", 4)
    assert "8 biases" in result["message"]["text"]


def test_annotations_for_github(net: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an annotation that breaks the workflow's line, or points nowhere."""
    run(["lint", net, "-i", "3x32x32", "-f", "github"])
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("::warning file=net.py,line=4,title=zoo lint%3A bias-before-norm::net.py:Net: 0: 8 biases")


def test_where_a_model_is_defined(tmp_path: Path) -> None:
    """Kills a line number that is always the first."""
    file = tmp_path / "net.py"
    file.write_text("import torch\n\nsmall = torch.nn.ReLU()\n\n\ndef build():\n    return small\n", encoding="utf-8")
    assert [source_of(f"{file}:{name}")[1] for name in ("small", "build", "absent")] == [3, 6, 1]
    assert source_of("torchvision:resnet50") == ("", 0)


def test_rules_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a rule without a reason, a source or a remedy."""
    assert run(["lint", "--list", "-f", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)["rows"]
    assert [row["name"] for row in listed] == list(rules())
    for name, rule in rules().items():
        assert run(["lint", "--explain", name]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert all(" ".join(words.split()) in shown for words in (rule.why, rule.source, rule.remedy))
    assert run(["lint"]) == 2
    assert run(["lint", "--explain", "no-such"]) == 2


# The page ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_page_has_the_counted_table() -> None:
    """Kills a table of findings that was typed in."""
    import sys

    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import lint_findings
    finally:
        sys.path.pop(0)
    counted = json.loads(lint_findings.COUNTS.read_text(encoding="utf-8"))
    assert lint_findings.table(counted) in lint_findings.PAGE.read_text(encoding="utf-8")
    records = {name: lint_findings.check(name) for name in zoo.list_models()}
    assert lint_findings.counts(records)["catalogue"] == counted["catalogue"]


def test_the_page_tells_the_verdicts() -> None:
    """Kills a share of useful findings that was typed in."""
    judged = json.loads((ROOT / "benchmarks" / "lint_judged.json").read_text(encoding="utf-8"))
    page = " ".join((ROOT / "docs" / "lint.md").read_text(encoding="utf-8").split())
    useful = sum(one["useful"] for one in judged["judged"])
    assert (len(judged["judged"]), all(one["true"] for one in judged["judged"])) == (40, True)
    assert f"In the second draw (seed {judged['seed']}," in page
    assert f"all forty were true and {useful} were useful" in page
    assert {one["rule"] for one in judged["judged"]} <= set(rules())


def test_the_hook_runs_a_command_that_there_is() -> None:
    """Kills a hook that calls what was renamed."""
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    assert re.findall(r"entry: (.*)", hooks) == ["zoo lint --error-on any"]
