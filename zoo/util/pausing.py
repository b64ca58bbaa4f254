"""Pause garbage collection while many long-lived objects are created."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """A context manager and decorator that pauses the cyclic garbage collector, which can take as long as the work itself.

    Afterwards the collector is enabled if it was enabled before.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
