"""What can be known of a kind of op: one record, all facts optional. What a record does not say is unknown, never zero."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from zoo.ops.count import Count
from zoo.record.trace import Op, Value

if TYPE_CHECKING:
    from zoo.ops.window import Axis
    from zoo.receptive.spans import Field, Spans

Shape = tuple[int, ...]

Values = Sequence[int | float]
Factors = Mapping[str, int | float]
"""The working of a cost: factors by name, whose product is the cost."""


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost as the product of factors. `values` gives them for an op, or None where the cost depends on the values of tensors.

    `names` are what the factors are called, or a function of the op where that depends on it. Whoever counts asks for the values
    alone, whoever explains for both, so that the working that is printed is what was counted. Made by `factors`.
    """

    names: tuple[str, ...] | Callable[[Op], Sequence[str]]
    values: Callable[[Op], Values | None]

    def __call__(self, op: Op) -> int | Count:
        """The product of the factors, or one unknown: a function for the column `Sum`."""
        count = self.count(op)
        return Count(0, {op.kind: 1}) if count is None else count

    def count(self, op: Op) -> int | None:
        """The product of the factors, rounded to a whole number; None if it is not known."""
        values = self.values(op)
        return None if values is None else round(prod(values))

    def working(self, op: Op) -> Factors | None:
        """The factors by name; None if they are not known. Raises `ValueError` for more or fewer factors than names."""
        values = self.values(op)
        names = self.names if isinstance(self.names, tuple) else self.names(op)
        return None if values is None else dict(zip(names, values, strict=True))


def factors(*names: str, by: Callable[[Op], Sequence[str]] | None = None) -> Callable[[Callable[[Op], Values | None]], Cost]:
    """Make a cost of a function that returns the values of these factors; `by` names them where the names depend on the op.

    >>> @factors("rows", "in", "out")
    ... def macs(op):
    ...     return 24, 16, 32
    >>> macs.count(None), macs.working(None)
    (12288, {'rows': 24, 'in': 16, 'out': 32})
    """
    return lambda values: Cost(by or names, values)


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
        shape: the shape of the output, or a list of one for each output, of an op that has no outputs yet; None if it cannot be
            told, or if torch refuses these inputs. The outputs have the type of the first input.
        macs: the multiply-accumulates as a product of named factors, or 0.
        other_flops: the floating-point operations besides two for each multiply-accumulate, in the same way.
        receptive_field: the field of the output (or a list of one for each output) from the fields of the inputs, None for an input
            that does not depend on the network's. Functions of `zoo.receptive` do this.
        layers: how many layers with weights it adds to the depth, or a function of the op and of which inputs depend on the
            network's. An op without multiply-accumulates adds none.
        saved: the values and bytes that autograd keeps for the backward.
        backward_macs: multiply-accumulates of the gradients that are needed. An op without multiply-accumulates has none.
        refusal: why the op refuses its inputs, in the words of a network's author; None if it does not, or for another reason.
        idle: whether the output of the op is its input, as that of dropout in evaluation mode.
        cuts_gradient: no gradient passes.
        picks: of the first input only as many elements are read as are written.
        whole: a trace keeps the op whole, although torch could take it apart.
        window: the window that slides over the input, by axis.
        any_layout: the output of torch is contiguous in memory, whatever strides the inputs have.

    Example:
        >>> @factors("N", "out", "in")
        ... def macs(op):
        ...     return op.output.shape[0], *op.input("weight").shape
        >>> OpRule("acme::linear_relu", macs=macs, layers=1).kinds
        'acme::linear_relu'
    """

    kinds: str
    shape: "Callable[[Op], Shape | Sequence[Shape] | None] | None" = None
    macs: Cost | int | None = None
    other_flops: Cost | int | None = None
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
    window: "Callable[[Op], Sequence[Axis] | None] | None" = None


FACTS = ("shape", "macs", "other_flops", "receptive_field", "layers", "saved", "backward_macs")
"""The facts that every op has, known or not."""
