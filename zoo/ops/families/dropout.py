"""Dropout, which does nothing in evaluation mode."""

from math import prod

from zoo.ops.facts import same
from zoo.ops.rule import Needs, OpRule, Saved, Shape, Values, factors
from zoo.receptive import layout
from zoo.record.trace import Op


def idle(op: Op) -> bool:
    """In evaluation mode, or with nothing to drop."""
    return not (op.attrs.get("train") and op.attrs.get("p"))


@factors("elements", "in training")
def once(op: Op) -> Values:
    """In training one operation for each element."""
    return prod(op.outputs[0].shape), bool(op.attrs.get("train"))


@factors("elements", "in training", "operations each")
def twice(op: Op) -> Values:
    """In training two operations for each element."""
    return prod(op.outputs[0].shape), bool(op.attrs.get("train")), 2


def shape(op: Op) -> Shape | None:
    """The shape stays."""
    return same(op) if 0 <= op.attrs["p"] <= 1 else None


def channels_shape(op: Op) -> Shape | None:
    """The shape stays; there are channels."""
    return shape(op) if len(op.inputs[0].shape) > 1 else None


def saved(op: Op, needed: Needs) -> Saved:
    """A mask of the input's type, as on the CPU."""
    return ((), 0) if idle(op) else ((), op.inputs[0].nbytes)


def saved_by_channels(op: Op, needed: Needs) -> Saved:
    """A mask with one element for each channel of an input N×C×..."""
    x = op.inputs[0]
    return ((), 0) if idle(op) else ((), x.nbytes // prod(x.shape[2:]))


RULES = (
    OpRule("dropout", shape=shape, macs=0, other_flops=once, receptive_field=layout.same, saved=saved, idle=idle, whole=True),
    OpRule(
        "feature_dropout",
        shape=channels_shape,
        macs=0,
        other_flops=once,
        receptive_field=layout.same,
        saved=saved_by_channels,
        idle=idle,
        whole=True,
    ),
    OpRule("alpha_dropout", macs=0, other_flops=twice, receptive_field=layout.same, saved=saved, idle=idle, whole=True),
)
