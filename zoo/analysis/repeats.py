"""Blocks that repeat: numbered siblings (layers.1, layers.2) that ran one after the other, alike in everything but their weights.

Start with `repeats`. It asks a `_Tree` for runs of calls that are alike, and pairs up what is inside of them. Calls are compared by
a number (`_kinds`), computed from the inside out, so that each op is looked at once and not once for each level above it.

Alike are two calls of the same type whose ops have the same kinds, arguments, shapes and wiring, down to the last layer. What ran
no op (an identity, a drop path in evaluation mode) is not regarded.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from string import digits

from zoo.record.trace import UNUSED, Trace, Value, likeness

_NAMELESS = frozenset({"Sequential", "ModuleList", "ModuleDict"})


@dataclass(frozen=True)
class Repeats:
    """For each call and each op of a trace the first one that it repeats, or itself.

    `blocks` are calls that a short table shows whole: those that have submodules and repeat, and others of their types.
    """

    calls: Sequence[int]
    ops: Sequence[int]
    blocks: frozenset[int]


def repeats(trace: Trace) -> Repeats:
    """Find what repeats in a trace, at every level of its modules. Takes time linear in the ops at each level."""
    tree = _Tree(trace)
    calls, ops = list(range(len(trace.calls))), list(range(len(trace.ops)))
    repeating: set[int] = set()
    for parent in range(len(trace.calls)):
        for first, *others in tree.runs(parent):
            repeating.update([first, *others])
            for other in others:
                for mine, its in tree.pairs(first, other):
                    if mine >= 0:
                        calls[its] = mine
                    else:
                        ops[~its] = ~mine
    containers = {i for i in repeating if not trace.calls[i].leaf}
    types = {trace.calls[i].type for i in containers} - _NAMELESS
    alike = {i for i, call in enumerate(trace.calls) if i and not call.leaf and call.type in types}
    return Repeats(_roots(calls), _roots(ops), frozenset(containers | alike))


class _Tree:
    """The calls of a trace with what ran in each, in order: a call as its index, an op as the complement of its own.

    Items of call 0 that are [1, -1, 2] are call 1, op 0 (~0 is -1) and call 2: calls are not negative, ops are.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.items: list[list[int]] = [[] for _ in trace.calls]
        self.spans: list[tuple[int, int]] = [(len(trace.ops), -1)] * len(trace.calls)  # first and last op of each call
        seen = [False] * len(trace.calls)
        for index, op in enumerate(trace.ops):
            if op.kind == UNUSED and self.items[op.call]:
                continue  # what a call left unread goes with what it read
            self.items[op.call].append(~index)
            call, parent = op.call, trace.calls[op.call].parent
            # A call is entered into its parent when its first op runs; so calls that run nothing are not there at all.
            while not seen[call] and parent is not None:
                seen[call] = True
                self.items[parent].append(call)
                call, parent = parent, trace.calls[parent].parent
        self.kinds = self._kinds()

    def _kinds(self) -> list[int]:
        """A number for each call; calls of the same number have the same type and ran the same ops. Sets the spans, too."""
        numbers: dict[Hashable, int] = {}
        kinds = [0] * len(self.items)
        for index in range(len(self.items) - 1, -1, -1):  # a call comes after its parent
            inside: list[Hashable] = []
            for item in self.items[index]:
                inside.append(kinds[item] if item >= 0 else likeness(self.trace.ops[~item]))
                if item >= 0 or self.trace.ops[~item].kind != UNUSED:
                    first, last = self.spans[item] if item >= 0 else (~item, ~item)
                    self.spans[index] = min(self.spans[index][0], first), max(self.spans[index][1], last)
            kinds[index] = numbers.setdefault((self.trace.calls[index].type, *inside), len(numbers))
        return kinds

    def runs(self, parent: int) -> Iterator[list[int]]:
        """Children of a call that ran one after the other and are alike, two or more at a time: different modules, or one of them
        again and again.
        """
        run: list[int] = []
        paths: set[str] = set()
        for item in (*self.items[parent], -1):  # any op ends a run, so this one ends the last
            path = self.trace.calls[item].path if item >= 0 else ""
            first = self.trace.calls[run[0]].path if run else ""
            again = len(paths) == 1 and path == first  # the same module again
            numbered = len(paths) == len(run) and path not in paths and _stem(path) == _stem(first) != ""  # a new sibling
            if run and item >= 0 and (again or numbered) and self._alike(run[0], item):
                run.append(item)
                paths.add(path)
                continue
            if len(run) > 1:
                yield run
            run, paths = ([item], {path}) if item >= 0 else ([], set())

    def _alike(self, one: int, other: int) -> bool:
        return self.kinds[one] == self.kinds[other] and self._wiring(one) == self._wiring(other)

    def _wiring(self, call: int) -> list[int]:
        """The values that the ops of a call read and give, numbered as they appear.

        A convolution, a relu and an addition of the block's input: [0, 1, 2], [2, 3] and [3, 0, 4], one after the other.
        """
        first, last = self.spans[call]
        values: list[Value] = []
        for op in self.trace.ops[first : last + 1]:
            values += op.inputs
            values += op.outputs
        values += self.trace.calls[call].outputs
        numbers: dict[int, int] = {}
        return [numbers.setdefault(value.id, len(numbers)) for value in values]

    def pairs(self, first: int, other: int) -> Iterator[tuple[int, int]]:
        """The items of two calls that are alike, side by side, themselves included."""
        yield first, other
        if first >= 0:
            for mine, its in zip(self.items[first], self.items[other], strict=True):
                yield from self.pairs(mine, its)


def _stem(path: str) -> str:
    """What numbered siblings have in common: "layers.#" of "layers.35"; "" of a path without a number."""
    stem = path.rstrip(digits)
    return f"{stem}#" if stem != path else ""


def _roots(ranks: list[int]) -> list[int]:
    """Each followed to the first of all that it repeats; a rank is never greater than its index.

    Block 2 repeats block 1, and what is in it repeats what is in block 1, which in turn may repeat something before.

    >>> _roots([0, 0, 1, 3, 2])
    [0, 0, 0, 3, 0]
    """
    for index, rank in enumerate(ranks):
        ranks[index] = ranks[rank]
    return ranks
