"""The contents of a table: columns, rows, totals and notes. Formats render them; `zoo.tables.selecting` selects rows."""

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any

from zoo.tables.notes import Legend, Note

SCHEMA = "zoo.table/1"


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds.

    `order` places it among the others. Where a page is too narrow, columns with the largest `hide_order` are hidden first, those
    of 0 never; `priority` is the old name of that argument. A column that is `on_request` is shown only when it is named. Counts of
    a `scaled` column are shown as 15.5 G or 97.5 MiB where people read them.
    """

    name: str
    unit: str
    description: str
    order: int = 100
    hide_order: int = 9
    on_request: bool = False
    scaled: bool = False
    priority: InitVar[int | None] = None

    def __post_init__(self, priority: int | None) -> None:
        if priority is not None:
            object.__setattr__(self, "hide_order", priority)


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
    def label(self) -> str:
        """The type as shown, with repetitions and mark: "Bottleneck ×35", "Linear shared"."""
        return f"{self.type}{f' ×{self.times}' if self.times > 1 else ''}{self.mark and f' {self.mark}'}"

    def to_dict(self) -> dict[str, Any]:
        """Return the row as a dict; `times` only if it is more than 1, `mark` only if there is one."""
        beside = {"times": self.times} if self.times > 1 else {}
        return {"name": self.name, "type": self.type, **beside, **({"mark": self.mark} if self.mark else {}), **self.cells}


def labels(rows: Sequence[Row]) -> list[str]:
    """Return the labels of several rows."""
    return [row.label for row in rows]


@dataclass(frozen=True, slots=True)
class Content:
    """Columns, rows, totals and notes, with the context in which they hold.

    `context["about"]`, where there is one, maps labels to lines that stand above the rows. `notes` are sentences, or `Note`s that
    carry their data. `legend` explains columns to people: each of its notes is shown with the columns that it names.
    """

    title: str
    context: Mapping[str, Any]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note | str, ...] = ()
    legend: tuple[Legend, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, schema zoo.table/1, with notes as text."""
        return {
            "schema": SCHEMA,
            "title": self.title,
            "context": dict(self.context),
            "columns": [{"name": c.name, "unit": c.unit, "description": c.description} for c in self.columns],
            "rows": [row.to_dict() for row in self.rows],
            "total": dict(self.total),
            "notes": list(map(str, self.notes)),
        }
