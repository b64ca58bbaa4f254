"""One card as a table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.catalogue.card import Card, StageClaim
from zoo.catalogue.entries import Option, children, entry
from zoo.catalogue.evidence import Citation
from zoo.tables.table import Column, Row, Table
from zoo.util.version import __version__

_INFO = (
    Column("printed", "as printed", "the number as its source prints it", hide_order=0),
    Column("where", "text", "where it is printed, and in what that was read", hide_order=0),
    Column("computed", "count", "what the analyzer computes", hide_order=0),
    Column("verdict", "text", "equal, rounded, truncated, explained, or differs", hide_order=0),
)


def _stage(claim: StageClaim) -> str:
    seen = "" if claim.rf is None else f", receptive field {claim.rf}"
    return f"{claim.layer}: {claim.channels} maps, stride {claim.stride}{seen}"


def info(name: str) -> Table:
    """The card of a model: what it is, its numbers as printed and as computed, and what is known of it, with sources.

    Raises `ZooError` for an unknown name.
    """
    found = entry(name)
    return of_card(found.card, found.origin, found.every_option)


def of_card(c: Card, origin: str = "", options: Sequence[Option] = ()) -> Table:
    """A card as a table, with whose it is and the options of its builder where they are known."""
    notes = [f"{p.quantity} {p.printed}: {p.note}" for p in c.published if p.note]
    notes += [f"result: {result}" for result in c.results]
    notes += [f"{label}: {statement}" for label, statement in c.statements]
    notes += [f"source {source}" for source in c.sources.values()]
    context = {
        "about": {label: fact for label, fact in _about(c, origin, options).items() if fact},
        "results": [result.to_dict() for result in c.results],
        "convention": "pure",
        "versions": {"zoo": __version__},
    }
    return Table(c.title, context, _INFO, tuple(_numbers(c)), notes=tuple(notes))


def _about(c: Card, origin: str, options: Sequence[Option]) -> dict[str, Any]:
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
        "led to": ", ".join(children(c.name)),
        "input": list(c.input),
        "options": ", ".join(map(str, options)),
        "in training": ", ".join(f"{k}={v}" for k, v in c.training.items()),
        "classifier": c.classifier and f"{c.classifier}; without it {c.num_features:,} features (num_classes=0, head=None)",
        "torchvision": c.torchvision and f"{c.torchvision}, whose weights it takes (weights='torchvision:IMAGENET1K_V1')",
        **{f"stage{i}": _stage(claim) for i, claim in enumerate(c.stages, start=1)},
        "licence": f"{c.licence} (this definition)",
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
