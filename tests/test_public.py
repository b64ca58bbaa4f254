"""The public page: every name of `zoo` is listed, documented in one manner, and does what its example says."""

import ast
import doctest
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo import extend

NAMES = [name for name in zoo.__all__ if name != "__version__"]
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(zoo, name))]
SECTIONS = ("Arguments", "Returns", "Raises", "Example")


def test_all_are_listed() -> None:
    """Kills a name that completion does not offer, and one that is offered and cannot be had."""
    assert set(zoo.__all__) <= set(dir(zoo))
    assert len(zoo.__all__) == len(set(zoo.__all__))
    assert all(getattr(zoo, name) is not None for name in zoo.__all__)


def ran(name: str) -> doctest.TestResults:
    """The example of a public name, run."""
    thing = getattr(zoo, name)
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(thing) or "", {"zoo": zoo, "__name__": "example"}, name, None, None)
    assert test.examples, "no example"
    return doctest.DocTestRunner().run(test)


@pytest.mark.parametrize("name", NAMES)
def test_example(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Kills a docstring without an example, or whose example says something else than happens."""
    monkeypatch.chdir(tmp_path)  # for what examples write
    assert ran(name).failed == 0


def test_a_wrong_example_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a test of examples that cannot fail."""
    monkeypatch.setattr(zoo.card, "__doc__", ">>> 1 + 1\n3\n")
    assert ran("card").failed == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sections(name: str) -> None:
    """Kills a function that leaves an argument, its result or its errors to be guessed."""
    text = inspect.getdoc(getattr(zoo, name)) or ""
    first, rest = text.split("\n\n", 1)
    assert "\n" not in first, "one line first"
    assert tuple(re.findall(r"^(\w+):$", rest, re.MULTILINE)) == SECTIONS
    told = {word for line in re.findall(r"^    ([\w, ]+):", rest, re.MULTILINE) for word in line.split(", ")}
    assert set(inspect.signature(getattr(zoo, name)).parameters) <= told


@pytest.mark.parametrize(
    ("shown", "parts"),
    [
        (lambda: zoo.receptive_field("alexnet", "pool5"), ("pool5", "<td", "195")),
        (lambda: zoo.card("alexnet"), ("Krizhevsky", "60,965,224")),
        (lambda: zoo.stages("alexnet"), ("pool5", "stage4")),
        (lambda: zoo.summary("lenet5"), ("C1", "<table")),
    ],
    ids=["receptive field", "card", "stages", "summary"],
)
def test_notebook(shown: Any, parts: tuple[str, ...]) -> None:
    """Kills an answer that a notebook shows as one long line of text."""
    page = shown()._repr_html_()
    assert page.lstrip().startswith("<")
    for part in parts:
        assert part in page


def test_stages_are_a_tuple() -> None:
    """Kills a list of stages that no longer compares, indexes or unpacks as a tuple does."""
    found = zoo.stages("alexnet")
    assert isinstance(found, tuple)
    assert found == tuple(found)
    assert [row.cells["layer"] for row in found.to_table().rows] == [stage.layer for stage in found]


def test_pandas() -> None:
    """Kills a frame with other rows, columns or numbers than the table."""
    pytest.importorskip("pandas")
    table = zoo.summary("alexnet")
    frame = table.to_pandas()
    assert list(frame.columns) == ["name", "type", *(column.name for column in table.columns)]
    assert frame["params"].sum() == table.total["params"] == frame.attrs["total"]["params"]
    assert list(frame["name"]) == [row.name for row in table.rows]


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a traceback where pandas is not installed."""
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(zoo.ZooError, match=r"to_pandas requires pandas.*pip install pandas"):
        zoo.summary("lenet5").to_pandas()


# The page for extensions ---------------------------------------------------------------------------------------------

HOUSE = Path(zoo.__file__).parent
OURS = [
    path.relative_to(HOUSE.parent)
    for folder in ("archs", "analysis/columns", "analysis/conventions", "studies", "linting", "pictures")
    for path in sorted((HOUSE / folder).glob("[a-z]*.py"))
]


def test_extension_names() -> None:
    """Kills a name on the page for extensions that cannot be imported, or is not listed."""
    assert set(extend.__all__) <= set(dir(extend))
    assert all(getattr(extend, name) is not None for name in extend.__all__)


@pytest.mark.parametrize("path", OURS, ids=str)
def test_ours_import_what_others_import(path: Path) -> None:
    """Kills one of our own files that takes from elsewhere what an extension takes from `zoo.extend`."""
    for node in ast.walk(ast.parse((HOUSE.parent / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("zoo") and node.module != "zoo.extend":
            module = importlib.import_module(node.module)
            for name in {alias.name for alias in node.names} & set(extend.__all__):
                assert getattr(module, name) is not getattr(extend, name), f"{node.module}.{name}"
