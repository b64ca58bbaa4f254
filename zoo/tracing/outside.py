"""What a forward pass changed outside of its model, where nobody restores it: globals of its files, closures, generators."""

import sys
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from operator import is_
from types import FunctionType, GeneratorType, ModuleType
from typing import Any

from torch import nn

_ITEMS = 1000
"""Larger containers are not compared."""
_LIBRARIES = frozenset({"torch", "torchvision", "timm", "transformers", "builtins", "typing", "abc", "zoo"})


class Outside:
    """The variables around the classes of `modules`, as they are when this is made. Making it changes nothing."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        foreign = {kind for kind in set(map(type, modules)) if not _known(kind)}
        kinds = dict.fromkeys(base for kind in foreign for base in kind.__mro__ if not _known(base))
        files = dict.fromkeys(kind.__module__ for kind in kinds)
        self._globals = [(name, live, live.copy()) for name in files if (live := getattr(sys.modules.get(name), "__dict__", None))]
        self._cells = [(where, cell, cell.cell_contents) for kind in kinds for where, cell in _cells(kind)]
        values = [value for _, _, saved in self._globals for value in saved.values()]
        self._held = [(value, value.copy()) for value in values if type(value) in _CONTAINERS and len(value) <= _ITEMS]
        own = ((type(module).__name__, item) for module in modules if type(module) in foreign for item in vars(module).items())
        self._running = [(f"{kind}.{name}", one, _place(one)) for kind, (name, one) in own if type(one) is GeneratorType]

    def changed(self) -> list[str]:
        """The names of what is not as it was."""
        found = []
        contents = {id(value) for value, saved in self._held if not _same(value, saved)}
        for file, live, saved in self._globals:
            for name, value in [*live.items()]:
                new = value is not saved.get(name, saved)
                if not name.startswith("__") and not isinstance(value, ModuleType) and (new or id(value) in contents):
                    found.append(f"{file}.{name}")
            found += [f"{file}.{name}" for name in saved if name not in live]
        found += [where for where, cell, saved in self._cells if cell.cell_contents is not saved]
        return found + [where for where, value, place in self._running if _place(value) != place]

    def warn(self) -> None:
        """A warning that names what changed."""
        if found := list(dict.fromkeys(self.changed())):
            message = f"changed during the forward pass, and not restored by zoo: {', '.join(found)}"
            warnings.warn(message, UserWarning, stacklevel=2)


_CONTAINERS = frozenset({list, dict, set, deque})


def _known(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in _LIBRARIES


def _cells(kind: type) -> Iterator[tuple[str, Any]]:
    """The variables of enclosing functions that the methods of a class use."""
    for function in vars(kind).values():
        if isinstance(function, FunctionType):
            for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
                if name != "__class__" and _filled(cell):
                    yield f"{function.__qualname__}: {name}", cell


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _place(generator: Any) -> int | None:
    return None if generator.gi_frame is None else generator.gi_frame.f_lasti


def _same(value: Any, saved: Any) -> bool:
    if len(value) != len(saved):
        return False
    if isinstance(value, set):
        return bool(value == saved)
    pairs: Iterable[tuple[Any, Any]] = zip(value, saved, strict=True)
    if isinstance(value, dict):
        return all(value.get(key, saved) is item for key, item in saved.items())
    return all(is_(*pair) for pair in pairs)
