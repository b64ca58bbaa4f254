"""The command line: what each command prints, in which format, and where it goes."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.tables import formats
from zoo.tables.formats._cells import text
from zoo_cli.main import run

Ask = Callable[..., str]
COMMANDS = ("list", "info", "summary", "compare", "diff")

NETS = """
import torch
from torch import nn

print("noise at import")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        print("noise in the constructor")
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


class Talks(Net):
    def forward(self, x):
        print("noise in forward")
        return self.conv(x)


class Fourier(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return torch.linalg.qr(self.conv(x))[0]
"""


@pytest.fixture(autouse=True)
def page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command that must succeed and say nothing on stderr; what it prints."""

    def ask(*arguments: object) -> str:
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return ask


@pytest.fixture
def nets(tmp_path: Path) -> Path:
    path = tmp_path / "cli_nets.py"
    path.write_text(NETS)
    return path


def rows_of(page: str) -> list[list[str]]:
    """The words of the header, of each row and of the totals of a text table."""
    lines = page.splitlines()
    rule = next(i for i, line in enumerate(lines) if line and set(line) == {"─"})
    end = next((i for i in range(rule + 2, len(lines)) if lines[i].startswith("total ")), rule)
    return [lines[rule - 1].split(), *(line.split() for line in lines[rule + 1 : end - 1]), lines[end].split()]


# What the commands say -----------------------------------------------------------------------------------------------


def test_a_misspelt_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an error without a suggestion."""
    assert run(["sumary", "alexnet"]) == 2
    assert "Did you mean 'summary'" in capsys.readouterr().err


def test_list(ask: Ask) -> None:
    """Kills a model left out, another order than list_models', and numbers that are not the card's."""
    names = zoo.list_models()
    for name, line in zip(names, ask("list").splitlines()[3:], strict=False):
        shown, *facts = line.split()
        assert name.startswith(shown.rstrip("…"))
        card = zoo.card(name)
        assert card.family.startswith(facts.pop(0).rstrip("…"))
        assert facts == [str(card.year), *map(text, (card.input, card.params, card.macs, card.depth))]


@pytest.mark.parametrize(("arguments", "names"), [(["vgg1?"], 4), (["ResNet-152"], 2), (["--family", "lenet"], 2), (["*_BN"], 5)])
def test_list_some(ask: Ask, arguments: list[str], names: int) -> None:
    """Kills wildcards, spellings or families that are not minded."""
    rows = json.loads(ask("list", *arguments, "--format", "json"))["rows"]
    assert len(rows) == names


def test_list_json(ask: Ask) -> None:
    """Kills a list in another schema than the tables', numbers as text among them (jq finds "1998" > 2014)."""
    table = json.loads(ask("list", "--format", "json"))
    assert list(table) == ["schema", "title", "context", "columns", "rows", "total", "notes"]
    assert table["schema"] == "zoo.table/1"
    for name, row in zip(zoo.list_models(), table["rows"], strict=True):
        card = zoo.card(name)
        assert list(row) == ["name", "type", *(column["name"] for column in table["columns"])]
        assert [row[key] for key in ("name", "type", "input")] == [name, card.family, list(card.input)]
        assert [row[key] for key in ("params", "macs", "depth")] == [card.params, card.macs, card.depth]
        assert row["year"] == card.year


@pytest.mark.parametrize("name", zoo.list_models())
def test_info(ask: Ask, name: str) -> None:
    """Kills a card of which a fact, a published number, a deviation or an erratum is not shown."""
    card, page = zoo.card(name), " ".join(ask("info", name).split())
    facts = [card.title, card.summary, str(card.year), card.authors, card.paper, card.doi, card.arxiv, card.licence]
    told = [statement.text for _, statement in card.statements]
    for fact in [*facts, *told, text(card.params), text(card.macs)]:
        assert " ".join(fact.split()) in page
    assert all(one.printed in page for one in card.published)


def test_summary(ask: Ask) -> None:
    """Kills a page without the input, the mode, the layers or the totals."""
    page = ask("summary", "AlexNet")
    assert page.startswith("alexnet · input 1×3×227×227 · evaluation mode\n")
    assert "pool5    MaxPool2d        1×256×6×6           0            0   195@32i-64      5\n" in page
    assert "total                        1×1000  60,965,224  724,406,816  355@32i-64*      8\n" in page


@pytest.mark.parametrize("name", [name for name in zoo.list_models() if zoo.card(name).depth <= 200])
def test_numbers(ask: Ask, name: str) -> None:
    """Kills a card's number that is not what the analyzer computes."""
    total, card = json.loads(ask("summary", name, "--format", "json"))["total"], zoo.card(name)
    assert (total["params"], total["macs"], total["depth"]) == (card.params, card.macs, card.depth)


def test_version(ask: Ask) -> None:
    """Kills a version of its own."""
    assert ask("--version") == f"zoo {zoo.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], *([command, "--help"] for command in COMMANDS)], ids=" ".join)
def test_help(ask: Ask, arguments: list[str]) -> None:
    """Kills help on stderr, an exit code of 2 without arguments, and lines that break."""
    page = ask(*arguments)
    assert page.startswith("Usage: zoo ")
    assert max(map(len, page.splitlines())) <= 80


def test_help_names_all(ask: Ask) -> None:
    """Kills a format, a column on request or a command that no help mentions."""
    page = ask("summary", "--help")
    assert all(name in page for name in [*formats.names(), "trainable", "frozen", "buffers"])
    assert all(f"  {command} " in ask() for command in COMMANDS)
    assert "[[" not in ask("list", "--help")


def test_both_ways_in() -> None:
    """Kills a script or a `python -m zoo_cli` that does not start, or starts something else."""
    script, module = [str(Path(sys.executable).with_name("zoo"))], [sys.executable, "-m", "zoo_cli"]
    said = [subprocess.run([*way, "list", "vgg"], capture_output=True, text=True, check=True) for way in (script, module)]
    assert said[0].stdout == said[1].stdout != ""
    assert said[0].stderr == said[1].stderr == ""


# JSON ----------------------------------------------------------------------------------------------------------------


def test_schema(ask: Ask) -> None:
    """Kills a key that is missing, surplus or out of order, in any part of schema zoo.table/1."""
    table = json.loads(ask("summary", "alexnet", "--format", "json"))
    assert list(table) == ["schema", "title", "context", "columns", "rows", "total", "notes"]
    assert table["schema"] == "zoo.table/1"
    context = table["context"]
    assert list(context) == ["target", "inputs", "mode", "convention", "versions"]
    assert [context[key] for key in ("target", "inputs", "mode")] == ["alexnet", [[1, 3, 227, 227]], "eval"]
    assert context["versions"].keys() == {"zoo", "torch"}
    names = ["output", "params", "macs", "flops", "rf", "activations", "depth"]
    assert [column["name"] for column in table["columns"]] == names
    assert all(list(column) == ["name", "unit", "description"] and all(column.values()) for column in table["columns"])
    assert all(list(row) == ["name", "type", *names] for row in table["rows"])
    assert list(table["total"]) == names
    assert all(isinstance(note, str) for note in table["notes"])


def test_cells(ask: Ask) -> None:
    """Kills sizes as text, a receptive field without its three parts, and a global one that is not marked."""
    rows = {row["name"]: row for row in json.loads(ask("summary", "alexnet", "--format", "json"))["rows"]}
    assert rows["conv1"]["output"] == [1, 96, 55, 55]
    assert rows["pool5"]["rf"] == {"size": [195, 195], "stride": [32, 32], "padding": [64, 64]}
    assert rows["fc6"]["rf"] == {"size": [355, 355], "stride": [32, 32], "padding": [64, 64], "global": True}
    assert type(rows["conv1"]["params"]) is int


def test_several_outputs(ask: Ask) -> None:
    """Kills auxiliary outputs that are not told."""
    total = json.loads(ask("summary", "googlenet", "--train", "--format", "json"))["total"]
    assert total["output"] == [[1, 1000]] * 3


def test_python_says_the_same(ask: Ask) -> None:
    """Kills a command line that computes by itself."""
    assert json.loads(ask("summary", "googlenet", "--format", "json")) == zoo.summary("googlenet").to_dict()


def test_partial(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an unknown cost that counts as nothing, and a receptive field made up behind it."""
    assert run(["summary", f"{nets}:Fourier", "--input", "3x8x8", "--format", "json"]) == 0
    table = json.loads(capsys.readouterr().out)
    [kind] = table["total"]["macs"]["unknown"]
    assert "qr" in kind
    assert table["total"]["macs"] == {"at_least": 27 * 8 * 6 * 6, "unknown": {kind: 1}}
    assert set(table["total"]["rf"]) == {"undefined"}
    assert any(note.startswith("≥ macs") and kind in note for note in table["notes"])


@pytest.mark.parametrize("format", ["text", "json", "csv"])
def test_strict(nets: Path, capsys: pytest.CaptureFixture[str], format: str) -> None:
    """Kills a lower bound that passes for exact, an op without a name, and a table that is held back."""
    assert run(["summary", f"{nets}:Fourier", "--input", "3x8x8", "--strict", "--format", format]) == 1
    out, err = capsys.readouterr()
    assert "conv" in out
    assert re.search(r"^zoo: .*qr.*\n\Z", err, re.MULTILINE)


def test_strict_and_known(ask: Ask) -> None:
    """Kills a --strict that refuses what is exact."""
    assert ask("summary", "alexnet", "--strict") == ask("summary", "alexnet")


# Other formats -------------------------------------------------------------------------------------------------------


def test_csv(ask: Ask) -> None:
    """Kills columns that do not add up, separators within numbers, and a receptive field in one piece."""
    total = zoo.summary("googlenet").total
    rows = list(csv.DictReader(io.StringIO(ask("summary", "googlenet", "--format", "csv"))))
    for name in ("params", "macs", "flops", "activations"):
        assert sum(int(row[name]) for row in rows) == total[name]
    assert (rows[0]["output"], rows[0]["rf.size"], rows[0]["rf.stride"], rows[0]["rf.padding"]) == (
        "1x64x112x112",
        "7x7",
        "2x2",
        "3x3",
    )
    assert (rows[0]["rf.global"], rows[-1]["rf.global"]) == ("", "true")


def test_markdown(ask: Ask) -> None:
    """Kills a table without title or totals."""
    page = ask("summary", "lenet5_modern", "--format", "markdown")
    assert page.startswith("# lenet5_modern · input 1×1×32×32")
    assert re.search(r"^\| \*\*total\*\* \|  \| 1×10 \| 61,706 \| 416,520 \|", page, re.MULTILINE)


@pytest.mark.parametrize("command", [["list"], ["info", "resnet50"], ["summary", "alexnet"]], ids=" ".join)
@pytest.mark.parametrize("format", [name for name in formats.names() if name != "text"])
def test_page_is_not_minded(ask: Ask, monkeypatch: pytest.MonkeyPatch, command: list[str], format: str) -> None:
    """Kills a machine's format that depends on the terminal."""
    wide = ask(*command, "--format", format)
    monkeypatch.setenv("COLUMNS", "30")
    assert ask(*command, "--format", format) == wide


# Options -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [["--columns", "rf,params"], ["-c", "rf", "-c", "params,rf"], ["--columns= rf , params "]])
def test_columns(ask: Ask, given: list[str]) -> None:
    """Kills the passes' own order, a column twice, and lists of which the last wins."""
    table = json.loads(ask("summary", "alexnet", *given, "--format", "json"))
    assert [column["name"] for column in table["columns"]] == list(table["total"]) == ["rf", "params"]


def test_columns_on_request(ask: Ask) -> None:
    """Kills columns that are promised and not there: trainable + frozen is params, buffers are apart."""
    names = ["params", "trainable", "frozen", "buffers"]
    total = json.loads(ask("summary", "resnet18", "-c", ",".join(names), "--format", "json"))["total"]
    assert list(total) == names
    assert total["params"] == total["trainable"] + total["frozen"] == 11_689_512
    assert total["buffers"] > 0


@pytest.mark.parametrize("depth", [0, 1, 2, 3, 99])
def test_depth(ask: Ask, depth: int) -> None:
    """Kills rows that vanish or count twice where they are folded."""
    table = json.loads(ask("summary", "resnet18", "--depth", depth, "--format", "json"))
    for name in ("params", "macs", "flops", "activations"):
        assert sum(row[name] for row in table["rows"]) == table["total"][name]
    assert len(table["rows"]) == 1 if depth == 0 else len(table["rows"]) > 5
    assert table["total"]["params"] == 11_689_512


def test_depth_of_a_page(ask: Ask) -> None:
    """Kills pages of hundreds of rows, folding that is not told, and folding in a machine's format."""
    page = ask("summary", "resnet152")
    assert len(page.splitlines()) < 80
    assert "--depth 99 lists every layer" in " ".join(page.split())
    assert len(ask("summary", "resnet152", "--format", "csv").splitlines()) > 400


def test_train(ask: Ask) -> None:
    """Kills auxiliary heads that training mode leaves out, and evaluation that has them."""
    table = json.loads(ask("summary", "googlenet", "--train", "--format", "json"))
    assert (table["total"]["params"], table["total"]["macs"]) == (13_378_280, 1_591_044_096)
    assert table["context"]["mode"] == "train"
    assert "training mode" in table["title"]


def test_batch(ask: Ask) -> None:
    """Kills work that does not grow with the batch, and parameters that do."""
    one, four = (json.loads(ask("summary", "alexnet", "-b", n, "--format", "json")) for n in (1, 4))
    assert four["context"]["inputs"] == [[4, 3, 227, 227]]
    for name in ("macs", "flops", "activations"):
        assert four["total"][name] == 4 * one["total"][name]
    assert four["total"]["params"] == one["total"]["params"]
    assert four["total"]["rf"] == one["total"]["rf"]


def test_input(ask: Ask) -> None:
    """Kills a size that is not used, and × that is not understood as x."""
    small, same = (json.loads(ask("summary", "resnet18", "-i", size, "--format", "json")) for size in ("3x64x96", "3×64×96"))
    assert small == same
    assert small["context"]["inputs"] == [[1, 3, 64, 96]]


def test_set(ask: Ask) -> None:
    """Kills an option that is not passed on, or not told."""
    page = ask("summary", "alexnet", "--set", "num_classes=10", "-s", "in_channels=1", "--format", "json")
    table = json.loads(page)
    assert table["rows"][0]["params"] == 96 * (11 * 11 + 1)
    assert table["total"]["output"] == [1, 10]
    assert table["context"]["inputs"] == [[1, 1, 227, 227]]
    assert table["context"]["options"] == {"num_classes": 10, "in_channels": 1}
    assert table["title"].startswith("alexnet(num_classes=10, in_channels=1)")


@pytest.mark.parametrize(("shortcut", "params"), [("A", 11_515_688), ("B", 11_689_512), ("C", 12_043_816)])
def test_set_word(ask: Ask, shortcut: str, params: int) -> None:
    """Kills words as values, and shortcuts that are mixed up."""
    table = json.loads(ask("summary", "resnet18", "--set", f"shortcut={shortcut}", "--format", "json"))
    assert table["total"]["params"] == params


# The page ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", ["lenet5", "alexnet", "vgg16", "googlenet", "resnet152"])
def test_whole_numbers(ask: Ask, monkeypatch: pytest.MonkeyPatch, name: str, width: int) -> None:
    """Kills lines wider than the page, and numbers that are cut or under another column's name."""
    monkeypatch.setenv("COLUMNS", str(width))
    page = ask("summary", name)
    assert max(map(len, page.splitlines())) <= width
    header, *rows, total = rows_of(page)
    table = zoo.summary(name, depth="auto", fold=True)
    assert [row[2 - len(header) :] for row in rows] == [[text(row.cells[key]) for key in header[2:]] for row in table.rows]
    assert total[1:] == [text(table.total[key]) for key in header[2:]]


@pytest.mark.parametrize("width", [60, 80, *(pytest.param(width, marks=pytest.mark.slow) for width in (120, 200))])
def test_fits_the_page(ask: Ask, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Kills lines wider than the page."""
    monkeypatch.setenv("COLUMNS", str(width))
    for command in (["list"], *(["info", name] for name in zoo.list_models())):
        assert max(map(len, ask(*command).splitlines())) <= width


def test_wide_page_shows_all(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills columns left out although there is room."""
    monkeypatch.setenv("COLUMNS", "120")
    header, *_ = rows_of(ask("summary", "alexnet"))
    assert header == ["name", "type", "output", "params", "macs", "flops", "rf", "activations", "depth"]


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colour(ask: Ask, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], coloured: bool) -> None:
    """Kills escapes where NO_COLOR forbids them, and a plain page on a terminal."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert ("\x1b[" in ask("list")) is coloured
    assert "\x1b[" not in ask("list", "--format", "markdown")


def test_no_colour_in_pipes(ask: Ask) -> None:
    """Kills escapes in what is no terminal."""
    assert "\x1b[" not in ask("list")


def test_no_colour_in_files(ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Kills escapes in a file, because the command was started from a terminal."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    ask("list", "--output", tmp_path / "list.txt")
    assert "\x1b[" not in (tmp_path / "list.txt").read_text(encoding="utf-8")


# Where it goes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Net", "Talks"])
def test_stdout_is_the_table(nets: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Kills what a module prints at import, in its constructor or in its forward among the lines of the table."""
    assert run(["summary", f"{nets}:{name}", "--input", "3x8x8", "--format", "csv"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("name,type,")
    assert "noise" not in out
    assert "noise at import" in err


def test_stdout_without_torchvision(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills what torchvision prints while it builds (downloads do) among the lines of the table."""
    models = pytest.importorskip("torchvision").models
    build = models.get_model
    monkeypatch.setattr(models, "get_model", lambda *args, **kwargs: print("Downloading") or build(*args, **kwargs))
    assert run(["summary", "torchvision:resnet18", "--format", "csv"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("name,type,")
    assert err == "Downloading\n"


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        ("json", "{"),
        ("csv", "name,type,"),
        ("md", "# "),
        ("html", "<table>"),
        ("HTML", "<table>"),
        ("txt", f"{len(zoo.list_models())} arch"),
        ("", f"{len(zoo.list_models())} arch"),
    ],
)
def test_suffix(ask: Ask, tmp_path: Path, suffix: str, start: str) -> None:
    """Kills text in a file named otherwise, and a copy of it on the screen."""
    path = tmp_path / f"out.{suffix}"
    assert ask("list", "--output", path) == ""
    assert path.read_text(encoding="utf-8").startswith(start)


def test_format_beats_suffix(ask: Ask, tmp_path: Path) -> None:
    """Kills a suffix that overrules --format."""
    ask("list", "--output", tmp_path / "out.json", "--format", "csv")
    assert (tmp_path / "out.json").read_text(encoding="utf-8") == ask("list", "--format", "csv")


def test_file_is_replaced(ask: Ask, tmp_path: Path) -> None:
    """Kills the rest of a longer old file, its permissions lost, a link replaced by a file, and remains of the writing."""
    path, link = tmp_path / "real.csv", tmp_path / "link.csv"
    path.write_text("old\n" * 10_000)
    path.chmod(0o640)
    link.symlink_to("real.csv")
    ask("list", "--output", link)
    assert path.read_text(encoding="utf-8") == ask("list", "--format", "csv")
    assert path.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.csv", "real.csv"]


def test_new_file_is_anyones(ask: Ask, tmp_path: Path) -> None:
    """Kills a file that only its owner can read, as temporary files are."""
    mask = os.umask(0o022)
    try:
        ask("list", "--output", tmp_path / "list.csv")
    finally:
        os.umask(mask)
    assert (tmp_path / "list.csv").stat().st_mode & 0o777 == 0o644


def test_long_name(ask: Ask, tmp_path: Path) -> None:
    """Kills a file name that is allowed, and too long once something is put in front of it."""
    ask("list", "--output", tmp_path / ("x" * 255))


@pytest.mark.parametrize("failing", ["replace", "chmod"])
def test_failure_keeps_the_old(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, failing: str
) -> None:
    """Kills half a file, a lost old one, and remains of the writing."""

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "out.csv"
    path.write_text("old")
    monkeypatch.setattr(os, failing, fail)
    assert run(["list", "--output", str(path)]) == 2
    assert capsys.readouterr() == ("", f"zoo: cannot write {path}: No space left on device\n")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_error_keeps_the_old(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Kills a file that is opened before there is anything to write."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    assert run(["summary", "alexnet", "--input", "3x20x20", "--output", str(path)]) == 2
    assert path.read_text() == "old"


def test_devices() -> None:
    """Kills /dev/stdout, or a pipe, that is taken for a file to be replaced."""
    command = [sys.executable, "-m", "zoo_cli", "list", "--format", "csv", "--output", "/dev/stdout"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("name,type,")


def test_narrow_encoding() -> None:
    """Kills a traceback where standard output has no × or ≥."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    said = subprocess.run([sys.executable, "-m", "zoo_cli", "list"], capture_output=True, check=False, env=environment)
    assert (said.returncode, said.stderr) == (0, b"")
    assert b"60,965,224" in said.stdout


# The same options everywhere -----------------------------------------------------------------------------------------

TAKEN = {"--input", "--batch", "--set", "--train", "--real", "--no-cache"}
LACKING = {  # what makes no sense there
    "verify": {"--no-cache"},  # it runs the model
    "export": {"--train", "--real", "--no-cache"},  # in evaluation mode, with weights
    "sweep": {"--no-cache"},  # it runs in processes of its own
}


@pytest.mark.parametrize("command", ["summary", "stages", "rf", "diff", "compare", "verify", "export", "sweep"])
def test_commands_on_targets_take_the_same_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a command that does without an option that its neighbours have."""
    assert run([command, "--help"]) == 0
    said = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert TAKEN - said == LACKING.get(command, set())


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ("stages resnet18 -i 1x64x64 -s in_channels=1 -b 2", "2×1×64×64"),
        ("rf googlenet --train -i 3x224x224 -b 2", "aux1"),
        ("diff resnet18 resnet50 -s num_classes=10 -i 3x64x64 -b 4", "linear → 10:"),
        ("diff resnet18 resnet50 -i 3x64x64", "linear → 1000:"),
        ("compare resnet18 resnet34 -s num_classes=10 -b 2 -f csv", "2x10,"),
        ("verify resnet18 -s num_classes=10 -i 3x64x64 -b 2", "11,181,642"),
        ("verify googlenet --train", "not checked"),
    ],
)
def test_options_reach_the_question(arguments: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills an option that is taken and not heeded."""
    assert run(arguments.split()) == 0
    assert part in capsys.readouterr().out
