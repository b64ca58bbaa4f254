"""Nested tuples, lists and dicts of tensors, flattened and rebuilt with torch's private functions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map_only, tree_unflatten

__all__ = ["all_tensors", "direct_tensors", "tensors", "tree_flatten", "tree_leaves", "tree_map_only", "tree_unflatten"]


def tensors(output: object, depth: int = 8) -> Iterator[Tensor]:
    """Every tensor in what a forward takes or returns: nested tuples, lists, dicts, dataclasses and plain objects."""
    if isinstance(output, Tensor):
        yield output
    elif depth == 0 or output is None or isinstance(output, str | bytes | int | float | nn.Module):
        return
    elif isinstance(output, Mapping):
        for item in output.values():
            yield from tensors(item, depth - 1)
    elif isinstance(output, list | tuple | set | frozenset):
        for item in output:
            yield from tensors(item, depth - 1)
    elif is_dataclass(output):
        for field in fields(output):
            yield from tensors(getattr(output, field.name, None), depth - 1)
    elif hasattr(output, "__dict__"):
        yield from tensors(vars(output), depth - 1)


def all_tensors(arguments: Iterable[Any]) -> list[Tensor]:
    """The tensors of all arguments of an op, in their order."""
    found: list[Tensor] = []
    for argument in arguments:
        found += direct_tensors(argument)
    return found


def direct_tensors(argument: Any) -> Sequence[Tensor]:
    """The tensors of one argument of an op: itself, or those of a list."""
    if isinstance(argument, Tensor):
        return (argument,)
    if isinstance(argument, (list, tuple)):
        return [item for item in argument if isinstance(item, Tensor)]
    return ()
