"""Random command lines, and files with changed bytes: each ends with one line or a result. `benchmarks/fuzz.py` tries thousands."""

import contextlib
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from zoo.questions.grid import expand
from zoo.util.errors import ZooError
from zoo_cli.arguments import parse_columns, parse_grid, parse_inputs, parse_options


@pytest.fixture
def fuzz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, in a folder of its own."""
    spec = importlib.util.spec_from_file_location("fuzz", Path(__file__).parent.parent / "benchmarks" / "fuzz.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(module.NET)
    return module


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.stress)])
def test_command_lines(fuzz: ModuleType, count: int) -> None:
    """Kills a traceback, another exit code, more than one line, and a command that does not end."""
    assert fuzz.tried(fuzz.lines(count, count))["wrong"] == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [pytest.param(60, marks=pytest.mark.slow)])
def test_files(fuzz: ModuleType, tmp_path: Path, count: int) -> None:
    """Kills the same where one byte of a good file is another."""
    assert fuzz.tried(fuzz.files(count, count, tmp_path))["wrong"] == []


def test_the_check_can_fail(fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a check that lets everything pass."""
    for wrong in (lambda arguments: 3, lambda arguments: 2, lambda arguments: 1 // 0):
        monkeypatch.setattr("zoo_cli.main.run", wrong)
        assert fuzz.complaint(["list"]) is not None


SIGNS = st.text(alphabet="0123456789x×{},.=:-N abé\u202e", max_size=24)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(SIGNS)
@example("{...}")
def test_what_is_written_is_read_or_refused(text: str) -> None:
    """Kills another exception than ours, and a grid that has no end."""
    for read in (
        expand,
        lambda t: parse_grid([t]),
        lambda t: parse_options([t]),
        lambda t: parse_columns([t]),
        lambda t: parse_inputs([t], 1),
    ):
        with contextlib.suppress(ZooError):
            read(text)
