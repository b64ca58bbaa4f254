"""Traces that were made before, in the user's cache folder: a question asked again is answered without torch.

An entry is one file, named after a digest of everything that its trace depends on: the target, options and input, the definition's
source, the tracer's source, and the versions of Python, torch and the library that the target comes from. Entries are written
whole, with a checksum, and one that cannot be read, or is not what its name and checksum say, is as good as none.

Entries lie in a folder of their own, under names and with a first line that nothing else has. No other file is ever removed.
"""

import contextlib
import importlib.util
import json
import os
import re
import stat
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.util import plugins
from zoo.util.errors import ZooError

SCHEMA = "zoo.cache/2"
_HEADER = f"{SCHEMA} ".encode()
_NAME = re.compile(r"[0-9a-f]{64}\.trace")
_UNFINISHED = re.compile(r"[0-9a-f]{64}\.trace\.[a-z0-9_]{8}\.new")
MOST_BYTES = 100_000_000
"""The largest size of the cache in bytes; beyond it, the least recently used entries are removed."""

_in_use: ContextVar[bool] = ContextVar("cache in use", default=False)


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """Use the cache inside this context; outside, as in any program that imports `zoo`, nothing is read or written."""
    before = _in_use.get()
    try:
        _in_use.set(True)
        yield
    finally:
        _in_use.set(before)


def do_without() -> None:
    """Stop using the cache."""
    _in_use.set(False)


def key(question: Mapping[str, Any], sources: Callable[[], Mapping[str, str | None] | None]) -> str | None:
    """What the answer to a question depends on, in full; None if the cache is not in use, or that cannot be known.

    `sources` maps what defines the target to digests, None if it is not defined once and for all.
    """
    if not _in_use.get() or (defined := sources()) is None:
        return None
    try:
        return json.dumps([SCHEMA, question, defined, _own()], sort_keys=True)
    except (TypeError, ValueError, OSError):
        return None


def find(key: str) -> Any:
    """What was kept under a key; None if there is nothing, or anything but what was written."""
    try:
        with open(_path(key), "rb", opener=_no_other) as file:
            checksum, _, body = file.read(MOST_BYTES).removeprefix(_HEADER).partition(b"\n")
            if checksum != _checksum(body):
                return None
            found = json.loads(body)
            if found["key"] != key:
                return None
            os.utime(file.fileno())
            return found["answer"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError):
        return None


def _no_other(path: str, flags: int) -> int:
    """Open a plain file: not what a link points to, and not a pipe, at which a reader would wait."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a plain file")
    return descriptor


def _checksum(body: bytes) -> bytes:
    return _sha256(body).encode()


def keep(key: str, answer: Any) -> None:
    """Write a JSON-able answer atomically. A folder that cannot be written to is not an error."""
    with contextlib.suppress(OSError, TypeError, ValueError):
        body = json.dumps({"key": key, "answer": answer}).encode()
        path = _path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.new")
        try:
            with open(unfinished, "xb") as file:
                file.write(_HEADER + _checksum(body) + b"\n" + body)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        _shrink()


def _path(key: str) -> Path:
    return _entries_folder() / f"{_sha256(key.encode())}.trace"


def _entries_folder() -> Path:
    return folder() / "zoo-traces"


def folder() -> Path:
    """The folder of the cache: `ZOO_CACHE`, or `zoo` in the place that the system keeps for such.

    Raises `ZooError` if neither is known.
    """
    variable, usual = {
        "darwin": ("", "Library/Caches"),
        "win32": ("LOCALAPPDATA", "AppData/Local"),
    }.get(sys.platform, ("XDG_CACHE_HOME", ".cache"))
    if own := os.environ.get("ZOO_CACHE"):
        return Path(own)
    if place := os.environ.get(variable):
        return Path(place) / "zoo"
    try:
        return Path.home() / usual / "zoo"
    except RuntimeError as error:
        raise ZooError(f"there is no folder for the cache ({error}); ZOO_CACHE names one") from error


@dataclass(frozen=True)
class State:
    """The contents of the cache: its folder, the number of entries, and their size in bytes."""

    folder: Path
    entries: int
    bytes: int


def state() -> State:
    """Return the present contents of the cache."""
    found = _entries()
    return State(folder(), len(found), sum(size for _, size, _ in found))


def clear() -> State:
    """Remove every entry, and return what was removed. Raises `ZooError` if an entry cannot be removed."""
    try:
        removed = [size for _, size, path in _entries() if _remove(path)]
    except OSError as error:
        raise ZooError(f"cannot clear {folder()}: {error.strerror or error}") from error
    return State(folder(), len(removed), sum(removed))


def digest(*paths: Path) -> str:
    """Return a digest of the contents of files. Raises `OSError` if one cannot be read."""
    return _sha256(*(path.read_bytes() for path in paths))


def _sha256(*parts: bytes) -> str:
    import hashlib  # takes milliseconds, which commands without traces need not wait

    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()


def version(package: str) -> str | None:
    """Return a digest of the version of an installed package, without importing it; None if it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name("version.py")
    return digest(path) if path.exists() else None


_SOURCES = ("record", "tracing", "models", "graph_files", "catalogue", "ops")
"""Folders in which a change can change a trace."""


def _own() -> dict[str, str | None]:
    """Return what every trace depends on: Python, torch, and the source of this library that makes traces."""
    house = Path(__file__).parent.parent
    sources = sorted(path for room in _SOURCES for path in (house / room).rglob("*.py"))
    return {"python": sys.version, "torch": version("torch"), "zoo": digest(*sources), "ops": _rules_of_plugins()}


def _rules_of_plugins() -> str | None:
    """Return a digest of the records of ops from plugins, which can keep an op whole or give its shape."""
    files = [path for plugin in plugins.installed() if plugin.kind == "ops" for path in _files(plugin)]
    return digest(*files) if files else None


def _files(plugin: plugins.Plugin) -> list[Path]:
    try:
        return [path for _, path in plugin.files()]
    except ImportError:  # reported where the plugin is loaded
        return []


def _shrink() -> None:
    found = sorted(_entries())
    held = sum(size for _, size, _ in found)
    for _, size, path in found:
        if held <= MOST_BYTES:
            return
        with contextlib.suppress(OSError):
            _remove(path)
        held -= size


def _remove(path: Path) -> bool:
    """Remove an entry, or what a killed process left of one; whatever else has taken its name stays, and the answer is False."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb", opener=_no_other) as file:
        start = file.read(len(_HEADER))
        if start == _HEADER or (_UNFINISHED.fullmatch(path.name) and _HEADER.startswith(start)):
            path.unlink(missing_ok=True)
            return True
    return False


def _entries() -> list[tuple[float, int, Path]]:
    """Return time of last use, bytes and path of each entry, including incomplete files left by a killed process."""
    found = []
    with contextlib.suppress(OSError), os.scandir(_entries_folder()) as inside:
        for one in inside:
            if (_NAME.fullmatch(one.name) or _UNFINISHED.fullmatch(one.name)) and one.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    about = one.stat(follow_symlinks=False)
                    found.append((about.st_mtime, about.st_size, Path(one.path)))
    return found
