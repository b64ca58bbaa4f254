"""What other packages add: architectures, passes, studies and formats, found through entry points or registered at run time.

A package offers a module under one of the entry point groups `zoo.archs`, `zoo.passes`, `zoo.studies` and `zoo.formats`; the module
is what a file of our own folder of that name is. What is broken is reported once, in one line, and left out. Ours win over others
of the same name, and the first package over the next.
"""

import functools
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

from zoo.errors import ZooError, spelling

T = TypeVar("T")
P = ParamSpec("P")

KINDS = ("archs", "passes", "studies", "formats")
_registered: dict[str, dict[str, tuple[str, Any]]] = {kind: {} for kind in KINDS}  # home and thing by name
_found: dict[str, tuple[dict[str, Any], dict[str, str]]] = {}
_reported: set[str] = set()


@dataclass(frozen=True, order=True)
class Plugin:
    """A module that an installed package offers: the package, one of `KINDS`, the entry point's name, the module's."""

    package: str
    kind: str
    name: str
    module: str

    def __str__(self) -> str:
        return f"plugin {self.package}"

    def load(self) -> ModuleType:
        """The module, imported."""
        return importlib.import_module(self.module)

    def files(self) -> Iterator[tuple[str, Path]]:
        """The names and files of the module, or of all modules of the package it is, found without importing anything.

        Raises `ImportError` if there is none.
        """
        top, *inside = self.module.split(".")
        spec = importlib.util.find_spec(top)
        places = [Path(folder, *inside) for folder in (spec.submodule_search_locations if spec else None) or ()]
        files = [Path(spec.origin)] if spec and spec.origin and not inside and not places else []
        files += [place.with_suffix(".py") for place in places if inside and place.with_suffix(".py").is_file()]
        if files:
            yield self.module, files[0]
        elif folders := [place for place in places if place.is_dir()]:
            yield from ((f"{self.module}.{path.stem}", path) for path in sorted(folders[0].glob("[a-z]*.py")))
        else:
            raise ImportError(f"no module named {self.module!r}")


@cache
def installed() -> tuple[Plugin, ...]:
    """Every plugin of every package on the path.

    The packages' entry points are read here and not by `importlib.metadata`, which takes several times as long as `zoo list`.
    """
    found: dict[str, list[Plugin]] = {}
    for place in dict.fromkeys(sys.path):
        with suppress(OSError):
            for entry in os.listdir(place or "."):
                package = entry.removesuffix(".dist-info").removesuffix(".egg-info").partition("-")[0]
                if entry.endswith((".dist-info", ".egg-info")) and package not in found:
                    with suppress(FileNotFoundError, NotADirectoryError):
                        text = Path(place, entry, "entry_points.txt").read_text(encoding="utf-8")
                        found[package] = list(_entry_points(package, text)) if "zoo." in text else []
    return tuple(sorted(plugin for plugins in found.values() for plugin in plugins))


def _entry_points(package: str, text: str) -> Iterator[Plugin]:
    from configparser import ConfigParser, Error

    parser = ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    try:
        parser.read_string(text)
    except Error as error:
        report(f"plugin {package}", error)
        return
    for section in parser.sections():
        group, _, kind = section.partition(".")
        for name, module in parser[section].items() if group == "zoo" else ():
            if kind not in KINDS:
                report(f"plugin {package}", f"there is no group {section}; there are {', '.join(f'zoo.{k}' for k in KINDS)}")
            elif ":" in module:
                report(f"plugin {package}", f"{section}: {name} = {module}: a module is wanted")
            else:
                yield Plugin(package, kind, name, module.strip())


def merged(kind: str, own: Callable[[], Mapping[str, T]], read: Callable[[Plugin], Iterable[tuple[str, T]]]) -> dict[str, T]:
    """`own` things by name, those that `read` finds in plugins, and those registered."""
    if kind not in _found:
        _found[kind] = _gathered(kind, own(), read)
    return {**_found[kind][0], **{name: thing for name, (_, thing) in _registered[kind].items()}}


def _gathered(
    kind: str, own: Mapping[str, T], read: Callable[[Plugin], Iterable[tuple[str, T]]]
) -> tuple[dict[str, T], dict[str, str]]:
    """What is installed, by name, and who has each name, by its spelling."""
    found = dict(own)
    holders = {spelling(name): "zoo itself" for name in own}
    for plugin in installed():
        if plugin.kind != kind:
            continue
        try:
            offered = list(read(plugin))
        except (Exception, SystemExit) as error:
            report(f"{plugin} ({plugin.module})", error)
            continue
        for name, thing in offered:
            if (holder := holders.get(spelling(name))) is not None:
                report(f"{name} of {plugin}", f"{holder} has one of that name")
            else:
                found[name] = thing
                holders[spelling(name)] = str(plugin)
    return found, holders


def report(origin: str, problem: object) -> None:
    """One line on standard error, once."""
    what = f"{type(problem).__name__}: {problem}" if isinstance(problem, BaseException) else str(problem)
    line = " ".join(f"zoo: {origin} is left out: {what}".split())
    if line not in _reported and sys.stderr is not None:
        _reported.add(line)
        sys.stderr.write(f"{line}\n")


def guarded(origin: object, function: Callable[P, T]) -> Callable[P, T]:
    """`function`, with what it raises as one line that says whose it is."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except ZooError:
            raise
        except Exception as error:
            raise ZooError(f"{origin}: {type(error).__name__}: {error}") from error

    return call


def register(*things: Any) -> ExitStack:
    """Add, in this process, what is in no installed package: builders under `@arch`, passes, studies, formats (functions of a table
    and a width, under their own names), or modules that hold such.

    What is returned takes them out again when it is closed, or left as a context. A module may register a name anew, as a cell of a
    notebook does that runs again. Raises `ZooError` for a name that is taken, and for what is none of these.
    """
    with ExitStack() as undo:
        for thing in things:
            for kind, name, item in _parts(thing):
                _add(kind, name, _home(thing), item)
                undo.callback(_remove, kind, name, item)
        return undo.pop_all()


def refresh() -> None:
    """Look for plugins anew: packages were installed or removed since."""
    installed.cache_clear()
    _found.clear()
    _reported.clear()
    for kind in KINDS:
        _all(kind).cache_clear()


def _parts(thing: Any) -> list[tuple[str, str, Any]]:
    """Kind, name and item of each of the things that `thing` is or holds."""
    from zoo.catalogue import entry_of
    from zoo.study import Study
    from zoo.table import Column

    parts: list[tuple[str, str, Any]] = []
    if isinstance(thing, ModuleType):
        held = [vars(thing)[name] for name in ("PASS", "STUDY") if name in vars(thing)]
        held += [one for one in vars(thing).values() if hasattr(one, "card") and getattr(one, "__module__", "") == thing.__name__]
        parts = [part for one in held for part in _parts(one)]
        parts += [("formats", thing.__name__.rpartition(".")[2], thing.render)] if hasattr(thing, "render") else []
    elif isinstance(thing, Study):
        parts = [("studies", thing.name, thing)]
    elif isinstance(getattr(thing, "column", None), Column) and callable(getattr(thing, "measure", None)):
        parts = [("passes", thing.column.name, thing)]
    elif callable(thing) and hasattr(thing, "card"):
        parts = [("archs", thing.card.name, entry_of(thing))]
    elif getattr(getattr(thing, "__code__", None), "co_varnames", ())[:1] == ("table",):
        parts = [("formats", thing.__name__, thing)]
    if not parts:
        wanted = "a builder under @arch, a pass, a study, a format, or a module of such is wanted"
        raise ZooError(f"{thing!r:.80} cannot be registered: {wanted}")
    return parts


def _home(thing: Any) -> str:
    """The module that a thing comes from; that of its function, where it is made of one."""
    if isinstance(thing, ModuleType):
        return thing.__name__
    function = next((getattr(thing, name) for name in ("run", "count", "rule") if hasattr(thing, name)), thing)
    return str(getattr(function, "__module__", type(thing).__module__))


def _add(kind: str, name: str, home: str, item: Any) -> None:
    _all(kind)()  # so that it is known what is installed
    others = {spelling(known): place for known, (place, _) in _registered[kind].items() if place != home}
    holder = (_found[kind][1] | others).get(spelling(name))
    if holder is not None:
        raise ZooError(f"{name} of {home} cannot be registered: {holder} has one of that name")
    _registered[kind][name] = home, item
    _all(kind).cache_clear()


def _remove(kind: str, name: str, item: Any) -> None:
    if name in _registered[kind] and _registered[kind][name][1] is item:  # not what has taken its place since
        del _registered[kind][name]
    _all(kind).cache_clear()


def _all(kind: str) -> Any:
    """The cached function that gives all things of a kind by name."""
    from zoo.analysis.engine import passes
    from zoo.catalogue import architectures
    from zoo.formats import known
    from zoo.study import studies

    return {"archs": architectures, "passes": passes, "studies": studies, "formats": known}[kind]
