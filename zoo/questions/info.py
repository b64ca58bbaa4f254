"""One card as a table."""

from collections.abc import Sequence
from typing import Any

from zoo.catalogue.card import Card, StageClaim
from zoo.catalogue.entries import Option, entry
from zoo.tables.table import Column, Row, Table
from zoo.util.version import __version__

_INFO = (
    Column("printed", "as printed", "the number as its source prints it", hide_order=0),
    Column("where", "text", "where it is printed", hide_order=0),
    Column("computed", "count", "what the analyzer computes", hide_order=0),
    Column("verdict", "text", "equal, rounded, truncated, explained, or differs", hide_order=0),
)


def _stage(claim: StageClaim) -> str:
    seen = "" if claim.rf is None else f", receptive field {claim.rf}"
    return f"{claim.layer}: {claim.channels} maps, stride {claim.stride}{seen}"


def info(name: str) -> Table:
    """The card of a model: what it is, its numbers as printed and as computed, deviations and errata. Raises `ZooError`."""
    found = entry(name)
    return of_card(found.card, found.origin, found.every_option)


def of_card(c: Card, origin: str = "", options: Sequence[Option] = ()) -> Table:
    """A card as a table, with whose it is and the options of its builder where they are known."""
    computed = {"params": c.params, "macs": c.macs, "depth": c.depth} | ({"connections": c.connections} if c.connections else {})
    rows = [
        Row(p.quantity, "published", {"printed": p.printed, "where": p.where, "computed": n, "verdict": p.verdict(n)})
        for p in c.published
        if (n := computed.get(p.quantity)) is not None
    ]
    rows += [
        Row(quantity, "computed", {"printed": None, "where": None, "computed": n, "verdict": None})
        for quantity, n in computed.items()
        if quantity not in {p.quantity for p in c.published}
    ]
    for variant in c.variants:
        label = ", ".join([f"{k}={v}" for k, v in variant.options.items()] + ["training mode"] * variant.train)
        for quantity, n in (("params", variant.params), ("macs", variant.macs)):
            rows.append(Row(quantity, "variant", {"printed": None, "where": label, "computed": n, "verdict": None}))
    notes = [f"{p.quantity} {p.printed}: {p.note}" for p in c.published if p.note]
    notes += [f"deviation: {text}" for text in c.deviations] + [f"erratum: {text}" for text in c.errata]
    about: dict[str, Any] = {
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
        "input": list(c.input),
        "options": ", ".join(map(str, options)),
        "in training": ", ".join(f"{k}={v}" for k, v in c.training.items()),
        "classifier": c.classifier and f"{c.classifier}; without it {c.num_features:,} features (num_classes=0, head=None)",
        "torchvision": c.torchvision and f"{c.torchvision}, whose weights it takes (weights='torchvision:IMAGENET1K_V1')",
        **{f"stage{i}": _stage(claim) for i, claim in enumerate(c.stages, start=1)},
        "licence": f"{c.licence} (this definition)",
    }
    context = {"about": {k: v for k, v in about.items() if v}, "convention": "pure", "versions": {"zoo": __version__}}
    return Table(c.title, context, _INFO, tuple(rows), notes=tuple(notes))
