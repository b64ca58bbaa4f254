"""Weights as they lie around, in any module; other classes, learning rates by depth, frozen stages."""

import copy
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

import zoo


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    """torchvision's ResNet-18."""
    torch.manual_seed(0)
    return torchvision.models.resnet18().eval()


def same(one: nn.Module, other: nn.Module, side: int = 64) -> bool:
    image = torch.rand(1, 3, side, side)
    with torch.inference_mode():
        return torch.allclose(one.eval()(image), other.eval()(image), rtol=1e-5, atol=1e-6)


def prefixed(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + key: tensor for key, tensor in state.items()}


@pytest.mark.parametrize(
    "packed",
    [
        lambda state: {"epoch": 3, "model_state_dict": prefixed(state, "module.")},
        lambda state: {"net": prefixed(state, "_orig_mod.module.")},
        lambda state: {"state_dict": {**prefixed(state, "model.")}, "hyper_parameters": {"lr": 1}},
        lambda state: {"ema": {"state_dict": state}},
        lambda state: {"n_averaged": torch.tensor(5), **prefixed(state, "module.")},
    ],
    ids=["ddp", "compiled", "lightning", "ema", "averaged"],
)
def test_packed(packed: Callable[[Any], Any], theirs: nn.Module, tmp_path: Path) -> None:
    """Kills a prefix or a nesting that is not seen through, and weights that end elsewhere."""
    torch.save(packed(theirs.state_dict()), tmp_path / "a.pt")
    assert same(zoo.create_model("resnet18", weights=tmp_path / "a.pt"), theirs)


@pytest.mark.parametrize("name", [pytest.param("vgg11", marks=pytest.mark.slow), "resnet18"])
def test_timm(name: str) -> None:
    """Kills a key of timm in another layer: outputs are timm's."""
    twin = timm.create_model(name)
    assert same(zoo.create_model(name, weights=twin.state_dict()), twin, 224 if name == "vgg11" else 64)


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(zoo.ZooError) as caught:
        call()
    return str(caught.value)


def resnet50_without_weights(**options: Any) -> dict[str, torch.Tensor]:
    """A state dict of torchvision's ResNet-50 of any numbers."""
    with torch.device("meta"):
        state = torchvision.models.resnet50(**options).state_dict()
    return {key: torch.empty_like(value, device="cpu") for key, value in state.items()}


def test_whose_weights() -> None:
    """Kills an answer that lists keys and does not say which network the weights belong to."""
    state = resnet50_without_weights(num_classes=9)
    said = refusal(lambda: zoo.create_model("resnet50", num_classes=7, weights=state))
    assert said.endswith(
        "these are torchvision's weights of resnet50_v1_5: zoo.create_model('resnet50_v1_5', weights=...) loads them"
    )
    said = refusal(lambda: zoo.create_model("resnet50", weights="ResNet50_Weights.IMAGENET1K_V1"))
    assert said.startswith("ResNet50_Weights are weights of resnet50_v1_5, not of resnet50")
    assert "unknown weights of torchvision" in refusal(lambda: zoo.create_model("resnet50", weights="ResNut_Weights.DEFAULT"))


def test_enumerations(theirs: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills torchvision's own spelling of published weights, as a text and as a member, that is not understood."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(theirs.state_dict(), tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth")
    for weights in ("ResNet18_Weights.IMAGENET1K_V1", torchvision.models.ResNet18_Weights.DEFAULT):
        assert same(zoo.create_model("resnet18", weights=weights), theirs)
    other = torchvision.models.resnet18()
    zoo.load_weights(other, "ResNet18_Weights.IMAGENET1K_V1")
    assert same(other, theirs)


def statuses(table: zoo.Table) -> dict[str, str]:
    return {row.name: row.type for row in table.rows}


def test_any_module(theirs: nn.Module) -> None:
    """Kills a direction that is not translated: the catalogue's weights in torchvision's and timm's modules, also in wrappers."""
    ours = zoo.create_model("resnet18", weights=theirs.state_dict())
    for module in (torchvision.models.resnet18(), timm.create_model("resnet18")):
        table = zoo.load_weights(nn.DataParallel(module), ours.state_dict())
        assert set(statuses(table).values()) == {"loaded"}
        assert len(table.context["loaded"]) == len(module.state_dict())
        assert same(module, theirs)


def test_report(theirs: nn.Module) -> None:
    """Kills a layer of which only a part is loaded, and one that the report hides."""
    net = torchvision.models.resnet18(num_classes=7)
    net.fc.bias = nn.Parameter(torch.zeros(7))
    before = copy.deepcopy(net.fc)
    state = {**theirs.state_dict(), "extra.weight": torch.ones(2), "fc.bias": torch.ones(7)}
    table = zoo.load_weights(net, state)
    found = statuses(table)
    assert (found.pop("fc"), found.pop("extra")) == ("left", "skipped")
    assert set(found.values()) == {"loaded"}
    assert torch.equal(net.fc.weight, before.weight)
    assert torch.equal(net.fc.bias, before.bias)
    assert torch.equal(net.layer4[1].conv2.weight, theirs.state_dict()["layer4.1.conv2.weight"])
    assert sum(row.cells["tensors"] for row in table.rows) == len(state)


def test_reshaped() -> None:
    """Kills a linear layer that is saved as a convolution and is not loaded, or in another order."""
    conv, linear = nn.Sequential(nn.Conv2d(3, 5, 4)), nn.Sequential(nn.Linear(48, 5))
    table = zoo.load_weights(linear, conv.state_dict())
    assert statuses(table) == {"0": "reshaped"}
    image = torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(linear(image.flatten(1)), conv(image).flatten(1))


@pytest.mark.slow
def test_nothing_is_half_loaded(theirs: nn.Module) -> None:
    """Kills weights of another network that are loaded as far as some names agree, and a model that an error has changed."""
    net = zoo.create_model("resnet50")
    before = copy.deepcopy(net.state_dict())
    state = resnet50_without_weights()
    assert "these are torchvision's weights of resnet50_v1_5" in refusal(lambda: zoo.load_weights(net, state))
    assert all(torch.equal(before[key], tensor) for key, tensor in net.state_dict().items())
    with torch.device("meta"):
        bare = nn.Linear(2, 2)
    assert "is on the meta device" in refusal(lambda: zoo.load_weights(bare, {"weight": torch.ones(2, 2)}))


class Refuses(nn.Linear):
    def load_state_dict(self, state: Any, *args: Any, **more: Any) -> Any:
        found = super().load_state_dict(state, *args, **more)
        if state["weight"].mean() == 1:
            raise RuntimeError("no ones")
        return found


def test_errors_undo() -> None:
    """Kills a model that keeps what it had loaded when it refused the rest."""
    net = Refuses(2, 2)
    before = net.weight.detach().clone()
    assert "no ones" in refusal(lambda: zoo.load_weights(net, {"weight": torch.ones(2, 2), "bias": torch.ones(2)}))
    assert torch.equal(net.weight, before)


@pytest.mark.parametrize(
    "build",
    [
        lambda: torchvision.models.squeezenet1_1(),
        lambda: timm.create_model("resnet18"),
        lambda: timm.create_model("vit_tiny_patch16_224"),
        lambda: zoo.create_model("googlenet", aux_heads=True, init=None),
        lambda: zoo.create_model("nin_cifar10"),
    ],
    ids=["squeezenet", "timm", "vit", "googlenet", "nin"],
)
def test_classifiers(build: Callable[[], nn.Module]) -> None:
    """Kills another layer that is replaced, an auxiliary head that is forgotten, and keys that change."""
    net = build()
    before = {key: tensor.shape for key, tensor in net.state_dict().items()}
    assert zoo.reset_classifier(net, 7) is net
    after = {key: tensor.shape for key, tensor in net.state_dict().items()}
    assert list(after) == list(before)
    assert all(after[key] == shape or (after[key][0], *after[key][1:]) == (7, *shape[1:]) for key, shape in before.items())
    assert {out.shape for out in zoo.trace(net, batch=2, train=True).outputs} == {(2, 7)}
    assert zoo.trace(zoo.reset_classifier(net, 0)).outputs[0].shape[1] != 7


def test_no_classifier() -> None:
    """Kills a layer that is replaced by one of another kind: LeNet-5's scores are distances."""
    assert "LeNet5: expected a linear layer or a convolution" in refusal(
        lambda: zoo.reset_classifier(zoo.create_model("lenet5"), 7)
    )
    assert "expected an integer >= 0" in refusal(lambda: zoo.reset_classifier(zoo.create_model("lenet5_modern"), -1))


def test_groups() -> None:
    """Kills a parameter in no group or in two, and an order other than that of depth."""
    net = torchvision.models.resnet18()
    groups = zoo.parameter_groups(net, lr=0.1, decay=0.5, weight_decay=0.01)
    assert sorted(id(one) for group in groups for one in group["params"]) == sorted(map(id, net.parameters()))
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    tops: dict[str, set[str]] = {}
    for group in groups:
        tops.setdefault(group["name"], set()).update(names[id(one)].split(".")[0] for one in group["params"])
    assert list(tops) == ["stage1", "stage2", "stage3", "stage4", "stage5", "head"]
    assert list(tops.values()) == [{"conv1", "bn1"}, {"layer1"}, {"layer2"}, {"layer3"}, {"layer4"}, {"fc"}]
    assert [group["lr"] for group in groups][-1] == 0.1 == groups[0]["lr"] * 2**5
    assert all(group["weight_decay"] == (0.01 if group["params"][0].dim() > 1 else 0) for group in groups)
    torch.optim.SGD(groups, lr=1.0)
    blocks = zoo.parameter_groups(timm.create_model("vit_tiny_patch16_224"), lr=1.0)
    assert [group["name"] for group in blocks][2:5] == ["blocks.0", "blocks.1", "blocks.2"]
    nested = torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 32)  # its blocks have names, and layers with numbers
    names = [group["name"] for group in zoo.parameter_groups(nested, lr=1.0, input=(1, 3, 32, 32))]
    assert names == [
        "conv_proj",
        "stem",
        "encoder",
        *(f"encoder.layers.encoder_layer_{i}" for i in range(2)),
        "encoder.ln",
        "heads",
    ]
    rows = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    assert [(group["name"], group["lr"]) for group in zoo.parameter_groups(rows, lr=1.0, decay=0.5, input=(1, 4))] == [
        ("0", 0.5),
        ("2", 1.0),
    ]


def test_frozen() -> None:
    """Kills statistics of frozen norms that move in training, also after copying and pickling, and later norms that stand still."""
    net = zoo.create_model("resnet20")
    frozen = zoo.freeze(net, "stage2")
    assert {name for name, one in net.named_parameters() if not one.requires_grad} == set(frozen)
    assert {name.split(".")[0] for name in frozen} == {"conv1", "bn1", "conv2_x", "conv3_x"}
    for one in (net, copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        one.train()
        before = copy.deepcopy(one.state_dict())
        one(torch.rand(2, 3, 32, 32))
        moved = {key.split(".")[0] for key, tensor in one.state_dict().items() if not torch.equal(tensor, before[key])}
        assert moved == {"conv4_x"}
    assert zoo.freeze(net, None) == []
    net.train()
    assert all(module.training for module in net.modules())
    assert all(one.requires_grad for one in net.parameters())
    assert "expected one of stage1, stage2, stage3, head" in refusal(lambda: zoo.freeze(net, "conv9"))


def test_inputs_are_remembered() -> None:
    """Kills a module of the catalogue that is analysed at 224×224, whatever its card says."""
    assert zoo.trace(zoo.create_model("resnet20")).inputs[0].shape == (1, 3, 32, 32)
    assert zoo.trace(pickle.loads(pickle.dumps(zoo.create_model("lenet5", in_channels=3)))).inputs[0].shape == (1, 3, 32, 32)
    assert zoo.stages(zoo.create_model("alexnet", init=None)) == zoo.stages("alexnet")
    assert any("is assumed" in str(note) for note in zoo.summary(nn.Conv2d(3, 4, 3)).notes)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: zoo.freeze("alexnet", "stage1"),  # type: ignore[arg-type]
        lambda: zoo.reset_classifier("alexnet", 7),  # type: ignore[arg-type]
        lambda: zoo.parameter_groups("alexnet", lr=0.1),  # type: ignore[arg-type]
        lambda: zoo.load_weights("alexnet", {}),  # type: ignore[arg-type]
        lambda: zoo.gradient_checkpointing("alexnet"),  # type: ignore[arg-type]
    ],
)
def test_name_in_place_of_a_module(ask: Callable[[], object]) -> None:
    with pytest.raises(zoo.ZooError, match=r"expected an nn\.Module, got str; zoo\.create_model\('alexnet'\) builds one"):
        ask()
