"""What is claimed of one architecture: its card, which `@arch(...)` writes onto its builder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from zoo.catalogue.published import Published

Builder = TypeVar("Builder", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The same builder with other `options`, or in training mode, and what it then counts."""

    options: Mapping[str, Any] = field(default_factory=dict)
    train: bool = False
    params: int
    macs: int


@dataclass(frozen=True)
class StageClaim:
    """The last layer of one resolution, its channels, stride in pixels, and receptive field (None where it is no number)."""

    layer: str
    channels: int
    stride: int
    rf: int | None

    @classmethod
    def read(cls, text: str) -> "StageClaim":
        """The claim as a card writes it: "conv3_x 512 8 99", with a question mark for a receptive field that is no number."""
        layer, channels, stride, rf = text.split()
        return cls(layer, int(channels), int(stride), None if rf == "?" else int(rf))


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is claimed of one architecture. Nothing is computed from it; the tests hold every claim to account.

    `input` is channels, height, width; `params`, `macs`, `depth` and `connections`, where they are claimed, are for that input,
    batch 1, evaluation mode, default options. `training` are the options that the network as trained has and the network as used
    has not (auxiliary heads).
    `stages` are claims too, written "layer channels stride rf": "conv3_x 512 8 99".
    `torchvision` names the model there that has the same topology, `keys` the (pattern, replacement) pairs that turn its state
    dict's keys into ours, applied in order. `classifier` is the path of the layer that makes the scores; without it the network
    gives `num_features` features of an image. `by_design` names the rules of `zoo lint` whose findings the paper itself intends. `url` is for a paper that has neither DOI nor arXiv id.
    """

    name: str
    family: str
    summary: str
    title: str
    year: int
    authors: str
    paper: str
    doi: str = ""
    arxiv: str = ""
    url: str = ""
    input: tuple[int, ...]
    params: int
    macs: int
    depth: int
    classifier: str = ""
    num_features: int = 0
    stages: tuple[StageClaim, ...] = ()
    connections: int | None = None
    published: tuple[Published, ...] = ()
    variants: tuple[Variant, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    torchvision: str = ""
    keys: tuple[tuple[str, str], ...] = ()
    deviations: tuple[str, ...] = ()
    errata: tuple[str, ...] = ()
    by_design: tuple[str, ...] = ()
    licence: str = "MIT"


def arch(**facts: Any) -> Callable[[Builder], Builder]:
    """Register the decorated builder under its own name. `facts` are the fields of `Card`, as literals.

    The first line of the builder's docstring is the summary; the file's name is the family.
    """

    def register(builder: Builder) -> Builder:
        family = builder.__module__.rpartition(".")[2]
        builder.__dict__["card"] = make_card(builder.__name__, family, builder.__doc__ or "", facts)
        return builder

    return register


def make_card(name: str, family: str, doc: str, facts: Mapping[str, Any]) -> Card:
    """The card of a builder of that name, in a file of that family. Raises `TypeError` for facts that no card has."""
    wrong = facts.keys() - {f.name for f in fields(Card)} | facts.keys() & {"name", "family", "summary"}
    if wrong:
        raise TypeError(f"@arch of {name}: {', '.join(sorted(wrong))} cannot be set")
    summary = doc.strip().partition("\n")[0].removesuffix(".")
    plural = {
        "stages": tuple(StageClaim.read(one) for one in facts.get("stages", ())),
        "published": tuple(Published(**one) for one in facts.get("published", ())),
        "variants": tuple(Variant(**one) for one in facts.get("variants", ())),
    }
    return Card(name=name, family=family, summary=summary, **{**facts, **plural})
