"""Layers of torch that are alike run once; the trace is the one for which torch runs each of them."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import zoo
from zoo.tracing import alike
from zoo.tracing.skeleton import Skeleton
from zoo.tracing.trace import trace

MAPS = (2, 4, 8, 8)


def traced(module: nn.Module, input: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, **kwargs: Any) -> tuple[Any, int]:
    """The trace, which must be equal to that for which every layer runs; and how many layers did not run."""
    repeated: list[object] = []
    again = alike.Alike._again
    with monkeypatch.context() as patch:
        patch.setattr(alike.Alike, "_again", lambda self, *args: repeated.append(args) or again(self, *args))
        found = trace(module, input=input, **kwargs).to_dict()
    with monkeypatch.context() as patch:
        patch.setattr(alike.Alike, "run", lambda self, layer, forward, args, kwargs: forward(*args, **kwargs))
        expected = trace(module, input=input, **kwargs).to_dict()
    assert found == expected
    return found, len(repeated)


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small"])
def test_networks(name: str, train: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.device("meta"):
        module = torchvision.models.get_model(name)
    _, repeated = traced(module, (2, 3, 224, 224), monkeypatch, train=train)
    assert repeated > 5


@pytest.mark.slow
@pytest.mark.parametrize("name", torchvision.models.list_models(module=torchvision.models)[::3])
def test_classifiers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}
    with Skeleton():
        module = torchvision.models.get_model(name, **options)
    traced(module, (2, 3, 299, 299) if name == "inception_v3" else (2, 3, 224, 224), monkeypatch, train=True)


class Two(nn.Module):
    """One layer after the other, each on what the network is given: the second may be alike."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.first(x * 1), self.second(x * 1)


def conv(**changed: Any) -> nn.Conv2d:
    return nn.Conv2d(**{"in_channels": 4, "out_channels": 4, "kernel_size": 3, "padding": 1, **changed})


def with_attribute(module: nn.Module, name: str, value: Any) -> nn.Module:
    setattr(module, name, value)
    return module


def old_weight_norm() -> nn.Module:
    layer = conv()
    weight = layer.weight
    del layer.weight
    layer.weight_v = nn.Parameter(weight.detach())
    layer.weight = weight.detach()  # an attribute now, as torch.nn.utils.weight_norm leaves it
    return layer


def frozen_statistics() -> nn.Module:
    layer = nn.BatchNorm2d(4)
    layer.running_mean = None
    layer.running_var = None
    return layer


OTHER: Mapping[str, tuple[nn.Module, nn.Module]] = {
    **{
        f"conv {name}": (conv(), conv(**{name: value}))
        for name, value in {
            "kernel_size": 1, "padding": 0, "stride": 2, "dilation": 2, "groups": 2, "bias": False, "padding_mode": "reflect",
            "out_channels": 8, "dtype": torch.float64,
        }.items()
    },
    "conv padding as a word": (conv(), conv(padding="same")),
    "conv with a weight of another shape": (conv(), with_attribute(conv(), "weight", nn.Parameter(torch.randn(6, 4, 3, 3)))),
    "conv with an attribute for a weight": (conv(), old_weight_norm()),
    "conv whose stride was set later": (conv(), with_attribute(conv(), "stride", (2, 1))),
    "conv and its transpose": (conv(), nn.ConvTranspose2d(4, 4, 3, padding=1)),
    "relu in place": (nn.ReLU(), nn.ReLU(inplace=True)),
    "relu and relu6": (nn.ReLU(), nn.ReLU6()),
    "sigmoid and tanh": (nn.Sigmoid(), nn.Tanh()),
    "conv with a method of its own": (conv(), with_attribute(conv(), "_conv_forward", lambda x, weight, bias: F.conv2d(x, weight))),
    "leaky relu": (nn.LeakyReLU(0.1), nn.LeakyReLU(0.2)),
    "norm eps": (nn.BatchNorm2d(4), nn.BatchNorm2d(4, eps=1e-3)),
    "norm affine": (nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False)),
    "norm without statistics": (nn.BatchNorm2d(4), nn.BatchNorm2d(4, track_running_stats=False)),
    "norm whose statistics were taken away": (nn.BatchNorm2d(4), frozen_statistics()),
    "pool": (nn.MaxPool2d(2), nn.MaxPool2d(2, 1)),
    "pool ceil": (nn.MaxPool2d(3, 2), nn.MaxPool2d(3, 2, ceil_mode=True)),
    "dropout": (nn.Dropout(0.1), nn.Dropout(0.2)),
    "linear": (nn.Linear(8, 8), nn.Linear(8, 8, bias=False)),
    "softmax": (nn.Softmax(1), nn.Softmax(2)),
}  # fmt: skip


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("name", OTHER)
def test_what_differs_runs(name: str, train: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = OTHER[name]
    for net in (Two(first, second), Two(second, first)):
        if any(
            p.dtype == torch.float64 for p in net.parameters()
        ):  # torch refuses the mixture, also for a layer that would be alike
            with pytest.raises(zoo.ZooError):
                trace(net, input=MAPS, train=train)
            continue
        _, repeated = traced(net, MAPS, monkeypatch, train=train)
        assert repeated == 0


SAME: Mapping[str, Callable[[], nn.Module]] = {
    "conv": conv,
    "conv without bias": lambda: conv(bias=False),
    "relu": nn.ReLU,
    "relu in place": lambda: nn.ReLU(inplace=True),
    "sigmoid": nn.Sigmoid,
    "norm": lambda: nn.BatchNorm2d(4),
    "layer norm": lambda: nn.LayerNorm(8),
    "linear": lambda: nn.Linear(8, 5),
    "pool": lambda: nn.MaxPool2d(2),
    "average": lambda: nn.AdaptiveAvgPool2d(1),
    "upsampling": lambda: nn.ConvTranspose2d(4, 4, 2, 2),
}


@pytest.mark.parametrize("name", SAME)
def test_what_is_alike_runs_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = SAME[name](), SAME[name]()
    found, repeated = traced(Two(one, other), MAPS, monkeypatch)
    assert repeated == 1
    read = [name for op in found["ops"] for name, *_ in op[7]]
    assert sorted(read) == sorted(Two(one, other).state_dict())
    assert read.index("second.weight") > read.index("first.weight") if "first.weight" in read else not read


class Forward(nn.Module):
    """Two layers that are alike, in a forward of its own."""

    def __init__(self, forward: Callable[..., Any], make: Callable[[], nn.Module] = conv) -> None:
        super().__init__()
        self.a, self.b, self.does = make(), make(), forward

    def forward(self, x: torch.Tensor) -> Any:
        return self.does(self, x)


class Doubled(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        return out * 2 if func is F.conv2d or func is torch.conv2d else out


class Counting(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def _stride_changes(net: Any, x: torch.Tensor) -> Any:
    y = net.a(x)
    net.b.stride = (2, 2)
    return y, net.b(x)


def _mode_changes(net: Any, x: torch.Tensor) -> Any:
    y = net.a(x)
    net.b.train()
    return y, net.b(x)


def _with(mode: Callable[[], Any]) -> Callable[[Any, torch.Tensor], Any]:
    def forward(net: Any, x: torch.Tensor) -> Any:
        y = net.a(x)
        with mode():
            return y, net.b(x)

    return forward


def _other_weights(net: Any, x: torch.Tensor) -> Any:
    y = net.a(x)
    weights = {"weight": net.a.weight * 2, "bias": net.a.bias}
    return y, torch.func.functional_call(net.b, weights, (x,))


def _through_a_view(net: Any, x: torch.Tensor) -> Any:
    y, z = x * 1, x * 1
    net.a(y)
    net.b(z[:, :])
    return y, z


def _known(net: Any, x: torch.Tensor) -> Any:
    y, ones = net.a(x), torch.ones(MAPS, device=x.device)
    return y, net.b(ones), net.b(ones + x)


def _one_and_each(net: Any, x: torch.Tensor) -> Any:
    return net.a(x[0] * 1), torch.vmap(lambda one: net.b(net.a(one)))(x)


def _enlarging() -> nn.Module:
    return nn.ConvTranspose2d(4, 4, 3, 2, 1)


CHANGING: Mapping[str, tuple[Callable[..., Any], Callable[[], nn.Module], int]] = {
    "a stride that the forward sets": (_stride_changes, conv, 0),
    "a layer that the forward trains": (_mode_changes, lambda: nn.BatchNorm2d(4), 0),
    "a mode of functions": (_with(Doubled), conv, 0),
    "a mode of ops": (_with(Counting), conv, 0),
    "autocast": (_with(lambda: torch.autocast("cpu", torch.bfloat16)), conv, 0),
    "weights that are computed": (_other_weights, conv, 0),
    "in place, through a view": (_through_a_view, lambda: nn.ReLU(inplace=True), 0),
    "an input whose value is known": (_known, nn.ReLU, 1),
    "a keyword": (lambda net, x: (net.a(x), net.b(input=x)), conv, 0),
    "each vector by itself": (lambda net, x: (net.a(x), torch.vmap(net.b)(x)), lambda: nn.Linear(8, 8), 0),
    "each map by itself, after one": (_one_and_each, conv, 0),
    "a transposed input": (lambda net, x: (net.a(x), net.b(x.transpose(2, 3))), conv, 0),
    "another size": (lambda net, x: (net.a(x), net.b(x[:, :, 1:].contiguous())), conv, 0),
    "another type": (lambda net, x: (net.a(x), net.b(x.double())), nn.ReLU, 0),
    "the same layer twice": (lambda net, x: net.a(net.a(x)), conv, 1),
    "views": (lambda net, x: (net.a(x * 1), net.b(x * 1)), nn.Flatten, 0),
    "what does nothing": (lambda net, x: (net.a(x * 1), net.b(x * 1)), nn.Identity, 0),
    "a size beside the input": (lambda net, x: (net.a(x), net.b(x, output_size=(16, 16))), _enlarging, 0),
    "its forward by name": (lambda net, x: (net.a.forward(x), net.b.forward(x)), conv, 1),
}


@pytest.mark.parametrize("name", CHANGING)
def test_moments(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forward, make, times = CHANGING[name]
    _, repeated = traced(Forward(forward, make), MAPS, monkeypatch)
    assert repeated == times


def test_replaced_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not torch's may do something else each time."""
    functions = iter([torch.relu, torch.sigmoid] * 2)
    monkeypatch.setattr(nn.ReLU, "forward", lambda self, x: next(functions)(x))
    found, repeated = traced(Two(nn.ReLU(), nn.ReLU()), MAPS, monkeypatch)
    assert repeated == 0
    assert [op[0] for op in found["ops"]] == ["mul", "relu", "mul", "sigmoid"]


def test_hooks_run(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Two(nn.ReLU(), nn.ReLU())
    net.second.register_forward_hook(lambda module, args, out: out + 1)
    net.second.register_forward_pre_hook(lambda module, args: (args[0] - 1,))
    found, repeated = traced(net, MAPS, monkeypatch)
    assert repeated == 1
    assert [op[0] for op in found["ops"]] == ["mul", "relu", "mul", "sub", "relu", "add"]
