"""The catalogue's networks: their cards are true, they train, and they start and compute as their papers say."""

import ast
import importlib
import math
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import zoo
from zoo.catalogue.card import Variant
from zoo.catalogue.entries import entry

NAMES = zoo.list_models()
CLAIMS = [
    pytest.param(name, claim, id="-".join([name, *map(str, claim.options.values())]))
    for name in NAMES
    for claim in (Variant(params=zoo.card(name).params, macs=zoo.card(name).macs), *zoo.card(name).variants)
]


def on_meta(name: str, **options: object) -> nn.Module:
    with torch.device("meta"):
        return zoo.create_model(name, **options)


def outputs(net: nn.Module, x: Tensor) -> tuple[Tensor, ...]:
    out = net(x)
    return out if isinstance(out, tuple) else (out,)


# Layers that learn nothing until the weights after them, which are born as zeros, have moved.
VGG_16 = {"conv1_1", "conv1_2", "conv2_1", "conv2_2", *(f"conv{b}_{i}" for b in (3, 4, 5) for i in (1, 2, 3)), "fc6", "fc7"}
ASLEEP = {
    "stn_mnist": {f"transformer.localisation.{layer}" for layer in ("conv1", "conv2", "fc1")},
    "mlp_mnist": {"hidden.fc"},
    "text_cnn": {f"windows.window{n}.conv" for n in (3, 4, 5)},
    **{name: {f"features.{layer}" for layer in VGG_16} for name in zoo.list_models(family="fcn")},
}
LARGE = set(zoo.list_models(family="fcn"))


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in NAMES])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def net(name: str) -> nn.Module:
    """The network as it is trained, from seed 0, built once for all tests that ask for it."""
    torch.manual_seed(0)
    return zoo.create_model(name, **zoo.card(name).training).train()


def test_training_step(name: str, net: nn.Module) -> None:
    """Kills a layer that forward leaves out, shapes that do not fit, and a start from which nothing can be learnt."""
    normalised = any(isinstance(layer, nn.BatchNorm2d) for layer in net.modules())
    channels, *sides = zoo.card(name).input
    most = 64 if normalised or zoo.card(name).family == "fcn" else max(sides)
    shape = (2 if normalised else 1, channels, *(min(side, most) for side in sides))
    outs = [out.flatten(2).mean(2) if out.dim() == 4 else out for out in outputs(net, torch.randn(shape))]
    loss = torch.stack([F.cross_entropy(out, torch.arange(len(out))) for out in outs]).sum()
    loss.backward()
    classes = {option.name: option.default for option in entry(name).options}["num_classes"]
    assert {out.shape for out in outs} == {(shape[0], classes)}
    assert loss.isfinite()
    for key, parameter in net.named_parameters():
        if not parameter.requires_grad:
            assert parameter.grad is None, key
            continue
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any() == (key.rpartition(".")[0] not in ASLEEP.get(name, ())), key
        parameter.grad = None


@pytest.mark.slow
def test_seed(name: str, net: nn.Module) -> None:
    """Kills weights that come from anything but torch's own generator, or from nowhere."""
    torch.manual_seed(0)
    again = dict(zoo.create_model(name, **zoo.card(name).training).named_parameters())
    assert all(torch.equal(parameter, again[key]) for key, parameter in net.named_parameters())


@pytest.mark.parametrize(("name", "claim"), CLAIMS)
def test_numbers(name: str, claim: Variant) -> None:
    """Kills a wrong width, kernel, group, stride, bias or shortcut: parameters and multiply-accumulates are exact."""
    net = on_meta(name, **claim.options).train(claim.train)
    with FlopCounterMode(display=False) as counter:
        net(torch.empty(1 if not claim.train else 2, *zoo.card(name).input, device="meta"))
    assert sum(parameter.numel() for parameter in net.parameters()) == claim.params
    assert counter.get_total_flops() == claim.macs * 2 * (1 if not claim.train else 2)


@pytest.mark.parametrize("name", NAMES)
def test_published(name: str) -> None:
    """Kills a published number that is not what we claim, and says nothing of why."""
    for one in zoo.card(name).published:
        assert one.verdict(getattr(zoo.card(name), one.quantity)) != "differs", one


@pytest.mark.parametrize("name", NAMES)
def test_card_read_is_card_attached(name: str) -> None:
    """Kills a card that Python computes differently from how the catalogue reads it."""
    assert getattr(importlib.import_module(entry(name).module), name).card == zoo.card(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_other_classes_and_channels(name: str) -> None:
    """Kills a hard-wired number of classes or of input channels."""
    training = zoo.card(name).training
    for options in ({}, training) if training else ({},):
        net = on_meta(name, num_classes=7, in_channels=2, **options)
        x = torch.empty(2, 2, *zoo.card(name).input[1:], device="meta")
        maps = x.shape[2:] if zoo.card(name).family == "fcn" else ()
        assert {out.shape for out in outputs(net, x)} == {(2, 7, *maps)}


@pytest.mark.parametrize("path", sorted(Path(str(zoo.__file__)).parent.glob("archs/[a-z]*.py")), ids=lambda path: path.stem)
def test_file_stands_alone(path: Path) -> None:
    """Kills a file that cannot be pulled into another project, since it needs more than torch and `arch`."""
    wanted = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            wanted |= {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}:{alias.name}" for alias in node.names}
            wanted |= {str(node.module).partition(".")[0]} if names != {"zoo.extend:arch"} else set()
    assert wanted <= {"torch", *sys.stdlib_module_names}


# How weights start ---------------------------------------------------------------------------------------------------


def layers(net: nn.Module, *kinds: type[nn.Module]) -> dict[str, nn.Module]:
    return {key: layer for key, layer in net.named_modules() if isinstance(layer, kinds or (nn.Conv2d, nn.Linear))}


def is_normal(weights: Tensor, std: float) -> bool:
    """As to mean and deviation within five standard errors, and with tails."""
    weights, error = weights.detach(), 5 / math.sqrt(weights.numel())
    close = abs(weights.mean() / std) < error and abs(weights.std() / std - 1) < error
    return bool(close and weights.abs().max() > 2 * std)


def is_uniform(weights: Tensor, bound: float) -> bool:
    """As to mean and deviation within five standard errors, and without tails."""
    weights, error = weights.detach(), 5 / math.sqrt(weights.numel())
    spread = weights.square().mean().sqrt() / bound * math.sqrt(3)
    close = abs(weights.mean() / bound) < error and abs(spread - 1) < error
    return bool(close and weights.abs().max() <= bound * (1 + 1e-6))


def biases(net: nn.Module) -> dict[str, set[float]]:
    return {key: set(layer.bias.tolist()) for key, layer in layers(net).items()}


@pytest.mark.parametrize("name", ["alexnet", "alexnet_ungrouped"])
def test_alexnet_start(name: str) -> None:
    """Kills a deviation other than 0.01, and ones in the wrong layers."""
    net = zoo.create_model(name)
    assert all(is_normal(layer.weight, 0.01) for layer in layers(net).values())
    assert biases(net) == {
        **{key: {0.0} for key in ("conv1", "conv3", "fc8")},
        **{key: {1.0} for key in ("conv2", "conv4", "conv5", "fc6", "fc7")},
    }


def test_lenet_start() -> None:
    """Kills a bound of 2.4 / sqrt(F), a fan-in that counts maps which a group does not see, and biases of zero."""
    net = zoo.create_model("lenet5")
    inputs = {"C1": 25, "C3.read_3": 75, "C3.read_4": 100, "C3.read_6": 150, "C5": 400, "F6": 120}
    assert layers(net).keys() == inputs.keys()
    for key, fan_in in {**inputs, "S2": 4, "S4": 4}.items():
        learnt = torch.cat([parameter.flatten() for parameter in net.get_submodule(key).parameters()])
        assert is_uniform(learnt, 2.4 / fan_in), key
        assert net.get_submodule(key).bias.any(), key


def test_vgg_start() -> None:
    """Kills the normal distribution, and a bound from one fan alone."""
    net = zoo.create_model("vgg11")
    for layer in layers(net).values():
        fan_out, fan_in = layer.weight[:, 0].numel(), layer.weight[0].numel()
        assert is_uniform(layer.weight, math.sqrt(6 / (fan_in + fan_out)))
        assert not layer.bias.any()


def test_googlenet_start() -> None:
    """Kills Glorot's bound, which is not what Caffe calls xavier, and 0.2 in the biases of the classes."""
    net = zoo.create_model("googlenet", aux_heads=True)
    assert all(is_uniform(layer.weight, math.sqrt(3 / layer.weight[0].numel())) for layer in layers(net).values())
    classes = {"linear", "aux1.linear", "aux2.linear"}
    assert {key for key, values in biases(net).items() if values == {0.0}} == classes
    assert all(values == {torch.tensor(0.2).item()} for key, values in biases(net).items() if key not in classes)


def test_googlenet_bn_start() -> None:
    """Kills the paper's start where torchvision's is claimed."""
    assert all(is_normal(layer.weight, 0.01) for layer in layers(zoo.create_model("googlenet_bn")).values())


@pytest.mark.parametrize(
    ("name", "fan"),
    [
        *((name, "in") for name in ("resnet18_a", "resnet34_c", "plain18", "resnet50", "resnet20", "plain20")),
        *((name, "out") for name in ("resnet18", "resnet34", "resnet50_v1_5")),
    ],
)
def test_resnet_start(name: str, fan: str) -> None:
    """Kills the other fan: equation 10 of He et al. takes the inputs, torchvision the outputs."""
    net = zoo.create_model(name)
    for layer in layers(net, nn.Conv2d).values():
        fans = {"in": layer.weight[0].numel(), "out": layer.weight[:, 0].numel()}
        assert is_normal(layer.weight, math.sqrt(2 / fans[fan]))
    assert all(layer.weight.eq(1).all() and not layer.bias.any() for layer in layers(net, nn.BatchNorm2d).values())
    if fan == "in":
        assert is_normal(net.fc.weight, math.sqrt(2 / net.fc.in_features))
        assert not net.fc.bias.any()


@pytest.mark.parametrize(
    ("name", "std", "others", "ones"),
    [
        ("caffenet", 0.01, {"fc6": 0.005, "fc7": 0.005}, "conv2 conv4 conv5 fc6 fc7"),
        ("levi_hassner", 0.01, {"fc6": 0.005, "fc7": 0.005}, "conv2 fc6 fc7"),
        ("zfnet", 0.01, {}, ""),
        ("vgg_cnn_m", 0.1, {}, ""),  # the paper prints a variance of 10^-2
        ("nin_cifar10", 0.05, {}, ""),
        ("nin_imagenet", 0.05, {"conv1": 0.01, "conv3": 0.01, "cccp8": 0.01}, ""),
    ],
)
def test_normal_start(name: str, std: float, others: dict[str, float], ones: str) -> None:
    """Kills one deviation for all layers where the released model has two, and biases of one in the wrong layers."""
    net = zoo.create_model(name)
    for key, layer in layers(net).items():
        key = key.removeprefix("features.")
        assert is_normal(layer.weight, others.get(key, std)), key
        assert set(layer.bias.tolist()) == {float(key in ones.split())}, key


@pytest.mark.parametrize("name", ["lenet_caffe", "all_cnn_c"])
def test_caffe_xavier_start(name: str) -> None:
    """Kills Glorot's bound, which is not what Caffe calls xavier."""
    net = zoo.create_model(name)
    assert all(is_uniform(layer.weight, math.sqrt(3 / layer.weight[0].numel())) for layer in layers(net).values())
    assert all(values == {0.0} for values in biases(net).values())


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("lenet1989", {"H1": 25, "H2": 200, "H3": 192, "OUTPUT": 30}),
        ("lenet1", {"H1": 25, "H2": 4, "H3.read_1": 25, "H3.read_2": 50, "H4": 4, "OUTPUT": 192}),
    ],
)
def test_early_lenets_start(name: str, inputs: dict[str, int]) -> None:
    """Kills a bound of 2.4 / sqrt(F), a fan-in that counts maps which a unit does not see, and biases of zero."""
    net = zoo.create_model(name)
    assert layers(net).keys() <= inputs.keys()
    for key, fan_in in inputs.items():
        parameters = dict(net.get_submodule(key).named_parameters())
        assert is_uniform(torch.cat([parameter.flatten() for parameter in parameters.values()]), 2.4 / fan_in), key
        assert all(parameter.any() for parameter in parameters.values()), key


def test_stn_start() -> None:
    """Kills a transformer that does not begin with the identity."""
    last = zoo.create_model("stn_mnist").transformer.localisation.fc2
    assert not last.weight.any()
    assert last.bias.view(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]


# What the parts compute ----------------------------------------------------------------------------------------------

# Table I of the LeNet-5 paper as it is printed: a row for each map of S2, a column for each map of C3.
TABLE_I = """
X . . . X X X . . X X X X . X X
X X . . . X X X . . X X X X . X
X X X . . . X X X . . X . X X X
. X X X . . X X X X . . X . X X
. . X X X . . X X X X . X X . X
. . . X X X . . X X X X . X X X
"""


def test_c3_reads_table_i() -> None:
    """Kills maps in another order than the paper's, and weights for maps that a map does not read."""
    c3 = zoo.create_model("lenet5").C3
    x = torch.randn(1, 6, 14, 14)
    for m, row in enumerate(TABLE_I.strip().splitlines()):
        other = x.clone()
        other[:, m] += 1
        changed = (c3(x) != c3(other)).flatten(2).any(dim=2)[0]
        assert changed.tolist() == [mark == "X" for mark in row.split()]


def test_subsampling_adds() -> None:
    """Kills a mean in place of the sum, and squashing left out."""
    net = zoo.create_model("lenet5")
    s2 = net.S2
    x = torch.randn(2, 6, 4, 4)
    total = x[:, :, 0::2, 0::2] + x[:, :, 0::2, 1::2] + x[:, :, 1::2, 0::2] + x[:, :, 1::2, 1::2]
    expected = 1.7159 * torch.tanh(2 / 3 * (total * s2.coefficient + s2.bias))
    torch.testing.assert_close(net.squash2(s2(x)), expected)


def test_rbf_distances() -> None:
    """Kills a dot product in place of the distance, trainable or lost codes, and codes that are not told apart."""
    net = zoo.create_model("lenet5")
    codes = net.state_dict()["OUTPUT.codes"]
    assert codes.shape == (10, 84)
    assert set(codes.flatten().tolist()) == {1.0, -1.0}
    differing = (codes[:, None] != codes).sum(dim=2)
    assert torch.equal(net.OUTPUT(codes), 4.0 * differing)
    assert differing.fill_diagonal_(84).min() >= 4


def test_lenet_classes() -> None:
    """Kills codes made up for an eleventh digit, and a message that offers no way out."""
    with pytest.raises(ValueError, match="lenet5_modern"):
        zoo.create_model("lenet5", num_classes=11)


@pytest.mark.parametrize(
    ("name", "layer", "k", "alpha"),
    [
        ("alexnet", "norm1", 2, 1e-4),
        ("vgg11_lrn", "features.norm1_1", 2, 1e-4),
        ("googlenet", "norm2", 1, 1e-4 / 5),
        *((name, f"norm{i}", 1, 1e-4 / 5) for name in ("caffenet", "levi_hassner") for i in (1, 2)),
        *((name, f"norm{i}", 2, 1e-4) for name in ("zfnet", "vgg_cnn_m") for i in (1, 2)),
    ],
)
def test_local_response_normalisation(name: str, layer: str, k: float, alpha: float) -> None:
    """Kills an alpha divided by n where the paper does not, the reverse for Caffe's, and a k that was swapped."""
    x = 100 * torch.randn(1, 9, 2, 2)
    nearby = sum(F.pad(x.square(), (0, 0, 0, 0, 2, 2))[:, i : i + 9] for i in range(5))
    torch.testing.assert_close(on_meta(name).get_submodule(layer)(x), x / (k + alpha * nearby) ** 0.75)


def test_heads_in_training_only() -> None:
    """Kills heads that run, or a tuple that comes back, when the network is used."""
    net = on_meta("googlenet", aux_heads=True)
    x = torch.empty(1, 3, 224, 224, device="meta")
    assert isinstance(net.train()(x), tuple)
    assert isinstance(net.eval()(x), Tensor)


def test_shortcut_a() -> None:
    """Kills averages in place of every second pixel, and zeros in front of the maps."""
    shortcut = zoo.create_model("resnet18", shortcut="A").conv3_x[0].shortcut
    x = torch.randn(2, 64, 6, 6)
    y = shortcut(x)
    assert torch.equal(y[:, :64], x[:, :, ::2, ::2])
    assert y.shape == (2, 128, 3, 3)
    assert not y[:, 64:].any()


def test_stem_pooling() -> None:
    """Kills torchvision's padded stem in the authors' networks, and theirs in torchvision's."""
    x = torch.zeros(1, 1, 112, 112)
    x[..., 2, 2] = 1.0
    for name in ("resnet18_a", "resnet34_b", "plain34", "resnet50"):
        assert on_meta(name).pool1(x)[..., 0, 0] == 1.0
    for name in ("resnet18", "resnet34", "resnet50_v1_5"):
        assert on_meta(name).pool1(x)[..., 0, 0] == 0.0


@pytest.mark.parametrize(("layer", "channels"), [("norm1", 96), ("norm2", 256)])
def test_normalisation_per_gpu(layer: str, channels: int) -> None:
    """Kills an option that does nothing, towers of other sizes, and more maps that depend on it than the card says."""
    x = 100 * torch.randn(1, channels, 9, 9, generator=torch.Generator().manual_seed(0))  # few pixels may hide a difference
    across, apart = (on_meta("alexnet", norm_per_gpu=option).get_submodule(layer)(x) for option in (False, True))
    half = channels // 2
    torch.testing.assert_close(apart, torch.cat([on_meta("alexnet").norm1(x[:, i : i + half]) for i in (0, half)], dim=1))
    differ = (across != apart).flatten(2).any(dim=2)[0].nonzero().flatten().tolist()
    assert differ == [half - 2, half - 1, half, half + 1]
    assert f"{differ[0]} to {differ[-1]} of {layer}" in zoo.card("alexnet").deviations[1].text


def test_sizes_that_vgg_takes() -> None:
    """Kills a range in the docstring that is not the range, and a message that names no size that fits."""
    net = on_meta("vgg11")
    assert "224 to 255 pixels" in (type(net).__doc__ or "")
    for side in (224, 255):
        assert net(torch.empty(1, 3, side, side, device="meta")).shape == (1, 1000)
    for side in (64, 223, 256):
        with pytest.raises(RuntimeError, match="25088"):
            net(torch.empty(1, 3, side, side, device="meta"))
    with pytest.raises(zoo.ZooError, match="the smallest square input that fits is 3×224×224"):
        zoo.trace(net, input=(1, 3, 192, 192))
    with pytest.raises(RuntimeError, match="channel"):
        net(torch.empty(1, 4, 224, 224, device="meta"))


def test_grid_of_the_transformer() -> None:
    """Kills a card that is wrong about align_corners: torch's default differs for shifts alone, by 27/28."""
    grid = zoo.create_model("stn_mnist").transformer.grid_generator
    turn, shift = torch.tensor([[[0.6, -0.8, 0.0], [0.8, 0.6, 0.0]]]), torch.tensor([[[1.0, 0.0, 0.1], [0.0, 1.0, -0.3]]])
    for theta, factor in ((turn, 1.0), (0.7 * turn, 1.0), (shift, 27 / 28)):
        moved = factor * theta[..., 2:]
        other = F.affine_grid(torch.cat([theta[..., :2], moved], dim=2), [1, 1, 28, 28], align_corners=False)
        pixels = ((grid(theta, 28, 28) + 1) / 2 * 27, ((other + 1) * 28 - 1) / 2)  # in pixels, from the first one's centre
        torch.testing.assert_close(*pixels, atol=1e-4, rtol=1e-4)


def test_heads_in_torchvisions_order() -> None:
    """Kills a card that is wrong about the order in which torchvision returns the heads' scores."""
    from torchvision.models import googlenet
    from torchvision.models.googlenet import _GoogLeNetOutputs

    assert _GoogLeNetOutputs._fields == ("logits", "aux_logits2", "aux_logits1")
    with torch.device("meta"):
        theirs = googlenet(init_weights=False).train()
    assert theirs(torch.empty(2, 3, 224, 224, device="meta"))._fields == ("logits", "aux_logits2", "aux_logits1")


def test_weights_of_googlenets_table() -> None:
    """Kills a sum of Table 1, or a count of weights without biases, that is wrong on the card."""
    rows = (2.7, 112, 159, 380, 364, 437, 463, 580, 840, 1072, 1388, 1000)
    weights = sum(p.numel() for name, p in on_meta("googlenet").named_parameters() if name.endswith("weight"))
    text = zoo.card("googlenet").notes[0].text
    assert f"{sum(rows):,.1f}K" in text
    assert f"{sum(rows) * 1024 / 1e6:.2f} million" in text
    assert f"{weights:,} weights" in text
