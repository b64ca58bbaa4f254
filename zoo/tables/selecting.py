"""Select and sort the rows of a table. Totals remain those of all rows."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from math import prod
from typing import Any, TypeVar

from zoo.tables.content import Column, Content, Row
from zoo.tables.formats._cells import cell
from zoo.tables.notes import Selected
from zoo.util.errors import ZooError, near, unknown

Any_Table = TypeVar("Any_Table", bound=Content)


def select(table: Any_Table, *, filter: str | None = None, sort: str | None = None, top: int | None = None) -> Any_Table:
    """The rows whose names match the pattern `filter` ("layer4.*"), the greatest in the column `sort` first, at most `top` of them.

    "name" and "type" sort by the alphabet. A note says how many rows are shown, and what share of each sum they make. Raises
    `ZooError` for an unknown column, a pattern that matches no row, and `top` below 1.
    """
    if top is not None and top < 1:
        raise ZooError(f"top: expected an integer >= 1, got {top!r}")
    rows: Sequence[Row] = matching(table.rows, filter) if filter is not None else table.rows
    if sort in {"name", "type"}:
        rows = sorted(rows, key=lambda row: row.name if sort == "name" else row.type)
    elif sort is not None:
        if sort not in {column.name for column in table.columns}:
            raise unknown("column to sort by", sort, ["name", "type", *(column.name for column in table.columns)])
        rows = sorted(rows, key=lambda row: _size(row.cells.get(sort)), reverse=True)
        table = replace(table, columns=tuple(replace(c, hide_order=0) if c.name == sort else c for c in table.columns))
    rows = rows[:top]
    notes = (_selected(table, rows), *table.notes) if len(rows) < len(table.rows) else table.notes
    return replace(table, rows=tuple(rows), notes=notes)


def matching(rows: Sequence[Row], pattern: str) -> list[Row]:
    """Return the rows whose names match a pattern. Raises `ZooError` if there are none."""
    found = [row for row in rows if fnmatchcase(row.name, pattern)]
    if not found:
        names = [row.name for row in rows]
        close = near(pattern.strip("*."), [*names, *{name.partition(".")[0] for name in names}])
        hint = f"did you mean {' or '.join(close)}?" if close else f"the rows are {', '.join(names[:5])}, ..."
        raise ZooError(f"no row matches {pattern!r}; {hint}")
    return found


def _size(value: Any) -> float:
    """How great a cell is: a count, the product of sizes, the first number in what is nested; least of all if there is none."""
    if isinstance(value, int | float):
        return value
    if isinstance(value, dict):
        return max((_size(item) for item in value.values()), default=-1)
    if isinstance(value, list | tuple) and value:
        return sum(map(_size, value)) if any(isinstance(item, list | tuple) for item in value) else prod(value)
    return -1


def _selected(table: Content, rows: Sequence[Row]) -> Selected:
    """Return a note on how many rows are shown, and on their share of each sum."""
    shares = {}
    for column in table.columns:
        every: list[Any] = [row.cells.get(column.name) for row in table.rows]
        total = table.total.get(column.name)
        if isinstance(total, int) and total and all(isinstance(one, int) for one in every) and sum(every) == total:
            share = sum(int(row.cells[column.name]) for row in rows) / total
            shares[column.name] = cell(Column("", "share", ""), share)
    return Selected(len(rows), len(table.rows), shares)
