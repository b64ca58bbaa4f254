"""What a command imports before it answers: counted, so that nothing that one command needs slows another."""

import json
import os
import subprocess
import sys

import pytest

import zoo
from zoo.catalogue import entries, source
from zoo.catalogue.entries import architectures
from zoo.questions import names

PROBE = """
import atexit, json, sys
before = set(sys.modules)
import typer
typed = set(sys.modules)
atexit.register(lambda: print(json.dumps(sorted(set(sys.modules) - typed)), file=sys.stderr))
from zoo_cli.main import main
main()
"""
COMPLETION = {"_ZOO_COMPLETE": "complete_bash", "COMP_WORDS": "zoo summary alex", "COMP_CWORD": "2"}


def imported(*arguments: str, **environment: str) -> list[str]:
    """The modules that a fresh process imports for a command, besides those of `import typer`."""
    command = [sys.executable, "-c", PROBE, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env={**os.environ, **environment})
    assert done.stdout
    found: list[str] = json.loads(done.stderr.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("arguments", "environment", "most"),
    [
        (["--version"], {}, 25),
        (["--help"], {}, 25),
        (["summary", "--help"], {}, 30),
        ([], COMPLETION, 33),
        (["list"], {}, 52),
        (["info", "resnet50"], {}, 115),
        (["summary", "resnet50"], {}, 190),
    ],
    ids=lambda value: " ".join(value) or "completion" if isinstance(value, list) else "",
)
def test_modules(arguments: list[str], environment: dict[str, str], most: int) -> None:
    """Kills an import of what another command needs, and of pydantic, with which typer converts what is typed."""
    found = imported(*arguments, **environment)
    assert len(found) <= most, found
    packages = {name.partition(".")[0] for name in found}
    assert packages & {"torch", "numpy", "pydantic", "jinja2", "matplotlib"} == set()
    assert ("rich" in packages) == (arguments[:1] == ["info"])
    own = {name for name in found if name.startswith("zoo_cli.commands.")}
    command = arguments[0] if arguments else "summary"
    assert own == (set() if command.startswith("-") else {f"zoo_cli.commands.{command}"})


def test_the_probe_finds_what_is_imported() -> None:
    """Kills a count of nothing: a table as HTML comes from a template."""
    assert "jinja2" in imported("summary", "lenet5", "--format", "html")


def test_the_index_is_that_of_the_files() -> None:
    """Kills a card of yesterday, and one that is edited in the index: `python -m zoo.models.shipping` renews it."""
    assert source.INDEX.read_text(encoding="utf-8") == source.index()


def test_the_index_gives_the_cards_of_the_files() -> None:
    """Kills a fact that JSON changes, and a network that is only in the index or only in the files."""
    own = {path: source.read_own(text, path.stem) for path, text in source.own_texts().items()}
    read = {path: source.read(text, path.stem) for path, text in source.own_texts().items()}
    assert own == read
    assert repr(own) == repr(read)


@pytest.mark.parametrize("line", ["", "[]", "null", '["lenet"]', '["lenet", "0", []]', "[" * 100_000, '["lenet", {digest}, [[1]]]'])
def test_a_spoiled_index_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Kills a card that is read from a line that is not what was written, and a traceback."""
    text = next(text for path, text in source.own_texts().items() if path.stem == "lenet")
    monkeypatch.setattr(source, "_lines", lambda: {"lenet": line.replace("{digest}", json.dumps(source._checksum(text)))})
    assert source.read_own(text, "lenet") == source.read(text, "lenet")


def test_a_changed_file_is_read() -> None:
    """Kills a card that does not follow its file."""
    text = next(text for path, text in source.own_texts().items() if path.stem == "lenet")
    assert {one.facts["year"] for one in source.read_own(text, "lenet")} == {1998}
    assert {one.facts["year"] for one in source.read_own(text.replace("1998", "1997"), "lenet")} == {1997}


def test_names_without_cards_are_those_of_the_cards() -> None:
    """Kills a completion that misses a network."""
    assert sorted(names.models()) == sorted(zoo.list_models())
    assert sorted(names.families()) == sorted({entry.card.family for entry in architectures().values()})
    assert names._own() is not None
    assert entries.ARCHITECTURES.ours_alone
