"""Products of matrices: linear layers, matrix products, bilinear forms, groups of rows each with a matrix of its own."""

from collections.abc import Sequence
from math import prod

from zoo.ops.facts import FLOATING, bias, forward_again, other_factor, per_output, required
from zoo.ops.rule import Needs, OpRule, Saved, Shape, Values, factors
from zoo.receptive import sums
from zoo.record.trace import Op


@factors("elements", "in")
def linear(op: Op) -> Values:
    """Rows times output features, which are the elements written, times input features."""
    return prod(op.outputs[0].shape), op.inputs[op.roles.index("weight")].shape[-1]


@factors("elements", "contracted")
def matmul(op: Op) -> Values:
    """Elements of the product times the length of the contracted dimension."""
    return prod(op.outputs[0].shape), op.inputs[0].shape[-1]


@factors("elements of the first factor", "columns of the second")
def added_matmul(op: Op) -> Values:
    """As `matmul`, after the tensor that is added; `addbmm` also sums over the batch."""
    _, first, second = op.inputs[:3]
    return first.numel, second.shape[-1] if len(second.shape) > 1 else 1


@factors("groups", "rows", "in", "out")
def grouped(op: Op) -> Values:
    """Each row meets the one matrix of its group: rows × in by groups × in × out are rows·in·out, however rows are grouped.

    Two tensors of three dimensions are multiplied matrix by matrix. Where both have two, the contracted dimension is in groups, and
    so every place of it is met once too.
    """
    first, second = op.inputs[0].shape, op.inputs[1].shape
    rows, contracted, columns = first[-2], first[-1], second[-1]
    groups = first[0] if len(first) == len(second) == 3 else 1
    return groups, rows, contracted, columns


@factors("rows", "out", "in1·in2 + in1")
def bilinear(op: Op) -> Values:
    """x1ᵀ W x2 for each output feature: (W x2) first, then the dot product with x1."""
    features, first, second = required(op, "weight").shape
    return op.output.numel // features, features, first * second + first


@factors("right-hand sides", "pairs of unknowns")
def substituted(op: Op) -> Values:
    """Each unknown is multiplied into every later equation: n·(n - 1)/2 per right-hand side (LAPACK Working Note 41, xTRSM)."""
    unknowns = _unknowns(op)
    return op.outputs[0].numel // max(unknowns, 1), unknowns * (unknowns - 1) // 2


@factors("right-hand sides", "unknowns")
def divided(op: Op) -> Values:
    """A division by the diagonal for each unknown, unless the diagonal is one."""
    unknowns = _unknowns(op)
    return op.outputs[0].numel // max(unknowns, 1), 0 if op.attrs.get("unitriangular") else unknowns


def _unknowns(op: Op) -> int:
    """The side of the triangular matrix, which comes first, or second in `torch.triangular_solve`."""
    return op.inputs[1 if op.kind == "triangular_solve" else 0].shape[-1]


# Shapes ---------------------------------------------------------------------------------------------------------------


def linear_shape(op: Op) -> Shape | None:
    """The last dimension becomes the number of output features."""
    x, weight = op.inputs[:2]
    if len(weight.shape) != 2 or len(x.shape) < 2 or x.shape[-1] != weight.shape[1] or x.dtype != weight.dtype:
        return None
    if len(op.inputs) > 2 and not (op.inputs[2].dtype == x.dtype and op.inputs[2].shape == weight.shape[:1]):
        return None
    return (*x.shape[:-1], weight.shape[0])


def matmul_shape(op: Op) -> Shape | None:
    """Products of matrices, one for each index of the other dimensions, which are equal or 1."""
    if len(op.inputs) != 2 or op.inputs[0].dtype != op.inputs[1].dtype or not op.inputs[0].dtype.startswith(FLOATING):
        return None
    x, y = op.inputs[0].shape, op.inputs[1].shape
    if not 2 <= len(y) <= len(x) or 2 < len(y) < len(x) or x[-1] != y[-2]:
        return None
    batch = list(zip(x[:-2], y[:-2], strict=False)) or [(n, 1) for n in x[:-2]]
    if min(*x, *y) < 1 or any(m != n and 1 not in (m, n) for m, n in batch):
        return None
    return (*(max(pair) for pair in batch), x[-2], y[-1])


def bmm_shape(op: Op) -> Shape | None:
    """As `matmul_shape`, with as many matrices on both sides."""
    x, y = op.inputs[0].shape, op.inputs[1].shape
    fit = len(x) == len(y) == 3 and x[0] == y[0] and op.attrs.get("out_dtype") is None
    return matmul_shape(op) if fit else None


def linear_refusal(op: Op) -> str | None:
    """Another number of features."""
    x, weight = op.input("input"), op.input("weight")
    if x is None or weight is None or len(weight.shape) != 2 or not x.shape or x.shape[-1] == weight.shape[1]:
        return None
    return f"takes {weight.shape[1]:,} features, got {x.shape[-1]:,}"


# Depth and backward ---------------------------------------------------------------------------------------------------


def with_weights(op: Op, fed: Sequence[bool]) -> int:
    """One layer, if a factor does not depend on the network's input: that one is the weights."""
    return int(not all(fed))


def saved_by_linear(op: Op, needed: Needs) -> Saved:
    """The input N×in for the weight's gradient, the weight out×in for the input's."""
    return [op.inputs[0]] * needed[1] + [op.inputs[1]] * needed[0], 0


def saved_by_added_product(op: Op, needed: Needs) -> Saved:
    """Of added + first @ second: the second factor for the first's gradient, and the other way round."""
    return [op.inputs[2]] * needed[1] + [op.inputs[1]] * needed[2], 0


def saved_by_groups(op: Op, needed: Needs) -> Saved:
    """As of any product, and where the groups end."""
    ends = op.input("offs")
    return (*other_factor(op, needed)[0], *([ends] if ends is not None else [])), 0


RULES = (
    OpRule(
        "linear",
        shape=linear_shape,
        macs=linear,
        other_flops=bias,
        receptive_field=sums.linear,
        layers=1,
        saved=saved_by_linear,
        backward_macs=forward_again(linear),
        refusal=linear_refusal,
        whole=True,
    ),
    OpRule("bilinear", macs=bilinear, other_flops=bias, layers=1, whole=True),
    OpRule(
        "matmul",
        shape=matmul_shape,
        macs=matmul,
        other_flops=0,
        receptive_field=sums.matmul,
        layers=with_weights,
        saved=other_factor,
        backward_macs=forward_again(matmul),
        whole=True,
        any_layout=True,
    ),
    OpRule(
        "bmm",
        shape=bmm_shape,
        macs=matmul,
        other_flops=0,
        receptive_field=sums.matmul,
        layers=with_weights,
        saved=other_factor,
        backward_macs=forward_again(matmul),
        any_layout=True,
    ),
    OpRule(
        "mm",
        macs=matmul,
        other_flops=0,
        receptive_field=sums.matmul,
        layers=with_weights,
        saved=other_factor,
        backward_macs=forward_again(matmul),
    ),
    OpRule(
        "_int_mm _weight_int4pack_mm _weight_int4pack_mm_for_cpu _weight_int8pack_mm _dyn_quant_matmul_4bit _scaled_mm",
        macs=matmul,
        other_flops=0,
        receptive_field=sums.linear,
        layers=1,
    ),  # the second factor is packed; what it stands for is as long as the rows of the first
    OpRule("mv", macs=matmul, other_flops=0, layers=with_weights, saved=other_factor, backward_macs=forward_again(matmul)),
    OpRule("dot", macs=matmul, other_flops=0, layers=with_weights, saved=other_factor, backward_macs=forward_again(matmul)),
    OpRule("vdot", macs=matmul, other_flops=0, layers=with_weights, backward_macs=forward_again(matmul)),
    OpRule(
        "addmm baddbmm",
        macs=added_matmul,
        other_flops=per_output,
        receptive_field=sums.matmul,
        layers=with_weights,
        saved=saved_by_added_product,
        backward_macs=forward_again(added_matmul, first=1),
    ),
    OpRule(
        "addmv",
        macs=added_matmul,
        other_flops=per_output,
        layers=with_weights,
        saved=saved_by_added_product,
        backward_macs=forward_again(added_matmul, first=1),
    ),
    OpRule(
        "addbmm",
        macs=added_matmul,
        other_flops=per_output,
        layers=with_weights,
        saved=saved_by_added_product,
        backward_macs=forward_again(added_matmul, first=1),
    ),
    OpRule("linalg_solve_triangular triangular_solve", macs=substituted, other_flops=divided, layers=0),
    OpRule(
        "_grouped_mm",
        macs=grouped,
        other_flops=bias,
        receptive_field=sums.grouped,
        layers=with_weights,
        saved=saved_by_groups,
        backward_macs=forward_again(grouped),
    ),
)
