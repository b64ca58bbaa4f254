"""Weights of torchvision and of files in our networks, and ours in torchvision's: equal outputs, or one line that says why not."""

import math
import os
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

import zoo
from zoo.record.trace import UNUSED
from zoo.tracing.skeleton import Skeleton

TWINS = [name for name in zoo.list_models() if zoo.card(name).torchvision]
# The largest are left to their ops here, and to benchmarks/pulled.py.
SAMPLE = [name for name in TWINS if name in ("vgg11", "vgg16_bn") or not name.startswith("vgg")]


def filled(model: nn.Module) -> nn.Module:
    """A skeleton with weights that keep the scale of what goes through: a few thousand numbers, over and over."""
    some = torch.empty(40_009).uniform_(-1, 1)
    state = {}
    for key, tensor in model.state_dict().items():
        if not tensor.dim():
            state[key] = torch.zeros_like(tensor, device="cpu")
            continue
        values = some.repeat(tensor.numel() // len(some) + 1)[: tensor.numel()].view(tensor.shape)
        if tensor.dim() > 1:
            state[key] = values * math.sqrt(6 / tensor[0].numel())
        else:  # scales and variances are positive
            state[key] = 1 + values / 4 if key.endswith(("weight", "running_var")) else values / 10
    model.load_state_dict(state, assign=True)
    return model.eval()


def theirs(name: str, **options: object) -> nn.Module:
    """torchvision's twin of our network."""
    twin = zoo.card(name).torchvision
    extra = {"aux_logits": True, "init_weights": False} if twin == "googlenet" else {}
    with Skeleton():
        model: nn.Module = torchvision.models.get_model(twin, weights=None, **extra, **options)
    return filled(model)


def agree(one: nn.Module, other: nn.Module, channels: int = 3, side: int = 64) -> None:
    """On one image, to float precision: layers and kernels are the same, and so nearly always are the bits."""
    image = torch.rand(1, channels, side, side)
    with torch.inference_mode():
        equal(one.eval()(image), other.eval()(image))


def equal(mine: Tensor, twin: Tensor) -> None:
    assert twin.isfinite().all()
    assert twin.std() > 1e-3 * twin.abs().max() > 0
    torch.testing.assert_close(mine, twin, rtol=1e-5, atol=1e-5 * twin.abs().max().item())


@pytest.mark.parametrize("name", [name for name in TWINS if name.startswith("vgg")])
def test_same_ops(name: str) -> None:
    """Kills a layer too many, too few or in another order, other strides, paddings and constants, and keys that miss or cross."""
    c = zoo.card(name)
    with Skeleton():
        ours, twin = zoo.create_model(name), zoo.to_torchvision(zoo.create_model(name, **c.training))

    def ours_is(key: str) -> str:
        for pattern, replacement in c.keys:
            key = re.sub(pattern, replacement, key)
        return key

    def ops(net: nn.Module, named: Callable[[str], str]) -> list[tuple[object, ...]]:
        trace = zoo.trace(net, input=(1, *c.input))
        return [
            (op.kind, op.output.shape, op.attrs, [(named(one.name), one.shape) for one in op.owns])
            for op in trace.ops
            if op.kind not in {UNUSED, "adaptive_avg_pool2d"}  # of 7×7 to 7×7: torchvision's has it, the paper has not
        ]

    assert ops(ours, str) == ops(twin, ours_is)


@pytest.mark.parametrize("name", SAMPLE)
def test_both_ways(name: str) -> None:
    """Kills keys that cross, layers in another order, a twin that shares memory, and one without our dropout or mode."""
    torch.manual_seed(0)
    twin = theirs(name)
    ours = zoo.create_model(name, weights=twin.state_dict(), **zoo.card(name).training)
    agree(ours, twin, side=224 if name == "vgg11" else 64)  # whose maps must be 7×7
    dropouts = [layer for layer in ours.modules() if isinstance(layer, nn.Dropout)]
    for layer in dropouts[:1]:
        layer.p = 0.125
    back = zoo.to_torchvision(ours.train())
    assert back.training
    assert [layer.p for layer in back.modules() if isinstance(layer, nn.Dropout)] == [layer.p for layer in dropouts]
    state = back.state_dict()
    assert state.keys() == twin.state_dict().keys()
    assert type(back) is type(twin)
    assert all(torch.equal(state[key], tensor) for key, tensor in twin.state_dict().items())
    memory = {tensor.data_ptr() for tensor in ours.state_dict().values()}
    assert memory.isdisjoint(tensor.data_ptr() for tensor in state.values())


def test_agree_can_fail() -> None:
    """Kills a comparison that calls everything equal."""
    torch.manual_seed(0)
    twin = theirs("resnet18")
    net = zoo.create_model("resnet18", weights=twin.state_dict())
    net.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
    with pytest.raises(AssertionError):
        agree(net, twin)


def test_heads_agree() -> None:
    """Kills heads on the wrong modules, in the wrong order, or of another topology."""
    torch.manual_seed(0)
    twin = theirs("googlenet_bn").train()
    net = zoo.create_model("googlenet_bn", weights=twin.state_dict(), aux_heads=True, dropout=0.0).train()
    for layer in [*twin.modules(), *net.modules()]:
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    image = torch.rand(2, 3, 96, 96)
    with torch.inference_mode():
        logits, aux1, aux2 = net(image)
        both = twin(image)
    for mine, other in ((logits, both.logits), (aux1, both.aux_logits1), (aux2, both.aux_logits2)):
        equal(mine, other)


@pytest.mark.parametrize("name", ["resnet18", "googlenet_bn", "alexnet_owt"])
@pytest.mark.parametrize("options", [{"num_classes": 7}, {"in_channels": 1}, {"num_classes": 0, "in_channels": 5}], ids=str)
def test_to_torchvision_of_other_heads(name: str, options: dict[str, Any]) -> None:
    """Kills a twin of a thousand classes and three channels, whatever ours has."""
    torch.manual_seed(0)
    with Skeleton():
        ours = zoo.create_model(name, **options)
    filled(ours)
    agree(zoo.to_torchvision(ours), ours, channels=options.get("in_channels", 3))


def test_frozen_layers_stay_frozen() -> None:
    """Kills a twin that learns where ours does not, and weights that were on the way made ready to learn."""
    ours = zoo.create_model("resnet18", init=None)
    ours.conv1.weight.requires_grad = False
    twin = zoo.to_torchvision(ours, "resnet-18")
    assert [key for key, parameter in twin.named_parameters() if not parameter.requires_grad] == ["conv1.weight"]


# A network of seconds, in all ways ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def twin() -> nn.Module:
    torch.manual_seed(0)
    return theirs("resnet18")


def ours_of(twin: nn.Module) -> dict[str, Tensor]:
    return zoo.create_model("resnet18", weights=twin.state_dict()).state_dict()


@pytest.mark.parametrize("keys", ["ours", "theirs"])
@pytest.mark.parametrize("kind", ["a.pt", "a.pth", "a.safetensors", "nested.pt"])
def test_files(keys: str, kind: str, twin: nn.Module, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Kills a format that is not read, keys that are not recognised, and remarks where there is nothing to remark."""
    state = ours_of(twin) if keys == "ours" else twin.state_dict()
    path = tmp_path / kind
    if kind.endswith("safetensors"):
        save_file(state, path)
    else:
        torch.save({"state_dict": state, "epoch": 3} if kind.startswith("nested") else state, path)
    agree(zoo.create_model("resnet18", weights=str(path) if keys == "ours" else path), twin)
    assert caplog.records == []


def test_old_files_lack_counters(twin: nn.Module) -> None:
    """Kills a demand for num_batches_tracked, which torchvision's own files of old do not have."""
    state = {key: tensor for key, tensor in twin.state_dict().items() if not key.endswith("num_batches_tracked")}
    agree(zoo.create_model("resnet18", weights=state), twin)


def test_whole_weights_draw_nothing(twin: nn.Module) -> None:
    """Kills seconds of drawing numbers that are overwritten."""
    before = torch.get_rng_state()
    zoo.create_model("resnet18", weights=twin.state_dict())
    assert torch.equal(torch.get_rng_state(), before)


def test_other_classes(twin: nn.Module, caplog: pytest.LogCaptureFixture) -> None:
    """Kills a head of the wrong size, one that is left as memory was, a body that is not the file's, and silence about it."""
    torch.manual_seed(1)
    model = zoo.create_model("resnet18", weights=twin.state_dict(), num_classes=7)
    assert model.fc.weight.shape == (7, 512)
    assert model.fc.weight.std().item() == pytest.approx(1 / math.sqrt(3 * 512), rel=0.1)  # torchvision's start
    assert model.fc.bias.abs().max() <= 1 / math.sqrt(512)
    model.fc, body = nn.Identity(), torchvision.models.resnet18()
    body.load_state_dict(twin.state_dict())
    body.fc = nn.Identity()
    agree(model, body)
    (record,) = caplog.records
    assert record.name == "zoo"
    assert "fc not loaded" in record.getMessage()


def test_no_classes(twin: nn.Module, caplog: pytest.LogCaptureFixture) -> None:
    """Kills a feature extractor that refuses the weights of the whole network, or does not say what it leaves out."""
    model = zoo.create_model("resnet18", weights=twin.state_dict(), num_classes=0)
    agree(nn.Sequential(model, twin.fc), twin)
    assert "fc not used" in caplog.text
    caplog.clear()
    again = zoo.create_model("resnet18", weights=model.state_dict(), num_classes=5)
    assert torch.equal(again.conv1.weight, twin.conv1.weight)
    assert "fc missing in the weights" in caplog.text


def test_other_channels(twin: nn.Module, caplog: pytest.LogCaptureFixture) -> None:
    """Kills kernels cut off or averaged: a grey image gives what its three copies gave; twice the channels, what each half gave."""
    image = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        expected = twin(image.expand(1, 3, 64, 64))
        grey = zoo.create_model("resnet18", weights=twin.state_dict(), in_channels=1).eval()
        torch.testing.assert_close(grey(image), expected, rtol=1e-4, atol=1e-4)
        assert "conv1 adapted from 3 to 1 channels" in caplog.text
        six = zoo.create_model("resnet18", weights=twin.state_dict(), in_channels=6).eval()
        colours = torch.rand(1, 3, 64, 64)
        torch.testing.assert_close(six(torch.cat([colours, colours], dim=1)), twin(colours), rtol=1e-4, atol=1e-4)
    four = zoo.create_model("resnet18", weights=twin.state_dict(), in_channels=4)
    assert torch.equal(four.conv1.weight[:, 3], twin.conv1.weight[:, 0] * 0.75)


def test_auxiliary_heads(caplog: pytest.LogCaptureFixture) -> None:
    """Kills heads that a network without them demands, loads, or drops in silence; and old classes in new heads."""
    twin = theirs("googlenet_bn")
    zoo.create_model("googlenet_bn", weights=twin.state_dict())
    assert "aux1, aux2 not used" in caplog.text
    model = zoo.create_model("googlenet_bn", weights=twin.state_dict(), num_classes=3, aux_heads=True)
    assert model.aux1.linear.weight.shape == (3, 1024)
    assert torch.equal(model.aux1.fc.weight, twin.aux1.fc1.weight)


# torchvision's own ----------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of torch.hub in which torchvision looks for what it has fetched before."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_published_weights(cache: Path, twin: nn.Module, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills another file than torchvision's, another name of it, and notes on standard output."""
    torch.save(twin.state_dict(), cache / "resnet18-f37072fd.pth")
    agree(zoo.create_model("resnet18", weights="torchvision:IMAGENET1K_V1"), twin)
    agree(zoo.create_model("resnet18", weights="torchvision:DEFAULT"), twin)
    assert capsys.readouterr().out == ""


def test_published_weights_cannot_be_fetched(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a traceback where there is no network, and a half-made file in the cache."""

    def nowhere(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", nowhere)
    with pytest.raises(zoo.ZooError, match=r"cannot download .*resnet18-f37072fd\.pth: no route.*you can save it as"):
        zoo.create_model("resnet18", weights="torchvision:IMAGENET1K_V1")
    assert list(cache.iterdir()) == []


def test_googlenet_scales_images(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Kills silence about what torchvision does to images in front of GoogLeNet: with images so scaled, outputs are equal."""
    twin = theirs("googlenet_bn")
    torch.save(twin.state_dict(), cache / "googlenet-1378be20.pth")
    model = zoo.create_model("googlenet_bn", weights="torchvision:IMAGENET1K_V1").eval()
    assert "mean 0.5 and standard deviation 0.5" in caplog.text
    with Skeleton():
        published: nn.Module = torchvision.models.googlenet(transform_input=True, init_weights=False)
    published.load_state_dict(twin.state_dict(), assign=True)
    pixels = torch.rand(1, 3, 64, 64)
    means, deviations = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    usual = (pixels - means.view(3, 1, 1)) / deviations.view(3, 1, 1)
    with torch.inference_mode():
        torch.testing.assert_close(model((pixels - 0.5) / 0.5), published.eval()(usual), rtol=1e-4, atol=1e-4)


def test_googlenet_of_a_state_dict(caplog: pytest.LogCaptureFixture) -> None:
    """Kills silence where weights in torchvision's keys come without a label, and a remark on weights in ours."""
    twin = theirs("googlenet_bn")
    model = zoo.create_model("googlenet_bn", weights=twin.state_dict())
    assert "if torchvision published them, they expect images of mean 0.5 and standard deviation 0.5" in caplog.text
    caplog.clear()
    zoo.create_model("googlenet_bn", weights=model.state_dict())
    assert not caplog.text


def test_numbers_that_are_none(twin: nn.Module, caplog: pytest.LogCaptureFixture) -> None:
    """Kills silence about a classifier of nan, which torchvision publishes with VGG-16's features."""
    state = {**twin.state_dict(), "fc.bias": torch.full((1000,), math.nan)}
    zoo.create_model("resnet18", weights=state)
    assert "fc contains numbers that are not finite" in caplog.text


# What is refused ------------------------------------------------------------------------------------------------------


class Hostile:
    """What runs when it is unpickled by a trusting program."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def refusal(weights: Any, name: str = "resnet18", **options: Any) -> str:
    with pytest.raises(zoo.ZooError) as caught:
        zoo.create_model(name, weights=weights, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("zipped", [True, False])
def test_hostile_files(protocol: int, zipped: bool, tmp_path: Path) -> None:
    """Kills a loader that runs what a file says."""
    mark, path = tmp_path / "mark", tmp_path / "a.pt"
    if zipped:
        torch.save({"fc.weight": Hostile(mark)}, path, pickle_protocol=protocol)
    else:
        path.write_bytes(pickle.dumps({"fc.weight": Hostile(mark)}, protocol=protocol))
    line = refusal(path)
    assert str(path) in line
    assert "refused" in line or "damaged" in line
    assert not mark.exists()
    if zipped and protocol == 2:
        assert re.search(r"it contains \w+\.mkdir, and only tensors are loaded", line)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"\x89PNG\r\n\x1a\n" + bytes(100), None], ids=["empty", "text", "image", "cut"]
)
def test_damaged_files(suffix: str, content: bytes | None, tmp_path: Path) -> None:
    """Kills a traceback for a file that is none, or half of one."""
    path = tmp_path / f"a{suffix}"
    if content is None:
        state = {"fc.weight": torch.ones(300, 300)}
        save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
        path.write_bytes(path.read_bytes()[:1000])
    else:
        path.write_bytes(content)
    assert re.match(rf"{re.escape(str(path))} is damaged or does not contain weights", refusal(path))


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("nowhere.pt", "weights='nowhere.pt': no such file"),
        ("IMAGENET1K_V1", "write torchvision:IMAGENET1K_V1"),
        (".", "it is a folder"),
        ("torchvision:IMAGENET1K_V2", "unknown weights of torchvision:resnet18 'IMAGENET1K_V2'; did you mean IMAGENET1K_V1"),
        (True, "weights: expected torchvision:NAME, a file, or a state dict, got True"),
        ({}, "expected a state dict of named tensors"),
        ({"fc.weight": 1}, "got int for 'fc.weight'"),
        ({"epoch": 3, "model": {"x": "y"}}, "got str for 'x'"),
        (
            {"fc.weight": torch.eye(3).to_sparse()},
            "expected dense tensors with values, got one in sparse_coo layout for 'fc.weight'",
        ),
        ({"fc.weight": torch.eye(3, device="meta")}, "expected dense tensors with values, got one without values for 'fc.weight'"),
    ],
)
def test_no_weights(weights: object, words: str) -> None:
    """Kills answers that do not say what was wanted."""
    assert words in refusal(weights)


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_quantised_weights() -> None:
    """Kills a traceback for tensors with which torch cannot compute."""
    assert "got one quantised for 'fc.weight'" in refusal(
        {"fc.weight": torch.quantize_per_tensor(torch.eye(3), 0.1, 0, torch.qint8)}
    )


def test_whole_modules_are_refused(tmp_path: Path) -> None:
    """Kills the loading of a pickled module, which runs code; and an answer that does not say what to save instead."""
    torch.save(nn.Linear(2, 2), tmp_path / "a.pt")
    assert "only tensors are loaded; save a state dict" in refusal(tmp_path / "a.pt")


def without(state: Mapping[str, Tensor], *keys: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in state.items() if key not in keys}


def test_weights_of_another_network(twin: nn.Module) -> None:
    """Kills weights that are loaded as far as they go, and answers that do not name keys and shapes."""
    state = twin.state_dict()
    assert "does not fit resnet34: missing keys (80): conv2_x.2.bn1.bias, " in refusal(state, "resnet34")
    assert re.search(r"does not fit lenet5: missing keys \(\d+\): .*; unknown keys \(\d+\): ", refusal(state, "lenet5"))
    assert refusal(without(state, "bn1.bias")).endswith("missing keys (1): bn1.bias")
    assert refusal({**state, "more": torch.ones(1)}).endswith("unknown keys (1): more")
    wrong = {**state, "layer1.0.conv1.weight": torch.ones(64, 64, 1, 1)}
    assert refusal(wrong).endswith("keys of another shape or type (1): conv2_x.0.conv1.weight: expected 64×64×3×3, got 64×64×1×1")
    whole = {**state, "fc.weight": torch.ones(1000, 512, dtype=torch.int8)}
    assert refusal(whole).endswith("keys of another shape or type (1): fc.weight: expected 1000×512, got 1000×512 of int8")
    first = {**state, "conv1.weight": torch.ones(64, 3, 5, 5)}
    assert refusal(first, in_channels=1).endswith("conv1.weight: expected 64×1×7×7, got 64×3×5×5")


def test_networks_that_torchvision_has_not() -> None:
    """Kills torchvision's weights in a network of another topology, and a twin of one."""
    assert "resnet50_v1_5" in refusal("torchvision:IMAGENET1K_V1", "resnet50")
    for name, options, words in (
        ("resnet50", {}, "torchvision has no network that equals resnet50"),
        ("resnet18", {"shortcut": "A"}, "this resnet18 is not torchvision's: "),
    ):
        with pytest.raises(zoo.ZooError, match=words):
            zoo.to_torchvision(zoo.create_model(name, init=None, **options))
    with pytest.raises(zoo.ZooError, match=r"pass its name: to_torchvision\(model, 'resnet18'\)"):
        zoo.to_torchvision(nn.Linear(2, 2))
