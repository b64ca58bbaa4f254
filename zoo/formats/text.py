"""Text for a terminal: as wide as it is, columns of least priority left out where it is narrow."""

import os
import shutil
import sys
from typing import Any

from zoo.formats._cells import text
from zoo.table import Column, Table

_NARROWEST_NAME, _NARROWEST_TYPE, _GAP = 16, 9, 2


def render(table: Table, width: int | None = None) -> str:
    """The table for a page of `width` characters, by default the terminal's. Colour only if standard output is a terminal."""
    from rich.console import Console

    width = width or shutil.get_terminal_size((80, 24)).columns
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    console = Console(width=width, force_terminal=coloured, no_color=not coloured, highlight=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(table.title, style="bold", markup=False)
        _about(console, table.context.get("about", {}))
        if table.rows:
            console.print(_grid(table, width))
        for note in _notes(table, width):
            console.print(note, style="dim", markup=False)
    return "\n".join(line.rstrip() for line in capture.get().split("\n"))


def fitting(table: Table, width: int) -> tuple[Column, ...]:
    """The columns for which a page of `width` has room, name and type beside them."""
    columns = list(table.columns)
    room = {c.name: max(len(c.name), *(len(text(v)) for v in _values(table, c.name))) + _GAP for c in columns}
    longest = max((len(row.name) for row in table.rows), default=0)
    kind = max((len(row.type) for row in table.rows), default=0)
    labels = min(longest, _NARROWEST_NAME) + min(kind, _NARROWEST_TYPE) + _GAP
    for column in sorted(table.columns, key=lambda c: -c.priority):
        if labels + sum(room[c.name] for c in columns) > width and column.priority > 0 and len(columns) > 1:
            columns.remove(column)
    return tuple(columns)


def _values(table: Table, name: str) -> list[Any]:
    return [row.cells.get(name) for row in table.rows] + ([table.total.get(name)] if table.total else [None])


def _grid(table: Table, width: int) -> Any:
    from rich import box
    from rich.table import Table as Grid

    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP, 0, 0), collapse_padding=True)
    grid.show_footer = bool(table.total)
    columns = fitting(table, width)
    grid.add_column("name", "total", no_wrap=True, overflow="ellipsis", min_width=4, footer_style="bold")
    grid.add_column("type", "", no_wrap=True, overflow="ellipsis", min_width=4, style="dim")
    for column in columns:
        words = all(value is None or isinstance(value, str) for value in _values(table, column.name))
        total = text(table.total[column.name]) if column.name in table.total else ""
        grid.add_column(
            column.name,
            total,
            justify="left" if words else "right",
            no_wrap=not words,
            overflow="fold",
            min_width=None if words else max(len(text(value)) for value in _values(table, column.name)),
            footer_style="bold",
        )
    from rich.text import Text

    for row in table.rows:
        grid.add_row(Text(row.name), Text(row.type), *(Text(text(row.cells.get(c.name))) for c in columns))
    return grid


def _about(console: Any, about: dict[str, Any]) -> None:
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid.grid(padding=(0, _GAP, 0, 0))
    for label, value in about.items():
        grid.add_row(Text(label, style="dim"), Text(text(value)))
    if about:
        console.print(grid)
        console.print()


def _notes(table: Table, width: int) -> list[str]:
    """The table's own notes, and what a reader of this page needs to know."""
    fields = [value for value in _values(table, "rf") if isinstance(value, dict)]
    notes = []
    if any("size" in value for value in fields):
        star = "; * sees the whole input" if any(value.get("global") for value in fields) else ""
        notes.append(f"rf: size/stride/padding in input pixels{star}")
    reasons = list(dict.fromkeys(value["undefined"] for value in fields if "undefined" in value))
    notes += [f"rf undefined: {reason}" for reason in reasons[:3]]
    shown = fitting(table, width)
    if left_out := [column.name for column in table.columns if column not in shown]:
        notes.append(f"not shown for want of width: {', '.join(left_out)}")
    return ["", *notes, *table.notes] if notes or table.notes else []
