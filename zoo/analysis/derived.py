"""The working of every cell of a tree, with each line written once: what `explain` says of one layer, for all of them."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from zoo.analysis.explanation import line_cells, merged
from zoo.analysis.kinds import Pass
from zoo.analysis.tree import Tree
from zoo.ops.working import Line

_LONG = 2000
"""Nodes of a network beyond which chains from the input to each layer are left out: together they grow with the square."""


class Derived:
    """The workings of a tree, by column and node.

    `lines` are (label, symbols, numbers, result, remarks); `of(column)` gives for each node blocks of (axis, numbers of lines).
    """

    def __init__(self, tree: Tree, passes: Sequence[Pass]) -> None:
        self.lines: list[tuple[str, ...]] = []
        self._numbers: dict[tuple[str, ...], int] = {}
        self._known: dict[int, tuple[Line, int]] = {}  # the line is kept, so that its id stays its own
        self._tree, self._passes = tree, {one.column.name: one for one in passes}

    def of(self, column: str) -> list[list[tuple[str, list[int]]]]:
        """Return the blocks of each node of the tree; none where a column gives no working."""
        one = self._passes[column]
        working: Any = getattr(one, "working", None)
        if working is None:
            return [[] for _ in self._tree.nodes]
        found = []
        for node in self._tree.nodes:
            lines = list(working(self._tree.place(node), node.cells[column])) if not self._too_long(column) else []
            found.append(list(self._blocks(lines)))
        return found

    def _too_long(self, column: str) -> bool:
        return column in {"rf", "depth"} and len(self._tree.nodes) > _LONG

    def _blocks(self, lines: Sequence[Line]) -> Iterator[tuple[str, list[int]]]:
        """Steps along each axis, where axes of equal steps are one; other lines together."""
        blocks = {axis: list(several) for axis, several in groupby(lines, key=lambda line: line.axis)}
        plain = [(line, label) for line, label in merged(blocks.pop("", []))]
        chains: dict[tuple[int, ...], list[str]] = {}
        for axis, several in blocks.items():
            chains.setdefault(tuple(map(self._number, several)), []).append(axis)
        yield from ((" and ".join(axes), list(numbers)) for numbers, axes in chains.items())
        if plain:
            yield "", [self._write(line, label) for line, label in plain]

    def _number(self, line: Line) -> int:
        known = self._known.get(id(line))
        if known is None:
            known = self._known[id(line)] = line, self._write(line, line.label)
        return known[1]

    def _write(self, line: Line, label: str) -> int:
        cells = line_cells(line)
        name = f"{line.name} = " if line.name else ""
        content = (label, f"{name}{cells['formula']}", cells["numbers"], cells["result"], cells["where"])
        number = self._numbers.get(content)
        if number is None:
            number = self._numbers[content] = len(self.lines)
            self.lines.append(content)
        return number
