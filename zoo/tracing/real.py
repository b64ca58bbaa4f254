"""A forward pass on real tensors: a copy of the model with its own weights, and records that keep no activation alive."""

import copy
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from zoo.record.trace import Value
from zoo.util.errors import ZooError, told


def real_copy(module: nn.Module) -> nn.Module:
    """A copy that may run and change without a trace on the model. What has no weights yet gets neutral ones (see `_neutral`).

    Raises `ZooError` if the model cannot be copied, or its weights do not fit into memory.
    """
    name = type(module).__name__
    try:
        copied = copy.deepcopy(module)
    except Exception as error:
        raise ZooError(f"{name} cannot be copied, so it cannot run without being changed: {told(error)}") from error
    try:
        allocate(copied, _neutral)
    except RuntimeError as error:
        raise ZooError(f"{name} on real tensors: {str(error).partition(chr(10))[0]}") from error
    return copied


def allocate(module: nn.Module, make: Callable[[str, Tensor], Tensor]) -> None:
    """Give every parameter and buffer on meta the real tensor that `make` returns for its name in its module, and for itself.

    Parameters stay parameters, and what is shared stays shared. Raises `RuntimeError` if there is not enough memory.
    """
    made: dict[int, Any] = {}
    for part in module.modules():
        stores: list[dict[str, Any]] = [part._parameters, part._buffers]
        for own in stores:
            for key, tensor in own.items():
                if tensor is None or not tensor.is_meta:
                    continue
                if id(tensor) not in made:
                    real = make(key, tensor)
                    made[id(tensor)] = nn.Parameter(real, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else real
                own[key] = made[id(tensor)]


def _neutral(key: str, tensor: Tensor) -> Tensor:
    """Return 1 for scales and 0 for everything else, so that activations stay finite through any number of layers."""
    make = torch.ones if tensor.dim() == 1 and key.endswith("weight") else torch.zeros
    return make(tensor.shape, dtype=tensor.dtype)


class WhileAlive(dict[int, tuple[Any, Value]]):
    """Values by the ids of tensors, each as long as its tensor lives: an id may then be another's."""

    def __setitem__(self, key: int, entry: tuple[Any, Value]) -> None:
        # called as pop(key, reference): no line of ours runs that an interrupt, which is lost there, could keep from its end
        super().__setitem__(key, (weakref.ref(entry[0], partial(self.pop, key)), entry[1]))
