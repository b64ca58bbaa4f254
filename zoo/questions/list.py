"""Show the catalogue as a table."""

from zoo.catalogue.entries import entry, list_models
from zoo.tables.notes import PURE
from zoo.tables.table import Column, Row, Table
from zoo.util.version import __version__

_LIST = (
    Column("year", "year", "of the paper", hide_order=0),
    Column("input", "elements per axis", "default input: channels, height, width", hide_order=3),
    Column("params", "elements", "parameters at the default input and options", hide_order=0),
    Column("macs", "multiply-accumulates", "of convolution and linear layers, batch 1", hide_order=0),
    Column("depth", "layers", "layers with weights on the longest path", hide_order=1),
    Column("summary", "text", "what it is", hide_order=4),
)
_FROM = Column("from", "text", "whose it is", hide_order=2)


def listing(pattern: str = "*", *, family: str | None = None) -> Table:
    """Return a table of the models that match, ordered by year. Raises `ZooError` if there are none."""
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
            mark="" if c.checked else "claimed",
        )
        for one in found
        for c in (one.card,)
    )
    title = f"{len(rows)} {'architecture' if len(rows) == 1 else 'architectures'}"
    context = {"pattern": pattern, "family": family, "convention": "pure", "versions": {"zoo": __version__}}
    claims = any(row.mark for row in rows)
    notes = ("claimed: params, macs and depth are what the card says, not checked; zoo verify NAME compares them",) * claims
    return Table(title, context, _LIST + (_FROM,) * foreign, rows, notes=notes, legend=(PURE,))
