"""Where tensors live: which op writes into new memory, which values share storage, and from when to when a storage is needed.

A storage is named by the value that was first in it. In-place ops and views stay in the storage of what they work on.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from math import prod

from zoo.ops.book import RULES
from zoo.record.trace import UNUSED, Op, Trace, Value

OWN = frozenset({"parameter", "buffer", "constant"})
"""Sources of values that the model holds before and after a forward."""


def idle(op: Op) -> bool:
    """Whether its output is its input: dropout in evaluation mode, or with probability 0."""
    hands_on = RULES[op.kind, op.traits].idle
    return hands_on is not None and hands_on(op)


def written(op: Op) -> tuple[Value, ...]:
    """The outputs for which the op takes new memory: those of views, of in-place ops and of idle dropout need none."""
    return op.outputs if op.traits.isdisjoint(_SHARING) and not idle(op) else ()


def elements_written(op: Op) -> int:
    """Elements of the outputs for which the op takes new memory."""
    return sum([prod(value.shape) for value in written(op)])


_SHARING = frozenset({"view", "inplace"})


def traffic(op: Op) -> Sequence[tuple[str, int]]:
    """What the op reads and writes, with its bytes: each of its inputs once, parameters among them, then its outputs.

    A view moves nothing, and neither does an idle op. Where some elements are picked out of a tensor, as many are read as written.
    """
    if idle(op) or "view" in op.traits or op.kind == UNUSED:
        return ()
    read = {value.id: (role, value.nbytes) for role, value in zip(op.roles, op.inputs, strict=True)}
    if op.inputs and RULES[op.kind, op.traits].picks:
        read[op.inputs[0].id] = op.roles[0], op.output.nbytes
    return *read.values(), *[("output", value.nbytes) for value in op.outputs]


def moved(op: Op) -> int:
    """Bytes that the op reads and writes."""
    return sum(count for _, count in traffic(op))


def storages(trace: Trace) -> Mapping[int, Value]:
    """For the id of each value that the forward met, the value whose storage it shares; its own if it shares none."""
    base = {value.id: value for value in trace.inputs}
    for op in trace.ops:
        for value in op.inputs:
            base.setdefault(value.id, value)
        shared = None if written(op) or not op.inputs else base[(op.input("out") or op.inputs[0]).id]
        base.update((value.id, shared or value) for value in op.outputs)
    for value in trace.outputs:
        base.setdefault(value.id, value)
    return base


def live(trace: Trace) -> list[int]:
    """Bytes that are needed while each op runs, if every storage is given back after the last op that reads it.

    Counted are the network's inputs, throughout, since the caller holds them; its outputs, from when they are made; what lies
    between, from the op that makes it to the last one that reads it or a view of it. Not counted are parameters, buffers and
    constants, and what a kernel takes for itself.
    """
    count = len(trace.ops)
    change = [0] * (count + 2)
    for value, first, last in lives(trace):
        change[first] += value.nbytes
        change[last + 1] -= value.nbytes
    return list(accumulate(change))[:count]


def alive(trace: Trace, index: int) -> list[Value]:
    """The storages that `live` counts while op `index` runs, each by the value that was first in it."""
    return [value for value, first, last in lives(trace) if first <= index <= last]


def lives(trace: Trace) -> Iterator[tuple[Value, int, int]]:
    """Yield each storage of an activation, and the indices of the first and the last op at which it is needed."""
    base = storages(trace)
    count = len(trace.ops)
    born = {value.id: 0 for value in trace.inputs}
    last = {value.id: count for value in (*trace.inputs, *(base[value.id] for value in trace.outputs))}
    held = {value.id: value for value in trace.inputs}
    for index, op in enumerate(trace.ops):
        for storage in (base[value.id] for value in (*op.inputs, *op.outputs)):
            if storage.source not in OWN:
                held[storage.id] = storage
                born.setdefault(storage.id, index)
                last[storage.id] = max(index, last.get(storage.id, 0))
    for key, storage in held.items():
        yield storage, born[key], last[key]
