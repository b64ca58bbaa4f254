"""A walk over a trace that carries a state along its edges. Without torch."""

from collections.abc import Callable
from operator import attrgetter
from typing import TypeVar

from zoo.record.trace import Op, Trace, Value

State = TypeVar("State")
Rule = Callable[[Op, tuple[State | None, ...]], State | list[State | None] | None]
"""From an op and the states of its inputs (None for parameters and constants) to that of its outputs, or a list of one for each."""

_id = attrgetter("id")


def carry(trace: Trace, start: Callable[[Value], State], rule: Rule[State]) -> dict[int, State | None]:
    """The state of each value, by its id: of the inputs, and of the outputs of each op. See `Flow`."""
    states: dict[int, State | None] = {value.id: start(value) for value in trace.inputs}
    for op in trace.ops:
        state = rule(op, tuple(map(states.get, map(_id, op.inputs))))
        if isinstance(state, list):
            states.update((value.id, own) for value, own in zip(op.outputs, state, strict=True))
        else:
            for value in op.outputs:
                states[value.id] = state
    return states
