"""What a reader needs to know of the columns that are shown, in every format that people read."""

from collections.abc import Sequence

from zoo.tables.content import Column, Content


def explanations(table: Content, columns: Sequence[Column]) -> list[str]:
    """How a receptive field is written, what the table's legend says of these columns, and why some fields are undefined."""
    cells = [row.cells.get(column.name) for column in columns for row in table.rows]
    fields = [value for value in (*cells, *map(table.total.get, (c.name for c in columns))) if isinstance(value, dict)]
    notes = []
    if any("size" in value for value in fields):
        star = "; * sees the whole input" if any(value.get("global") for value in fields) else ""
        notes.append(f"rf: size/stride/padding in input pixels{star}")
    names = {column.name for column in columns}
    notes += [str(note) for note in table.legend if not names.isdisjoint(note.columns)]
    reasons = list(dict.fromkeys(value["undefined"] for value in fields if "undefined" in value))
    return [*notes, *(f"rf undefined: {reason}" for reason in reasons[:3])]
