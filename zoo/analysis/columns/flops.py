"""Floating-point operations: two for each multiply-accumulate, plus those of every other op."""

from zoo.analysis import counting
from zoo.extend import Column, Sum
from zoo.ops.arithmetic import flops

COLUMN = Sum(
    Column("flops", "operations", "2 × MACs, and biases, activations, pooling and normalisation", order=30, hide_order=4),
    flops,
    counting.flops,
)
