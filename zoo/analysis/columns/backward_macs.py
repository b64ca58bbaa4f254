"""Multiply-accumulates of the backward pass: the gradients of all inputs and weights that require one."""

from collections.abc import Sequence

from zoo.analysis.working import OfOp
from zoo.extend import Column, Line, Op, Tally, Trace
from zoo.ops.arithmetic import known_macs
from zoo.ops.gradients import backward_macs
from zoo.ops.working import product


def lines(trace: Trace) -> OfOp:
    """The multiply-accumulates of the forward, once for each gradient."""
    each = dict(zip(map(id, trace.ops), backward_macs(trace), strict=True))

    def of_op(op: Op) -> Sequence[Line]:
        count, forward = each[id(op)], known_macs(op)
        if not isinstance(count, int) or not forward or count % forward:
            return []
        says = "a gradient to the input and one to the weight take the products of the forward once each, where they are needed"
        return [product(op.kind, {"macs": forward, "gradients": count // forward}, count, says=says)]

    return of_op


COLUMN = Tally(
    Column(
        "backward_macs", "multiply-accumulates", "of the gradients: to the inputs and to the weights", order=21, on_request=True
    ),
    backward_macs,
    lines,
)
