"""Activations: what a forward writes into new memory."""

from zoo.analysis.engine import Sum
from zoo.record import Op
from zoo.table import Column


def activations(op: Op) -> int:
    """Elements of the outputs, unless the op works in place, returns a view, or is dropout in evaluation mode."""
    idle = op.kind.endswith("dropout") and not op.attrs.get("train")
    return 0 if idle or not op.traits.isdisjoint({"view", "inplace"}) else sum(value.numel for value in op.outputs)


PASS = Sum(
    Column("activations", "elements", "outputs written into new memory: not views, not in place", order=50, priority=5),
    activations,
)
