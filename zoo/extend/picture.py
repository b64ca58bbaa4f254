"""What a picture is, what a kind of picture is, and every kind by name."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from zoo.tables.table import Table
from zoo.util import files, plugins
from zoo.util.errors import ZooError

Encode = Callable[[], bytes]
"""Draws a picture and returns the contents of a file. Raises `ZooError` if a package that it needs is not installed."""

Of = Literal["target", "targets", "nothing"]


@dataclass(frozen=True, repr=False)
class Picture:
    """A picture that is drawn when it is shown or written, and its data as a table, which is also its text alternative.

    `encoders` maps the suffixes of files that can hold it ("svg", "pdf", "png", "tikz") to functions that return their contents.
    The same picture always gives the same bytes. A notebook shows it; `print` shows its table.

    Example:
        >>> drawing = zoo.draw("lenet5")
        >>> drawing.svg()[:4], drawing.table.rows[1].name
        ('<svg', 'C1')
    """

    table: Table
    encoders: Mapping[str, Encode] = field(compare=False)

    def encode(self, format: str) -> bytes:
        """Return the contents of a file with this suffix. Raises `ZooError` if it cannot be drawn in this format."""
        if format not in self.encoders:
            raise ZooError(f"cannot draw {self.table.title} as {format!r}; expected one of {', '.join(self.encoders)}")
        return self.encoders[format]()

    def svg(self) -> str:
        """Return the text of an SVG file, an `<svg>` element without an XML declaration."""
        return self.encode("svg").decode()

    def write(self, path: str | Path) -> None:
        """Write the picture atomically to a file, in the format of its suffix. Raises `ZooError` if that fails."""
        files.write(self.encode(self.suffix(Path(path))), Path(path))

    def suffix(self, path: Path) -> str:
        """The format of a path. Raises `ZooError` if this picture cannot be written in it."""
        found = path.suffix.lower().removeprefix(".")
        if found not in self.encoders:
            expected = " ".join(f".{name}" for name in self.encoders)
            raise ZooError(f"{path}: cannot infer the format from the suffix; expected one of {expected}")
        return found

    def __str__(self) -> str:
        return str(self.table)

    __repr__ = __str__

    def _repr_mimebundle_(self, **asked: Any) -> dict[str, str]:
        with contextlib.suppress(ZooError):  # without matplotlib, a notebook shows the table
            return {"image/svg+xml": self.svg(), "text/plain": str(self.table)}
        return {"text/html": self.table.render("html"), "text/plain": str(self.table)}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of picture: its name, the question that it answers as a phrase, and what it is drawn of.

    `draw` takes the traces of one network or of several (`of`), or nothing, and options as keywords; it returns a `Picture`.
    """

    name: str
    shows: str
    of: Of
    draw: Callable[..., Picture]


def pictures() -> Mapping[str, Kind]:
    """Every kind of picture by name, in alphabetical order: one from each file of `zoo/pictures`, and others'."""
    return dict(sorted(PICTURES.all().items()))


def _guarded(plugin: plugins.Plugin, found: Kind) -> Kind:
    return replace(found, draw=plugins.guarded(plugin, found.draw))


PICTURES = plugins.of_folder("pictures", "zoo.pictures", "PICTURE", Kind, _guarded)
