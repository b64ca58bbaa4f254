"""benchmarks/mutants.py changes what it says that it changes: a survivor is one that was tried."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from zoo.receptive import windows

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script."""
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "benchmarks" / "mutants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_change_is_one(script: ModuleType) -> None:
    """Kills a change that leaves the source as it is, or is at another place than its name says."""
    path = ROOT / "zoo" / "receptive" / "windows.py"
    source, found = path.read_bytes(), list(script.mutants(path))
    assert len(found) > 50
    for one in found:
        assert source[one.start : one.end].decode() == one.old
        assert one.apply(source) != source
        assert source.splitlines()[one.line - 1].strip().decode() in one.name


def test_changed_functions_run(script: ModuleType) -> None:
    """Kills a trial of the unchanged function, which every test survives, and a change that is mistaken for one of a module."""
    before = "def first(x):\n    return [y + 1 for y in x]\n\n\nTHREE = 3\n"
    old, new = (compile(text, "one.py", "exec") for text in (before, before.replace("+", "-")))
    pairs = script.replaced(old, new)
    assert pairs is not None
    space: dict[str, object] = {}
    exec(old, space)
    functions = script.Functions.__new__(script.Functions)
    functions.found, functions.caches = {script.Functions.key(pairs[0][0]): [space["first"]]}, []
    assert functions.change(pairs)
    assert space["first"]([1, 2]) == [0, 1]  # type: ignore[operator]
    assert script.replaced(old, compile(before.replace("= 3", "= 4"), "one.py", "exec")) is None


def test_verdicts(script: ModuleType) -> None:
    """Kills a failure that counts as survival, and the reverse."""
    ends = {0: "survived", 1: "killed", script.OUTSIDE: "outside"}
    assert {code: script.forked(lambda code=code: code, 20) for code in ends} == ends
    assert script.forked(lambda: windows.nothing_of_this_name, 20) == "killed"
