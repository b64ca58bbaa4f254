"""The words of a trace: which ops are kept whole, and what torch's schemas and tags say of each.

Under `torch.inference_mode()` composite ops arrive whole: `conv2d`, `linear`, `batch_norm`, `flatten`. Those of `VOCABULARY` are
kept so, others are taken apart into the ops that torch makes of them, so that few words cover every model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

VOCABULARY = frozenset(
    """
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d linear bilinear matmul scaled_dot_product_attention
    lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell
    batch_norm layer_norm group_norm instance_norm rms_norm softmax log_softmax dropout feature_dropout alpha_dropout
    max_pool1d max_pool2d max_pool3d avg_pool1d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
    upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d upsample_bilinear2d upsample_bicubic2d
    upsample_trilinear3d grid_sampler pixel_shuffle pixel_unshuffle channel_shuffle embedding pad
    _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d
    square relu6 selu prelu hardtanh cdist std var _pad_packed_sequence flatten reshape contiguous to chunk tensor_split split stack
    """.split()
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the schema of an overload says, read once."""

    kind: str
    names: tuple[str, ...]
    defaults: Mapping[str, Any]
    traits: frozenset[str]
    writes: tuple[str, ...]
    apart: bool
    data_dependent: bool


@cache
def known_op(func: Any) -> Known:
    """What torch says of an overload."""
    schema, tags = func._schema, func.tags
    name = schema.name.removeprefix("aten::")
    writes = tuple(a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write)
    aliases = any(a.alias_info is not None and not a.alias_info.is_write for a in schema.arguments)
    kind = name[:-1] if writes and name.endswith("_") and not name.endswith("__") else name
    traits = {trait for trait in ("pointwise", "reduction") if getattr(torch.Tag, trait, None) in tags}
    traits |= {"inplace"} if writes else set()
    traits |= {"alias"} if aliases else set()
    traits |= {"random"} if torch.Tag.nondeterministic_seeded in tags else set()
    return Known(
        kind=kind,
        names=tuple(a.name for a in schema.arguments),
        defaults={a.name: plain(a.default_value) for a in schema.arguments if a.has_default_value()},
        traits=frozenset(traits),
        writes=writes,
        apart=kind not in VOCABULARY and func._can_decompose(),
        data_dependent=torch.Tag.data_dependent_output in tags,
    )


PLAIN = frozenset({type(None), bool, int, float, str})


def plain(value: Any) -> Any:
    """An op's argument as JSON-able data."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, list | tuple):
        return tuple([item if type(item) in PLAIN else plain(item) for item in value])
    return value if isinstance(value, bool | int | float | str) else str(value)
