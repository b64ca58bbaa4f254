"""What can be known of a kind of op: one record, all facts optional. What a record does not say is unknown, never zero. No torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from zoo.tracing.record import Op, Value

if TYPE_CHECKING:
    from zoo.receptive.spans import Field, Spans

Shape = tuple[int, ...]

Factors = Mapping[str, int | float]
"""The working of a cost: factors by name, whose product is the cost."""

Cost = Callable[[Op], Factors | None] | int
"""From an op to the factors of its cost, None where the cost depends on values; or the number 0, where nothing is computed."""

Needs = Sequence[bool]
"""For each input of an op, whether the backward needs a gradient of it."""

Saved = tuple[Sequence[Value], int]
"""Values whose storage autograd keeps, and bytes of what the op makes for itself (a mask, indices, statistics)."""


@dataclass(frozen=True, slots=True)
class OpRule:
    """The facts of one kind of op, or of several kinds that have the same facts.

    Every fact is optional. A column reports as unknown what the record does not say; a cost of zero is said as 0.

    Arguments:
        kinds: the kinds as a trace writes them, separated by spaces: "conv2d", "acme::fused_norm".
        shape: the shape of the output, or a list of one for each output, from the inputs and attributes of an op that has no outputs
            yet; None if it cannot be told, or if torch refuses these inputs. The outputs have the type of the first input.
        macs: factors of the multiply-accumulates, or 0.
        other_flops: factors of the floating-point operations besides two for each multiply-accumulate, or 0.
        receptive_field: the field of the output (or a list of one for each output) from the fields of the inputs, None for an input
            that does not depend on the network's. Functions of `zoo.receptive` do this.
        layers: how many layers with weights it adds to the depth; or a function of the op and of which inputs depend on the network's.
            An op without multiply-accumulates adds none.
        saved: the values and bytes that autograd keeps for the backward.
        backward_macs: multiply-accumulates of the gradients that are needed. An op without multiply-accumulates has none.
        refusal: why the op refuses its inputs, in the words of a network's author; None if it does not, or for another reason.
        idle: whether the op hands on its input as it is, as dropout does in evaluation mode.
        cuts_gradient: no gradient passes.
        picks: of the first input only as many elements are read as are written.
        whole: a trace keeps the op whole, although torch could take it apart.
        any_layout: the output of torch is contiguous in memory, whatever strides the inputs have.

    Example:
        >>> def macs(op):
        ...     weight = op.input("weight")
        ...     return {"N": op.output.shape[0], "out": weight.shape[0], "in": weight.shape[1]}
        >>> OpRule("acme::linear_relu", macs=macs, layers=1).kinds
        'acme::linear_relu'
    """

    kinds: str
    shape: "Callable[[Op], Shape | Sequence[Shape] | None] | None" = None
    macs: Cost | None = None
    other_flops: Cost | None = None
    receptive_field: "Callable[[Op, Sequence[Spans | None]], Field | list[Field | None] | None] | None" = None
    layers: "Callable[[Op, Sequence[bool]], int] | int | None" = None
    saved: Callable[[Op, Needs], Saved] | None = None
    backward_macs: Callable[[Op, Needs], int] | None = None
    refusal: Callable[[Op], str | None] | None = None
    idle: Callable[[Op], bool] | None = None
    cuts_gradient: bool = False
    picks: bool = False
    whole: bool = False
    any_layout: bool = False


def total(factors: Factors) -> int:
    """The product of the factors, rounded to a whole number.

    >>> total({"rows": 24, "in": 16, "out": 32})
    12288
    """
    found = prod(factors.values())
    return found if isinstance(found, int) else round(found)


FACTS = ("shape", "macs", "other_flops", "receptive_field", "layers", "saved", "backward_macs")
"""The facts that every op has, known or not."""


def fact(rule: OpRule, name: str) -> Any:
    """A fact of a record by its name, None if it is absent. An op without multiply-accumulates has no layers and no products."""
    found = getattr(rule, name)
    return 0 if found is None and rule.macs == 0 and name in {"layers", "backward_macs"} else found
