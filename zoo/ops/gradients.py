"""What a backward needs: which values have a gradient, what autograd keeps for it, and how it multiplies.

The record of an op says what it keeps and multiplies: torch's derivatives (tools/autograd/derivatives.yaml), checked by
experiment.
"""

from collections.abc import Iterator

from zoo.ops.book import RULES
from zoo.ops.count import Count
from zoo.ops.memory import OWN, storages
from zoo.ops.rule import Needs, Saved
from zoo.record.trace import Trace


def needs(trace: Trace) -> Iterator[Needs]:
    """For each op which of its inputs need a gradient: trainable parameters, and all that is computed from them.

    The network's inputs need none, unless they were given as tensors that require one. Where forward switches gradients off
    (`torch.no_grad()`), this does not notice.
    """
    have = {value.id: value.source == "variable" for value in trace.inputs}
    for op in trace.ops:
        owned = list(op.owns)
        for value in op.inputs:
            if value.id not in have and value.source in {"parameter", "buffer"} and owned:
                have[value.id] = owned.pop(0).trainable
        needed = tuple(have.get(value.id, False) for value in op.inputs)
        yield needed
        flows = any(needed) and not RULES[op.kind, op.traits].cuts_gradient
        have.update((value.id, flows and value.dtype.startswith(_FLOATING)) for value in op.outputs)


_FLOATING = ("float", "bfloat", "complex")


def saved(trace: Trace) -> list[int | Count]:
    """For each op the bytes that autograd keeps from it on for the backward: storages that no earlier op has kept, each whole.

    Not counted are parameters, buffers and constants, which the model holds anyway. An op without a rule is one unknown.
    """
    return [count if isinstance(count, Count) else count[1] + sum(value.nbytes for value in count[0]) for count in kept(trace)]


def kept(trace: Trace) -> Iterator[Saved | Count]:
    """For each op what `saved` counts: the storages, each by its first value, and the bytes that the op makes for itself."""
    base, seen = storages(trace), set[int]()
    for op, needed in zip(trace.ops, needs(trace), strict=True):
        differentiable = any(value.dtype.startswith(_FLOATING) for value in op.outputs)
        rule = RULES[op.kind, op.traits]
        if not any(needed) or not differentiable or rule.cuts_gradient:
            yield (), 0
        elif rule.saved is None:
            yield Count(0, {op.kind: 1})
        else:
            values, made = rule.saved(op, needed)
            found = {base[value.id].id: base[value.id] for value in values}
            fresh = [value for key, value in found.items() if key not in seen and value.source not in OWN]
            seen.update(found)
            yield fresh, made


def _reached(trace: Trace) -> list[bool]:
    """For each op whether a gradient of the network's outputs comes to it. Of a network whose outputs were not found, to each."""
    if not trace.outputs:
        return [True] * len(trace.ops)
    wanted = {value.id for value in trace.outputs}
    found = []
    for op in reversed(trace.ops):
        reached = not RULES[op.kind, op.traits].cuts_gradient and any(value.id in wanted for value in op.outputs)
        if reached:
            wanted.update(value.id for value in op.inputs)
        found.append(reached)
    return found[::-1]


def backward_macs(trace: Trace) -> list[int | Count]:
    """For each op the multiply-accumulates of its gradients, of those that are needed, if a gradient comes to it. An op without a
    rule is one unknown.
    """
    counts: list[int | Count] = []
    for op, needed, reached in zip(trace.ops, needs(trace), _reached(trace), strict=True):
        rule = RULES[op.kind, op.traits]
        if not any(needed) or not reached:
            counts.append(0)
        elif rule.backward_macs is None:
            counts.append(Count(0, {op.kind: 1}))
        else:
            counts.append(rule.backward_macs(op, needed))
    return counts
