"""Documents, messages, help texts and docstrings use plain technical English: the habits below do not come back.

Each pattern is a phrase that readers stumble over, with what to write instead. Only prose is searched: documents outside of code,
and strings and comments of the source code. Output that documents show is searched where it is made.
"""

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

HABITS = {
    r"\b(?:is|are) wanted\b": "expected X",
    r"\bfor want of\b": "because there is no X",
    r"\bwhole or not at all\b": "atomically",
    r"\bbehind\b": "after (a later layer); below or beside for places",
    r"\bas what\?": "cannot infer the format; pass --format",
    r"\bof which \w+\?": "X requires Y",
    r"\bwhich model in it\?": "name the model after a colon",
    r"\bcannot be built so\b": "could not be built with these options",
    r"\bis a model already\b": "is already an instance",
    r"\bcosts what \S+ does\b": "costs the same as X",
    r"\bfall together\b": "coincide",
    r"\btoo seldom\b": "rarely",
    r"\b(?:[Nn]o|without a) (?:common )?law\b": "not evenly spaced",
    r"(?:^|[.:;] )(?:Unknown|Refused|Said)(?:, in one line,)? (?:is|are)\b": "subject first: These ops are unknown",
    r"\b(?:our|Our) numbers (?:against|to)\b": "cross-check",
    r"\bthe card of one\b": "one model's card",
    r"\bnobody drew\b": "random",
    r"\b[Ww]hy to believe\b": "why trust",
    r"\bto account\b": "checks X",
    r"\b(?:needs|takes|wants|imports) (?:torch|PyTorch) alone\b": "depends only on torch",
    r"\bshows what there is\b": "see zoo COMMAND --help",
    r"\banew\b": "again; from the beginning",
    r"\bdecides? by\b": "control flow depends on values",
    r"(?<!there )(?<!There )\b(?:is|are|was|were) no (?!longer\b|more\b|better\b)\w+": "is not a X",
    r"\b(?:hands|handed) on\b": "returns, outputs",
    r"\bgoes on from (?:there|where)\b": "resumes",
    r"\bin the place of\b": "instead of",
    r"\bwhat it (?:has|is) (?:by|of) itself\b": "name the thing",
    r"\bto be said of\b": "notes on",
    r"\bin words\b": "as text",
    r"\bstands? (?:for itself|alone|beside|in)\b": "is, is next to, is independent",
}


@cache
def prose() -> list[tuple[str, int, str]]:
    """Every piece of prose: its file, line and text."""
    return list(_prose())


def _prose() -> Iterator[tuple[str, int, str]]:
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]:
        fenced = False
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            fenced ^= line.startswith("```")
            if not fenced:
                yield path.relative_to(ROOT).as_posix(), number, re.sub(r"`[^`]*`", "``", line)
    for path in [ROOT / "hubconf.py", *sorted((ROOT / "zoo").rglob("*.py")), *sorted((ROOT / "cli").rglob("*.py"))]:
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield name, node.lineno, node.value
        with path.open("rb") as file:
            yield from (
                (name, token.start[0], token.string) for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT
            )


@pytest.mark.parametrize("habit", HABITS)
def test_no_bad_habits(habit: str) -> None:
    """Kills a phrase that an English-speaking engineer has to read twice."""
    found = []
    for file, line, text in prose():
        for match in re.finditer(habit, " ".join(text.split())):
            found.append(f"{file}:{line}: {' '.join(text.split())[max(0, match.start() - 50) : match.end() + 40]}")
    assert not found, f"write {HABITS[habit]!r} instead:\n" + "\n".join(found)


TERMS = """MAC, FLOP, receptive field, effective padding, stage, row, column, total, lower bound, convention, target, card, study,
deviation, erratum, op, trace, layer, unit, connection, activation, shared parameter, unused parameter, fold"""


def test_the_glossary_defines_every_term() -> None:
    """Kills a term that the documents use and nobody defines."""
    defined = re.findall(r"^- \*\*(.+?)\*\*: ", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(TERMS.replace("\n", " ").split(", ")) <= set(defined)
