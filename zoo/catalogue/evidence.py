"""What a card says beyond its numbers, and where each statement was read. Nothing here imports torch.

A statement is written as one string that ends with its citations in brackets, as in a footnoted text:

    "The caption of figure 2 counts 253,440 neurons; 55×55×96 is 290,400. [paper, figure 2; computed]"

A citation is the key of a source of that card, then the place. Two keys need no source: `computed`, for what this project counts or
runs, and `ours`, for what is a choice of its definition.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

PROVENANCE = {
    "paper": "the paper itself was read",
    "author's file": "a file released by those who made the network or the tool was read",
    "transcription": "a copy of the paper's text or tables by others was read, or a port",
    "second-hand": "somebody else says so",
    "computed": "counted or run by this project",
    "ours": "a choice of this definition",
}
"""How a statement is known, the strongest first, in the words of `zoo info`."""

RECIPE = ("loss", "optimiser", "learning rate", "batch", "weight decay", "augmentation", "dropout", "length", "hardware", "remark")
"""What is told of a training, in this order."""

_CITED = re.compile(r"(?P<text>.*\S)\s+\[(?P<citations>[^\[\]]+)\]", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """What was opened: its key on the card, how it counts (a key of `PROVENANCE`), what it is, and its address if it has one."""

    key: str
    provenance: str
    what: str
    url: str = ""

    def __post_init__(self) -> None:
        if self.provenance not in PROVENANCE:
            raise ValueError(f"source {self.key!r}: {self.provenance!r} is none of {', '.join(PROVENANCE)}")

    def __str__(self) -> str:
        return f"{self.key}: {self.provenance}, {self.what}{self.url and f', {self.url}'}"


_BUILT_IN = {key: Source(key, key, PROVENANCE[key]) for key in ("computed", "ours")}


@dataclass(frozen=True)
class Citation:
    """A place in a source, "" for all of it."""

    source: Source
    place: str = ""

    def __str__(self) -> str:
        if self.source.key in _BUILT_IN:
            return self.source.key
        return f"{self.source.key}{self.place and f', {self.place}'}: {self.source.provenance}"


@dataclass(frozen=True)
class Statement:
    """One sentence or more of a card, with what it rests on."""

    text: str
    citations: tuple[Citation, ...]

    def __str__(self) -> str:
        return f"{self.text} [{'; '.join(map(str, self.citations)) or 'no source given'}]"


@dataclass(frozen=True, kw_only=True)
class Result:
    """How often a trained network of this design was right: percent as the source prints them, on which images, shown how.

    `models` is 1 for a single network, else the number of networks whose scores were averaged.
    """

    on: str
    measure: Literal["error", "accuracy"] = "error"
    top1: str = ""
    top5: str = ""
    crops: str = ""
    models: int = 1
    citations: tuple[Citation, ...]
    note: str = ""

    def error(self, k: Literal[1, 5]) -> Decimal | None:
        """The top-k error in percent, whichever way it is printed; None if it is not printed."""
        printed = self.top1 if k == 1 else self.top5
        if not printed:
            return None
        return Decimal(printed) if self.measure == "error" else 100 - Decimal(printed)

    def __str__(self) -> str:
        printed = (f"{k} {self.measure} {value}%" for k, value in (("top-1", self.top1), ("top-5", self.top5)) if value)
        several = "single model" if self.models == 1 else f"{self.models} models averaged"
        how = ", ".join(filter(None, (self.on, self.crops, several, self.note)))
        return f"{', '.join(printed)}: {how} [{'; '.join(map(str, self.citations))}]"

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-able data, of what is printed."""
        facts = {
            "on": self.on,
            "measure": self.measure,
            "top1": self.top1,
            "top5": self.top5,
            "crops": self.crops,
            "note": self.note,
        }
        printed = {key: value for key, value in facts.items() if value}
        return {**printed, "models": self.models, "sources": list(map(str, self.citations))}


def evidence(facts: Mapping[str, Any], stated: Iterable[str]) -> dict[str, Any]:
    """Sources, results, recipe and the statements under the keys `stated`, of what a card writes as literals.

    Raises `ValueError` for citations of an unknown source, and for an unknown key of the recipe.
    """
    sources = sources_of(facts.get("sources", {}))
    recipe = facts.get("recipe", {})
    if strange := recipe.keys() - set(RECIPE):
        raise ValueError(f"recipe has {', '.join(sorted(strange))}: expected keys among {', '.join(RECIPE)}")
    return {
        "sources": sources,
        "results": tuple([_result(one, sources) for one in facts.get("results", ())]),
        "recipe": {key: state(one, sources) for key, one in recipe.items()},
        **{key: tuple([state(one, sources) for one in facts.get(key, ())]) for key in stated},
    }


def sources_of(written: Mapping[str, Sequence[str]]) -> dict[str, Source]:
    """The sources of a card as it writes them: {"paper": ("transcription", "text of the paper", "https://...")}."""
    return {key: Source(key, *facts) for key, facts in written.items()}


def cite(written: str, sources: Mapping[str, Source]) -> tuple[Citation, ...]:
    """Citations as a card writes them: "paper, section 5; computed". Raises `ValueError` for a source that the card lacks."""
    known = {**sources, **_BUILT_IN}
    citations = []
    for one in written.split(";"):
        key, _, place = one.strip().partition(", ")
        if key not in known:
            raise ValueError(f"{one.strip()!r} cites an unknown source: expected one of {', '.join(known)}")
        citations.append(Citation(known[key], place))
    return tuple(citations)


def state(written: str, sources: Mapping[str, Source]) -> Statement:
    """A statement as a card writes it. Raises `ValueError` for citations of an unknown source."""
    match = _CITED.fullmatch(written)
    return Statement(match["text"], cite(match["citations"], sources)) if match else Statement(written, ())


def _result(written: Mapping[str, Any], sources: Mapping[str, Source]) -> Result:
    facts = dict(written)
    return Result(citations=cite(facts.pop("source"), sources), **facts)
