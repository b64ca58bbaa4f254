"""The table that every question returns. Formats only render it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.tables import formats
from zoo.tables.content import SCHEMA, Column, Content, Row
from zoo.tables.selecting import select
from zoo.util.errors import ZooError
from zoo.util.pausing import no_collection

__all__ = ["SCHEMA", "Column", "Row", "Table"]


@dataclass(frozen=True, slots=True)
class Table(Content):
    """Columns, rows, totals and notes (see `zoo.tables.content.Content`). `print` shows it as text, a notebook as HTML.

    Both fold the table of a model that is longer than a page, as the command line does. `rows` has every row, and
    `print(table.render())` shows all.

    Example:
        >>> table = zoo.summary("lenet5")
        >>> [row.name for row in table.rows][:3], table.total["params"]
        (['C1', 'squash1', 'S2'], 60000)
    """

    explainer: Callable[[str | None, Sequence[str] | None], Any] | None = field(default=None, compare=False, repr=False)
    page: "Page | None" = field(default=None, compare=False, repr=False)

    def explain(self, layer: str | None = None, columns: Sequence[str] | None = None) -> Any:
        """The derivation of a row's numbers, of these columns or all, as `zoo.explain` gives it; of the totals without a row.

        Raises `ZooError` for an unknown row or column, and for a table that is not of a model's layers.

        Example:
            >>> zoo.summary("alexnet").explain("conv1", ["macs"]).quantities[0].cell
            105415200
        """
        if self.explainer is None:
            raise ZooError("explain: expected the table of a model's layers, as zoo.summary returns it")
        return self.explainer(layer, columns)

    @no_collection
    def render(self, format: str = "text", width: int | None = None) -> str:
        """Return the table in one of the formats, for a page of `width` characters. Raises `ZooError` for an unknown format."""
        return formats.load(format)(self, width)

    def to_pandas(self) -> Any:
        """The rows as a `pandas.DataFrame`: a column of names, one of types, and one for each column of the table.

        The title, the context and the totals are in its `attrs`. Raises `ZooError` if pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise ZooError(f"to_pandas requires pandas, which cannot be imported ({error}); pip install pandas") from error
        names = [column.name for column in self.columns]
        frame = pandas.DataFrame(
            [{"name": row.name, "type": row.type, **{name: row.cells.get(name) for name in names}} for row in self.rows],
            columns=["name", "type", *names],
        )
        frame.attrs = {"title": self.title, "context": dict(self.context), "total": dict(self.total), "notes": list(self.notes)}
        return frame

    def select(self, *, filter: str | None = None, sort: str | None = None, top: int | None = None) -> "Table":
        """Some of the rows, in another order: see `zoo.tables.selecting.select`."""
        return select(self, filter=filter, sort=sort, top=top)

    def scaled(self) -> "Table":
        """The same table with counts shown as 15.5 G or 97.5 MiB where people read them. Machine formats keep all digits."""
        return replace(self, columns=tuple(replace(column, scaled=True) for column in self.columns))

    def folded(self) -> "Table":
        """The table as `print` and a notebook show it: the same, or one with fewer rows that fits a page."""
        page = self.page
        unchanged = page is not None and (page.rows, page.columns) == (self.rows, self.columns)
        return page.make() if page is not None and unchanged else self

    def __str__(self) -> str:
        return self.folded().render("text").rstrip("\n")

    def _repr_html_(self) -> str:
        return self.folded().render("html")


@dataclass(frozen=True, slots=True)
class Page:
    """How to `make` the page of a table; it is out of date where the table has other rows or columns."""

    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    make: Callable[[], Table]
