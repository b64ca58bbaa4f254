"""Multiply-accumulates of convolutions, linear layers, matrix products, attention and recurrent layers."""

from zoo.analysis.arithmetic import macs
from zoo.analysis.engine import Sum
from zoo.table import Column

PASS = Sum(
    Column("macs", "multiply-accumulates", "weight uses, without biases; padded positions included", order=20, priority=0), macs
)
