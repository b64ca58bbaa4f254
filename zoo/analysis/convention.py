"""What `macs` and `flops` count, as a named set of rules; and how other tools see a model: by op, or by layer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zoo.ops.arithmetic import macs
from zoo.ops.count import Count
from zoo.record.trace import UNUSED, Call, Op, Trace, Value

Counts = Callable[[Trace], Sequence[int | Count]]
"""A count for each op of a trace, in their order. What a tool counts for a layer as a whole stands at its costliest op."""


@dataclass(frozen=True)
class Convention:
    """A rule book under its name. `says` is the line beneath a table, `tool` the tool and version whose figure it reproduces.

    The figure of a tool is in `macs`, whatever the tool calls it, unless the line says otherwise; `flops` are then twice as many.
    `sees` is "ops", or "layers" where a count stands for all ops of a module's call.
    """

    name: str
    says: str
    macs: Counts
    flops: Counts
    tool: str = ""
    sees: str = "ops"


def of_tool(name: str, tool: str, says: str, macs: Counts, sees: str = "ops") -> Convention:
    """Return the convention of a tool that reports one number."""
    return Convention(name, says, macs, lambda trace: [count + count for count in macs(trace)], tool, sees)


def by_op(rule: Callable[[Op], int | Count]) -> Counts:
    """A tool that sees the ops."""
    return lambda trace: [rule(op) for op in trace.ops]


@dataclass(frozen=True)
class Layer:
    """One call of a module, with the ops that it runs itself."""

    call: Call
    ops: tuple[Op, ...]

    def op(self, *kinds: str) -> Op | None:
        """Return the first op of one of these kinds."""
        return next((op for op in self.ops if op.kind in kinds), None)


def by_layer(rule: Callable[[Layer], int]) -> Counts:
    """A tool that uses hooks of modules and recognises them by class."""

    def counts(trace: Trace) -> list[int | Count]:
        own: dict[int, list[int]] = {}
        for index, op in enumerate(trace.ops):
            if op.kind != UNUSED:
                own.setdefault(op.call, []).append(index)
        found: list[int | Count] = [0] * len(trace.ops)
        for call, indices in own.items():
            ops = tuple(trace.ops[i] for i in indices)
            place = indices[0] if len(ops) == 1 else max(indices, key=lambda i: (Count() + macs(trace.ops[i])).known)
            found[place] = rule(Layer(trace.calls[call], ops))
        return found

    return counts


def both(one: Counts, other: Counts) -> Counts:
    """A tool that sees layers, and ops besides."""
    return lambda trace: [a + b for a, b in zip(one(trace), other(trace), strict=True)]


def first_role(op: Op, *roles: str) -> Value | None:
    """Return the first input under one of these names."""
    return next((value for value, role in zip(op.inputs, op.roles, strict=True) if role in roles), None)
