"""Leaving a model and the process exactly as they were, however the forward ends."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import eq, is_
from types import FunctionType, ModuleType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from zoo.util.process import Generators, Surroundings, Turns, alone, surely

T = TypeVar("T")
Restore = Callable[[], None]


class Guard:
    """Runs a function, and leaves every attribute, flag, hook, parameter, buffer and submodule of `modules` the object that it was,
    with what dicts, lists, sets and plain objects among them held, tensors with the storage and gradient that they had; random
    generators, settings of Python and torch and the modes of this thread too (see `zoo.util.process`).

    Another thread that would work on one of `modules` waits. Where there are other threads, `drew` tells whether torch's generator
    was drawn from in this one: if not, it stays as it is, since what moved it was another thread. Tensors' contents are not this
    guard's concern: the recorder lets no op write to them.
    """

    def __init__(self, modules: Sequence[nn.Module], drew: Callable[[], bool] = lambda: True) -> None:
        self.modules = modules
        self.drew = drew
        self._restores: list[Restore] = []

    def run(self, body: Callable[[], T]) -> T:
        """`body()`, with everything as it was afterwards. An interrupt may come at any point, inside and here."""
        return surely(lambda: self._enter(body), self._leave)

    def _enter(self, body: Callable[[], T]) -> T:
        surroundings, numbers = Surroundings(), Generators()
        self._restores = [surroundings.restore, lambda: numbers.restore(self.drew() or alone())]
        surroundings.enter()
        _TURNS.take(self, map(id, self.modules))
        self._restores = [*self._restores, _attributes(self.modules), _tensors(self.modules)]  # modes go first
        return body()

    def _leave(self) -> None:
        for restore in self._restores:
            restore()
        self._restores = []
        _TURNS.give_back(self, map(id, self.modules))


_TURNS = Turns()


# The model


def _attributes(modules: Sequence[nn.Module]) -> Restore:
    """Restores each module's `__dict__` and what it holds: parameters, buffers, submodules, hooks, and the model's own caches."""
    own = [(live, live.copy()) for live in map(vars, modules)]
    odd = [value for _, saved in own for value in saved.values() if type(value) not in _PLAIN]
    dicts = [value for value in odd if isinstance(value, dict)]
    filled = [value for value in dicts if value]
    deeper = [value for value in odd if not isinstance(value, dict)]
    deeper += [item for value in filled for item in value.values() if type(item) not in _PLAIN and not isinstance(item, nn.Module)]
    held: dict[int, Any] = {}
    _collect(deeper, held)
    dicts += [value for value in held.values() if isinstance(value, dict)]
    full = own + [(value, value.copy()) for value in dicts if value]
    empty = [value for value in dicts if not value]
    sets = [(value, value.copy()) for value in held.values() if isinstance(value, set)]
    lists = [(value, list(value)) for value in held.values() if isinstance(value, list | deque)]

    def restore() -> None:
        for live, saved in full:
            _put_back(live, saved)
        for value in filter(None, empty):
            value.clear()
        for names, members in sets:
            if names != members:
                names.clear()
                names.update(members)
        for items, kept in lists:
            if len(items) != len(kept) or not all(map(is_, items, kept)):
                items.clear()
                items.extend(kept)

    return restore


_PLAIN = frozenset({type(None), bool, int, float, str, bytes, tuple, torch.Size, torch.dtype, torch.device, nn.Parameter, Tensor})
_DEEP = 4


def _collect(values: Iterable[Any], held: dict[int, Any], depth: int = _DEEP) -> None:
    """Every dict, list, deque and set among `values` and in these, by its id, and what plain objects among `values` hold.

    Objects of objects are let be: of a trainer or a logger they are others' business, and perhaps another thread's.
    """
    for value in values:
        if isinstance(value, nn.Module | Tensor | type | ModuleType | FunctionType) or id(value) in held:
            continue
        if isinstance(value, dict | list | deque | set):
            held[id(value)] = value
            inner: Iterable[Any] = value.values() if isinstance(value, dict) else value
        elif depth == _DEEP and type(own := getattr(value, "__dict__", None)) is dict and id(own) not in held:
            held[id(own)] = own
            inner = own.values()
        else:
            continue
        if depth and (more := [item for item in inner if type(item) not in _PLAIN]):
            _collect(more, held, depth - 1)


def _put_back(live: dict[Any, Any], saved: dict[Any, Any]) -> None:
    if len(live) != len(saved) or not all(map(eq, live, saved)):
        for key in [*islice(live, len(saved), None)]:  # what was added stands behind
            del live[key]
        if [*live] != [*saved]:  # something was taken away, and perhaps put back behind the others
            live.clear()
    if not all(map(is_, live.values(), saved.values())) or not live:
        live.update(saved)


def _tensors(modules: Sequence[nn.Module]) -> Restore:
    """Restores which parameters want a gradient and have one, and the storage of tensors that have values."""
    parameters = [p for module in modules for p in module._parameters.values() if p is not None]
    flags = [(p, p.requires_grad, p.grad) for p in parameters]
    buffers = [b for module in modules for b in module._buffers.values() if b is not None]
    data = [
        (t, t.detach()) for t in (*parameters, *buffers) if type(t) in _ORDINARY and t.layout is torch.strided and not t.is_meta
    ]

    def restore() -> None:
        for tensor, same in data:
            if tensor.data_ptr() != same.data_ptr() or tensor.shape != same.shape:
                tensor.data = same
        for parameter, flag, grad in flags:
            if parameter.requires_grad != flag:
                parameter.requires_grad_(flag)
            if parameter.grad is not grad:
                parameter.grad = grad

    return restore


_ORDINARY = frozenset({nn.Parameter, Tensor})
