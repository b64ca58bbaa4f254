"""What is written on the command line, as values. Raises `ZooError` for what cannot be read."""

import ast
import re
from collections.abc import Sequence
from typing import Any

from zoo.errors import ZooError

_WORDS = {"true": True, "false": False, "none": None}


def parse_shape(text: str) -> tuple[int, ...]:
    """3x224x224 -> (3, 224, 224)."""
    return parse_sizes("--input", text, "sizes without batch are wanted, such as 3x224x224 (channels, height, width)")


def parse_sizes(option: str, text: str, wanted: str = "sizes are wanted, such as 5x5") -> tuple[int, ...]:
    """5x3 -> (5, 3)."""
    if not re.fullmatch(r"\d+([x×]\d+)*", text) or 0 in (sizes := tuple(map(int, re.split("[x×]", text)))):
        raise ZooError(f"{option} {text!r}: {wanted}")
    return sizes


def parse_options(assignments: Sequence[str]) -> dict[str, Any]:
    """["num_classes=10", "shortcut=A"] -> {"num_classes": 10, "shortcut": "A"}."""
    options = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not (name.isidentifier() and equals):
            raise ZooError(f"--set {assignment!r}: name=value is wanted, such as num_classes=10")
        options[name] = _value(value)
    return options


def _value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def parse_columns(lists: Sequence[str]) -> list[str] | None:
    """["params,macs", "rf"] -> ["params", "macs", "rf"]; None for nothing."""
    names = [name.strip() for several in lists for name in several.split(",") if name.strip()]
    if lists and not names:
        raise ZooError("--columns: names are wanted, such as params,macs,rf")
    return names or None
