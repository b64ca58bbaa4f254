"""Constants that a forward makes on the device of its activations keep their values: `torch.tensor([3, 0], device=x.device)`.

On meta torch drops the numbers before any op runs, so a function mode sees to it that they are kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from zoo.tracing.values import KnownValues


class Constants(TorchFunctionMode):
    """While entered, `values` make constants on meta, and lists among indices are real tensors, which they make too."""

    def __init__(self, values: KnownValues) -> None:
        super().__init__()
        self._values = values

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.tensor and torch.device(kwargs.get("device") or "cpu").type == "meta" and not _on_meta(args[:1]):
            return self._values.constant(lambda: torch.tensor(*args, **{**kwargs, "device": "cpu"}), meta=True)
        if func is Tensor.__getitem__ and isinstance(args[1], list | tuple):
            return func(args[0], self._listed(args[1]), **kwargs)
        return func(*args, **kwargs)

    def _listed(self, index: Any) -> Any:
        """The index with a tensor instead of each list of whole numbers."""
        if _numbers(index):
            return self._values.constant(lambda: torch.tensor(index))
        return tuple(self._listed(item) if _numbers(item) else item for item in index) if isinstance(index, tuple) else index


def put_aside() -> Constants | None:
    """Leave `Constants`, for a layer that makes none: its ops would pass through it twice. None if another mode is inside."""
    modes = torch._C._len_torch_function_stack()
    if not modes or type(torch._C._get_function_stack_at(modes - 1)) is not Constants:
        return None
    constants: Constants = torch._C._pop_torch_function_stack()
    return constants


def take_up(constants: Constants | None) -> None:
    """Enter again what was put aside."""
    if constants is not None:
        torch._C._push_on_torch_function_stack(constants)


def _on_meta(things: Any) -> bool:
    """Whether a tensor without values is among what a constant is made of."""
    if isinstance(things, Tensor):
        return things.is_meta
    return isinstance(things, list | tuple) and any(map(_on_meta, things))


def _numbers(item: Any) -> bool:
    return isinstance(item, list) and bool(item) and all(type(n) is int for n in item)
