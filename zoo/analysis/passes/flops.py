"""Floating-point operations: two for each multiply-accumulate, and those of every other op."""

from zoo.analysis.arithmetic import flops
from zoo.analysis.engine import Sum
from zoo.table import Column

PASS = Sum(
    Column("flops", "operations", "2 × MACs, and biases, activations, pooling and normalisation", order=30, priority=4), flops
)
