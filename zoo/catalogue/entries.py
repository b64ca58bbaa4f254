"""The catalogue: cards, read from the files of `zoo/archs` without importing them (or torch), and models built by name.

An architecture file contains builders decorated with `@arch(...)`. The keywords of the decorator are literals and form the card.
"""

import ast
import fnmatch
import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zoo.catalogue.card import Card, make_card
from zoo.catalogue.source import Written, own_texts, read, read_own
from zoo.util import plugins
from zoo.util.errors import ZooError, near, spelling, unknown

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Option:
    """One keyword of a builder: its annotation as written, and its default."""

    name: str
    type: str
    default: Any

    def __str__(self) -> str:
        return f"{self.name}: {self.type} = {self.default!r}"

    def check(self, value: Any) -> Any:
        """Return `value` with the type of the option. Raises `ZooError` if it does not fit."""
        if self.type.startswith("Literal["):
            choices = ast.literal_eval("(" + self.type.removeprefix("Literal[").removesuffix("]") + ",)")
            if value not in choices:
                raise ZooError(f"option {self.name}: expected one of {', '.join(map(str, choices))}, got {value!r}")
        elif self.type == "bool" and not isinstance(value, bool):
            raise ZooError(f"option {self.name}: expected true or false, got {value!r}")
        elif self.type == "int":
            least = 0 if self.name == "num_classes" else 1
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                features = " (or 0 for features instead of scores)" if least == 0 else ""
                raise ZooError(f"option {self.name}: expected an integer >= 1{features}, got {value!r}")
        elif self.type == "float":
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ZooError(f"option {self.name}: expected a number, got {value!r}")
            value = float(value)
        return value


# Options of every network, in addition to those of its builder.
COMMON = (Option("init", "Literal['paper', 'torch', None]", "paper"), Option("head", "Literal['paper', None]", "paper"))


@dataclass(frozen=True)
class Entry:
    """A card, the options of its builder, the module that defines it, and its origin: empty if built in, else what added it.

    `builder` is the function itself if it was registered at run time.
    """

    card: Card
    options: tuple[Option, ...]
    module: str
    origin: str = ""
    builder: Callable[..., Any] | None = None

    def build(self, options: Mapping[str, Any]) -> "nn.Module":
        """A new model."""
        builder = self.builder or getattr(importlib.import_module(self.module), self.card.name)
        model: nn.Module = builder(**options)
        return model

    @property
    def every_option(self) -> tuple[Option, ...]:
        """The options of the builder, and those of every network."""
        return (*self.options, *COMMON)


def list_models(pattern: str = "*", *, family: str | None = None) -> list[str]:
    """Return the names in the catalogue, ordered by year and name.

    Arguments:
        pattern: Wildcards such as "vgg*", or any part of a name.
        family: Only the networks of one family.

    Returns:
        A list of names, each of which `card`, `create_model` and `summary` take.

    Raises:
        ZooError: If nothing matches.

    Example:
        >>> zoo.list_models("vgg1?")
        ['vgg11', 'vgg13', 'vgg16', 'vgg19']
    """
    entries = architectures()
    if family is not None:
        families = sorted({entry.card.family for entry in entries.values()})
        if family not in families:
            raise unknown("family", family, families)
    wanted = pattern.lower() if any(c in pattern for c in "*?[") else f"*{spelling(pattern)}*"
    names = [
        name
        for name, entry in entries.items()
        if (fnmatch.fnmatchcase(name, wanted) or fnmatch.fnmatchcase(spelling(name), wanted))
        and family in (None, entry.card.family)
    ]
    if not names or (wanted == "**" and pattern.strip("* ")):  # a pattern of punctuation matches no name
        inside = f" in family {family}" if family else ""
        close = near(pattern, entries)
        hint = f"did you mean {' or '.join(close)}?" if close else f"run zoo list to see all {len(entries)}"
        raise ZooError(f"no model matches {pattern!r}{inside}; {hint}")
    return sorted(names, key=lambda name: (entries[name].card.year, _natural(name)))


def card(name: str) -> Card:
    """Return the card of a model.

    Arguments:
        name: A name of `zoo.list_models`, in any usual spelling.

    Returns:
        Its `Card`: paper, input, published and computed numbers, deviations, errata.

    Raises:
        ZooError: For an unknown name.

    Example:
        >>> zoo.card("VGG-16").params
        138357544
    """
    return entry(name).card


def entry(name: str) -> Entry:
    """Return the entry of a model; the name can have any usual spelling. Raises `ZooError` for an unknown name."""
    if (path := _files().get(spelling(name))) is not None:  # reading one file is much faster than reading all
        for own in _read_own(path):
            if spelling(own.card.name) == spelling(name):
                return own
    entries = architectures()
    spellings = {spelling(known): known for known in entries}
    found = spellings.get(spelling(name))
    if found is None:
        raise unknown("model", name, entries, "run zoo list to see all")
    return entries[found]


def children(name: str) -> list[str]:
    """The entries that come from the one of that name, in order of year, then of name."""
    if ARCHITECTURES.ours_alone:  # a few files are read much sooner than all
        known = [one for path, text in own_texts().items() if f'"{name}"' in text for one in _read_own(path)]
    else:
        known = list(architectures().values())
    found = [one.card for one in known if name in one.card.parents]
    return [c.name for c in sorted(found, key=lambda c: (c.year, _natural(c.name)))]


def check_options(found: Entry, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return `options` with the types that the builder expects. Raises `ZooError` for an unknown option or an invalid value."""
    known = {option.name: option for option in found.every_option}
    checked = {}
    for name, value in options.items():
        if name not in known:
            raise unknown(f"option of {found.card.name}", name, known)
        checked[name] = known[name].check(value)
    return checked


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a sort key that puts resnet18 before resnet101."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def architectures() -> Mapping[str, Entry]:
    """Return every architecture by name: built in, from plugins, and registered."""
    found = ARCHITECTURES.all()
    return {name: found[name] for name in sorted(found, key=_natural)}


def _own() -> dict[str, Entry]:
    return {entry.card.name: entry for path in dict.fromkeys(_files().values()) for entry in _read_own(path)}


@cache
def _files() -> Mapping[str, Path]:
    """Return the built-in files by the spelling of each function in them, builders included.

    The spelling of a function's name is the name without its underscores.
    """
    functions = ((path, re.findall(r"^def (\w+)\(", text, re.MULTILINE)) for path, text in own_texts().items())
    return {name.replace("_", "").lower(): path for path, names in functions for name in names}


@cache
def _read_own(path: Path) -> tuple[Entry, ...]:
    return tuple(_entries(read_own(own_texts()[path], path.stem), path.stem, f"zoo.archs.{path.stem}"))


def _of_plugin(plugin: plugins.Plugin) -> Iterator[tuple[str, Entry]]:
    written = ((path, module, read(path.read_text(encoding="utf-8"), str(path))) for module, path in plugin.files())
    found = [entry for path, module, several in written for entry in _entries(several, path.stem, module, str(plugin))]
    if not found:
        raise ZooError("it contains no builder decorated with @arch")
    yield from ((entry.card.name, entry) for entry in found)


def entry_of(builder: Callable[..., Any]) -> Entry:
    """Return the entry of a given builder. Raises `ZooError` for an option without type or default."""
    import inspect

    card: Card = builder.__dict__["card"]
    options = []
    for p in inspect.signature(builder).parameters.values():
        if p.annotation is p.empty or p.default is p.empty:
            raise ZooError(f"{card.name}: option {p.name} lacks a {'type' if p.annotation is p.empty else 'default'}")
        written = p.annotation if isinstance(p.annotation, str) else inspect.formatannotation(p.annotation)
        options.append(Option(p.name, written, p.default))
    return Entry(card, tuple(options), builder.__module__, f"registered by {builder.__module__}", builder)


def _entries(found: Iterable[Written], family: str, module: str, origin: str = "") -> Iterator[Entry]:
    """Entries of what one architecture file says."""
    for one in found:
        card = make_card(one.name, family, one.doc, one.facts, ours=not origin)
        yield Entry(card, tuple(Option(*option) for option in one.options), module, origin)


def _adopt(thing: Any) -> Iterator[tuple[str, Entry]]:
    """Yield a builder decorated with `@arch`, or those that a module defines."""
    values = vars(thing).values() if isinstance(thing, ModuleType) else [thing]
    for one in values:
        own = not isinstance(thing, ModuleType) or getattr(one, "__module__", "") == thing.__name__
        if callable(one) and own and isinstance(getattr(one, "card", None), Card):
            yield one.card.name, entry_of(one)


ARCHITECTURES: plugins.Collection[Entry] = plugins.Collection("archs", _own, _of_plugin, _adopt)
