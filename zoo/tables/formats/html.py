"""An HTML table, for notebooks and pages."""

from html import escape

from zoo.tables.content import Content
from zoo.tables.formats._cells import cell, text
from zoo.tables.formats._notes import explanations


def render(table: Content, width: int | None = None) -> str:
    """A `<table>` with caption, head, body and foot; the notes are a list below it."""
    names = [column.name for column in table.columns]
    titles = {column.name: escape(f"{column.description} ({column.unit})") for column in table.columns}
    head = "".join(f'<th title="{titles.get(name, "")}">{escape(name)}</th>' for name in ["name", "type", *names])
    body = "\n".join(_row([row.name, row.label], [cell(c, row.cells.get(c.name)) for c in table.columns]) for row in table.rows)
    foot = _row(["total", ""], [cell(c, table.total.get(c.name)) for c in table.columns]) if table.total else ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in (*explanations(table, table.columns), *map(str, table.notes)))
    about = table.context.get("about", {})
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{escape(text(value))}</dd>" for label, value in about.items())
    return (f"<dl>{facts}</dl>\n" if facts else "") + (
        f"<table>\n<caption>{escape(table.title)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n<tfoot>{foot}</tfoot>\n</table>\n" + (f"<ul>{notes}</ul>\n" if notes else "")
    )


def _row(labels: list[str], cells: list[str]) -> str:
    left = "".join(f"<th>{escape(label)}</th>" for label in labels)
    return f"<tr>{left}{''.join(map(_in_cell, cells))}</tr>"


def _in_cell(written: str) -> str:
    grid = "; white-space: pre; font-family: monospace" if "\n" in written else ""
    return f'<td style="text-align: right{grid}">{escape(written)}</td>'
