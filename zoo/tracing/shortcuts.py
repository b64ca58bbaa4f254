"""Outputs of the common ops, without calling torch's Python shape functions: 0.1 to 0.5 ms an op, and a second to import.

Sizes come from the shape fact of the op's record, which is None, and leaves the op to torch, whenever an argument is unusual or
torch would raise. So the facts decide nothing but speed here. They are asked for activations on the meta device alone.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zoo.ops.rule import OpRule
from zoo.record.trace import Op
from zoo.tracing.vocabulary import Known

aten = torch.ops.aten
_META = torch.device("meta")  # a name is looked up each time


def answer(rule: OpRule, known: Known, op: Op, given: Sequence[Tensor]) -> Any:
    """The output of an op, or a tuple of several, on the tensors `given`; None to ask torch.

    `op` has no outputs yet. An op that works in place returns its first tensor; the shape of that stays.
    """
    if rule.shape is None or "alias" in known.traits or not given or not given[0].is_meta or not _in_order(rule, known, given):
        return None  # what aliases its input is left to torch, so that both have one storage
    shape = rule.shape(op)
    if shape is None:
        return None
    first = given[0]
    if known.writes:
        return first if known.writes == known.names[:1] and shape == op.inputs[0].shape else None
    if not isinstance(shape, tuple):
        return _several(op, shape, first.dtype)
    return torch.empty(shape, dtype=first.dtype, device=_META)


def _in_order(rule: OpRule, known: Known, given: Sequence[Tensor]) -> bool:
    """Whether torch's output is contiguous: if all tensors are; elementwise also if they run along one dimension."""
    for tensor in given:
        if tensor.layout is not torch.strided:
            return False
        if not (rule.any_layout or tensor.is_contiguous() or ("pointwise" in known.traits and _one_line(tensor))):
            return False
    return True


def _one_line(tensor: Tensor) -> bool:
    return sum(n > 1 for n in tensor.shape) == 1 == min(tensor.shape)


def _several(op: Op, shapes: Sequence[tuple[int, ...]], dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Outputs of these shapes. What a recurrent layer returns is laid out with the steps first."""
    first, *others = shapes
    if op.attrs.get("batch_first"):
        out = torch.empty((first[1], first[0], *first[2:]), dtype=dtype, device=_META).transpose(0, 1)
    else:
        out = torch.empty(first, dtype=dtype, device=_META)
    return (out, *(torch.empty(shape, dtype=dtype, device=_META) for shape in others))


# What needs values ----------------------------------------------------------------------------------------------------


def packed(x: Tensor, lengths: Tensor, batch_first: bool) -> Any:
    """The elements of all sequences in one, and how many sequences there are at each step: real, as the lengths are."""
    if not x.is_meta:
        return None
    if lengths.is_meta:
        raise NotImplementedError("the lengths of packed sequences")
    sizes = torch._pack_padded_sequence(torch.empty(x.shape[:2]), lengths, batch_first)[1]
    return torch.empty((int(lengths.sum()), *x.shape[2:]), dtype=x.dtype, device=_META), sizes


def unpacked(data: Tensor, sizes: Tensor, batch_first: bool, value: Any, total: int) -> Any:
    """Sequences as long as the longest, or `total`, and their lengths."""
    if not data.is_meta:
        return None
    padded, lengths = torch._pad_packed_sequence(torch.empty(data.shape[0], 1), sizes, batch_first, 0.0, total)
    return torch.empty((*padded.shape[:2], *data.shape[1:]), dtype=data.dtype, device=_META), lengths


def rounded(x: Tensor, *_: Any) -> Any:
    """As large, and on meta of the same type, since there are no quantised tensors there."""
    return torch.empty(x.shape, dtype=x.dtype, device=_META) if x.is_meta or isinstance(x, nn.Parameter) else None


def dequantized(x: Tensor) -> Any:
    """As large, of single precision. torch has no shape function for it."""
    return torch.empty(x.shape, device=_META) if x.is_meta else None


MADE: dict[Any, Callable[..., Any]] = {
    aten.dequantize.self: dequantized,
    aten.quantize_per_channel.default: rounded,
    aten.fake_quantize_per_channel_affine.default: rounded,
    aten.fake_quantize_per_tensor_affine.tensor_qparams: rounded,
    aten._pack_padded_sequence.default: packed,
    aten._pad_packed_sequence.default: unpacked,
}
"""Ops of which torch does not know the shapes, or asks for values: the lengths of packed sequences are real beside activations."""
