"""An activation that has no effect, or comes twice."""

from collections.abc import Iterator

from zoo.extend import Hit, Network, Rule

_RECTIFIERS = frozenset({"relu", "abs"})
_NEVER_NEGATIVE = frozenset({"relu", "relu6", "sigmoid", "softmax", "softplus", "hardsigmoid", "abs", "exp", "square"})
# What is never negative stays so through these, if all of its inputs are.
_KEEP_SIGN = frozenset(
    "add mul cat stack dropout flatten view reshape permute transpose contiguous chunk split select slice squeeze unsqueeze"
    " mean sum channel_shuffle upsample_nearest2d upsample_bilinear2d adaptive_max_pool2d max_pool2d avg_pool2d"
    " adaptive_avg_pool2d".split()
)
_SMOOTH = frozenset({"gelu", "silu", "mish", "sigmoid", "tanh", "elu", "selu", "leaky_relu", "hardswish", "prelu", "celu"})


def check(network: Network) -> Iterator[Hit]:
    """Rectifiers of what is never negative, and the same other activation twice in succession."""
    positive: set[int] = set()
    for op in network.ops:
        maker = network.maker(op.inputs[0]) if op.inputs else None
        never_negative = all(value.id in positive for value in op.inputs) and bool(op.inputs)
        if op.kind in _RECTIFIERS and never_negative and maker is not None:
            what = f"{op.kind} without effect: its input is never negative"
            yield Hit(op, what, {"elements": op.output.numel, "input": network.name(maker)})
        elif op.kind in _SMOOTH and maker is not None and maker.kind == op.kind and network.only_reader(maker) is op:
            what = f"{op.kind} of what another {op.kind} has just made"
            yield Hit(op, what, {"elements": op.output.numel, "input": network.name(maker)})
        plain = op.kind != "add" or op.attrs.get("alpha", 1) == 1
        if op.kind in _NEVER_NEGATIVE or (op.kind in _KEEP_SIGN and never_negative and plain and _no_numbers(op.attrs)):
            positive.update(value.id for value in op.outputs)


def _no_numbers(attrs: object) -> bool:
    """Whether no other operand is a number, which might be negative."""
    return isinstance(attrs, dict) and not isinstance(attrs.get("other"), int | float)


RULE = Rule(
    name="redundant-activation",
    finds="a rectifier of what is never negative, or the same activation twice in succession",
    why="ReLU changes nothing where its input is never negative, and costs a pass over the map. A saturating activation that "
    "is applied twice shrinks the gradient twice. Both are usually mistakes: an activation in the block, and another one "
    "after it.",
    source="By definition: max(0, x) = x for x >= 0",
    remedy="Remove one of the two.",
    check=check,
)
