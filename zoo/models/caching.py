"""Traces that were made before, in the user's cache folder: a question asked again is answered without torch.

An entry is one file, named after a digest of everything that its trace depends on: the target, options and input, the definition's
source, the tracer's source, and the versions of Python, torch and the library that the target comes from. Entries are written
whole, and one that cannot be read, or is not what its name says, is as good as none.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.util import files, plugins

SCHEMA = "zoo.cache/1"
MOST_BYTES = 100_000_000
"""What the cache may hold; beyond it, what was not used for longest goes."""

_in_use: ContextVar[bool] = ContextVar("cache in use", default=False)


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """Inside, answers are kept and found; outside, as in any program that imports `zoo`, nothing is read or written."""
    token = _in_use.set(True)
    try:
        yield
    finally:
        _in_use.reset(token)


def do_without() -> None:
    """Neither keep nor find anything from here on."""
    _in_use.set(False)


def key(question: Mapping[str, Any], sources: Callable[[], Mapping[str, str | None] | None]) -> str | None:
    """What the answer to a question depends on, in full; None if the cache is not in use, or that cannot be known.

    `sources` maps what defines the target to digests, None if it is not defined once and for all.
    """
    if not _in_use.get() or (defined := sources()) is None:
        return None
    try:
        return json.dumps([SCHEMA, question, defined, _own()], sort_keys=True)
    except TypeError:
        return None


def find(key: str) -> Any:
    """What was kept under a key; None if there is nothing, or nothing that can be read."""
    path = _path(key)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        answer = found["answer"] if found["key"] == key else None
        os.utime(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return answer


def keep(key: str, answer: Any) -> None:
    """Write a JSON-able answer. A folder that cannot be written to is no error."""
    path = _path(key)
    try:
        text = json.dumps({"key": key, "answer": answer})
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(text.encode(), path)
    except (OSError, TypeError, ZooError):
        return
    _shrink()


def _path(key: str) -> Path:
    return folder() / f"{hashlib.sha256(key.encode()).hexdigest()}.json"


def folder() -> Path:
    """The folder of the cache: `ZOO_CACHE`, or `zoo` in the place that the system keeps for such."""
    if own := os.environ.get("ZOO_CACHE"):
        return Path(own)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "zoo"
    fallback = Path.home() / ("AppData/Local" if sys.platform == "win32" else ".cache")
    return Path(os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME") or fallback) / "zoo"


@dataclass(frozen=True)
class State:
    """What the cache holds: its folder, the number of entries, their bytes."""

    folder: Path
    entries: int
    bytes: int


def state() -> State:
    """The cache as it is now."""
    found = _entries()
    return State(folder(), len(found), sum(size for _, size, _ in found))


def clear() -> State:
    """Remove every entry; what was there before. Raises `ZooError` if an entry cannot be removed."""
    before = state()
    try:
        for _, _, path in _entries():
            _remove(path)
    except OSError as error:
        raise ZooError(f"cannot clear {folder()}: {error.strerror or error}") from error
    return before


def digest(*paths: Path) -> str:
    """A digest of the contents of files. Raises `OSError` if one cannot be read."""
    found = hashlib.sha256()
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()


def version(package: str) -> str | None:
    """A digest of what says the version of an installed package, found without importing it; None if there is none."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name("version.py")
    return digest(path) if path.exists() else None


_SOURCES = ("tracing", "models", "graph_files", "catalogue", "ops")
"""Rooms in which a change may change a trace."""


def _own() -> dict[str, str | None]:
    """What every trace depends on: Python, torch, and this library's own source of traces."""
    house = Path(__file__).parent.parent
    sources = sorted(path for room in _SOURCES for path in (house / room).rglob("*.py"))
    return {"python": sys.version, "torch": version("torch"), "zoo": digest(*sources), "ops": _rules_of_plugins()}


def _rules_of_plugins() -> str | None:
    """A digest of the records of ops that other packages offer, which may keep an op whole or give its shape."""
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


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent != folder():  # a killed process was writing it
        path.parent.rmdir()


def _entries() -> list[tuple[float, int, Path]]:
    """Time of last use, bytes and path of each entry, and of what a killed process left half-written."""
    found = []
    for pattern in ("*.json", ".zoo.*/*"):
        for path in folder().glob(pattern):
            with contextlib.suppress(OSError):
                stat = path.stat()
                found.append((stat.st_mtime, stat.st_size, path))
    return found
