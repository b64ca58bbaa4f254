"""What a forward is given: several tensors, keyword arguments, types, ready tensors in any nesting; and what it may return."""

from collections import OrderedDict, UserDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import zoo
from zoo.record.inputs import Input
from zoo_cli.arguments import parse_inputs
from zoo_cli.main import run

# Written on the command line -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "given"),
    [
        ([], None),
        (["3x224x224"], (2, 3, 224, 224)),
        (["3×5", "7"], [(2, 3, 5), (2, 7)]),
        (["128:int64"], Input((2, 128), "int64")),
        (["3x8x8", "mask=8x8:bool"], [(2, 3, 8, 8), Input((2, 8, 8), "bool", "mask")]),
        (["10xNx4"], (10, 2, 4)),
        (["mask=NxN:bool"], Input((2, 2), "bool", "mask")),
        (["=5x5"], (5, 5)),
        (["mask==5x5:bool"], Input((5, 5), "bool", "mask")),
        (["step==:int64"], Input((), "int64", "step")),
        (["="], ()),
        (["flag:=True"], Input(None, name="flag", value=True)),
        (["mode:=bilinear"], Input(None, name="mode", value="bilinear")),
        (["size:=(4, 4)"], Input(None, name="size", value=(4, 4))),
        (["cache:=none"], Input(None, name="cache", value=None)),
    ],
)
def test_written(texts: list[str], given: Any) -> None:
    """Kills a batch that is left out, put twice, or before what has none; a name, type or value that gets lost."""
    found = parse_inputs(texts, 2)
    assert found == given
    assert type(found) is type(given)


@pytest.mark.parametrize(
    "text", ["", "3x", "x3", "ids=", "ids=:int64", "1ids=3", "3:int 64", "=3xN", "a=b=c", "3x0", "3:", "²", ":int64"]
)
def test_not_readable(text: str) -> None:
    """Kills a slip that is taken for something else."""
    with pytest.raises(zoo.ZooError, match="such as 3x224x224"):
        parse_inputs([text], 1)


NETS = """
import torch
from torch import nn


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.head = nn.Embedding(100, 8), nn.Linear(8, 5)

    def forward(self, ids, mask=None, scale=None):
        x = self.words(ids)
        if mask is not None:
            x = x.masked_fill(~mask[..., None], 0)
        return self.head(x if scale is None else x * scale)


class Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(10, 4))

    def forward(self, ids):
        return self.table[ids]
"""


@pytest.fixture
def nets(tmp_path: Any) -> str:
    path = tmp_path / "input_nets.py"
    path.write_text(NETS)
    return str(path)


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        (["-i", "12:int64"], "input 1×12 int64 ·"),
        (["-i", "12:int64", "-i", "mask=12:bool", "-b", "3"], "input 3×12 int64, 3×12 bool ·"),
        (["-i", "scale==:float32", "-i", "ids=12:int32"], "input scalar, 1×12 int32 ·"),
        (["-i", "ids=12:int64", "-i", "scale:=2.5"], "input 1×12 int64 ·"),
    ],
)
def test_command(nets: str, capsys: pytest.CaptureFixture[str], arguments: list[str], title: str) -> None:
    """Kills an argument that does not reach the forward, or under another name or type."""
    assert run(["summary", f"{nets}:Words", *arguments]) == 0
    out, _ = capsys.readouterr()
    assert title in out
    assert " 845 " in out  # 100 × 8 + 8 × 5 + 5


@pytest.mark.parametrize(
    ("target", "arguments", "parts"),
    [
        ("Words", ["-i", "12"], ["words (Embedding)", "--input 128:int64"]),
        ("Table", ["-i", "12"], ["Table", "--input 128:int64"]),
        ("Words", ["-i", "12:int46"], ["unknown type of input 'int46'", "int64"]),
        ("Words", ["-i", "ids=12:int64", "-i", "msak=12:bool"], ["unexpected keyword argument 'msak'"]),
        ("Words", ["-i", "mask=12:bool"], ["missing 1 required positional argument: 'ids'"]),
    ],
)
def test_refused(nets: str, capsys: pytest.CaptureFixture[str], target: str, arguments: list[str], parts: list[str]) -> None:
    """Kills a traceback, and a model of words whose user is not told to give the type."""
    assert run(["summary", f"{nets}:{target}", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    for part in parts:
        assert part in err


# Ready in Python -----------------------------------------------------------------------------------------------------

Pair = namedtuple("Pair", "x y")


@dataclass(frozen=True)
class Batch:
    x: Tensor
    y: Tensor
    note: str = "as it is"


class Encoding(UserDict[str, Any]):
    """As tokenizers return."""


class Takes(nn.Module):
    """Adds the two tensors that `find` gets out of what the forward is given."""

    def __init__(self, find: Callable[..., tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.find, self.linear = find, nn.Linear(4, 4)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        x, y = self.find(*args, **kwargs)
        assert x.is_meta
        assert y.is_meta
        return self.linear(x + y)


X, Y = torch.ones(2, 4), torch.ones(1, 4)


@pytest.mark.parametrize(
    ("inputs", "find"),
    [
        ((X, Y), lambda x, y: (x, y)),
        ({"x": X, "y": Y}, lambda *, x, y: (x, y)),
        (Encoding(x=X, y=Y), lambda *, x, y: (x, y)),
        (({"x": X, "y": Y},), lambda both: (both["x"], both["y"])),
        ((Encoding(x=X, y=Y),), lambda both: (both["x"], both["y"])),
        ((OrderedDict(x=X, y=Y),), lambda both: both.values()),
        ([X, Y], lambda both: both),
        (([X, {"deep": (Y, None, "word", 3)}],), lambda both: (both[0], both[1]["deep"][0])),
        (Pair(X, Y), lambda pair: (pair.x, pair.y)),
        (Batch(X, Y), lambda batch: (batch.x, batch.y)),
        ((X, None, "word", 3, Y), lambda x, none, word, three, y: (x, y)),
        ({"x": X, "rest": [Y]}, lambda x, rest: (x, rest[0])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nesting(inputs: Any, find: Callable[..., Any]) -> None:
    """Kills a nesting that is not gone through: its tensors stay real, or do not count as inputs."""
    found = zoo.trace(Takes(find), inputs=inputs)
    assert sorted(value.shape for value in found.inputs) == [(1, 4), (2, 4)]
    assert zoo.measure(found).total["macs"] == 2 * 16


def test_inputs_are_left_as_they_are() -> None:
    """Kills inputs that are moved to the meta device in place."""
    given = {"x": Batch(X.clone(), Y), "y": [X]}
    zoo.trace(Takes(lambda x, y: (x.x, y[0])), inputs=given)
    assert given["x"].x.equal(X)  # type: ignore[attr-defined]
    assert given["y"] == [X]


def test_specified() -> None:
    """Kills specifications that are good for the command line alone."""
    found = zoo.summary(Takes(lambda a, y: (a.float(), y)), input=[Input((2, 4), "int64"), Input((1, 4), name="y")])
    assert found.context["inputs"] == [[2, 4], [1, 4]]


class Packed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 5, batch_first=True)

    def forward(self, x: PackedSequence) -> Any:
        return pad_packed_sequence(self.lstm(x)[0], batch_first=True)


def test_packed_sequence() -> None:
    """Kills a packed sequence that is refused, or counted as if it were padded: 6 + 3 steps are there, not 12."""
    packed = pack_padded_sequence(torch.zeros(2, 6, 4), torch.tensor([6, 3]), batch_first=True)
    total = zoo.summary(Packed(), inputs=packed).total
    macs = total["macs"]["at_least"] if isinstance(total["macs"], dict) else total["macs"]
    assert macs == (6 + 3) * 4 * 5 * (4 + 5)
    assert total["output"][0] == [2, 6, 5]


# Returned ------------------------------------------------------------------------------------------------------------


@dataclass
class Answer(OrderedDict[str, Any]):
    """A dataclass that is a mapping too, as of transformers."""

    logits: Tensor
    hidden: tuple[Tensor, ...] | None = None

    def __post_init__(self) -> None:
        super().__init__(logits=self.logits)


@pytest.mark.parametrize(
    ("pack", "output"),
    [
        (lambda x: Answer(x), [2, 4]),
        (lambda x: {"a": [x, (x.sum(),)], "b": None}, [[2, 4], []]),
        (lambda x: None, None),
        (lambda x: (x, "word", 3, None), [2, 4]),
    ],
)
def test_returned(pack: Callable[[Tensor], Any], output: Any) -> None:
    """Kills an output that is not gone through, and a model without one."""

    class Returns(nn.Linear):
        def forward(self, x: Tensor) -> Any:
            return pack(super().forward(x))

    assert zoo.summary(nn.Sequential(Returns(4, 4)), input=(2, 4)).total["output"] == output


# One rule for all functions ------------------------------------------------------------------------------------------

IMAGES = torch.zeros(2, 3, 64, 64)


@pytest.mark.parametrize(
    "how",
    [
        {"input": (2, 3, 64, 64)},
        {"input": [(2, 3, 64, 64)]},
        {"input": torch.Size((2, 3, 64, 64))},
        {"input": "3x64x64", "batch": 2},
        {"input": ["3x64x64"], "batch": 2},
        {"input": Input((2, 3, 64, 64))},
        {"input": IMAGES},
        {"input": [IMAGES]},
        {"input": (IMAGES,)},
        {"input": {"x": IMAGES}},
        {"inputs": IMAGES},
    ],
    ids=str,
)
def test_same_input_in_all_spellings(how: dict[str, Any]) -> None:
    """Kills a spelling that one function understands and another does not, or understands otherwise."""
    wanted = zoo.trace("resnet18", input=(2, 3, 64, 64))
    assert zoo.trace("resnet18", **how).ops == wanted.ops
    assert zoo.summary("resnet18", **how).total == zoo.measure(wanted).total
    assert zoo.stages("resnet18", **how) == zoo.stages(wanted)
    assert zoo.receptive_field("resnet18", "conv1", **how) == zoo.receptive_field(wanted, "conv1")
    assert zoo.diff("resnet18", wanted, **how).rows == ()
    assert zoo.compare("resnet18", wanted, **how).rows[1].cells["macs/1"] == 1


def test_values_are_not_shown() -> None:
    """Kills an error that prints the values of an array."""
    numpy = pytest.importorskip("numpy")
    with pytest.raises(zoo.ZooError, match=r"input: expected a shape .* got a ndarray of shape \(1, 3, 8, 8\)") as caught:
        zoo.summary("resnet18", input=numpy.ones((1, 3, 8, 8)))
    assert len(str(caught.value)) < 200


TARGETS = ["resnet18", "torchvision:resnet18", "torchvision.models:resnet18"]


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_all_functions_take_all_targets(target: str, tmp_path: Any) -> None:
    """Kills a function that knows names of the catalogue alone, or crashes for them."""
    size = "3x64x64"
    assert zoo.trace(target, input=size).outputs[0].shape == (1, 1000)
    body = zoo.features(target, ["stage2"], input=size)
    assert body(IMAGES)["stage2"].shape == (2, 64, 16, 16)
    assert zoo.replace_head(target, "gap", input=size, num_classes=5)(IMAGES).shape == (2, 5)
    assert len(zoo.stages(target, size)) == 5
    assert zoo.receptive_field(target, "conv1", input=size).axes[0].size == 7
    assert zoo.sweep(target, input=[size], columns=["params"]).rows[0].cells["params"] == 11_689_512
    assert zoo.export(target, tmp_path / "model.pt").exists()
    assert "differs" not in {row.cells["verdict"] for row in zoo.verify(target, input=size).rows}


def test_sizes_as_options() -> None:
    """Kills sizes that must be written as Python writes them."""
    spelled = [
        ["summary", "torch.nn:Conv2d", "-s", "in_channels=3", "-s", "out_channels=4", "-s", f"kernel_size={k}"]
        for k in ("3x1", "3,1")
    ]
    options = {"in_channels": 3, "out_channels": 4, "kernel_size": (3, 1)}
    wanted = zoo.summary("torch.nn:Conv2d", options=options).total["params"]
    assert wanted == 3 * 4 * 3 + 4
    assert all(run([*command, "-o", "/dev/null", "-f", "json"]) == 0 for command in spelled)
    assert zoo.trace("torch.nn:Conv2d", options=options).ops == zoo.trace(nn.Conv2d(3, 4, (3, 1))).ops


def test_exported_with_typed_and_named_inputs(tmp_path: Any, nets: str) -> None:
    """Kills an export of a model of words, or of an argument by name."""
    file = tmp_path / "words.pt2"
    assert run(["export", f"{nets}:Words", "-o", str(file), "-i", "ids=12:int64", "-i", "mask=12:bool"]) == 0
    found = torch.export.load(file).module()
    ids = torch.zeros(3, 12, dtype=torch.int64)
    assert found(ids=ids, mask=ids == 0).shape == (3, 12, 5)
