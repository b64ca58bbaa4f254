"""Analysing a model leaves it, and the process, as they were: whatever the forward does, and however it ends."""

import contextlib
import copy
import functools
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
from array import array
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import torch._dynamo  # replaces torch.manual_seed when it is first imported, as it is by many an op on meta tensors
from torch import Tensor, nn
from torch.nn import functional as F

import zoo
from zoo import ZooError
from zoo.analysis.choose import columns
from zoo.tracing.skeleton import Skeleton

SHAPE = (2, 3, 8, 8)


class Foreign(nn.Module):
    """Somebody's model, with real weights and all that a careless tool would disturb; `mischief` runs in its forward."""

    def __init__(self, mischief: Callable[["Foreign", Tensor], Any] = lambda net, x: None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.frozen = nn.BatchNorm2d(4).eval().requires_grad_(False)
        self.drop = nn.Dropout()
        self.again = self.conv
        self.register_buffer("steps", torch.zeros(3))
        self.register_buffer("passing", torch.ones(2), persistent=False)
        self.plain = torch.arange(4.0)
        self.shelf = {"kept": [1, 2]}
        self.mischief = mischief
        self.conv.register_forward_hook(lambda module, inputs, output: None)
        self.register_forward_pre_hook(lambda module, inputs: None)
        self.train()
        self.frozen.eval()

    def forward(self, x: Tensor) -> Tensor:
        x = self.frozen(self.bn(self.conv(x)))
        self.mischief(self, x)
        return self.drop(x)


def bits(tensor: Tensor) -> bytes:
    return tensor.detach().contiguous().numpy().tobytes()


def snapshot(model: nn.Module) -> dict[str, Any]:
    """All that can be seen of a model and of the process."""
    modules = dict(model.named_modules(remove_duplicate=False))
    state = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    return {
        "identity": {name: id(module) for name, module in modules.items()},
        "flags": {name: module.training for name, module in modules.items()},
        "attributes": {name: {key: id(value) for key, value in vars(module).items()} for name, module in modules.items()},
        "order": {name: [list(d) for d in vars(module).values() if isinstance(d, dict)] for name, module in modules.items()},
        "hooks": {name: {k: dict(d) for k, d in vars(module).items() if "_hooks" in k} for name, module in modules.items()},
        "forward": {name: module.forward for name, module in modules.items()},
        "tensors": [(name, id(t), t.requires_grad, t.device, t.dtype, bits(t), t.grad) for name, t in state],
        "state_dict": {key: bits(value) for key, value in model.state_dict().items()},
        "plain": [bits(t) for t in vars(model).values() if isinstance(t, Tensor)],
        "classes": {name: (type(module), dict(vars(type(module)))) for name, module in modules.items()},
        **process(),
    }


FUNCTIONS = (torch, Tensor, nn, nn.Module, F, nn.init, torch.autograd, torch.linalg, random, np.random, warnings)
HOOKS = [name for name in vars(torch.nn.modules.module) if name.startswith("_global") and "hook" in name]


def process() -> dict[str, Any]:
    """All that models in this process share."""
    return {
        "functions": {(space.__name__, key): id(f) for space in FUNCTIONS for key, f in vars(space).items() if callable(f)},
        "global hooks": [dict(getattr(torch.nn.modules.module, name) or {}) for name in HOOKS],
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()),
        "defaults": (torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads()),
        "determinism": (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark),
        "autocast": torch.is_autocast_enabled("cpu"),
        "random": (bits(torch.get_rng_state()), random.getstate(), np.random.get_state()[1].tobytes(), np.random.get_state()[2]),
        "mode": (torch.utils._python_dispatch._get_current_dispatch_mode(), torch.overrides._get_current_function_mode()),
        "warnings": list(warnings.filters),
        "system": (list(sys.path), os.getcwd(), dict(os.environ), sys.stdout, sys.stderr, sys.gettrace(), sys.getprofile()),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
    }


def unchanged(model: nn.Module, analyse: Callable[[], Any]) -> None:
    before = snapshot(model)
    try:
        analyse()
    finally:
        after = snapshot(model)
        assert {key for key in before if before[key] != after[key]} == set()


def nothing(net: Foreign, x: Tensor) -> None:
    """The forward alone, whose batch normalisation has state."""


def sets_attributes(net: Foreign, x: Tensor) -> None:
    net.last = x
    net.plain = x
    net.steps = net.steps + 1
    net.conv.seen = 1
    net.shelf["new"] = 2


def registers(net: Foreign, x: Tensor) -> None:
    net.register_buffer("more", torch.zeros(2))
    net.register_parameter("extra", nn.Parameter(torch.zeros(2)))
    net.add_module("part", nn.ReLU())
    net.conv.register_forward_hook(lambda module, inputs, output: None)


def takes_away(net: Foreign, x: Tensor) -> None:
    del net.passing
    del net.again
    net._forward_pre_hooks.clear()


def takes_away_and_puts_back(net: Foreign, x: Tensor) -> None:
    net.conv.weight = net.conv._parameters.pop("weight")


def writes_to_buffers(net: Foreign, x: Tensor) -> None:
    net.steps += 1
    net.steps[1:].mul_(3)
    net.steps.copy_(x.flatten()[:3])
    net.passing.fill_(7)


def reads_plain_tensors(net: Foreign, x: Tensor) -> None:
    x = x * net.plain[None, :, None, None] + net.plain.view(2, 2)[0].sum()


def writes_to_plain_tensors(net: Foreign, x: Tensor) -> None:
    net.plain.add_(1)
    torch.add(net.plain, 1, out=net.plain)


def writes_to_views_of_plain_tensors(net: Foreign, x: Tensor) -> None:
    net.plain.view(2, 2)[0].zero_()
    net.plain[1] = 5


def writes_to_weights(net: Foreign, x: Tensor) -> None:
    net.conv.weight.data.mul_(0.5)
    with torch.no_grad():
        net.conv.bias.clamp_(-0.1, 0.1)
    nn.init.ones_(net.bn.weight)


def draws_numbers(net: Foreign, x: Tensor) -> None:
    torch.rand(3)
    torch.randn_like(x)
    random.random()
    np.random.rand(2)
    torch.manual_seed(3)


def switches_modes(net: Foreign, x: Tensor) -> None:
    net.eval()
    net.frozen.train()


def switches_gradients(net: Foreign, x: Tensor) -> None:
    net.requires_grad_(False)


MISCHIEF = [
    *(nothing, sets_attributes, registers, takes_away, takes_away_and_puts_back, writes_to_buffers, reads_plain_tensors),
    *(writes_to_plain_tensors, writes_to_views_of_plain_tensors, writes_to_weights, draws_numbers),
    *(switches_modes, switches_gradients),
]


@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("mischief", MISCHIEF, ids=lambda mischief: mischief.__name__)
def test_forward(mischief: Callable[..., Any], train: bool) -> None:
    """Kills restoring by `train(flag)`, hooks that stay, running statistics that move, writes that reach the model."""
    net = Foreign(mischief)
    unchanged(net, lambda: zoo.trace(net, input=SHAPE, train=train))
    unchanged(net, lambda: zoo.summary(net, input=SHAPE, train=train))


@pytest.mark.parametrize("error", [RuntimeError, ValueError, KeyError, AssertionError, ZooError])
def test_forward_that_raises(error: type[Exception]) -> None:
    """Kills clearing up that happens only after success, and a traceback for what the caller got wrong."""

    def mischief(net: Foreign, x: Tensor) -> None:
        sets_attributes(net, x)
        writes_to_buffers(net, x)
        raise error("no")

    net = Foreign(mischief)
    for train in (False, True):
        with pytest.raises(ZooError, match="no"):
            unchanged(net, lambda train=train: zoo.summary(net, input=SHAPE, train=train))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_forward_that_is_stopped(error: type[BaseException]) -> None:
    """Kills an interrupt that is swallowed, or that leaves the model in the middle."""

    def mischief(net: Foreign, x: Tensor) -> None:
        sets_attributes(net, x)
        switches_modes(net, x)
        raise error

    net = Foreign(mischief)
    with pytest.raises(error if error is KeyboardInterrupt else ZooError):
        unchanged(net, lambda: zoo.trace(net, input=SHAPE))


def test_forward_that_replaces_weights() -> None:
    """Kills weights that are replaced by tensors without values, as a constraint on their norm would have it."""

    def mischief(net: Foreign, x: Tensor) -> None:
        net.conv.weight.data = torch.renorm(net.conv.weight.data, p=2, dim=0, maxnorm=0.1)

    net = Foreign(mischief)
    with pytest.raises(ZooError):
        unchanged(net, lambda: zoo.summary(net, input=SHAPE))


@functools.cache
def cached(n: int) -> Tensor:
    return torch.arange(float(n))


class Keeper(nn.Module):
    """Keeps what it meets wherever a model can keep things, and changes its tensors and torch's defaults."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("shift", torch.zeros(4))
        self.list: list[Any] = [[]]
        self.queue: deque[Any] = deque()
        self.nested: dict[str, Any] = {"rope": {}}
        self.plain = SimpleNamespace(last=None)

    def forward(self, x: Tensor) -> Tensor:
        self.list[0].append(x)
        self.queue.append(x)
        self.nested["rope"][4] = x
        self.plain.last = x
        self.fc.bias.data = torch.ones(1)
        self.shift.data = torch.ones(2)
        self.fc.weight.grad = None
        torch.set_default_dtype(torch.float64)
        return self.fc(x) * cached(4).float()


def test_what_a_model_keeps_is_taken_back() -> None:
    """Kills activations left in lists and plain objects, storage and gradients that were replaced, a default type that stays."""
    net = Keeper()
    net.fc.weight.grad = grad = torch.ones(4, 4)
    zoo.trace(net, input=(2, 4))
    assert (net.list, len(net.queue), net.nested, net.plain.last) == ([[]], 0, {"rope": {}}, None)
    assert (net.fc.bias.shape, net.shift.shape) == ((4,), (4,))
    assert net.fc.weight.grad is grad
    assert torch.get_default_dtype() == torch.float32


class Turned(nn.Module):
    """Its weight becomes another view of the same memory, its buffer the same bits of another type."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(9.0).view(3, 3))
        self.register_buffer("bits", torch.ones(2))
        self.others = [self.weight.detach().t(), self.bits.view(torch.int32)]

    def forward(self, x: Tensor) -> Tensor:
        self.weight.data, self.bits.data = self.others
        return x @ self.weight


def test_views_of_the_same_memory() -> None:
    """Kills a comparison of addresses and sizes alone, for which a square weight and its transpose are the same."""
    net = Turned()
    zoo.trace(net, input=(1, 3))
    assert torch.equal(net.weight, torch.arange(9.0).view(3, 3))
    assert torch.equal(net.bits, torch.ones(2))


class Slots:
    """An object without a `__dict__`."""

    __slots__ = ("count", "last")

    def __init__(self) -> None:
        self.count = 0


class Deep(nn.Linear):
    """Keeps things where they are less easily found."""

    shared: ClassVar[dict[str, int]] = {}
    calls = 0

    def __init__(self) -> None:
        super().__init__(4, 4)
        self.array = np.arange(6.0).reshape(2, 3)
        self.pair: tuple[Any, ...] = ([1], {"a": [2]}, np.zeros(2))
        self.bytes = bytearray(b"abc")
        self.slots = Slots()
        self.items = iter([1, 2, 3])
        self.nested = {"arrays": [np.ones(3)]}

    def forward(self, x: Tensor) -> Tensor:
        self.array += 1
        self.pair[0].append(2)
        self.pair[1]["a"].append(3)
        self.pair[2][0] = 5
        self.bytes += b"d"
        self.slots.count += 1
        self.slots.last = x
        self.nested["arrays"][0][:] = 7
        assert next(self.items) == 1
        type(self).calls += 1
        type(self).new = x  # type: ignore[attr-defined]
        self.shared["seen"] = 1
        return super().forward(x)


def test_what_a_model_keeps_deeper() -> None:
    """Kills arrays, lists in tuples, bytearrays, slots, iterators and class attributes that a forward has changed for good."""
    net = Deep()
    for _ in range(2):
        zoo.trace(net, input=(2, 4))
    assert (net.array == np.arange(6.0).reshape(2, 3)).all()
    assert (net.pair[:2], net.pair[2].tolist()) == (([1], {"a": [2]}), [0, 0])
    assert (net.bytes, net.slots.count, hasattr(net.slots, "last")) == (b"abc", 0, False)
    assert net.nested["arrays"][0].tolist() == [1, 1, 1]
    assert (Deep.calls, Deep.shared, hasattr(Deep, "new")) == (0, {}, False)
    assert list(net.items) == [1, 2, 3]


COUNT = 0
SEEN: list[torch.Size] = []


def outsider(copied: bool) -> nn.Module:
    calls = 0

    class Outsider(nn.Linear):
        """Writes where other code of the process may look."""

        def forward(self, x: Tensor) -> Tensor:
            global COUNT
            nonlocal calls
            COUNT, calls = COUNT + 1, calls + 1
            SEEN.append(x.shape)
            next(self.numbers, None)
            return super().forward(x)

    made = Outsider(4, 4)
    made.numbers = iter(()) if copied else (number for number in range(10))  # type: ignore[assignment]
    return made


@pytest.mark.parametrize("real", [False, True])
def test_what_is_not_restored_is_named(real: bool) -> None:
    """Kills a forward that writes globals, closures and generators in silence, and a warning about any other."""
    with pytest.warns(UserWarning, match="changed during the forward pass, and not restored by zoo") as told:
        zoo.trace(outsider(copied=real), input=(2, 4), real=real)
    names = ("COUNT", "SEEN", "calls", *(() if real else ("Outsider.numbers",)))
    assert all(name in str(told[0].message) for name in names)
    assert str(told[0].message).count(",") == len(names)  # and none beside
    with warnings.catch_warnings(action="error"):
        zoo.trace(nn.Linear(4, 4), input=(2, 4), real=real)
        zoo.trace(Deep(), input=(2, 4))


class Settings(nn.Linear):
    """Sets what all models in a process share."""

    def forward(self, x: Tensor) -> Tensor:
        torch.set_default_device("meta")
        torch.set_default_dtype(torch.float64)
        warnings.simplefilter("ignore")
        torch.autograd.set_detect_anomaly(True)
        torch.set_num_threads(3)
        torch.set_float32_matmul_precision("medium")
        torch.use_deterministic_algorithms(True)
        torch.set_printoptions(precision=9)
        sys.setrecursionlimit(5000)
        sys.path.append("/of/a/forward")
        os.environ["OF_A_FORWARD"] = "1"
        torch.nn.modules.module.register_module_forward_hook(lambda module, inputs, output: None)
        torch.set_autocast_enabled("cpu", True)
        torch.set_grad_enabled(True)
        return super().forward(x)


def test_settings_of_the_process() -> None:
    """Kills settings that a forward changes for everything that runs afterwards."""
    net, before = Settings(4, 4), (sys.getrecursionlimit(), torch.get_float32_matmul_precision(), repr(torch.ones(1) / 3))
    unchanged(net, lambda: zoo.trace(net, input=(2, 4)))
    assert before == (sys.getrecursionlimit(), torch.get_float32_matmul_precision(), repr(torch.ones(1) / 3))


class Parametrised(nn.Module):
    """Registers a parametrisation when it first runs."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        torch.nn.utils.parametrize.register_parametrization(self.fc, "weight", nn.Identity())
        out: Tensor = self.fc(x)
        return out


def test_parametrisation() -> None:
    """Kills a layer of a class that it no longer fits, whose weight is gone."""
    net = Parametrised()
    weight = net.fc.weight
    with contextlib.suppress(ZooError):
        zoo.trace(net, input=(2, 4))
    assert type(net.fc) is nn.Linear
    assert net.fc.weight is weight
    net.fc(torch.ones(2, 4)).sum().backward()
    assert weight.grad is not None


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="no torch.distributed")
@pytest.mark.parametrize("wrap", ["nn.parallel.DistributedDataParallel", "fully_shard"])
def test_distributed_models_train_afterwards(wrap: str) -> None:
    """Kills a wrapper that is left in the middle of a forward."""
    code = f"""
        import os, tempfile, torch, zoo
        from torch import nn
        from torch.distributed.fsdp import fully_shard
        store = tempfile.mktemp()
        torch.distributed.init_process_group("gloo", init_method=f"file://{{store}}", rank=0, world_size=1)
        net = {wrap}(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)))
        try:
            zoo.summary(net, input=(2, 4))
        except zoo.ZooError as error:
            print(error)
        optimiser = torch.optim.SGD(net.parameters(), 0.1)
        for _ in range(2):
            net(torch.ones(2, 4)).sum().backward()
            optimiser.step()
        print("trained")
        torch.distributed.destroy_process_group()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout.endswith("trained\n"), done.stderr[-2000:]


def test_tensors_that_a_forward_caches_can_be_trained_with() -> None:
    """Kills inference tensors in a cache, of which autograd would refuse to compute."""
    cached.cache_clear()
    net = nn.Linear(4, 4)
    net.forward = lambda x: F.linear(x, net.weight) * cached(4)  # type: ignore[method-assign]
    zoo.trace(net, input=(2, 4))
    net(torch.ones(2, 4)).sum().backward()
    assert net.weight.grad is not None


def test_input_that_does_not_fit() -> None:
    """Kills a search for an input that fits which leaves its own traces."""
    net = Foreign()
    with pytest.raises(ZooError, match="3 channels"):
        unchanged(net, lambda: zoo.summary(net, input=(1, 5, 8, 8)))
    with pytest.raises(ZooError, match="does not fit"):
        unchanged(net, lambda: zoo.summary(net, input=(1, 3, 2, 2)))


@pytest.mark.parametrize(
    "surroundings",
    [torch.no_grad, torch.inference_mode, lambda: torch.device("meta"), lambda: torch.autocast("cpu")],
    ids=["no_grad", "inference_mode", "device", "autocast"],
)
def test_surroundings_are_kept(surroundings: Callable[[], Any]) -> None:
    """Kills modes that are set instead of restored, and numbers that depend on the mode that the caller is in."""
    net = Foreign()
    expected = zoo.summary(net, input=SHAPE).rows
    with surroundings():
        unchanged(net, lambda: zoo.summary(net, input=SHAPE))
        assert zoo.summary(net, input=SHAPE).rows == expected


def test_between_forward_and_backward() -> None:
    """Kills a write to the model that leaves its values, yet tells autograd that they are no longer those it saved."""
    net = Foreign(lambda net, x: net.steps.mul_(0.9))
    loss = (net.conv(torch.randn(SHAPE)).sum(dim=(0, 2, 3))[:3] * net.steps).sum()
    zoo.summary(net, input=SHAPE, train=True)
    loss.backward()


def test_inputs_are_kept() -> None:
    """Kills an in-place forward that reaches the tensors it was given."""
    x = torch.ones(SHAPE, requires_grad=True)
    zoo.trace(nn.Sequential(nn.ReLU(inplace=True), nn.Hardtanh(inplace=True)), inputs=x)
    assert x.eq(1).all()
    assert (x._version, x.grad, x.grad_fn) == (0, None, None)


def test_model_works_afterwards() -> None:
    """Kills inference tensors, twins and wrapped forwards that stay in the model and come up when it is trained."""
    net = Foreign()
    twin = copy.deepcopy(net)
    zoo.summary(net, input=SHAPE, train=True)
    x = torch.randn(SHAPE)
    outs = []
    for model in (net, twin):
        torch.manual_seed(0)
        outs.append(model(x))
        outs[-1].sum().backward()
    assert torch.equal(*outs)
    assert torch.equal(net.conv.weight.grad, twin.conv.weight.grad)
    assert net.bn.num_batches_tracked == 1
    assert copy.deepcopy(net)(x).shape == outs[0].shape


def test_training_flags_are_seen() -> None:
    """Kills training mode that a frozen layer, or a dropout by function, does not hear of."""
    seen = []
    net = Foreign(lambda net, x: (seen.append([m.training for m in net.modules()]), F.dropout(x, training=net.training)))
    for train in (False, True):
        trace = zoo.trace(net, input=SHAPE, train=train)
        assert set(seen.pop()) == {train}
        assert {op.attrs["train"] for op in trace.ops if op.kind == "dropout"} == {train}


# Nothing is allocated -------------------------------------------------------------------------------------------------

FACTORY = """
import torch
from torch import nn

def make(width: int = 70_000) -> nn.Module:
    return nn.Sequential(nn.Linear(width, width), nn.Flatten())

def touch() -> nn.Module:
    net = make()
    nn.init.kaiming_uniform_(net[0].weight)
    with torch.no_grad():
        net[0].weight.mul_(2).clamp_(-1, 1)
        net[0].bias.copy_(torch.zeros(70_000))
    return net
"""

MEASURE = """
import resource, sys
import zoo, torch
zoo.summary("lenet5")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
total = zoo.summary(sys.argv[1], input=(1, 70_000)).total
assert total["params"] == total["macs"] + 70_000 == 70_000**2 + 70_000, total
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("builder", ["make", pytest.param("touch", marks=pytest.mark.slow)])
def test_model_from_a_file_is_not_allocated(tmp_path: Path, builder: str) -> None:
    """Kills weights that are made in order to be counted: these 4.9 billion would take 19.6 GB."""
    (tmp_path / "net.py").write_text(textwrap.dedent(FACTORY))
    target = f"{tmp_path / 'net.py'}:{builder}"
    done = subprocess.run([sys.executable, "-c", MEASURE, target], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 100_000, "kilobytes"


def test_skeleton_is_of_one_thread() -> None:
    """Kills patches of torch that another thread, building a model of its own, falls over."""
    functions = torch.empty, torch.nn.init.ones_, torch.Tensor.normal_
    made: list[Tensor] = []

    def elsewhere() -> None:
        made.append(nn.init.ones_(torch.empty(3)))
        made.append(nn.Linear(2, 2).weight)

    with Skeleton():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert nn.Linear(2, 2).weight.is_meta
        assert (torch.empty, torch.nn.init.ones_, torch.Tensor.normal_) == functions
    assert [t.device.type for t in made] == ["cpu", "cpu"]
    assert made[0].eq(1).all()
    assert torch.empty(2).device.type == "cpu"


def test_skeleton_draws_no_numbers() -> None:
    """Kills a build that moves the caller's generator, or a constructor's own numbers that are no longer real."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 3)
            nn.init.normal_(self.fc.weight)
            self.rates = [float(rate) for rate in torch.linspace(0, 1, 3)]

    state = torch.get_rng_state()
    with Skeleton():
        net = Net()
    assert torch.equal(torch.get_rng_state(), state)
    assert net.rates == [0.0, 0.5, 1.0]
    assert net.fc.weight.is_meta


def test_trace_of_another_thread_does_not_interfere() -> None:
    """Kills a recorder that writes down what another thread does with the same model meanwhile."""
    net, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.ones(1, 4)
    expected, outs = net(x), []

    def other() -> None:
        outs.append(net(x))

    def hook(module: nn.Module, inputs: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()

    net[0].register_forward_pre_hook(hook)
    table = zoo.summary(net, input=(1, 4))
    assert torch.equal(outs[0], expected)
    assert [row.name for row in table.rows] == ["0", "1"]
    assert table.total["macs"] == 16


# Wherever a forward ends, and whatever is asked -----------------------------------------------------------------------


class Block(nn.Module):
    """A convolution that is shared, a batch normalisation that is frozen, one that is not, and a shortcut."""

    def __init__(self, shared: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.shared = shared
        self.frozen = nn.BatchNorm2d(4).requires_grad_(False)
        self.bn = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout2d()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.shared(self.drop(self.frozen(self.conv(x))))) + x)


class Classifier(nn.Module):
    """Two blocks of one convolution, one head under two names; in training, its frozen layers in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        shared = nn.Conv2d(4, 4, 1)
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.blocks = nn.Sequential(Block(shared), Block(shared))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = self.head = nn.Linear(4, 5)
        self.fc.register_forward_hook(lambda module, inputs, output: None)
        self.train()
        for block in self.blocks:
            block.frozen.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.flatten(self.pool(self.blocks(self.stem(x))), 1))


LAYERS = [name for name, _ in Classifier().named_modules()]


def raising(error: BaseException) -> Callable[..., None]:
    def hook(*given: Any) -> None:
        raise error

    return hook


@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("layer", LAYERS)
def test_forward_that_ends_at_a_layer(layer: str, error: BaseException, behind: bool) -> None:
    """Kills clearing up that knows of the layers that ran, or of those that did not; in either mode."""
    net = Classifier()
    part = net.get_submodule(layer)
    (part.register_forward_hook if behind else part.register_forward_pre_hook)(raising(error))
    for train in (False, True):
        with pytest.raises(ZooError if isinstance(error, Exception) else KeyboardInterrupt):
            unchanged(net, lambda train=train: zoo.trace(net, input=SHAPE, train=train))


@pytest.mark.parametrize("error", [None, RuntimeError("no")], ids=["whole", "raises"])
def test_model_without_weights(error: Exception | None) -> None:
    """Kills a model on meta that is left otherwise than one with weights."""
    with torch.device("meta"):
        net = Classifier()
    if error is not None:
        net.blocks[1].shared.register_forward_hook(raising(error))
    before = net.stem.weight, net.blocks[0].frozen.training, dict(vars(net.blocks[1].shared)), process()
    with contextlib.suppress(ZooError):
        zoo.summary(net, input=SHAPE, train=True)
    assert (net.stem.weight, net.blocks[0].frozen.training, dict(vars(net.blocks[1].shared)), process()) == before


ANALYSES: dict[str, Callable[[nn.Module], Any]] = {
    "summary": lambda net: zoo.summary(net, input=SHAPE, columns=list(columns())),
    "summary in training": lambda net: zoo.summary(net, input=SHAPE, train=True, columns=list(columns())),
    "verify": lambda net: zoo.verify(net, input=SHAPE, rf=True),
    "compare": lambda net: zoo.compare(net, nn.Sequential(nn.AvgPool2d(2), nn.Flatten()), input=SHAPE),
    "diff": lambda net: zoo.diff(net, "torchvision:squeezenet1_1"),
    "stages": lambda net: zoo.stages(net, input=SHAPE),
    "features": lambda net: zoo.features(net, ["blocks.0"], input=SHAPE),
}


@pytest.mark.parametrize("analyse", [pytest.param(analyse, id=name) for name, analyse in ANALYSES.items()])
def test_analyses(analyse: Callable[[nn.Module], Any]) -> None:
    """Kills an analysis that works on the very model, changes what models share, or draws from a generator."""
    net = Classifier()
    unchanged(net, lambda: analyse(net))


def test_new_head() -> None:
    """Kills a head that is put into the very model. Its weights are drawn, and nothing else."""
    net, made = Classifier(), []
    state = torch.get_rng_state()

    def replace() -> None:
        made.append(zoo.replace_head(net, nn.Identity(), input=SHAPE))
        assert torch.equal(torch.get_rng_state(), state)

    unchanged(net, replace)
    assert made[0].training


def test_twice() -> None:
    """Kills what is remembered from one analysis to the next."""
    net = Classifier()
    first, second = (zoo.trace(net, input=SHAPE, train=True) for _ in range(2))
    assert first == second
    assert zoo.measure(first, columns=list(columns())) == zoo.measure(second, columns=list(columns()))


# Other threads --------------------------------------------------------------------------------------------------------


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """What the jobs return, each in a thread of its own, that begin together."""
    barrier, results = threading.Barrier(len(jobs)), [None] * len(jobs)

    def go(place: int, job: Callable[[], Any]) -> None:
        barrier.wait()
        results[place] = job()

    threads = [threading.Thread(target=go, args=item) for item in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_analyses_in_threads_do_not_mix() -> None:
    """Kills a recorder that is shared; and models that are analysed twice at once and keep what the one put in, the other took for
    the model's own.
    """
    shared, own = Classifier(), nn.Sequential(*[nn.Conv2d(3, 3, 1) for _ in range(60)])
    models = [shared, own, shared, shared]
    alone = [zoo.trace(model, input=SHAPE, train=True) for model in models]

    def several(model: nn.Module) -> list[zoo.Trace]:
        return [zoo.trace(model, input=SHAPE, train=True) for _ in range(5)]

    together: list[Any] = []
    unchanged(shared, lambda: together.extend(at_once(*(lambda model=model: several(model) for model in models))))
    assert together == [[trace] * 5 for trace in alone]


def test_another_model_is_trained_meanwhile() -> None:
    """Kills generators that are set back under another thread's feet, modes and patches that reach it."""

    def training() -> list[Tensor]:
        torch.manual_seed(1)
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(144, 5))
        optimizer = torch.optim.SGD(net.parameters(), 1e-3)
        for _ in range(60):
            optimizer.zero_grad()
            net(torch.randn(SHAPE)).square().sum().backward()
            optimizer.step()
        done.set()
        return [t.detach() for t in net.state_dict().values()]

    def analysing() -> int:
        times = 0
        while not done.is_set():
            zoo.summary(model, input=SHAPE, train=True)
            times += 1
        return times

    model, done = nn.Sequential(*[nn.Conv2d(3, 3, 1) for _ in range(40)], nn.Dropout()), threading.Event()
    alone = training()
    done.clear()
    together, times = at_once(training, analysing)
    assert times > 1
    assert all(map(torch.equal, alone, together))


DRAWS = """
import random
import numpy
import torch
torch.manual_seed(4)

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.token = torch.nn.Parameter(torch.randn(1, 3))
        self.rate = random.random() + numpy.random.rand()

    def forward(self, x):
        return x + self.token

class Stubborn(Net):
    def __init__(self):
        super().__init__()
        self.scale = float(torch.nn.init.normal_(torch.empty(1)))
"""


@pytest.mark.parametrize("name", ["Net", "Stubborn"])
def test_building_draws_no_numbers(tmp_path: Path, name: str) -> None:
    """Kills a caller's generators that move because a model was imported and built in order to be looked at."""
    (tmp_path / "drawn.py").write_text(DRAWS)
    before = process()["random"]
    assert zoo.summary(f"{tmp_path / 'drawn.py'}:{name}", input=(1, 3)).total["params"] == 3
    assert process()["random"] == before


class Slotted:
    """An object without `__dict__`, with a list."""

    __slots__ = ("count", "seen")

    def __init__(self) -> None:
        self.count, self.seen = 0, [1]


class Holder(nn.Linear):
    """Keeps objects in lists and tuples, an array of numbers, and an array in its class."""

    totals: ClassVar[Any] = np.zeros(2)

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.listed, self.paired = [Slotted(), SimpleNamespace(seen=[1])], (Slotted(),)
        self.numbers = array("i", [1, 2])

    def forward(self, x: Tensor) -> Tensor:
        for one in (*self.listed, *self.paired):
            one.count = 7
            one.seen.append(2)
        self.numbers.append(3)
        type(self).totals += 1
        return super().forward(x)


def test_objects_in_lists_and_arrays_of_classes() -> None:
    """Kills objects that are restored only where a module holds them itself, and arrays only where they are numpy's and its own."""
    net = Holder()
    zoo.trace(net, input=(1, 2))
    first, second = net.listed
    assert (first.count, first.seen, vars(second), net.paired[0].count, net.paired[0].seen) == (0, [1], {"seen": [1]}, 0, [1])
    assert net.numbers.tolist() == [1, 2]
    assert Holder.totals.tolist() == [0, 0]


def test_more_settings_of_torch() -> None:
    """Kills settings that a forward pass leaves to the whole process."""

    class Sets(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            torch.set_warn_always(True)
            torch.sparse.check_sparse_tensor_invariants.enable()
            torch.utils.deterministic.fill_uninitialized_memory = False
            return super().forward(x)

    zoo.trace(Sets(2, 2), input=(1, 2))
    settings = torch.is_warn_always_enabled(), torch.sparse.check_sparse_tensor_invariants.is_enabled()
    assert (*settings, torch.utils.deterministic.fill_uninitialized_memory) == (False, False, True)
