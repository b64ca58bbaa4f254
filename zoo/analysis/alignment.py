"""Which layer of one network is which of another: by what they do first, by name second.

Start with `align`. The layers of both are taken in the order in which they ran, and matched without crossings so that as much as
possible is the same (`_in_order`); what is left over on both sides and does the same has moved. `wiring` says what a layer reads
and whose parameters, in terms that can be compared across the two networks.
"""

import difflib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import prod

from zoo.analysis.rows import Group
from zoo.record.trace import UNUSED, WRITE, Op, Trace, Value

_MOST_PAIRS = 1_000_000  # which take about a second
_PASS_ON = frozenset({"alias", "contiguous", "detach", "identity"})
_COMMUTE = frozenset({"add", "mul", "maximum", "minimum"})
_SAME, _NAME, _ALIKE, _WEIGHTS, _CHANGED = 100, 10, 30, 20, 15

Pair = tuple[int, int]


@dataclass(frozen=True)
class Alignment:
    """By number of a layer in each network: `matched` pairs in order, and `moved` pairs that do the same elsewhere in it."""

    matched: tuple[Pair, ...]
    moved: tuple[Pair, ...]


def align(first: Sequence[Group], second: Sequence[Group]) -> Alignment:
    """The layers of two networks side by side."""
    does, others = [does_what(row) for row in first], [does_what(row) for row in second]
    start = 0
    while start < min(len(does), len(others)) and _same_place(first[start], second[start], does[start], others[start]):
        start += 1
    end = 0
    while end < min(len(does), len(others)) - start and _same_place(
        first[-1 - end], second[-1 - end], does[-1 - end], others[-1 - end]
    ):
        end += 1
    matched = [(i, i) for i in range(start)]
    matched += _gap(first, second, does, others, (start, len(first) - end, start, len(second) - end))
    matched += [(len(first) - end + i, len(second) - end + i) for i in range(end)]
    return Alignment(tuple(matched), tuple(_moved(first, second, does, others, matched)))


def _same_place(one: Group, other: Group, does: Hashable, other_does: Hashable) -> bool:
    return does == other_does and one.name == other.name


def does_what(row: Group) -> Hashable:
    """All that is recorded of a layer: its ops with every argument, and shapes and types of what they read and give."""
    return tuple(map(_signature, real_ops(row)))


def _signature(op: Op) -> Hashable:
    """What two ops have in common that do the same; a sum has no first operand."""
    if op.kind in _COMMUTE:
        op = op._replace(inputs=tuple(sorted(op.inputs, key=lambda value: (value.shape, value.dtype))))
    return op.signature(lambda value: (value.shape, value.dtype))


def real_ops(row: Group) -> list[Op]:
    """The ops of a layer that ran, without those that only pass a tensor on, unless there are no others."""
    ran = [op for op in row.ops if op.kind not in {UNUSED, WRITE}]
    return [op for op in ran if op.kind not in _PASS_ON] or ran


LAYOUT = frozenset(
    (
        *("view", "reshape", "_unsafe_view", "view_as", "flatten", "unflatten", "squeeze", "unsqueeze", "expand", "t"),
        *(
            "permute",
            "transpose",
            "movedim",
            "select",
            "slice",
            "unbind",
            "split",
            "split_with_sizes",
            "chunk",
            "clone",
            "contiguous",
        ),
    )
)
"""Ops that give their elements another shape or order, and compute nothing."""


def only_layout(row: Group) -> bool:
    """Whether a layer only puts elements elsewhere."""
    ops = real_ops(row)
    return bool(ops) and all(op.kind in LAYOUT for op in ops)


def depends_on_input(trace: Trace) -> frozenset[int]:
    """The values that depend on what the inputs hold: not masks and tables that are computed from constants and parameters."""
    found = {value.id for value in trace.inputs}
    for op in trace.ops:
        if op.kind not in _LIKE and any(value.id in found for value in op.inputs):
            found.update(value.id for value in op.outputs)
    return frozenset(found)


_LIKE = frozenset({"new_zeros", "new_ones", "new_full", "new_empty", "zeros_like", "ones_like", "full_like", "empty_like"})
"""Ops that read the shape of a tensor, and not its values."""


def positions_apart(row: Group) -> Group:
    """The layer with the inputs and outputs of ops on each position as positions × features: of tokens in any shape and order."""
    return replace(row, ops=[_by_positions(op) if op.kind in _EACH_POSITION else op for op in row.ops])


_EACH_POSITION = frozenset({"linear", "layer_norm", "gelu", "relu", "dropout", "add", "mul"})


def _by_positions(op: Op) -> Op:
    def flat(value: Value) -> Value:
        return value if value.source == "parameter" or not value.shape else value._replace(shape=_rows_of(value.shape))

    return op._replace(inputs=tuple(map(flat, op.inputs)), outputs=tuple(map(flat, op.outputs)))


def _rows_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    return prod(shape[:-1]), shape[-1]


Range = tuple[int, int, int, int]


def _gap(
    first: Sequence[Group], second: Sequence[Group], does: Sequence[Hashable], others: Sequence[Hashable], where: Range
) -> list[Pair]:
    """The pairs among layers a to b of the first and c to d of the second."""
    a, b, c, d = where
    if (b - a) * (d - c) <= _MOST_PAIRS:
        return [(a + i, c + j) for i, j in _in_order(first[a:b], second[c:d], does[a:b], others[c:d])]
    found: list[Pair] = []
    matcher = difflib.SequenceMatcher(None, does[a:b], others[c:d], autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            found += [(a + i + n, c + k + n) for n in range(j - i)]
        elif (j - i) * (m - k) <= _MOST_PAIRS:
            found += _gap(first, second, does, others, (a + i, a + j, c + k, c + m))
    return found


def _in_order(first: Sequence[Group], second: Sequence[Group], does: Sequence[Hashable], others: Sequence[Hashable]) -> list[Pair]:
    """The pairs without crossings whose likeness is greatest in sum."""
    kinds, other_kinds = [_Kind(row) for row in first], [_Kind(row) for row in second]
    best = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    alike = [
        [_likeness(one, other, a == b) for other, b in zip(other_kinds, others, strict=True)]
        for one, a in zip(kinds, does, strict=True)
    ]
    for i in range(len(first) - 1, -1, -1):
        row, below, scores = best[i], best[i + 1], alike[i]
        for j in range(len(second) - 1, -1, -1):
            found = below[j] if below[j] >= row[j + 1] else row[j + 1]
            if scores[j] and (both := below[j + 1] + scores[j]) > found:
                found = both
            row[j] = found
    pairs, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        if alike[i][j] and best[i][j] == best[i + 1][j + 1] + alike[i][j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


class _Kind:
    """What of a layer is compared with others where they are not the same."""

    __slots__ = ("kinds", "main", "name", "numbered", "weights")

    def __init__(self, row: Group) -> None:
        ops = real_ops(row)
        self.name = row.name
        self.numbered = row.name.rpartition(".")[2].partition("_")[0].isdecimal()
        self.kinds = tuple(op.kind for op in ops)
        weighted = [op for op in ops if op.input("weight") is not None]
        self.main = (weighted or ops)[0].kind if ops else UNUSED
        self.weights = tuple(value.shape for op in ops for value in op.inputs if value.source == "parameter")


def _likeness(one: _Kind, other: _Kind, same: bool) -> int:
    """How much speaks for two layers being one; 0 if nothing does. A number instead of a name says little."""
    named = _NAME if one.name == other.name else 0
    if same:
        return _SAME + named
    if one.kinds == other.kinds:
        return _ALIKE + named + (_WEIGHTS if one.weights == other.weights else 0)
    if one.main == other.main:
        return _CHANGED + named
    return named if not one.numbered else 0


def _moved(
    first: Sequence[Group],
    second: Sequence[Group],
    does: Sequence[Hashable],
    others: Sequence[Hashable],
    matched: Sequence[Pair],
) -> Iterator[Pair]:
    """Layers without a counterpart in their place that do the same in another, preferably under the same name."""
    left = set(range(len(first))) - {i for i, _ in matched}
    free: dict[Hashable, list[int]] = {}
    for j in sorted(set(range(len(second))) - {j for _, j in matched}):
        free.setdefault(others[j], []).append(j)
    for i in sorted(left):
        if (found := free.get(does[i])) and does[i]:
            j = next((j for j in found if second[j].name == first[i].name), found[0])
            found.remove(j)
            yield i, j


# Who reads whom


@dataclass(frozen=True)
class Wiring:
    """Of one layer: the layers that it reads, and the layers whose parameters it reads, by number; -1 - n is input n."""

    reads: tuple[int | None, ...]
    parameters: tuple[int, ...]
    ordered: bool


def wiring(trace: Trace, layers: Sequence[Group], known: Mapping[int, int]) -> list[Wiring]:
    """What each layer reads, in the numbers `known` gives to layers; others are seen through to what they read, if that is one.

    None stands for what cannot be followed.
    """
    made: dict[int, int] = {}  # the layer that made a value
    owner: dict[int, int] = {}  # the first layer that read a parameter
    for number, layer in enumerate(layers):
        for op in layer.ops:
            made.update((value.id, number) for value in op.outputs)
            for value in op.inputs:
                if value.source == "parameter":
                    owner.setdefault(value.id, number)
    inputs = {value.id: -1 - n for n, value in enumerate(trace.inputs)}
    read = [list(_from_outside(layer, number, made, inputs)) for number, layer in enumerate(layers)]

    def through(number: int | None) -> int | None:
        while number is not None and number >= 0 and number not in known:
            number = read[number][0] if len(set(read[number])) == 1 else None
        return number if number is None or number < 0 else known[number]

    return [
        Wiring(
            tuple(through(source) for source in read[number]),
            tuple(known.get(owner[v.id], -1) for op in layer.ops for v in op.inputs if v.source == "parameter"),
            not any(op.kind in _COMMUTE for op in layer.ops),
        )
        for number, layer in enumerate(layers)
    ]


def _from_outside(layer: Group, number: int, made: Mapping[int, int], inputs: Mapping[int, int]) -> Iterator[int]:
    """The layers that made what it reads, each value once."""
    values: dict[int, Value] = {
        value.id: value for value in chain.from_iterable(op.inputs for op in layer.ops if op.kind != UNUSED)
    }
    for value in values.values():
        source = made.get(value.id, inputs.get(value.id))
        if source is not None and source != number:
            yield source
