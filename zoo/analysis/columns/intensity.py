"""Arithmetic intensity: multiply-accumulates per byte of memory traffic; none where nothing is moved."""

from zoo.analysis.columns import macs
from zoo.analysis.counting import of_traffic
from zoo.extend import Column, Quotient, Sum
from zoo.ops.memory import moved

COLUMN = Quotient(
    Column("intensity", "MACs per byte", "MACs per byte of inputs, outputs and parameters", order=22, on_request=True),
    macs.COLUMN,
    Sum(Column("bytes", "bytes", "what each op reads and writes by itself"), moved, of_traffic),
)
