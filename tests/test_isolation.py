"""Code of a TARGET's folder: its own neighbours and no others, and nothing of it left in the process."""

import os
import sys
import textwrap
import threading
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

import zoo
from zoo.models import importing
from zoo.questions.inside import effective_picture
from zoo_cli.main import run

MODEL = """
import sys
from torch import nn
from blocks import WIDTH, Block

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Block()
    def forward(self, x):
        from blocks import WIDTH as late
        assert late == WIDTH == self.body.out_channels
        assert sys.modules["blocks"].Block is type(self.body)
        return self.body(x)
"""
BLOCKS = """
from torch import nn
WIDTH = {width}
class Block(nn.Conv2d):
    def __init__(self):
        super().__init__(3, WIDTH, 1, bias=False)
"""


def version(folder: Path, width: int) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.py").write_text(MODEL)
    (folder / "blocks.py").write_text(BLOCKS.format(width=width))
    return f"{folder}/model.py:Net"


@pytest.fixture
def versions(tmp_path: Path) -> tuple[str, str]:
    """Two versions of one model, whose neighbours have the same names."""
    return version(tmp_path / "v1", 4), version(tmp_path / "v2", 7)


def params(target: str) -> object:
    return zoo.summary(target, input=(1, 3, 8, 8)).total["params"]


def test_neighbours_of_equal_names(versions: tuple[str, str]) -> None:
    """Kills one model's numbers for both, because `sys.modules` keeps the first `blocks`."""
    assert [params(target) for target in (*versions, *versions)] == [12, 21, 12, 21]
    table = zoo.diff(*versions, input=(1, 3, 8, 8))
    assert table.total["params"] == 9
    compared = zoo.compare(*versions, input=(1, 3, 8, 8))
    assert [row.cells["params"] for row in compared.rows if row.type == "total"] == [12, 21]
    swept = [zoo.sweep(target, input=(1, 3, 8, 8), jobs=1).rows[0].cells["params"] for target in versions]
    assert swept == [12, 21]


@pytest.mark.slow
def test_survey_in_one_worker(versions: tuple[str, str]) -> None:
    """Kills a worker that answers for the second folder from the first."""
    assert [row.cells["params"] for row in zoo.survey(versions, jobs=1).rows] == [12, 21]


def test_command(versions: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a comparison of a model with itself."""
    assert run(["diff", *versions, "-i", "3x8x8", "-f", "csv"]) == 0
    assert "9" in capsys.readouterr().out


LATE = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        from blocks import Block
        self.body = Block()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(self.body.out_channels, 2)
    def forward(self, x):
        import blocks
        return self.fc(self.pool(self.body(x)).flatten(1)) * blocks.WIDTH
"""


@pytest.fixture
def late(versions: tuple[str, str]) -> list[str]:
    """The same versions with models that import their neighbours only when they are built and run."""
    found = [Path(target.removesuffix("model.py:Net")) / "late.py" for target in versions]
    for path in found:
        path.write_text(LATE)
    return [f"{path}:Net" for path in found]


def test_late_imports(late: list[str]) -> None:
    """Kills questions that build or run a model without its neighbours."""
    assert [zoo.parameters(target).total["params"] for target in late] == [3 * 4 + 2 * 4 + 2, 3 * 7 + 2 * 7 + 2]
    (maps,) = zoo.features(late[0], ["body"], input=(1, 3, 8, 8))(torch.zeros(1, 3, 8, 8)).values()
    assert maps.shape == (1, 4, 8, 8)
    changed = zoo.replace_head(model=late[1], head="gap", input=(1, 3, 8, 8), num_classes=5)
    assert sum(p.numel() for p in changed.parameters()) == 3 * 7 + 5 * 7 + 5
    table = zoo.verify(late[0], input=(1, 3, 8, 8), rf=True)
    assert {row.cells["verdict"] for row in table.rows} <= {"equal", "not checked"}
    assert any(row.name.startswith("rf") for row in table.rows)


def test_late_imports_in_studies(late: list[str]) -> None:
    """Kills the same in studies, and in pictures of a network that runs."""
    assert {row.cells["params"] for row in zoo.compare("batch-norm", on=late[1]).rows} == {3 * 7 + 2 * 7 + 2}
    assert "flat" in {row.name for row in zoo.compare("fc-vs-gap", on=late[1], input=(3, 8, 8)).rows}
    picture = effective_picture(late[1], "body", inputs=1, input=(1, 3, 8, 8))
    assert [row.cells["side"] for row in picture.table.rows] == [1, 1, 1, 1]


def test_packages_of_equal_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills the same for folders of code, with and without __init__.py, and for import paths from the working directory."""
    for name, width in (("v1", 4), ("v2", 7)):
        for package in ("parts", "bare"):
            inside = tmp_path / name / package
            inside.mkdir(parents=True)
            (inside / "blocks.py").write_text(BLOCKS.format(width=width))
        (tmp_path / name / "parts" / "__init__.py").write_text("")
        for package in ("parts", "bare"):
            (tmp_path / name / f"of_{package}.py").write_text(f"from {package}.blocks import Block as Net\n")
    for package in ("parts", "bare"):
        found = []
        for name in ("v1", "v2"):
            found.append(params(f"{tmp_path}/{name}/of_{package}.py:Net"))
            monkeypatch.chdir(tmp_path / name)
            found.append(params(f"of_{package}:Net"))
            found.append(params(f"{package}.blocks:Block"))
        assert found == [12] * 3 + [21] * 3


def test_neighbours_on_a_path_of_their_own(tmp_path: Path) -> None:
    """Kills the same where the code itself puts a folder on the search path, and a path that stays."""
    before = list(sys.path)
    for name, width in (("v1", 4), ("v2", 7)):
        version(tmp_path / name / "lib", width)
        (tmp_path / name / "net.py").write_text(
            f"import sys\nsys.path.insert(0, {str(tmp_path / name / 'lib')!r})\nfrom model import Net\n"
        )
    assert [params(f"{tmp_path}/{name}/net.py:Net") for name in ("v1", "v2", "v1")] == [12, 21, 12]
    assert sys.path == before
    assert not {"blocks", "model", "net"} & sys.modules.keys()


def test_users_own_modules_stay(versions: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a neighbour that is hidden by what the user has imported, and one that takes its place for good."""
    mine = ModuleType("blocks")
    mine.__file__ = "/somewhere/else/blocks.py"
    mine.WIDTH = 1  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "blocks", mine)
    before = {name: module for name, module in sys.modules.items() if not name.startswith("torch")}
    assert [params(target) for target in versions] == [12, 21]
    assert sys.modules["blocks"] is mine
    assert {name: module for name, module in sys.modules.items() if not name.startswith("torch")} == before


def test_edited_neighbours(tmp_path: Path) -> None:
    """Kills yesterday's neighbour under today's model."""
    target = version(tmp_path, 4)
    assert params(target) == 12
    (tmp_path / "blocks.py").write_text(BLOCKS.format(width=10))
    assert params(target) == 30


def test_settings_of_an_import(tmp_path: Path) -> None:
    """Kills what a module sets when it is imported and its user did not ask for; and taking it back before the model is built."""
    (tmp_path / "net.py").write_text(
        textwrap.dedent(
            """
            import os, sys, warnings
            import torch
            from torch import nn
            torch.set_default_dtype(torch.float64)
            sys.setrecursionlimit(4321)
            warnings.simplefilter("ignore")
            os.environ["OF_THIS_NET"] = "1"
            os.chdir("/")
            def net():
                assert torch.get_default_dtype() == torch.float64
                return nn.Linear(8, 8)
            """
        )
    )
    limit, folder = sys.getrecursionlimit(), os.getcwd()
    table = zoo.summary(f"{tmp_path}/net.py:net", input=(1, 8), columns=["param_bytes"])
    assert table.total["param_bytes"] == 72 * 8
    assert (torch.get_default_dtype(), sys.getrecursionlimit(), os.getcwd()) == (torch.float32, limit, folder)
    assert "OF_THIS_NET" not in os.environ


def test_an_import_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Kills half a module that a second try takes for the whole."""
    (tmp_path / "blocks.py").write_text("raise KeyError('no')\n")
    (tmp_path / "model.py").write_text(MODEL)
    for _ in range(2):
        with pytest.raises(zoo.ZooError, match="KeyError"):
            params(f"{tmp_path}/model.py:Net")
        assert not {"blocks", "model"} & sys.modules.keys()
    assert params(version(tmp_path, 4)) == 12


def test_few_questions_to_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a look at the place of every module that is imported, for every model: torch brings thousands."""
    asked: list[object] = []
    for name in ("lstat", "stat"):
        ask = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *path, ask=ask, **how: (asked.append(path), ask(*path, **how))[1])
    target = version(tmp_path, 4)
    for i in range(20):
        (tmp_path / f"other_{i}.py").write_text((tmp_path / "model.py").read_text())
    assert params(target) == 12
    first = len(asked)
    assert all(params(f"{tmp_path}/other_{i}.py:Net") == 12 for i in range(20))  # nor at those of the models before it
    asked.clear()
    assert params(target) == 12
    assert 0 < len(asked) < first + 10 < 100


def test_an_attribute_is_made_once(tmp_path: Path) -> None:
    """Kills a network that a module builds twice, when it is asked for and when it is asked whether it is there."""
    (tmp_path / "made.py").write_text(
        textwrap.dedent(
            """
            from torch import nn
            made = []
            def __getattr__(name):
                made.append(name)
                if name == "net":
                    return nn.Linear(8, len(made), bias=False)
                raise KeyError(name)
            """
        )
    )
    assert zoo.summary(f"{tmp_path}/made.py:net", input=(1, 8)).total["params"] == 8
    with pytest.raises(zoo.ZooError, match=r"unknown attribute of .*made.py 'nets'"):
        zoo.summary(f"{tmp_path}/made.py:nets", input=(1, 8))


@pytest.mark.slow
def test_threads(versions: tuple[str, str]) -> None:
    """Kills two imports at once that see each other's neighbours."""
    found: dict[int, list[object]] = {}

    def ask(index: int) -> None:
        found[index] = [params(versions[index % 2]) for _ in range(10)]

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {index: [(12, 21)[index % 2]] * 10 for index in range(4)}
    assert not importing._ACTIVE
    assert not importing._TURNS.taken


def test_dataclasses_and_pickles_find_their_module(tmp_path: Path) -> None:
    """Kills a module that is not in `sys.modules` while its code runs."""
    (tmp_path / "net.py").write_text(
        "from __future__ import annotations\nimport copy\nimport pickle\nfrom dataclasses import dataclass\nfrom torch import nn\n"
        "@dataclass\nclass Config:\n    width: int = 4\n"
        "def net():\n    return nn.Linear(8, pickle.loads(pickle.dumps(Config())).width)\n"
    )
    assert [params_of(tmp_path) for _ in range(2)] == [36, 36]


def params_of(folder: Path) -> object:
    return zoo.summary(f"{folder}/net.py:net", input=(1, 8)).total["params"]


def test_a_folder_with_the_name_of_a_library(tmp_path: Path) -> None:
    """Kills torch taken out of the process because a folder has a file of that name."""
    (tmp_path / "torch.py").write_text("raise KeyError\n")
    (tmp_path / "json.py").write_text("raise KeyError\n")
    (tmp_path / "net.py").write_text("import json\nimport torch\ndef net(): return torch.nn.Linear(8, 4)\n")
    assert params_of(tmp_path) == 36
    assert sys.modules["torch"] is torch
    assert nn.Linear(1, 1) is not None
