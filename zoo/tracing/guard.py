"""Restore a model and the process exactly, however the forward pass ends."""

import random
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import eq, is_
from threading import Condition, Lock, active_count, get_ident
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn

Restore = Callable[[], None]

_BUSY: dict[int, int] = {}  # the thread that works on a module, by the module's id
_FREED = Condition()

# Reading torch's generator makes a tensor while a mutex of torch is held. If Python then collects garbage, that thread gives up the
# interpreter's lock, and another one that reads the generator meanwhile would wait for the mutex with it: both for ever.
_GENERATOR = Lock()


@contextmanager
def untouched(modules: Sequence[nn.Module], drew: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """On leaving, every attribute, flag, hook, parameter, buffer and submodule of `modules` is the object that it was on entering,
    with what dicts, lists, sets and plain objects among them held, and tensors have the storage and gradient that they had; the
    random generators of torch, numpy and Python stand where they stood, and torch's default type and determinism are as they were.

    Another thread that would work on one of `modules` waits. Where there are other threads, `drew` tells whether torch's generator
    was drawn from in this one: if not, it stays as it is, since what moved it was another thread. Tensors' contents are not this
    guard's concern: the recorder lets no op write to them.
    """
    with _alone(modules), generators_kept(drew):
        restores = [_attributes(modules), _tensors(modules), _settings()]
        try:
            yield
        finally:
            _all(restores)


@contextmanager
def generators_kept(drew: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """On leaving, the random generators of torch, numpy and Python stand where they stood. `drew` as in `untouched`."""
    restores = _generators(drew)
    try:
        yield
    finally:
        _all(restores)


def _all(restores: Sequence[Restore]) -> None:
    """Each of them, and all once more if an interrupt comes between."""
    try:
        for restore in restores:
            restore()
    except BaseException:
        for restore in restores:
            restore()
        raise


@contextmanager
def _alone(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Wait until no other thread works on any of `modules`, and make others wait."""
    me, keys = get_ident(), {id(module) for module in modules}
    with _FREED:
        _FREED.wait_for(lambda: all(_BUSY.get(key, me) == me for key in keys))
        mine = keys - _BUSY.keys()
        _BUSY.update(dict.fromkeys(mine, me))
    try:
        yield
    finally:
        with _FREED:
            for key in mine:
                del _BUSY[key]
            _FREED.notify_all()


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
    data = [(t, t.detach()) for t in (*parameters, *buffers) if type(t) in _ORDINARY and not t.is_meta]

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


def _settings() -> Restore:
    dtype, deterministic = torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()
    warned, benchmark = torch.is_deterministic_algorithms_warn_only_enabled(), torch.backends.cudnn.benchmark

    def restore() -> None:
        if torch.get_default_dtype() != dtype:
            torch.set_default_dtype(dtype)
        if torch.are_deterministic_algorithms_enabled() != deterministic:
            torch.use_deterministic_algorithms(deterministic, warn_only=warned)
        if torch.backends.cudnn.benchmark != benchmark:
            torch.backends.cudnn.benchmark = benchmark

    return restore


def _generators(drew: Callable[[], bool]) -> list[Restore]:
    with _GENERATOR:
        state = torch.get_rng_state()
    python = random.getstate()

    def restore() -> None:
        if drew() or active_count() == 1:
            with _GENERATOR:
                torch.set_rng_state(state)

    restores: list[Restore] = [restore, lambda: random.setstate(python)]
    if numpy_random := sys.modules.get("numpy.random"):
        numbers = numpy_random.get_state()
        restores.append(lambda: numpy_random.set_state(numbers))
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        devices = torch.cuda.get_rng_state_all()
        restores.append(lambda: torch.cuda.set_rng_state_all(devices) if drew() else None)
    return restores
