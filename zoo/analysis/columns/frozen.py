"""Frozen parameters: those without `requires_grad`."""

from zoo.analysis.counting import of_params
from zoo.extend import Column, Op, Sum


def frozen(op: Op) -> int:
    """As `params`, of those that do not require a gradient."""
    return sum(param.numel for param in op.owns if param.kind == "parameter" and not param.trainable)


COLUMN = Sum(
    Column("frozen", "elements", "parameters that do not require a gradient", order=12, on_request=True),
    frozen,
    of_params(lambda param: param.kind == "parameter" and not param.trainable),
)
