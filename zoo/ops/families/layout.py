"""Ops that put elements elsewhere and compute nothing: views, permutations, joins, parts, padding, shifts, windows."""

from functools import partial

from zoo.ops import views
from zoo.ops.facts import FLOATING, nothing, per_input
from zoo.ops.rule import Needs, OpRule, Saved, Shape
from zoo.receptive import layout, sliding
from zoo.record.trace import WRITE, Op

moves = partial(OpRule, macs=0, other_flops=0)
"""A record of ops that compute nothing."""


def cat_shape(op: Op) -> Shape | None:
    """Sizes along `dim` add up, all others agree."""
    first, dim = op.inputs[0], op.attrs["dim"]
    ndim = len(first.shape)
    if not -ndim <= dim < ndim:
        return None
    dim %= ndim
    before, after, along = first.shape[:dim], first.shape[dim + 1 :], 0
    for value in op.inputs:
        shape = value.shape
        if len(shape) != ndim or value.dtype != first.dtype or shape[:dim] != before or shape[dim + 1 :] != after:
            return None
        along += shape[dim]
    return (*before, along, *after)


def roll_shape(op: Op) -> Shape | None:
    """The shape stays."""
    x, shifts, dims = op.inputs[0], op.attrs["shifts"], op.attrs["dims"]
    ndim = len(x.shape)
    fits = len(shifts) == len(dims) > 0 and all(-ndim <= d < ndim for d in dims) and x.numel > 0
    return x.shape if fits and x.dtype.startswith(FLOATING) else None


def saved_by_pad(op: Op, needed: Needs) -> Saved:
    """The input, if its border is repeated or mirrored."""
    return (op.inputs[:1], 0) if op.attrs.get("mode") in {"reflect", "replicate"} else ((), 0)


RULES = (
    moves("flatten", shape=views.flatten, receptive_field=layout.reshape, saved=nothing, whole=True),
    moves("reshape", receptive_field=layout.reshape, saved=nothing, whole=True),
    moves("view", shape=views.view, receptive_field=layout.reshape),
    moves("squeeze", shape=views.squeeze, receptive_field=layout.reshape),
    moves("_unsafe_view", receptive_field=layout.reshape, saved=nothing),
    moves("permute transpose t", receptive_field=layout.permute),
    moves("swapaxes as_strided resize resize_as set rot90 block_diag"),
    moves("unsafe_split unsafe_split_with_sizes _chunk_cat diag_embed diagonal_scatter as_strided_scatter lu_unpack"),
    moves("lift _lazy_clone _pin_memory _resize_output"),
    moves("_jagged_to_padded_dense_forward _padded_dense_to_jagged_forward to_padded_tensor"),
    moves("unsqueeze", shape=views.unsqueeze, receptive_field=layout.unsqueeze),
    moves("stack", receptive_field=layout.unsqueeze, saved=nothing, whole=True),
    moves("cat", shape=cat_shape, receptive_field=layout.cat, saved=nothing),
    moves("chunk split tensor_split", receptive_field=layout.split, saved=nothing, whole=True),
    moves("split_with_sizes unbind", receptive_field=layout.split),
    moves("expand", receptive_field=layout.expand),
    moves("repeat", receptive_field=layout.repeat, saved=nothing),
    moves("repeat_interleave"),
    moves("select", shape=views.select, receptive_field=layout.select),
    moves("slice", shape=views.slice_, receptive_field=layout.slice_),
    moves("select_scatter slice_scatter tril triu", saved=nothing),
    moves("pixel_shuffle pixel_unshuffle", receptive_field=layout.shuffle, saved=nothing, whole=True),
    moves("channel_shuffle", receptive_field=layout.channel_shuffle, saved=nothing, whole=True),
    moves("pad", shape=views.pad, receptive_field=sliding.pad, saved=saved_by_pad, whole=True),
    moves("constant_pad_nd", receptive_field=sliding.pad, saved=nothing),
    moves("reflection_pad1d reflection_pad2d reflection_pad3d", receptive_field=sliding.pad),
    moves("replication_pad1d replication_pad2d replication_pad3d", receptive_field=sliding.pad),
    moves("roll", shape=roll_shape, receptive_field=sliding.roll, saved=nothing),
    moves("flip", receptive_field=sliding.flip, saved=nothing),
    moves("im2col", receptive_field=sliding.columns, saved=nothing),
    moves("unfold", receptive_field=layout.unfold, saved=nothing),
    OpRule("col2im", macs=0, other_flops=per_input, saved=nothing),
    OpRule("unfold_backward", macs=0, other_flops=per_input),
    moves("contiguous to", receptive_field=layout.same, saved=nothing, whole=True),
    moves("clone _to_copy lift_fresh", receptive_field=layout.same, saved=nothing),
    moves("alias", shape=views.unchanged, receptive_field=layout.same),
    moves("detach", shape=views.unchanged, receptive_field=layout.same, cuts_gradient=True),
    moves("copy", receptive_field=layout.copied, saved=nothing),
    moves(WRITE, receptive_field=layout.written, saved=nothing),
    moves("complex"),
    moves("view_as_real view_as_complex", saved=nothing),
    moves("real imag", saved=nothing),
    moves("_pack_padded_sequence"),
    moves("_pad_packed_sequence", whole=True),
)
