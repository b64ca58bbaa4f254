"""What `explain` returns: the numbers of one layer, each with its derivation, as text, as a table and as data."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from itertools import groupby
from typing import Any

from zoo.ops.working import Line
from zoo.tables.formats._cells import cell as written
from zoo.tables.table import Column, Row, Table

SCHEMA = "zoo.explanation/1"


@dataclass(frozen=True, slots=True)
class Quantity:
    """One cell of the table, under its column, and the lines that lead to it."""

    column: Column
    cell: Any
    lines: tuple[Line, ...]

    def to_dict(self) -> dict[str, Any]:
        """The quantity as JSON-able data."""
        lines = [line.to_dict() for line in self.lines]
        return {"column": self.column.name, "unit": self.column.unit, "cell": self.cell, "lines": lines}


@dataclass(frozen=True, slots=True)
class Explanation:
    """The numbers of one layer with their derivations. `print` shows it as text, a notebook typeset.

    Example:
        >>> found = zoo.explain("alexnet", "conv1", ["macs"])
        >>> line = found.quantities[0].lines[-1]
        >>> line.symbols, line.result
        ('N * C_out * H_out * W_out * C_in/groups * k_h * k_w', 105415200)
    """

    title: str
    layer: str
    type: str
    quantities: tuple[Quantity, ...]
    notes: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, schema zoo.explanation/1: every formula with its operands by name."""
        return {
            "schema": SCHEMA,
            "title": self.title,
            "context": dict(self.context),
            "layer": self.layer,
            "type": self.type,
            "quantities": [quantity.to_dict() for quantity in self.quantities],
            "notes": list(self.notes),
        }

    def to_table(self) -> Table:
        """A row for each line: its formula in symbols and in numbers, and its result."""
        rows = [
            Row(f"{one.column.name} {line.label}", one.column.unit, line_cells(line))
            for one in self.quantities
            for line in one.lines
        ]
        return Table(self.title, self.context, _COLUMNS, tuple(rows), notes=self.notes)

    def text(self, width: int = 100) -> str:
        """The derivations for a page of `width` characters."""
        return "\n".join(self._text(width)) + "\n"

    def _text(self, width: int) -> Iterator[str]:
        yield from textwrap.wrap(self.title, width)
        for one in self.quantities:
            yield ""
            yield from textwrap.wrap(f"{one.column.name}  {_shown(one)}   {one.column.description}", width)
            if recurrences := _recurrences(one.lines):
                yield from textwrap.wrap(recurrences, width, initial_indent="  ", subsequent_indent="  ")
            yield from _blocks(one.lines, width)
        if self.notes:
            yield ""
        for note in self.notes:
            yield from textwrap.wrap(note, width)

    def __str__(self) -> str:
        return self.text().rstrip("\n")

    def _repr_html_(self) -> str:
        from zoo.analysis.typeset import math

        parts = [f"<p>{escape(self.title)}</p>"]
        for one in self.quantities:
            rows = "".join(_html_row(line, math(line) if line.formula else escape(_result(line))) for line in one.lines)
            head = f"{escape(one.column.name)} = {escape(_shown(one))}: {escape(one.column.description)}"
            parts.append(f'<table>\n<caption style="text-align: left">{head}</caption>\n<tbody>\n{rows}</tbody>\n</table>')
        if self.notes:
            parts.append(f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in self.notes)}</ul>")
        return "\n".join(parts) + "\n"


def _html_row(line: Line, formula: str) -> str:
    """A label, the typeset formula, and where its numbers come from."""
    label = escape(" ".join(filter(None, (line.label, line.axis, line.name))))
    where = escape("; ".join(_remarks(line)))
    cells = (f'<td style="text-align: left">{cell}</td>' for cell in (formula, where))
    return f"<tr><th>{label}</th>{''.join(cells)}</tr>\n"


_COLUMNS = (
    Column("formula", "", "the computation in symbols", hide_order=0),
    Column("numbers", "", "the same with the numbers put in", hide_order=0),
    Column("result", "", "what it gives", hide_order=0),
    Column("where", "", "where the numbers come from, and the rule", hide_order=1),
)
_LABEL = 13
_RECURS = {"k", "s", "p"}
"""Operands of a window's recurrences."""


_LONGEST = 24


@dataclass(frozen=True)
class _Page:
    """How wide a page is, and the labels on it."""

    width: int
    label: int


def line_cells(line: Line) -> dict[str, Any]:
    """A line as cells: its formula in symbols and in numbers, its result, and where the numbers come from."""
    return {"formula": line.symbols, "numbers": line.numbers, "result": _result(line), "where": "; ".join(_remarks(line))}


def _shown(one: Quantity) -> str:
    return written(one.column, one.cell)


def _result(line: Line) -> str:
    if line.result is None:
        return ""
    return f"{line.result:,}" if isinstance(line.result, int) else str(line.result)


def _remarks(line: Line) -> Iterator[str]:
    by_source: dict[str, list[str]] = {}
    for name, source in line.sources.items():
        by_source.setdefault(source, []).append(name)
    if by_source:
        yield ", ".join(f"{', '.join(names)}: {source}" for source, names in by_source.items())
    if line.says:
        yield line.says


def _blocks(lines: Sequence[Line], width: int) -> Iterator[str]:
    """Lines one by one; the steps of a chain side by side, and axes that are alike once."""
    page = _Page(width, min(max(_LABEL, *(len(line.label) for line in lines)), _LONGEST))
    for _, several in groupby(merged(lines), key=lambda one: one[0].axis):
        block = list(several)
        chain = block[0][0].axis
        if not chain:
            for line, label in block:
                yield from _lines(line, label, page)
            continue
        yield f"  {chain}:"
        for label, steps in groupby(block, key=lambda one: one[1]):
            yield from _step(label, [line for line, _ in steps], page)


def merged(lines: Sequence[Line]) -> Iterator[tuple[Line, str]]:
    """Each line with its label. Successive lines of equal content share one, and chains of equal content their axes."""
    chains: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    by_axis = {axis: list(several) for axis, several in groupby(lines, key=lambda line: line.axis)}
    for axis, several in by_axis.items():
        if axis:
            chains.setdefault(tuple((line.label, *_content(line)) for line in several), []).append(axis)
    for axis, several in by_axis.items():
        if not axis:
            for _, same in groupby(several, key=_content):
                alike = list(same)
                yield alike[0], ", ".join(dict.fromkeys(line.label for line in alike))
            continue
        axes = next(axes for axes in chains.values() if axis in axes)
        if axis == axes[0]:
            yield from ((replace(line, axis=" and ".join(axes)), line.label) for line in several)


def _content(line: Line) -> tuple[str, ...]:
    return line.name, line.symbols, line.numbers, *_remarks(line)


def _lines(line: Line, label: str, page: _Page) -> Iterator[str]:
    """`label  symbols = numbers = result`, in as many lines as the page needs, and the remarks below."""
    parts = []
    if line.formula:
        trivial = line.symbols in line.operands  # n = 224 = 224
        parts = [line.symbols, *([] if trivial else [f"= {line.numbers}"]), f"= {_result(line)}"]
        if page.label + 3 + sum(map(len, parts)) + len(parts) <= page.width:
            parts = [" ".join(parts)]
        if trivial and line.sources:
            parts = [f"{parts[0]}, {next(iter(line.sources.values()))}"]
            line = replace(line, sources={})
    yield from _beside(label, [*parts, *_remarks(line)], page)


def _step(label: str, lines: Sequence[Line], page: _Page) -> Iterator[str]:
    """The steps of one layer in a chain: size = 1 + (11 - 1)*1 = 11, stride = 1*4 = 4."""
    steps = [f"{one.name} = {one.numbers} = {_result(one)}" for one in lines if one.formula and one.operands]
    steps = steps or [f"{one.name} = {_result(one)}" for one in lines if one.name]
    remarks = dict.fromkeys(remark for one in lines for remark in _remarks(one))
    if page.label + 3 + len(beside := ", ".join(steps)) <= page.width:
        steps = [beside]
    yield from _beside(label, [*steps, *remarks], page)


def _beside(label: str, texts: Sequence[str], page: _Page) -> Iterator[str]:
    """A label, and texts beside it."""
    head = f"  {label:<{page.label}} "
    margin = " " * (page.label + 3)
    if len(head) > len(margin):
        yield head.rstrip()
        head = margin
    for text in texts:
        for piece in textwrap.wrap(text, max(page.width - len(margin), 20), break_long_words=False, break_on_hyphens=False):
            yield f"{head}{piece}"
            head = margin


def _recurrences(lines: Sequence[Line]) -> str:
    """The formulas of a chain in symbols, each once."""
    found = dict.fromkeys(f"{line.name}' = {line.symbols}" for line in lines if line.axis and _RECURS & line.operands.keys())
    return ", ".join(found)
