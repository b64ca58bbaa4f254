"""The catalogue itself, and one card, as tables. Nothing here imports torch."""

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.catalogue import Card, Entry, StageClaim, children, entry, list_models
from zoo.evidence import Citation
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
    Column("where", "text", "where it is printed, and in what that was read", priority=0),
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
    """The card of a model: what it is, its numbers as printed and as computed, and what is known of it, with sources.

    Raises `ZooError` for an unknown name.
    """
    from zoo import __version__

    found = entry(name)
    c = found.card
    rows = (*_numbers(c), *_results(c))
    notes = [f"{p.quantity} {p.printed}: {p.note}" for p in c.published if p.note]
    notes += [f"{label}: {statement}" for label, statement in c.statements]
    notes += [f"source {source}" for source in c.sources.values()]
    context = {"about": {k: v for k, v in _about(found).items() if v}, "convention": "pure", "versions": {"zoo": __version__}}
    return Table(c.title, context, _INFO, rows, notes=tuple(notes))


def _about(found: Entry) -> dict[str, Any]:
    """What stands above the numbers, by label."""
    c = found.card
    return {
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
        "comes from": ", ".join(c.parents),
        "led to": ", ".join(children(c.name)),
        "input": list(c.input),
        "options": ", ".join(map(str, found.every_option)),
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
        n = computed[p.quantity]
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


def _results(c: Card) -> Iterator[Row]:
    """How often trained networks of this design were right, a row for top-1 and one for top-5."""
    for result in c.results:
        for k, printed in (("top-1", result.top1), ("top-5", result.top5)):
            if printed:
                where = f"{result.how} [{'; '.join(map(str, result.citations))}]"
                yield Row(f"{k} {result.measure}", "result", {**_EMPTY, "printed": f"{printed}%", "where": where})
