"""The inputs of a forward pass: shapes, typed and named inputs, strings as on the command line, tensors. Without torch."""

import ast
import re
import sys
from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, NamedTuple

from zoo.util.errors import ZooError


class Input(NamedTuple):
    """One argument of a forward pass that a shape alone does not describe.

    Arguments:
        sizes: The sizes of a tensor, including the batch; None for an argument other than a tensor.
        dtype: torch's name of a type ("int64", "bool"); None is the type of the model's weights.
        name: The name of a keyword argument; None for a positional one.
        value: The argument itself, if `sizes` is None.

    Example:
        >>> zoo.Input((1, 128), "int64", name="ids")
        Input(sizes=(1, 128), dtype='int64', name='ids', value=None)
    """

    sizes: tuple[int, ...] | None
    dtype: str | None = None
    name: str | None = None
    value: Any = None


_WORDS = {"true": True, "false": False, "none": None}
_TEXT = "expected sizes without batch, such as 3x224x224 (channels, height, width) or ids=128:int64"
_SHAPE = "expected a shape with batch such as (1, 3, 224, 224), an Input, a string such as '3x224x224', or a list of these"


def settled(input: Any, inputs: Any, batch: int = 1) -> tuple[Any, Any]:
    """`input` and `inputs` as the tracer takes them: shapes and `Input`s in the first, or ready arguments in the second.

    Tensors in `input` are ready arguments. Strings, which have no batch, get `batch`. Raises `ZooError` for what is none of these,
    and for a `batch` beside shapes that have their own.
    """
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        raise ZooError(f"batch: expected an integer >= 1, got {batch!r}")
    if input is not None and inputs is not None:
        raise ZooError("expected either input (shapes) or inputs (tensors), got both")
    ready = (tuple(input) if isinstance(input, list) else input) if _ready(input) else inputs
    if ready is not None and batch != 1:
        raise ZooError(f"batch={batch} does not apply to tensors, which include the batch")
    if input is None or ready is not None:
        return None, ready
    if isinstance(input, str | Input) or _sizes(input) is not None:
        return _one(input, batch), None
    if not isinstance(input, Sequence):
        raise ZooError(f"input {_described(input)}: {_SHAPE}")
    return [_one(one, batch) for one in input], None


def read(text: str, batch: int, label: str = "input") -> tuple[int, ...] | Input:
    """Parse an input: [NAME=]SIZES[:TYPE], with the batch first or at the position N; a second equals sign means no batch.

    NAME:=VALUE is a value other than a tensor. Raises a `ZooError` that begins with `label` for anything else.
    """
    if match := re.fullmatch(r"(\w+):=(.*)", text):
        return Input(None, name=match[1], value=value_of(match[2]))
    match = re.fullmatch(r"(?:(?P<name>[^\W\d]\w*)=)?(?P<bare>=)?(?P<sizes>[\dxX×N]*)(?::(?P<dtype>\w+))?", text)
    if match is None or not (match["sizes"] or match["bare"]):
        raise ZooError(f"{label} {text!r}: {_TEXT}")
    parts = re.split("[xX×]", match["sizes"]) if match["sizes"] else []
    if not match["bare"] and "N" not in parts:
        parts = ["N", *parts]
    numbers = all(part == "N" or (part.isdecimal() and part.isascii() and int(part)) for part in parts)
    if not numbers or (match["bare"] and "N" in parts):
        raise ZooError(f"{label} {text!r}: {_TEXT}")
    sizes = tuple(batch if part == "N" else int(part) for part in parts)
    return sizes if match["name"] is None and match["dtype"] is None else Input(sizes, match["dtype"], match["name"])


def value_of(text: str) -> Any:
    """A value as the command line writes it: a Python literal, true, false, none, sizes such as 3x1, or a word.

    >>> value_of("10"), value_of("true"), value_of("3x1"), value_of("bilinear")
    (10, True, (3, 1), 'bilinear')
    """
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if re.fullmatch(r"[1-9][0-9]*([x×][0-9]+)+", text):
        return tuple(map(int, re.split("[x×]", text)))
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _one(one: Any, batch: int) -> Any:
    """One input: a shape or an `Input`."""
    if isinstance(one, str):
        return read(one, batch)
    if isinstance(one, Input):
        return one
    sizes = _sizes(one)
    if sizes is None:
        raise ZooError(f"input {_described(one)}: {_SHAPE}")
    if batch != 1 and sizes[:1] != (batch,):
        raise ZooError(f"batch={batch} does not apply to input {sizes}, which includes the batch")
    return sizes


def _sizes(thing: Any) -> tuple[int, ...] | None:
    """Return `thing` as a shape; None if it is not a shape. Integers of other libraries are accepted."""
    if not isinstance(thing, Sequence) or isinstance(thing, str | bytes):
        return None
    try:
        return tuple(index(n) for n in thing)
    except TypeError:
        return None


def _ready(input: Any) -> bool:
    """Whether tensors are given where shapes may stand. Raises `ZooError` for a list of both."""
    if _tensor(input):
        return True
    if isinstance(input, Mapping):
        return any(map(_tensor, input.values()))
    if not isinstance(input, list | tuple) or isinstance(input, Input):
        return False
    tensors = [_tensor(one) for one in input]
    if any(tensors) and isinstance(input, list) and not all(tensors):
        raise ZooError("input: expected either tensors or shapes, got both; pass all arguments of the forward pass as inputs=(...)")
    return any(tensors)


def _tensor(thing: Any) -> bool:
    torch = sys.modules.get("torch")  # without torch there are no tensors
    return torch is not None and isinstance(thing, torch.Tensor)


def _described(thing: Any) -> str:
    """Describe an argument briefly; for an array, by its shape and never by its values."""
    shape = getattr(thing, "shape", None)
    if shape is not None:
        return f"is a {type(thing).__name__} of shape {tuple(shape)}"
    text = repr(thing)
    return text if len(text) <= 60 else f"{text[:57]}..."
