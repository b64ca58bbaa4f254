"""Pause garbage collection while many long-lived objects are created.

The collector belongs to the whole process, so pauses are counted: the first one remembers whether it was enabled, and the last one
enables it again. Two threads that each restored what they had found would leave it disabled for ever.
"""

import functools
import gc
import os
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


def no_collection(function: Callable[P, T]) -> Callable[P, T]:
    """A decorator: pause the cyclic garbage collector, which can take as long as the function itself.

    Afterwards the collector is enabled if it was enabled before, also after an interrupt.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        pausing = object()
        try:
            try:
                pause(pausing)
                return function(*args, **kwargs)
            finally:
                resume(pausing)
        finally:
            resume(pausing)  # an interrupt may have cut the first one short

    return call


def pause(who: object) -> None:
    """Disable the collector until `resume(who)`."""
    global _wanted
    with _lock:
        if not _pausing:
            _wanted = gc.isenabled()
        _pausing[who] = threading.get_ident()
        gc.disable()


def resume(who: object) -> None:
    """Stop pausing, and set the collector as it was if nobody else pauses. It may be called again."""
    with _lock:
        if [*_pausing] == [who]:
            _set(_wanted)
        _pausing.pop(who, None)


def wanted() -> bool:
    """Return whether the collector is enabled, apart from pauses."""
    with _lock:
        return _wanted if _pausing else gc.isenabled()


def want(on: bool) -> None:
    """Enable or disable the collector, now or after all pauses."""
    global _wanted
    with _lock:
        _wanted = on
        if not _pausing:
            _set(on)


def _set(on: bool) -> None:
    (gc.enable if on else gc.disable)()


def _after_fork() -> None:
    """A child has one thread: the pauses of the others end here."""
    global _lock
    _lock = threading.RLock()
    me = threading.get_ident()
    for who in [who for who, thread in _pausing.items() if thread != me]:
        resume(who)


_pausing: dict[object, int] = {}
"""Who pauses, and in which thread."""
_wanted = True
_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
