"""Restore a model and the process exactly, however the forward pass ends."""

import copy
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from operator import attrgetter, is_
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from zoo.tracing.outside import Outside
from zoo.tracing.process import Generators, Surroundings, alone, each, surely
from zoo.tracing.turns import Turns
from zoo.util.pausing import pause, resume

T = TypeVar("T")
Restore = Callable[[], None]


class Guard:
    """Runs a function, and leaves every attribute, flag, hook, parameter, buffer and submodule of `modules` the object that it was,
    with what dicts, lists, sets and plain objects among them held, tensors with the storage and gradient that they had; random
    generators, settings of Python and torch and the modes of this thread too (see `zoo.tracing.process`).

    Another thread that would work on one of `modules` waits. Where there are other threads, `drew` tells whether torch's generator
    was drawn from in this one: if not, it stays as it is, since what moved it was another thread. Tensors' contents are not this
    guard's concern: the recorder lets no op write to them. Unless `collect`, Python does not look for garbage meanwhile, which
    would take as long as all else.
    """

    def __init__(self, modules: Sequence[nn.Module], drew: Callable[[], bool] = lambda: True, *, collect: bool = True) -> None:
        self.modules = modules
        self.drew = drew
        self.collect = collect
        self._surroundings: Surroundings | None = None
        self._restores: list[Restore] = []

    def run(self, body: Callable[[], T]) -> T:
        """`body()`, with everything as it was afterwards. An interrupt may come at any point, inside and here."""
        outside = Outside(self.modules)
        found = surely(lambda: self._enter(body), self._leave)
        outside.warn()
        return found

    def _enter(self, body: Callable[[], T]) -> T:
        surroundings, numbers = Surroundings(), Generators()
        self._restores = [surroundings.restore_modes, lambda: numbers.restore(self.drew() or alone())]
        self._surroundings = surroundings
        surroundings.enter()
        if not self.collect:
            pause(self)
        _TURNS.take(self, map(id, self.modules))
        self._restores = [*self._restores, _attributes(self.modules), _tensors(self.modules)]  # modes go first
        return body()

    def _leave(self) -> None:
        try:
            each(self._restores)
            self._restores = []  # which are many objects: gone before the garbage collector is on again
        finally:
            settings = [self._surroundings.restore] if self._surroundings is not None else []
            each([*settings, lambda: _TURNS.give_back(self, map(id, self.modules)), lambda: resume(self)])
            self._surroundings = None


_TURNS = Turns()


# The model


def _attributes(modules: Sequence[nn.Module]) -> Restore:
    """Restores each module's class and `__dict__` and what it holds (parameters, buffers, submodules, hooks, own caches),
    and the attributes of classes that are not torch's.
    """
    kinds = [(module, type(module)) for module in modules]
    own = [(live, live.copy()) for live in map(vars, modules)]
    bases = dict.fromkeys(base for kind in dict.fromkeys(map(type, modules)) for base in kind.__mro__)
    classes = [(kind, dict(vars(kind))) for kind in bases if _foreign(kind)]
    empty, dicts, lists, deeper = _sorted([value for _, saved in own for value in saved.values() if type(value) not in _PLAIN])
    items = [item for value in dicts for item in value.values() if type(item) not in _PLAIN]
    deeper += [item for item in items if not isinstance(item, nn.Module) and not _plain(item)]
    deeper += [value for _, saved in classes for value in saved.values() if type(value) in _CONTAINERS]
    held: dict[int, Any] = {}
    _collect(deeper, held)
    full = own + [(value, value.copy()) for value in (*dicts, *held.values()) if isinstance(value, dict)]
    flat = [(value, value.copy()) for value in lists]
    contents = [_contents(value) for value in held.values() if not isinstance(value, dict)]
    if not _ITERATORS.isdisjoint(map(type, deeper)):
        for live, saved in own:  # the forward goes on with a copy, and the iterator itself stays where it stands
            live.update((name, copy.copy(value)) for name, value in saved.items() if type(value) in _ITERATORS)

    def restore() -> None:
        for module, kind in kinds:
            if type(module) is not kind:  # as register_parametrization leaves it
                module.__class__ = kind
        for live, saved in full:
            _put_back(live, saved)
        for value in filter(None, empty):
            value.clear()
        for live, saved in flat:
            if len(live) != len(saved) or not all(map(is_, live, saved)):
                live[:] = saved
        for put_back in contents:
            put_back()
        for kind, attributes in classes:
            _put_class_back(kind, attributes)

    return restore


def _sorted(values: Iterable[Any]) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Empty containers, dicts, lists of what cannot change, and all else that can change: hundreds, thousands of the first kind."""
    empty, dicts, lists, others = [], [], [], []
    for value in values:
        kind = type(value)
        if kind in _CONTAINERS and not value:
            empty.append(value)
        elif isinstance(value, dict):
            dicts.append(value)
        elif kind is list and _PLAIN.issuperset(map(type, value)):
            lists.append(value)
        elif kind is not tuple or not _plain(value):
            others.append(value)
    return empty, dicts, lists, others


_PLAIN = frozenset({type(None), bool, int, float, str, bytes, torch.Size, torch.dtype, torch.device, nn.Parameter, Tensor})
_CONTAINERS = frozenset({dict, list, deque, set, bytearray, OrderedDict, defaultdict, Counter})
_ITERATORS = frozenset({type(iter([])), type(iter(())), type(iter(range(0))), type(reversed([]))})
_DEEP = 4
_MOST_BYTES = 64 * 2**20
"""So large an array of numpy is copied before a forward. Larger ones are not put back."""


def _plain(value: object) -> bool:
    """Whether a value cannot change, or is a tensor, which the recorder looks after."""
    if type(value) is tuple:
        return _PLAIN.issuperset(map(type, value)) or all(map(_plain, value))
    return type(value) in _PLAIN


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
    if (added := len(live) - len(saved)) > 0:
        for key in [*islice(reversed(live), added)]:  # additions are at the end
            del live[key]
    if [*live] != [*saved]:  # something was removed, and perhaps added again at the end
        live.clear()
    if not live or not all(map(is_, live.values(), saved.values())):
        live.update(saved)


def _tensors(modules: Sequence[nn.Module]) -> Restore:
    """Restores which parameters require a gradient and have one, and the storage of tensors that have values."""
    parameters = [p for module in modules for p in module._parameters.values() if p is not None]
    buffers = [b for module in modules for b in module._buffers.values() if b is not None]
    flags = [*map(_GRADIENT, parameters)]
    tensors = [t for t in (*parameters, *buffers) if type(t) in _ORDINARY and t.layout is torch.strided and not t.is_meta]
    same = [*map(Tensor.detach, tensors)]
    places = _places(tensors)

    def restore() -> None:
        if _places(tensors) != places:
            for tensor, saved in zip(tensors, same, strict=True):
                if _places([tensor]) != _places([saved]):
                    tensor.data = saved
        for parameter, (flag, grad) in zip(parameters, flags, strict=True):
            if parameter.requires_grad != flag:
                parameter.requires_grad_(flag)
            if parameter.grad is not grad:
                parameter.grad = grad

    return restore


_ORDINARY = frozenset({nn.Parameter, Tensor})
_GRADIENT = attrgetter("requires_grad", "grad")


def _places(tensors: Iterable[Tensor]) -> list[list[object]]:
    """Where in memory tensors are, and how they are laid out there."""
    return [[*map(told, tensors)] for told in _PLACE]


_PLACE: Sequence[Callable[[Tensor], object]] = (Tensor.data_ptr, attrgetter("dtype"), attrgetter("shape"), Tensor.stride)
