"""Tables of measured results in the documents are what benchmarks/page.py makes of the files in benchmarks/."""

import copy
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("page", ROOT / "benchmarks" / "page.py")
assert SPEC is not None
assert SPEC.loader is not None
PAGE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(PAGE)


@pytest.mark.parametrize("page", PAGE.PAGES)
def test_tables_are_of_the_results(page: str) -> None:
    """Kills a ratio or a count that was typed in, or is of another run."""
    found = PAGE.results()
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "<!-- end -->" in text
    assert PAGE.made(text, found) == text
    other = copy.deepcopy(found)
    other["results"] = [{**figure, "value": figure["value"] * 3} for figure in found["results"]]
    other["coverage"]["models"]["timm"]["equal"] -= 1
    assert PAGE.made(text, other) != text


def test_nothing_is_left() -> None:
    """Kills a page that says of every model, or of random networks, what the results do not."""
    found = PAGE.results()
    assert all(set(tally) <= {"equal", "explained", "torch does not run it"} for tally in found["coverage"]["models"].values())
    assert found["random"]["counter-examples"] == 0
    assert found["drawings"]["not drawn"] == {}
    assert all(one["wrong"] == 0 for one in found["drawings"]["drawings"].values())
    assert all(not found["interrupts"][way]["left behind"] for way in ("signals", "threads"))
    assert all(not found["fuzz"][way]["wrong"] for way in ("command lines", "files", "cache entries"))


def test_changes_of_the_source() -> None:
    """Kills a table that adds up to more than was tried, and a reason for a change that was not tried."""
    found = PAGE.results()["mutants"]
    assert sum(sum(counts.values()) for counts in found["rooms"].values()) == len(found["verdicts"])
    assert set(found["equivalent"]) <= {
        name for name, verdict in found["verdicts"].items() if verdict in {"survived", "not reached"}
    }
    whole = PAGE._noticed({"killed": 6, "too long": 1, "survived": 1, "not reached": 1, "equivalent": 1, "outside": 2})
    assert whole == ["12", "7", "1", "2", "2", "77.8%"]
