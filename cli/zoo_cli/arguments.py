"""What is written on the command line, as values. Raises `ZooError` for what cannot be read."""

import re
from collections.abc import Sequence
from itertools import product
from typing import Any

from zoo.errors import ZooError


def parse_shape(text: str) -> tuple[int, ...]:
    """3x224x224 -> (3, 224, 224)."""
    return parse_sizes("--input", text, "expected sizes without batch, such as 3x224x224 (channels, height, width)")


def parse_inputs(texts: Sequence[str], batch: int) -> Any:
    """What `--input` says: nothing, one shape with batch, or a list of shapes and `Input`s."""
    from zoo.tracing.inputs import read

    found = [read(text, batch, "--input") for text in texts]
    return found[0] if len(found) == 1 else found or None


def parse_sizes(option: str, text: str, wanted: str = "expected sizes, such as 5x5") -> tuple[int, ...]:
    """5x3 -> (5, 3)."""
    if not re.fullmatch(r"\d+([x×]\d+)*", text) or 0 in (sizes := tuple(map(int, re.split("[x×]", text)))):
        raise ZooError(f"{option} {text!r}: {wanted}")
    return sizes


_MOST = 10_000


def expand(text: str) -> list[str]:
    """3x{128,160,...,192}x{8..9} -> all six: braces hold words, a range with or without a step, or a row that goes on so.

    Several braces are multiplied, the last one varying fastest. Raises `ZooError` for braces that cannot be read.
    """
    if text.count("{") != text.count("}") or re.search(r"\{[^}]*\{|\}[^{]*\}|^[^{]*\}", text):
        raise ZooError(f"{text!r}: braces that do not match")
    parts = re.split(r"\{(.*?)\}", text)
    choices = [_choices(part, text) if i % 2 else [part] for i, part in enumerate(parts)]
    return ["".join(words) for words in product(*choices)]


def _choices(inside: str, text: str) -> list[str]:
    """128,160,...,512 or 128..512..32 or a,b,c: the words."""
    words = [word.strip() for word in inside.split(",")]
    if spread := re.fullmatch(r"(-?\d+)\.\.(-?\d+)(?:\.\.(\d+))?", inside.strip()):
        first, last, step = int(spread[1]), int(spread[2]), int(spread[3] or 1)
        return _steps(first, last, step if first <= last else -step, text, exact=False)
    if "..." in words:
        *before, dots, last_word = words
        numbers = [*before, last_word]
        if dots != "..." or len(before) < 2 or not all(re.fullmatch(r"-?\d+", word) for word in numbers):
            raise ZooError(f"{text!r}: two numbers and the last are wanted around ..., as in {{128,160,...,512}}")
        start, step = int(before[-2]), int(before[-1]) - int(before[-2])
        return [*before[:-2], *_steps(start, int(last_word), step, text, exact=True)]
    if not all(words):
        raise ZooError(f"{text!r}: braces with nothing between two commas")
    return words


def _steps(first: int, last: int, step: int, text: str, *, exact: bool) -> list[str]:
    if step == 0 or (last - first) * step < 0 or (exact and (last - first) % step):
        raise ZooError(f"{text!r}: steps of {step} do not lead from {first} to {last}")
    if (last - first) // step >= _MOST:
        raise ZooError(f"{text!r}: more than {_MOST:,} values")
    return [str(n) for n in range(first, last + (1 if step > 0 else -1), step)]


def parse_grid(texts: Sequence[str]) -> list[tuple[int, ...]]:
    """["3x{32,64}x..."] -> [(3, 32, 32), (3, 64, 64)]: ... is the size before it once more."""
    return [parse_shape(_repeated(point)) for text in texts for point in expand(text)]


def _repeated(point: str) -> str:
    sizes = re.split("[x×]", point)
    for i in range(1, len(sizes)):
        if sizes[i] == "...":
            sizes[i] = sizes[i - 1]
    return "x".join(sizes)


def parse_options(assignments: Sequence[str]) -> dict[str, Any]:
    """["num_classes=10", "kernel_size=3x1"] -> {"num_classes": 10, "kernel_size": (3, 1)}."""
    from zoo.tracing.inputs import value_of

    return {name: value_of(value) for name, value in parse_assignments(assignments).items()}


def parse_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """["kernel=5x5"] -> {"kernel": "5x5"}."""
    options = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not (name.isidentifier() and equals):
            raise ZooError(f"--set {assignment!r}: expected name=value, such as num_classes=10")
        options[name] = value
    return options


def parse_columns(lists: Sequence[str]) -> list[str] | None:
    """["params,macs", "rf"] -> ["params", "macs", "rf"]; None for nothing."""
    names = [name.strip() for several in lists for name in several.split(",") if name.strip()]
    if lists and not names:
        raise ZooError("--columns: names are wanted, such as params,macs,rf")
    return names or None
