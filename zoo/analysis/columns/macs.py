"""Multiply-accumulates of convolutions, linear layers, matrix products, attention and recurrent layers."""

from zoo.analysis import counting
from zoo.extend import Column, Sum, macs

COLUMN = Sum(
    Column("macs", "multiply-accumulates", "weight uses, without biases; padded positions included", order=20, hide_order=0),
    macs,
    counting.macs,
)
