"""Graph files that contradict themselves, or would unfold to more than anyone has: refused in one line, in bounded time."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import zoo
from zoo_cli.main import run

FLOAT = TensorProto.FLOAT


def model(nodes: list[Any], initializers: list[Any] = [], functions: list[Any] = []) -> onnx.ModelProto:  # noqa: B006
    """A model of one input and one output, as it is: nothing is checked."""
    given = helper.make_tensor_value_info("x", FLOAT, [1, 3, 8, 8])
    made = helper.make_tensor_value_info("y", FLOAT, None)
    graph = helper.make_graph(nodes, "g", [given], [made], initializers)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=functions)


def raw(name: str, dims: list[int], content: bytes, kind: int = FLOAT) -> onnx.TensorProto:
    """A stored tensor, whose bytes need not be as many as its sizes say."""
    tensor = TensorProto(name=name, data_type=kind, raw_data=content)
    tensor.dims.extend(dims)
    return tensor


def relu(*, inputs: list[str] | None = None, outputs: list[str] | None = None) -> Any:
    return helper.make_node("Relu", ["x"] if inputs is None else inputs, ["y"] if outputs is None else outputs)


def twice(node: Any) -> Any:
    node.attribute.append(node.attribute[0])
    return node


def conv(weight: onnx.TensorProto, **attributes: Any) -> onnx.ModelProto:
    return model([helper.make_node("Conv", ["x", "w"], ["y"], **attributes)], [weight])


def external(name: str) -> onnx.TensorProto:
    tensor = raw(name, [4, 3, 3, 3], b"")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/nowhere/at/all")
    return tensor


def bomb(levels: int) -> onnx.ModelProto:
    """Each function calls the one before it twice."""
    opset = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
    functions = [helper.make_function("f", "F0", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], opset)]
    for i in range(1, levels):
        body = [helper.make_node(f"F{i - 1}", [a], [b], domain="f") for a, b in (("a", "c"), ("c", "b"))]
        functions.append(helper.make_function("f", f"F{i}", ["a"], ["b"], body, opset))
    return model([helper.make_node(f"F{levels - 1}", ["x"], ["y"], domain="f")], [], functions)


def recursive() -> onnx.ModelProto:
    opset = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
    again = helper.make_function("f", "F", ["a"], ["b"], [helper.make_node("F", ["a"], ["b"], domain="f")], opset)
    return model([helper.make_node("F", ["x"], ["y"], domain="f")], [], [again])


CASES: dict[str, Callable[[], onnx.ModelProto]] = {
    "no inputs": lambda: model([relu(inputs=[])]),
    "many inputs": lambda: model([relu(inputs=["x", "x", "x"])]),
    "no outputs": lambda: model([relu(outputs=[])]),
    "many outputs": lambda: model([relu(outputs=["y", "z", "a"])]),
    "input of nowhere": lambda: model([relu(inputs=["nowhere"])]),
    "an attribute twice": lambda: model([twice(helper.make_node("Softmax", ["x"], ["y"], axis=1))]),
    "an attribute of another type": lambda: conv(raw("w", [4, 3, 3, 3], bytes(432)), kernel_shape="three"),
    "an axis that is not there": lambda: model([helper.make_node("Softmax", ["x"], ["y"], axis=9)]),
    "a kernel that does not fit": lambda: conv(raw("w", [4, 3, 9, 9], bytes(4 * 3 * 81 * 4))),
    "a stride of 0": lambda: conv(raw("w", [4, 3, 3, 3], bytes(432)), strides=[0, 0]),
    "groups of 0": lambda: conv(raw("w", [4, 3, 3, 3], bytes(432)), group=0),
    "too few bytes": lambda: conv(raw("w", [4, 3, 3, 3], bytes(7))),
    "too many bytes": lambda: conv(raw("w", [4, 3, 3, 3], bytes(9999))),
    "an unknown type": lambda: conv(raw("w", [4, 3, 3, 3], bytes(432), 77)),
    "a negative size": lambda: conv(raw("w", [-4, 3, 3, 3], bytes(432))),
    "a huge size": lambda: conv(raw("w", [2**62, 3, 3, 3], b"")),
    "an external file that is missing": lambda: conv(external("w")),
    "an empty constant": lambda: model([helper.make_node("Constant", [], ["c"]), relu()]),
    "a reshape to nonsense": lambda: model(
        [helper.make_node("Reshape", ["x", "s"], ["y"])], [numpy_helper.from_array(__import__("numpy").array([7, -1, -1]), "s")]
    ),
    "a function that calls itself": recursive,
    "functions of 26 levels": lambda: bomb(26),
}


@pytest.mark.parametrize("operator", ["Conv", "ConvTranspose"])
def test_kernel_that_contradicts_the_weights(operator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills shapes that follow the attribute while products follow the weights."""
    path = tmp_path / "net.onnx"
    weight = raw("w", [4, 3, 3, 3] if operator == "Conv" else [3, 4, 3, 3], bytes(432))
    for kernel, code in (([3, 3], 0), ([5, 5], 2), ([3], 2)):
        node = helper.make_node(operator, ["x", "w"], ["y"], kernel_shape=kernel, name="stem")
        path.write_bytes(model([node], [weight]).SerializeToString())
        assert run(["summary", str(path), "-f", "json"]) == code
        out, err = capsys.readouterr()
        if code:
            assert not out
            assert err.count("\n") == 1
            assert f"stem ({operator}): kernel_shape is {'5×5' if len(kernel) == 2 else '3'}" in err


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_malformed_onnx(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a traceback from the libraries that read the file, and a file that unfolds until the memory is full."""
    path = tmp_path / "net.onnx"
    path.write_bytes(CASES[name]().SerializeToString())
    code = run(["summary", str(path), "-f", "json"])
    out, err = capsys.readouterr()
    assert code in (0, 2)
    if code == 0:
        json.loads(out)
    else:
        assert (out, err.count("\n")) == ("", 1)
        assert "unexpected" not in err


def test_functions_that_unfold(tmp_path: Path) -> None:
    """Kills a bound that refuses what can be read, and one that is not said."""
    path = tmp_path / "net.onnx"
    path.write_bytes(bomb(6).SerializeToString())
    assert len([op for op in zoo.trace(str(path)).ops if op.kind == "relu"]) == 32 if _traces_targets() else True
    path.write_bytes(bomb(26).SerializeToString())
    with pytest.raises(zoo.ZooError, match="unfold to more than 200,000 operators"):
        zoo.summary(str(path))
    path.write_bytes(recursive().SerializeToString())
    with pytest.raises(zoo.ZooError, match="F calls itself"):
        zoo.summary(str(path))


def _traces_targets() -> bool:
    return "TARGET" in (zoo.trace.__doc__ or "")


def archive(path: Path, content: bytes, name: str = "net/models/model.json") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, content)


def encrypted(path: Path) -> None:
    archive(path, b"{}")
    content = bytearray(path.read_bytes())
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(sign) + at] |= 1
    path.write_bytes(content)


def zip_bomb(path: Path) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made,
        made.open("net/models/model.json", "w", force_zip64=True) as part,
    ):
        for _ in range(600):
            part.write(bytes(2**20))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: archive(path, b"[" * 200_000), "nested too deeply"),
        (encrypted, "cannot be read"),
        (zip_bomb, "unpacks to 629,145,600 bytes, expected at most 500,000,000"),
        (lambda path: archive(path, b"{}"), "damaged"),
        (lambda path: archive(path, b"3"), "damaged"),
        (lambda path: archive(path, b"{}", "net/other.json"), "no exported program"),
        (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(99)), "damaged"),
        (os.mkfifo, "not a regular file"),
    ],
    ids=["deep", "encrypted", "bomb", "empty", "number", "other", "torn", "pipe"],
)
def test_malformed_programs(make: Callable[[Path], Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a traceback, an archive that fills the memory, and waiting for ever at a pipe."""
    make(tmp_path / "net.pt2")
    assert run(["summary", str(tmp_path / "net.pt2")]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n")) == ("", 1)
