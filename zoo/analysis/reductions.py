"""How far the maps of each layer are reduced: the stage that every layer of a network belongs to.

`zoo.analysis.stages` finds the maps that a network returns at each resolution. Here every layer belongs to a stage, so that the
stages add up to the whole network.

Start with `stages_of_rows`.
"""

from collections.abc import Mapping, Sequence
from math import log, log2
from typing import Any

from zoo.analysis.choose import columns
from zoo.analysis.rows import Group
from zoo.record.trace import UNUSED, Trace

TOKENS = 1 << 29
"""The stage of what has positions in a row (N×L×D): greater than any reduction, so that it comes after the maps."""
HEAD = 1 << 30
"""The stage of what has no positions, and is not read by what has: the last of all."""
_PRODUCTS = frozenset({"matmul", "bmm", "baddbmm", "softmax", "einsum"})  # whose square outputs may look like maps
_SUMS = frozenset({"add", "mul"})  # with a parameter, such as the biases of positions
_UNEVEN = log(1.3)


def stages_of_rows(trace: Trace, rows: Sequence[Group]) -> list[int]:
    """The stage of each row: the power of two by which its maps are smaller than the input, `TOKENS` or `HEAD`.

    What gives no maps but is read on the way to some (a squeeze-and-excitation gate, windows of tokens) belongs to the stage of
    these; so does what a norm or an activation in another layout gives.
    """
    sizes = trace.inputs[0].shape[2:] if trace.inputs else ()
    readers, mixed, fed = _readers(rows), _mixed(rows), _fed(trace, rows)
    batch = trace.inputs[0].shape[:1] if trace.inputs else ()
    fields, _ = columns()["rf"].measure(trace, rows)
    found = [HEAD] * len(rows)
    for number in range(len(rows) - 1, -1, -1):  # readers come later
        shape = rows[number].outputs[0].shape if rows[number].outputs else ()
        behind = min((found[reader] for reader in readers[number] if reader > number), default=HEAD)
        maps = number in fed and number not in mixed and shape[:1] == batch  # windows stand one after the other in the batch
        own = reduction(shape, sizes) if maps else None
        if own is not None:
            stride = _by_field(fields[number])
            found[number] = stride if stride in {own, own // 2} else own
        elif number in mixed or (len(shape) == 3 and min(shape[1:]) > 1):
            found[number] = min(behind, TOKENS)
        else:
            found[number] = behind
    return found


def _by_field(field: Mapping[str, Any] | None) -> int | None:
    """The power of two of the receptive field's stride: maps are smaller than that where a convolution without padding cuts off."""
    stride = (field or {}).get("stride")
    return 1 << max(round(log2(max(stride))), 0) if stride and min(stride) > 0 else None


def _fed(trace: Trace, rows: Sequence[Group]) -> set[int]:
    """The rows that depend on the input: not what is made of parameters alone, such as the biases of positions."""
    reached = {value.id for value in trace.inputs}
    found = set()
    for number, row in enumerate(rows):
        for op in row.ops:
            if any(value.id in reached for value in op.inputs):
                reached.update(value.id for value in op.outputs)
                found.add(number)
    return found


def _mixed(rows: Sequence[Group]) -> set[int]:
    """The rows that give products of activations, such as attention weights, or what is made of these without weights."""
    products: set[int] = set()
    found = set()
    for number, row in enumerate(rows):
        for op in row.ops:
            weighted = any(value.source == "parameter" for value in op.inputs) and op.kind not in _SUMS
            if op.kind in _PRODUCTS or (not weighted and any(value.id in products for value in op.inputs)):
                products.update(value.id for value in op.outputs)
        if any(value.id in products for value in row.outputs):
            found.add(number)
    return found


def _readers(rows: Sequence[Group]) -> list[set[int]]:
    """By row, the rows that read what it gives."""
    made: dict[int, int] = {}
    readers: list[set[int]] = [set() for _ in rows]
    for number, row in enumerate(rows):
        for op in row.ops:
            for value in op.inputs if op.kind != UNUSED else ():
                if (source := made.get(value.id, number)) != number:
                    readers[source].add(number)
            made.update((value.id, number) for value in op.outputs)
    return readers


def reduction(shape: Sequence[int], sizes: Sequence[int]) -> int | None:
    """By which power of two maps of that shape are smaller than the input, along each axis alike; None if they are not maps.

    Channels may come second or last, whichever leaves the axes reduced more evenly.

    >>> reduction((1, 256, 14, 14), (224, 224)), reduction((1, 56, 56, 96), (224, 224)), reduction((1, 1000), (224, 224))
    (16, 4, None)
    """
    if not sizes or len(shape) != len(sizes) + 2:
        return None
    spread, _, maps = min((_spread(maps, sizes), last, maps) for last, maps in enumerate((tuple(shape[2:]), tuple(shape[1:-1]))))
    if min(maps) <= 1 < min(sizes) or spread > _UNEVEN:
        return None
    return 1 << max(round(log2(sizes[0] / maps[0])), 0)


def _spread(maps: Sequence[int], sizes: Sequence[int]) -> float:
    """How unlike the reductions along the axes are: the logarithm of the largest by the smallest."""
    factors = [log(size / n) for n, size in zip(maps, sizes, strict=True)]
    return max(factors) - min(factors)
