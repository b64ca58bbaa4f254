"""Modules without weights: a constructor runs, its weights stay on the meta device, and its initialisers do nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_FILLS = """
    fill_ zero_ normal_ uniform_ trunc_normal_ bernoulli_ exponential_ copy_ mul_ add_ sub_ div_ clamp_ clamp_min_ clamp_max_
    erfinv_ pow_ sqrt_ neg_
""".split()
_INITIALISERS = [getattr(torch.nn.init, name) for name in dir(torch.nn.init) if name.endswith("_") and not name.startswith("_")]
_NOT_ON_META = frozenset([*_INITIALISERS, *(getattr(torch.Tensor, name) for name in _FILLS if hasattr(torch.Tensor, name))])


class Skeleton(TorchFunctionMode):
    """While it is entered, `torch.empty` allocates nothing and filling such tensors costs nothing; in this thread alone.

    Every weight of `torch.nn` is born by `torch.empty`. Other factories (`arange`, `linspace`, `zeros`) stay real, since
    constructors read what they make. No random number is drawn for a weight.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.empty:
            return func(*args, **{**kwargs, "device": "meta"})
        if func in _NOT_ON_META:
            tensor = args[0] if args else kwargs.get("tensor")
            if isinstance(tensor, torch.Tensor) and tensor.is_meta:
                return tensor
        return func(*args, **kwargs)
