"""The tables of speed are what benchmarks/page.py makes of the results that were measured."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("page", ROOT / "benchmarks" / "page.py")
assert SPEC is not None
assert SPEC.loader is not None
PAGE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(PAGE)


@pytest.mark.parametrize("page", ["README.md", "docs/performance.md"])
def test_tables_are_of_the_results(page: str) -> None:
    """Kills a ratio that was typed in, or is of another run."""
    figures = json.loads(PAGE.RESULTS.read_text(encoding="utf-8"))
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "×" in text
    assert PAGE.made(text, figures) == text
    assert PAGE.made(text, [{**f, "value": f["value"] * 3} for f in figures]) != text
