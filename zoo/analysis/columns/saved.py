"""Saved for the backward pass: what autograd keeps from a forward pass in this mode until it has computed the gradients."""

from collections.abc import Sequence
from math import prod

from zoo.analysis.working import OfOp
from zoo.extend import Column, Count, Line, Op, Tally, Trace
from zoo.ops.gradients import kept, saved
from zoo.ops.working import product, shape_factors, total
from zoo.record.trace import bytes_each


def lines(trace: Trace) -> OfOp:
    """Each tensor that an op is the first to keep, and what it makes for itself."""
    each = dict(zip(map(id, trace.ops), kept(trace), strict=True))

    def of_op(op: Op) -> Sequence[Line]:
        found = each[id(op)]
        if isinstance(found, Count):
            return []
        values, made = found
        says = f"kept by {op.kind}"
        sizes = [{**shape_factors(value), "bytes each": bytes_each(value.dtype)} for value in values]
        own = [product(f"tensor {i}", size, prod(size.values()), says=says) for i, size in enumerate(sizes)]
        if made:
            own.append(Line("made", "{made}", {"made": made}, made, says=f"{op.kind} makes it: a mask, indices or statistics"))
        terms = [(line.label, line.result) for line in own]
        return own if len(own) < 2 else [*own, total(op.kind, terms, sum(line.result for line in own))]

    return of_op


COLUMN = Tally(
    Column("saved", "bytes", "kept for the backward pass: activations, masks, indices, statistics", order=53, on_request=True),
    saved,
    lines,
)
