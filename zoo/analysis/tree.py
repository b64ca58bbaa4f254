"""The rows of a table at every depth at once: modules with what is in them, down to the finest rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from zoo.analysis.kinds import Pass
from zoo.analysis.rows import Group, group
from zoo.analysis.working import Place, Wiring
from zoo.record.trace import Trace


@dataclass(frozen=True)
class Node:
    """The whole model, or a row of its table at some depth.

    `level` counts from 0 for the model; `parent` is the index of the node around it, None for the model; `children` are the indices
    of the nodes in it. `cells` are by name of the column.
    """

    group: Group
    level: int
    parent: int | None
    children: tuple[int, ...]
    cells: Mapping[str, Any]


@dataclass(frozen=True)
class Tree:
    """The nodes of a trace, each before those in it. Those without children are the finest rows, in the order of the table."""

    trace: Trace
    nodes: tuple[Node, ...]

    @cached_property
    def _wiring(self) -> Wiring:
        return Wiring(self.trace)

    def place(self, node: Node) -> Place:
        """Where the working of a node's cells begins."""
        return Place(self._wiring, node.group, tuple(self.nodes[i].group for i in node.children))


def tree(trace: Trace, passes: Sequence[Pass]) -> Tree:
    """Return the rows of a trace at every depth, with their cells.

    A module of one row has no node of its own.

    Example:
        >>> from zoo.analysis.choose import choose
        >>> found = tree(zoo.trace("lenet5"), choose(["params"]))
        >>> [(node.group.name, node.level, node.cells["params"]) for node in found.nodes[:3]]
        [('lenet5', 0, 60000), ('C1', 1, 156), ('squash1', 1, 0)]
    """
    whole = Group(trace.target, trace.calls[0].type, list(trace.ops), trace.outputs)
    found = [(whole, 0, None), *_inside(whole, _levels(trace), 1, [0])]
    names = [one.column.name for one in passes]
    measured = [one.measure(trace, [row for row, _, _ in found])[0] for one in passes]
    children: list[list[int]] = [[] for _ in found]
    for index, (_, _, parent) in enumerate(found):
        if parent is not None:
            children[parent].append(index)
    nodes = [
        Node(*facts, tuple(inner), {name: column[index] for name, column in zip(names, measured, strict=True)})
        for index, (facts, inner) in enumerate(zip(found, children, strict=True))
    ]
    return Tree(trace, tuple(nodes))


_Level = Mapping[int, list[Group]]
"""The rows at one depth, by the first op (its id) of the row around them at the depth before."""


def _levels(trace: Trace) -> list[_Level]:
    deepest = max((call.path.count(".") + 1 for call in trace.calls if call.path), default=0)
    levels: list[_Level] = []
    around = {id(op): id(trace.ops[0]) for op in trace.ops} if trace.ops else {}
    for depth in (*range(1, deepest + 1), None):
        by_first: dict[int, list[Group]] = {}
        rows = group(trace, depth)
        for row in rows:
            by_first.setdefault(around[id(row.ops[0])], []).append(row)
        around = {id(op): id(row.ops[0]) for row in rows for op in row.ops}
        levels.append(by_first)
    return levels


def _inside(row: Group, levels: Sequence[_Level], level: int, count: list[int]) -> Iterator[tuple[Group, int, int]]:
    """The rows in a row, with level and parent, each before those in it. `count[0]` is the index of the last one so far."""
    parent = count[0]
    depth = next((depth for depth, rows in enumerate(levels) if len(rows.get(id(row.ops[0]), ())) > 1), None) if row.ops else None
    if depth is None:
        return
    for one in levels[depth][id(row.ops[0])]:
        count[0] += 1
        yield _finest(one, levels[depth + 1 :]), level, parent
        yield from _inside(one, levels[depth + 1 :], level + 1, count)


def _finest(row: Group, levels: Sequence[_Level]) -> Group:
    """The row itself, or under the name that it has in the finest table, if it is one row there."""
    for rows in levels:
        inner = rows.get(id(row.ops[0]), [row])
        if len(inner) > 1:
            return row
        finest = inner[0]
    return finest if levels else row
