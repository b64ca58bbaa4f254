"""What people ask a table for: up to a failing layer, without an input, without some modules, in short numbers."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo
from zoo.tables.formats._cells import scaled
from zoo.util.errors import ForwardError
from zoo_cli.main import run

NETS = """
from torch import nn


def bad():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(5, 4, 3), nn.Linear(3, 3))


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.layers = nn.Embedding(9, 4), nn.ModuleList([nn.Linear(4, 4) for _ in range(70)])
        self.layers[1].weight = self.layers[0].weight

    def forward(self, input_ids):
        batch, length = input_ids.shape
        return self.words(input_ids)
"""


@pytest.fixture
def nets(tmp_path: Path) -> str:
    path = tmp_path / "nets.py"
    path.write_text(NETS, encoding="utf-8")
    return str(path)


def failing() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(5, 4, 3), nn.Linear(3, 3))


def test_table_up_to_a_failing_layer() -> None:
    """Kills an error that forgets all that ran, and parameters that were not reached as unused."""
    with pytest.raises(ForwardError, match="takes 5 channels, got 4") as caught:
        zoo.summary(failing(), input=(1, 3, 8, 8), columns=["params", "macs", "rf"])
    table = caught.value.table
    assert [(row.name, row.mark) for row in table.rows] == [("0", ""), ("1", "")]
    assert table.total == {"params": 112, "macs": 3888, "rf": None}
    assert "2 (Conv2d): takes 5 channels" in str(table.notes[-1])
    assert zoo.measure(caught.value.trace, columns=["macs"]).total == {"macs": 3888}
    assert zoo.summary(failing(), input=(1, 3, 8, 8), partial=True).total["params"] == 112


def test_partial_on_the_command_line(nets: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a table that seems to be whole: exit code 1, and the reason on stderr."""
    assert run(["summary", f"{nets}:bad", "-i", "3x8x8", "--partial"]) == 1
    printed = capsys.readouterr()
    assert "3,888" in printed.out
    assert "stopped" in printed.out
    assert "takes 5 channels, got 4" in printed.err
    assert run(["summary", f"{nets}:bad", "-i", "3x8x8"]) == 2
    assert run(["summary", "lenet5", "--partial"]) == 0


def test_parameters_without_an_input(nets: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an answer that there is none: modules and parameters, and how to give an input."""
    assert run(["summary", f"{nets}:Words", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["total"]["params"] == 9 * 4 + 69 * 16 + 70 * 4  # one weight is shared
    assert len(found["rows"]) == 71
    assert "--input input_ids=128:int64" in found["notes"][-1]
    assert run(["summary", f"{nets}:Words"]) == 0
    assert "folded to fit one page" in capsys.readouterr().out
    assert run(["summary", f"{nets}:Words", "--strict"]) == 2
    assert run(["summary", f"{nets}:Words", "-i", "3x4"]) == 2
    assert run(["summary", f"{nets}:bad"]) == 0


def test_parameters_are_those_of_the_table() -> None:
    """Kills parameters that count otherwise than in a forward."""
    pytest.importorskip("torchvision")
    for name in ("googlenet", "torchvision:efficientnet_b0"):
        found, measured = zoo.parameters(name), zoo.summary(name, columns=["params", "trainable", "buffers"])
        assert {key: found.total[key] for key in measured.total} == measured.total
        assert sum(row.cells["params"] for row in zoo.parameters(name, depth=1).rows) == found.total["params"]
    held = zoo.parameters(nn.BatchNorm1d(4)).rows[0].cells
    assert held == {"shapes": [[4], [4]], "params": 8, "trainable": 8, "buffers": 9, "bytes": 17 * 4 + 4}


def test_exclude() -> None:
    """Kills modules that are gone from the rows and not from the totals, or the other way round."""
    whole = zoo.summary("torchvision:resnet18", columns=["params", "macs", "rf", "depth", "saved"])
    part = zoo.summary("torchvision:resnet18", columns=["params", "macs", "rf", "depth", "saved"], exclude=["layer4", "*.conv1"])
    kept = [row for row in whole.rows if not row.name.startswith("layer4") and not row.name.endswith(".conv1")]
    assert [row.name for row in part.rows] == [row.name for row in kept]
    for column in ("params", "macs", "saved"):
        assert part.total[column] == sum(row.cells[column] for row in kept) < whole.total[column]
    assert (part.total["rf"], part.total["depth"]) == (whole.total["rf"], whole.total["depth"])
    gone = whole.total["params"] - part.total["params"]
    assert str(part.notes[0]) == (
        f"excluded by layer4, *.conv1: 9 modules ({gone:,} params, {whole.total['macs'] - part.total['macs']:,} macs); "
        "rows and totals are those of the rest"
    )
    with pytest.raises(zoo.ZooError, match="unknown module 'layer5'; did you mean layer"):
        zoo.summary("torchvision:resnet18", exclude=["layer5"])


def test_short_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills short numbers in machine formats, and powers of 1,000 for bytes: vgg16 has 15.5 G MACs."""
    assert run(["summary", "vgg16", "--depth", "0", "--units", "-c", "params,macs,param_bytes"]) == 0
    printed = capsys.readouterr().out
    assert all(text in printed for text in ("15.5 G", "138 M", "528 MiB"))
    assert run(["summary", "vgg16", "--depth", "0", "--units", "-c", "macs", "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["macs"] == 15470264320


@pytest.mark.parametrize(
    ("count", "unit", "text"),
    [
        (0, "", "0"),
        (999, "", "999"),
        (1000, "", "1.00 k"),
        (9_994, "", "9.99 k"),
        (9_996, "", "10.0 k"),
        (99_960, "", "100 k"),
        (999_499, "", "999 k"),
        (999_500, "", "1.00 M"),
        (999, "bytes", "999 B"),
        (1023, "bytes", "1.00 KiB"),
        (1 << 20, "bytes", "1.00 MiB"),
        (-5_000, "", "-5.00 k"),
        (10**21, "", "1000 E"),
    ],
)
def test_scaled(count: int, unit: str, text: str) -> None:
    """Kills 1,000 k, and a number that is rounded to nothing."""
    assert scaled(count, unit) == text


class Listed(nn.Module):
    """Layers in a plain list, of which the model knows nothing, and in a list whose own forward is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.ls: Any = [nn.Linear(8, 8), nn.Linear(8, 8, bias=False)]
        self.block, self.last = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 4)]), nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        for layer in [*self.ls, *self.block, *self.last]:
            x = layer(x)
        return x


def test_weights_outside_of_the_model() -> None:
    """Kills layers that run without a word that they will not be trained or saved."""
    table = zoo.summary(Listed(), input=(1, 8))
    assert table.total["params"] == sum(p.numel() for p in Listed().parameters())
    (note,) = [str(note) for note in table.notes if "belong to the model" in str(note)]
    assert note.startswith("Listed runs on 136 weights that do not belong to the model")
    assert not [note for note in zoo.summary("lenet5").notes if "belong to the model" in str(note)]


def test_depth_folds_what_is_not_called() -> None:
    """Kills rows below a level because the module at that level only holds others."""
    table = zoo.summary(Listed(), input=(1, 8), depth=1, columns=["output", "params", "macs"])
    rows = [(row.name, row.type, row.cells) for row in table.rows if "linear" not in row.name]
    assert rows == [
        ("block", "ModuleList", {"output": [1, 4], "params": 108, "macs": 96}),
        ("last", "Sequential", {"output": [1, 4], "params": 20, "macs": 16}),
    ]
    deeper = zoo.summary(Listed(), input=(1, 8), depth=2, columns=["output", "params", "macs"])
    assert [row.name for row in deeper.rows][-4:] == ["block.0", "block.1", "last.0", "last.1"]
    assert deeper.total == table.total


def test_unused_modules_by_name() -> None:
    """Kills the outermost name for what is deep inside."""

    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.ModuleDict({name: nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)) for name in "ab"})
            self.head = nn.ModuleDict({"inner": nn.ModuleDict({"one": nn.Linear(4, 4), "two": nn.Linear(4, 4)})})

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.body["a"](self.body["b"][0](x))
            return found

    (note,) = [str(note) for note in zoo.summary(Deep(), input=(1, 4)).notes if str(note).startswith("unused")]
    assert note == "unused: this forward does not read 60 parameters of body.b.1, head.inner"


def test_many_outputs_in_one_cell() -> None:
    """Kills a cell of hundreds of characters: a language model with its cache returns two tensors for each layer."""

    class Caches(nn.Linear):
        def forward(self, input: Tensor) -> Any:
            return super().forward(input), [(input[:, None], input[:, None]) for _ in range(12)]

    table = zoo.summary(Caches(8, 8), input=(1, 8))
    assert "1×8, 24 × 1×1×8" in table.render(width=200)
    assert len(table.total["output"]) == 25


def test_arithmetic_of_masks_is_folded() -> None:
    """Kills rows of positions and masks that push layers off the page; where blocks are not folded, each op has its row."""

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.last = nn.Embedding(9, 8), nn.Linear(8, 8)

        def forward(self, ids: Tensor) -> Tensor:
            where = torch.arange(ids.shape[1])
            mask = (where[None, :] <= where[:, None]) & ids.bool()[:, None]
            bias = torch.zeros(mask.shape).masked_fill(~mask, -1.0)
            found: Tensor = self.last(self.words(ids)) + bias.mean(-1, keepdim=True)
            return found

    ids = zoo.Input((1, 5), "int64", "ids")
    folded, whole = zoo.summary(Masked(), input=ids, fold=True), zoo.summary(Masked(), input=ids)
    assert [(row.name, row.type) for row in folded.rows] == [
        ("arange", "12 ops"),
        ("words", "Embedding"),
        ("last", "Linear"),
        ("mean", "mean"),
        ("add", "add"),
    ]
    assert len(whole.rows) == 16
    assert folded.total == whole.total


def test_defaults_that_decide() -> None:
    """Kills a branch that is decided by a mask that nobody gave, without a word."""

    class Asks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(9, 4)

        def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
            found: Tensor = self.words(ids)
            return found if mask.all() else found * mask[..., None]

    shapes = [zoo.Input((1, 5), "int64"), zoo.Input((1, 5), "bool")]
    assert "control flow depends on integer inputs" in str(zoo.summary(Asks(), input=shapes).notes[-1])
    given = (torch.zeros(1, 5, dtype=torch.int64), torch.tensor([[True, False, True, True, True]]))
    table = zoo.summary(Asks(), inputs=given)
    assert not table.notes
    assert [row.type for row in table.rows][-1] == "mul"
    assert not zoo.summary(nn.Embedding(9, 4), input=shapes[:1]).notes
