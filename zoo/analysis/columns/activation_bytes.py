"""Bytes of the activations: every output in newly allocated memory, in its own type."""

from zoo.analysis.counting import of_written
from zoo.extend import Column, Op, Sum
from zoo.ops.memory import written


def activation_bytes(op: Op) -> int:
    """As `activations`, in bytes."""
    return sum(value.nbytes for value in written(op))


COLUMN = Sum(
    Column("activation_bytes", "bytes", "outputs written into new memory", order=51, on_request=True),
    activation_bytes,
    of_written(in_bytes=True),
)
