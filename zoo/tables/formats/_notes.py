"""What a reader needs to know of the columns that are shown, in every format that people read."""

from collections.abc import Sequence

from zoo.analysis.conventions import load
from zoo.tables.table import Column, Table

_COUNTED = frozenset({"macs", "flops", "macs%", "flops%"})


def explanations(table: Table, columns: Sequence[Column]) -> list[str]:
    """How a receptive field is written, what the convention counts, and why some fields are undefined."""
    cells = [row.cells.get(column.name) for column in columns for row in table.rows]
    fields = [value for value in (*cells, *map(table.total.get, (c.name for c in columns))) if isinstance(value, dict)]
    context, notes = table.context, []
    if any("size" in value for value in fields):
        star = "; * sees the whole input" if any(value.get("global") for value in fields) else ""
        notes.append(f"rf: size/stride/padding in input pixels{star}")
    if "convention" in context and any(column.name in _COUNTED for column in columns):
        notes.append(f"convention {context['convention']}: {load(context['convention']).says}")
    reasons = list(dict.fromkeys(value["undefined"] for value in fields if "undefined" in value))
    return [*notes, *(f"rf undefined: {reason}" for reason in reasons[:3])]
