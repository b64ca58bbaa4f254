"""Import the names of a module on first access."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def lazy(module: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of `module`: each name of `homes` comes from the module that it maps to.

    >>> __getattr__, __dir__ = lazy(__name__, {"summary": "zoo.questions.summary"})
    """

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        found = getattr(import_module(homes[name]), name)
        setattr(sys.modules[module], name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[module]), *homes})

    return get, names
