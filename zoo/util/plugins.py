"""Extensions of `zoo`, in one collection per kind: built in, from installed packages, and registered at run time.

A package offers a module under an entry point group such as `zoo.archs` or `zoo.columns`. The module has the same form as a file in
the folder of that name. A broken plugin is reported once, in one line, and skipped. Built-in names take precedence over those of
packages, and the package that comes first in alphabetical order over the others.
"""

import functools
import importlib
import importlib.util
import os
import pkgutil
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from zoo.util.errors import ZooError, spelling, told


class Named(Protocol):
    """What an extension is that says its own name."""

    @property
    def name(self) -> str:
        """The name by which users ask for it."""


T = TypeVar("T")
N = TypeVar("N", bound=Named)
P = ParamSpec("P")

KINDS = ("archs", "columns", "studies", "formats", "ops", "lint", "pictures")
# Former names, each with its present one and the release that drops it: docs/releasing.md has the policy.
DEPRECATED = {"zoo.passes": ("zoo.columns", "0.4.0"), "PASS": ("COLUMN", "0.4.0")}
_collections: "list[Collection[Any]]" = []
_reported: set[str] = set()


def files_of(folder: str) -> list[ModuleType]:
    """The built-in extensions of one kind: every module of a folder, such as `zoo.studies`, in alphabetical order.

    Files whose name begins with an underscore hold what several of them share.
    """
    names = [info.name for info in pkgutil.iter_modules(importlib.import_module(folder).__path__)]
    return [importlib.import_module(f"{folder}.{name}") for name in names if not name.startswith("_")]


@dataclass(frozen=True, order=True)
class Plugin:
    """A module that an installed package offers: the package, one of `KINDS`, the names of the entry point and of the module."""

    package: str
    kind: str
    name: str
    module: str

    def __str__(self) -> str:
        return f"plugin {self.package}"

    def load(self) -> ModuleType:
        """Import and return the module."""
        return importlib.import_module(self.module)

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield names and files of the module, or of all modules if it is a package, without importing anything.

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
    """Return every plugin of every package on the path.

    This reads the packages' entry points directly, because `importlib.metadata` takes several times as long as `zoo list`.
    """
    found: dict[str, list[Plugin]] = {}
    for place in dict.fromkeys(sys.path):
        with suppress(OSError):
            for entry in os.listdir(place or "."):
                package = entry.removesuffix(".dist-info").removesuffix(".egg-info").partition("-")[0]
                if entry.endswith((".dist-info", ".egg-info")) and package not in found:
                    with suppress(OSError):
                        text = Path(place, entry, "entry_points.txt").read_text(encoding="utf-8", errors="replace")
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
        group, _, kind = (deprecated(section, f"plugin {package}") or section).partition(".")
        for name, module in parser[section].items() if group == "zoo" else ():
            if kind not in KINDS:
                report(f"plugin {package}", f"unknown entry point group {section}; expected {', '.join(f'zoo.{k}' for k in KINDS)}")
            elif ":" in module:
                report(f"plugin {package}", f"{section}: {name} = {module}: expected a module, without a colon")
            else:
                yield Plugin(package, kind, name, module.strip())


class Collection(Generic[T]):
    """All extensions of one kind, by name.

    `own` returns the built-in ones, and `read` those of a plugin as pairs of name and extension. `adopt` returns such pairs for an
    argument of `register`: an extension of this kind, or a module that defines some; nothing for anything else. `changed` is called
    when extensions are added or removed.
    """

    def __init__(
        self,
        kind: str,
        own: Callable[[], Mapping[str, T]],
        read: Callable[[Plugin], Iterable[tuple[str, T]]],
        adopt: Callable[[Any], Iterable[tuple[str, T]]],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.kind = kind
        self.adopt = adopt
        self._own = own
        self._read = read
        self._changed = changed
        self._installed: tuple[dict[str, T], dict[str, str]] | None = None  # by name; and the owner of each name, by its spelling
        self._registered: dict[str, tuple[str, T]] = {}  # module and extension by name
        self._all: Mapping[str, T] | None = None
        _collections.append(self)

    def all(self) -> Mapping[str, T]:
        """Return every extension by name: built in, then from plugins, then registered."""
        if self._all is None:
            registered = {name: thing for name, (_, thing) in self._registered.items()}
            self._all = {**self._gathered()[0], **registered}
        return self._all

    @property
    def ours_alone(self) -> bool:
        """Whether no plugin has such a thing and none is registered. It reads nothing of what there is."""
        return not self._registered and all(plugin.kind != self.kind for plugin in installed())

    def _gathered(self) -> tuple[dict[str, T], dict[str, str]]:
        """Return the installed extensions by name, and the owner of each name by its spelling."""
        if self._installed is not None:
            return self._installed
        found = dict(self._own())
        plugins = [plugin for plugin in installed() if plugin.kind == self.kind]
        holders = {spelling(name): "zoo itself" for name in found} if plugins else {}
        self._installed = found, holders  # what a plugin sees that asks for this collection while it is imported
        for plugin in plugins:
            try:
                offered = list(self._read(plugin))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # whatever a plugin raises to say that it cannot be used
                report(f"{plugin} ({plugin.module})", error)
                continue
            for name, thing in offered:
                if (holder := holders.get(spelling(name))) is not None:
                    report(f"{name} of {plugin}", f"{holder} already uses this name")
                else:
                    found[name] = thing
                    holders[spelling(name)] = str(plugin)
        self._installed = found, holders
        return self._installed

    def add(self, name: str, home: str, thing: T) -> None:
        """Register a thing that the module `home` defines. Raises `ZooError` if the name is taken by another module's."""
        found, holders = self._gathered()
        taken = {spelling(known): "zoo itself" for known in found} | holders
        taken.update((spelling(known), place) for known, (place, _) in self._registered.items() if place != home)
        if (holder := taken.get(spelling(name))) is not None:
            raise ZooError(f"cannot register {name} of {home}: {holder} already uses this name")
        self._registered[name] = home, thing
        self._forget()

    def remove(self, name: str, thing: T) -> None:
        """Remove a registered extension, unless another one has replaced it."""
        if name in self._registered and self._registered[name][1] is thing:
            del self._registered[name]
        self._forget()

    def refresh(self) -> None:
        """Forget what is installed, so that it is looked up again."""
        self._installed = None
        self._forget()

    def _forget(self) -> None:
        self._all = None
        self._changed()


def of_folder(kind: str, folder: str, name: str, of: type[N], guard: Callable[[Plugin, N], N]) -> Collection[N]:
    """A collection of one extension from each file of a folder: the constant `name`, which is an `of` and has a name of its own.

    `guard` returns a plugin's extension with what it runs `guarded`.
    """

    def own() -> dict[str, N]:
        return {getattr(module, name).name: getattr(module, name) for module in files_of(folder)}

    def of_plugin(plugin: Plugin) -> Iterator[tuple[str, N]]:
        found: N = getattr(plugin.load(), name)
        yield found.name, guard(plugin, found)

    def adopt(thing: Any) -> Iterator[tuple[str, N]]:
        found: Any = constant(thing, name)
        if isinstance(found, of):
            yield found.name, found

    return Collection(kind, own, of_plugin, adopt)


def report(origin: str, problem: object) -> None:
    """Print one line on standard error, once per problem."""
    what = told(problem) if isinstance(problem, BaseException) else str(problem)
    line = " ".join(f"zoo: skipping {origin}: {what}".split())
    if line not in _reported and sys.stderr is not None:
        _reported.add(line)
        sys.stderr.write(f"{line}\n")


def deprecated(name: str, where: str) -> str | None:
    """The present name of a former one, after a `DeprecationWarning`; None if `name` is not a former name.

    Python shows the warning to authors of extensions, in their tests, and not to users, who cannot act on it.
    """
    if name not in DEPRECATED:
        return None
    present, until = DEPRECATED[name]
    message = f"{where}: {name} is deprecated and will be removed in zoo {until}; use {present}"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return present


def guarded(origin: object, function: Callable[P, T]) -> Callable[P, T]:
    """Wrap `function` so that its exceptions become a `ZooError` that names `origin`."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except ZooError:
            raise
        except Exception as error:
            raise ZooError(f"{origin}: {told(error)}") from error

    return call


def register(things: Iterable[Any], collections: Sequence[Collection[Any]]) -> ExitStack:
    """Add extensions to the collections that adopt them. Closing the returned stack removes them again.

    A module can register the same name again, as a notebook cell does when it runs twice. Raises `ZooError` for a name that is
    taken, and for an object that no collection adopts.
    """
    with ExitStack() as undo:
        for thing in things:
            for collection, name, item in _parts(thing, collections):
                collection.add(name, _home(thing), item)
                undo.callback(collection.remove, name, item)
        return undo.pop_all()


def refresh() -> None:
    """Look for plugins again, after packages were installed or removed."""
    installed.cache_clear()
    _reported.clear()
    for collection in _collections:
        collection.refresh()


def _parts(thing: Any, collections: Sequence[Collection[Any]]) -> list[tuple[Collection[Any], str, Any]]:
    """Return collection, name and extension of `thing`, or of everything that it defines if it is a module."""
    adopted = [(one, name, item) for one in collections for name, item in one.adopt(thing)]
    if not adopted:
        expected = (
            "a builder decorated with @arch, a column, a study, a format, an OpRule, a lint rule, a kind of picture, "
            "or a module that defines one"
        )
        raise ZooError(f"cannot register {thing!r:.80}: expected {expected}")
    return adopted


def constant(thing: Any, *names: str) -> Any:
    """Return the first of a module's constants with these names, or None; return anything else unchanged."""
    if not isinstance(thing, ModuleType):
        return thing
    name = next((name for name in names if name in vars(thing)), None)
    if name is None:
        return None
    deprecated(name, thing.__name__)
    return vars(thing)[name]


def _home(thing: Any) -> str:
    """Return the module that defines an extension, or its function."""
    if isinstance(thing, ModuleType):
        return thing.__name__
    names = ("run", "count", "rule", "render", "check", "draw", "macs", "other_flops", "shape", "receptive_field", "saved")
    parts = [getattr(thing, name, None) for name in names]
    functions = [one for part in parts for one in (part, getattr(part, "values", None)) if callable(one)] or [thing]
    modules = [str(getattr(function, "__module__", type(thing).__module__)) for function in functions]
    return next(
        (name for name in modules if not name.startswith("zoo.")), modules[0]
    )  # facts may be borrowed from built-in records
