"""Activations: elements that a forward pass writes into newly allocated memory."""

from zoo.analysis.counting import of_written
from zoo.extend import Column, Op, Sum
from zoo.ops.memory import written


def activations(op: Op) -> int:
    """Elements of the outputs, unless the op works in place, returns a view, or is dropout in evaluation mode."""
    return sum([value.numel for value in written(op)])


COLUMN = Sum(
    Column("activations", "elements", "outputs written into new memory: not views, not in place", order=50, hide_order=5),
    activations,
    of_written(),
)
