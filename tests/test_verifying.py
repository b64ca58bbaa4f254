"""`zoo verify`: the whole catalogue against independent numbers, and proof that it can find a difference."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import zoo
from zoo.analysis import experiment
from zoo.questions import verify as verifying
from zoo.questions.verify import differences, verify
from zoo.receptive.spans import Field
from zoo.receptive.windows import Units
from zoo.record.trace import Value
from zoo_cli.main import run


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.list_models())
def test_catalogue_is_clean(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a card that claims, and an analyzer that computes, what nobody else does. fvcore, which computes, checks small ones."""
    monkeypatch.setattr(verifying, "_MOST", 10**8)
    table = verify(name)
    assert differences(table) == []
    assert {"card", "module.parameters()", "FlopCounterMode / 2"} <= {row.type for row in table.rows}


SMALL = [name for name in zoo.list_models() if zoo.card(name).macs < 1.6e9 and zoo.card(name).depth <= 60]


@pytest.mark.parametrize("name", SMALL)
def test_experiment(name: str) -> None:
    """Kills a window one pixel off, in the experiment that a user can run."""
    table = verify(name, rf=True)
    assert differences(table) == []
    assert sum(row.type == "experiment" for row in table.rows) > 1


def test_a_false_claim_is_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a check that cannot fail: one parameter too many on the card, and the command exits with 1 and says so."""
    real = verifying.card
    monkeypatch.setattr(verifying, "card", lambda name: replace(real(name), params=real(name).params + 1))
    assert run(["verify", "lenet5"]) == 1
    assert "params: 60000 against 60001 of card" in capsys.readouterr().err


class Odd(nn.Module):
    """Products that FlopCounterMode has no formula for, beside some that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.both, self.w = nn.LSTM(8, 8, batch_first=True), nn.Bilinear(8, 8, 4), nn.Parameter(torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.lstm(x)[0]
        return self.both(x, x) @ self.w


def cells(table: zoo.Table, oracle: str) -> dict[str, Any]:
    return dict(next(row.cells for row in table.rows if row.type == oracle))


def test_what_another_does_not_count_is_named() -> None:
    """Kills a difference that passes for explained whatever it is, and one that is found although every op of it is known."""
    table = verify(Odd(), input=(1, 5, 8))
    row = cells(table, "FlopCounterMode / 2")
    missed = 5 * 4 * (8 * 8 + 8) + 5 * 4
    assert (row["ours"] - row["theirs"], row["verdict"]) == (missed, "explained")
    assert row["why"] == f"counted here, not there: bilinear (1×), matmul (1×), {missed:,} MACs"
    assert cells(table, "fvcore")["verdict"] == "not checked"  # it fails at the product with a vector
    assert differences(table) == []


@pytest.mark.parametrize(("counter", "oracle"), [("flop_counter", "FlopCounterMode / 2"), ("fvcore", "fvcore")])
def test_another_figure_is_found(monkeypatch: pytest.MonkeyPatch, counter: str, oracle: str) -> None:
    """Kills a check against another tool that agrees with any answer."""
    real = getattr(verifying, counter)
    assert cells(verify("lenet5"), oracle)["verdict"] == "equal"
    wrong = (lambda *given: real(*given) + 1) if counter == "flop_counter" else lambda *given: {**real(*given), "relu": 1}
    monkeypatch.setattr(verifying, counter, wrong)
    assert [found for found in differences(verify("lenet5")) if oracle in found]


def test_fvcore_on_a_transformer() -> None:
    """Kills a figure under `fvcore` that only holds for convolutions: normalisation, and linear layers on sequences."""
    table = verify(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), input=(2, 5, 8))
    row = cells(table, "fvcore")
    assert (row["verdict"], row["ours"]) == ("equal", row["theirs"])
    assert row["ours"] == 2 * (4 * 5 * 8 * 8 + 2 * 5 * 8 * 16) + 2 * 5 * 2 * 5 * 8


class Functional(nn.Module):
    """No module gives its output."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.max_pool2d(x, 3, stride=2)


def test_the_output_of_a_functional_network_is_checked() -> None:
    """Kills an experiment that looks at modules only, and finds nothing to check in a forward pass of functions."""
    (row,) = [row for row in verify(Functional(), input=(1, 3, 9, 9), rf=True).rows if row.type == "experiment"]
    assert (row.name, row.cells["verdict"]) == ("rf of the output", "equal")
    assert row.cells["ours"] > 0


def test_a_false_window_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills an experiment that agrees with whatever is predicted."""
    right = experiment.exact

    def wider(value: Value, dims: Sequence[int]) -> Field:
        field = right(value, dims)
        assert isinstance(field, tuple)
        return tuple(replace(span, windows=Units(tuple(s | s << 1 for s in span.windows.sets))) for span in field)

    monkeypatch.setattr(experiment, "exact", wider)
    assert any("rf of" in found for found in differences(verify("lenet5", rf=True)))


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.Sequential(nn.Conv2d(3, 4, 3, dilation=2), nn.ReLU(), nn.MaxPool2d(2)), (1, 3, 20, 24)),
        (lambda: nn.Sequential(nn.Conv1d(2, 3, 5, stride=2, padding=1), nn.BatchNorm1d(3)), (1, 2, 33)),
    ],
)
def test_own_models(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    """Kills a check that changes the model it was given, or needs a name."""
    net = make().train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    assert differences(verify(net, input=shape, rf=True)) == []
    assert net.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


def test_torchvision_agrees() -> None:
    """Kills the metadata of another model."""
    table = verify("torchvision:resnet18")
    assert {row.type for row in table.rows if row.cells["verdict"] in {"equal", "rounded"}} >= {
        "torchvision",
        "FlopCounterMode / 2",
    }


def test_a_segmenter_agrees_with_its_weights() -> None:
    """Kills published numbers held to a network without the auxiliary head that the weights have."""
    table = verify("torchvision:deeplabv3_mobilenet_v3_large")
    assert differences(table) == []
    assert {row.name for row in table.rows if row.type == "torchvision"} == {"params with aux_loss", "macs with aux_loss"}


def test_a_named_instance_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills checks that run on the very module behind a name: its weights would be moved to meta, or overwritten."""
    (tmp_path / "verified_instance.py").write_text(
        "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).train()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    net = importlib.import_module("verified_instance").net
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    assert differences(verify("verified_instance:net", input=(1, 3, 8, 8), rf=True)) == []
    assert net.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_an_experiment_that_cannot_run() -> None:
    """Kills a traceback of torch, which refuses a convolution without output channels; and of an output without dimensions."""
    table = verify(nn.Conv2d(3, 0, 3), input=(1, 3, 8, 8), rf=True)
    (row,) = (row for row in table.rows if row.name == "rf")
    assert row.cells["verdict"] == "not checked"
    assert row.cells["why"].startswith("it raises RuntimeError")

    class Sum(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.sum()

    (row,) = (row for row in verify(Sum(), input=(1, 3, 8, 8), rf=True).rows if row.name.startswith("rf"))
    assert row.cells["verdict"] == "equal"
