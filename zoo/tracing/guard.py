"""Leaving a model and the process exactly as they were, however the forward ends."""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import is_
from typing import Any

import torch
from torch import nn

Restore = Callable[[], None]


@contextmanager
def untouched(modules: Sequence[nn.Module]) -> Iterator[None]:
    """On leaving, every attribute, flag, hook, parameter, buffer and submodule of `modules` is the object that it was on entering,
    and the random generators of torch, numpy and Python stand where they stood.

    Tensors' contents are not this guard's concern: the recorder lets no op write to them.
    """
    restores = [_attributes(modules), _requires_grad(modules), *_generators()]
    try:
        yield
    finally:
        for restore in restores:
            restore()


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
    if list(live) != list(saved):
        for key in [key for key in live if key not in saved]:
            del live[key]
        if list(live) != list(saved):  # something was taken away, and perhaps put back behind the others
            live.clear()
    if len(live) != len(saved) or not all(map(is_, live.values(), saved.values())):
        live.update(saved)


def _requires_grad(modules: Sequence[nn.Module]) -> Restore:
    own = (parameter for module in modules for parameter in module._parameters.values() if parameter is not None)
    flags = [(parameter, parameter.requires_grad) for parameter in own]

    def restore() -> None:
        for parameter, flag in flags:
            if parameter.requires_grad != flag:
                parameter.requires_grad_(flag)

    return restore


def _generators() -> list[Restore]:
    state, python = torch.get_rng_state(), random.getstate()
    restores: list[Restore] = [lambda: torch.set_rng_state(state), lambda: random.setstate(python)]
    if numpy_random := sys.modules.get("numpy.random"):
        numbers = numpy_random.get_state()
        restores.append(lambda: numpy_random.set_state(numbers))
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        devices = torch.cuda.get_rng_state_all()
        restores.append(lambda: torch.cuda.set_rng_state_all(devices))
    return restores
