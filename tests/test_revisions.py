"""Models of earlier versions of a file: what changed since, and a repository that is only read."""

import os
import subprocess
from pathlib import Path

import pytest

import zoo
from zoo_cli.main import run

NET = """
from torch import nn
from parts.block import Block

class Net(nn.Sequential):
    def __init__(self, width=8):
        super().__init__(Block(3, width), nn.Conv2d(width, 4, KERNEL))
"""
BLOCK = """
from torch import nn

class Block(nn.Conv2d):
    def __init__(self, channels, width):
        super().__init__(channels, width, KERNEL, padding="same")
"""


def git(folder: Path, *arguments: str) -> str:
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    done = subprocess.run(["git", *who, *arguments], cwd=folder, env={**os.environ, **settings}, capture_output=True, check=True)
    return done.stdout.decode()


def save(folder: Path, net: int, block: int) -> None:
    (folder / "parts").mkdir(parents=True, exist_ok=True)
    (folder / "net.py").write_text(NET.replace("KERNEL", str(net)), encoding="utf-8")
    (folder / "parts" / "block.py").write_text(BLOCK.replace("KERNEL", str(block)), encoding="utf-8")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of three versions: the file changes, then its neighbour; a change that is not committed."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "-q")
    for net, block in ((1, 3), (3, 3), (3, 5)):
        save(folder / "src", net, block)
        git(folder, "add", ".")
        git(folder, "commit", "-qm", "version")
    save(folder / "src", 3, 7)
    return folder


def test_versions(repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a neighbour of another version, the working tree in place of a revision, and a repository that is changed."""
    monkeypatch.chdir(repository / "src")
    before = git(repository, "status", "--porcelain=v2", "--ignored")
    how = {"input": "3x16x16"}
    assert [row.name for row in zoo.diff("HEAD~2:net.py:Net", "HEAD~1:net.py:Net", **how).rows] == ["1"]
    assert [row.name for row in zoo.diff("HEAD~1:net.py:Net", "HEAD:net.py:Net", **how).rows] == ["0"]
    table = zoo.diff("HEAD:net.py:Net", "net.py:Net", **how)
    assert table.title == "from HEAD:net.py:Net to net.py:Net"
    assert [row.cells["params"] for row in table.rows] == [8 * 3 * (49 - 25)]
    assert zoo.summary("HEAD:net.py:Net", input="3x16x16", options={"width": 16}).total["params"] == 16 * 76 + 4 * 145
    assert run(["diff", "HEAD:net.py:Net", "HEAD:../src/net.py:Net", "-i", "3x16x16", "--exit-code"]) == 0
    assert run(["diff", "HEAD:net.py:Net", "net.py:Net", "-i", "3x16x16", "--exit-code"]) == 1
    assert run(["diff", "HEAD:net.py:Net", "net.py:Net", "-i", "3x16x16"]) == 0
    after = [line for line in git(repository, "status", "--porcelain=v2", "--ignored").splitlines() if "__pycache__" not in line]
    assert after == before.splitlines()
    capsys.readouterr()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("HEAD~9:net.py:Net", "'HEAD~9' is not a revision of"),
        ("--all:net.py:Net", "'--all' is not a revision of"),
        ("HEAD:no.py:Net", "HEAD has no file no.py"),
        ("HEAD:gone/no.py:Net", "HEAD has no file gone/no.py"),
        ("HEAD:net.py:Nut", "unknown attribute of HEAD:src/net.py 'Nut'; did you mean Net?"),
    ],
)
def test_what_is_not_there(target: str, words: str, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a traceback of git, an option in place of a revision, and a message that names a temporary file."""
    monkeypatch.chdir(repository / "src")
    with pytest.raises(zoo.ZooError) as caught:
        zoo.summary(target)
    assert words in str(caught.value)


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills an answer that does not say what is missing."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(zoo.ZooError, match=r"git rev-parse: .*not a git repository"):
        zoo.summary("HEAD:net.py:Net")
