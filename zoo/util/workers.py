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


class WorkerDiedError(Exception):
    """The process of a task ended: a signal, out of memory, or an exit."""


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers(Executor):
    """`jobs` processes with one thread each. Functions and arguments are pickled, so a function must be importable by its name.

    A task whose process dies raises `WorkerDiedError`. Workers ignore interrupts; `shutdown(wait=False)` kills running tasks.
    """

    def __init__(self, jobs: int) -> None:
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="zoo")
        self._mine = threading.local()
        self._all: list[_Worker] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return the future of `fn(*args, **kwargs)`, which runs in one of the processes."""
        return self._threads.submit(self._call, fn, args, kwargs)

    def _call(self, *task: Any) -> Any:
        worker: _Worker | None = getattr(self._mine, "worker", None)
        if worker is None or worker.process.poll() is not None:
            worker = self._mine.worker = _Worker()
            self._all.append(worker)
        return worker.call(task)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all tasks, or with `wait=False` kill them."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures or not wait)
        for worker in self._all:
            if not wait:
                worker.process.kill()
        self._threads.shutdown(wait=True)
        for worker in self._all:
            worker.end()


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

    def call(self, task: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            pickle.dump(task, self.process.stdin)
            self.process.stdin.flush()
            result, error = pickle.load(self.process.stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as gone:
            raise WorkerDiedError(f"its process died: {self._how()}") from gone
        if error is not None:
            raise error
        return result

    def _how(self) -> str:
        code = self.process.wait()
        self._last_words.seek(0)
        said = self._last_words.read().decode(errors="replace").strip().rpartition("\n")[2]
        if code >= 0:
            return f"exit code {code}" + (f" ({said})" if said else "")
        with contextlib.suppress(ValueError):
            return f"{signal.Signals(-code).name} ({signal.strsignal(-code)})"
        return f"signal {-code}"

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.process.communicate()
        self._last_words.close()


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
        return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))
