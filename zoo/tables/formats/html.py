"""An HTML table, for notebooks and pages."""

from zoo.pages.render import fill
from zoo.tables.content import Content
from zoo.tables.formats._cells import cell, text
from zoo.tables.formats._notes import explanations


def render(table: Content, width: int | None = None) -> str:
    """A `<table>` with caption, head, body and foot; the notes are a list below it."""
    return fill(
        "table.html",
        facts=[(label, text(value)) for label, value in table.context.get("about", {}).items()],
        title=table.title,
        heads=[(column.name, f"{column.description} ({column.unit})") for column in table.columns],
        rows=[([row.name, row.label], [cell(c, row.cells.get(c.name)) for c in table.columns]) for row in table.rows],
        total=[cell(c, table.total.get(c.name)) for c in table.columns] if table.total else [],
        notes=[*explanations(table, table.columns), *map(str, table.notes)],
    )
