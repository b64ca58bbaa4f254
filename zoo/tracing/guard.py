"""Leaving a model and the process exactly as they were, however the forward ends."""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import eq, is_
from threading import Condition, active_count, get_ident
from typing import Any

import torch
from torch import nn

Restore = Callable[[], None]

_BUSY: dict[int, int] = {}  # by a module's id the thread that works on it
_FREED = Condition()


@contextmanager
def untouched(modules: Sequence[nn.Module], drew: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """On leaving, every attribute, flag, hook, parameter, buffer and submodule of `modules` is the object that it was on entering,
    and the random generators of torch, numpy and Python stand where they stood.

    Another thread that would work on one of `modules` waits. Where there are other threads, `drew` tells whether torch's generator
    was drawn from in this one: if not, it stays as it is, since what moved it was another thread. Tensors' contents are not this
    guard's concern: the recorder lets no op write to them.
    """
    with _alone(modules), generators_kept(drew):
        restores = [_attributes(modules), _requires_grad(modules)]
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
    """Waits until no other thread works on any of `modules`, and keeps others waiting."""
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
    """Restores each module's `__dict__` and, one level down, the dicts and sets in it: parameters, buffers, submodules, hooks."""
    own = [(live, live.copy()) for live in map(vars, modules)]
    inner = [value for _, saved in own for value in saved.values() if isinstance(value, dict)]
    full = own + [(value, value.copy()) for value in inner if value]
    empty = [value for value in inner if not value]
    sets = [(value, value.copy()) for _, saved in own for value in saved.values() if isinstance(value, set)]

    def restore() -> None:
        for live, saved in full:
            _put_back(live, saved)
        for value in filter(None, empty):
            value.clear()
        for names, members in sets:
            if names != members:
                names.clear()
                names.update(members)

    return restore


def _put_back(live: dict[Any, Any], saved: dict[Any, Any]) -> None:
    if len(live) != len(saved) or not all(map(eq, live, saved)):
        for key in [*islice(live, len(saved), None)]:  # what was added stands behind
            del live[key]
        if [*live] != [*saved]:  # something was taken away, and perhaps put back behind the others
            live.clear()
    if not all(map(is_, live.values(), saved.values())) or not live:
        live.update(saved)


def _requires_grad(modules: Sequence[nn.Module]) -> Restore:
    own = (parameter for module in modules for parameter in module._parameters.values() if parameter is not None)
    flags = [(parameter, parameter.requires_grad) for parameter in own]

    def restore() -> None:
        for parameter, flag in flags:
            if parameter.requires_grad != flag:
                parameter.requires_grad_(flag)

    return restore


def _generators(drew: Callable[[], bool]) -> list[Restore]:
    state, python = torch.get_rng_state(), random.getstate()

    def restore() -> None:
        if drew() or active_count() == 1:
            torch.set_rng_state(state)

    restores: list[Restore] = [restore, lambda: random.setstate(python)]
    if numpy_random := sys.modules.get("numpy.random"):
        numbers = numpy_random.get_state()
        restores.append(lambda: numpy_random.set_state(numbers))
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        devices = torch.cuda.get_rng_state_all()
        restores.append(lambda: torch.cuda.set_rng_state_all(devices) if drew() else None)
    return restores
