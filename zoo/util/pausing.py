"""The collector of cyclic garbage, paused where thousands of objects are made that are no garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """While it is entered, Python does not look for cyclic garbage, which would take as long as all else that happens here.

    Afterwards the collector is on if it was on. Also a decorator.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
