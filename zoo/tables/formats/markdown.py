"""A Markdown table, with the notes below it."""

import re

from zoo.tables.content import Content
from zoo.tables.formats._cells import cell
from zoo.tables.formats._notes import explanations

_SPECIAL = re.compile(r"[\\|*]")


def render(table: Content, width: int | None = None) -> str:
    """Title, table with totals as its last row, notes."""
    names = [column.name for column in table.columns]
    lines = [["name", "type", *names]]
    lines += [[row.name, row.label, *(cell(c, row.cells.get(c.name)) for c in table.columns)] for row in table.rows]
    if table.total:
        lines.append(["total", "", *(cell(c, table.total.get(c.name)) for c in table.columns)])
    body = [_line(line) for line in lines]
    if table.total:
        body[-1] = body[-1].replace("| total |", "| **total** |", 1)
    body.insert(1, "|" + "|".join([" --- ", " --- ", *(" --: " for _ in names)]) + "|")
    about = [f"{label}: {value}  " for label, value in table.context.get("about", {}).items()]
    notes = [f"- {note}" for note in (*explanations(table, table.columns), *map(str, table.notes))]
    blocks = [[f"# {table.title}"], about, body if table.rows else [], notes]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(map(_in_cell, cells))} |"


def _in_cell(written: str) -> str:
    return "<br>".join(_SPECIAL.sub(r"\\\g<0>", " ".join(line.split())) for line in written.split("\n"))
