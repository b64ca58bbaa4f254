"""Interrupts at random points of an analysis: what each of them leaves behind.

    python benchmarks/interrupts.py 2000 -o benchmarks/interrupts.json

Half of them are signals in the main thread, half exceptions that another thread sets. After each, everything that can be seen of
the model, the thread and the process is compared with what was there before, and the next analysis has to give the same numbers.
"""

import _imp
import argparse
import ctypes
import gc
import json
import logging
import os
import random
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import zoo
from zoo.models import importing
from zoo.tracing import guard, process
from zoo.util import pausing

BLOCKS = "from torch import nn\n\ndef block(n):\n    return nn.Sequential(nn.Conv2d(3, n, 3), nn.BatchNorm2d(n), nn.ReLU())\n"
NET = "from blocks import block\n\ndef net():\n    from blocks import block as again\n    return again(8)\n"


class Net(nn.Module):
    """A model that holds what a forward may change, and enters the modes that a forward may enter."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 2)
        self.register_buffer("steps", torch.zeros(3))
        self.seen: list[Any] = []
        self.shelf = {"kept": [1, 2]}

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        self.shelf["new"] = x
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            x = F.relu(self.bn(self.conv(x)))
        self.steps += 1
        with torch.inference_mode():
            noise = torch.rand(4)
        x = F.dropout(x.mean((2, 3)) * noise, training=True)
        return self.fc(x)


def state(net: nn.Module, folder: Path) -> dict[str, Any]:
    """All that can be seen of a model, the thread and the process, and the names of the files in a folder."""
    c = torch._C
    tensors = [*net.named_parameters(), *net.named_buffers()]
    return {
        "attributes": {name: {key: id(value) for key, value in vars(part).items()} for name, part in net.named_modules()},
        "held": {name: [list(v) for v in vars(part).values() if isinstance(v, dict | list)] for name, part in net.named_modules()},
        "tensors": [(name, id(t), t.requires_grad, t.detach().numpy().tobytes()) for name, t in tensors],
        "stacks": (c._len_torch_dispatch_stack(), c._len_torch_function_stack(), torch.get_default_device()),
        "keys": (str(c._dispatch_tls_local_include_set()), str(c._dispatch_tls_local_exclude_set())),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")),
        "autocast": (torch.autocast_increment_nesting(), torch.autocast_decrement_nesting()),
        "settings": process._read() | {"environment": dict(os.environ)},
        "warnings": list(warnings.filters),
        "turns": (dict(guard._TURNS.taken), dict(importing._TURNS.taken), len(importing._ACTIVE)),
        "inside": (len(process._INSIDE), len(process._THREADS), len(process._OPEN)),
        "locks": (guard._TURNS._lock.locked(), importing._TURNS._lock.locked(), process._LOCK.locked(), _imp.lock_held()),
        "locks of this thread": (logging._lock._is_owned(), pausing._lock._is_owned(), process._GENERATOR._is_owned()),
        "pauses": len(pausing._pausing),
        "modules": sorted(name for name in sys.modules if name in {"blocks", "net"}),
        "methods": (nn.Module.__call__, nn.Module.__getattr__, torch.fx._symbolic_trace._get_is_fx_tracing()),
        "garbage": gc.isenabled(),
        "files": sorted(os.listdir(folder)),
        "random": (random.getstate(), torch.get_rng_state().numpy().tobytes(), np.random.get_state()[1].tobytes()),
    }


def questions(net: nn.Module, target: str) -> dict[str, Callable[[], Any]]:
    """What is asked, by name: each gives something that is equal when it is asked again."""
    plain = nn.Sequential(net.conv, net.bn, nn.MaxPool2d(2))
    out = Path(target).with_name("lenet5.pt")
    return {
        "trace": lambda: zoo.trace(net, input=(1, 3, 8, 8)),
        "trace train": lambda: zoo.trace(net, input=(2, 3, 8, 8), train=True),
        "trace real": lambda: zoo.trace(net, input=(1, 3, 8, 8), real=True),
        "summary": lambda: zoo.summary(net, input=(1, 3, 8, 8)),
        "summary of a name": lambda: zoo.summary("lenet5"),
        "summary of a file": lambda: zoo.summary(target, input=(1, 3, 8, 8)),
        "summary that fails": lambda: _refused(lambda: zoo.summary(net, input=(1, 4, 8, 8))),
        "compare": lambda: zoo.compare("lenet5", "lenet5_modern"),
        "diff": lambda: zoo.diff("lenet5", "lenet5_modern"),
        "stages": lambda: [stage.channels for stage in zoo.stages("lenet5_modern")],
        "receptive field": lambda: zoo.receptive_field("lenet5", "C3").unit,
        "features": lambda: sorted(zoo.features(plain, ["0"], input=(1, 3, 8, 8)).state_dict()),
        "sweep": lambda: zoo.sweep("lenet5", batch=[1, 2], jobs=1),
        "parameters": lambda: zoo.parameters(target),
        "explain": lambda: zoo.explain("lenet5_modern", "C1").quantities[0].cell,
        "lint": lambda: str(zoo.lint(target, input=(1, 3, 8, 8))),
        "draw": lambda: zoo.draw(net, input=(1, 3, 8, 8)).table.rows[-1].cells,
        "report": lambda: len(zoo.report(target, input=(1, 3, 8, 8)).html),
        "export": lambda: zoo.export("lenet5", out, force=True).read_bytes(),
    }


def _refused(ask: Callable[[], Any]) -> str:
    try:
        return str(ask())
    except zoo.ZooError as error:
        return str(error)


class Signals:
    """Interrupts in the main thread, by a timer."""

    def __enter__(self) -> "Signals":
        self.before = signal.signal(signal.SIGALRM, self._raise)
        return self

    def __exit__(self, *error: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)

    @staticmethod
    def _raise(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def during(self, ask: Callable[[], Any], delay: float) -> bool:
        """Ask, with an interrupt after `delay` seconds; whether it came in time."""
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)
            ask()
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            return True
        return False


class FromAnotherThread:
    """Exceptions that another thread sets in this one."""

    def __enter__(self) -> "FromAnotherThread":
        self.me = threading.get_ident()
        self.armed: list[float] = []
        self.wake, self.idle = threading.Semaphore(0), threading.Event()
        self.thread = threading.Thread(target=self._fire, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.armed.append(-1)
        self.wake.release()
        self.thread.join()

    def _fire(self) -> None:
        while True:
            self.wake.acquire()
            delay = self.armed.pop()
            if delay < 0:
                return
            time.sleep(delay)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.me), ctypes.py_object(KeyboardInterrupt))
            self.idle.set()

    def during(self, ask: Callable[[], Any], delay: float) -> bool:
        """Ask, with an exception after `delay` seconds; whether it came in time."""
        done = False
        self.idle.clear()
        try:
            self.armed.append(delay)
            self.wake.release()
            ask()
            done = True
            while not self.idle.is_set():  # an exception inside of its wait() would break it
                time.sleep(0.0001)
            for _ in range(100):  # it comes now, unless a finaliser has swallowed it, as Python does with whatever is raised there
                time.sleep(0.0001)
        except KeyboardInterrupt:
            pass
        while not self.idle.is_set():
            time.sleep(0.0001)
        return not done


def interrupted(count: int, seed: int, how: type[Signals] | type[FromAnotherThread], folder: Path) -> dict[str, Any]:
    """`count` interrupts that came in time: how often which question was asked, and what was other than before."""
    chosen = random.Random(seed)
    net = Net()
    (folder / "net.py").write_text(NET)
    (folder / "blocks.py").write_text(BLOCKS)
    asked = questions(net, f"{folder}/net.py:net")
    expected, took = {}, {}
    for name, ask in asked.items():
        ask()
        expected[name] = ask()
        begun = time.perf_counter()
        ask()
        took[name] = time.perf_counter() - begun
    hit: Counter[str] = Counter()
    left: list[str] = []
    with how() as interrupts:
        before, numbers = state(net, folder), torch.get_rng_state()
        while sum(hit.values()) < count:
            name = chosen.choice(list(asked))
            if interrupts.during(asked[name], chosen.uniform(0, 1.1 * took[name])):
                hit[name] += 1
            after = state(net, folder)
            left += [f"{name}: {key}" for key in before if before[key] != after[key]]
            if sum(hit.values()) % 20 == 0:
                again = asked[name]()
                left += [f"{name}: another answer"] if again != expected[name] else []
                nn.Linear(2, 2)(torch.ones(1, 2)).sum().backward()
                torch.set_rng_state(numbers)
            if left:
                break
    return {"interrupts": sum(hit.values()), "by question": dict(sorted(hit.items())), "left behind": left}


def main() -> None:
    """Interrupt, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, nargs="?", default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        found["signals"] = interrupted(given.count // 2, given.seed, Signals, Path(folder))
        worker = threading.Thread(
            target=lambda: found.update(threads=interrupted(given.count // 2, given.seed, FromAnotherThread, Path(folder)))
        )
        worker.start()
        worker.join()
    text = json.dumps({"seed": given.seed, **found}, indent=1)
    print(text)
    if given.output:
        given.output.write_text(f"{text}\n")
    sys.exit(any(one["left behind"] for one in found.values()))


if __name__ == "__main__":
    main()
