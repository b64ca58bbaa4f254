"""Traces that are kept: found again without torch, never stale, never in the way."""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.analysis.choose import columns
from zoo.models import caching, running, targets
from zoo.models.running import Run
from zoo_cli.main import run

OTHER = ("--set", "num_classes=10")  # what does not come with the package
PROBE = "import sys\nfrom zoo_cli.main import run\ncode = run(sys.argv[1:])\nprint('torch' in sys.modules, file=sys.stderr)"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The targets that were really built and run."""
    ran: list[object] = []
    real = running._run

    def counted(**question: object) -> Run:
        ran.append(question["target"])
        return real(**question)  # type: ignore[arg-type]

    monkeypatch.setattr(running, "_run", counted)
    return ran


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints."""
    assert run(["summary", *arguments]) == 0
    return capsys.readouterr().out


def test_the_second_time_needs_no_torch(folder: Path) -> None:
    """Kills a cache that saves a forward and still waits for torch; and a probe that cannot tell."""
    runs = [
        subprocess.run([sys.executable, "-c", PROBE, "summary", "lenet5", *OTHER], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [one.stderr.strip() for one in runs] == ["True", "False"]
    assert runs[0].stdout == runs[1].stdout
    assert "60,000" in runs[0].stdout


@pytest.mark.parametrize("arguments", [["googlenet"], ["lenet5", "--train"], ["resnet20", "--set", "num_classes=7", "-f", "json"]])
def test_equal_to_a_fresh_answer(
    folder: Path, forwards: list[object], capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Kills a trace that loses something on its way through JSON."""
    every = ["--columns", ",".join(c.column.name for c in columns().values())]
    fresh, kept = (ask(capsys, *arguments, *every) for _ in range(2))
    assert fresh == kept
    assert len(forwards) == 1


def test_other_questions_have_other_answers(folder: Path, forwards: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a key that forgets options, input, batch or mode."""
    questions = [[], ["--set", "num_classes=7"], ["-i", "1x36x36"], ["-b", "2"], ["--train"], ["--set", "num_classes=8"]]
    for question in questions:
        capsys.readouterr()
        run(["summary", "lenet5_modern", *question])
    assert len(forwards) == len(questions)


@pytest.mark.parametrize("changed", ["definition", "tracer", "torch"])
def test_a_changed_source_is_another_question(
    folder: Path, forwards: list[object], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """Kills yesterday's numbers for today's code."""
    ask(capsys, "lenet5")
    if changed == "definition":
        monkeypatch.setattr(running, "definition", lambda target: {"source": "edited"})
    elif changed == "tracer":
        monkeypatch.setattr(caching, "digest", lambda *paths: "edited" if len(paths) > 1 else "the same")
    else:
        monkeypatch.setattr(caching, "version", lambda package: "2.99")
    ask(capsys, "lenet5")
    assert len(forwards) == 2


def test_the_definition_is_its_file(tmp_path: Path) -> None:
    """Kills a digest of anything but the contents."""
    before = targets.definition("lenet5")
    path = tmp_path / "net.py"
    path.write_text("a")
    first = caching.digest(path)
    path.write_text("b")
    assert caching.digest(path) != first
    assert before == targets.definition("LeNet-5") == {"source": caching.digest(Path(zoo.__file__).parent / "archs" / "lenet.py")}
    assert targets.definition("torchvision:alexnet") == {"torchvision": caching.version("torchvision")}


def test_code_that_may_change_is_not_kept(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills the numbers of a file as it was before its last edit, or before that of a file it imports."""
    path = tmp_path / "net.py"
    path.write_text("from torch import nn\ndef net(): return nn.Conv2d(3, 4, 3)\n")
    assert "448" not in ask(capsys, f"{path}:net")
    path.write_text("from torch import nn\ndef net(): return nn.Conv2d(3, 16, 3)\n")
    assert "448" in ask(capsys, f"{path}:net")
    assert caching.state().entries == 0


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("zoo-traces/*"))


def _signed(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    """An entry of other contents, with a checksum that is right."""

    def spoil(whole: bytes) -> bytes:
        body = json.dumps(change(json.loads(whole.partition(b"\n")[2]))).encode()
        return b"zoo.cache/2 " + hashlib.sha256(body).hexdigest().encode() + b"\n" + body

    return spoil


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "torn": lambda whole: whole[: len(whole) // 2],
    "empty": lambda whole: b"",
    "another number": lambda whole: whole.replace(b'"float32"', b'"float16"', 1),
    "not text": lambda whole: b"\0\xff",
    "deep": lambda whole: _signed(lambda entry: 0)(whole)[:77] + b"[" * 100_000,
    "no header": lambda whole: whole.partition(b"\n")[2],
    "of another question": _signed(lambda entry: {**entry, "key": "another question"}),
    "of another shape": _signed(lambda entry: {**entry, "answer": {"trace": {"schema": "zoo.trace/1"}, "name": "x"}}),
    "of another schema": _signed(lambda entry: json.loads(json.dumps(entry).replace("zoo.trace/1", "zoo.trace/0"))),
    "a list": _signed(lambda entry: []),
    "no answer": _signed(lambda entry: {**entry, "answer": 3}),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoiled_entry_is_as_good_as_none(
    folder: Path, forwards: list[object], capsys: pytest.CaptureFixture[str], how: str
) -> None:
    """Kills a traceback, or a wrong number, out of a damaged file; and one that stays damaged."""
    first = ask(capsys, "lenet5")
    (entry,) = entries(folder)
    whole = entry.read_bytes()
    entry.write_bytes(SPOILT[how](whole))
    assert ask(capsys, "lenet5") == first
    assert entry.read_bytes() == whole
    assert len(forwards) == 2


def test_no_byte_is_believed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an entry that is read although one of its bytes is another: 59 of 250 such gave other totals."""
    ask(capsys, "lenet5")
    (entry,) = entries(folder)
    whole, chosen = entry.read_bytes(), random.Random(0)
    key = json.loads(whole.partition(b"\n")[2])["key"]
    assert caching.find(key) is not None
    for _ in range(250):
        at = chosen.randrange(len(whole))
        entry.write_bytes(whole[:at] + bytes([whole[at] ^ chosen.randrange(1, 256)]) + whole[at + 1 :])
        assert caching.find(key) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes by name")
@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_an_entry_that_is_no_file(
    folder: Path, tmp_path: Path, forwards: list[object], capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """Kills waiting for ever for what nobody writes into a pipe, and a link that leads to somebody's file."""
    first = ask(capsys, "lenet5")
    (entry,) = entries(folder)
    entry.rename(tmp_path / "kept")
    make = {"pipe": os.mkfifo, "link": lambda path: os.symlink(tmp_path / "kept", path), "folder": os.mkdir}[kind]
    make(entry)
    assert ask(capsys, "lenet5") == first
    assert len(forwards) == 2
    assert run(["cache", "clear"]) == 0
    assert entry.is_dir() == (kind == "folder")
    assert (tmp_path / "kept").exists()


def test_no_cache(folder: Path, forwards: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an option that reads but does not write, or the other way round."""
    ask(capsys, "lenet5", "--no-cache")
    assert not folder.exists()
    ask(capsys, "lenet5")
    ask(capsys, "lenet5", "--no-cache")
    assert len(forwards) == 3
    assert run(["compare", "lenet5", "lenet1", "--no-cache", "-i", "1x32x32"]) in (0, 2)
    assert caching.state().entries == 1


def test_a_program_that_imports_zoo_keeps_nothing(folder: Path, forwards: list[object]) -> None:
    """Kills a library that writes to people's disks unasked."""
    zoo.summary("lenet5")
    zoo.summary("lenet5")
    assert not folder.exists()
    assert len(forwards) == 2


@pytest.mark.parametrize("place", ["file", "nowhere"])
def test_a_folder_that_cannot_be_used_is_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Kills an analysis that fails for want of a place to remember it."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file" / "cache") if place == "file" else os.path.join(os.devnull, "zoo"))
    assert "60,000" in ask(capsys, "lenet5")
    assert run(["cache"]) == 0


def test_two_at_once(folder: Path) -> None:
    """Kills entries that are written over each other."""
    command = [sys.executable, "-m", "zoo_cli", "summary", "lenet5", *OTHER, "-f", "csv"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (process.communicate()[0] for process in both)
    assert first == second
    assert [path.suffix for path in entries(folder)] == [".trace"]
    json.loads(entries(folder)[0].read_bytes().partition(b"\n")[2])


def test_it_does_not_grow_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a cache without a bound, and one that throws away what was used last."""
    ask(capsys, "lenet5")
    (used,) = entries(folder)
    monkeypatch.setattr(caching, "MOST_BYTES", int(used.stat().st_size * 3.5))
    for classes in range(2, 12):
        os.utime(used, (2e9, 2e9))
        ask(capsys, "lenet5_modern", "--set", f"num_classes={classes}")
        assert caching.state().bytes <= caching.MOST_BYTES
    assert used.exists()


def test_show_and_clear(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a clear that leaves entries, or what a killed process left half-written."""
    ask(capsys, "lenet5")
    (entry,) = entries(folder)
    entry.with_name(f"{entry.name}.0a1b2c3d.new").write_bytes(entry.read_bytes()[:5])
    entry.with_name(f"{entry.name}.00000000.new").write_bytes(b"")
    assert run(["cache"]) == 0
    assert capsys.readouterr().out.startswith("3 traces, ")
    assert run(["cache", "clear"]) == 0
    assert capsys.readouterr().out.startswith("removed 3 traces, ")
    assert entries(folder) == []
    assert run(["cache", "wipe"]) == 2
    assert capsys.readouterr().err == "zoo: cache: expected show or clear, got wipe\n"


def test_files_of_others_stay(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a cache that removes what it did not write: a file of 120 MB of somebody's was lost, which lay in its folder."""
    ask(capsys, "lenet5")
    (entry,) = entries(folder)
    name = "0" * 64
    names = [f"{name}.json", f"{name}.trace", f"{name}.trace.00000000.new", "killed.new", "mine.json", "notes.txt", name]
    others = [*(folder / name for name in names), *(entry.with_name(name) for name in names)]
    for other in others:
        other.write_text("somebody's")
        os.utime(other, (1, 1))
    monkeypatch.setattr(caching, "MOST_BYTES", 10)
    ask(capsys, "lenet1")
    capsys.readouterr()
    assert run(["cache", "clear"]) == 0
    assert capsys.readouterr().out.startswith("removed 0 traces, 0 bytes, ")  # the limit of 10 bytes has removed them all
    assert [other.read_text() for other in others] == ["somebody's"] * len(others)
    assert not entry.exists()


def test_no_home(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a traceback where neither a variable nor the system says where a user's files are."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("ZOO_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    assert "60,000" in ask(capsys, "lenet5")
    assert run(["cache"]) == 2
    assert "ZOO_CACHE" in capsys.readouterr().err
