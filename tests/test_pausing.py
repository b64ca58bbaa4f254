"""Pauses of garbage collection: several threads, interrupts and forks leave the collector as the user has it."""

import dis
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from torch import nn

import zoo
from zoo.tracing.process import Surroundings
from zoo.util import pausing
from zoo.util.pausing import no_collection, pause, resume


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    yield
    on = gc.isenabled()
    pausing._pausing.clear()
    gc.enable()
    assert on


def test_the_last_one_enables() -> None:
    """Kills a second pause that finds the collector paused and leaves it so, in whichever order the two end."""
    for order in ((0, 1), (1, 0)):
        pauses = [object(), object()]
        for one in pauses:
            pause(one)
        resume(pauses[order[0]])
        assert not gc.isenabled()
        resume(pauses[order[1]])
        assert gc.isenabled()


def test_settings_read_during_a_pause() -> None:
    """Kills an analysis that takes another thread's pause for the user's setting, and restores it when that thread is done."""

    @no_collection
    def read() -> Surroundings:
        found = Surroundings()
        found.enter()
        return found

    settings = read()
    assert gc.isenabled()
    settings.restore()
    assert gc.isenabled()


def test_disabled_stays_disabled() -> None:
    """Kills a pause that enables the collector of a user who has disabled it, also if the function itself enables it."""
    gc.disable()
    no_collection(lambda: None)()
    no_collection(gc.enable)()
    zoo.trace(nn.Linear(2, 2), input=(1, 2))
    assert not gc.isenabled()
    gc.enable()


@pytest.mark.parametrize("real", [False, True])
def test_a_forward_that_disables_it(real: bool) -> None:
    """Kills a setting of the model that stays."""

    class Disables(nn.Linear):
        def forward(self, x: Any) -> Any:
            gc.disable()
            return super().forward(x)

    zoo.trace(Disables(2, 2), input=(1, 2), real=real)
    assert gc.isenabled()


def test_an_interrupt_after_any_call() -> None:
    """Kills a collector that stays disabled because an interrupt came before, while or after it was enabled again."""
    calls = 0
    while _interrupted(no_collection(lambda: None), calls):
        assert gc.isenabled(), f"after {calls} calls"
        assert not pausing._pausing
        assert not pausing._lock._is_owned()  # type: ignore[attr-defined]
        calls += 1
    assert calls > 10


def _interrupted(function: Callable[[], object], after: int) -> bool:
    """Whether an interrupt comes in time if it comes after so many calls in pausing.py: that is where Python looks for one."""
    done = 0
    executed: dict[FrameType, str] = {}

    def step(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal done
        if frame.f_code.co_filename != pausing.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            last, executed[frame] = executed.get(frame, ""), dis.opname[frame.f_code.co_code[frame.f_lasti]]
            done += last.startswith(("CALL", "RESUME"))
            if done == after + 1:
                raise KeyboardInterrupt
        return step

    before = sys.gettrace()
    try:
        sys.settrace(step)
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_threads() -> None:
    """Kills a race between one thread that reads the setting and another one that changes it: half of all rounds lost it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    measured = zoo.trace(nn.Linear(2, 2), input=(1, 2))

    def work(net: nn.Module) -> None:
        for _ in range(5):
            zoo.trace(net, input=(1, 2))
            zoo.measure(measured).render()

    try:
        for _ in range(6):
            threads = [threading.Thread(target=work, args=(nn.Linear(2, 2),)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert gc.isenabled()
    finally:
        sys.setswitchinterval(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_while_another_thread_pauses() -> None:
    """Kills a child whose collector nobody enables, because the thread that would is its parent's."""
    paused, done = threading.Event(), threading.Event()

    @no_collection
    def wait() -> None:
        paused.set()
        done.wait(10)

    thread = threading.Thread(target=wait)
    thread.start()
    assert paused.wait(10)
    child = os.fork()
    if not child:
        os._exit(0 if gc.isenabled() else 3)
    assert os.waitpid(child, 0)[1] == 0
    assert not gc.isenabled()
    done.set()
    thread.join(10)
