"""Parse the values of command line options. Raises `ZooError` for values that cannot be parsed."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import typer

from zoo.questions.grid import points
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


def parse_grid(texts: Sequence[str]) -> list[tuple[int, ...]]:
    """["3x{32,64}x..."] -> [(3, 32, 32), (3, 64, 64)]: ... repeats the size before it."""
    return [parse_shape(point) for text in texts for point in points(text)]


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
