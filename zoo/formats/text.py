"""Text for a terminal: as wide as it is, columns of least priority left out where it is narrow."""

import io
import os
import shutil
import sys
from typing import Any

from zoo.analysis.conventions import load
from zoo.formats._cells import cell, text
from zoo.table import Column, Row, Table

_NARROWEST_NAME, _NARROWEST_TYPE, _GAP = 14, 9, 2
_WORDS = 24  # characters in which a column of words that must be shown can be broken well


def render(table: Table, width: int | None = None) -> str:
    """The table for a page of `width` characters, by default the terminal's. Colour only if standard output is a terminal."""
    from rich.console import Console

    width = width or shutil.get_terminal_size((80, 24)).columns
    coloured = sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    page = io.StringIO()
    console = Console(
        file=page,
        width=max(width, _least_width(table, width)),
        force_terminal=coloured,
        no_color=not coloured,
        highlight=False,
        emoji=False,
        force_jupyter=False,
        legacy_windows=False,
    )
    console.print(table.title, style="bold", markup=False)
    _about(console, table.context.get("about", {}))
    if table.rows or table.total:
        console.print(_grid(table, width))
    for note in _notes(table, width):
        console.print(note, style="dim", markup=False)
    return "\n".join(line.rstrip() for line in page.getvalue().split("\n"))


def fitting(table: Table, width: int) -> tuple[Column, ...]:
    """The columns for which a page of `width` has room, name and type beside them."""
    columns = list(table.columns)
    labels = min(_longest_name(table), _NARROWEST_NAME) + min(_longest_type(table), _NARROWEST_TYPE) + _GAP
    for column in sorted(table.columns, key=lambda c: -c.priority):
        if labels + sum(_comfortable(table, c) for c in columns) > width and column.priority > 0 and len(columns) > 1:
            columns.remove(column)
    return tuple(columns)


def _longest_name(table: Table) -> int:
    return max([5, *(len(row.name) for row in table.rows)])


def _longest_type(table: Table) -> int:
    return max([4, *(len(row.kind) for row in table.rows)])


def _room(table: Table, column: Column) -> int:
    """Characters that a column takes, its gap included. One of words may be broken if it cannot be left out."""
    values = _values(table, column.name)
    if _words(values) and column.priority == 0:
        return max(len(word) for value in [column.name, *values] for word in str(value or "").split() or [""]) + _GAP
    return _natural(table, column) + _GAP


def _natural(table: Table, column: Column) -> int:
    """Characters of the longest cell, unbroken."""
    return max([len(column.name), *(len(cell(column, value)) for value in _values(table, column.name))])


def _label_widths(table: Table, columns: tuple[Column, ...], width: int) -> tuple[int, int]:
    """How wide name and type are drawn: in full if there is room beside the cells; else they are cut, and words broken, in turn."""
    comfortable, least = (sum(room(table, c) for c in columns) for room in (_comfortable, _room))
    name, kind = _longest_name(table), _longest_type(table)
    lack = name + kind + _GAP + comfortable - width
    least_type = 1 + max([3, *(len(row.kind) - len(row.type) for row in table.rows)])
    for least_kind, least_name, broken in ((_NARROWEST_TYPE, _NARROWEST_NAME, comfortable - least), (least_type, 5, 0)):
        cut = max(min(lack, kind - least_kind), 0)
        lack, kind = lack - cut, kind - cut
        cut = max(min(lack, name - least_name), 0)
        lack, name = lack - cut - broken, name - cut
    return name, kind


def _comfortable(table: Table, column: Column) -> int:
    """As `_room`, but words that may be broken have room for a few."""
    return max(_room(table, column), min(_natural(table, column) + _GAP, _WORDS))


def _least_width(table: Table, width: int) -> int:
    """Characters that the page must have for its numbers to be whole; columns of words can be broken."""
    columns = fitting(table, width)
    if not table.rows or any(_words(_values(table, c.name)) for c in columns):
        return width
    return sum(_label_widths(table, columns, width)) + _GAP + sum(_natural(table, c) + _GAP for c in columns)


def _words(values: list[Any]) -> bool:
    return any(isinstance(value, str) for value in values)


def _values(table: Table, name: str) -> list[Any]:
    return [row.cells.get(name) for row in table.rows] + ([table.total.get(name)] if table.total else [])


def _grid(table: Table, width: int) -> Any:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    columns = fitting(table, width)
    name_width, type_width = _label_widths(table, columns, width)
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    grid.show_footer = any(column.name in table.total for column in columns)
    grid.add_column("name", "total", no_wrap=True, overflow="ellipsis", width=name_width, footer_style="bold")
    grid.add_column("type", no_wrap=True, overflow="ellipsis", width=type_width, style="dim")
    for column in columns:
        words = _words(_values(table, column.name))
        total = cell(column, table.total[column.name]) if column.name in table.total else ""
        fixed = None if words else _natural(table, column)
        grid.add_column(
            column.name, total, justify="left" if words else "right", no_wrap=not words, width=fixed, footer_style="bold"
        )
    for row in table.rows:
        labels = Text(_cut_front(row.name, name_width)), Text(_cut_type(row, type_width))
        grid.add_row(*labels, *(Text(cell(c, row.cells.get(c.name))) for c in columns))
    return grid


def _cut_front(name: str, width: int) -> str:
    """…layer.11.conv: a path is told from others by its end. A name that is none is left to the grid, which cuts its end."""
    return name if len(name) <= width or "." not in name else f"…{name[len(name) - width + 1 :]}"


def _cut_type(row: Row, width: int) -> str:
    """Bottlen… ×35: what is said beside the type stays whole."""
    beside = row.kind.removeprefix(row.type)
    room = width - len(beside)
    return f"{row.type[: max(room - 1, 0)]}…{beside}" if len(row.type) > room else row.kind


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
    shown = fitting(table, width)
    fields = [value for c in shown for value in _values(table, c.name) if isinstance(value, dict)]
    notes = []
    if any("size" in value for value in fields):
        star = "; * sees the whole input" if any(value.get("global") for value in fields) else ""
        notes.append(f"rf: size/stride/padding in input pixels{star}")
    if "convention" in table.context and any(c.name in {"macs", "flops"} for c in shown):
        notes.append(f"convention {table.context['convention']}: {load(table.context['convention']).says}")
    reasons = list(dict.fromkeys(value["undefined"] for value in fields if "undefined" in value))
    notes += [f"rf undefined: {reason}" for reason in reasons[:3]]
    if left_out := [column.name for column in table.columns if column not in shown]:
        notes.append(f"not shown for want of width: {', '.join(left_out)}")
    return ["", *notes, *table.notes] if notes or table.notes else []
