"""Multiply-accumulates of a backward: the gradient of each input and of each weight that needs one."""

from zoo.extend import Column, Tally
from zoo.ops.gradients import backward_macs

COLUMN = Tally(
    Column(
        "backward_macs", "multiply-accumulates", "of the gradients: to the inputs and to the weights", order=21, on_request=True
    ),
    backward_macs,
)
