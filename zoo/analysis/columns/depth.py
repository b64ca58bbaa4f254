"""Depth: layers with weights on the longest path, the number in the networks' names."""

from collections.abc import Sequence
from functools import cache

from zoo.extend import Column, Flow, Op, Value

_PRODUCTS = frozenset(["matmul", "mm", "bmm", "mv", "addmm", "baddbmm", "addmv"])
_RECURRENT = frozenset(["lstm", "gru", "rnn_tanh", "rnn_relu"])


def start(value: Value) -> int:
    """No layer yet."""
    return 0


def rule(op: Op, depths: tuple[int | None, ...]) -> int | None:
    """The deepest input, and one more for a convolution, a linear layer or a product with weights."""
    known = [depth for depth in depths if depth is not None]
    return max(known) + layers(op, depths) if known else None


def layers(op: Op, depths: tuple[int | None, ...]) -> int:
    """How many layers with weights the op is. Weights are what does not depend on the network's input."""
    if op.kind in _RECURRENT:
        return int(op.attrs.get("num_layers", 1))
    return int(None in depths) if op.kind in _PRODUCTS else int(_weighted(op.kind))


@cache
def _weighted(kind: str) -> bool:
    return "conv" in kind or kind in {"linear", "bilinear"} or kind.endswith("_cell")


def cell(depths: Sequence[int | None]) -> int | None:
    """The deepest of what leaves."""
    return max((depth for depth in depths if depth is not None), default=None)


COLUMN = Flow(Column("depth", "layers", "layers with weights on the longest path", order=60, hide_order=3), start, rule, cell)
