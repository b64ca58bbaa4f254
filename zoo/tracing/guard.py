"""Restore a model and the process exactly, however the forward pass ends."""

import copy
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from operator import eq, is_
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from zoo.tracing.outside import Outside
from zoo.tracing.process import Generators, Surroundings, Turns, alone, each, surely

T = TypeVar("T")
Restore = Callable[[], None]


class Guard:
    """Runs a function, and leaves every attribute, flag, hook, parameter, buffer and submodule of `modules` the object that it was,
    with what dicts, lists, sets and plain objects among them held, tensors with the storage and gradient that they had; random
    generators, settings of Python and torch and the modes of this thread too (see `zoo.tracing.process`).

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
        outside = Outside(self.modules)
        found = surely(lambda: self._enter(body), self._leave)
        outside.warn()
        return found

    def _enter(self, body: Callable[[], T]) -> T:
        surroundings, numbers = Surroundings(), Generators()
        self._restores = [surroundings.restore, lambda: numbers.restore(self.drew() or alone())]
        surroundings.enter()
        _TURNS.take(self, map(id, self.modules))
        self._restores = [*self._restores, _attributes(self.modules), _tensors(self.modules)]  # modes go first
        return body()

    def _leave(self) -> None:
        each(self._restores)
        self._restores = []
        _TURNS.give_back(self, map(id, self.modules))


_TURNS = Turns()


# The model


def _attributes(modules: Sequence[nn.Module]) -> Restore:
    """Restores each module's class and `__dict__` and what it holds (parameters, buffers, submodules, hooks, own caches),
    and the attributes of classes that are not torch's.
    """
    kinds = [(module, type(module)) for module in modules]
    own = [(live, live.copy()) for live in map(vars, modules)]
    classes = [
        (kind, dict(vars(kind))) for kind in dict.fromkeys(base for _, kind in kinds for base in kind.__mro__) if _foreign(kind)
    ]
    values = [value for _, saved in own for value in saved.values() if type(value) not in _PLAIN]
    odd = [value for value in values if type(value) is not tuple or not _plain(value)]
    dicts = [value for value in odd if isinstance(value, dict)]
    filled = [value for value in dicts if value]
    deeper = [value for value in odd if not isinstance(value, dict)]
    items = [item for value in filled for item in value.values() if type(item) not in _PLAIN]
    deeper += [item for item in items if not isinstance(item, nn.Module) and not _plain(item)]
    deeper += [value for _, saved in classes for value in saved.values() if type(value) in _CONTAINERS]
    held: dict[int, Any] = {}
    _collect(deeper, held)
    dicts += [value for value in held.values() if isinstance(value, dict)]
    full = own + [(value, value.copy()) for value in dicts if value]
    empty = [value for value in dicts if not value]
    contents = [_contents(value) for value in held.values() if not isinstance(value, dict)]
    for live, saved in own:
        for name, value in saved.items():
            if type(value) in _ITERATORS:  # the forward goes on with a copy, and this one stays where it stands
                live[name] = copy.copy(value)

    def restore() -> None:
        for module, kind in kinds:
            if type(module) is not kind:  # as register_parametrization leaves it
                module.__class__ = kind
        for live, saved in full:
            _put_back(live, saved)
        for value in filter(None, empty):
            value.clear()
        for put_back in contents:
            put_back()
        for kind, attributes in classes:
            _put_class_back(kind, attributes)

    return restore


_PLAIN = frozenset({type(None), bool, int, float, str, bytes, torch.Size, torch.dtype, torch.device, nn.Parameter, Tensor})
_CONTAINERS = frozenset({dict, list, deque, set, bytearray, OrderedDict, defaultdict, Counter})
_ITERATORS = frozenset({type(iter([])), type(iter(())), type(iter(range(0))), type(reversed([]))})
_DEEP = 4
_MOST_BYTES = 64 * 2**20
"""So large an array of numpy is copied before a forward. Larger ones are not put back."""


def _plain(value: object) -> bool:
    """Whether a value cannot change, or is a tensor, which the recorder looks after."""
    return type(value) in _PLAIN or (type(value) is tuple and all(map(_plain, value)))


def _foreign(kind: type) -> bool:
    return kind is not object and kind.__module__.partition(".")[0] not in {"torch", "typing", "abc"}


def _collect(values: Iterable[Any], held: dict[int, Any], depth: int = _DEEP) -> None:
    """Every container and array among `values` and in these, by its id, and what plain objects among `values` hold.

    Objects of objects are let be: of a trainer or a logger they are others' business, and perhaps another thread's.
    """
    for value in values:
        if isinstance(value, nn.Module | Tensor | type | ModuleType | FunctionType) or id(value) in held:
            continue
        inner: Iterable[Any]
        if isinstance(value, tuple | frozenset):
            inner = value
        elif isinstance(value, dict | list | deque | set):
            held[id(value)] = value
            inner = value.values() if isinstance(value, dict) else value
        elif isinstance(value, bytearray) or _is_array(value):
            held[id(value)] = value
            continue
        elif depth == _DEEP and (slots := _slots(value)):
            held[id(value)] = value
            inner = [getattr(value, name) for name in slots]
        elif depth == _DEEP and type(own := getattr(value, "__dict__", None)) is dict and id(own) not in held:
            held[id(own)] = own
            inner = own.values()
        else:
            continue
        if depth and (more := [item for item in inner if not _plain(item)]):
            _collect(more, held, depth - 1)


def _is_array(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray) and value.nbytes <= _MOST_BYTES and value.flags.writeable


def _slots(value: object) -> list[str]:
    """The attributes of an object that has no `__dict__` for them."""
    if not _foreign(type(value)) or type(value).__module__ in {"builtins", "numpy"}:
        return []
    names = [name for kind in type(value).__mro__ for name in vars(kind) if type(vars(kind)[name]) is MemberDescriptorType]
    return [name for name in names if hasattr(value, name)]


def _contents(value: Any) -> Restore:
    """Restores what a set, a list, an array or an object with slots holds."""
    if isinstance(value, set):
        members = value.copy()

        def restore() -> None:
            if value != members:
                value.clear()
                value.update(members)

    elif isinstance(value, list | deque):
        kept = list(value)

        def restore() -> None:
            if len(value) != len(kept) or not all(map(is_, value, kept)):
                value.clear()
                value.extend(kept)

    elif isinstance(value, bytearray):
        content = bytes(value)

        def restore() -> None:
            value[:] = content

    elif _is_array(value):
        shape, copied = value.shape, value.copy()

        def restore() -> None:
            if value.shape != shape:
                value.shape = shape
            value[...] = copied

    else:
        slots = {name: getattr(value, name) for name in _slots(value)}

        def restore() -> None:
            for name, item in slots.items():
                if getattr(value, name, None) is not item:
                    with suppress(AttributeError):  # read-only, as those of functools.partial
                        object.__setattr__(value, name, item)
            for name in set(_slots(value)) - slots.keys():
                object.__delattr__(value, name)

    return restore


def _put_class_back(kind: type, saved: dict[str, Any]) -> None:
    live = vars(kind)
    for name in [name for name in live if name not in saved]:
        delattr(kind, name)
    for name, value in saved.items():
        if live.get(name, saved) is not value:
            setattr(kind, name, value)


def _put_back(live: dict[Any, Any], saved: dict[Any, Any]) -> None:
    if len(live) != len(saved) or not all(map(eq, live, saved)):
        for key in [*islice(live, len(saved), None)]:  # additions are at the end
            del live[key]
        if [*live] != [*saved]:  # something was removed, and perhaps added again at the end
            live.clear()
    if not all(map(is_, live.values(), saved.values())) or not live:
        live.update(saved)


def _tensors(modules: Sequence[nn.Module]) -> Restore:
    """Restores which parameters require a gradient and have one, and the storage of tensors that have values."""
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
