"""Lazy modules, whose parameters get their shapes from the first input: initialised on a copy, without memory."""

import copy
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

from zoo.tracing.arguments import arguments
from zoo.tracing.state import named_modules
from zoo.util.errors import ZooError, told


def initialised(modules: Sequence[tuple[str, nn.Module]], input: Any, inputs: Any) -> Sequence[tuple[str, nn.Module]]:
    """`modules`, or those of a copy of the first in which nothing is lazy: parameters that were have the shapes that this input
    gives them, on meta.

    Raises `ZooError` if the copy cannot run on meta tensors.
    """
    if not any(issubclass(kind, LazyModuleMixin) for kind in {type(part) for _, part in modules}):
        return modules
    module = modules[0][1]
    try:
        stand_ins = {id(tensor): (tensor, _on_meta(tensor)) for tensor in chain(module.parameters(), module.buffers())}
        copied = copy.deepcopy(module, {key: meta for key, (_, meta) in stand_ins.items()}).eval()
        args, kwargs = arguments(module, input, inputs, real=False)
        with torch.device("meta"), torch.no_grad():
            copied(*args, **kwargs)
    except ZooError:
        raise
    except Exception as error:
        name = next((name for name, tensor in module.named_parameters() if is_lazy(tensor)), "a lazy module")
        raise ZooError(
            f"{name} is not initialised, and a forward that would initialise it raised {told(error)}; run the lazy module once"
        ) from error
    _put_back(copied, {id(meta): tensor for tensor, meta in stand_ins.values() if not is_lazy(tensor)})
    return named_modules(copied.train(module.training))


def _on_meta(tensor: Tensor) -> Tensor:
    """A tensor like this on meta, lazy if it is."""
    if isinstance(tensor, UninitializedParameter | UninitializedBuffer):
        make: Any = type(tensor)
        lazy: Tensor = make(tensor.requires_grad, device="meta", dtype=tensor.dtype)
        return lazy
    meta = torch.empty_like(tensor, device="meta")
    return nn.Parameter(meta, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else meta


def _put_back(module: nn.Module, known: Mapping[int, Tensor]) -> None:
    """What was not lazy keeps its values, which control flow may read."""
    for part in module.modules():
        stores: list[dict[str, Any]] = [part._parameters, part._buffers]
        for store in stores:
            store.update({key: known[id(tensor)] for key, tensor in store.items() if id(tensor) in known})
