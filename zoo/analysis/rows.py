"""From a trace to the groups of ops that are the rows of a table.

Start with `group`. `_rows` decides for each op which call, if any, stands for it as a whole; `_folded` joins the rows of blocks
that repeat (see `repeats`); `_marked` says which rows are shared or unused.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import chain
from string import digits
from typing import Literal

from zoo.analysis.repeats import Repeats, repeats
from zoo.record.trace import UNUSED, Call, Op, Trace, Value
from zoo.util.errors import unknown

Depth = int | Literal["auto"] | None

Key = tuple[bool, int]  # (True, index of a call) or (False, index of an op)

PAGE = 64
"""The most rows that fit on a page."""


@dataclass(slots=True)
class Group:
    """The ops of one row, in order, and their outputs. For `times` identical blocks, the outputs are those of the last.

    `mark` is "shared" if the row reads parameters that an earlier row or block has read, and "unused" if no op ran.
    """

    name: str
    type: str
    ops: list[Op] = field(default_factory=list)
    outputs: tuple[Value, ...] = ()
    times: int = 1
    mark: str = ""


def group(trace: Trace, depth: Depth = None, *, fold: bool = False) -> list[Group]:
    """The ops of the trace by row, in the order in which the rows first ran. Every op is in exactly one group.

    A row is a leaf module's call, a call `depth` levels down, or an op that a container runs itself. With `fold` the rows of
    identical blocks in succession are one. "auto" is the greatest depth at which a page holds the rows; with `fold`, blocks that
    repeat are then shown whole.
    """
    found = repeats(trace) if fold else None
    if depth != "auto":
        return _marked(_rows(trace, depth, frozenset(), found))
    blocks = found.blocks if found else frozenset()
    return _marked(_rows(trace, readable_depth(trace, blocks=blocks, found=found), blocks, found))


def without(trace: Trace, patterns: Sequence[str]) -> tuple[Trace, int]:
    """The trace without the ops of modules whose names match a pattern, or that are inside of such; and how many modules match.

    Raises `ZooError` for a pattern that matches no module.
    """
    if not patterns:
        return trace, 0
    for pattern in patterns:
        if not any(fnmatchcase(call.path, pattern) for call in trace.calls if call.path):
            paths = list(dict.fromkeys(call.path for call in trace.calls if call.path))
            raise unknown("module", pattern, paths, f"the modules are {', '.join(paths[:5])}, ...")
    matching = {call.path for call in trace.calls if call.path and any(fnmatchcase(call.path, one) for one in patterns)}
    gone: list[bool] = []  # by the index of a call; a call comes after its parent
    for call in trace.calls:
        gone.append(call.path in matching or (call.parent is not None and gone[call.parent]))
    return (replace(trace, ops=tuple(op for op in trace.ops if not gone[op.call])) if matching else trace), len(matching)


def readable_depth(trace: Trace, most: int = PAGE, *, blocks: Set[int] = frozenset(), found: Repeats | None = None) -> int | None:
    """The greatest depth at which a table has at most `most` rows, but at least 1; None if it needs no folding."""
    if len(_rows(trace, None, blocks, found)) <= most:
        return None
    depth = 1
    while len(_rows(trace, depth + 1, blocks, found)) <= most:
        depth += 1
    return depth


def _rows(trace: Trace, depth: int | None, blocks: Set[int], found: Repeats | None) -> list[Group]:
    """A row is what a call in `blocks`, or one `depth` levels down, does as a whole; what is in none of them is shown by itself."""
    # By the index of a call; a call comes after its parent.
    levels: list[int] = []  # how deep it is
    shown: list[int] = []  # the outermost call around it that is shown whole, or itself
    whole: list[bool] = []  # whether it is part of one
    held = _Containers(trace)
    for index, call in enumerate(trace.calls):
        around = held.around(call) if depth is not None else ()
        levels.append(0 if call.parent is None else levels[call.parent] + 1 + len(around))
        inside = call.parent is not None and whole[call.parent]
        above = depth - 1 - levels[call.parent] if depth is not None and call.parent is not None else len(around)
        if not inside and above < len(around):
            shown.append(held.number(around[max(above, 0)], call))
        else:
            shown.append(shown[call.parent] if inside and call.parent is not None else index)
        whole.append(inside or index in blocks or (depth is not None and levels[index] >= depth))
    groups: dict[Key, Group] = {}
    paths: dict[Key, str] = {}  # names before they are told apart: "relu" of relu_1
    taken: dict[str, int] = {}
    run = _known_runs(trace) if found is not None else {}
    for index, op in enumerate(trace.ops):
        call = trace.calls[op.call]
        one = whole[op.call] or (call.leaf and op.call > 0) or op.kind == UNUSED
        key = (True, shown[op.call]) if one else (False, run.get(index, index))  # otherwise a container runs the op itself
        if key not in groups:
            outer = trace.calls[shown[op.call]] if shown[op.call] >= 0 else held.call(shown[op.call])
            paths[key] = (outer.path or trace.target) if one else f"{call.path}.{op.kind}".lstrip(".")
            kind = outer.type if one else op.kind
            groups[key] = Group(_distinct(paths[key], taken), kind, outputs=outer.outputs if one else op.outputs)
        elif not one:
            groups[key].type, groups[key].outputs = f"{len(groups[key].ops) + 1} ops", op.outputs
        groups[key].ops.append(op)
    return list(groups.values()) if found is None else _folded(groups, paths, found)


def _known_runs(trace: Trace) -> dict[int, int]:
    """The first op of each run of ops in one call that compute masks, positions and constants, without weights or activations.

    By the index of each op in a run of at least three.
    """
    known = {value.id for value in trace.inputs if "float" not in value.dtype}
    runs: list[list[int]] = [[]]
    for index, op in enumerate(trace.ops):
        alone = all(value.id in known or value.source == "constant" for value in op.inputs) and op.kind != UNUSED
        if alone:
            known.update(value.id for value in op.outputs)
        if not alone or (runs[-1] and trace.ops[runs[-1][-1]].call != op.call):
            runs.append([])
        if alone:
            runs[-1].append(index)
    return {index: run[0] for run in runs if len(run) > 2 for index in run}


class _Containers:
    """Modules that are not called although modules inside are: each stands for a call, of a negative number."""

    def __init__(self, trace: Trace) -> None:
        self._types = trace.containers
        self._calls = trace.calls
        self._numbers: dict[str, int] = {}
        self._last: dict[str, Call] = {}

    def around(self, call: Call) -> Sequence[str]:
        """The containers around a call and inside of its parent, the outermost first."""
        if not self._types or call.parent is None:
            return ()
        parent = self._calls[call.parent].path
        names = call.path.split(".")
        paths = (".".join(names[:n]) for n in range(1, len(names)))
        return [path for path in paths if path in self._types and path.startswith(f"{parent}." if parent else "")]

    def number(self, path: str, call: Call) -> int:
        """The number of a container, of which `call` is the last so far."""
        self._last[path] = call
        return self._numbers.setdefault(path, -1 - len(self._numbers))

    def call(self, number: int) -> Call:
        """A container as a call that returns what the last call in it does."""
        path = next(path for path, own in self._numbers.items() if own == number)
        return self._last[path]._replace(path=path, type=self._types[path])


def _folded(groups: Mapping[Key, Group], paths: Mapping[Key, str], found: Repeats) -> list[Group]:
    """Join each group to the one that it repeats."""
    joined: dict[Key, list[Key]] = {}
    for key in groups:
        is_call, index = key
        firsts = found.calls if is_call else found.ops
        joined.setdefault((is_call, firsts[index] if index >= 0 else index), []).append(key)
    return [_together(keys, groups, paths) for keys in joined.values()]


def _together(keys: Sequence[Key], groups: Mapping[Key, Group], paths: Mapping[Key, str]) -> Group:
    """One group of those that are alike: layers.1.conv to layers.35.conv."""
    first, last = groups[keys[0]], groups[keys[-1]]
    if len(keys) == 1:
        return first
    suffix = first.name.removeprefix(paths[keys[0]])  # _1 of relu_1
    name = span_of_names(paths[keys[0]], paths[keys[-1]]) + suffix
    read = [_parameters(groups[key]) for key in keys]
    mark = "shared" if len(set().union(*read)) < sum(map(len, read)) else ""  # two of them read the same parameter
    ops = list(chain.from_iterable(groups[key].ops for key in keys))
    return Group(name, first.type, ops, last.outputs, len(keys), mark)


def _marked(groups: list[Group]) -> list[Group]:
    """Return the groups with their marks."""
    seen: set[int] = set()
    for one in groups:
        read = _parameters(one)
        if not seen.isdisjoint(read):
            one.mark = "shared"
        if one.ops[0].kind == UNUSED and all(op.kind == UNUSED for op in one.ops):
            one.mark = "unused"
        seen |= read
    return groups


def _parameters(one: Group) -> set[int]:
    """Return the ids of the parameters that a group reads."""
    values = chain.from_iterable([op.inputs for op in one.ops])
    return {value.id for value in values if value.source == "parameter"}


def span_of_names(first: str, last: str) -> str:
    """Return one name for several.

    >>> span_of_names("layers.1.conv", "layers.35.conv")
    'layers.1–35.conv'
    """
    ones, others = first.split("."), last.split(".")
    return ".".join(map(_span, ones, others)) if len(ones) == len(others) else f"{first}…{last}"


def _span(first: str, last: str) -> str:
    stem = first.rstrip(digits)
    number = last.removeprefix(stem)
    if first == last:
        return first
    return f"{first}–{number}" if stem != first and number.isdecimal() else f"{first}…{last}"


def _distinct(name: str, taken: dict[str, int]) -> str:
    """relu, relu_1, relu_2, ... `taken` says how many have had the name."""
    before = taken.get(name, 0)
    taken[name] = before + 1
    return _distinct(f"{name}_{before}", taken) if before else name
