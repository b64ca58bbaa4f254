"""Bytes of the activations: each output that takes new memory, in its own type."""

from zoo.analysis.engine import Sum
from zoo.analysis.memory import written
from zoo.record import Op
from zoo.table import Column


def activation_bytes(op: Op) -> int:
    """As `activations`, in bytes."""
    return sum(value.nbytes for value in written(op))


PASS = Sum(Column("activation_bytes", "bytes", "outputs written into new memory", order=51, on_request=True), activation_bytes)
