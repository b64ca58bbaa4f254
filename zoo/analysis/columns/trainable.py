"""Trainable parameters: those with `requires_grad`."""

from zoo.analysis.counting import of_params
from zoo.extend import Column, Op, Sum


def trainable(op: Op) -> int:
    """As `params`, of those that require a gradient."""
    return sum(param.numel for param in op.owns if param.trainable)


COLUMN = Sum(
    Column("trainable", "elements", "parameters that require a gradient", order=11, on_request=True),
    trainable,
    of_params(lambda param: param.trainable),
)
