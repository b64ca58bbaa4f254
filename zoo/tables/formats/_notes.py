"""Notes on the visible columns, for every format that people read."""

from collections.abc import Sequence

from zoo.tables.content import Column, Content


def explanations(table: Content, columns: Sequence[Column]) -> list[str]:
    """Explain how receptive fields are written, add the legend of the visible columns, and give reasons for undefined fields."""
    cells = [row.cells.get(column.name) for column in columns for row in table.rows]
    fields = [value for value in (*cells, *map(table.total.get, (c.name for c in columns))) if isinstance(value, dict)]
    notes = []
    if any("size" in value for value in fields):
        star = "; * sees the whole input" if any(value.get("global") for value in fields) else ""
        apart = max([_pixels(skew) for value in fields for skew in value.get("misaligned", ())], default=0)
        tilde = f"; ~ joins branches whose centres differ, by up to {apart:g} pixel{'s' * (apart > 1)}" if apart else ""
        sequence = all(len(value["size"]) == 1 for value in fields if "size" in value)
        things = "tokens (or samples)" if sequence else "pixels"
        notes.append(f"rf: 51@8i-16 means that unit i sees 51 {things}, the first of which is 8i-16{star}{tilde}")
    names = {column.name for column in columns}
    notes += [str(note) for note in table.legend if not names.isdisjoint(note.columns)]
    reasons = list(dict.fromkeys(value["undefined"] for value in fields if "undefined" in value))
    return [*notes, *(f"rf undefined: {reason}" for reason in reasons[:3])]


def _pixels(written: int | str) -> float:
    """The number of "1/2" or 3."""
    whole, _, part = str(written).partition("/")
    return int(whole) / int(part or 1)
