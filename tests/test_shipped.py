"""Traces that come with the package: equal to new ones, used without torch, never believed when they are not as they should be."""

import json
import lzma
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from zoo.catalogue.entries import Entry, entry
from zoo.models import running, shipped, shipping
from zoo.ops.resizing import resized
from zoo.ops.rule import OpRule

NAMES = zoo.list_models()


@pytest.fixture
def in_use() -> Iterator[None]:
    """The traces of the package, as outside of tests."""
    token = shipped._unused.set(False)
    yield
    shipped._unused.reset(token)


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The targets that were really built and run."""
    ran: list[object] = []
    real = running._run

    def counted(**question: object) -> running.Run:
        ran.append(question["target"])
        return real(**question)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "_run", counted)
    return ran


@pytest.mark.parametrize("name", NAMES)
def test_equal_to_a_new_trace(name: str) -> None:
    """Kills a trace of yesterday's network, or of yesterday's tracer: `python -m zoo.models.shipping` renews it."""
    kept = shipped.read(entry(name))
    assert kept is not None
    assert shipping.same(kept, shipping.as_on_the_card(name) | {"resizes": kept["resizes"]})


def test_what_has_changed_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a file that is written though it holds what it held, or is not where it is missing or holds something else."""
    kept = shipped.read(entry("lenet5"))
    assert kept is not None
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    monkeypatch.setattr(shipping, "INDEX", tmp_path / "index")
    monkeypatch.setattr(shipping, "architectures", lambda: {"lenet5": entry("lenet5")})
    (tmp_path / "gone.trace").touch()
    told = []
    for found in (kept, kept, kept | {"resizes": not kept["resizes"]}):
        monkeypatch.setattr(shipping, "fresh", lambda name, found=found: found)
        shipping.main()
        told.append(capsys.readouterr().err)
        assert shipped.read(entry("lenet5")) == found
    assert told == ["lenet5: written\ngone: removed\n", "", "lenet5: written\n"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_resizes_as_it_says(name: str) -> None:
    """Kills a network whose trace at another size is not what the shapes say."""
    kept = shipped.read(entry(name))
    assert kept is not None
    assert kept["resizes"] == shipping.fresh(name)["resizes"]


def test_no_other_files() -> None:
    """Kills the trace of a network that is no longer there."""
    assert {path.stem for path in shipped.FOLDER.iterdir()} == set(NAMES)


def test_sizes_follow_from_shapes(in_use: None, forwards: list[object]) -> None:
    """Kills a summary at another size that waits for torch, or that differs from what torch says."""
    asked = [("resnet50", "3x448x320", 2), ("vgg16_bn", "3x224x224", 7), ("googlenet", None, 3), ("lenet5_modern", None, 1)]
    without_torch = [zoo.summary(name, input=size, batch=batch).to_dict() for name, size, batch in asked]
    assert forwards == []
    with shipped.unused():
        traced = [zoo.summary(name, input=size, batch=batch).to_dict() for name, size, batch in asked]
    assert len(forwards) == len(asked)
    for one in (*without_torch, *traced):
        one.pop("versions", None)
    assert without_torch == traced


def test_sweeps_follow_from_shapes(in_use: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a point that is traced where shapes are enough, one that differs from what torch says, and one that is let through."""
    grid = {"input": ["3x64x96", "3x197x133", "4x64x64"], "batch": (1, 3)}
    by_shapes = zoo.sweep("resnet18", **grid, jobs=1).to_dict()  # type: ignore[arg-type]
    with shipped.unused():
        assert zoo.sweep("resnet18", **grid, jobs=1).to_dict() == by_shapes  # type: ignore[arg-type]
    assert sum(row["failure"] is None for row in by_shapes["rows"]) == 4
    monkeypatch.setattr("zoo.models.targets.resolve", None)
    assert zoo.sweep("resnet18", input="3x64x96", jobs=1).rows[0].cells["failure"] is None


@pytest.mark.parametrize(
    "how",
    [{"options": {"num_classes": 7}}, {"real": True}, {"inputs": "real"}, {"input": [(1, 1, 32, 32)]}, {"input": "x=1x32x32"}],
    ids=str,
)
def test_other_questions_are_traced(in_use: None, forwards: list[object], how: dict[str, object]) -> None:
    """Kills an answer to another question."""
    import torch

    how = how | {"inputs": torch.zeros(1, 1, 32, 32)} if "inputs" in how else how
    zoo.summary("lenet5", **how)  # type: ignore[arg-type]
    assert forwards == ["lenet5"]


def test_what_does_not_fit_is_refused_as_ever(in_use: None) -> None:
    """Kills shapes that go through where the network refuses them."""
    for name, size, said in [
        ("alexnet", (1, 3, 448, 448), "takes 9,216 features, got 36,864"),
        ("resnet18", (1, 4, 224, 224), "the network expects 3 channels"),
        ("resnet18", (1, 3, 224), "resnet18"),
    ]:
        with pytest.raises(zoo.ZooError, match=said):
            zoo.summary(name, input=size)


def test_beside_an_op_of_others(in_use: None, forwards: list[object]) -> None:
    """Kills a trace that has the parts of an op which another package keeps whole."""
    with zoo.register(OpRule("acme::norm", macs=0)):
        zoo.summary("lenet5")
    zoo.summary("lenet5")
    assert forwards == ["lenet5"]


def spoiled(found: Entry, how: str) -> bytes:
    """The file of a network, changed."""
    whole = shipped.path_of(found).read_bytes()
    first, _, body = whole.partition(b"\n")
    data = json.loads(lzma.decompress(body))
    changed = {
        "a list": [],
        "no mode": {"resizes": True},
        "half a trace": data | {"eval": {"name": "lenet5", "options": {}, "notes": []}},
        "a tensor that is not there": data | {"eval": data["eval"] | {"trace": data["eval"]["trace"] | {"inputs": [10**6]}}},
        "deep": "[" * 100_000,
    }.get(how)
    if changed is not None:
        text = changed if isinstance(changed, str) else json.dumps(changed)
        body = lzma.compress(text.encode())
        return f"{shipped.first_line(found, body)}\n".encode() + body
    if how == "bomb":
        body = lzma.compress(b" " * (shipped.MOST_BYTES + 10) + b"{}")
        return f"{shipped.first_line(found, body)}\n".encode() + body
    return {
        "empty": b"",
        "torn": whole[:-7],
        "another byte": whole[:-1] + bytes([whole[-1] ^ 1]),
        "another format": whole.replace(b"zoo.traces/1", b"zoo.traces/0"),
        "another network": first.replace(first.split()[2], b"0" * 64) + b"\n" + body,
        "not compressed": f"{shipped.first_line(found, b'{}')}\n".encode() + b"{}",
    }[how]


HOW = (
    "empty|torn|another byte|another format|another network|not compressed|bomb"
    "|a list|no mode|half a trace|a tensor that is not there|deep"
)


@pytest.mark.parametrize("how", HOW.split("|"))
def test_a_spoiled_file_is_as_good_as_none(
    in_use: None, forwards: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Kills a number that is read from a file that is not what was written, and a traceback."""
    content = spoiled(entry("lenet5"), how)
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    (tmp_path / "lenet5.trace").write_bytes(content)
    assert zoo.summary("lenet5").total["params"] == 60_000
    assert forwards == ["lenet5"]


def test_a_changed_definition_is_traced(in_use: None, forwards: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills the numbers of a network that was edited."""
    zoo.summary("lenet5")
    assert forwards == []
    monkeypatch.setattr(shipped, "_definition", lambda found: "edited")
    zoo.summary("lenet5")
    assert forwards == ["lenet5"]


WITHOUT_TORCH = [
    "summary resnet50 --train",
    "summary resnet18 -i 3x320x256 -b 8",
    "compare alexnet vgg16",
    "compare through-the-years",
    "diff resnet50 resnet50_v1_5",
    "rf googlenet inception_4e",
    "stages resnet50",
    "explain alexnet conv1",
    "lint vgg16_bn",
    "draw alexnet --format svg",
    "sweep resnet18 --input 3x{64,96}x... --batch {1..2}",
]


def test_commands_need_no_torch() -> None:
    """Kills a question about the catalogue that waits for torch on a new machine; and a probe that cannot tell."""
    code = """
        import contextlib, io, sys
        from zoo_cli.main import run
        for command in sys.stdin.read().splitlines():
            with contextlib.redirect_stdout(io.StringIO()):
                code = run(command.split())
            print(command, code, "torch" in sys.modules)
    """
    asked = [*WITHOUT_TORCH, "summary lenet5 --no-cache"]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        input="\n".join(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    codes = {command: int(done.stdout.split(f"{command} ")[1].split()[0]) for command in asked}
    assert set(codes.values()) <= {0, 1}
    assert done.stdout.split("\n")[:-1] == [f"{command} {codes[command]} {command == asked[-1]}" for command in asked]


def test_shape_facts_refuse_other_ranks() -> None:
    """Kills a trace with an axis less."""
    trace = zoo.trace("lenet5")
    assert resized(trace, [(1, 32, 32)]) is None
    assert resized(trace, [(2, 1, 32, 32)]) is not None
    assert resized(trace, [(1, 1, 32, 32)]) is trace
