"""Analyse many models, one row each, with worker processes or any executor; resumable with a journal."""

import contextlib
import fnmatch
import importlib
import itertools
import json
import os
import stat
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any

from zoo.analysis.choose import choose, on_page
from zoo.analysis.conventions import legend
from zoo.catalogue.entries import card, list_models
from zoo.tables.table import Column, Row, Table
from zoo.tracing.process import undisturbed
from zoo.util.errors import ForwardError, ZooError, told
from zoo.util.version import __version__

if TYPE_CHECKING:
    from zoo.models.running import Run

SCHEMA = "zoo.survey/2"
COLUMNS = ("params", "trainable", "macs", "flops", "activations", "depth")

_INPUT = Column("input", "elements per axis", "the input's shape, batch included", hide_order=3)
_ABOUT = (
    Column("ops", "operations", "operations that ran", hide_order=6),
    Column("unknown", "text", "operations whose MACs or FLOPs are not known, and how often they ran", hide_order=8),
    Column("seconds", "seconds", "of processor time to build, trace and measure it", hide_order=7),
    Column("notes", "text", "remarks", hide_order=9),
)

Record = dict[str, Any]
Progress = Callable[[int, int, str], None]


@undisturbed
def survey(
    patterns: str | Sequence[str] = "*",
    *,
    columns: Sequence[str] | None = None,
    executor: Executor | None = None,
    jobs: int | None = None,
    journal: str | Path | None = None,
    real: bool = False,
    timeout: float | None = None,
    progress: Progress | None = None,
) -> Table:
    """Return a row for each model that is named or matches: parameters, MACs, FLOPs, activations, depth; for a failure, its reason.

    Arguments:
        patterns: Match names of the catalogue, or "torchvision:*", "timm:resnet*"; any other TARGET selects itself.
        columns: Those of `zoo.summary`.
        executor: Any `concurrent.futures.Executor`, which stays open.
        jobs: The number of processes, of one thread each, by default one per core; a crash fails one model only.
        journal: A file to which each row is appended as soon as it is ready; rows that it already contains are not computed again.
        real: Run models whose control flow depends on values once on real tensors.
        timeout: Seconds after which a model counts as a failure and its process is killed. Starting a process is not counted.
            With an `executor`, whose tasks cannot be killed, each of its threads has another process for them.
        progress: Called with the number of models done, their total number, and the name of the last one.

    Returns:
        A `Table`.

    Raises:
        ZooError: If nothing matches, for an unknown column, or for a journal of another survey.

    Example:
        >>> table = zoo.survey(["lenet5", "alexnet"], columns=["params"], jobs=1)
        >>> {row.name: row.cells["params"] for row in table.rows}
        {'lenet5': 60000, 'alexnet': 60965224}
    """
    wanted = tuple(p.column.name for p in choose(columns if columns is not None else COLUMNS))
    names = targets([patterns] if isinstance(patterns, str) else patterns)
    context = {"columns": list(wanted), "real": real, "versions": versions()}
    check_timeout(timeout)
    how: dict[str, Any] = {"executor": executor, "jobs": jobs, "journal": journal, "timeout": timeout, "progress": progress}
    found = gather(names, analyse, wanted, real, context=context, prepare=imported, **how)
    return _table([found[name] for name in names], on_page(choose(wanted), asked=columns is not None))


def check_timeout(timeout: float | None) -> None:
    """Raises `ZooError` for a time that cannot be kept to."""
    if timeout is not None and not timeout > 0:
        raise ZooError(f"timeout {timeout}: expected a number of seconds > 0")


def targets(patterns: Sequence[str]) -> list[str]:
    """Return the TARGETs that match `patterns`, each once, in order. Raises `ZooError` for a pattern that matches nothing."""
    return list(dict.fromkeys(name for pattern in patterns for name in _matching(pattern)))


def _matching(pattern: str) -> list[str]:
    scheme, colon, rest = pattern.rpartition(":")
    wild = any(sign in pattern for sign in "*?[")
    if not colon and Path(pattern).suffix != ".py" and "/" not in pattern:
        return list_models(pattern) if wild else [card(pattern).name]
    if scheme not in {"torchvision", "timm"} or not wild:
        return [pattern]
    names = fnmatch.filter(_listed(scheme), rest.lower())
    if not names:
        raise ZooError(f"no model of {scheme} matches {rest!r}")
    return [f"{scheme}:{name}" for name in names]


def _listed(package: str) -> list[str]:
    try:
        if package == "timm":
            import timm

            return list(timm.list_models())
        from torchvision import models

        return list(models.list_models())
    except ImportError as error:
        raise ZooError(f"cannot import {package} ({error}); pip install {package}") from error


def versions() -> dict[str, str]:
    """Return the versions of installed packages that affect the numbers, without importing them."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"zoo": __version__}
    for package in ("torch", "torchvision", "timm"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


# One model


def analyse(name: str, columns: Sequence[str], real: bool = False) -> Record:
    """Return the row of one model as JSON data; "failure" has the reason for any failure."""
    import warnings

    imported(name)  # so that the time of the first model does not include it
    start = time.thread_time()
    record: Record = {"name": name, "type": "", "cells": {}, "failure": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _measure(_run(name, real), columns, record)
        except (Exception, SystemExit) as error:
            record["failure"] = str(error) if isinstance(error, ZooError) else told(error)
    record["cells"]["seconds"] = round(time.thread_time() - start, 3)
    return record


def imported(name: str, *_: object) -> None:
    """Import the library that a model needs, if it is there."""
    with contextlib.suppress(ImportError):
        importlib.import_module(scheme if (scheme := name.partition(":")[0]) in {"torchvision", "timm"} else "torch")


def _run(name: str, real: bool) -> "Run":
    from zoo.models.running import run

    try:
        return run(name)
    except ForwardError as error:
        if real and error.needs_values:
            return run(name, real=True)
        raise


def _measure(found: "Run", columns: Sequence[str], record: Record) -> None:
    from zoo.analysis.measure import measure
    from zoo.record.trace import UNUSED, WRITE

    table = measure(found.trace, columns=columns, depth=0)
    shapes = [list(value.shape) for value in found.trace.inputs]
    unknown: dict[str, int] = {}
    for cell in table.total.values():
        unknown |= cell.get("unknown", {}) if isinstance(cell, Mapping) else {}
    record["type"] = found.trace.calls[0].type
    record["cells"] |= {
        "input": shapes[0] if len(shapes) == 1 else shapes,
        **table.total,
        "ops": sum(op.kind not in {UNUSED, WRITE} for op in found.trace.ops),
        "unknown": ", ".join(f"{kind} ({times}×)" for kind, times in unknown.items()) or None,
        "notes": "; ".join(map(str, (*table.notes, *found.notes))) or None,
    }


def _table(records: Sequence[Record], wanted: Sequence[Column]) -> Table:
    failed = [record for record in records if record["failure"]]
    failure = Column("failure", "text", "why there are no numbers", hide_order=0 if failed else 9)
    columns = (_INPUT, *wanted, *_ABOUT[:-1], failure, _ABOUT[-1])
    rows = tuple(Row(r["name"], r["type"] or "failed", {**r["cells"], "failure": r["failure"]}) for r in records)
    title = f"{len(records)} {'model' if len(records) == 1 else 'models'}" + (f", {len(failed)} failed" if failed else "")
    context = {"convention": "pure", "versions": versions()}
    return Table(title, context, columns, rows, legend=legend("pure"))


# Many


def gather(
    names: Sequence[str] | Mapping[str, Sequence[Any]],
    function: Callable[..., Record],
    *arguments: Any,
    context: Mapping[str, Any],
    executor: Executor | None = None,
    jobs: int | None = None,
    journal: str | Path | None = None,
    timeout: float | None = None,
    prepare: Callable[..., object] | None = None,
    progress: Progress | None = None,
) -> dict[str, Record]:
    """Return the records of `function(name, *arguments)` by name; records in the journal are reused.

    If `names` is a mapping, it has further arguments of its own for each name, after `arguments`.

    A name whose function raises, whose worker dies, or that takes longer than `timeout` seconds, has a record with
    that reason as its "failure". `prepare` takes the same arguments, and imports what the function needs; that time does not count.
    Raises `ZooError` for a journal of another `context`, or if the whole executor breaks or cancels.
    """
    with _Journal(journal, context) as kept:
        own = names if isinstance(names, Mapping) else dict.fromkeys(names, ())
        left = {name: (*arguments, *more) for name, more in own.items() if name not in kept.records}
        done, total = len(own) - len(left), len(own)
        if progress is not None:
            progress(done, total, "")
        for name, record in _results(left, function, executor, jobs, timeout, prepare):
            kept.add(name, record)
            done += 1
            if progress is not None:
                progress(done, total, name)
        return kept.records


def _results(
    tasks: Mapping[str, Sequence[Any]],
    function: Callable[..., Record],
    executor: Executor | None,
    jobs: int | None,
    timeout: float | None,
    prepare: Callable[..., object] | None,
) -> Iterator[tuple[str, Record]]:
    from zoo.util.workers import Workers, cores, limited

    if not tasks:
        return
    how: dict[str, Any] = {} if timeout is None else {"timeout": timeout, "prepare": prepare}
    pool = executor if executor is not None else Workers(min(jobs or cores(), len(tasks)), **how)
    task = (function,) if executor is None or timeout is None else (limited, timeout, prepare, function)
    left, name = iter(tasks.items()), ""
    running: dict[Future[Record], str] = {}
    done: SimpleQueue[Future[Record]] = SimpleQueue()

    def submit(count: int) -> None:
        for key, arguments in itertools.islice(left, count):
            running[future := pool.submit(*task, key, *arguments)] = key
            future.add_done_callback(done.put)

    try:
        submit(_IN_FLIGHT)
        while running:
            name = running.pop(future := done.get())
            yield name, _record(name, future)
            submit(1)
    except BaseException as error:
        for future in running:
            future.cancel()
        if pool is not executor:
            pool.shutdown(wait=False)
        if not isinstance(error, BrokenExecutor | CancelledError):
            raise
        message = f"the executor failed at {name!s:.120} or at another task that ran at the same time: {told(error)}"
        raise ZooError(message) from error
    if pool is not executor:
        pool.shutdown()


_IN_FLIGHT = 1000  # tasks that an executor has at a time: a cluster may hold all that it has in the memory of its workers


def _record(name: str, future: Future[Record]) -> Record:
    """What a task returns, or its failure. A cluster that has lost its scheduler cancels what it had to do: that is raised."""
    try:
        return future.result()
    except (BrokenExecutor, CancelledError):
        raise
    except Exception as error:
        return {"name": name, "type": "", "cells": {}, "failure": told(error)}


class _Journal:
    """Records by name, one JSON line each after a first line with their context; without a path, in memory only."""

    def __init__(self, path: str | Path | None, context: Mapping[str, Any]) -> None:
        self.path = Path(path) if path is not None else None
        self.context = {"schema": SCHEMA, **context}
        self.records: dict[str, Record] = {}
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "_Journal":
        if self.path is not None:
            try:
                self._file = open(self.path, "ab+")
            except OSError as error:
                raise ZooError(f"cannot write {self.path}: {error.strerror or error}") from error
            try:
                if not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):  # reading a device may never end
                    raise ZooError(f"cannot write {self.path}: it is not a regular file")
                self._lock()
                self._read()
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # what a full disk has not taken, `_append` has told
                self._file.close()

    def add(self, name: str, record: Record) -> None:
        """Add a record; it is in the file when this returns."""
        self.records[name] = record
        self._append({"name": name, **record})

    def _append(self, data: Mapping[str, Any]) -> None:
        if self._file is not None:
            try:
                self._file.write(_line(data))
                self._file.flush()
            except OSError as error:
                raise ZooError(f"cannot write {self.path}: {error.strerror or error}") from error

    def _lock(self) -> None:
        """Lock the file, so that two surveys do not write it at the same time."""
        try:
            import fcntl
        except ImportError:  # Windows has no such locks
            return
        assert self._file is not None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ZooError(f"another survey is writing {self.path}") from error

    def _read(self) -> None:
        """Read the existing records; remove an incomplete last line."""
        assert self._file is not None
        first = _line(self.context)
        self._file.seek(0)
        whole = self._file.read()
        if first.startswith(whole):
            self._file.truncate(0)
            self._append(self.context)
            return
        kept = whole[: whole.rfind(b"\n") + 1]
        try:
            header, *lines = map(_data, kept.splitlines())
            self.records = {line["name"]: line for line in lines}
            if header["schema"] != SCHEMA:
                raise ValueError(header)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ZooError(f"{self.path} is damaged or not the journal of a survey; remove it to start again") from error
        if header != self.context:
            raise ZooError(f"{self.path} was started with other columns, versions or options; remove it to start again")
        self._file.truncate(len(kept))


def _line(data: Mapping[str, Any]) -> bytes:
    """A line of a journal: the data, and a checksum of them."""
    text = json.dumps(data)
    return f"{json.dumps({**data, _CHECK: zlib.crc32(text.encode())})}\n".encode()


def _data(line: bytes) -> dict[str, Any]:
    """The inverse of `_line`. Raises `ValueError` for a line that something else has written."""
    found: dict[str, Any] = json.loads(line)
    if found.pop(_CHECK, None) != zlib.crc32(json.dumps(found).encode()):
        raise ValueError(line)
    return found


_CHECK = "check"
