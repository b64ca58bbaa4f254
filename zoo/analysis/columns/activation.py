"""Activation: what is applied to the output of a layer with weights."""

from zoo.extend import Column, Group, OfOps, Op, Trace, Value
from zoo.ops.book import multiplies

_HANDS_ON = frozenset({"batch_norm", "dropout", "feature_dropout", "view", "flatten", "reshape"})
_NAMED = {
    "relu": "ReLU",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "softmax": "softmax",
    "log_softmax": "log softmax",
    "relu6": "ReLU6",
}
_ACTIVATIONS = frozenset(
    {*_NAMED, "gelu", "silu", "hardswish", "elu", "leaky_relu", "prelu", "selu", "mish", "hardtanh", "softplus"}
)


def shown(trace: Trace, group: Group) -> str | None:
    """The activation in the row, or the first one that reads what leaves it, normalisation and dropout between them aside."""
    if not any(multiplies(op.kind) or "pool" in op.kind for op in group.ops):
        return None
    inside = [op.kind for op in group.ops if op.kind in _ACTIVATIONS]
    if inside:
        return _NAMED.get(inside[-1], inside[-1])
    value = group.outputs[0] if group.outputs else None
    while value is not None:
        readers = [op for op in trace.ops if any(one.id == value.id for one in op.inputs)]
        if len(readers) != 1:
            return None
        if readers[0].kind in _ACTIVATIONS:
            return _NAMED.get(readers[0].kind, readers[0].kind)
        value = _handed_on(readers[0])
    return None


def _handed_on(op: Op) -> Value | None:
    """The output of an op that an activation may follow, such as the factor within a scaled tanh."""
    return op.output if op.kind in _HANDS_ON or (op.kind == "mul" and len(op.inputs) == 1) else None


COLUMN = OfOps(Column("activation", "", "what is applied to the output", order=8, on_request=True), shown)
