"""Parameters. A shared parameter counts once, where the forward pass first reads it."""

from math import prod

from zoo.analysis.counting import of_params
from zoo.extend import Column, Op, Sum


def params(op: Op) -> int:
    """Elements of the parameters that no earlier op has read."""
    return sum([prod(param.shape) for param in op.owns if param.kind == "parameter"])


COLUMN = Sum(
    Column("params", "elements", "trainable and frozen parameters, shared ones once", order=10, hide_order=0),
    params,
    of_params(lambda param: param.kind == "parameter"),
)
