"""Grids of sizes and values, written with braces: 3x{128,160,...,512}x..."""

import re
from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any

from zoo.util.errors import ZooError

_MOST = 10_000
_MOST_POINTS = 100_000


def expand(text: str) -> list[str]:
    """3x{128,160,...,192}x{8..9} -> all six: braces contain words, a range with an optional step, or a sequence with equal steps.

    With several braces, all combinations are used; the last one varies fastest. Raises `ZooError` for invalid braces.
    """
    if text.count("{") != text.count("}") or re.search(r"\{[^}]*\{|\}[^{]*\}|^[^{]*\}", text):
        raise ZooError(f"expected matching braces, got {text!r}")
    parts = re.split(r"\{(.*?)\}", text)
    choices = [_choices(part, text) if i % 2 else [part] for i, part in enumerate(parts)]
    check_product(repr(text), *map(len, choices))
    return ["".join(words) for words in product(*choices)]


def check_product(what: str, *counts: int) -> None:
    """Raises `ZooError` if there are more combinations than anyone would wait for."""
    if (points := prod(counts)) > _MOST_POINTS:
        raise ZooError(f"{what}: {points:,} combinations, expected at most {_MOST_POINTS:,}")


def _choices(inside: str, text: str) -> list[str]:
    """128,160,...,512 or 128..512..32 or a,b,c: the words."""
    words = [word.strip() for word in inside.split(",")]
    if spread := re.fullmatch(r"(-?\d+)\.\.(-?\d+)(?:\.\.(\d+))?", inside.strip()):
        first, last, step = int(spread[1]), int(spread[2]), int(spread[3] or 1)
        return _steps(first, last, step if first <= last else -step, text, exact=False)
    if "..." in words:
        before, dots, last_word = words[:-2], words[-2:-1], words[-1]
        numbers = [*before, last_word]
        if dots != ["..."] or len(before) < 2 or not all(re.fullmatch(r"-?\d+", word) for word in numbers):
            raise ZooError(f"expected two numbers before ... and one after it, such as {{128,160,...,512}}, got {text!r}")
        start, step = int(before[-2]), int(before[-1]) - int(before[-2])
        return [*before[:-2], *_steps(start, int(last_word), step, text, exact=True)]
    if not all(words):
        raise ZooError(f"expected a value between commas in braces, got {text!r}")
    return words


def _steps(first: int, last: int, step: int, text: str, *, exact: bool) -> list[str]:
    if step == 0 or (last - first) * step < 0 or (exact and (last - first) % step):
        raise ZooError(f"steps of {step} do not lead from {first} to {last} in {text!r}")
    if (last - first) // step >= _MOST:
        raise ZooError(f"expected at most {_MOST:,} values in {text!r}")
    return [str(n) for n in range(first, last + (1 if step > 0 else -1), step)]


def points(text: str) -> list[str]:
    """3x{32,64}x... -> 3x32x32 and 3x64x64: an input for each combination; ... repeats the size before it."""
    return [_repeated(point) for point in expand(text)]


def _repeated(point: str) -> str:
    """3x8x... -> 3x8x8."""
    sizes = re.split("[x×]", point)
    for i in range(1, len(sizes)):
        if sizes[i] == "...":
            sizes[i] = sizes[i - 1]
    return "x".join(sizes)


def settings(options: Any) -> list[dict[str, Any]]:
    """The options of each point: {"num_classes": [10, 100]} gives two; a list of mappings is taken as it is.

    Raises `ZooError` for anything else.
    """
    if options is None:
        return [{}]
    if isinstance(options, Mapping):
        values = [several if isinstance(several, list) else [several] for several in options.values()]
        check_product("options", *map(len, values))
        return [dict(zip(options, chosen, strict=True)) for chosen in product(*values)]
    if not isinstance(options, list | tuple) or not all(isinstance(one, Mapping) for one in options):
        raise ZooError("options: expected a mapping such as {'num_classes': [10, 100]}, or a list of mappings")
    return list(map(dict, options))
