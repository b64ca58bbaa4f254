"""Surveys: one row for each model, whoever does the work, and whatever happens meanwhile."""

import csv
import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.questions.survey import analyse, gather, targets, versions
from zoo.util.workers import WorkerDiedError, Workers, limited
from zoo_cli.main import run
from zoo_cli.output import journal_of

CONTEXT = {"columns": [], "versions": {}}
SLOW = """
import time


def slow(name):
    time.sleep(0.02)
    return {"name": name, "type": "T", "cells": {"n": int(name)}, "failure": None}


if __name__ == "__main__":
    from slowly import slow  # by the name under which a worker finds it
    from zoo.questions.survey import gather

    gather([str(n) for n in range(200)], slow, context={"columns": [], "versions": {}}, jobs=2, journal="journal")
"""

CHOOSES = """
from torch import nn


class Net(nn.Conv2d):
    def forward(self, x):
        return super().forward(x[:, : int(x.sum() > 0) * 3])


def net():
    return Net(3, 4, 1, bias=False)
"""


MANY = """
from torch import nn

def __getattr__(name):
    if not name.startswith("net"):
        raise AttributeError(name)
    width = int(name[3:]) % 13
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8 if width else 9, width + 1, 1))
"""


LATE = """
import itertools, time
from torch import nn

def quick():
    return nn.Conv2d(3, 4, 1)

class Sleeps(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 4, 1)
    def forward(self, x):
        time.sleep(1000)

def loops():
    sum(itertools.repeat(0))
"""


def test_patterns() -> None:
    """Kills a pattern that means too much or too little, a model that is named twice, and an order of no meaning."""
    import timm
    from torchvision import models

    assert targets(["*"]) == zoo.list_models()
    assert targets(["vgg1?", "vgg16"]) == ["vgg11", "vgg13", "vgg16", "vgg19"]
    assert targets(["torchvision:*"]) == [f"torchvision:{name}" for name in models.list_models()]
    assert targets(["timm:resnet*"]) == [f"timm:{name}" for name in timm.list_models("resnet*")]
    assert targets(["net.py:Net", "timm:resnet18", "pkg.mod:make"]) == ["net.py:Net", "timm:resnet18", "pkg.mod:make"]
    for pattern in ("nothing*", "timm:nothing*"):
        with pytest.raises(zoo.ZooError, match="nothing"):
            targets([pattern])


def cells(table: zoo.Table) -> list[dict[str, Any]]:
    """The rows but for what depends on the machine."""
    return [{"name": row.name, "type": row.type, **row.cells, "seconds": 0} for row in table.rows]


def test_rows_are_the_summaries() -> None:
    """Kills a survey with numbers of its own, in another order, and a failure that is no row or has no reason."""
    with ThreadPoolExecutor(2) as threads:
        table = zoo.survey(
            ["lenet*", "none.py:Net", "torchvision:squeezenet1_0"], executor=threads, columns=["macs", "params", "rf"]
        )
    assert [row.name for row in table.rows] == [*zoo.list_models("lenet*"), "none.py:Net", "torchvision:squeezenet1_0"]
    for row in table.rows:
        if row.name == "none.py:Net":
            assert (row.type, row.cells["failure"], row.cells.get("macs")) == ("failed", "none.py: no such file", None)
        else:
            total = zoo.summary(row.name, columns=["macs", "params", "rf"]).total
            assert {name: row.cells[name] for name in total} == total
            assert row.cells["failure"] is row.cells["unknown"] is None
    assert table.title == "7 models, 1 failed"


def test_models_that_decide_by_values(tmp_path: Path) -> None:
    """Kills a model that is run unasked, or is not run although asked, and others that are run along with it."""
    (tmp_path / "chooses.py").write_text(CHOOSES)
    names = [f"{tmp_path}/chooses.py:net", "lenet5"]
    with ThreadPoolExecutor(1) as threads:
        shapes, real = (zoo.survey(names, executor=threads, columns=["macs"], real=how).rows for how in (False, True))
    assert "--real" in shapes[0].cells["failure"]
    assert real[0].cells["macs"] == 224 * 224 * 3 * 4
    assert "real tensors" in real[0].cells["notes"]
    assert {**shapes[1].cells, "seconds": 0} == {**real[1].cells, "seconds": 0}


def test_models_leave_nothing(tmp_path: Path) -> None:
    """Kills a worker whose memory grows with every model: with those of one file or of many, and with those that fail."""
    for i in range(100):
        (tmp_path / f"file{i}.py").write_text(MANY)

    def left(count: int) -> int:
        names = [f"{tmp_path}/file{i if i % 2 else 0}.py:{'net' if i % 7 else 'no'}{i}" for i in range(count)]
        failures = [analyse(name, ("params",))["failure"] for name in names]
        assert 0 < sum(failure is not None for failure in failures) < count / 2
        gc.collect()
        return len(gc.get_objects())

    before = left(20)
    assert left(100) - before <= 10


def test_any_executor() -> None:
    """Kills work that only threads of one process, or only processes, can do."""
    from distributed import Client

    names = ["lenet*", "alexnet", "none.py:Net"]
    with ThreadPoolExecutor(1) as threads:
        expected = cells(zoo.survey(names, executor=threads))

    def found(executor: Executor) -> Sequence[dict[str, Any]]:
        return cells(zoo.survey(names, executor=executor))

    with Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=":0") as client:
        assert found(client.get_executor()) == expected
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        assert found(processes) == expected


def test_a_death_is_one_failure() -> None:
    """Kills a pool that a crash breaks, a crash that takes its neighbours along, and what a task prints in the results."""
    with Workers(1) as pool:
        first = pool.submit(os.getpid)
        crashes = [pool.submit(os.abort), pool.submit(os._exit, 3), pool.submit(sys.exit, "words")]
        talk, raised, last = pool.submit(os.system, "echo noise; cat"), pool.submit(int, "x"), pool.submit(os.getpid)
        assert talk.result() == 0
        for crash, how in zip(crashes, ("SIGABRT", "exit code 3", "words"), strict=True):
            with pytest.raises(WorkerDiedError, match=how):
                crash.result()
        with pytest.raises(ValueError, match="invalid literal"):
            raised.result()
        assert len({first.result(), last.result(), os.getpid()}) == 3
    found = gather(["abort"], os.abort, context=CONTEXT, jobs=1)  # called with too many arguments
    assert "TypeError" in found["abort"]["failure"]


def test_last_words_are_its_own() -> None:
    """Kills a reason that is another task's last line, a line of megabytes, and control characters in it."""
    with Workers(1) as pool:
        assert pool.submit(os.system, "echo of another >&2").result() == 0
        with pytest.raises(WorkerDiedError, match=r"exit code 3$"):
            pool.submit(os._exit, 3).result()
        long = "import os, sys; os.write(2, b'a\\x1b[31m' + b'x' * 9_000_000 + b'\\n \\n'); os._exit(4)"
        with pytest.raises(WorkerDiedError) as caught:
            pool.submit(exec, long).result()
        assert len(str(caught.value)) < 200
        assert str(caught.value).isprintable()


@pytest.mark.slow
def test_a_task_that_takes_too_long() -> None:
    """Kills a pool that waits for ever, one that cannot go on afterwards, and one that counts what comes before a task."""
    with Workers(1, timeout=3, prepare=time.sleep) as pool:
        assert pool.submit(abs, 4).result() == 4
        with pytest.raises(WorkerDiedError, match=r"no result within 3 seconds"):
            pool.submit(time.sleep, 100).result()
        assert pool.submit(abs, 1).result() == 1
    with Workers(1, timeout=float("inf")) as pool:
        assert pool.submit(int, "3").result() == 3


@pytest.mark.slow
@pytest.mark.parametrize("how", [{"jobs": 2}, {"executor": ThreadPoolExecutor(2)}], ids=["jobs", "executor"])
def test_models_that_take_too_long(tmp_path: Path, how: dict[str, Any]) -> None:
    """Kills a survey that waits for ever for a model that sleeps, and for one whose loop lets no other thread of Python run."""
    (tmp_path / "late.py").write_text(LATE)
    names = [f"{tmp_path}/late.py:{name}" for name in ("quick", "Sleeps", "loops")]
    found = cells(zoo.survey([*names, "lenet5"], columns=["params"], timeout=6, **how))
    late = "WorkerDiedError: no result within 6 seconds"
    assert [(row.get("params"), row["failure"]) for row in found] == [(16, None), (None, late), (None, late), (60_000, None)]


@pytest.mark.slow
def test_a_limited_task_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a cluster on which each survey leaves processes that wait for tasks; and a task that finds none there."""
    monkeypatch.setattr("zoo.util.workers._IDLE_SECONDS", 0.2)
    with ThreadPoolExecutor(1) as threads:
        pids = [threads.submit(limited, 30, None, os.getpid).result() for _ in range(2)]
        assert pids[0] == pids[1] != os.getpid()
        end = time.monotonic() + 30
        while Path(f"/proc/{pids[0]}").exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert not Path(f"/proc/{pids[0]}").exists()
        assert threads.submit(limited, 30, None, abs, -3).result() == 3


@pytest.mark.parametrize(
    "odd",
    [b"\xff\xfe\n", b"{}\n", b"[]\n", b"3\n", b'{"name": "x"}\n', b'{"name": [], "check": 1}\n', b"[" * 100_000 + b"\n", b"\0\n"],
    ids=lambda odd: repr(odd[:12]),
)
def test_odd_lines(tmp_path: Path, odd: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a traceback, and a row that is believed, where a journal has a line that we did not write."""
    monkeypatch.setattr("zoo.util.workers.Workers", ThreadPoolExecutor)
    output, journal = tmp_path / "out.json", tmp_path / "out.json.partial"
    context = {"columns": ["params"], "real": False, "versions": versions()}
    with ThreadPoolExecutor(1) as threads:
        gather(["lenet5"], lambda name: {"cells": {}, "failure": None}, context=context, executor=threads, journal=journal)
    whole = journal.read_bytes()
    for content in (whole + odd, whole.replace(b"null", b"3000", 1), odd + whole, whole[1:]):
        journal.write_bytes(content)
        assert run(["survey", "lenet5", "-c", "params", "-o", str(output)]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "journal" in err
        assert journal.read_bytes() == content
        assert not output.exists()


def test_full_disk(tmp_path: Path) -> None:
    """Kills a message that does not name the journal, because closing it fails once more."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limit[1]))
    try:
        with pytest.raises(zoo.ZooError, match=r"cannot write .*full\.journal: File too large"):
            gather(["1"], int, context=CONTEXT, journal=tmp_path / "full.journal")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)


def test_a_broken_executor_is_no_row() -> None:
    """Kills failures of models that never ran, when a pool that a crash breaks takes all of them along."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool, pytest.raises(zoo.ZooError, match="executor failed"):
        gather([3], os._exit, context=CONTEXT, executor=pool)  # type: ignore[list-item,arg-type]


def test_a_cluster_that_loses_its_scheduler_loses_no_row(tmp_path: Path) -> None:
    """Kills a failure in the journal of each model that a cluster no longer answers for: resumed, it would never be computed."""

    class Lost(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            if args[0] == "1":
                return super().submit(fn, *args, **kwargs)
            future: Future[Any] = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    def instant(name: str) -> dict[str, Any]:
        return {"name": name, "type": "T", "cells": {"n": int(name)}, "failure": None}

    names, journal = ["1", "2", "3"], tmp_path / "journal"
    with Lost(1) as lost, pytest.raises(zoo.ZooError, match="executor failed"):
        gather(names, instant, context=CONTEXT, executor=lost, journal=journal)
    assert "CancelledError" not in journal.read_text()
    with ThreadPoolExecutor(1) as threads:
        found = gather(names, instant, context=CONTEXT, executor=threads, journal=journal)
    assert [found[name]["cells"] for name in names] == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_few_tasks_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a cluster whose memory grows with the survey, because it is given all models at once."""
    monkeypatch.setattr("zoo.questions.survey._IN_FLIGHT", 5)
    waiting: list[int] = []

    class Counting(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            futures.append(super().submit(fn, *args, **kwargs))
            waiting.append(sum(not future.done() for future in futures))
            return futures[-1]

    futures: list[Future[Any]] = []
    names = [str(n) for n in range(40)]
    with Counting(2) as threads:
        found = gather(names, lambda name: {"n": time.sleep(0.001) or name}, context=CONTEXT, executor=threads)
    assert {name: record["n"] for name, record in found.items()} == {name: name for name in names}
    assert 2 < max(waiting) <= 5


@pytest.mark.parametrize("torn", [b"", b'{"name": "199", "ty', b'{"name"'])
def test_killed_and_resumed(tmp_path: Path, torn: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a row that is lost, computed again or there twice after kill -9 at any moment, also in the middle of a line."""
    (tmp_path / "slowly.py").write_text(SLOW)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    journal = tmp_path / "journal"
    working = subprocess.Popen([sys.executable, "slowly.py"], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    while not journal.exists() or journal.read_bytes().count(b"\n") < 20:
        assert working.poll() is None
        time.sleep(0.005)
    working.kill()
    working.wait()
    with open(journal, "ab") as file:
        file.write(torn)
    before = [json.loads(line)["name"] for line in journal.read_bytes().splitlines()[1:-1]]
    assert len(before) < 199
    again: list[str] = []

    def instant(name: str) -> dict[str, Any]:
        again.append(name)
        return {"name": name, "type": "T", "cells": {"n": int(name)}, "failure": None}

    names = [str(n) for n in range(200)]
    with ThreadPoolExecutor(1) as threads:
        found = gather(names, instant, context=CONTEXT, executor=threads, journal=journal)
    assert {name: record["cells"]["n"] for name, record in found.items()} == {name: int(name) for name in names}
    assert not set(again) & set(before)
    lines = [json.loads(line) for line in journal.read_text().splitlines()[1:]]
    assert sorted(line["name"] for line in lines) == sorted(names)


def test_journals_of_others(tmp_path: Path) -> None:
    """Kills rows of another survey, a damaged journal that is believed, and two surveys that write into one file."""
    journal = tmp_path / "journal"

    def found(columns: list[str]) -> Any:
        with ThreadPoolExecutor(1) as threads:
            context = {**CONTEXT, "columns": columns}
            return gather(["1"], lambda name: {"name": name}, context=context, executor=threads, journal=journal)

    assert found(["a"]) == found(["a"]) == {"1": {"name": "1"}}
    with pytest.raises(zoo.ZooError, match="other columns"):
        found(["b"])
    for content in ("a,b\n1,2\n", '{"schema": "zoo.survey/1"}\n[]\n', "[]\n"):
        journal.write_text(content)
        with pytest.raises(zoo.ZooError, match=r"journal|begun"):
            found(["a"])
        assert journal.read_text() == content
    journal.unlink()
    fcntl = pytest.importorskip("fcntl")
    with open(journal, "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(zoo.ZooError, match="another survey"):
            found(["a"])


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a command whose file and journal are not what Python's survey gives, and a Parquet that loses types."""
    from pyarrow import parquet

    monkeypatch.setattr("zoo.util.workers.Workers", ThreadPoolExecutor)
    expected = zoo.survey(["lenet*", "none.py:Net"], columns=["params", "rf"], jobs=1)
    files = {kind: tmp_path / f"found.{kind}" for kind in ("csv", "parquet", "json")}
    for file in files.values():
        assert run(["survey", "lenet*", "none.py:Net", "-c", "params,rf", "-o", str(file)]) == 1
        models = len(expected.rows)
        assert capsys.readouterr() == ("", f"{file}: {models} models, 1 failed; the column failure has the reasons\n")
    assert sorted(tmp_path.iterdir()) == sorted(files.values())
    rows = list(csv.DictReader(files["csv"].read_text().splitlines()))
    assert [row["name"] for row in rows] == [row.name for row in expected.rows]
    assert [row["params"] for row in rows] == [str(row.cells.get("params") or "") for row in expected.rows]
    columns = parquet.read_table(files["parquet"]).to_pydict()
    assert columns["params"] == [row.cells.get("params") for row in expected.rows]
    assert columns["rf.size"] == [(row.cells.get("rf") or {}).get("size") for row in expected.rows]
    assert columns["failure"][-1] == rows[-1]["failure"] == "none.py: no such file"
    table = json.loads(files["json"].read_text())
    assert [row["params"] for row in table["rows"] if row["type"] != "failed"] == [n for n in columns["params"] if n]
    assert table["context"]["versions"] == versions()


def test_a_finished_file_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a survey that replaces what another one has found, and a failure or a success that its exit code denies."""
    monkeypatch.setattr("zoo.util.workers.Workers", ThreadPoolExecutor)
    file = tmp_path / "found.csv"
    survey = ["survey", "lenet5", "-c", "params", "-o", str(file)]
    assert run(survey) == 0
    assert capsys.readouterr().err == f"{file}: 1 model\n"
    file.write_text("mine")
    assert run(survey) == 2
    assert capsys.readouterr().err == f"zoo: {file} already exists; use --force to replace it\n"
    assert file.read_text() == "mine"
    assert run([*survey, "--force"]) == 0
    assert "60000" in file.read_text()
    assert run(["survey", "lenet5", "none.py:Net", "-c", "params"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing*"], "no model matches"),
        (["resnet5"], "did you mean resnet"),
        (["lenet5", "-c", "parms"], "did you mean params"),
        (["lenet5", "-o", "none/found.csv"], "cannot write"),
        (["lenet5", "-f", "yml"], "unknown format"),
        (["lenet5", "--jobs", "0"], "jobs"),
    ],
    ids=" ".join,
)
def test_bad_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Kills a mistake that is found after long work, or leaves files behind."""
    os.chdir(tmp_path)
    assert run(["survey", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert (out, err.count("\n")) == ("", 1)
    assert not list(tmp_path.iterdir())


def test_parquet_without_pyarrow(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Kills a survey that does all its work, and then cannot write it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.chdir(tmp_path)
    assert run(["survey", "*", "-o", "found.parquet"]) == 2
    assert "pip install 'zoo[parquet]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups")
def test_interrupted(tmp_path: Path) -> None:
    """Kills an interrupt that loses what is done, leaves workers behind, or shows a traceback."""
    command = [sys.executable, "-m", "zoo_cli", "survey", "*", "-o", "found.csv", "-j", "1"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    working = subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True, stderr=subprocess.PIPE)
    journal = tmp_path / "found.csv.partial"
    while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
        assert working.poll() is None
        time.sleep(0.005)
    os.killpg(working.pid, signal.SIGINT)
    _, said = working.communicate()
    assert working.returncode == 130
    assert said.decode() == "zoo: interrupted; finished rows are in found.csv.partial; run the same command again to resume\n"
    assert list(tmp_path.iterdir()) == [journal]
    with pytest.raises(ProcessLookupError):
        os.killpg(working.pid, 0)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_journal_that_is_no_file(device: str) -> None:
    """Kills a survey that reads a device for ever, in the hope of earlier rows."""
    if not os.path.exists(device):
        pytest.skip(f"no {device}")
    with ThreadPoolExecutor(1) as pool, pytest.raises(zoo.ZooError, match="not a regular file"):
        zoo.survey("lenet5", journal=device, executor=pool)
    assert journal_of(Path(device)) is None
