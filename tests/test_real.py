"""Models that decide by values run once on real tensors, on a copy: numbers as published, and the model as it was."""

import copy
import threading
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

import zoo
from tests.test_left_as_it_was import Foreign, snapshot
from zoo.models.targets import resolve
from zoo.tables.notes import RealRun
from zoo_cli.main import run


class Decides(nn.Module):
    """Ways in which forwards need values."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.conv, self.more = how, nn.Conv2d(1, 2, 1), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).flatten(1)[:, :4]
        if self.how == "if":
            return self.more(x) if x.sum() > 0 else x
        if self.how == "item":
            return self.more(x[:, : int(x.sum().item() * 0) + 4])
        if self.how == "nonzero":
            return self.more(x)[(x > -9).nonzero()[:, 0]]
        if self.how == "mask":
            return self.more(x[x[:, 0] > -9])
        return torch.stack([self.more(row) for row in x.tolist() and x])


@pytest.mark.parametrize("how", ["if", "item", "nonzero", "mask", "list"])
def test_offered_and_true(how: str) -> None:
    """Kills an offer that does not work, a refusal that does not say where or offers nothing, and other numbers than on shapes."""
    model = Decides(how)
    nn.init.ones_(model.conv.weight)
    with pytest.raises(zoo.ZooError, match=r"Decides.* requires the values of a tensor.*--real \(in Python real=True\)"):
        zoo.summary(model, input=(3, 1, 2, 2))
    table = zoo.summary(model, input=(3, 1, 2, 2), real=True)
    assert known(table.total["macs"]) == 3 * 8 + 3 * 16
    assert table.total["params"] == sum(p.numel() for p in model.parameters())
    assert RealRun(own_weights=True, given=False) in table.notes


def test_values_decide() -> None:
    """Kills values that are not the caller's: the branch that they choose has a layer more."""
    model = Decides("if")
    nn.init.ones_(model.conv.weight)
    nn.init.zeros_(model.conv.bias)
    signs = [torch.full((3, 1, 2, 2), sign) for sign in (1.0, -1.0)]
    assert [known(zoo.summary(model, inputs=x, real=True).total["macs"]) for x in signs] == [3 * 8 + 3 * 16, 3 * 8]


@pytest.mark.parametrize("target", ["resnet18", "encoder"])
def test_same_as_on_shapes(target: str) -> None:
    """Kills an op that is recorded otherwise on real tensors, and a fast path that only these take: rows, costs, outputs."""
    if target == "encoder":
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        model, shape = nn.TransformerEncoder(layer, 2), (1, 5, 8)
    else:
        model, shape = resolve(target, {}).module, (1, 3, 64, 64)  # type: ignore[assignment]
    columns = ["output", "params", "macs", "flops", "rf", "depth"]
    real, shapes = (zoo.measure(zoo.trace(model, input=shape, real=flag), columns=columns) for flag in (True, False))
    assert real.rows == shapes.rows
    assert real.total == shapes.total


def known(macs: Any) -> int:
    """The number, or its lower bound."""
    return int(macs["at_least"] if isinstance(macs, dict) else macs)


def test_detection() -> None:
    """Kills detectors that cannot be analysed: multiply-accumulates are those that torchvision publishes, to every printed digit.

    `benchmarks/detectors.py` does the same for the larger ones.
    """
    table = zoo.summary(
        "torchvision:ssdlite320_mobilenet_v3_large", input=(1, 3, 320, 320), columns=["params", "macs"], depth=1, real=True
    )
    published = models.get_model_weights("ssdlite320_mobilenet_v3_large").DEFAULT.meta
    assert f"{known(table.total['macs']) / 1e9:.3f}" == f"{published['_ops']:.3f}"
    assert table.total["params"] == published["num_params"]
    assert RealRun(own_weights=False, given=False) in table.notes


# The model is left as it was -----------------------------------------------------------------------------------------


class Mischief(Foreign):
    """Writes wherever it can."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = super().forward(x)
        with torch.no_grad():
            for tensor in (*self.parameters(), *self.buffers()):
                tensor.add_(1)
        x.zero_()
        self.extra = torch.randn(3) + torch.rand(())
        self.train(not self.training)
        return out


@pytest.mark.parametrize("train", [False, True])
def test_left_as_it_was(train: bool) -> None:
    """Kills a forward on the model itself: weights, statistics, modes, attributes, inputs and random numbers stay."""
    model, x = Mischief().train(), torch.ones(2, 3, 16, 16)
    before, state, kept = snapshot(model), torch.get_rng_state(), x.clone()
    zoo.trace(model, inputs=x, real=True, train=train)
    assert snapshot(model) == before
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(x, kept)


def test_random_numbers_stay_beside_another_thread() -> None:
    """Kills a generator that is put back only where this thread is alone."""
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        model = Mischief()
        state = torch.get_rng_state()
        zoo.trace(model, inputs=torch.ones(2, 3, 16, 16), real=True)
        assert torch.equal(torch.get_rng_state(), state)
    finally:
        done.set()
        other.join()


def test_tied_weights_stay_tied() -> None:
    """Kills weights that are made for each of their names."""

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.b(self.a(x))

    with torch.device("meta"):
        model = Tied()
    assert zoo.summary(model, input=(1, 4), real=True).total["params"] == 16
    assert model.a.weight.is_meta


def test_no_activation_is_kept() -> None:
    """Kills a record that holds every activation until the end: a hundred layers of a megabyte in turn need two at a time."""
    import weakref

    alive: list[Any] = []

    class Layer(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            out = x + 1
            alive.append(weakref.ref(out))
            assert sum(ref() is not None for ref in alive) <= 3
            return out

    found = zoo.trace(nn.Sequential(*(Layer() for _ in range(100))), input=(1, 8), real=True)
    assert [op.kind for op in found.ops] == ["add"] * 100
    chain = [(op.inputs[0].id, op.outputs[0].id) for op in found.ops]
    assert all(one[1] == other[0] for one, other in pairwise(chain))


def test_not_copyable() -> None:
    """Kills a traceback where a copy cannot be made."""

    class Locked(nn.Linear):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("cannot pickle a lock")

    with pytest.raises(zoo.ZooError, match=r"Locked cannot be copied.*lock"):
        zoo.summary(Locked(4, 4), input=(1, 4), real=True)


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an offer that the command line does not know."""
    assert run(["summary", "torchvision:ssd300_vgg16", "-i", "3x300x300"]) == 2
    assert "--real" in capsys.readouterr().err
    assert run(["summary", "lenet5", "--real"]) == 0
    assert "ran once on real tensors, with neutral weights and inputs of ones" in " ".join(capsys.readouterr().out.split())


def test_copies_are_not_shared() -> None:
    """Kills a second run that sees what the first one did."""
    model = Mischief()
    first = zoo.trace(model, input=(2, 3, 16, 16), real=True)
    assert zoo.trace(copy.deepcopy(model), input=(2, 3, 16, 16), real=True) == first
