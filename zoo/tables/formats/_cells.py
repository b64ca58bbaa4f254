"""Format cells for people, and flatten them for files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from zoo.tables.content import Column
from zoo.util.text import sizes


def text(value: Any) -> str:
    """1,234 for a count, ≥ 1,234 for a lower bound, 1×96×55×55 for sizes, 195@32i-64 for a receptive field.

    A receptive field that holds the whole input has a star, one that joins branches of different centres a tilde; one that is not
    defined says so; what does not apply is a dash.
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        if any(isinstance(item, list | tuple) for item in value):
            if len(value) <= _FEW_SIZES:
                return ", ".join(map(text, value))
            runs = [(one, len([*several])) for one, several in groupby(map(text, value))]
            shown = [one if times == 1 else f"{times} × {one}" for one, times in runs]
            return ", ".join(shown if len(shown) <= _MOST_SIZES else [*shown[: _MOST_SIZES - 1], "…"])
        return sizes(value)
    if isinstance(value, dict):
        if "at_least" in value:
            return f"≥ {value['at_least']:,}"
        if "undefined" in value:
            return f"undefined{_others(value)}"
        if "size" in value:
            firsts = [_first(stride, padding) for stride, padding in zip(value["stride"], value["padding"], strict=True)]
            signs = ("*" if value.get("global") else "") + ("~" if "misaligned" in value else "")
            return f"{_axes(value['size'])}@{_axes(firsts)}{signs}{_others(value)}"
        return ", ".join(f"{key} {text(item)}" for key, item in value.items())
    return str(value)


def _others(value: dict[str, Any]) -> str:
    """The receptive fields of other outputs: the only one, or how many there are."""
    others = value.get("others", ())
    return f", {text(others[0])}" if len(others) == 1 else f", {len(others)} others" if others else ""


_FEW_SIZES, _MOST_SIZES = 3, 6
"""Shapes that are written out in one cell, and the most where those in a row that are equal are one: a language model returns its
cache, two tensors for each layer.
"""


def cells(columns: Iterable[Column], rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The cells of each column, from top to bottom, as `cell` formats them."""
    found = {}
    for column in columns:
        values = [row.get(column.name) for row in rows]
        known = {repr(value): value for value in values}  # layers mostly have the shape of the one before
        written = {key: cell(column, value) for key, value in known.items()}
        found[column.name] = [written[repr(value)] for value in values]
    return found


def cell(column: Column, value: Any) -> str:
    """`text` of a cell in its column: a year bare, a ratio as 8.71×, a share as 96.2%, another fraction to three digits."""
    if column.unit == "year" and value is not None:
        return str(value)
    if column.scaled and column.unit not in _PLAIN:
        if isinstance(value, int) and not isinstance(value, bool):
            return scaled(value, column.unit)
        if isinstance(value, dict) and "at_least" in value:
            return f"≥ {scaled(value['at_least'], column.unit)}"
    if isinstance(value, int | float) and column.unit == "ratio":
        return f"{value:,.0f}×" if value >= 100 else f"{value:.3g}×"
    if isinstance(value, int | float) and column.unit == "share":
        return f"{value:.1%}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return text(value)


_PLAIN = frozenset({"ratio", "share", "layers", "pixels", "index", "shape"})


def scaled(count: int, unit: str) -> str:
    """A count in three digits with a prefix: powers of 1,024 for bytes, of 1,000 for everything else.

    >>> scaled(15_470_264_320, "MACs"), scaled(102_228_128, "bytes"), scaled(999, "MACs"), scaled(999_999, "parameters")
    ('15.5 G', '97.5 MiB', '999', '1.00 M')
    """
    base, signs = (
        (1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB")) if unit == "bytes" else (1000, ("", "k", "M", "G", "T", "P", "E"))
    )
    size, place = float(count), 0
    while abs(size) >= (999.5 if place else 1000) and place < len(signs) - 1:
        size, place = size / base, place + 1
    digits = f"{size:.0f}" if not place or abs(size) >= 99.95 else f"{size:.1f}" if abs(size) >= 9.995 else f"{size:.2f}"
    return f"{digits} {signs[place]}".rstrip()


def _axes(by_axis: list[Any]) -> str:
    """Return one number if it is the same along every axis."""
    return str(by_axis[0]) if len(set(by_axis)) == 1 else sizes(by_axis)


def _first(stride: int | str, padding: int) -> str:
    """The first pixel that unit i sees, if the image went on beyond its border.

    >>> _first(8, 16), _first(1, 0), _first("1/2", -3), _first("11/2", 0), _first(0, 0)
    ('8i-16', 'i', 'i/2+3', '11i/2', '0')
    """
    count, _, part = str(stride).partition("/")
    step = "" if count == "0" else f"{'' if count == '1' else count}i{part and f'/{part}'}"
    return f"{step}{-padding:+d}" if step and padding else step or str(-padding)


def flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """(key, text) pairs: a nested value under name.key, sizes as 1x96x55x55, numbers bare, what does not apply empty."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(f"{name}.{key}", item)
    elif isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        for i, item in enumerate(value):
            yield from flat(f"{name}.{i}", item)
    elif isinstance(value, list | tuple):
        nested = any(isinstance(item, list | tuple) for item in value)
        yield name, " ".join(next(flat(name, item))[1] for item in value) if nested else sizes(value, "x")
    elif isinstance(value, bool):
        yield name, str(value).lower()
    else:
        yield name, "" if value is None else str(value)
