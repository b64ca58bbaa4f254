"""Saved for backward: what autograd keeps of a forward in this mode until its gradients are computed."""

from zoo.analysis.engine import Tally
from zoo.analysis.gradients import keeps
from zoo.table import Column

PASS = Tally(
    Column("saved", "bytes", "kept for the backward: activations, masks, indices, statistics", order=53, on_request=True), keeps
)
