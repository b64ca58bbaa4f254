"""Multiply-accumulates of the backward pass: the gradients of all inputs and weights that require one."""

from zoo.extend import Column, Tally
from zoo.ops.gradients import backward_macs

COLUMN = Tally(
    Column(
        "backward_macs", "multiply-accumulates", "of the gradients: to the inputs and to the weights", order=21, on_request=True
    ),
    backward_macs,
)
