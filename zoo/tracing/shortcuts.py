"""Output shapes of the common ops, without calling torch's Python shape functions: 0.1 to 0.5 ms an op, and a second to import.

A rule takes the op's arguments and returns the output's shape, or None to leave the op to torch: whenever an argument is unusual,
and whenever torch would raise. So a rule decides nothing but speed. Rules are for activations on the meta device.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten
Shape = tuple[int, ...]
Sizes = Sequence[int]


def _plain(x: Tensor) -> bool:
    return x.is_meta and x.layout is torch.strided and x.is_contiguous()


def _each(value: Sizes | int, axes: int) -> Sizes | None:
    """One int per axis, from one int, a list of one, or a list of all."""
    if isinstance(value, int):
        return (value,) * axes
    if len(value) == 1:
        return (value[0],) * axes
    return value if len(value) == axes else None


def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = (1,),
    padding: Sizes = (0,),
    dilation: Sizes = (1,),
    groups: int = 1,
) -> Shape | None:
    """floor((n + 2p - d(k - 1) - 1) / s) + 1 along each axis."""
    sizes, kernel = x.shape, weight.shape
    axes = len(kernel) - 2
    s, p, d = _each(stride, axes), _each(padding, axes), _each(dilation, axes)
    fits = axes > 0 and len(sizes) == len(kernel) and sizes[1] == kernel[1] * groups and kernel[0] % groups == 0 and sizes[0] > 0
    typed = x.dtype == weight.dtype and (bias is None or (bias.dtype == x.dtype and bias.shape == kernel[:1]))
    if not (fits and typed and _plain(x)) or s is None or p is None or d is None or min(p) < 0 or min(s) < 1 or min(d) < 1:
        return None
    out = [(sizes[i + 2] + 2 * p[i] - d[i] * (kernel[i + 2] - 1) - 1) // s[i] + 1 for i in range(axes)]
    return (sizes[0], kernel[0], *out) if min(out) > 0 else None


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Shape | None:
    """The last dimension becomes the number of output features."""
    typed = x.dtype == weight.dtype and (bias is None or (bias.dtype == x.dtype and bias.shape == weight.shape[:1]))
    if not (_plain(x) and weight.dim() == 2 and x.dim() >= 2 and x.shape[-1] == weight.shape[1] and typed):
        return None
    return (*x.shape[:-1], weight.shape[0])


def same(x: Tensor, *args: Any, **kwargs: Any) -> Shape | None:
    """Elementwise on one tensor."""
    return tuple(x.shape) if _plain(x) and x.is_floating_point() else None


def gelu(x: Tensor, *, approximate: str = "none") -> Shape | None:
    """The shape stays."""
    return same(x) if approximate in {"none", "tanh"} else None


def dropout(x: Tensor, p: float, train: bool) -> Shape | None:
    """The shape stays."""
    return same(x) if 0 <= p <= 1 else None


def clamped(x: Tensor, low: float | None = None, high: float | None = None) -> Shape | None:
    """Elementwise, with one bound at least."""
    return same(x) if (low, high) != (None, None) else None


def masked(x: Tensor, mask: Tensor, value: float) -> Shape | None:
    """Elementwise; the mask spreads over the tensor."""
    fits = mask.dtype is torch.bool and mask.dim() <= x.dim() and not isinstance(value, complex)
    wide = all(m in {1, n} for m, n in zip(reversed(mask.shape), reversed(x.shape), strict=False))
    return same(x) if fits and wide and mask.layout is torch.strided and mask.is_contiguous() else None


def rolled(x: Tensor, shifts: Sizes, dims: Sizes = ()) -> Shape | None:
    """The shape stays."""
    fits = len(shifts) == len(dims) > 0 and all(-x.dim() <= d < x.dim() for d in dims) and x.numel() > 0
    return same(x) if fits else None


def _in_order(x: Tensor) -> bool:
    """Whether the result of an elementwise op with a contiguous tensor is contiguous: `x` is, or runs along one dimension."""
    return x.layout is torch.strided and (x.is_contiguous() or sum(n > 1 for n in x.shape) == 1 == min(x.shape))


def pair(x: Tensor, other: Any, **kwargs: Any) -> Shape | None:
    """Elementwise on a floating tensor and a number, or two of one type: dimensions are equal, or one of them is 1."""
    if not (isinstance(x, Tensor) and x.is_meta and x.is_floating_point()) or not kwargs.keys() <= {"alpha"}:
        return None
    if isinstance(other, int | float):
        return tuple(x.shape) if _plain(x) else None
    if not isinstance(other, Tensor) or other.dtype != x.dtype or not (_in_order(x) and _in_order(other)):
        return None
    if x.shape == other.shape:
        return tuple(x.shape)
    longer, shorter = (x.shape, other.shape) if x.dim() >= other.dim() else (other.shape, x.shape)
    aligned = list(zip(longer[len(longer) - len(shorter) :], shorter, strict=True))
    if any(m != n and 1 not in (m, n) for m, n in aligned):
        return None
    return (*longer[: len(longer) - len(shorter)], *(n if m == 1 else m for m, n in aligned))


def written_pair(x: Tensor, other: Any, **kwargs: Any) -> Shape | None:
    """As `pair`, into the first tensor, which keeps its shape."""
    shape = pair(x, other, **kwargs)
    return shape if shape == tuple(x.shape) else None


def reduced(x: Tensor, dim: Sizes | None = None, keepdim: bool = False, **kwargs: Any) -> Shape | None:
    """A sum or mean over some dimensions, which are gone, or 1."""
    if not (_plain(x) and x.is_floating_point() and dim) or kwargs or not all(-x.dim() <= d < x.dim() for d in dim):
        return None
    gone = {d % x.dim() for d in dim}
    if len(gone) < len(dim):
        return None
    return tuple(1 if i in gone else n for i, n in enumerate(x.shape) if keepdim or i not in gone)


def norm(x: Tensor, ord: float = 2, dim: Sizes | None = None, keepdim: bool = False, *, dtype: Any = None) -> Shape | None:
    """As `reduced`; over all dimensions if none is named."""
    dims = range(x.dim()) if dim is None else dim
    return reduced(x, dims, keepdim) if dtype is None and ord > 0 and x.numel() > 0 else None


def matmul(x: Tensor, y: Tensor) -> Shape | None:
    """Products of matrices, one for each index of the other dimensions, which are equal or 1."""
    typed = x.is_meta and y.is_meta and x.dtype == y.dtype and x.is_floating_point() and x.layout is y.layout is torch.strided
    if not typed or not 2 <= y.dim() <= x.dim() or 2 < y.dim() < x.dim() or x.shape[-1] != y.shape[-2]:
        return None
    batch = list(zip(x.shape[:-2], y.shape[:-2], strict=False)) or [(n, 1) for n in x.shape[:-2]]
    if min(*x.shape, *y.shape) < 1 or any(m != n and 1 not in (m, n) for m, n in batch):
        return None
    return (*(max(pair) for pair in batch), x.shape[-2], y.shape[-1])


def bmm(x: Tensor, y: Tensor) -> Shape | None:
    """As `matmul`, with as many matrices on both sides."""
    return matmul(x, y) if x.dim() == y.dim() == 3 and x.shape[0] == y.shape[0] else None


def grid_sampler(x: Tensor, grid: Tensor, mode: int, padding: int, corners: bool) -> Shape | None:
    """An image for each image, as large as the grid."""
    fits = x.dim() == grid.dim() == 4 and x.shape[0] == grid.shape[0] and grid.shape[-1] == 2 and min(*x.shape, *grid.shape) > 0
    typed = _plain(x) and x.is_floating_point() and grid.is_meta and grid.layout is torch.strided and x.dtype == grid.dtype
    known = mode in {0, 1, 2} and padding in {0, 1, 2}
    return (*x.shape[:2], *grid.shape[1:3]) if fits and typed and known else None


def index(x: Tensor, indices: Sequence[Tensor | None]) -> Shape | None:
    """One list of integers along one dimension."""
    used = [i for i, item in enumerate(indices) if item is not None]
    if len(used) != 1 or not _plain(x) or len(indices) > x.dim():
        return None
    picked = indices[used[0]]
    assert picked is not None
    fits = picked.dim() == 1 and picked.dtype is torch.int64 and x.shape[used[0]] > 0
    return (*x.shape[: used[0]], picked.shape[0], *x.shape[used[0] + 1 :]) if fits else None


def batch_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor | None, var: Tensor | None, training: bool, *args: Any
) -> Shape | None:
    """The shape stays; every vector given has one element per channel."""
    if (mean is None) != (var is None) or (mean is None and not training):
        return None
    shape = tuple(x.shape)
    channels = shape[1:2]
    fits = len(shape) >= 2 and x.is_floating_point() and all(v is None or v.shape == channels for v in (weight, bias, mean, var))
    return shape if fits and _plain(x) else None


def layer_norm(x: Tensor, shape: Sizes, weight: Tensor | None = None, bias: Tensor | None = None, *args: Any) -> Shape | None:
    """The shape stays; it ends with the normalised one."""
    shape = tuple(shape)
    fits = tuple(x.shape[-len(shape) :]) == shape and all(v is None or v.shape == shape for v in (weight, bias))
    return tuple(x.shape) if x.is_meta and x.layout is torch.strided and fits and x.is_floating_point() else None


def group_norm(x: Tensor, groups: int, weight: Tensor | None = None, bias: Tensor | None = None, *args: Any) -> Shape | None:
    """The shape stays; groups of equal size make up the channels, and a vector given has one element for each of these."""
    fits = _plain(x) and x.is_floating_point() and x.dim() >= 2 and groups > 0 and x.shape[1] % groups == 0 and min(x.shape) > 0
    return tuple(x.shape) if fits and all(v is None or v.shape == x.shape[1:2] for v in (weight, bias)) else None


def rms_norm(x: Tensor, shape: Sizes, weight: Tensor | None = None, eps: float | None = None) -> Shape | None:
    """As `layer_norm`, in one type."""
    return layer_norm(x, shape, weight) if _plain(x) and len(shape) and (weight is None or weight.dtype == x.dtype) else None


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    dropout: float = 0.0,
    causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Shape | None:
    """The queries, as wide as the values; a mask spreads over all pairs of queries and keys."""
    given = (query, key, value)
    typed = query.is_floating_point() and all(t.is_meta and t.layout is torch.strided and t.dtype == query.dtype for t in given)
    if not typed or not 3 <= query.dim() == key.dim() == value.dim() or enable_gqa or not 0 <= dropout < 1:
        return None
    fits = query.shape[:-2] == key.shape[:-2] == value.shape[:-2] and key.shape[-2] == value.shape[-2]
    if not fits or query.shape[-1] != key.shape[-1] or min(*query.shape, *key.shape, *value.shape) < 1:
        return None
    if mask is not None:
        pairs = (*query.shape[:-1], key.shape[-2])
        wide = all(m in {1, n} for m, n in zip(reversed(mask.shape), reversed(pairs), strict=False))
        if causal or mask.dtype not in {torch.bool, query.dtype} or not 2 <= mask.dim() <= len(pairs) or not wide:
            return None
    return (*query.shape[:-1], value.shape[-1])


def recurrent(
    x: Tensor,
    states: Tensor | Sequence[Tensor],
    weights: Sequence[Tensor],
    biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, ...] | None:
    """Outputs and last states of an LSTM, a GRU or a plain RNN: torch would take every step of the sequence."""
    several = [states] if isinstance(states, Tensor) else list(states)
    ways, hidden = 1 + bidirectional, several[0]
    batch, steps = x.shape[1 - batch_first], x.shape[int(batch_first)]
    sizes = (layers * ways, batch)
    fits = x.is_meta and x.dim() == 3 and x.is_floating_point() and all(s.dim() == 3 and s.shape[:2] == sizes for s in several)
    if not fits or len({t.dtype for t in (x, *several, *weights)}) > 1 or not 0 <= dropout <= 1 or min(x.shape) < 1:
        return None
    each = 2 + 2 * biases + (len(several) == 2 and several[1].shape[-1] != hidden.shape[-1])
    widths = [x.shape[-1], *[ways * hidden.shape[-1]] * (layers - 1)]
    if len(weights) != each * layers * ways or any(weights[i * each].shape[1] != widths[i // ways] for i in range(layers * ways)):
        return None
    out = torch.empty((steps, batch, ways * hidden.shape[-1]), dtype=x.dtype, device="meta")
    ends = (torch.empty(state.shape, dtype=x.dtype, device="meta") for state in several)
    return (out.transpose(0, 1) if batch_first else out, *ends)


def _pool(x: Tensor, axes: int, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil: bool) -> Shape | None:
    k, p, d = _each(kernel, axes), _each(padding, axes), _each(dilation, axes)
    s = _each(stride, axes) if stride else k
    if not _plain(x) or x.dim() != axes + 2 or s is None or k is None or p is None or d is None or min(*k, *s, *d, *x.shape) < 1:
        return None
    out = []
    for i, n in enumerate(x.shape[2:]):
        if not 0 <= p[i] <= k[i] // 2:
            return None
        size = (n + 2 * p[i] - d[i] * (k[i] - 1) - 1 + (s[i] - 1 if ceil else 0)) // s[i] + 1
        out.append(size - 1 if ceil and (size - 1) * s[i] >= n + p[i] else size)
    return (*x.shape[:2], *out) if min(out) > 0 else None


def max_pool2d(
    x: Tensor, kernel: Sizes, stride: Sizes = (), padding: Sizes = (0,), dilation: Sizes = (1,), ceil_mode: bool = False
) -> Shape | None:
    """As a convolution's; with `ceil_mode` rounded up, less a last window that would start beyond the padded image."""
    return _pool(x, 2, kernel, stride, padding, dilation, ceil_mode)


def avg_pool(
    x: Tensor,
    kernel: Sizes,
    stride: Sizes = (),
    padding: Sizes = (0,),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    axes: int = 2,
) -> Shape | None:
    """As `max_pool2d`; also in three dimensions."""
    if axes == 3 and any(_each(padding, axes) or (1,)):
        return None
    return _pool(x, axes, kernel, stride, padding, (1,), ceil_mode)


def adaptive_pool2d(x: Tensor, output_size: Sizes) -> Shape | None:
    """The size asked for."""
    fits = x.dim() == 4 and min(x.shape) > 0 and len(output_size) == 2 and min(output_size) > 0
    return (*x.shape[:2], *output_size) if fits and _plain(x) else None


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Shape | None:
    """Sizes along `dim` add up, all others agree."""
    first = tensors[0]
    if not -first.dim() <= dim < first.dim():
        return None
    dim = dim % first.dim()
    rest = (*first.shape[:dim], *first.shape[dim + 1 :])
    for x in tensors:
        if not _plain(x) or x.dim() != first.dim() or x.dtype != first.dtype or (*x.shape[:dim], *x.shape[dim + 1 :]) != rest:
            return None
    return (*first.shape[:dim], sum(x.shape[dim] for x in tensors), *first.shape[dim + 1 :])


def packed(x: Tensor, lengths: Tensor, batch_first: bool) -> Any:
    """The elements of all sequences in one, and how many sequences there are at each step: real, as the lengths are."""
    if not x.is_meta:
        return None
    if lengths.is_meta:
        raise NotImplementedError("the lengths of packed sequences")
    sizes = torch._pack_padded_sequence(torch.empty(x.shape[:2]), lengths, batch_first)[1]
    return torch.empty((int(lengths.sum()), *x.shape[2:]), dtype=x.dtype, device="meta"), sizes


def unpacked(data: Tensor, sizes: Tensor, batch_first: bool, value: Any, total: int) -> Any:
    """Sequences as long as the longest, or `total`, and their lengths."""
    if not data.is_meta:
        return None
    padded, lengths = torch._pad_packed_sequence(torch.empty(data.shape[0], 1), sizes, batch_first, 0.0, total)
    return torch.empty((*padded.shape[:2], *data.shape[1:]), dtype=data.dtype, device="meta"), lengths


def packed_recurrent(data: Tensor, sizes: Tensor, hx: Any, params: Any, *how: Any) -> Any:
    """What leaves each step of each sequence, in both directions if there are two, and the last states."""
    if not data.is_meta:
        return None
    states = hx if isinstance(hx, list | tuple) else (hx,)
    width = states[0].shape[-1] * (2 if how[-1] else 1)
    shapes = [(data.shape[0], width), *(state.shape for state in states)]
    return tuple(torch.empty(shape, dtype=data.dtype, device="meta") for shape in shapes)


_POINTWISE = (
    *(aten.relu.default, aten.relu_.default, aten.relu6.default, aten.relu6_.default, aten.hardtanh.default),
    *(aten.hardtanh_.default, aten.hardswish.default, aten.hardswish_.default, aten.hardsigmoid.default),
    *(aten.sigmoid.default, aten.tanh.default, aten.silu.default, aten.silu_.default),
    *(aten.pow.Tensor_Scalar, aten.square.default),
)

SHORTCUTS: dict[Any, Callable[..., Shape | None]] = {
    **dict.fromkeys((aten.conv1d.default, aten.conv2d.default, aten.conv3d.default), conv),
    aten.linear.default: linear,
    aten.batch_norm.default: batch_norm,
    aten.layer_norm.default: layer_norm,
    aten.group_norm.default: group_norm,
    aten.rms_norm.default: rms_norm,
    aten.scaled_dot_product_attention.default: attention,
    aten.max_pool2d.default: max_pool2d,
    aten.avg_pool2d.default: avg_pool,
    aten.avg_pool3d.default: partial(avg_pool, axes=3),
    aten.adaptive_avg_pool2d.default: adaptive_pool2d,
    aten.cat.default: cat,
    aten.index.Tensor: index,
    **dict.fromkeys((aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor), pair),
    **dict.fromkeys((aten.add_.Tensor, aten.sub_.Tensor, aten.mul_.Tensor, aten.div_.Tensor), written_pair),
    **dict.fromkeys((aten.sum.dim_IntList, aten.mean.dim), reduced),
    aten.gelu.default: gelu,
    **dict.fromkeys((aten.clamp.default, aten.clamp_.default), clamped),
    **dict.fromkeys((aten.clamp_min.default, aten.clamp_max.default), clamped),
    aten.masked_fill.Scalar: masked,
    aten.roll.default: rolled,
    aten.linalg_vector_norm.default: norm,
    aten.matmul.default: matmul,
    aten.bmm.default: bmm,
    aten.grid_sampler.default: grid_sampler,
    **dict.fromkeys((aten.dropout.default, aten.dropout_.default), dropout),
    **dict.fromkeys(_POINTWISE, same),
}

MADE: dict[Any, Callable[..., tuple[Tensor, ...] | None]] = {
    **dict.fromkeys((aten.lstm.input, aten.gru.input, aten.rnn_tanh.input, aten.rnn_relu.input), recurrent),
    **dict.fromkeys((aten.lstm.data, aten.gru.data, aten.rnn_tanh.data, aten.rnn_relu.data), packed_recurrent),
    aten._pack_padded_sequence.default: packed,
    aten._pad_packed_sequence.default: unpacked,
}
"""As `SHORTCUTS`, for ops with several outputs: a rule makes them itself. Those on packed sequences are more than short: torch asks
for the values of the lengths, which are real beside activations that have none.
"""
