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
    other["timm_features"]["verdicts"]["equal"] -= 1
    other["side_by_side"]["budget"]["by tool"]["zoo"][0] += 1
    assert PAGE.made(text, other) != text


def test_nothing_is_left() -> None:
    """Kills a page that says of every model, or of random networks, what the results do not."""
    found = PAGE.results()
    assert all(set(tally) <= {"equal", "explained", "torch does not run it"} for tally in found["coverage"]["models"].values())
    assert found["random"]["counter-examples"] == 0
    assert all(one["equal"] and one["computed"] == one["total"] for one in found["many"]["killed"])
    assert all(one["failed"] == 0 for one in found["many"]["throughput"])
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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of torch.onnx
def test_jobs_side_by_side(tmp_path: Path) -> None:
    """Kills a solution that does another job than the others, and lines that were typed in."""
    spec = importlib.util.spec_from_file_location("side_by_side", ROOT / "benchmarks" / "side_by_side.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    outcomes = found.outcomes(tmp_path)
    assert {pair: given for pair, given in outcomes.items() if given != outcomes[pair[0], "zoo"]} == {}
    assert outcomes["transfer", "zoo"][0] == 7
    assert outcomes["export", "zoo"] is outcomes["budget", "zoo"] is True
    assert outcomes["diff", "zoo"] == ["layer3.0.conv2", "fc"]
    assert outcomes["upgrade", "zoo"] == [False, True]
    sizes = {
        job: {**one, "by tool": {tool: list(pair) for tool, pair in one["by tool"].items()}} for job, one in found.sizes().items()
    }
    assert sizes == PAGE.results()["side_by_side"]
