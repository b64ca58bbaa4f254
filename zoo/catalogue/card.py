"""The card of an architecture, which `@arch(...)` attaches to its builder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from zoo.catalogue.evidence import RECIPE, Citation, Result, Source, Statement, evidence
from zoo.catalogue.preprocessing import Preprocessing, preprocessing_of
from zoo.catalogue.published import Published
from zoo.tables.table import Column, Row, Table
from zoo.util.errors import ZooError
from zoo.util.version import __version__

Builder = TypeVar("Builder", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The network with other `options`, or in training mode, and its numbers."""

    options: Mapping[str, Any] = field(default_factory=dict)
    train: bool = False
    params: int
    macs: int


@dataclass(frozen=True)
class StageClaim:
    """The last layer of one resolution, its channels, stride in pixels, and receptive field (None if it is not a number)."""

    layer: str
    channels: int
    stride: int
    rf: int | None

    @classmethod
    def read(cls, text: str) -> "StageClaim":
        """The stage as a card writes it: "conv3_x 512 8 99", with a question mark for a receptive field that is not a number."""
        layer, channels, stride, rf = text.split()
        return cls(layer, int(channels), int(stride), None if rf == "?" else int(rf))


@dataclass(frozen=True, kw_only=True)
class Card:
    """The card of one architecture. Nothing is computed from it; tests check every number on it.

    `input` is channels, height, width. `params`, `macs`, `depth` and `connections`, if given, are for that input, batch 1,
    evaluation mode and default options. `training` contains the options that the network has only during training (auxiliary
    heads). `stages` are written as "layer channels stride rf": "conv3_x 512 8 99". `torchvision` names torchvision's model of the
    same topology. `keys` are (pattern, replacement) pairs, applied in order, that map the keys of its state dict to those of this
    network. `aliases` are (pattern, replacement) pairs that map names of layers in other frameworks to those of this network; the
    first that fits the whole name counts. features[3] is the child of features that runs after three others, and features[3-1]
    the third. `torchvision_options` are passed to its builder, and `torchvision_training` as well for the network during training.
    `weights_note` is what users of its weights need to know. `classifier` is the path of the layer that computes the scores;
    without it, the network returns `num_features` features of an image. `url` is for a paper that has neither a DOI nor an arXiv
    id. `neurons` is the number of outputs of all layers with weights. `by_design` names the rules of `zoo lint` whose findings
    are the design of the paper.

    Texts end with citations of `sources` (see `zoo.catalogue.evidence`). `errata` are mistakes of the paper, `deviations` are
    differences of this definition from it, and `notes` are about others: ports, tools, later networks. `results` are the errors of
    trained networks; `recipe` describes how they were trained, by the keys of `RECIPE`; `weights` has the licence and address of
    the original weights. `parents` are the entries that this network is based on. `citation` has the fields of BibTeX other than
    author, title and address. `licence` is that of this definition, empty if it is not stated. `checked` says that the tests of
    this package compare the numbers with what is computed; those of other cards are claims.

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
    neurons: int | None = None
    published: tuple[Published, ...] = ()
    variants: tuple[Variant, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    torchvision: str = ""
    torchvision_options: Mapping[str, Any] = field(default_factory=dict)
    torchvision_training: Mapping[str, Any] = field(default_factory=dict)
    weights_note: str = ""
    keys: tuple[tuple[str, str], ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
    deviations: tuple[Statement, ...] = ()
    errata: tuple[Statement, ...] = ()
    notes: tuple[Statement, ...] = ()
    results: tuple[Result, ...] = ()
    recipe: Mapping[str, Statement] = field(default_factory=dict)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    normalisation: tuple[Statement, ...] = ()
    weights: tuple[Statement, ...] = ()
    parents: tuple[str, ...] = ()
    citation: Mapping[str, str] = field(default_factory=dict)
    by_design: tuple[str, ...] = ()
    licence: str = ""
    checked: bool = False

    @property
    def bibtex(self) -> str:
        """The paper as a BibTeX entry. Raises `ZooError` for a card without a citation."""
        from zoo.catalogue.bibtex import bibtex

        if not self.citation:
            raise ZooError(f"{self.name}: the card has no citation to write as BibTeX")
        links = {"doi": self.doi, "eprint": self.arxiv, "archiveprefix": self.arxiv and "arXiv", "url": self.url}
        return bibtex(self.authors, self.paper.rpartition(" (")[0], self.citation, links)

    @property
    def statements(self) -> tuple[tuple[str, Statement], ...]:
        """All statements, each with a label, in the order in which `zoo info` shows them."""
        labelled = {
            "deviation": self.deviations,
            "erratum": self.errata,
            "note": self.notes,
            "preprocessing": self.preprocessing.statements,
            "batch normalisation": self.normalisation,
            "original weights": self.weights,
        }
        recipe = [(f"training, {key}", self.recipe[key]) for key in RECIPE if key in self.recipe]
        return (*((label, one) for label, several in labelled.items() for one in several), *recipe)

    def _repr_html_(self) -> str:
        return of_card(self).render("html")


def arch(**facts: Any) -> Callable[[Builder], Builder]:
    """Attach a card to the decorated builder, which is listed under its own name.

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
        ours = builder.__module__.startswith("zoo.archs.")
        builder.__dict__["card"] = make_card(builder.__name__, family, builder.__doc__ or "", facts, ours=ours)
        return builder

    return register


def make_card(name: str, family: str, doc: str, facts: Mapping[str, Any], *, ours: bool = False) -> Card:
    """Return the card of a builder with that name and family; `ours` is one of this package, under its licence and tests.

    Raises `TypeError` for facts that are not fields of a card, and `ZooError` for a citation of a source that the card does not
    list.
    """
    wrong = facts.keys() - {f.name for f in fields(Card)} | facts.keys() & {"name", "family", "summary", "checked"}
    if wrong:
        raise TypeError(f"@arch of {name}: unknown keyword {', '.join(sorted(wrong))}")
    summary = doc.strip().partition("\n")[0].removesuffix(".")
    own = {"licence": "MIT", "checked": True} if ours else {}
    try:
        return Card(name=name, family=family, summary=summary, **{**own, **facts, **_records(facts)})
    except ValueError as error:
        raise ZooError(f"@arch of {name}: {error}") from error


_STATED = ("deviations", "errata", "notes", "normalisation", "weights", "preprocessing")


def _records(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that a card writes as literals and keeps as records. Raises `ValueError` for citations of an unknown source."""
    written = facts.get("preprocessing", ())
    numbers = dict(written if isinstance(written, Mapping) else {"stated": written})
    found = evidence({**facts, "preprocessing": numbers.pop("stated", ())}, _STATED)
    images = preprocessing_of(found["preprocessing"], numbers, facts.get("input", ()), facts.get("torchvision", ""))
    return {
        **found,
        "preprocessing": images,
        "stages": tuple(StageClaim.read(one) for one in facts.get("stages", ())),
        "published": tuple(Published(**one) for one in facts.get("published", ())),
        "variants": tuple(Variant(**one) for one in facts.get("variants", ())),
    }


# As a table

_INFO = (
    Column("printed", "as printed", "the number as its source prints it", hide_order=0),
    Column("where", "text", "where it is printed, and in what that was read", hide_order=0),
    Column("computed", "count", "what the analyzer computes", hide_order=0),
    Column("verdict", "text", "equal, rounded, truncated, explained, or differs", hide_order=0),
)


def _stage(claim: StageClaim) -> str:
    seen = "" if claim.rf is None else f", receptive field {claim.rf}"
    return f"{claim.layer}: {claim.channels} maps, stride {claim.stride}{seen}"


def of_card(c: Card, *, origin: str = "", options: Sequence[object] = (), led_to: Sequence[str] = ()) -> Table:
    """A card as a table, with whose it is, the options of its builder, and what came of it, where these are known."""
    notes = [f"{p.quantity} {p.printed}: {p.note}" for p in c.published if p.note]
    notes += [f"result: {result}" for result in c.results]
    notes += [f"{label}: {statement}" for label, statement in c.statements]
    notes += [f"source {source}" for source in c.sources.values()]
    context = {
        "about": {label: fact for label, fact in _about(c, origin, options, led_to).items() if fact},
        "results": [result.to_dict() for result in c.results],
        "preprocessing": c.preprocessing.to_dict(),
        "convention": "pure",
        "versions": {"zoo": __version__},
    }
    columns: tuple[Column, ...] = _INFO
    rows = tuple(_numbers(c))
    if not c.checked:
        columns = tuple(_CLAIMED if column.name == "computed" else column for column in _INFO)
        rows = tuple(_claimed(row) for row in rows)
        notes.insert(
            0, f"claimed: the numbers of this card are not checked; zoo verify {c.name} compares them with what is computed"
        )
    return Table(c.title, context, columns, rows, notes=tuple(notes))


_CLAIMED = Column("claimed", "count", "what the card says; not checked", hide_order=0)


def _claimed(row: Row) -> Row:
    """A row of a card that no test checks: its numbers are claims."""
    cells = {"claimed" if name == "computed" else name: cell for name, cell in row.cells.items()}
    return Row(row.name, "claimed" if row.type == "computed" else row.type, {**cells, "verdict": None})


def _about(c: Card, origin: str, options: Sequence[object], led_to: Sequence[str]) -> dict[str, Any]:
    """What stands above the numbers, by label."""
    return {
        "name": c.name,
        "family": c.family,
        "from": origin,
        "what": c.summary,
        "year": str(c.year),
        "authors": c.authors,
        "paper": c.paper,
        "DOI": c.doi,
        "arXiv": c.arxiv,
        "URL": c.url,
        "comes from": ", ".join(c.parents),
        "led to": ", ".join(led_to),
        "input": list(c.input),
        "options": ", ".join(map(str, options)),
        "in training": ", ".join(f"{k}={v}" for k, v in c.training.items()),
        "classifier": c.classifier and f"{c.classifier}; without it {c.num_features:,} features (num_classes=0, head=None)",
        "torchvision": c.torchvision and f"{c.torchvision}, whose weights it takes (weights='torchvision:IMAGENET1K_V1')",
        **{f"stage{i}": _stage(claim) for i, claim in enumerate(c.stages, start=1)},
        "licence": c.licence and f"{c.licence} (this definition)",
    }


def _numbers(c: Card) -> Iterator[Row]:
    """Parameters, multiply-accumulates and the like: as printed beside as computed, then what is computed alone."""
    quantities = ("params", "macs", "depth", "connections", "neurons")
    computed = {quantity: n for quantity in quantities if (n := getattr(c, quantity)) is not None}
    for p in c.published:
        if (n := computed.get(p.quantity)) is None:
            continue
        where = str(Citation(c.sources[p.source], p.where)) if p.source in c.sources else p.where
        yield Row(p.quantity, "published", {"printed": p.printed, "where": where, "computed": n, "verdict": p.verdict(n)})
    for quantity, n in computed.items():
        if quantity not in {p.quantity for p in c.published}:
            yield Row(quantity, "computed", {**_EMPTY, "computed": n})
    for variant in c.variants:
        label = ", ".join([f"{k}={v}" for k, v in variant.options.items()] + ["training mode"] * variant.train)
        for quantity, n in (("params", variant.params), ("macs", variant.macs)):
            yield Row(quantity, "variant", {**_EMPTY, "where": label, "computed": n})


_EMPTY: Mapping[str, Any] = {column.name: None for column in _INFO}
