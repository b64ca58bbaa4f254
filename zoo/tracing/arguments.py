"""The arguments of a forward pass: made from shapes, or from given values."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from zoo.errors import ZooError, unknown
from zoo.tracing.inputs import Input

_TYPES = "float32 float16 bfloat16 float64 int64 int32 int16 int8 uint8 bool complex64".split()

Shape = Sequence[int]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def arguments(module: nn.Module, input: Any, inputs: Any, *, real: bool) -> Arguments:
    """Positional and keyword arguments, on meta. If `real`, with values: ones of floating types, zeros of others, or copies.

    Raises `ZooError` for invalid shapes and types.
    """
    if (input is None) == (inputs is None):
        raise ZooError("expected either input (shapes) or inputs (tensors), got both")
    if inputs is not None:
        ready = mapped(inputs, _copied if real else _abstract)
        if isinstance(ready, Mapping):
            return (), dict(ready)
        return (ready if type(ready) is tuple else (ready,)), {}
    single = isinstance(input, Input) or all(isinstance(n, int) for n in input)
    given = [one if isinstance(one, Input) else Input(one) for one in ([input] if single else input)]
    made = [(one.name, one.value if one.sizes is None else _made(module, one, input, real)) for one in given]
    return tuple(value for name, value in made if name is None), {name: value for name, value in made if name is not None}


def _made(module: nn.Module, one: Input, input: Any, real: bool) -> Tensor:
    floating = (p for p in module.parameters() if p.is_floating_point())
    like = next(floating, torch.empty(0))
    dtype = like.dtype if one.dtype is None else _dtype(one.dtype)
    try:
        if not real:
            return torch.empty([*(one.sizes or ())], dtype=dtype, device="meta")
        return torch.full([*(one.sizes or ())], int(dtype.is_floating_point), dtype=dtype, device=like.device)
    except (TypeError, RuntimeError) as error:
        shown = one.sizes if isinstance(input, Input) or any(isinstance(item, Input) for item in input) else input
        raise ZooError(f"input {shown!r} is not a shape: expected integers >= 1, such as (1, 3, 224, 224)") from error


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype):
        raise unknown("type of input", name, _TYPES)
    return found


def _abstract(tensor: Tensor) -> Tensor:
    try:
        return torch.empty_like(tensor, device="meta")
    except RuntimeError as error:
        kind = "nested tensor" if tensor.is_nested else f"tensor of layout {str(tensor.layout).removeprefix('torch.')}"
        raise ZooError(f"an input is a {kind}, which has no regular shape; expected a dense or padded tensor") from error


def _copied(tensor: Tensor) -> Tensor:
    if tensor.is_meta:
        raise ZooError("real=True requires inputs with values, but one is on the meta device")
    return tensor.detach().clone()


def mapped(thing: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """`thing` with every tensor in it changed: in any nesting of tuples, lists, mappings and dataclasses; all else as it is."""
    if isinstance(thing, Tensor):
        return change(thing)
    if isinstance(thing, PackedSequence):  # its other parts describe the packing and are read by value
        return PackedSequence(change(thing.data), *thing[1:])
    if isinstance(thing, tuple) and hasattr(thing, "_fields"):
        return type(thing)(*(mapped(item, change) for item in thing))
    if type(thing) in {tuple, list, set}:
        return type(thing)(mapped(item, change) for item in thing)
    if isinstance(thing, Mapping):
        changed = {key: mapped(item, change) for key, item in thing.items()}
        return changed if type(thing) is dict else _like(thing, changed)
    if is_dataclass(thing) and not isinstance(thing, type):
        made = copy.copy(thing)
        for field in fields(thing):
            object.__setattr__(made, field.name, mapped(getattr(thing, field.name), change))
        return made
    return thing


def _like(thing: Mapping[Any, Any], changed: dict[Any, Any]) -> Any:
    """A mapping of another class with other items, as far as its class lets it be made so."""
    made = copy.copy(thing)
    try:
        for key, item in changed.items():
            made[key] = item  # type: ignore[index]
    except TypeError:
        return changed
    return made
