"""Interrupts and forks at any moment: nothing is left behind, and nobody waits for ever."""

import _imp
import importlib.util
import logging
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

import zoo
from zoo.tracing.process import Surroundings, surely, undisturbed
from zoo.util import files


@pytest.fixture(scope="module")
def interrupts() -> ModuleType:
    """The script that interrupts thousands of times."""
    spec = importlib.util.spec_from_file_location("interrupts", Path(__file__).parent.parent / "benchmarks" / "interrupts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# An interrupt may come inside a callback of the garbage collector, such as hypothesis has: Python reports it and goes on.
swallowed = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@swallowed
@pytest.mark.parametrize("count", [pytest.param(150, marks=pytest.mark.slow), pytest.param(2000, marks=pytest.mark.stress)])
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
def test_signals(interrupts: ModuleType, tmp_path: Path, count: int) -> None:
    """Kills a recorder that stays on torch's stack, modes, locks and models that an interrupt leaves in the middle."""
    assert interrupts.interrupted(count, count, interrupts.Signals, tmp_path)["left behind"] == []


@swallowed
@pytest.mark.parametrize("count", [pytest.param(150, marks=pytest.mark.slow), pytest.param(2000, marks=pytest.mark.stress)])
def test_exceptions_from_another_thread(interrupts: ModuleType, tmp_path: Path, count: int) -> None:
    """Kills the same in a thread that another one stops."""
    found: list[Any] = []
    how = interrupts.FromAnotherThread
    worker = threading.Thread(target=lambda: found.append(interrupts.interrupted(count, count, how, tmp_path)["left behind"]))
    worker.start()
    worker.join()
    assert found == [[]]


def test_the_lock_of_imports() -> None:
    """Kills a lock of all imports that an interrupt inside of importlib leaves taken: no other thread could import anything."""

    @undisturbed
    def interrupted() -> None:
        _imp.acquire_lock()
        _imp.acquire_lock()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not _imp.lock_held()


def test_the_lock_of_logging() -> None:
    """Kills the same lock of logging: an export in another thread waited for it for ever. One that was held before is kept."""
    lock: Any = logging._lock  # type: ignore[attr-defined]

    def interrupt() -> None:  # no signal: where a shell starts the tests in the background, it is ignored
        raise KeyboardInterrupt

    @undisturbed
    def interrupted() -> None:
        lock.acquire()
        lock.acquire()
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not lock._is_owned()
    with lock:
        with pytest.raises(KeyboardInterrupt):
            undisturbed(interrupt)()
        assert lock._is_owned()


@pytest.mark.slow
def test_the_check_can_fail() -> None:
    """Kills a check that sees nothing: where things are put back only after success, it has to find what is left."""
    code = """
        import sys, tempfile
        from pathlib import Path
        sys.path.insert(0, "benchmarks")
        import interrupts
        from zoo.tracing import guard
        def only_after_success(body, restore):
            found = body()
            restore()
            return found
        guard.surely = only_after_success
        try:
            print(bool(interrupts.interrupted(60, 0, interrupts.Signals, Path(tempfile.mkdtemp()))["left behind"]))
        except Exception:
            print(True)
    """
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=root, capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout == "True\n"


def test_put_back_at_the_second_try() -> None:
    """Kills a state that stays where it is because putting it back was interrupted."""
    tries: list[int] = []

    def restore() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        surely(lambda: None, restore)
    assert len(tries) == 2


def test_settings_of_two_threads() -> None:
    """Kills settings that the last of two threads takes for the user's, when they are those of the first one's model."""
    inside, leave = threading.Event(), threading.Event()

    class Sets(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch.set_default_dtype(torch.float64)
            inside.set()
            leave.wait(10)
            return super().forward(x)

    first = threading.Thread(target=lambda: zoo.trace(Sets(2, 2), input=(1, 2)))
    first.start()
    assert inside.wait(10)
    second = Surroundings()
    second.enter()
    leave.set()
    first.join()
    second.restore()
    assert torch.get_default_dtype() == torch.float32


FORKS = """
import os, sys, threading, time
import torch, zoo
from torch import nn

net = nn.Sequential(*[nn.Conv2d(3, 3, 3, padding=1) for _ in range(60)])
zoo.trace(net, input=(1, 3, 8, 8))
zoo.summary("lenet5")  # a child that is forked in the middle of an import waits for Python's own lock of that module
stop = False

def work():
    while not stop:
        zoo.trace(net, input=(1, 3, 8, 8))
        zoo.summary("lenet5")

threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
bad = 0
for _ in range(int(sys.argv[1])):
    time.sleep(0.002)
    child = os.fork()
    if not child:
        import faulthandler
        faulthandler.dump_traceback_later(20, exit=True)
        os._exit(0 if zoo.trace(net, input=(1, 3, 8, 8)) and zoo.summary("lenet5").total["params"] == 60_000 else 3)
    bad += os.waitpid(child, 0)[1] != 0
stop = True
for thread in threads:
    thread.join()
print(bad)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("count", [pytest.param(20, marks=pytest.mark.slow), pytest.param(300, marks=pytest.mark.stress)])
def test_fork_while_other_threads_analyse(count: int) -> None:
    """Kills a child that waits for ever for a lock whose holder it does not have: 5 of 12 did."""
    done = subprocess.run([sys.executable, "-c", FORKS, str(count)], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "0\n", done.stderr[-2000:]


@pytest.mark.slow
def test_fork_inside_a_forward() -> None:
    """Kills a child that has lost its own turn, and one that keeps the turns of threads it does not have."""
    if not hasattr(os, "fork"):
        pytest.skip("no fork")
    code = """
        import os, threading, zoo
        from torch import nn
        from zoo.tracing import guard
        class Forks(nn.Linear):
            def forward(self, x):
                self.child = child = os.fork()
                if not child:
                    os._exit(0 if {thread for _, thread in guard._TURNS.taken.values()} == {threading.get_ident()} else 3)
                assert os.waitpid(child, 0)[1] == 0
                return super().forward(x)
        print(zoo.summary(Forks(2, 2), input=(1, 2)).total["params"])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout == "6\n", done.stderr[-2000:]


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
def test_eight_threads_on_one_model() -> None:
    """Kills a turn that is never given back, or given to two."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    found: list[object] = []

    def ask() -> None:
        found.extend(zoo.summary(net, input=(1, 3, 8, 8)).total["params"] for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [120] * 160


# Forwards that have not run


class Async(nn.Linear):
    async def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return super().forward(x)


class AsyncItems(nn.Linear):
    async def forward(self, x: torch.Tensor) -> Any:  # type: ignore[override]
        yield super().forward(x)


class Lazy(nn.Linear):
    def forward(self, x: torch.Tensor) -> Any:  # type: ignore[override]
        return {"out": (map(super().forward, [x]),)}


class Items(nn.Linear):
    def forward(self, x: torch.Tensor) -> Any:  # type: ignore[override]
        return x, (super(Items, self).forward(one) for one in [x])


@pytest.mark.parametrize(
    ("kind", "said"), [(Async, "coroutine"), (AsyncItems, "async_generator"), (Lazy, "map"), (Items, "generator")]
)
def test_a_forward_that_has_not_run(kind: type[nn.Linear], said: str) -> None:
    """Kills an empty analysis of an async forward, and of what is computed only when it is asked for."""
    with pytest.raises(zoo.ZooError, match=f"returns a {said}, of which nothing has run"):
        zoo.summary(kind(2, 2), input=(1, 2))
    nested = nn.Sequential(kind(2, 2))
    with pytest.raises(zoo.ZooError, match="nothing has run"):
        zoo.summary(nested, input=(1, 2))


def test_an_interrupt_while_a_temporary_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a folder that stays beside the user's file, and an error of rmtree in place of the interrupt."""
    remove, calls = shutil.rmtree, []

    def interrupted(*given: Any, **named: Any) -> None:
        calls.append(given)
        if len(calls) > 1:
            remove(*given, **named)
            return
        try:
            raise KeyboardInterrupt
        finally:
            os.close(-1)

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write(b"content", tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
