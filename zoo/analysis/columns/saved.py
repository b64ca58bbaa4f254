"""Saved for backward: what autograd keeps of a forward in this mode until its gradients are computed."""

from zoo.extend import Column, Tally
from zoo.ops.gradients import saved

COLUMN = Tally(
    Column("saved", "bytes", "kept for the backward: activations, masks, indices, statistics", order=53, on_request=True), saved
)
