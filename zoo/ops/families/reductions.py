"""Reductions: sums, means, extremes, norms, softmax. Ops without a record here follow torch's tag "reduction"."""

from zoo.ops.facts import (
    FLOATING,
    each_input,
    first_input,
    first_output,
    further_outputs,
    input_and_output,
    nothing,
    per_input,
)
from zoo.ops.rule import Needs, OpRule, Saved, Shape, Values, factors
from zoo.receptive import sliding, sums
from zoo.record.trace import Op


@factors("pairs", "coordinates", "operations each")
def distance(op: Op) -> Values:
    """Subtract, square and add per pair and coordinate."""
    return op.output.numel, op.inputs[0].shape[-1], 3


# Shapes ---------------------------------------------------------------------------------------------------------------


def shape(op: Op) -> Shape | None:
    """A sum or mean over some dimensions, which are gone, or 1."""
    return _reduced(op, op.attrs.get("dim") or ()) if len(op.inputs) == 1 else None


def norm_shape(op: Op) -> Shape | None:
    """As `shape`; over all dimensions if none is named."""
    x, dims = op.inputs[0], op.attrs["dim"]
    if op.attrs["ord"] <= 0 or x.numel == 0:
        return None
    return _reduced(op, range(len(x.shape)) if dims is None else dims)


def _reduced(op: Op, dims: tuple[int, ...] | range) -> Shape | None:
    x, ndim = op.inputs[0], len(op.inputs[0].shape)
    if isinstance(dims, int) or not dims or not x.dtype.startswith(FLOATING) or op.attrs.get("dtype") is not None:
        return None
    if not all(-ndim <= d < ndim for d in dims):
        return None
    gone = {d % ndim for d in dims}
    if len(gone) < len(dims):
        return None
    keep = op.attrs.get("keepdim")
    return tuple([1 if i in gone else n for i, n in enumerate(x.shape) if keep or i not in gone])


# What a backward keeps ------------------------------------------------------------------------------------------------


def saved_by_extreme(op: Op, needed: Needs) -> Saved:
    """Along one axis where the extreme was found; else the input and the result. That of two tensors is another op, `maximum`."""
    return further_outputs(op, needed) if len(op.outputs) > 1 else input_and_output(op, needed)


RULES = (
    OpRule("sum mean", shape=shape, macs=0, other_flops=per_input, receptive_field=sums.reduction, saved=nothing),
    OpRule("amax amin prod", macs=0, other_flops=per_input, receptive_field=sums.reduction, saved=input_and_output),
    OpRule("max min", macs=0, other_flops=per_input, saved=saved_by_extreme),
    OpRule("any all argmax argmin", macs=0, other_flops=per_input, receptive_field=sums.reduction),
    OpRule("_is_all_true _is_any_true allclose _aminmax nanmedian", macs=0, other_flops=per_input),
    OpRule("_cummax_helper _cummin_helper", macs=0, other_flops=per_input),
    OpRule("cumsum", macs=0, other_flops=per_input, receptive_field=sliding.so_far, saved=nothing),
    OpRule("cumprod", macs=0, other_flops=per_input, receptive_field=sliding.so_far),
    OpRule("logcumsumexp", macs=0, other_flops=each_input(3), receptive_field=sliding.so_far),
    OpRule("cummax cummin", macs=0, receptive_field=sliding.so_far),
    OpRule("var", macs=0, other_flops=each_input(4), receptive_field=sums.reduction, saved=first_input, whole=True),
    OpRule("std", macs=0, other_flops=each_input(4), receptive_field=sums.reduction, saved=input_and_output, whole=True),
    OpRule("var_mean", macs=0, other_flops=each_input(4), receptive_field=sums.reduction, saved=first_input),
    OpRule("std_mean", macs=0, other_flops=each_input(4), receptive_field=sums.reduction),
    OpRule("norm logsumexp", macs=0, other_flops=each_input(2), receptive_field=sums.reduction, saved=input_and_output),
    OpRule(
        "linalg_vector_norm",
        shape=norm_shape,
        macs=0,
        other_flops=each_input(2),
        receptive_field=sums.reduction,
        saved=input_and_output,
    ),
    OpRule("softmax log_softmax", macs=0, other_flops=each_input(5), receptive_field=sums.softmax, saved=first_output, whole=True),
    OpRule(
        "_softmax _log_softmax _safe_softmax", macs=0, other_flops=each_input(5), receptive_field=sums.softmax, saved=first_output
    ),
    OpRule("cdist", macs=0, other_flops=distance, whole=True),
    OpRule("_cdist_forward _pdist_forward", macs=0, other_flops=distance),
    OpRule("trace segment_reduce", macs=0, other_flops=per_input),
    OpRule("median mode kthvalue dist renorm embedding_renorm", macs=0),
)
