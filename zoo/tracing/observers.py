"""Observers of torch.ao.quantization, which follow the range of activations: with values they branch on that range.

Without values they are counted for finite activations, whose least is not above their largest: each question to an activation is
answered by no. A histogram that has seen activations before keeps the range that it has.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.ao.quantization.fake_quantize import FakeQuantizeBase
from torch.ao.quantization.observer import HistogramObserver, ObserverBase


def observers(modules: Sequence[tuple[str, nn.Module]]) -> frozenset[str]:
    """The names of those modules that observe."""
    kinds = {kind for kind in {type(module) for _, module in modules} if issubclass(kind, ObserverBase | FakeQuantizeBase)}
    return frozenset(name for name, module in modules if type(module) in kinds) if kinds else frozenset()


def in_their_range(modules: Sequence[nn.Module], guess: Callable[[str], None]) -> None:
    """Let histograms keep the range that they have, and tell `guess` whenever one is updated or asked for a better range.

    Whoever calls it puts back what the modules were (see `guard`).
    """

    def updated(seen: Tensor, least: Tensor, largest: Tensor, new: Tensor, *_: Tensor) -> Tensor:
        guess("update_histogram")
        return seen + new

    def found(module: HistogramObserver) -> tuple[Tensor, Tensor]:
        guess("search_histogram")  # one step after another until the error grows
        return module.min_val, module.max_val

    kinds = {kind for kind in set(map(type, modules)) if issubclass(kind, HistogramObserver)}
    histograms: list[Any] = [module for module in modules if type(module) in kinds] if kinds else []
    for module in histograms:
        module._combine_histograms = updated
        module._non_linear_param_search = partial(found, module)
