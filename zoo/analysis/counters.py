"""Run other counting tools on a copy of a model. The copy shares no tensor with the model, and its weights take no memory."""

import copy
import logging
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


def flop_counter(module: "nn.Module", shape: Sequence[int]) -> int:
    """Return half of what torch.utils.flop_counter counts on the meta device, because it counts 2 per multiply-accumulate."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    model = _copied(module, lambda t: torch.empty_like(t, device="meta"), lambda t: torch.empty_like(t, device="meta"))
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(torch.empty(*shape, dtype=_dtype(model), device="meta"))
    return counter.get_total_flops() // 2


def fvcore(module: "nn.Module", shape: Sequence[int]) -> dict[str, int]:
    """What fvcore counts, by its names of ops. It computes the forward, on zeros. Raises `ImportError` if it is not installed."""
    import torch

    with warnings.catch_warnings(action="ignore"):
        from fvcore.nn import FlopCountAnalysis

    def zeros(tensor: "Tensor") -> "Tensor":
        return torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)

    model = _copied(module, zeros, lambda t: zeros(t) if t.is_meta else t.detach().clone())
    found = FlopCountAnalysis(model, torch.zeros(*shape, dtype=_dtype(model)))
    disabled = logging.root.manager.disable
    with warnings.catch_warnings(action="ignore"):
        logging.disable(logging.WARNING)
        try:
            counts = found.by_operator()
        finally:
            logging.disable(disabled)
    return {name: int(count) for name, count in counts.items()}


def _copied(
    module: "nn.Module", of_parameter: "Callable[[Tensor], Tensor]", of_buffer: "Callable[[Tensor], Tensor]"
) -> "nn.Module":
    """Return a copy in evaluation mode with other tensors; shared tensors stay shared."""
    from torch import nn

    memo: dict[int, Any] = {id(p): nn.Parameter(of_parameter(p), p.requires_grad) for p in module.parameters()}
    memo |= {id(b): of_buffer(b) for b in module.buffers()}
    return copy.deepcopy(module, memo).eval()


def _dtype(module: "nn.Module") -> Any:
    import torch

    return next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.get_default_dtype())
