"""Parameters. A shared or tied one counts once, where the forward reads it first."""

from zoo.analysis.engine import Sum
from zoo.record import Op
from zoo.table import Column


def params(op: Op) -> int:
    """Elements of the parameters that no earlier op has read."""
    return sum(param.numel for param in op.owns if param.kind == "parameter")


PASS = Sum(Column("params", "elements", "trainable and frozen parameters, shared ones once", order=10, priority=0), params)
