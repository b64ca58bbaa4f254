"""Parse the values of command line options. Raises `ZooError` for values that cannot be parsed."""

import re
from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import typer

from zoo.util.errors import ZooError


def at_least(least: int, most: int | None = None) -> Callable[[typer.CallbackParam, int | None], int | None]:
    """Return the callback of an option that takes integers from `least` on, up to `most`. It raises `ZooError` for others."""

    def check(option: typer.CallbackParam, value: int | None) -> int | None:
        if value is None or (least <= value and (most is None or value <= most)):
            return value
        expected = f">= {least}" if most is None else f"from {least} to {most}"
        raise ZooError(f"{option.opts[0]}: expected an integer {expected}, got {value}")

    return check


def parse_shape(text: str) -> tuple[int, ...]:
    """3x224x224 -> (3, 224, 224)."""
    return parse_sizes("--input", text, "sizes without batch, such as 3x224x224 (channels, height, width)")


def parse_inputs(texts: Sequence[str], batch: int) -> Any:
    """Parse `--input`: nothing, one shape with batch, or a list of shapes and `Input`s."""
    from zoo.questions.inputs import read

    found = [read(text, batch, "--input") for text in texts]
    return found[0] if len(found) == 1 else found or None


def parse_sizes(option: str, text: str, expected: str = "sizes, such as 5x5") -> tuple[int, ...]:
    """5x3 -> (5, 3)."""
    if not re.fullmatch(r"\d+([x×]\d+)*", text) or 0 in (sizes := tuple(map(int, re.split("[x×]", text)))):
        raise ZooError(f"{option}: expected {expected}, got {text!r}")
    return sizes


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


def parse_grid(texts: Sequence[str]) -> list[tuple[int, ...]]:
    """["3x{32,64}x..."] -> [(3, 32, 32), (3, 64, 64)]: ... repeats the size before it."""
    return [parse_shape(_repeated(point)) for text in texts for point in expand(text)]


def _repeated(point: str) -> str:
    sizes = re.split("[x×]", point)
    for i in range(1, len(sizes)):
        if sizes[i] == "...":
            sizes[i] = sizes[i - 1]
    return "x".join(sizes)


def parse_options(assignments: Sequence[str]) -> dict[str, Any]:
    """["num_classes=10", "kernel_size=3x1"] -> {"num_classes": 10, "kernel_size": (3, 1)}."""
    from zoo.questions.inputs import value_of

    return {name: value_of(value) for name, value in parse_assignments(assignments).items()}


def parse_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """["kernel=5x5"] -> {"kernel": "5x5"}."""
    options = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not (name.isidentifier() and equals):
            raise ZooError(f"--set: expected NAME=VALUE, such as num_classes=10, got {assignment!r}")
        options[name] = value
    return options


def parse_columns(lists: Sequence[str]) -> list[str] | None:
    """["params,macs", "rf"] -> ["params", "macs", "rf"]; None if empty."""
    names = [name.strip() for several in lists for name in several.split(",") if name.strip()]
    if lists and not names:
        raise ZooError("--columns: expected names, such as params,macs,rf")
    return names or None
