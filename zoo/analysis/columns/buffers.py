"""Buffers: state other than parameters, such as the running statistics of batch normalisation."""

from zoo.analysis.counting import of_params
from zoo.extend import Column, Op, Sum


def buffers(op: Op) -> int:
    """Elements of the buffers that no earlier op has read."""
    return sum(param.numel for param in op.owns if param.kind == "buffer")


COLUMN = Sum(
    Column("buffers", "elements", "state other than parameters, such as running statistics", order=13, on_request=True),
    buffers,
    of_params(lambda param: param.kind == "buffer"),
)
