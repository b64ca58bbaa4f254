"""The catalogue itself, and one card, as tables. Nothing here imports torch."""

from typing import Any

from zoo.catalogue import StageClaim, entry, list_models
from zoo.table import Column, Row, Table

_LIST = (
    Column("year", "year", "of the paper", priority=0),
    Column("input", "elements per axis", "default input: channels, height, width", priority=3),
    Column("params", "elements", "parameters at the default input and options", priority=0),
    Column("macs", "multiply-accumulates", "of convolution and linear layers, batch 1", priority=0),
    Column("depth", "layers", "layers with weights on the longest path", priority=1),
    Column("summary", "text", "what it is", priority=4),
)
_FROM = Column("from", "text", "whose it is", priority=2)
_INFO = (
    Column("printed", "as printed", "the number as its source prints it", priority=0),
    Column("where", "text", "where it is printed", priority=0),
    Column("computed", "count", "what the analyzer computes", priority=0),
    Column("verdict", "text", "equal, rounded, truncated, explained, or differs", priority=0),
)


def listing(pattern: str = "*", *, family: str | None = None) -> Table:
    """A row for each model that matches, in order of year. Raises `ZooError` if none does."""
    from zoo import __version__

    found = [entry(name) for name in list_models(pattern, family=family)]
    foreign = any(one.origin for one in found)
    rows = tuple(
        Row(
            c.name,
            c.family,
            {
                "year": c.year,
                "input": list(c.input),
                "params": c.params,
                "macs": c.macs,
                "depth": c.depth,
                "summary": c.summary,
                **({"from": one.origin or "zoo"} if foreign else {}),
            },
        )
        for one in found
        for c in (one.card,)
    )
    title = f"{len(rows)} {'architecture' if len(rows) == 1 else 'architectures'}"
    context = {"pattern": pattern, "family": family, "convention": "pure", "versions": {"zoo": __version__}}
    return Table(title, context, _LIST + (_FROM,) * foreign, rows)


def _stage(claim: StageClaim) -> str:
    seen = "" if claim.rf is None else f", receptive field {claim.rf}"
    return f"{claim.layer}: {claim.channels} maps, stride {claim.stride}{seen}"


def info(name: str) -> Table:
    """The card of a model: what it is, its numbers as printed and as computed, deviations and errata. Raises `ZooError`."""
    from zoo import __version__

    found = entry(name)
    c = found.card
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
        "from": found.origin,
        "what": c.summary,
        "year": str(c.year),
        "authors": c.authors,
        "paper": c.paper,
        "DOI": c.doi,
        "arXiv": c.arxiv,
        "URL": c.url,
        "input": list(c.input),
        "options": ", ".join(map(str, found.every_option)),
        "in training": ", ".join(f"{k}={v}" for k, v in c.training.items()),
        "classifier": c.classifier and f"{c.classifier}; without it {c.num_features:,} features (num_classes=0, head=None)",
        "torchvision": c.torchvision and f"{c.torchvision}, whose weights it takes (weights='torchvision:IMAGENET1K_V1')",
        **{f"stage{i}": _stage(claim) for i, claim in enumerate(c.stages, start=1)},
        "licence": f"{c.licence} (this definition)",
    }
    context = {"about": {k: v for k, v in about.items() if v}, "convention": "pure", "versions": {"zoo": __version__}}
    return Table(c.title, context, _INFO, tuple(rows), notes=tuple(notes))
