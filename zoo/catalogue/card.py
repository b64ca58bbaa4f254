"""What is claimed of one architecture: its card, which `@arch(...)` writes onto its builder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
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
    dict's keys into ours, applied in order. `torchvision_options` go to its builder for the network as it is used,
    `torchvision_training` besides for the network as it is trained; `weights_note` is what users of its weights have to know.
    `classifier` is the path of the layer that makes the scores; without it the network gives `num_features` features of an image.
    `by_design` names the rules of `zoo lint` whose findings the paper itself intends.
    `url` is for a paper that has neither DOI nor arXiv id.

    Example:
        >>> card = zoo.card("alexnet")
        >>> card.year, card.params, card.input
        (2012, 60965224, (3, 227, 227))
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
    torchvision_options: Mapping[str, Any] = field(default_factory=dict)
    torchvision_training: Mapping[str, Any] = field(default_factory=dict)
    weights_note: str = ""
    keys: tuple[tuple[str, str], ...] = ()
    deviations: tuple[str, ...] = ()
    errata: tuple[str, ...] = ()
    by_design: tuple[str, ...] = ()
    licence: str = "MIT"

    def _repr_html_(self) -> str:
        shown: str = import_module("zoo.questions.info").of_card(self).render("html")  # which imports this file
        return shown


def arch(**facts: Any) -> Callable[[Builder], Builder]:
    """Declare that the decorated function builds an architecture, under its own name.

    The first line of the builder's docstring is the summary; the file's name is the family.

    Arguments:
        facts: The fields of `Card`, as literals.

    Returns:
        A decorator that leaves the function as it is, with the attribute `card`.

    Raises:
        TypeError: For facts that no card has, or that every card must have.

    Example:
        >>> @zoo.arch(title="Tiny", year=2024, authors="Me", paper="None yet", input=(1, 8, 8), params=5, macs=256, depth=1)
        ... def tiny(num_classes: int = 1, in_channels: int = 1):
        ...     'Me 2024: one convolution.'
        >>> tiny.card.summary
        'Me 2024: one convolution'
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
