"""Importing the code of a TARGET: its neighbours come first, and nothing of it remains.

Two folders may each have a `blocks.py`, and `sys.modules` has room for one. So what is imported from the folder of a TARGET is in
`sys.modules` only while that TARGET is imported, built and run; between that it waits here.
"""

import contextlib
import functools
import importlib
import importlib.util
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

from zoo.tracing.process import Manager, Surroundings
from zoo.tracing.turns import Turns
from zoo.util.errors import ZooError, near, told

T = TypeVar("T")
P = ParamSpec("P")
_OURS = frozenset({"zoo", "zoo_cli", "torch", "__main__"})
_INSTALLED = ("site-packages", "dist-packages")


@dataclass
class _Home:
    """What the code of one folder has imported from there, and the places that it has put on the search path."""

    modules: dict[str, ModuleType] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    stamps: dict[str, object] = field(default_factory=dict)
    ran: str = ""

    def runs(self, name: str) -> None:
        """The file of a TARGET runs as `name`. The one before it goes: a survey of thousands of files would keep all of them."""
        if self.ran != name and self.modules.pop(self.ran, None) is not None:
            sys.modules.pop(self.ran, None)
            del self.stamps[self.ran]
        self.ran = name


_HOMES: dict[str, _Home] = {}
_ACTIVE: "list[_Beside]" = []
_TURNS = Turns()


class _Beside(Manager):
    """Imports look into `folder` first; other modules of the names that it has are out of the way meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder.resolve())
        self.home = _HOMES.setdefault(self.folder, _Home())
        self.surroundings = Surroundings()
        self.thread = threading.get_ident()
        self.entered = False
        self.aside: dict[str, ModuleType] = {}

    def enter(self) -> None:
        """Wait until no other thread imports, and begin."""
        self.surroundings.enter()
        _TURNS.take(self, [_Beside])
        self.before = frozenset(sys.modules)
        self.path = list(sys.path)
        self.entered = True
        _ACTIVE.append(self)
        importlib.invalidate_caches()
        if any(_stamp(module) != self.home.stamps[name] for name, module in self.home.modules.items()):
            self.home.modules.clear()  # edited since
        self.aside = self._hidden()
        for name in self.aside:
            del sys.modules[name]
        sys.modules.update(self.home.modules)
        sys.path[:] = [self.folder, *self.home.path, *self.path]

    def leave(self) -> None:
        """Keep what was imported from here for the next time, and take it out of the process."""
        if self.entered:
            self.home.path = [place for place in sys.path if place != self.folder and place not in self.path]
            places = {self.folder, *map(os.path.realpath, self.home.path)}
            found = {name: m for name, m in sys.modules.copy().items() if name not in self.before and _from(name, places)}
            self.home.modules |= found
            self.home.stamps |= {name: _stamp(module) for name, module in found.items()}
            for name in found:
                sys.modules.pop(name, None)
            sys.modules.update(self.aside)
            self.entered = False
        _ACTIVE[:] = [one for one in _ACTIVE if one is not self]
        self.surroundings.restore()
        _TURNS.give_back(self, [_Beside])

    def _hidden(self) -> dict[str, ModuleType]:
        """Modules that are imported already, of names that the folder has too.

        Only names of the folder are looked at: a question to the file system for each module that is imported, of which torch
        brings thousands, takes longer than a trace.
        """
        try:
            here = {name.removesuffix(".py") for name in os.listdir(self.folder)}
        except OSError:  # no folder, or one that cannot be listed: what is imported from it fails
            return {}
        tops = {name for name in here if self._hides(name)}
        return {name: module for name, module in sys.modules.copy().items() if name.partition(".")[0] in tops} if tops else {}

    def _hides(self, name: str) -> bool:
        """Whether a module of that name in the folder is hidden by another one that is imported already."""
        if name in _OURS or name in sys.stdlib_module_names or (module := sys.modules.get(name)) is None:
            return False
        known = _place(module)
        if known is None or known == self.folder or any(part in known for part in _INSTALLED):
            return False
        beside = os.path.join(self.folder, name)
        plain = getattr(module, "__file__", None) is None  # a folder without __init__.py
        return os.path.isfile(f"{beside}.py") or os.path.isfile(f"{beside}/__init__.py") or (plain and os.path.isdir(beside))


def _place(module: ModuleType) -> str | None:
    """The folder in which a module of the top level lies."""
    try:
        file = getattr(module, "__file__", None)
        places: Sequence[str] = list(getattr(module, "__path__", ()))
    except Exception:  # a module that makes its attributes when they are asked for
        return None
    if places:
        return os.path.dirname(os.path.realpath(places[0]))
    return os.path.dirname(os.path.realpath(file)) if isinstance(file, str) else None


def _from(name: str, places: set[str]) -> bool:
    top = sys.modules.get(name.partition(".")[0])
    return top is not None and _place(top) in places


def _stamp(module: ModuleType) -> object:
    """What changes when the module's file is edited."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return None
    try:
        stat = os.stat(file)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def neighbours(target: object) -> contextlib.AbstractContextManager[object]:
    """Imports look beside the file of a TARGET first, or into the working directory: when it is imported, built and run."""
    place = target.rpartition(":")[0] if isinstance(target, str) else ""
    if not place:
        return contextlib.nullcontext()
    return _beside(Path(place).parent if place.endswith(".py") else Path.cwd(), place.endswith(".py"))


def beside_target(function: Callable[P, T]) -> Callable[P, T]:
    """A decorator of a function that builds and runs its first argument, a TARGET: all of it runs with `neighbours`."""
    first = next(iter(inspect.signature(function).parameters))

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with neighbours(args[0] if args else kwargs.get(first)):
            return function(*args, **kwargs)

    return call


def _beside(folder: Path, file: bool) -> contextlib.AbstractContextManager[object]:
    """Nothing new inside the same; and packages that can be imported anyway are imported as ever."""
    real, me = os.path.realpath(folder), threading.get_ident()
    if any(one.entered and one.folder == real and one.thread == me for one in _ACTIVE):
        return contextlib.nullcontext()
    if not file and any(os.path.realpath(place or os.curdir) == real for place in sys.path):
        return contextlib.nullcontext()
    return _Beside(folder)


def imported_beside(file: Path) -> list[Path]:
    """The files beside a file of a TARGET that its code has imported."""
    home = _HOMES.get(os.path.realpath(file.parent))
    found = [getattr(module, "__file__", None) for module in list(home.modules.values())] if home else []
    return [Path(path) for path in dict.fromkeys(found) if isinstance(path, str) and Path(path) != file.resolve()]


def import_file(path: Path) -> Any:
    """The module that a file is, run again. Raises `ZooError` if there is none, or it does not import."""
    if not path.is_file():
        raise ZooError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with _beside(path.parent, True), _import_errors(str(path)):
        home = _HOMES[os.path.realpath(path.parent)]
        home.runs(path.stem)
        if path.stem not in sys.modules or path.stem in home.modules:
            sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    return module


def import_package(name: str) -> Any:
    """A module by its name, also one of the working directory. Raises `ZooError` if it does not import."""
    head = name.partition(".")[0]
    if head and importlib.util.find_spec(head) is None and (close := near(name, ("torchvision", "timm"))):
        raise ZooError(f"there is no module {name}; did you mean {close[0]}:?")
    with _beside(Path.cwd(), False), _import_errors(name):
        return importlib.import_module(name)


@contextlib.contextmanager
def _import_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:
        raise ZooError(f"{name} does not import: {told(error)}") from error
