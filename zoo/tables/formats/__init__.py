"""One file for each format: a module with `render(table, width) -> str`, which returns text that ends in a line break."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from zoo.tables.content import Content
from zoo.util import plugins
from zoo.util.errors import ZooError, unknown

Render = Callable[[Content, int | None], str]


def known() -> Mapping[str, Render | str | plugins.Plugin]:
    """Every format by name: a function, or the module or plugin that has it, which is imported on first use."""
    return FORMATS.all()


def _own() -> dict[str, Render | str | plugins.Plugin]:
    return {info.name: f"{__name__}.{info.name}" for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")}


def _adopt(thing: Any) -> Iterator[tuple[str, Render | str | plugins.Plugin]]:
    """Adopt a function whose first parameter is annotated as a `Table`, or the `render` of a module, under its name."""
    if isinstance(thing, ModuleType) and hasattr(thing, "render"):
        yield thing.__name__.rpartition(".")[2], thing.render
    elif isinstance(thing, FunctionType) and _takes_table(thing):
        yield thing.__name__, thing


def _takes_table(function: FunctionType) -> bool:
    """Return whether the first parameter is annotated as a table, by class or by name."""
    first = next(iter(inspect.signature(function).parameters.values()), None)
    declared = first.annotation if first is not None else None
    if isinstance(declared, str):  # as under `from __future__ import annotations`
        return declared.rpartition(".")[2] in {"Table", "Content"}
    return isinstance(declared, type) and issubclass(declared, Content)


FORMATS: plugins.Collection[Render | str | plugins.Plugin] = plugins.Collection(
    "formats", _own, lambda plugin: [(plugin.name, plugin)], _adopt
)


def names() -> list[str]:
    """Return the names of all formats."""
    return sorted(known())


def load(name: str) -> Render:
    """Return the format with this name. Raises `ZooError` for an unknown name, and for a plugin that does not load."""
    if name not in known():
        raise unknown("format", name, names())
    found = known()[name]
    if isinstance(found, plugins.Plugin):
        return plugins.guarded(found, _text(found, plugins.guarded(found, lambda: found.load().render)()))
    return importlib.import_module(found).render if isinstance(found, str) else found


def _text(plugin: plugins.Plugin, render: Render) -> Render:
    """`render`, held to give a string."""

    def rendered(table: Content, width: int | None) -> str:
        made: object = render(table, width)
        if not isinstance(made, str):
            raise ZooError(f"{plugin}: its render gave {type(made).__name__}, expected a string")
        return made

    return rendered
