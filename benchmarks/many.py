"""Surveys and sweeps on a Dask cluster of local processes: throughput by workers, memory, and what is left after a kill.

    python benchmarks/many.py [-o FILE.json] [--models 10000] [--points 100000] [--workers 1,2] [--killed 3000]

The models are small random networks of one generated file, each with a name of its own; the points are sizes and batches of one
network of the catalogue. A run from which the scheduler is taken away is resumed from its journal with a new one. A kill comes when
a third is done, of as many models as `--killed` says, or of ten times as many points. Everything is timed by the clock.
docs/performance.md is made from the JSON.

Dask's profiler is off: it keeps a tree of calls for each second of the last hour, and so a worker grows for an hour.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from distributed import Client

import zoo
from zoo.extend import Table, ZooError

NETS = """
import random
from torch import nn

def __getattr__(name):
    if not name.startswith("net"):
        raise AttributeError(name)
    draw = random.Random(name)
    widths = [3, *(draw.choice([8, 12, 16, 24]) for _ in range(draw.randint(2, 5)))]
    layers = [layer for i, o in zip(widths, widths[1:]) for layer in (nn.Conv2d(i, o, 3, padding=1), nn.ReLU())]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10))
"""

_QUIET = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False", "OMP_NUM_THREADS": "1"}


class Cluster:
    """A scheduler and workers of one thread each, all processes of their own; `kill` ends one without a farewell."""

    def __init__(self, workers: int, folder: Path) -> None:
        self.file = folder / f"scheduler-{time.monotonic_ns()}.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file))
        while not self.file.exists():
            time.sleep(0.1)
        self.workers = [self._start("worker", *self._reached(), "--nthreads", "1", "--no-dashboard") for _ in range(workers)]

    def _reached(self) -> tuple[str, ...]:
        return "--scheduler-file", str(self.file), "--no-nanny", "--death-timeout", "20", "--local-directory", str(self.file.parent)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *arguments]
        return subprocess.Popen(command, env=os.environ | _QUIET, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def memory(self) -> float:
        """Megabytes of the largest worker now."""
        return max(_resident(worker.pid) for worker in self.workers)

    def close(self) -> None:
        """End every process."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def _resident(pid: int) -> float:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
    return 0.0


@contextlib.contextmanager
def cluster(workers: int, folder: Path) -> Iterator[tuple[Cluster, Any]]:
    """A cluster, and the executor of a client of it."""
    found = Cluster(workers, folder)
    try:
        with Client(scheduler_file=str(found.file), timeout=60) as client:
            client.wait_for_workers(workers, timeout=120)
            yield found, client.get_executor()
    finally:
        found.close()


Ask = Callable[..., Table]


def throughput(what: str, total: int, ask: Ask, workers: int, folder: Path) -> Mapping[str, Any]:
    """Seconds for all, and the memory of the largest worker after a tenth of them and at the end."""
    memory: list[float] = []
    with cluster(workers, folder) as (found, executor):
        marks = [total // 10, total]

        def progress(done: int, _: int, __: str) -> None:
            while marks and done >= marks[0]:
                marks.pop(0)
                memory.append(found.memory())

        start = time.perf_counter()
        table = ask(executor=executor, progress=progress)
        seconds = time.perf_counter() - start
    assert len(table.rows) == total
    failed = sum(row.cells["failure"] is not None for row in table.rows) if "failure" in table.rows[0].cells else 0
    own = _resident(os.getpid())
    return {
        "what": what,
        "workers": workers,
        "total": total,
        "seconds": seconds,
        "failed": failed,
        "worker_mb": memory[:2],
        "client_mb": own,
    }


def killed(what: str, total: int, ask: Ask, folder: Path, *, scheduler: bool) -> Mapping[str, Any]:
    """How many were computed before a process was killed, and how many in all; the rows are compared with those of a quiet run."""
    journal, kept = folder / f"{what}-{scheduler}.journal", 0
    expected = _cells(ask(jobs=2))
    for attempt in range(2):
        with cluster(2, folder) as (found, executor):
            ends = [found.scheduler if scheduler else found.workers[0]] if attempt == 0 else []

            def progress(done: int, _: int, __: str, ends: list[subprocess.Popen[bytes]] = ends) -> None:
                if ends and done >= total // 3:
                    ends.pop().kill()

            try:
                table = ask(executor=executor, progress=progress, journal=journal)
                break
            except ZooError as error:
                print(f"{what}: {error}", file=sys.stderr)
                kept = _rows_in(journal)
    end = "scheduler" if scheduler else "worker"
    equal = _cells(table) == expected
    return {"what": what, "killed": end, "total": total, "kept": kept, "computed": _rows_in(journal), "equal": equal}


def _cells(table: Table) -> list[Mapping[str, Any]]:
    return [{"name": row.name, **row.cells, "seconds": 0} for row in table.rows]


def _rows_in(journal: Path) -> int:
    """A line has one model, or some points; the first line has none."""
    _, *lines = map(json.loads, journal.read_text(encoding="utf-8").splitlines())
    return sum(len(line.get("rows", [line])) for line in lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--killed", type=int, default=3000)
    chosen = parser.parse_args()
    found: dict[str, list[Mapping[str, Any]]] = {"throughput": [], "killed": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nets.py").write_text(NETS, encoding="utf-8")

        def models(count: int) -> Ask:
            names = [f"{folder}/nets.py:net{i}" for i in range(count)]
            return lambda **how: zoo.survey(names, columns=["params", "macs"], **how)

        def points(count: int) -> Ask:
            inputs = [f"3x{32 + i % 200}x{32 + i // 200 % 200}" for i in range(count // 5)]
            return lambda **how: zoo.sweep("all_cnn_c", input=inputs, batch=range(1, 6), columns=["macs"], **how)

        def add(kind: str, figure: Mapping[str, Any]) -> None:
            found[kind].append(figure)
            print(figure, file=sys.stderr, flush=True)
            if chosen.output:
                chosen.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

        for workers in map(int, chosen.workers.split(",")):
            for what, total, ask in (("survey", chosen.models, models), ("sweep", chosen.points, points)):
                add("throughput", throughput(what, total, ask(total), workers, folder))
        for what, total, ask in (("survey", chosen.killed, models), ("sweep", 10 * chosen.killed, points)):
            for scheduler in (False, True):
                add("killed", killed(what, total, ask(total), folder, scheduler=scheduler))


if __name__ == "__main__":
    main()
