"""The table: what every question returns. Formats only draw it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

SCHEMA = "zoo.table/1"


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds.

    `order` places it among its fellows; where a page is too narrow, columns of high `priority` numbers are left out first, those
    of 0 never; one `on_request` is shown only when named.
    """

    name: str
    unit: str
    description: str
    order: int = 100
    priority: int = 9
    on_request: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line, which stands for `times` identical ones. `cells` are by column name and JSON-able; None is "not applicable".

    `mark` is a word on what the row is, such as "shared" or "unused".
    """

    name: str
    type: str
    cells: Mapping[str, Any]
    times: int = 1
    mark: str = ""

    @property
    def kind(self) -> str:
        """The type as people read it, with what is to be said of the row besides."""
        return f"{self.type}{f' ×{self.times}' if self.times > 1 else ''}{self.mark and f' {self.mark}'}"

    def to_dict(self) -> dict[str, Any]:
        """The row by key; `times` only where it is more than one, `mark` only where there is one."""
        beside = {"times": self.times} if self.times > 1 else {}
        return {"name": self.name, "type": self.type, **beside, **({"mark": self.mark} if self.mark else {}), **self.cells}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, rows, totals and notes, with the context in which they hold. `print` shows it as text.

    `context["about"]`, where there is one, maps labels to lines that stand above the rows.
    """

    title: str
    context: Mapping[str, Any]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, schema zoo.table/1."""
        return {
            "schema": SCHEMA,
            "title": self.title,
            "context": dict(self.context),
            "columns": [{"name": c.name, "unit": c.unit, "description": c.description} for c in self.columns],
            "rows": [row.to_dict() for row in self.rows],
            "total": dict(self.total),
            "notes": list(self.notes),
        }

    def render(self, format: str = "text", width: int | None = None) -> str:
        """The table in one of the formats, for a page of `width` characters. Raises `ZooError` for an unknown format."""
        formats = import_module("zoo.tables.formats")  # which import this file
        drawn: str = formats.load(format)(self, width)
        return drawn

    def select(self, *, filter: str | None = None, sort: str | None = None, top: int | None = None) -> "Table":
        """Some of the rows, in another order: see `zoo.tables.selecting.select`."""
        selected: Table = import_module("zoo.tables.selecting").select(self, filter=filter, sort=sort, top=top)
        return selected

    def __str__(self) -> str:
        return self.render("text").rstrip("\n")

    def _repr_html_(self) -> str:
        return self.render("html")
