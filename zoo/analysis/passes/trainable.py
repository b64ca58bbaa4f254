"""Trainable parameters: those with `requires_grad`."""

from zoo.analysis.engine import Sum
from zoo.record import Op
from zoo.table import Column


def trainable(op: Op) -> int:
    """As `params`, of those that require a gradient."""
    return sum(param.numel for param in op.owns if param.trainable)


PASS = Sum(Column("trainable", "elements", "parameters that require a gradient", order=11, on_request=True), trainable)
