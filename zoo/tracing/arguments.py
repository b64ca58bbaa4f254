"""The arguments of a forward pass: made from shapes, or from given values."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from inspect import Parameter, signature
from itertools import chain, repeat
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from zoo.record.inputs import Input
from zoo.tracing.values import LARGEST, Pairs, default, is_countable
from zoo.util.errors import ZooError, unknown

_TYPES = "float32 float16 bfloat16 float64 int64 int32 int16 int8 uint8 bool complex64".split()

Shape = Sequence[int]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def arguments(module: nn.Module, input: Any, inputs: Any, *, real: bool, known: Pairs | None = None) -> Arguments:
    """Positional and keyword arguments, on meta. If `real`, with values: the `default`, or copies of what is given.

    The values of those on meta that are whole numbers or bools are put into `known`. Raises `ZooError` for invalid shapes.
    """
    if (input is None) == (inputs is None):
        raise ZooError("expected either input (shapes) or inputs (tensors), got both")
    known = {} if known is None else known
    names = chain(_names(module), repeat(None))
    if inputs is not None:
        change = _copied if real else partial(_abstract, known)
        if isinstance(inputs, Mapping):
            return (), {name: mapped(item, partial(change, name)) for name, item in inputs.items()}
        several = inputs if type(inputs) is tuple else (inputs,)
        return tuple(mapped(item, partial(change, name)) for item, name in zip(several, names, strict=False)), {}
    single = isinstance(input, Input) or all(isinstance(n, int) for n in input)
    positional, named = [], {}
    for one in [input] if single else input:
        one = one if isinstance(one, Input) else Input(one)
        name = next(names) if one.name is None else one.name
        value = one.value if one.sizes is None else _made(module, one, name, input, None if real else known)
        if one.name is None:
            positional.append(value)
        else:
            named[one.name] = value
    return tuple(positional), named


def _names(module: nn.Module) -> list[str | None]:
    """The names of the positional parameters of a forward, as far as they can be told."""
    try:
        parameters = signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}]


def _made(module: nn.Module, one: Input, name: str | None, input: Any, known: Pairs | None) -> Tensor:
    """A tensor of such sizes: on meta, with its value in `known` if it has a default; real where nothing is `known`."""
    floating = (p for p in module.parameters() if p.is_floating_point())
    like = next(floating, torch.empty(0))
    dtype = like.dtype if one.dtype is None else _dtype(one.dtype)
    sizes = one.sizes or ()
    try:
        if known is not None:
            return _remembered(known, torch.empty(sizes, dtype=dtype, device="meta"), name)
        return default(name, sizes, dtype, like.device)
    except (TypeError, RuntimeError) as error:
        shown = one.sizes if isinstance(input, Input) or any(isinstance(item, Input) for item in input) else input
        raise ZooError(f"input {shown!r} is not a shape: expected integers >= 1, such as (1, 3, 224, 224)") from error


def _remembered(known: Pairs, tensor: Tensor, name: str | None, value: Tensor | None = None) -> Tensor:
    """`tensor`, which is on meta; its value, by default the `default`, is `known` if it is small and of whole numbers or bools."""
    if is_countable(tensor.dtype) and tensor.numel() <= LARGEST:
        known[id(tensor)] = tensor, default(name, tensor.shape, tensor.dtype) if value is None else value.detach().cpu().clone()
    return tensor


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype):
        raise unknown("type of input", name, _TYPES)
    return found


def _abstract(known: Pairs, name: str | None, tensor: Tensor) -> Tensor:
    try:
        return _remembered(known, torch.empty_like(tensor, device="meta"), name, None if tensor.is_meta else tensor)
    except RuntimeError as error:
        kind = "nested tensor" if tensor.is_nested else f"tensor of layout {str(tensor.layout).removeprefix('torch.')}"
        raise ZooError(f"an input is a {kind}, which has no regular shape; expected a dense or padded tensor") from error


def _copied(name: str | None, tensor: Tensor) -> Tensor:
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
