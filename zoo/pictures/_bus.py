"""Dense blocks: a run of boxes in which each reads the sources and all boxes before it.

Drawn as any other graph, n boxes have n(n+1)/2 lines. Drawn on a bus they have n + 1: each output joins the bus, each box reads all
that joined above it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_FEWEST = 3


@dataclass(frozen=True)
class Bus:
    """The members of a run, what all of them read, and the box that reads all members (None if there is none)."""

    members: tuple[int, ...]
    sources: frozenset[int]
    sink: int | None


def find_bus(count: int, edges: Sequence[tuple[int, int]]) -> Bus | None:
    """Return the first run of at least three members, or None."""
    before: list[set[int]] = [set() for _ in range(count)]
    after: list[set[int]] = [set() for _ in range(count)]
    for source, target in edges:
        before[target].add(source)
        after[source].add(target)
    readers: dict[frozenset[int], int] = {}
    for here, sources in enumerate(before):
        readers.setdefault(frozenset(sources), here)
    for first in range(count):
        members, read = [first], frozenset(before[first] | {first})
        while before[first] and (following := readers.get(read)) is not None and after[following]:
            members.append(following)
            read |= {following}
        while len(members) >= _FEWEST:
            inside = set(members)
            beyond = set().union(*(after[member] for member in members)) - inside
            if len(beyond) <= 1 and all(inside <= before[sink] for sink in beyond):
                return Bus(tuple(members), frozenset(before[first]), next(iter(beyond), None))
            members.pop()
    return None
