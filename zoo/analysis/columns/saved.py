"""Saved for the backward pass: what autograd keeps from a forward pass in this mode until it has computed the gradients."""

from zoo.extend import Column, Tally
from zoo.ops.gradients import saved

COLUMN = Tally(
    Column("saved", "bytes", "kept for the backward pass: activations, masks, indices, statistics", order=53, on_request=True),
    saved,
)
