"""Activations: elements that a forward pass writes into newly allocated memory."""

from zoo.analysis.counting import of_written
from zoo.extend import Column, Sum
from zoo.ops.memory import elements_written

COLUMN = Sum(
    Column("activations", "elements", "outputs written into new memory: not views, not in place", order=50, hide_order=5),
    elements_written,
    of_written(),
)
