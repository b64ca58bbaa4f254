"""Text for a terminal: fitted to its width; columns with the largest hide order are hidden first."""

import io
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from zoo.tables.content import Content
from zoo.tables.formats._cells import text
from zoo.tables.formats._layout import GAP, Layout
from zoo.tables.formats._notes import explanations

_STYLES = {"bold": "\x1b[1m", "dim": "\x1b[2m", "": ""}


def render(table: Content, width: int | None = None) -> str:
    """The table for a page of `width` characters, by default the terminal's. Colour only if standard output is a terminal.

    A page of numbers is set line by line; one with words, which may have to be broken, is left to rich.
    """
    page = Layout(table, width or shutil.get_terminal_size((80, 24)).columns)
    coloured = sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    if table.context.get("about") or any(map(page.words, page.columns)):
        return _with_rich(page, coloured)
    lines = [*_wrapped(page, table.title, "bold", coloured), *_lines(page, coloured)]
    lines += [line for note in _notes(page) for line in _wrapped(page, note, "dim", coloured)]
    return "\n".join(lines) + "\n"


def _styled(text: str, style: str, coloured: bool) -> str:
    return f"{_STYLES[style]}{text}\x1b[0m" if coloured and style and text.strip() else text


def _wrapped(page: Layout, text: str, style: str, coloured: bool) -> list[str]:
    lines = textwrap.wrap(text, page.least_width, break_long_words=False, break_on_hyphens=False) or [""]
    return [_styled(line, style, coloured) for line in lines]


def _lines(page: Layout, coloured: bool) -> Iterator[str]:
    """Header, rule, rows and total."""
    name_width, type_width = page.label_widths
    widths = [page.widths[column.name] for column in page.columns]

    def line(name: str, kind: str, cells: list[str], style: str = "") -> str:
        numbers = "".join(f"{'':{GAP}}{value:>{wide}}" for value, wide in zip(cells, widths, strict=True))
        if style:
            return _styled(f"{name:<{name_width}}{'':{GAP}}{kind:<{type_width}}{numbers}".rstrip(), style, coloured)
        return f"{name:<{name_width}}{'':{GAP}}{_styled(f'{kind:<{type_width}}', 'dim', coloured)}{numbers}".rstrip()

    if not (page.table.rows or page.table.total):
        return
    yield line("name", "type", [column.name for column in page.columns], "bold")
    yield "─" * (name_width + GAP + type_width + sum(wide + GAP for wide in widths))
    columns = [page.texts[column.name] for column in page.columns]
    for (name, kind), *cells in zip(page.labels, *columns, strict=True):
        yield line(name, kind, cells)
    if page.has_totals:
        yield ""
        yield line("total", "", [page.totals.get(column.name, "") for column in page.columns], "bold")


def _with_rich(page: Layout, coloured: bool) -> str:
    from rich.console import Console

    written = io.StringIO()
    console = Console(
        file=written,
        width=page.least_width,
        force_terminal=coloured,
        no_color=not coloured,
        highlight=False,
        emoji=False,
        force_jupyter=False,
        legacy_windows=False,
    )
    console.print(page.table.title, style="bold", markup=False)
    _about(console, page.table.context.get("about", {}))
    if page.table.rows or page.table.total:
        console.print(_grid(page))
    for note in _notes(page):
        console.print(note, style="dim", markup=False)
    return "\n".join(line.rstrip() for line in written.getvalue().split("\n"))


def _grid(page: Layout) -> Any:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    name_width, type_width = page.label_widths
    grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    grid.show_footer = page.has_totals
    grid.add_column("name", "total", overflow="ellipsis", width=name_width, footer_style="bold")
    grid.add_column("type", no_wrap=True, overflow="ellipsis", width=type_width, style="dim")
    for column in page.columns:
        how: dict[str, Any] = {"justify": "left"} if page.words(column) else {"justify": "right", "no_wrap": True}
        grid.add_column(column.name, page.totals.get(column.name, ""), footer_style="bold", width=page.widths[column.name], **how)
    for i, label in enumerate(page.labels):
        grid.add_row(*map(Text, label), *(Text(page.texts[column.name][i]) for column in page.columns))
    return grid


def _about(console: Any, about: dict[str, Any]) -> None:
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid.grid(padding=(0, GAP, 0, 0))
    for label, value in about.items():
        grid.add_row(Text(label, style="dim"), Text(text(value)))
    if about:
        console.print(grid)
        console.print()


def _notes(page: Layout) -> list[str]:
    """The table's own notes, and what a reader of this page needs to know."""
    notes = explanations(page.table, page.columns)
    if left_out := [column.name for column in page.table.columns if column not in page.columns and column.hide_order > 0]:
        notes.append(f"hidden columns: {', '.join(left_out)} (widen the terminal or use --format json)")
    notes = [*page.asides, *notes, *map(str, page.table.notes)]
    return ["", *notes] if notes else []
