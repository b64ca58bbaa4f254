"""Stages and features: against papers, timm's own tables of them, and what hooks see in the whole network."""

import copy
import pickle
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import zoo
from zoo.analysis.stages import call_names
from zoo.catalogue.card import StageClaim
from zoo.models.targets import resolve
from zoo_cli.main import run

WITHOUT_MAPS = ("mlp_mnist", "text_cnn")
NAMES = [name for name in zoo.list_models() if name not in WITHOUT_MAPS]
SMALL = [name for name in NAMES if zoo.card(name).params < 500_000] + ["nin_cifar10", "all_cnn_c"]


def strides(stages: Sequence[zoo.Stage]) -> list[tuple[int, int]]:
    return [(stage.stride, stage.channels) for stage in stages]


# Stages --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in NAMES if name != "resnet1202"])
def test_cards_claim_what_is_computed(name: str) -> None:
    """Kills a stage on a card that the network has not, and a network whose stages nobody has written down."""
    found = []
    for stage in zoo.stages(name):
        sizes = stage.rf.get("size", [None])
        assert len(set(sizes)) == 1
        found.append(StageClaim(stage.layer, stage.channels, stage.stride, sizes[0]))
    assert tuple(found) == zoo.card(name).stages


@pytest.mark.parametrize("name", WITHOUT_MAPS)
def test_networks_without_maps(name: str) -> None:
    """Kills stages of a network that has no feature maps."""
    assert zoo.card(name).stages == ()
    with pytest.raises(zoo.ZooError, match="no module on the path to its outputs returns feature maps"):
        zoo.stages(name)


def test_resnet_as_in_table_1() -> None:
    """Kills stages at another place than Table 1 of He et al. and Araujo et al. (Distill 2019: resnet_v1_50, all four blocks)."""
    found = zoo.stages("resnet50")
    assert [stage.name for stage in found] == ["stage1", "stage2", "stage3", "stage4", "stage5"]
    assert [stage.layer for stage in found] == ["relu1", "conv2_x", "conv3_x", "conv4_x", "conv5_x"]
    assert strides(found) == [(2, 64), (4, 256), (8, 512), (16, 1024), (32, 2048)]
    assert [stage.size for stage in found] == [(112, 112), (56, 56), (28, 28), (14, 14), (7, 7)]
    assert [stage.rf["size"][0] for stage in found[1:]] == [35, 99, 291, 483]


# timm's tables are typed by hand for each network; they end before the convolution with which some networks begin their head
TIMM = {
    "resnetv2_50": 5,
    "vgg16": 6,
    "densenet121": 5,
    "convnext_tiny": 4,
    "mobilenetv2_100": 4,
    "efficientnet_b0": 4,
}


@pytest.mark.parametrize("name", TIMM)
def test_stages_are_those_of_timm(name: str) -> None:
    """Kills stages inside a block, in a gate, behind an expansion, a transition or a norm of the next stage."""
    import timm

    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        table = timm.create_model(name, features_only=True).feature_info
    theirs = list(zip(table.reduction(), table.channels(), strict=True))
    assert strides(zoo.stages(f"timm:{name}"))[: TIMM[name]] == theirs[: TIMM[name]]


@pytest.mark.parametrize(
    "name",
    ["resnet50", "densenet121", "mobilenet_v3_small", "efficientnet_b0", "inception_v3"],
)
def test_torchvision_has_the_usual_strides(name: str) -> None:
    """Kills a pyramid that cannot be had of another library's networks."""
    assert {4, 8, 16, 32} <= {stage.stride for stage in zoo.stages(f"torchvision:{name}")}


class Tutorial(nn.Module):
    """The usual first network: functions for activations, one pool for all, and (a blunder) one that writes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU(inplace=True)
        self.gate = nn.Conv2d(8, 8, 1)
        self.fc = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.dropout(F.relu(self.conv1(x)), 0.5, self.training))
        x = self.relu(self.conv2(x))
        x = self.pool(x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True))))
        return self.fc(x.mean((2, 3)))


def test_functions_gates_and_repeated_calls() -> None:
    """Kills a stage without a module, one in a gate, and the first call of a module taken for its second."""
    found = zoo.stages(Tutorial(), (1, 3, 16, 12))
    assert [(s.layer, s.channels, s.size, s.stride) for s in found] == [
        ("conv1", 4, (16, 12), 1),
        ("relu", 8, (8, 6), 2),
        ("pool_1", 8, (4, 3), 4),
    ]


class Block(nn.Module):
    """Channels first, then maps: the 1×1 convolution belongs to what is reduced, the 3×3 convolution does not."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 6, kernel, padding=kernel // 2)
        self.second = nn.Conv2d(6, 4, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


@pytest.mark.parametrize(("kernel", "layer", "channels"), [(1, "0", 4), (3, "1.first", 6)])
def test_expansions(kernel: int, layer: str, channels: int) -> None:
    """Kills the maps of an expansion, and maps that look further than those before them left out as if they were one."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), Block(kernel), nn.Conv2d(4, 4, 3, padding=1))
    first, second = zoo.stages(net, (1, 3, 16, 16))
    assert (first.layer, first.channels) == (layer, channels)
    assert (second.layer, second.stride, second.size) == ("2", 2, (8, 8))


def test_other_axes() -> None:
    """Kills images taken for the only input: signals and films have stages too."""
    signal = nn.Sequential(nn.Conv1d(2, 4, 3, stride=2), nn.Conv1d(4, 8, 3, stride=2), nn.AdaptiveAvgPool1d(1))
    assert [(s.size, s.stride, s.rf["size"]) for s in zoo.stages(signal, (1, 2, 31))] == [((15,), 2, [3]), ((7,), 4, [7])]
    film = nn.Sequential(nn.Conv3d(2, 4, 3, stride=(1, 2, 2), padding=1), nn.AdaptiveAvgPool3d(1))
    assert [(s.size, s.stride, s.rf["stride"]) for s in zoo.stages(film, (1, 2, 4, 8, 8))] == [((4, 4, 4), 2, [1, 2, 2])]


def test_the_class_maps_are_scores() -> None:
    """Kills a stage of as many maps as there are classes: of Network in Network, and of SqueezeNet."""
    assert zoo.stages("nin_imagenet")[-1].channels == 1024
    assert strides(zoo.stages("torchvision:squeezenet1_1"))[-1] == (16, 512)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            nn.Sequential(nn.Conv2d(3, 4, 16, stride=16), nn.Flatten(), *(nn.LazyLinear(8) for _ in range(6))),
            "6 layers follow its last feature maps 0",
        ),
        (nn.Linear(224, 3), "Linear has no stages: no module on the path"),
        (nn.Sequential(nn.Flatten(), nn.Linear(3 * 224 * 224, 3)), "no module on the path"),
    ],
)
def test_no_stages(target: Any, message: str) -> None:
    """Kills stages of what has no feature maps, or whose features are no maps."""
    with pytest.raises(zoo.ZooError, match=message):
        zoo.stages(target)


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a command that shows other stages than the library finds, and a card that keeps them to itself."""
    assert run(["stages", "lenet5", "-f", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("stage1,stage,squash1,6,28x28,1,")
    assert run(["info", "lenet5"]) == 0
    assert "stage2      squash3: 16 maps, stride 2, receptive field 14" in capsys.readouterr().out
    assert run(["stages", "torchvision:resnet18", "--input", "3x64x64", "-f", "json"]) == 0
    assert '"layer4"' in capsys.readouterr().out


# Features ------------------------------------------------------------------------------------------------------------


def seen(model: nn.Module, body: Any, x: Tensor) -> dict[str, Tensor]:
    """What hooks in the whole network see of the outputs of `body`, before anything else can write to them."""
    found: dict[str, list[Tensor]] = {}
    layers = {stage.layer: stage.layer.removesuffix("_1") for stage in body.stages.values() if stage.layer == "pool_1"}
    paths = {stage.layer: layers.get(stage.layer, stage.layer) for stage in body.stages.values()}
    hooks = [
        model.get_submodule(path).register_forward_hook(lambda m, i, out, p=path: found.setdefault(p, []).append(out.clone()))
        for path in set(paths.values())
    ]
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()
    return {n: found[paths[s.layer]][1 if s.layer in layers else 0] for n, s in body.stages.items()}


def assert_same(model: nn.Module, body: Any, x: Tensor) -> None:
    model.eval()
    body.eval()
    wanted = seen(model, body, x)
    with torch.no_grad():
        maps = body(x)
    assert list(maps) == list(wanted) == list(body.stages)
    for name, stage in body.stages.items():
        assert torch.equal(maps[name], wanted[name]), name
        assert tuple(maps[name].shape[1:]) == (stage.channels, *stage.size)


@pytest.mark.parametrize("name", SMALL)
def test_features_are_what_hooks_see(name: str) -> None:
    """Kills maps of another layer, or before or after the activation; layers that are copies; changed keys; heads."""
    model = zoo.create_model(name)
    body = zoo.features(model, input=(1, *zoo.card(name).input))
    assert_same(model, body, torch.rand(1, *zoo.card(name).input))
    state = model.state_dict()
    assert 0 < len(body.state_dict()) < len(state)
    assert all(tensor.data_ptr() == state[key].data_ptr() for key, tensor in body.state_dict().items())


@pytest.mark.parametrize(("name", "side"), [("resnet18", 64), ("nin_imagenet", 96)])
def test_large_networks(name: str, side: int) -> None:
    """Kills the same on networks of ImageNet, on smaller images."""
    model = zoo.create_model(name).eval()
    body = zoo.features(model, input=(1, 3, side, side))
    assert_same(model, body, torch.rand(1, 3, side, side))


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "regnet_y_400mf"])
def test_torchvision(name: str) -> None:
    """Kills features of our own networks alone."""
    from torchvision import models

    model = models.get_model(name, weights=None)
    assert_same(model, zoo.features(model, input=(1, 3, 96, 96)), torch.rand(1, 3, 96, 96))


def test_any_layer_of_a_careless_network() -> None:
    """Kills maps that a later layer overwrites, copies that nobody needs, and the first call taken for the second."""
    model = Tutorial()
    body = zoo.features(model, ["conv2", "pool_1", "stage2", "pool"], input=(1, 3, 16, 16))
    assert_same(model, body, torch.rand(1, 3, 16, 16))
    assert sum("clone" in str(node.target) for node in body.graph.nodes) == 1
    assert set(body.state_dict()) == {f"{layer}.{kind}" for layer in ("conv1", "conv2", "gate") for kind in ("weight", "bias")}


def test_names_of_calls() -> None:
    """Kills a second call that takes the name of another module."""
    assert call_names(["", "a", "a", "b", "a", "a_1"]) == ["", "a", "a_2", "b", "a_3", "a_1"]


def test_modes() -> None:
    """Kills dropout that is left out in training because it is a function, and a network that is returned in another mode."""
    model = Tutorial().eval()
    body = zoo.features(model, ["stage2"], input=(1, 3, 16, 16))
    x = torch.rand(1, 3, 16, 16)
    assert not body.training
    assert torch.equal(body(x)["stage2"], body(x)["stage2"])
    assert not torch.equal(body.train()(x)["stage2"], body(x)["stage2"])
    assert zoo.features(Tutorial(), ["stage2"], input=(1, 3, 16, 16)).training


def test_weights_are_shared_and_learn() -> None:
    """Kills copies of weights, maps without gradients, statistics that stand still, and stages that a copy of the network loses."""
    model = zoo.create_model("resnet20").train()
    body = zoo.features(model, ["stage3"], input=(1, 3, 32, 32))
    before = model.bn1.running_mean.clone()
    body(torch.rand(2, 3, 32, 32))["stage3"].square().mean().backward()
    assert model.conv1.weight.grad.abs().sum() > 0
    assert not torch.equal(model.bn1.running_mean, before)
    assert copy.deepcopy(copy.deepcopy(body)).stages == body.stages


class Named(nn.Module):
    """Has a child whose name the result needs itself, and dropout that is a function."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4))
        self.last = nn.Conv2d(4, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(nn.functional.dropout(self.stages(x), 0.5, self.training))


@pytest.mark.parametrize("training", [False, True])
def test_pickled(training: bool) -> None:
    """Kills stages that a pickle loses, another name in the state dict, and a mode that is frozen at the time of pickling."""
    body = zoo.features(Named().train(training), ["last"], input=(1, 3, 8, 8))
    x = torch.rand(2, 3, 8, 8)
    for _ in range(2):
        other = pickle.loads(pickle.dumps(body))
        assert other.training is training
        assert other.stages == body.stages
        assert list(other.state_dict()) == list(body.state_dict())
        assert torch.equal(other.eval()(x)["last"], body.eval()(x)["last"])
        assert not torch.equal(other.train()(x)["last"], other(x)["last"])
        other.load_state_dict(body.state_dict())
        body = other.train(training)


@pytest.mark.parametrize("name", ["resnet50", "torchvision:mobilenet_v3_small"])
def test_reductions(name: str) -> None:
    """Kills stages that are chosen by number: those of timm's out_indices have these strides."""
    body = zoo.features(name, reductions=(4, 16, 32), init=None) if ":" not in name else zoo.features(name, reductions=(4, 16, 32))
    assert [stage.stride for stage in body.stages.values()] == [4, 16, 32]
    for words, how in (
        ("no stage has stride 5; expected some of 2, 4, 8, 16, 32", {"reductions": [4, 5]}),
        ("got both", {"reductions": [4], "layers": ["stage2"]}),
    ):
        with pytest.raises(zoo.ZooError, match=words):
            zoo.features(name, **how)


def test_by_name() -> None:
    """Kills options that are not passed on, and metadata of the default input."""
    body = zoo.features("resnet20", ["stage1", "conv4_x.0"], in_channels=1)
    assert body.conv1.in_channels == 1
    assert [(s.name, s.channels, s.stride) for s in body.stages.values()] == [("stage1", 16, 1), ("conv4_x.0", 64, 4)]
    assert body(torch.rand(1, 1, 32, 32))["conv4_x.0"].shape == (1, 64, 8, 8)


def test_the_model_is_left_alone() -> None:
    """Kills a tracer that leaves flags, hooks or numbers behind."""
    model = Tutorial()
    model.conv1.eval()
    state = torch.get_rng_state()
    before = {name: (layer.training, set(vars(layer)), type(layer)) for name, layer in model.named_modules()}
    zoo.features(model, ["conv2"], input=(1, 3, 16, 16))
    assert {name: (layer.training, set(vars(layer)), type(layer)) for name, layer in model.named_modules()} == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("target", ["resnet50", "vgg16", "torchvision:mobilenet_v3_small", "torchvision:densenet121"])
def test_a_neck_is_written_once(target: str) -> None:
    """Kills a neck that must know whose network it stands on: the document's gives maps of one width at strides 8, 16, 32."""
    text = (Path(zoo.__file__).parent.parent / "docs" / "features.md").read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    exec(re.findall(r"```python\n(from torch.*?)```", text, re.DOTALL)[0], found)
    neck = found["Pyramid"](resolve(target, {}).module, width=16)
    levels = zoo.trace(neck.eval(), input=(2, 3, 224, 224)).outputs
    assert [value.shape for value in levels] == [(2, 16, size, size) for size in (7, 14, 28)]


class Fickle(nn.Module):
    """Another graph for every number of rows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) if x.shape[2] > 4 else x


class TwoWays(Tutorial):
    """Another graph in training."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if self.training else self.fc(self.pool(self.conv2(self.conv1(x))).mean((2, 3)))


@pytest.mark.parametrize(
    ("model", "layers", "message"),
    [
        (Tutorial(), ["stag1"], "unknown layer of Tutorial 'stag1'; did you mean stage1"),
        (Tutorial(), ["conv3"], "did you mean conv"),
        (Tutorial(), [], "layers: expected at least one name"),
        (Tutorial(), "conv1", r"expected a list of names, such as \['conv1'\]"),
        (Fickle(), ["conv"], "Fickle cannot be cut: its forward pass is not a fixed graph"),
        (TwoWays(), ["conv2"], "cannot be cut: its forward pass is not a fixed graph in training mode"),
    ],
)
def test_bad_layers(model: nn.Module, layers: Any, message: str) -> None:
    """Kills a traceback, a misspelling without a hint, and a graph that is right in one mode only."""
    with pytest.raises(zoo.ZooError, match=message):
        zoo.features(model, layers, input=(1, 3, 16, 16))


def test_options_of_a_module() -> None:
    """Kills options that vanish."""
    with pytest.raises(zoo.ZooError, match="options apply to named models only"):
        zoo.features(Tutorial(), ["conv1"], num_classes=3)


# Channels last, tokens, branches, and the finest maps ------------------------------------------------------------------


def timm_model(name: str) -> Any:
    import timm

    torch.manual_seed(0)
    return timm.create_model(name).eval()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch.jit.script
@pytest.mark.parametrize(
    "name",
    ["swin_tiny_patch4_window7_224", "vit_tiny_patch16_224", "levit_128s", "efficientnet_b0", "convnext_atto", "hrnet_w18_small"],
)
def test_maps_are_those_of_timm(name: str) -> None:
    """Kills maps of another layer, a class token among the units, rows for columns, and a script or a pickle that differs."""
    model = timm_model(name)
    table = {row["reduction"]: row["num_chs"] for row in model.feature_info}
    body = zoo.features(model, reductions=list(table), finest=True)
    assert {stage.stride: stage.channels for stage in body.stages.values()} == table
    x = torch.rand(2, *model.pretrained_cfg["input_size"])
    with torch.no_grad():
        theirs = model.forward_intermediates(x, intermediates_only=True, norm=True)
        mine, scripted, copied = body(x), torch.jit.script(body)(x), pickle.loads(pickle.dumps(body))(x)
    last = [maps for maps in theirs if maps.shape == mine[list(mine)[-1]].shape][-1]
    if name != "hrnet_w18_small":  # timm adds what its branches give, outside of any module
        assert torch.allclose(last, mine[list(mine)[-1]], atol=1e-5)
    for key, maps in mine.items():
        assert torch.allclose(scripted[key], maps, atol=1e-5)
        assert torch.equal(copied[key], maps)


class Tokens(nn.Module):
    """A patch embedding, a class token in front, and a mixer that branches on sizes, so that torch.fx cannot trace it."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 4, stride=4)
        self.token = nn.Parameter(torch.rand(1, 1, 6))
        self.mixer = Mixer()
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return self.head(self.mixer(torch.cat([self.token.expand(x.shape[0], -1, -1), tokens], 1))[:, 0])


class Mixer(nn.Module):
    """Attention over all tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Sequential(nn.Linear(6, 18))

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] < 2:
            return x
        query, key, value = self.qkv(x).chunk(3, -1)
        return x + F.scaled_dot_product_attention(query, key, value)


class LastChannels(nn.Module):
    """Maps N×H×W×C after the first layer, called by `forward` itself."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 2, stride=2)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm.forward(self.stem(x).permute(0, 2, 3, 1)).mean((1, 2)))


def test_tokens_and_channels_last() -> None:
    """Kills a class token among the units, rows for columns, and a layer that is lost because it is called by its forward."""
    model, x = Tokens().eval(), torch.rand(2, 3, 8, 12)
    body = zoo.features(model, input=(1, 3, 8, 12))
    (stage,) = body.stages.values()
    assert (stage.layer, stage.layout, stage.extra, stage.channels, stage.size, stage.stride) == (
        "mixer",
        "tokens",
        1,
        6,
        (2, 3),
        4,
    )
    tokens = model.mixer(torch.cat([model.token.expand(2, -1, -1), model.patches(x).flatten(2).transpose(1, 2)], 1))
    assert torch.equal(body(x)["stage1"], tokens[:, 1:].transpose(1, 2).reshape(2, 6, 2, 3))
    assert body(torch.rand(1, 3, 16, 4))["stage1"].shape == (1, 6, 4, 1)  # another size than it was cut for
    last = LastChannels().eval()
    square = torch.rand(1, 3, 16, 16)  # maps of 8×8 and 8 channels: their shape does not tell how they lie
    maps = zoo.features(last, input=(1, 3, 16, 16))
    assert [(s.layer, s.layout) for s in maps.stages.values()] == [("norm", "channels last")]
    assert torch.equal(maps(square)["stage1"], last.norm(last.stem(square).permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


def test_rows_are_no_maps() -> None:
    """Kills a crash, and stages, of a network whose input has no positions."""
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with pytest.raises(zoo.ZooError, match="Sequential has no stages"):
        zoo.stages(model, (1, 4))


class Optional(nn.Module):
    """A mask that can be left out, as in timm's vision transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)))
        self.head = nn.Linear(4, 5)

    def forward(self, x: Tensor, mask: Tensor | None = None, by_one: bool = False) -> Tensor:
        if mask is not None or by_one:
            for layer in self.body:
                x = layer(x)
            return self.head((x * mask).mean((2, 3)))
        return self.head(self.body(x).mean((2, 3)))


def test_optional_inputs() -> None:
    """Kills a graph of another branch than the one that runs without the optional inputs, and inputs that are then ignored."""
    body = zoo.features(Optional(), input="3x16x16")
    assert [stage.layer for stage in body.stages.values()] == ["body"]
    assert body(torch.rand(1, 3, 16, 16))["stage1"].shape == (1, 4, 16, 16)
    with pytest.raises(TypeError):
        body(torch.rand(1, 3, 16, 16), by_one=True)


class Bottlenecks(nn.Module):
    """A stem, and an inverted bottleneck that begins with a depthwise convolution, as in MobileNet v4."""

    def __init__(self, groups: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.block = Bottleneck(groups)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(self.stem(x)).mean((2, 3)))


class Bottleneck(nn.Module):
    """Depthwise, wider, depthwise with stride, narrower."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.start = nn.Conv2d(4, 4, 3, padding=1, groups=groups)
        self.expand = nn.Conv2d(4, 16, 1)
        self.reduce = nn.Conv2d(16, 16, 3, stride=2, padding=1, groups=16)
        self.project = nn.Conv2d(16, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.reduce(self.expand(self.start(x))))


@pytest.mark.parametrize("finest", [False, True])
def test_a_bottleneck_that_begins_with_a_window(finest: bool) -> None:
    """Kills the expansion of a block as the last maps before it, and a full convolution that is taken for such a beginning."""
    assert [s.layer for s in zoo.stages(Bottlenecks(), "3x16x16", finest=finest)] == ["stem", "block"]
    assert [s.layer for s in zoo.stages(Bottlenecks(1), "3x16x16", finest=finest)] == ["block.expand", "block"]


class Branches(nn.Module):
    """Two resolutions side by side until the end, and a wider convolution before the head, as in HRNet and EfficientNet."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1))
        self.coarse = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.down = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.act = nn.ReLU()
        self.wide = nn.Conv2d(6, 20, 1)
        self.head = nn.Linear(20, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.wide(self.act(self.coarse(x) + self.down(self.fine(x)))).mean((2, 3)))


def test_finest() -> None:
    """Kills levels of the path alone, the layers inside a block of a branch, and the wide layer of a head."""
    assert [(s.layer, s.channels, s.stride) for s in zoo.stages(Branches(), "3x16x16")] == [("wide", 20, 2)]
    finest = zoo.stages(Branches(), "3x16x16", finest=True)
    assert [(s.name, s.layer, s.channels, s.stride) for s in finest] == [("stage1", "fine", 4, 1), ("stage2", "act", 6, 2)]
    body = zoo.features(Branches(), reductions=(1, 2), finest=True, input="3x16x16")
    assert [tuple(maps.shape) for maps in body(torch.rand(1, 3, 16, 16)).values()] == [(1, 4, 16, 16), (1, 6, 8, 8)]


@pytest.mark.filterwarnings("ignore")  # of torch.jit.script
@pytest.mark.parametrize("name", ["resnet20", "nin_cifar10", "all_cnn_c"])
def test_scripted(name: str) -> None:
    """Kills features that torch.jit.script refuses, or computes otherwise."""
    body = zoo.features(zoo.create_model(name)).eval()
    x = torch.rand(1, 3, 32, 32)
    scripted = torch.jit.script(body)
    assert all(torch.equal(scripted(x)[key], maps) for key, maps in body(x).items())


class Unscriptable(nn.Module):
    """A layer whose signature torch.jit.script does not support."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4, 3, 3, 3))

    def forward(self, x: Tensor, *more: Tensor) -> Tensor:
        return F.conv2d(x, self.weight)


@pytest.mark.filterwarnings("ignore")  # of torch.jit
def test_not_scripted() -> None:
    """Kills an error of torch.jit.script that does not name the layer, or takes many lines."""
    model = nn.Sequential(Unscriptable(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    body = zoo.features(model, input="3x16x16")
    for _ in range(2):  # the second time, torch must not meet the class that the first time left half compiled
        with pytest.raises(
            zoo.ZooError,
            match=r"^torch.jit.script does not support 0 \(Unscriptable\): Compiled.*; use torch.jit.trace or torch.export$",
        ):
            torch.jit.script(body)
    x = torch.rand(1, 3, 16, 16)
    assert torch.equal(torch.jit.trace(body, x, strict=False)(x)["stage1"], body(x)["stage1"])


@pytest.mark.filterwarnings("ignore")  # of torch.jit
def test_scripted_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a class that torch.jit is left with half compiled, after which no layer of its kind compiles."""
    body = zoo.features(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, 2)), input="3x16x16").eval()

    def broken(*_: object) -> None:
        raise UserWarning("raised while it compiles")

    with monkeypatch.context() as patched:
        patched.setattr("torch.jit._recursive.try_compile_fn", broken)
        with pytest.raises(zoo.ZooError, match=r"Conv2d.*raised while it compiles"):
            torch.jit.script(body)
    assert torch.jit.script(nn.Conv2d(3, 4, 3)) is not None
    assert torch.jit.script(body) is not None


@pytest.mark.slow
def test_the_benchmark_of_timm_explains_every_difference() -> None:
    """Kills levels that drift from timm's tables, a reason that nothing needs, and a difference that nobody explains."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        "timm_features", Path(zoo.__file__).parent.parent / "benchmarks" / "timm_features.py"
    )
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    for name in (
        "resnet18",
        "regnetx_002",
        "mobilenetv3_small_050",
        "convnext_atto",
        "rexnet_100",
        "coat_tiny",
        "pvt_v2_b0",
        "levit_128s",
        "mobilenetv4_conv_small_050",
    ):
        assert found.compared(name) in {("equal", ""), ("equal on the path", "")}, name
    assert found.compared("gernet_s") == ("equal on the path", "")
    for name in ("ghostnet_050", "pit_ti_224"):
        assert found.compared(name)[0] == "differs"
        assert found.reason(name)
