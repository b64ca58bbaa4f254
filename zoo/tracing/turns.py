"""Threads that work on the same model take turns."""

import os
import threading
import time
from collections.abc import Iterable
from typing import Any


class Turns:
    """Who works on what: another thread that wants the same waits."""

    def __init__(self) -> None:
        self.taken: dict[Any, tuple[object, int]] = {}
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def take(self, taker: object, keys: Iterable[Any]) -> None:
        """Wait until no other thread has any of `keys`, and take them."""
        me, keys = threading.get_ident(), list(keys)
        while True:
            with self._lock:
                if all(self.taken.get(key, (None, me))[1] == me for key in keys):
                    self.taken.update({key: (taker, me) for key in keys if key not in self.taken})
                    return
            time.sleep(_PAUSE)  # no condition is waited for: an interrupt inside one would leave its lock held

    def give_back(self, taker: object, keys: Iterable[Any]) -> None:
        """Let others have those of `keys` that `taker` took."""
        with self._lock:
            for key in keys:
                if self.taken.get(key, (None, 0))[0] is taker:
                    del self.taken[key]

    def _after_fork(self) -> None:
        """Of the threads of a child's parent only the one that forked lives on."""
        self._lock = threading.Lock()
        me = threading.get_ident()
        self.taken = {key: (taker, thread) for key, (taker, thread) in self.taken.items() if thread == me}


_PAUSE = 0.0005
