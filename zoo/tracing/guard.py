"""Leaving a model and the process exactly as they were, however the forward ends."""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import is_
from typing import Any

import torch
from torch import nn

Restore = Callable[[], None]


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """On leaving, every attribute, flag, hook, parameter, buffer and submodule of `model` is the object that it was on entering,
    and the random generators of torch, numpy and Python stand where they stood.

    Tensors' contents are not this guard's concern: the recorder lets no op write to them.
    """
    restores = [_dict(vars(module)) for module in model.modules()] + _generators()
    try:
        yield
    finally:
        for restore in restores:
            restore()


def _dict(live: dict[str, Any]) -> Restore:
    """Restores a module's `__dict__` and, one level down, the dicts in it: its parameters, buffers, submodules and hooks."""
    saved = dict(live)
    inner = [value for value in saved.values() if isinstance(value, dict)]
    full = [(value, dict(value)) for value in inner if value]
    empty = [value for value in inner if not value]

    def restore() -> None:
        _put_back(live, saved)
        for value, content in full:
            _put_back(value, content)
        for value in empty:
            if value:
                value.clear()

    return restore


def _put_back(live: dict[Any, Any], saved: dict[Any, Any]) -> None:
    if len(live) != len(saved) or live.keys() != saved.keys():
        for key in [key for key in live if key not in saved]:
            del live[key]
    if len(live) != len(saved) or not all(map(is_, live.values(), saved.values())):
        live.update(saved)


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
