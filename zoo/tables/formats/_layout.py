"""The layout of a page of text: which columns it shows, how wide they are, and the text of every cell. Nothing is printed here."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zoo.tables.content import Column, Content, labels
from zoo.tables.formats._cells import cells

GAP = 2
_NARROWEST_NAME, _NARROWEST_TYPE = 14, 9
_SENTENCE = 12  # characters in which it can be broken at all
_WORDS = 24  # characters in which a column of words that must be shown can be broken well
_PHRASE = 20  # the longest words that are not worth a line of their own below the table


@dataclass(frozen=True)
class Layout:
    """A table on a page of `width` characters."""

    table: Content
    width: int

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns that fit on the page next to name and type."""
        columns = list(self.table.columns)
        labels = min(self._longest_name, _NARROWEST_NAME) + min(self._longest_type, _NARROWEST_TYPE) + GAP
        for column in sorted(self.table.columns, key=lambda c: -c.hide_order):
            if labels + sum(map(self._comfortable, columns)) > self.width and column.hide_order > 0 and len(columns) > 1:
                columns.remove(column)
        sentences = [c for c in columns if self.words(c) and self.natural(c) > _PHRASE]
        crowded = labels + sum(map(self._room, columns)) - sum(map(self.longest_word, sentences))
        return tuple(c for c in columns if c not in sentences or self.width - crowded >= _SENTENCE * len(sentences))

    @cached_property
    def asides(self) -> list[str]:
        """Texts of columns that must be shown but do not fit on a line."""
        beside = [c for c in self.table.columns if c.hide_order == 0 and c not in self.columns]
        rows = enumerate(self.table.rows)
        return [f"{row.name} ({row.type}): {self.texts[c.name][i]}" for i, row in rows for c in beside if row.cells.get(c.name)]

    @cached_property
    def texts(self) -> dict[str, list[str]]:
        """The cells of each column, from top to bottom."""
        return cells(self.table.columns, [row.cells for row in self.table.rows])

    @cached_property
    def totals(self) -> dict[str, str]:
        """The last line: a cell for each column that has a total."""
        known = [column for column in self.table.columns if column.name in self.table.total]
        return {name: text for name, (text,) in cells(known, [self.table.total]).items()}

    @cached_property
    def has_totals(self) -> bool:
        """Return whether any visible column has a total."""
        return any(column.name in self.totals for column in self.columns)

    def words(self, column: Column) -> bool:
        """Whether a column holds words, which may be broken, and are set from the left."""
        return self._of_words[column.name]

    @cached_property
    def label_widths(self) -> tuple[int, int]:
        """Widths of name and type: in full if they fit next to the cells; otherwise they are cut, and texts are wrapped."""
        comfortable, least = (sum(map(room, self.columns)) for room in (self._comfortable, self._room))
        name, kind = self._longest_name, self._longest_type
        lack = name + kind + GAP + comfortable - self.width
        besides = [len(label) - len(row.type) for row, label in zip(self.table.rows, self._types, strict=True)]
        least_type = 1 + max([3, *besides])
        for least_kind, least_name, broken in ((_NARROWEST_TYPE, _NARROWEST_NAME, comfortable - least), (least_type, 5, 0)):
            cut = max(min(lack, kind - least_kind), 0)
            lack, kind = lack - cut, kind - cut
            cut = max(min(lack, name - least_name), 0)
            lack, name = lack - cut - broken, name - cut
        return name, kind

    @cached_property
    def least_width(self) -> int:
        """Characters that the page needs so that no number or word is cut; columns of text can be wrapped between words."""
        if not self.table.rows:
            return self.width
        return max(self.width, sum(self.label_widths) + GAP + sum(map(self._room, self.columns)))

    @cached_property
    def widths(self) -> dict[str, int]:
        """Characters of each column: numbers are never cut; columns of text share the rest, the shortest first."""
        found = {column.name: self._room(column) - GAP for column in self.columns}
        spare = self.least_width - sum(self.label_widths) - GAP - sum(wide + GAP for wide in found.values())
        broken = sorted((c for c in self.columns if self.natural(c) > found[c.name]), key=self.natural)
        for i, column in enumerate(broken):
            more = min(self.natural(column) - found[column.name], max(spare, 0) // (len(broken) - i))
            found[column.name] += more
            spare -= more
        return found

    def natural(self, column: Column) -> int:
        """Characters of the longest line of any cell."""
        return self._natural[column.name]

    @cached_property
    def _natural(self) -> dict[str, int]:
        lines = {c.name: (line for text in set(self.texts[c.name]) for line in text.split("\n")) for c in self.table.columns}
        return {name: max([len(name), len(self.totals.get(name, "")), *map(len, several)]) for name, several in lines.items()}

    def longest_word(self, column: Column) -> int:
        """Characters of the longest word or number, the least that a column of words can have; lines of a grid are whole."""
        cells = [column.name, self.totals.get(column.name, ""), *self.texts[column.name]]
        return max([0, *(len(word) for cell in cells for word in (cell.split("\n") if "\n" in cell else cell.split()))])

    @cached_property
    def labels(self) -> list[tuple[str, str]]:
        """The name and type of each row, cut to fit; next to cells of words, a name of several words is broken instead."""
        name_width, type_width = self.label_widths
        by_end, wraps = self._told_by_ends, any(map(self.words, self.columns))
        return [
            (
                row.name if wraps and _fits_broken(row.name, name_width) else _cut_name(row.name, name_width, by_end),
                _cut_type(row.type, label, type_width),
            )
            for row, label in zip(self.table.rows, self._types, strict=True)
        ]

    @cached_property
    def _told_by_ends(self) -> bool:
        """Return whether names other than paths would become equal if their ends were cut."""
        names, (width, _) = {row.name for row in self.table.rows}, self.label_widths
        return len({_cut_name(name, width, False) for name in names}) < len(names)

    def values(self, column: Column) -> list[Any]:
        """The cells of a column, followed by its total."""
        total = [self.table.total.get(column.name)] if self.table.total else []
        return [row.cells.get(column.name) for row in self.table.rows] + total

    @cached_property
    def _of_words(self) -> dict[str, bool]:
        return {c.name: any(isinstance(value, str) for value in self.values(c)) for c in self.table.columns}

    @cached_property
    def _longest_name(self) -> int:
        return max([5, *(len(row.name) for row in self.table.rows)])

    @cached_property
    def _longest_type(self) -> int:
        return max([4, *map(len, self._types)])

    @cached_property
    def _types(self) -> list[str]:
        """The types of the rows, with their marks."""
        return labels(self.table.rows)

    def _room(self, column: Column) -> int:
        """Characters that a column takes, its gap included. One of words may be broken if it cannot be left out."""
        if self.words(column) and column.hide_order == 0:
            return self.longest_word(column) + GAP
        return self.natural(column) + GAP

    def _comfortable(self, column: Column) -> int:
        """As `_room`, but columns of text that can be wrapped count with the width of a few words."""
        return max(self._room(column), min(self.natural(column) + GAP, _WORDS))


def _fits_broken(name: str, width: int) -> bool:
    """Whether a name has several words, each of which fits."""
    words = name.split(" ")
    return len(words) > 1 and max(map(len, words)) <= width


def _cut_name(name: str, width: int, by_end: bool) -> str:
    """…layer.11.conv: a path is told from others by its end, and so are names that begin alike; others are cut at their ends."""
    if len(name) <= width:
        return name
    return f"…{name[len(name) - width + 1 :]}" if by_end or "." in name else f"{name[: width - 1]}…"


def _cut_type(kind: str, label: str, width: int) -> str:
    """Bottlen… ×35: only the type is cut, not its mark."""
    beside = label.removeprefix(kind)
    room = width - len(beside)
    return f"{kind[: max(room - 1, 0)]}…{beside}" if len(kind) > room else label
