"""Activations: what a forward writes into new memory."""

from zoo.analysis.engine import Sum
from zoo.analysis.memory import written
from zoo.record import Op
from zoo.table import Column


def activations(op: Op) -> int:
    """Elements of the outputs, unless the op works in place, returns a view, or is dropout in evaluation mode."""
    return sum([value.numel for value in written(op)])


PASS = Sum(
    Column("activations", "elements", "outputs written into new memory: not views, not in place", order=50, priority=5),
    activations,
)
