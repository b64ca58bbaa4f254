"""One file for each format: a module with `render(table, width) -> str`, the text ending in a line break."""

import importlib
import pkgutil
from collections.abc import Callable

from zoo.errors import unknown
from zoo.table import Table

Render = Callable[[Table, int | None], str]


def names() -> list[str]:
    """The names of all formats."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))


def load(name: str) -> Render:
    """The format of that name. Raises `ZooError` for an unknown one."""
    if name not in names():
        raise unknown("format", name, names())
    render: Render = importlib.import_module(f"{__name__}.{name}").render
    return render
