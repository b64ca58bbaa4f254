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
        raise ZooError(f"batch: expected an integer >= 1, got {_described(batch)}")
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
        raise ZooError(f"input: {_SHAPE}, got {_described(input)}")
    return [_one(one, batch) for one in input], None


def shapes(input: Any, batch: int = 1) -> Any:
    """`input` as shapes and `Input`s, for functions that need no values: a tensor stands for its shape and type.

    Raises `ZooError` as `settled` does.
    """
    given = _stands_for(input)
    if isinstance(input, Mapping):
        given = [_stands_for(one, name) for name, one in input.items()]
    elif isinstance(input, list | tuple) and not isinstance(input, Input) and any(map(_tensor, input)):
        given = [_stands_for(one) for one in input]
    return settled(given, None, batch)[0]


def one_shape(input: Any, what: str) -> tuple[int, ...]:
    """`input` as a single shape with batch, for functions that take no other. Raises a `ZooError` that begins with `what`."""
    found = shapes(input)
    found = found[0] if isinstance(found, list) and len(found) == 1 else found
    found = found.sizes if isinstance(found, Input) and found == Input(found.sizes) else found
    if not isinstance(found, tuple) or isinstance(found, Input):
        raise ZooError(f"{what}: expected one shape with batch as input, such as (1, 3, 224, 224), or '3x224x224'")
    return found


def without_batch(size: Any) -> tuple[int, ...]:
    """Channels and sizes of one input without its batch, from a shape or a string. Raises `ZooError` for anything else."""
    found = read(f"={size}", 1, "size") if isinstance(size, str) else _sizes(size)
    if not found or isinstance(found, Input) or min(found) < 1:
        raise ZooError(f"size: expected channels and sizes without batch, such as (3, 32, 32) or '3x32x32', got {_described(size)}")
    return found


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
        raise ZooError(f"input: {_SHAPE}, got {_described(one)}")
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


def _stands_for(one: Any, name: str | None = None) -> Any:
    """A tensor as its shape, with its type unless it is a floating-point one; anything else as it is."""
    if not _tensor(one):
        return one if name is None else Input(_sizes(one), name=name)
    sizes, dtype = tuple(one.shape), None if one.dtype.is_floating_point else str(one.dtype).removeprefix("torch.")
    return sizes if dtype is name is None else Input(sizes, dtype, name)


def _tensor(thing: Any) -> bool:
    torch = sys.modules.get("torch")  # without torch there are no tensors
    return torch is not None and isinstance(thing, torch.Tensor)


def _described(thing: Any) -> str:
    """Describe an argument briefly; for an array or a tensor, also in a list, by its shape and never by its values."""
    shape = getattr(thing, "shape", None)
    if shape is not None:
        return f"a {type(thing).__name__} of shape {tuple(shape)}"
    if isinstance(thing, list | tuple) and not isinstance(thing, Input):
        inside = ", ".join(map(_described, thing[:8])) + (", ..." if len(thing) > 8 else "")
        text = f"[{inside}]" if isinstance(thing, list) else f"({inside}{',' if len(thing) == 1 else ''})"
    elif isinstance(thing, Mapping):
        text = f"a {type(thing).__name__} of {', '.join(map(str, thing))}"
    else:
        text = repr(thing)
    return text if len(text) <= 60 else f"{text[:57]}..."
