"""A process pool in which a crash fails one task only: the other tasks continue in a new process.

The workers are new interpreters that communicate over pipes; they are not forked and do not use `multiprocessing`. So a script
without a main guard can use them, they inherit no threads or locks, and a worker exits when its parent is gone.
"""

import contextlib
import gc
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from zoo.util.errors import told


class WorkerDiedError(Exception):
    """The process of a task ended: a signal, out of memory, or an exit."""


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers(Executor):
    """`jobs` processes with one thread each. Functions and arguments are pickled, so a function must be importable by its name.

    A task whose process dies raises `WorkerDiedError`, also if it is killed since the task took longer than `timeout` seconds. In
    each new process, `prepare` is called first with the arguments of its first task; that time does not count. Interrupts are the
    parent's: `shutdown(wait=False)` kills what still works.
    """

    def __init__(self, jobs: int, *, timeout: float | None = None, prepare: Callable[..., object] | None = None) -> None:
        self._how = timeout, prepare
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="zoo")
        self._mine = threading.local()
        self._all: list[_Place] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return the future of `fn(*args, **kwargs)`, which runs in one of the processes."""
        return self._threads.submit(self._call, fn, args, kwargs)

    def _call(self, *task: Any) -> Any:
        if not hasattr(self._mine, "place"):
            self._mine.place = _Place()
            self._all.append(self._mine.place)
        return self._mine.place.call(task, *self._how)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all tasks, or with `wait=False` kill them."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures or not wait)
        for place in self._all:
            if not wait and (worker := place.worker) is not None:
                worker.process.kill()
        self._threads.shutdown(wait=True)
        for place in self._all:
            place.end()


def limited(timeout: float, prepare: Callable[..., object] | None, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return `function(*arguments)`, called in another process, which is killed after `timeout` seconds.

    For tasks of an executor, which cannot be killed themselves. Each thread that calls this has one such process, which ends when
    it has had nothing to do for some seconds. Raises what the function raises, and `WorkerDiedError` as `Workers` does.
    """
    if not hasattr(_OWN, "place"):
        _OWN.place = _IdlePlace()
    return _OWN.place.call((function, arguments, {}), timeout, prepare)


_OWN = threading.local()
_START_SECONDS = 300.0  # at most, for a process to start and import what its tasks need
_IDLE_SECONDS = 10.0


class _Place:
    """Where a process does one task after another: it starts with the first, and again after a task that it did not survive."""

    def __init__(self) -> None:
        self.worker: _Worker | None = None

    def call(self, task: Any, timeout: float | None, prepare: Callable[..., object] | None) -> Any:
        if self.worker is not None and self.worker.process.poll() is not None:
            self.end()
        if self.worker is None:
            self.worker = _Worker()
            if timeout is not None and prepare is not None:
                self.worker.call((prepare, *task[1:]), _START_SECONDS)
        return self.worker.call(task, timeout)

    def end(self) -> None:
        if (worker := self.worker) is not None:
            self.worker = None
            worker.end()


class _IdlePlace(_Place):
    """One whose process ends when it has had nothing to do for a while."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._clock = threading.Timer(0, self._rest)

    def call(self, task: Any, timeout: float | None, prepare: Callable[..., object] | None) -> Any:
        self._clock.cancel()
        with self._lock:
            try:
                return super().call(task, timeout, prepare)
            finally:
                self._clock = threading.Timer(_IDLE_SECONDS, self._rest)
                self._clock.daemon = True
                self._clock.start()

    def _rest(self) -> None:
        with self._lock:  # if a task has come meanwhile, its process ends after it, and the next task starts another
            self.end()


class _Worker:
    def __init__(self) -> None:
        self._last_words = tempfile.TemporaryFile()  # noqa: SIM115 as long as the process lives
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from zoo.util.workers import _serve; _serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._last_words,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(place or os.getcwd() for place in sys.path)},
        )

    def call(self, task: Any, timeout: float | None = None) -> Any:
        """What the task returns, or raises."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        said_before = os.fstat(self._last_words.fileno()).st_size
        late = threading.Event()

        def stop() -> None:
            late.set()
            self.process.kill()

        clock = threading.Timer(min(timeout, threading.TIMEOUT_MAX), stop) if timeout is not None else None
        try:
            if clock is not None:
                clock.start()
            pickle.dump(task, self.process.stdin)
            self.process.stdin.flush()
            result, error = pickle.load(self.process.stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as gone:
            if late.is_set():
                self.process.wait()
                raise WorkerDiedError(f"no result within {timeout:g} seconds") from gone
            raise WorkerDiedError(f"its process died: {self._how(said_before)}") from gone
        finally:
            if clock is not None:
                clock.cancel()
        if error is not None:
            raise error
        return result

    def _how(self, said_before: int) -> str:
        """The exit code or signal, and the last line that this task wrote to standard error."""
        code = self.process.wait()
        end = self._last_words.seek(0, os.SEEK_END)
        self._last_words.seek(max(said_before, end - 4096))
        lines = self._last_words.read().decode(errors="replace").split("\n")
        last = next((line for line in map(_printable, reversed(lines)) if line), "")
        said = f" ({last if len(last) <= _LINE else last[:_LINE] + '…'})" if last else ""
        if code >= 0:
            return f"exit code {code}{said}"
        with contextlib.suppress(ValueError):
            return f"{signal.Signals(-code).name}{said or f' ({signal.strsignal(-code)})'}"
        return f"signal {-code}{said}"

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.process.communicate()
        self._last_words.close()


_LINE = 120


def _printable(line: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in line).strip()


def _serve() -> None:
    """Run tasks from standard input and write results to standard output, which the tasks cannot access."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "wb") as results, os.fdopen(os.dup(0), "rb") as tasks:
        os.dup2(2, 1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        imported = 0
        while True:
            if len(sys.modules) > imported:  # exclude the imported modules from later collections
                imported = len(sys.modules)
                gc.collect()
                gc.freeze()
            try:
                function, args, kwargs = pickle.load(tasks)
            except EOFError:
                return
            results.write(_done(function, args, kwargs))
            results.flush()


def _done(function: Callable[..., Any], args: Any, kwargs: Any) -> bytes:
    try:
        return pickle.dumps((function(*args, **kwargs), None))
    except Exception as error:
        with contextlib.suppress(Exception):
            pickle.loads(packed := pickle.dumps((None, error)))
            return packed
        return pickle.dumps((None, RuntimeError(told(error))))
