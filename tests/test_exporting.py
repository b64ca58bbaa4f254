"""Exported files: other programs compute from them what the network computes, and nothing is half written."""

import sys
from pathlib import Path
from typing import IO

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.torch
import torch

import zoo
from zoo.models.targets import real_weights, resolve
from zoo.tables.notes import LowerBound
from zoo_cli.main import run

SMALL = """
import torch
from torch import nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.pool, self.act = nn.MaxPool2d(3, 2, ceil_mode=True), nn.ReLU()
        self.left, self.right = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 3, padding=1, groups=2)
        self.fc = nn.Linear(8, 5)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x):
        x = self.pool(self.stem(x))
        x = self.act(torch.cat([self.act(self.left(x)), self.right(x)], 1)) + x
        return self.fc(x.mean((2, 3)))
"""
SIZES = {"lenet5": (1, 32, 32), "small.py:Small": (3, 19, 16)}


def drawn(target: str) -> torch.nn.Module:
    """The network with the weights that `zoo export` draws by default."""
    with torch.random.fork_rng(), real_weights():
        torch.manual_seed(0)
        return resolve(target, {}).module.eval()


def images(target: str, batch: int) -> torch.Tensor:
    sizes = next(size for name, size in SIZES.items() if target.endswith(name))
    return torch.randn(batch, *sizes, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module", params=SIZES)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A target, and the folder in which it lies in every format."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "small.py").write_text(SMALL)
    target = request.param if ":" not in request.param else f"{folder}/{request.param}"
    for file in ("net.onnx", "net.pt2", "net.pt", "net.safetensors"):
        zoo.export(target, folder / file, input=(1, *SIZES[request.param]))
    return target, folder


@pytest.mark.parametrize("batch", [1, 3])
def test_onnx_runs_elsewhere(exported: tuple[str, Path], batch: int) -> None:
    """Kills a graph that computes something else, or only for the batch it was exported with."""
    name, folder = exported
    session = onnxruntime.InferenceSession(folder / "net.onnx", providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    x = images(name, batch)
    (found,) = session.run(None, {given.name: x.numpy()})
    with torch.inference_mode():
        np.testing.assert_allclose(found, drawn(name)(x).numpy(), rtol=1e-4, atol=1e-5)


def test_onnx_has_the_parameters_of_the_network(exported: tuple[str, Path]) -> None:
    """Kills an export that folds layers into others, drops zero biases, or adds biases that the network has not."""
    name, folder = exported
    model = onnx.load(folder / "net.onnx")
    stored = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT}
    wanted = {key: tuple(t.shape) for key, t in drawn(name).state_dict().items() if t.is_floating_point()}
    assert stored == wanted
    onnx.checker.check_model(model, full_check=True)
    assert str(Path(zoo.__file__).parent) not in str(model)  # nobody else's business


@pytest.mark.parametrize("batch", [1, 3])
def test_exported_program_computes_the_same(exported: tuple[str, Path], batch: int) -> None:
    """Kills a program with other weights, or for one batch size alone."""
    name, folder = exported
    x = images(name, batch)
    with torch.inference_mode():
        torch.testing.assert_close(torch.export.load(folder / "net.pt2").module()(x), drawn(name)(x))


def test_state_dicts_load(exported: tuple[str, Path]) -> None:
    """Kills a state dict that holds more than tensors, or other ones."""
    name, folder = exported
    wanted = drawn(name).state_dict()
    for found in (torch.load(folder / "net.pt", weights_only=True), safetensors.torch.load_file(folder / "net.safetensors")):
        assert found.keys() == wanted.keys()
        assert all(torch.equal(found[key], wanted[key]) for key in wanted)


@pytest.mark.parametrize("file", ["net.onnx", "net.pt2"])
def test_a_graph_counts_as_its_network(exported: tuple[str, Path], file: str) -> None:
    """Kills a reading that loses a parameter, a layer's name or type, a stride or a pad on the way."""
    name, folder = exported
    shape, columns = images(name, 3).shape, ["output", "params", "macs", "rf", "depth"]
    found, wanted = (zoo.summary(target, input=shape, columns=columns) for target in (str(folder / file), name))
    assert found.total == wanted.total

    def layers(table: zoo.Table) -> list[tuple[str, str, dict[str, object]]]:
        return [(row.name, row.type, dict(row.cells)) for row in table.rows if row.cells["params"]]

    assert layers(found) == layers(wanted)
    assert not any(isinstance(note, LowerBound) for note in found.notes)


def test_exported_programs_are_read_op_by_op(exported: tuple[str, Path]) -> None:
    """Kills a replay that counts other operations than the forward."""
    name, folder = exported
    shape = images(name, 1).shape
    assert zoo.summary(str(folder / "net.pt2"), input=shape).rows == zoo.summary(name, input=shape).rows


def test_graphs_are_compared(exported: tuple[str, Path]) -> None:
    """Kills graphs that one command reads and another does not."""
    _, folder = exported
    assert run(["diff", str(folder / "net.pt2"), str(folder / "net.onnx")]) == 0
    assert run(["compare", str(folder / "net.pt2"), str(folder / "net.onnx")]) == 0


# Modules and other targets -------------------------------------------------------------------------------------------

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv, self.bn, self.drop = nn.Conv2d(3, width, 3, bias=False), nn.BatchNorm2d(width), nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(self.bn(self.conv(x)).mean((2, 3)))

class Fixed(nn.Module):
    def forward(self, x):
        return x + torch.zeros(2, 3, 8, 8)

class Decides(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NET)
    return tmp_path / "net.py"


def test_any_target(net: Path) -> None:
    """Kills an export for the catalogue alone, options that are not passed on, and weights that nobody drew."""
    states = {}
    for file, seed in (("a.pt", 1), ("b.pt", 1), ("c.pt", 2)):
        zoo.export(f"{net}:Net", net.parent / file, options={"width": 5}, seed=seed)
        states[file] = torch.load(net.parent / file, weights_only=True)
    assert states["a.pt"]["conv.weight"].shape == (5, 3, 3, 3)
    assert torch.equal(states["a.pt"]["conv.weight"], states["b.pt"]["conv.weight"])
    assert not torch.equal(states["a.pt"]["conv.weight"], states["c.pt"]["conv.weight"])


def test_weights_are_passed_on(tmp_path: Path) -> None:
    """Kills `--weights` that is read and forgotten: the file then has those that the seed draws."""
    zoo.export("lenet5", tmp_path / "a.pt", seed=3)
    assert run(["export", "lenet5", "--weights", str(tmp_path / "a.pt"), "-o", str(tmp_path / "b.pt")]) == 0
    first, second = (torch.load(tmp_path / name, weights_only=True) for name in ("a.pt", "b.pt"))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_module_is_exported_as_it_is_and_left_so(tmp_path: Path) -> None:
    """Kills an export that leaves the model in evaluation mode, draws new weights, or moves the random numbers on."""
    torch.manual_seed(5)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.5))
    module[1].eval()
    before, state = {k: v.clone() for k, v in module.state_dict().items()}, torch.get_rng_state()
    zoo.export(module, tmp_path / "net.pt2", input=(1, 3, 9, 9))
    assert [part.training for part in module] == [True, False, True]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    x = torch.randn(4, 3, 9, 9)
    torch.testing.assert_close(torch.export.load(tmp_path / "net.pt2").module()(x), module.eval()(x))


def test_fixed_batch(net: Path) -> None:
    """Kills `--batch` that is ignored, and a forward that fixes the batch without a word."""
    assert run(["export", f"{net}:Fixed", "-i", "3x8x8", "--batch", "2", "-o", str(net.with_suffix(".pt2"))]) == 0
    program = torch.export.load(net.with_suffix(".pt2"))
    assert [tuple(node.meta["val"].shape) for node in program.graph.find_nodes(op="placeholder")][-1] == (2, 3, 8, 8)


# Bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet5", "-o", "there.pt"], "there.pt already exists; use --force to replace it"),
        (["lenet5", "-o", "new"], "cannot infer the format from the suffix; pass --to onnx"),
        (["lenet5", "-o", "new", "--to", "onx"], "unknown export format 'onx'; did you mean onnx?"),
        (["lenet5", "-o", "new.pt2", "--to", "onnx"], "new.pt2: the suffix means torch-export, but --to is onnx"),
        (["lenet5", "-o", "no/folder/new.pt"], "cannot write no/folder/new.pt: No such file or directory"),
        (["lenet5", "-o", "folder.pt"], "cannot write folder.pt: it is a folder"),
        (["lenet55", "-o", "new.pt"], "unknown model 'lenet55'; did you mean lenet5"),
        (["lenet5", "-o", "new.pt", "--set", "clases=3"], "unknown option of lenet5 'clases'"),
        (
            ["net.py:Decides", "-i", "3x8x8", "-o", "new.onnx"],
            "net.py:Decides cannot be exported: its control flow depends on the values",
        ),
        (
            ["net.py:Fixed", "-i", "3x8x8", "-o", "new.pt2"],
            "cannot be exported for any batch size: its forward pass fixes it",
        ),
        (["net.py:Net", "-o", "new.pt", "--weights", "x"], "--weights supports networks of the catalogue"),
        (["net.py:Net", "-i", "4x8x8", "-o", "new.pt2"], "net.py:Net does not take 1×4×8×8: conv (Conv2d): takes 3 channels"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_one_clear_line_and_no_file(
    arguments: list[str], message: str, net: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kills a traceback, an overwritten file, and half a file."""
    monkeypatch.chdir(net.parent)
    (net.parent / "there.pt").write_text("mine")
    (net.parent / "folder.pt").mkdir()
    before = sorted(net.parent.iterdir())
    assert run(["export", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert sorted(path for path in net.parent.iterdir() if path.name != "__pycache__") == before
    assert (net.parent / "there.pt").read_text() == "mine"


def test_nothing_is_left_of_an_exporter_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills half a file under the name of a whole one, and an old file lost to a failed export."""

    def fails(state: object, file: IO[bytes]) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", fails)
    (tmp_path / "net.pt").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        zoo.export("lenet5", tmp_path / "net.pt", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["net.pt"]
    assert (tmp_path / "net.pt").read_text() == "old"


def test_force_replaces(tmp_path: Path) -> None:
    """Kills `--force` that does not, and a file that becomes private or executable on the way."""
    (tmp_path / "net.pt").write_text("old")
    (tmp_path / "net.pt").chmod(0o640)
    zoo.export("lenet5", tmp_path / "net.pt", force=True)
    assert "C1.weight" in torch.load(tmp_path / "net.pt", weights_only=True)
    assert (tmp_path / "net.pt").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(("file", "package"), [("new.onnx", "onnxscript"), ("new.safetensors", "safetensors.torch")])
def test_a_missing_package_is_named(file: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills an ImportError as the answer."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(zoo.ZooError, match=f"requires .*{package.partition('.')[0]}.*pip install"):
        zoo.export("lenet5", tmp_path / file)
    assert not list(tmp_path.iterdir())


def test_a_graph_that_computes_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills trust in the translation: torch's forgets that a window is added up and not averaged."""

    class Adds(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.avg_pool2d(x, 2, divisor_override=1)

    monkeypatch.setattr("zoo.transform.export._multiply_out_divisors", lambda job, program: None)
    with pytest.raises(zoo.ZooError, match="the output of the ONNX file differs"):
        zoo.export(Adds(), tmp_path / "new.onnx", input=(1, 1, 4, 4))
    assert not list(tmp_path.iterdir())
