"""The table: what every question returns. Formats only draw it."""

from dataclasses import dataclass

from zoo.tables import formats
from zoo.tables.content import SCHEMA, Column, Content, Row
from zoo.tables.selecting import select

__all__ = ["SCHEMA", "Column", "Row", "Table"]


@dataclass(frozen=True, slots=True)
class Table(Content):
    """Columns, rows, totals and notes (see `zoo.tables.content.Content`). `print` shows it as text, a notebook as HTML."""

    def render(self, format: str = "text", width: int | None = None) -> str:
        """The table in one of the formats, for a page of `width` characters. Raises `ZooError` for an unknown format."""
        return formats.load(format)(self, width)

    def select(self, *, filter: str | None = None, sort: str | None = None, top: int | None = None) -> "Table":
        """Some of the rows, in another order: see `zoo.tables.selecting.select`."""
        return select(self, filter=filter, sort=sort, top=top)

    def __str__(self) -> str:
        return self.render("text").rstrip("\n")

    def _repr_html_(self) -> str:
        return self.render("html")
