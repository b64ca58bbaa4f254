"""One file for each format: a module with `render(table, width) -> str`, the text ending in a line break."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache

from zoo import plugins
from zoo.errors import unknown
from zoo.table import Table

Render = Callable[[Table, int | None], str]


@cache
def known() -> Mapping[str, Render | str | plugins.Plugin]:
    """Every format by name: a function, or the module or plugin that has it, which is imported when it is wanted."""
    own = {info.name: f"{__name__}.{info.name}" for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")}
    return plugins.merged("formats", lambda: own, lambda plugin: [(plugin.name, plugin)])


def names() -> list[str]:
    """The names of all formats."""
    return sorted(known())


def load(name: str) -> Render:
    """The format of that name. Raises `ZooError` for an unknown one, and for a plugin that does not load."""
    if name not in known():
        raise unknown("format", name, names())
    found = known()[name]
    if isinstance(found, plugins.Plugin):
        return plugins.guarded(found, plugins.guarded(found, lambda: found.load().render)())
    return importlib.import_module(found).render if isinstance(found, str) else found
