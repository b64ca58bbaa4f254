"""Sweeps: every point of a grid is the summary at that point, whoever computes it."""

import csv
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import zoo
from zoo.questions.grid import expand
from zoo_cli.arguments import parse_grid
from zoo_cli.main import run

COLUMNS = ["params", "macs", "activations", "rf"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ["plain"]),
        ("{a,b}", ["a", "b"]),
        ("3x{1,2}x{8..10}", ["3x1x8", "3x1x9", "3x1x10", "3x2x8", "3x2x9", "3x2x10"]),
        ("{128,160,...,256}", ["128", "160", "192", "224", "256"]),
        ("{1,2,4,...,8}", ["1", "2", "4", "6", "8"]),
        ("{8,6,...,2}", ["8", "6", "4", "2"]),
        ("{0..10..4}", ["0", "4", "8"]),
        ("{3..1}", ["3", "2", "1"]),
        ("k={ x , 1.5 }", ["k=x", "k=1.5"]),
    ],
)
def test_braces(text: str, expected: list[str]) -> None:
    """Kills a range without its end, a row that goes on by another step, and braces that are paired instead of multiplied."""
    assert expand(text) == expected


@pytest.mark.parametrize(
    "text",
    ["{", "}", "}{", "{a{b}}", "{1,,2}", "{}", "{1,...,5}", "{1,2,...}", "{1,4,...,9}", "{1,1,...,1}", "{2,1,...,5}", "{1..99999}"],
)
def test_braces_that_cannot_be_read(text: str) -> None:
    """Kills a guess at what was meant, and a grid without end."""
    with pytest.raises(zoo.ZooError, match=r"braces|steps|numbers|values"):
        expand(text)


def test_squares_and_cubes() -> None:
    """Kills axes that vary alone although they are to vary together."""
    assert parse_grid(["3x{8,16}x..."]) == [(3, 8, 8), (3, 16, 16)]
    assert parse_grid(["{1,3}x{8,9}x...x...", "1x5"]) == [(1, 8, 8, 8), (1, 9, 9, 9), (3, 8, 8, 8), (3, 9, 9, 9), (1, 5)]
    for text in ("...x3", "x...", "3x....", "3x...8"):
        with pytest.raises(zoo.ZooError, match="sizes without batch"):
            parse_grid([text])


def test_points_are_summaries() -> None:
    """Kills a point that has another's numbers, an option that is not built anew, and an order of no meaning."""
    sizes, batches, options = ["3x64x96", "3x40x40"], [1, 3], [{"num_classes": 10}, {"num_classes": 7, "shortcut": "A"}]
    table = zoo.sweep("resnet18", input=sizes, batch=batches, options=options, columns=COLUMNS)
    assert len(table.rows) == 8
    for row, (given, size, batch) in zip(table.rows, product(options, sizes, batches), strict=True):
        total = zoo.summary("resnet18", input=size, batch=batch, options=given, columns=COLUMNS).total
        assert {name: row.cells[name] for name in COLUMNS} == total
        assert row.cells["input"] == [batch, *map(int, size.split("x"))]
        assert {name: row.cells[name] for name in given} == given
        assert (row.name, row.cells["failure"]) == ("resnet18", None)


def test_formula() -> None:
    """Kills sizes that are mixed up: a 3×3 convolution has 9·C_in·C_out multiply-accumulates for each position and image."""
    table = zoo.sweep(nn.Conv2d(2, 5, 3), input="2x{3,9}x{4,30}", batch=[1, 4])
    for row in table.rows:
        n, _, h, w = row.cells["input"]
        assert row.cells["macs"] == n * (h - 2) * (w - 2) * 9 * 2 * 5


def test_failures_are_rows() -> None:
    """Kills a grid that one small input spoils, or a network that cannot be built; if nothing works, that is an error."""
    options = [{"num_classes": 10}, {"num_classes": -1}]
    table = zoo.sweep("vgg11", input=["3x16x16", (1, 3, 224, 224), "4x224x224"], options=options, columns=["macs"])
    reasons = [row.cells["failure"] for row in table.rows]
    assert reasons[1] is None
    assert "does not fit" in reasons[0]
    assert "takes 3 channels" in reasons[2]
    assert all("num_classes" in reason for reason in reasons[3:])
    assert [row.type for row in table.rows] == ["failed", "VGG", *["failed"] * 4]
    assert "macs" not in table.rows[0].cells
    assert table.title == "vgg11 · 6 points, 5 failed"
    for wrong in ({"options": [{"num_clases": 3}]}, {"input": "3x8x8"}, {"input": []}, {"columns": ["mac"]}):
        with pytest.raises(zoo.ZooError, match=r"num_classes|fit|no points|did you mean macs"):
            zoo.sweep("vgg11", **wrong)  # type: ignore[arg-type]


def test_any_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills rows out of order, lost or doubled when the grid is cut and shared out, and a model that is built for each point."""
    import zoo.models.targets

    built: list[Any] = []
    resolve = zoo.models.targets.resolve
    monkeypatch.setattr(zoo.models.targets, "resolve", lambda *args, **how: built.append(args) or resolve(*args, **how))
    grid: dict[str, Any] = {"input": "1x{28..187}x32", "options": {"num_classes": [3, 4]}}
    alone, seen = zoo.sweep("lenet5_modern", **grid, jobs=1), []
    assert len(built) == 2
    with ThreadPoolExecutor(2) as threads:
        shared = zoo.sweep("lenet5_modern", **grid, executor=threads, progress=lambda *now: seen.append(now[:2]))
    assert shared == alone
    assert seen[-1] == (320, 320)
    monkeypatch.setattr("zoo.util.workers.Workers", ThreadPoolExecutor)
    assert zoo.sweep("lenet5_modern", **grid, jobs=2) == alone


def test_own_input() -> None:
    """Kills a sweep over options that needs an input to be named."""
    table = zoo.sweep("lenet5", options={"in_channels": [1, 3]}, batch=[1, 2])
    assert [row.cells["input"] for row in table.rows] == [[n, c, 32, 32] for c in (1, 3) for n in (1, 2)]


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a command that is not Python's sweep."""
    arguments = ["sweep", "lenet5", "-i", "1x{32,40}x...", "-b", "{1,2}", "-s", "num_classes={10,26}", "-c", "macs,params"]
    assert run([*arguments, "-f", "json"]) == 0
    table = json.loads(capsys.readouterr().out)
    options = [{"num_classes": 10}, {"num_classes": 26}]
    expected = zoo.sweep("lenet5", input="1x{32,40}x...", batch=[1, 2], options=options, columns=["macs", "params"])
    assert table == json.loads(expected.render("json"))
    assert run([*arguments, "-o", str(tmp_path / "found.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
    assert [row["input"] for row in rows] == ["x".join(map(str, row.cells["input"])) for row in expected.rows]
    assert [int(row["macs"] or 0) for row in rows] == [row.cells.get("macs", 0) for row in expected.rows]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet5", "-i", "1x{32"], "braces"),
        (["lenet5", "-i", "1x{a,b}"], "got '1xa'"),
        (["lenet5", "-b", "{0,1}"], "--batch: expected integers >= 1"),
        (["lenet5", "-s", "num_classes"], "expected NAME=VALUE"),
        (["lenet6"], "did you mean lenet5"),
        (["lenet5", "-o", "found.parquet"], "zoo[parquet]"),
    ],
    ids=" ".join,
)
def test_bad_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a mistake with more or less than one clear line."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert run(["sweep", *arguments]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert (out, err.count("\n")) == ("", 1)


DEADLY = """
import os
import sys
import time
from torch import nn

class Net(nn.Conv2d):
    def __init__(self, channels=3):
        print("of another model", file=sys.stderr)
        if channels == 5:
            print("last words " + "x" * 500, file=sys.stderr, flush=True)
            os._exit(7)
        super().__init__(channels, 4, 1, bias=False)

    def forward(self, x):
        if x.shape[-1] == 9:
            os.abort()
        if x.shape[-1] == 11:
            time.sleep(100)
        return super().forward(x)
"""


def test_a_model_that_ends_the_process(tmp_path: Path) -> None:
    """Kills a small grid that takes the command along: exit 7, or 139, and no output."""
    (tmp_path / "deadly.py").write_text(DEADLY)
    options = [{"channels": 3}, {"channels": 5}]
    table = zoo.sweep(f"{tmp_path}/deadly.py:Net", input="3x8x{8..10}", options=options, columns=["params"])
    failures = [row.cells["failure"] for row in table.rows]
    assert [failures[0], failures[2]] == [None, None]
    assert "SIGABRT" in failures[1]
    assert all("exit code 7" in reason and "last words" in reason and len(reason) < 200 for reason in failures[3:])
    assert [row.cells.get("params") for row in table.rows] == [12, None, 12, None, None, None]
    assert [row.cells["input"] for row in table.rows] == [[1, 3, 8, n] for n in (8, 9, 10)] * 2


@pytest.mark.slow
def test_a_point_that_takes_too_long(tmp_path: Path) -> None:
    """Kills a sweep that waits for ever for one point."""
    (tmp_path / "slow.py").write_text(DEADLY)
    table = zoo.sweep(f"{tmp_path}/slow.py:Net", input="3x8x{8,11}", columns=["params"], jobs=1, timeout=30)
    assert [row.cells["failure"] for row in table.rows] == [None, "WorkerDiedError: no result within 30 seconds"]
    for timeout in (0, -1, float("nan")):
        with pytest.raises(zoo.ZooError, match="seconds > 0"):
            zoo.sweep("lenet5", timeout=timeout)


def test_journal(tmp_path: Path) -> None:
    """Kills points that are computed again, and a journal of another sweep that is believed."""
    journal = tmp_path / "journal"
    seen: list[Any] = []

    class Counting(ThreadPoolExecutor):
        def submit(self, *task: Any, **how: Any) -> Any:
            seen.append(task)
            return super().submit(*task, **how)

    with Counting(1) as threads:
        grid: dict[str, Any] = {"input": "1x{28..57}x32", "columns": ["macs"], "executor": threads}
        first = zoo.sweep("lenet5_modern", **grid, journal=journal)
        count = len(seen)
        assert zoo.sweep("lenet5_modern", **grid, journal=journal) == first
        assert len(seen) == count
        assert zoo.sweep("lenet5_modern", **{**grid, "executor": None}) == first
        with pytest.raises(zoo.ZooError, match="was started with other"):
            zoo.sweep("lenet5", **grid, journal=journal)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-i", "3x{1..9999}x{1..9999}"],
        ["-i", "3x{1..999}x8", "-b", "{1..999}"],
        ["-i", "3x8x8", *["-s", "num_classes={1..999}"], *["-s", "in_channels={1..999}"]],
    ],
    ids=str,
)
def test_too_many_points(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a grid that is begun although nobody would see its end."""
    assert run(["sweep", "lenet5", *arguments]) == 2
    out, err = capsys.readouterr()
    assert "combinations, expected at most 100,000" in err
    assert (out, err.count("\n")) == ("", 1)


def test_small_grids_have_many_tasks() -> None:
    """Kills a task that has all points of a small grid: one worker for all, and nothing in the journal before the end."""

    class Counts(ThreadPoolExecutor):
        tasks = 0

        def submit(self, *task: Any, **named: Any) -> Any:
            self.tasks += 1
            return super().submit(*task, **named)

    for points, tasks in ((3, 3), (40, 20)):
        with Counts(1) as pool:
            assert len(zoo.sweep("lenet5", batch=range(1, points + 1), executor=pool).rows) == points
            assert pool.tasks == tasks
