"""`zoo watch`: a view at once, and another one after every change of the file and of what it imports."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import zoo
from zoo.questions.watch import watch
from zoo_cli.commands import watch as command
from zoo_cli.main import run

NET = """
from torch import nn
import blocks_of_watch
def Net():
    return nn.Sequential(nn.Conv2d(3, blocks_of_watch.WIDTH, 3, padding=1), nn.ReLU())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "blocks_of_watch.py").write_text("WIDTH = 8\n")
    return tmp_path


def edits(file: Path, texts: list[str]) -> Callable[[], bool]:
    """What stands for waiting: nothing happens twice, then the next edit; the end after the last."""
    steps = iter([step for text in texts for step in ("", "", text)])

    def wait() -> bool:
        step = next(steps, None)
        if step:
            file.write_text(step)
            os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns + 1_000_000))  # coarse clocks of file systems
        return step is not None

    return wait


def test_every_change_is_a_view(folder: Path) -> None:
    """Kills a view without a change, a change of a neighbour that goes unseen, and an error that ends the watch."""
    wait = edits(folder / "blocks_of_watch.py", ["WIDTH = 16\n", "WIDTH = =\n", "WIDTH = 4\n", "WIDTH = 4 \n"])
    views = list(watch(f"{folder}/net.py:Net", wait, input="3x8x8", columns=["params"]))
    assert [view.table.total["params"] if view.table else None for view in views] == [224, 448, None, 112, 112]
    assert [view.changes.total.get("params") if view.changes else None for view in views] == [None, 224, None, -336, None]
    assert "SyntaxError" in (views[2].error or "")
    assert [bool(view.changes and view.changes.rows) for view in views] == [False, True, False, True, False]


@pytest.mark.parametrize("target", ["alexnet", "torchvision:resnet18", "HEAD:net.py:Net", "package.module:Net"])
def test_only_files_change(target: str) -> None:
    """Kills a watch that waits for ever for what cannot change."""
    with pytest.raises(zoo.ZooError, match=r"expected path/to/file\.py:attribute, or a graph file"):
        next(watch(target, lambda: False))


def test_command(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a traceback at Ctrl-C, an exit code of a failure, and a change that is not printed."""

    def ended() -> Iterator[bool]:
        yield from (edit() for edit in [edits(folder / "net.py", [NET.replace("ReLU", "Sigmoid")])] * 3)
        raise KeyboardInterrupt

    steps = ended()
    monkeypatch.setattr(command, "pause", lambda: next(steps))
    assert run(["watch", f"{folder}/net.py:Net", "--input", "3x8x8", "--columns", "params"]) == 0
    out, err = capsys.readouterr()
    assert out.count("evaluation mode") == 2
    assert "ReLU" in out
    assert "1 × sigmoid added" in out
    assert err == ""
    assert run(["watch", "alexnet"]) == 2
    assert capsys.readouterr().err.startswith("zoo: watch: expected path/to/file.py:attribute")
