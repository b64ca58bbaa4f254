"""Graph files are analysed as the modules that they came from, without running them; what they are not is said in one line."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import zoo
from zoo_cli.main import run

COLUMNS = ["output", "params", "macs", "flops", "rf", "depth"]


def save(
    path: Path,
    nodes: Sequence[Any],
    weights: dict[str, tuple[int, ...]] | None = None,
    shape: Sequence[int | str] = (1, 3, 9, 7),
    opset: int = 20,
    numbers: dict[str, list[int]] | None = None,
) -> Path:
    """An ONNX file from nodes: input x, output y, floating-point weights of these shapes, whole numbers."""
    rng = np.random.default_rng(0)
    stored = [numpy_helper.from_array(rng.random(size, dtype=np.float32), name) for name, size in (weights or {}).items()]
    stored += [numpy_helper.from_array(np.array(n, dtype=np.int64), name) for name, n in (numbers or {}).items()]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    domains = {node.domain for node in nodes} - {""}
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(helper.make_graph(list(nodes), "net", [x], [y], stored), opset_imports=imports, ir_version=8)
    onnx.save(model, path)
    return path


def node(kind: str, inputs: str, outputs: str = "y", **attrs: Any) -> Any:
    return helper.make_node(kind, inputs.split(), outputs.split(), **attrs)


class Does(nn.Module):
    """A function with parameters beside it."""

    def __init__(self, function: Callable[..., Any], *parts: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(x, *self.parts)


CONV = {"w": (8, 3, 3, 3), "b": (8,)}
CASES: dict[str, tuple[dict[str, Any], nn.Module]] = {
    "conv": (
        {"nodes": [node("Conv", "x w b", strides=[2, 1], pads=[1, 1, 1, 1], dilations=[1, 2])], "weights": CONV},
        nn.Conv2d(3, 8, 3, stride=(2, 1), padding=1, dilation=(1, 2)),
    ),
    "same padding that is uneven": (
        {"nodes": [node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2, 2])], "weights": {"w": (8, 3, 4, 4)}},
        Does(lambda x, conv: conv(F.pad(x, (1, 2, 1, 2))), nn.Conv2d(3, 8, 4, stride=2, bias=False)),
    ),
    "groups in one dimension": (
        {"nodes": [node("Conv", "x w", group=3)], "weights": {"w": (6, 1, 5)}, "shape": (2, 3, 20)},
        nn.Conv1d(3, 6, 5, groups=3, bias=False),
    ),
    "transposed": (
        {"nodes": [node("ConvTranspose", "x w b", strides=[2, 2], pads=[1, 1, 1, 1])], "weights": {"w": (3, 5, 4, 4), "b": (5,)}},
        nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1),
    ),
    "uneven maximum": (
        {"nodes": [node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])]},
        Does(lambda x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-np.inf), 3, 2)),
    ),
    "rounded up": (
        {"nodes": [node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)]},
        nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False),
    ),
    "normalised": (
        {
            "nodes": [node("BatchNormalization", "x s b m v", "h"), node("Relu", "h")],
            "weights": dict.fromkeys("sbmv", (3,)),
        },
        Does(lambda x, bn: F.relu(bn(x)), nn.BatchNorm2d(3, track_running_stats=True)),
    ),
    "response normalised": (
        {"nodes": [node("LRN", "x", size=3)]},
        nn.LocalResponseNorm(3),
    ),
    "layer normalised": (
        {"nodes": [node("LayerNormalization", "x w b", axis=-1)], "weights": {"w": (7,), "b": (7,)}},
        nn.LayerNorm(7),
    ),
    "global mean and linear": (
        {
            "nodes": [node("GlobalAveragePool", "x", "h"), node("Flatten", "h", "f"), node("Gemm", "f w b")],
            "weights": {"w": (3, 10), "b": (10,)},
        },
        Does(lambda x, fc: fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)), nn.Linear(3, 10)),
    ),
    "linear as a product": (
        {"nodes": [node("MatMul", "x w", "h"), node("Add", "h b")], "weights": {"w": (7, 4), "b": (4,)}},
        nn.Linear(7, 4),
    ),
    "a branch": (
        {"nodes": [node("Conv", "x w", "h", pads=[1] * 4), node("Concat", "x h", axis=1)], "weights": {"w": (4, 3, 3, 3)}},
        Does(lambda x, conv: torch.cat([x, conv(x)], 1), nn.Conv2d(3, 4, 3, padding=1, bias=False)),
    ),
    "every other pixel": (
        {"nodes": [node("Slice", "x s e a t")], "numbers": {"s": [1, 0], "e": [9, 99], "a": [2, 3], "t": [2, 3]}},
        Does(lambda x: x[:, :, 1::2, ::3]),
    ),
    "every other pixel, as it was": (
        {"nodes": [node("Slice", "x", starts=[1, 0], ends=[8, 99], axes=[2, 3])], "opset": 9},
        Does(lambda x: x[:, :, 1:8]),
    ),
    "softmax as it was": (
        {"nodes": [node("Softmax", "x", axis=1)], "opset": 9},
        Does(lambda x: torch.softmax(torch.flatten(x, 1), 1).reshape(x.shape)),
    ),
    "mean over the map": (
        {"nodes": [node("ReduceMean", "x", axes=[2, 3], keepdims=0)], "opset": 13},
        Does(lambda x: x.mean((2, 3))),
    ),
    "channels last": (
        {"nodes": [node("Transpose", "x", "h", perm=[0, 2, 3, 1]), node("MatMul", "h w")], "weights": {"w": (3, 6)}},
        Does(lambda x, fc: fc(x.permute(0, 2, 3, 1)), nn.Linear(3, 6, bias=False)),
    ),
    "clipped": (
        {"nodes": [node("Clip", "x lo hi")], "weights": {"lo": (), "hi": ()}},
        Does(lambda x: x.clamp(0, 6)),
    ),
    "a sum of three": ({"nodes": [node("Sum", "x x x")]}, Does(lambda x: x + x + x)),
}


@pytest.mark.parametrize("case", CASES)
def test_an_operator_is_what_it_is_in_torch(case: str, tmp_path: Path) -> None:
    """Kills wrong roles, attributes, pads and defaults of operators, in each version that says them in its own way."""
    given, module = CASES[case]
    path = save(tmp_path / "net.onnx", **given)
    shape = given.get("shape", (1, 3, 9, 7))
    found, wanted = zoo.summary(str(path), columns=COLUMNS), zoo.summary(module, input=shape, columns=COLUMNS)
    assert found.total == wanted.total
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (run_output,) = session.run(None, {"x": np.zeros(shape, np.float32)})
    assert found.total["output"] == list(run_output.shape)


def test_sizes_that_the_graph_computes(tmp_path: Path) -> None:
    """Kills shapes that are known only where the file states them: here batch and sides are free, and flattened by arithmetic."""
    nodes = [
        node("Shape", "x", "shape"),
        node("Gather", "shape zero", "n"),
        node("Unsqueeze", "n zeros", "first"),
        node("Concat", "first rest", "both", axis=0),
        node("Reshape", "x both", "flat"),
        node("Gemm", "flat w", transB=1),
    ]
    numbers: dict[str, Any] = {"zero": 0, "zeros": [0], "rest": [-1]}
    path = save(tmp_path / "net.onnx", nodes, {"w": (4, 3 * 8 * 6)}, ("n", 3, "h", "w"), numbers=numbers)
    table = zoo.summary(str(path), input=(5, 3, 8, 6), columns=["output", "params", "macs"])
    assert table.total == {"output": [5, 4], "params": 4 * 144, "macs": 5 * 4 * 144}
    with pytest.raises(zoo.ZooError, match=r"expected x n×3×h×w; set the dynamic size h with --input"):
        zoo.summary(str(path))


@pytest.mark.parametrize(("kind", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_recurrent_layers(kind: str, gates: int, tmp_path: Path) -> None:
    """Kills matrices that are stacked by direction and count as none, or once: each is used by every step of each sequence."""
    weights = {"w": (2, gates * 5, 3), "r": (2, gates * 5, 5), "b": (2, gates * 10)}
    nodes = [node(kind, "x w r b", hidden_size=5, direction="bidirectional")]
    path = save(tmp_path / "net.onnx", nodes, weights, (6, 2, 3))
    table = zoo.summary(str(path), columns=["output", "params", "macs", "depth"])
    matrices = 2 * gates * 5 * (3 + 5)
    assert table.total == {"output": [6, 2, 2, 5], "params": matrices + 20 * gates, "macs": 6 * 2 * matrices, "depth": 1}


def test_nothing_is_silently_zero(tmp_path: Path) -> None:
    """Kills an operator that is passed over: it is unknown, and so is what follows without a known shape."""
    nodes = [
        node("Conv", "x w", "h", name="/first/Conv"),
        node("Magic", "h v", "m", domain="my.own", name="/second/Magic"),
        node("Conv", "m u", "y", name="/third/Conv"),
    ]
    path = save(tmp_path / "net.onnx", nodes, {"w": (4, 3, 1, 1), "v": (10,), "u": (4, 4, 1, 1)})
    table = zoo.summary(str(path), columns=["params", "macs"])
    assert table.total["params"] == 12 + 10 + 16
    assert table.total["macs"] == {"at_least": 63 * 12, "unknown": {"my.own::Magic": 1, "onnx::Conv": 1}}
    assert [row.name for row in table.rows] == ["first", "second", "third"]
    assert run(["summary", str(path), "--strict"]) == 1


def test_parameters_in_branches_are_counted(tmp_path: Path) -> None:
    """Kills weights that vanish inside of control flow."""

    def branch(name: str) -> Any:
        out = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        own = numpy_helper.from_array(np.ones((3, 1, 1), np.float32), f"{name}_own")
        return helper.make_graph(
            [node("Mul", f"x {name}_own", f"{name}_h"), node("Mul", f"{name}_h w", name)], name, [], [out], [own]
        )

    nodes = [
        node("ReduceSum", "x", "s", keepdims=0),
        node("Cast", "s", "b", to=TensorProto.BOOL),
        helper.make_node("If", ["b"], ["y"], then_branch=branch("then"), else_branch=branch("other")),
    ]
    table = zoo.summary(str(save(tmp_path / "net.onnx", nodes, {"w": (3, 1, 1)})), columns=["params", "macs"])
    assert table.total["params"] == 9
    assert table.total["macs"] == {"at_least": 0, "unknown": {"onnx::If": 1}}


@pytest.mark.parametrize(("mode", "of_torch"), [("linear", "bilinear"), ("nearest", "nearest"), ("cubic", "bicubic")])
def test_sampling(mode: str, of_torch: str, tmp_path: Path) -> None:
    """Kills a crash at a sampler, and costs other than those of torch's with the same mode."""
    path = save(tmp_path / "net.onnx", [node("GridSample", "x g", mode=mode)], {"g": (1, 5, 6, 2)})
    grid = torch.zeros(1, 5, 6, 2)
    sampler = Does(lambda x: nn.functional.grid_sample(x, grid, mode=of_torch, align_corners=False))
    expected = zoo.summary(sampler, input=tuple(zoo.trace(str(path)).inputs[0].shape)).total
    assert zoo.summary(str(path)).total["flops"] == expected["flops"]


def test_weights_beside_the_file_are_not_needed(tmp_path: Path) -> None:
    """Kills a reader that loads gigabytes to count them."""
    path = save(tmp_path / "net.onnx", [node("Conv", "x w b")], CONV)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="weights", size_threshold=0)
    (tmp_path / "weights").unlink()
    assert zoo.summary(str(path)).total["params"] == 8 * 27 + 8


# Bad input -----------------------------------------------------------------------------------------------------------


def archive(path: Path, **files: str | bytes) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(f"net/{name.replace('__', '/').replace('_json', '.json')}", content)


def program(target: str, *inputs: dict[str, Any]) -> str:
    """A small exported program: one op on an image x."""
    sizes = [{"as_int": n} for n in (1, 3, 4, 4)]
    made = {"target": target, "inputs": list(inputs), "outputs": [{"as_tensor": {"name": "y"}}], "metadata": {}}
    graph = {"nodes": [made], "tensor_values": {"x": {"sizes": sizes, "dtype": 7}}}
    signature = {
        "input_specs": [{"user_input": {"arg": {"as_tensor": {"name": "x"}}}}],
        "output_specs": [{"user_output": {"arg": {"as_tensor": {"name": "y"}}}}],
    }
    return json.dumps({"schema_version": {"major": 8, "minor": 1}, "graph_module": {"graph": graph, "signature": signature}})


X = {"name": "self", "arg": {"as_tensor": {"name": "x"}}, "kind": 1}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    good = save(tmp_path / "good.onnx", [node("Conv", "x w b")], CONV).read_bytes()
    (tmp_path / "half.onnx").write_bytes(good[: len(good) // 2])
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "folder.onnx").mkdir()
    save(tmp_path / "four.onnx", [node("Conv", "x w b")], CONV, shape=(4, 3, 9, 9))
    save(tmp_path / "odd.onnx", [node("Conv", "x w b", name="first")], {"w": (8, 5, 3, 3), "b": (8,)})
    save(tmp_path / "small.onnx", [node("Conv", "x w b", name="first")], {"w": (8, 3, 30, 30), "b": (8,)})
    for suffix in ("onnx", "pt2"):
        (tmp_path / f"text.{suffix}").write_text("no graph at all")
    archive(tmp_path / "other.pt2", readme=b"")
    archive(tmp_path / "old.pt2", serialized_exported_program_json="{}")
    archive(tmp_path / "new.pt2", models__model_json='{"schema_version": {"major": 99}}')
    archive(tmp_path / "torn.pt2", models__model_json='{"schema_version": {"major": 8}, "graph_module": {}}')
    archive(tmp_path / "list.pt2", models__model_json="[]")
    archive(tmp_path / "mine.pt2", models__model_json=program("torch.ops.my.op.default", X))
    path = {"name": "filename", "arg": {"as_string": "made-by-a-graph"}, "kind": 1}
    size = {"name": "size", "arg": {"as_int": 1}, "kind": 1}
    shared = {"name": "shared", "arg": {"as_bool": True}, "kind": 1}
    archive(tmp_path / "writes.pt2", models__model_json=program("torch.ops.aten.from_file.default", path, shared, size))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["summary", "none.onnx"], "none.onnx: no such file"),
        (["summary", "folder.onnx"], "folder.onnx: it is a folder"),
        (["summary", "half.onnx"], "half.onnx is damaged or not an ONNX file"),
        (["summary", "empty.onnx"], "empty.onnx is damaged or not an ONNX file"),
        (["summary", "text.onnx"], "text.onnx is damaged or not an ONNX file"),
        (["summary", "odd.onnx"], "odd.onnx: first (Conv): expected 5 channels, got 3"),
        (["summary", "small.onnx"], "small.onnx: first (Conv): the kernel does not fit into maps of 9×7"),
        (["summary", "four.onnx", "--batch", "2"], "four.onnx: expected x 4×3×9×9, got size 2 where the file has 4"),
        (["summary", "good.onnx", "-i", "3x8x8"], "good.onnx: expected x 1×3×9×7, got size 8 where the file has 9"),
        (["summary", "good.onnx", "-i", "3x8"], "good.onnx: expected x 1×3×9×7, got 1×3×8"),
        (["summary", "good.onnx", "--set", "a=1"], "good.onnx is a graph file and does not support options"),
        (["summary", "good.onnx", "--train"], "good.onnx is a graph file and does not support training mode"),
        (["verify", "good.onnx"], "good.onnx is a graph file, but this requires a module"),
        (["summary", "text.pt2"], "text.pt2 is damaged or not an exported program"),
        (["summary", "other.pt2"], "other.pt2: it contains no exported program"),
        (["summary", "old.pt2"], "old.pt2: it was saved by torch before"),
        (["summary", "new.pt2"], "new.pt2: expected schema version 8, got 99"),
        (["summary", "torn.pt2"], "torn.pt2 is damaged or was not written by torch.export.save"),
        (["summary", "list.pt2"], "list.pt2 is damaged or was not written by torch.export.save"),
        (["summary", "mine.pt2"], "op my.op.default is not an op of torch or torchvision"),
        (["summary", "writes.pt2"], "writes.pt2: cannot replay it: torch.ops.aten.from_file.default without a tensor"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_one_clear_line(arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a traceback, half a table, and an answer about another graph; and a graph that writes files."""
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
    assert not (folder / "made-by-a-graph").exists()


class Hostile:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_hostile_programs_do_nothing(tmp_path: Path) -> None:
    """Kills a reader that unpickles what comes with a graph, or evaluates its expressions."""
    harm = tmp_path / "harm"
    content = json.loads(program("torch.ops.aten.relu.default", X))
    size = {"as_expr": {"expr_str": f"__import__('pathlib').Path({str(harm)!r}).touch()", "hint": {"as_int": 1}}}
    content["graph_module"]["graph"]["tensor_values"]["x"]["sizes"][0] = size
    constants = {"config": {"c": {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}}}
    buffer = io.BytesIO()
    torch.save(Hostile(harm), buffer)
    archive(
        tmp_path / "net.pt2",
        models__model_json=json.dumps(content),
        data__constants__model_constants_config_json=json.dumps(constants),
        data__constants__opaque_obj_0=pickle.dumps(Hostile(harm)),
        data__sample_inputs__model=buffer.getvalue(),
    )
    assert zoo.summary(str(tmp_path / "net.pt2")).total["output"] == [1, 3, 4, 4]
    assert not harm.exists()
    pickle.loads(pickle.dumps(Hostile(harm)))
    assert harm.exists()  # it would have been


def test_torch_is_not_needed_for_onnx(tmp_path: Path) -> None:
    """Kills seconds of waiting for a file that has no torch in it."""
    import subprocess
    import sys

    path = save(tmp_path / "net.onnx", [node("Conv", "x w b")], CONV)
    code = "import sys, zoo; print(zoo.summary(sys.argv[1]).total['params'], 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["224", "False"]


def test_tile(tmp_path: Path) -> None:
    """Kills a receptive field that asks a Tile for the repeats that it has not."""
    path = save(tmp_path / "net.onnx", [node("Tile", "x r")], numbers={"r": [1, 1, 2, 1]})
    (row,) = zoo.summary(str(path)).rows
    _, _, height, width = zoo.trace(str(path)).inputs[0].shape
    assert row.cells["output"] == [1, 3, 2 * height, width]
    assert row.cells["macs"] == 0
