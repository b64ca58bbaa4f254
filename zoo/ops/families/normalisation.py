"""Normalisation over batches, layers, groups or instances. Inputs are N×C×..., weights have one element for each channel."""

from math import prod

from zoo.ops.facts import FLOATING, each_input, given
from zoo.ops.rule import Needs, OpRule, Saved, Shape, Values, factors
from zoo.receptive import layout, sums
from zoo.record.trace import Op, Value


@factors("elements read", "operations each")
def batch_norm_flops(op: Op) -> Values:
    """2 in evaluation mode (scale and shift); 7 in training (mean 1, deviation 1, variance 2, scale 1, weight and bias 2)."""
    training = op.attrs.get("training", op.attrs.get("use_input_stats", False))
    return op.inputs[0].numel, 7 if training else 2


@factors("elements read", "operations each")
def norm_flops(op: Op) -> Values:
    """Statistics are computed on the way: 5 (mean 1, deviation 1, variance 2, scale 1), and 2 for weight and bias."""
    return op.inputs[0].numel, 7 if "weight" in op.roles else 5


@factors("elements read", "operations each")
def rms_norm_flops(op: Op) -> Values:
    """Square 1, mean 1, scale 1, and the weight."""
    return op.inputs[0].numel, 4 if "weight" in op.roles else 3


# Shapes ---------------------------------------------------------------------------------------------------------------


def batch_norm_shape(op: Op) -> Shape | None:
    """The shape stays; every vector given has one element per channel."""
    x, *vectors = op.inputs
    mean, var = "running_mean" in op.roles, "running_var" in op.roles
    if mean != var or not (mean or op.attrs["training"]) or len(x.shape) < 2 or not x.dtype.startswith(FLOATING):
        return None
    channels = x.shape[1:2]
    for vector in vectors:
        if vector.shape != channels:
            return None
    if op.attrs["training"] and 0 < x.numel == channels[0]:  # one value has no variance: torch.nn.functional refuses it
        return None
    return x.shape


def layer_norm_shape(op: Op) -> Shape | None:
    """The shape stays; it ends with the normalised one."""
    x, *vectors = op.inputs
    shape = op.attrs["normalized_shape"]
    fits = x.shape[-len(shape) :] == shape and x.dtype.startswith(FLOATING) and all(v.shape == shape for v in vectors)
    return x.shape if fits else None


def rms_norm_shape(op: Op) -> Shape | None:
    """As `layer_norm_shape`, in one type."""
    one_type = all(value.dtype == op.inputs[0].dtype for value in op.inputs)
    return layer_norm_shape(op) if one_type and op.attrs["normalized_shape"] else None


def group_norm_shape(op: Op) -> Shape | None:
    """The shape stays; groups of equal size make up the channels, and a vector given has one element for each of these."""
    x, *vectors = op.inputs
    groups = op.attrs["num_groups"]
    if not x.dtype.startswith(FLOATING) or len(x.shape) < 2 or groups < 1 or x.shape[1] % groups or min(x.shape) < 1:
        return None
    return x.shape if all(v.shape == x.shape[1:2] for v in vectors) else None


# What a backward keeps ------------------------------------------------------------------------------------------------


def _statistics(x: Value, count: int) -> int:
    """Bytes of so many statistics, of at least four bytes each."""
    return count * max(4, x.nbytes // max(x.numel, 1))


def saved_by_batch_norm(op: Op, needed: Needs) -> Saved:
    """The input N×C×..., and mean and deviation of each of the C channels if they are taken from the batch."""
    x = op.inputs[0]
    return given(op, "input", "weight"), _statistics(x, 2 * x.shape[1]) if op.attrs.get("training") else 0


def saved_by_instance_norm(op: Op, needed: Needs) -> Saved:
    """As of a batch norm with N·C channels, the weight repeated for each image."""
    x, weight = op.inputs[0], op.input("weight")
    planes = x.shape[0] * x.shape[1]
    repeated = planes * weight.nbytes // weight.numel if weight else 0
    return (x,), _statistics(x, 2 * planes) + repeated


def saved_by_layer_norm(op: Op, needed: Needs) -> Saved:
    """The input, and mean and deviation of each normalised vector."""
    x = op.inputs[0]
    vectors = x.numel // max(prod(op.attrs["normalized_shape"]), 1)
    return given(op, "input", "weight", "bias"), _statistics(x, 2 * vectors)


def saved_by_group_norm(op: Op, needed: Needs) -> Saved:
    """The input, and mean and deviation of each group of each image."""
    x = op.inputs[0]
    return given(op, "input", "weight"), _statistics(x, 2 * x.shape[0] * op.attrs["num_groups"])


def saved_by_weight_norm(op: Op, needed: Needs) -> Saved:
    """Direction and length, and the norms."""
    return (*op.inputs, *op.outputs[1:]), 0


RULES = (
    OpRule(
        "batch_norm",
        shape=batch_norm_shape,
        macs=0,
        other_flops=batch_norm_flops,
        receptive_field=layout.same,
        saved=saved_by_batch_norm,
        whole=True,
    ),
    OpRule(
        "layer_norm",
        shape=layer_norm_shape,
        macs=0,
        other_flops=norm_flops,
        receptive_field=sums.layer_norm,
        saved=saved_by_layer_norm,
        whole=True,
        any_layout=True,
    ),
    OpRule(
        "group_norm",
        shape=group_norm_shape,
        macs=0,
        other_flops=norm_flops,
        receptive_field=sums.group_norm,
        saved=saved_by_group_norm,
        whole=True,
    ),
    OpRule(
        "instance_norm",
        macs=0,
        other_flops=norm_flops,
        receptive_field=sums.instance_norm,
        saved=saved_by_instance_norm,
        whole=True,
    ),
    OpRule("rms_norm", shape=rms_norm_shape, macs=0, other_flops=rms_norm_flops, receptive_field=sums.layer_norm, whole=True),
    OpRule("native_group_norm native_layer_norm", macs=0, other_flops=norm_flops),
    OpRule("_weight_norm_interface", macs=0, other_flops=each_input(3), saved=saved_by_weight_norm),
)
