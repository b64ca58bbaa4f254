"""The worked examples in the docstrings of the dense modules compute what they show."""

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

import zoo

ROOT = Path(__file__).parent.parent
ALGEBRA = ("taps", "windows", "spans", "join", "layout", "sliding", "sums")
CLASSES = {"Taps", "Lattice", "Everything", "Units", "Walk", "Span"}
EXAMPLE = re.compile(r"^ *>>> ", re.MULTILINE)


def with_examples() -> list[str]:
    files = [*(ROOT / "zoo").glob("*/**/*.py"), *(ROOT / "cli").rglob("*.py")]
    named = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removeprefix("cli.")
        for file in files
        if EXAMPLE.search(file.read_text(encoding="utf-8"))
    ]
    return sorted(named)


@pytest.mark.parametrize("name", with_examples())
def test_examples_compute_what_they_show(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Kills an example of yesterday's algebra."""
    monkeypatch.chdir(tmp_path)  # for what examples write
    result = doctest.testmod(importlib.import_module(name), extraglobs={"zoo": zoo})
    assert result.attempted > 0
    assert result.failed == 0


def test_a_wrong_example_fails() -> None:
    """Kills a runner that runs nothing: the same example with another number is reported."""
    module = importlib.import_module("zoo.receptive.windows")
    text = (module.__doc__ or "").replace("'00001110'", "'00001111'")
    parsed = doctest.DocTestParser().get_doctest(text, dict(vars(module)), "wrong", None, None)
    assert doctest.DocTestRunner(verbose=False).run(parsed, out=lambda _: None).failed == 1


def test_each_class_of_the_algebra_has_an_example() -> None:
    """Kills a class without numbers, and a module whose docstring says nothing of how it fits in."""
    shown = set()
    for name in ALGEBRA:
        tree = ast.parse((ROOT / "zoo" / "receptive" / f"{name}.py").read_text(encoding="utf-8"))
        assert EXAMPLE.search(ast.get_docstring(tree) or ""), name
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        shown |= {node.name for node in classes if EXAMPLE.search(ast.get_docstring(node) or "")}
    assert shown == CLASSES
