"""Layers described as text, or written as in code: "conv 10 5x5 pad 2 | relu", "Conv2d(3, 10, 5, padding=2)".

The text is read, never evaluated. `read` gives a `Spec` for each layer; `zoo.models.by_hand` makes a trace of them.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zoo.util.errors import ZooError, near

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """One layer: `kind` is "conv", "max_pool", "avg_pool", "global_pool", "linear", "flatten", "batch_norm", or an activation.

    Sizes with one entry hold for every axis. `padding` is "same", "valid" or "full", or sizes; `text` is what was read.
    """

    text: str
    kind: str
    out: int = 0
    kernel: Sizes = ()
    stride: Sizes = ()
    padding: Sizes | str = (0,)
    dilation: Sizes = (1,)
    groups: int = 1
    bias: bool = True
    ceil: bool = False
    axes: int | None = None
    inputs: int | None = None


ACTIVATIONS = ("relu", "tanh", "sigmoid", "softmax", "dropout", "gelu", "silu")
_WORDS = {
    "conv": "conv",
    "convolution": "conv",
    "pool": "max_pool",
    "maxpool": "max_pool",
    "max": "max_pool",
    "avgpool": "avg_pool",
    "avg": "avg_pool",
    "average": "avg_pool",
    "gap": "global_pool",
    "fc": "linear",
    "dense": "linear",
    "linear": "linear",
    "flatten": "flatten",
    "bn": "batch_norm",
    "batchnorm": "batch_norm",
    **dict(zip(ACTIVATIONS, ACTIVATIONS, strict=True)),
}
_FORMS = {
    "conv": "conv MAPS KERNEL, such as conv 10 5x5 pad 2",
    "max_pool": "pool WINDOW, such as pool 3x3/2",
    "avg_pool": "avgpool WINDOW, such as avgpool 2x2",
    "linear": "fc UNITS, such as fc 120",
}
_SIZES = re.compile(r"(\d+(?:[x×]\d+)*)(?:/(\d+(?:[x×]\d+)*))?")


def read(text: str) -> list[Spec]:
    """The layers of a description, separated by |. Raises `ZooError` with the position of what cannot be read."""
    found, start = [], 0
    for number, part in enumerate(text.split("|"), 1):
        at = start + len(part) - len(part.lstrip()) + 1
        start += len(part) + 1
        try:
            found.append(_layer(part.strip()))
        except ZooError as error:
            raise ZooError(f"layer {number} {part.strip()!r}, at character {at}: {error}") from None
    return found


def _layer(text: str) -> Spec:
    if not text:
        raise ZooError(f"expected a layer: {_known()}")
    return _code(text) if "(" in text else _words(text)


def _known() -> str:
    return f"conv, pool, avgpool, gap, fc, flatten, bn, {', '.join(ACTIVATIONS)}, or a layer of torch.nn as in code"


# Words ----------------------------------------------------------------------------------------------------------------


def _words(text: str) -> Spec:
    first, *words = text.lower().replace(",", " ").split()
    if first not in _WORDS:
        close = near(first, _WORDS)
        raise ZooError(f"unknown layer {first!r}; {f'did you mean {close[0]}?' if close else f'expected {_known()}'}")
    kind = _WORDS[first]
    if words[:1] == ["pool"] and kind in {"max_pool", "avg_pool"}:
        words = words[1:]
    if words[:1] == ["global"] and kind == "avg_pool":
        kind, words = "global_pool", words[1:]
    spec = Spec(text, kind)
    rest = iter(words)
    if kind in {"conv", "linear"}:
        spec = replace(spec, out=_integer(next(rest, ""), kind))
    if kind in {"conv", "max_pool", "avg_pool"}:
        kernel, stride = _window(next(rest, ""), kind)
        spec = replace(spec, kernel=kernel, stride=stride or ((1,) if kind == "conv" else kernel))
    for word in rest:
        spec = _option(spec, word, rest)
    return spec


def _integer(word: str, kind: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise ZooError(f"expected {_FORMS[kind]}; got {word!r} for the number of {'maps' if kind == 'conv' else 'units'}")
    return int(word)


def _window(word: str, kind: str) -> tuple[Sizes, Sizes]:
    """3x3/2 -> (3, 3), (2,)."""
    found = _SIZES.fullmatch(word)
    if not found:
        raise ZooError(f"expected {_FORMS[kind]}; got {word!r} for the window")
    return _sizes(found[1]), _sizes(found[2]) if found[2] else ()


def _sizes(word: str) -> Sizes:
    return tuple(map(int, re.split("[x×]", word)))


def _option(spec: Spec, word: str, rest: Iterator[str]) -> Spec:
    windowed = spec.kind in {"conv", "max_pool", "avg_pool"}
    if word in {"same", "valid", "full"} and windowed:
        return replace(spec, padding=word)
    if word == "ceil" and spec.kind.endswith("pool"):
        return replace(spec, ceil=True)
    if word == "nobias" or (word == "no" and next(rest, "") == "bias"):
        return replace(spec, bias=False)
    if word not in {"pad", "padding", "stride", "dilation", "groups"} or not windowed:
        options = "pad, stride, dilation, groups, same, valid, full, no bias" if windowed else "no bias"
        raise ZooError(f"unknown option {word!r}; expected {options}")
    value = next(rest, "")
    if value in {"same", "valid", "full"} and word in {"pad", "padding"}:
        return replace(spec, padding=value)
    if not (found := _SIZES.fullmatch(value)) or found[2]:
        raise ZooError(f"{word}: expected a size, such as 2 or 2x1; got {value!r}")
    sizes = _sizes(value)
    if word == "groups":
        return replace(spec, groups=sizes[0])
    if word == "stride":
        return replace(spec, stride=sizes)
    return replace(spec, dilation=sizes) if word == "dilation" else replace(spec, padding=sizes)


# Code -----------------------------------------------------------------------------------------------------------------

_CONV = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode")
_MAX = ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode")
_AVERAGE = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")


def _code(text: str) -> Spec:
    """A layer of torch.nn with numbers, tuples, strings and booleans as arguments."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ZooError(f"cannot be read as code: {error.msg}") from None
    if not isinstance(tree, ast.Call):
        raise ZooError("expected one layer, such as Conv2d(3, 10, 5, padding=2)")
    name = ast.unparse(tree.func).rpartition(".")[2]
    try:
        values = [ast.literal_eval(argument) for argument in tree.args]
        named = {str(word.arg): ast.literal_eval(word.value) for word in tree.keywords}
    except ValueError:
        raise ZooError("expected numbers, tuples, strings and booleans as arguments; nothing is evaluated") from None
    axes = int(name[-2]) if re.fullmatch(r".*[123]d", name) else None
    stem = name[:-2] if axes else name
    makers: Mapping[str, tuple[tuple[str, ...], Callable[[str, Mapping[str, Any]], Spec]]] = {
        "Conv": (_CONV, _conv),
        "MaxPool": (_MAX, lambda text, given: _pool(text, "max_pool", given)),
        "AvgPool": (_AVERAGE, lambda text, given: _pool(text, "avg_pool", given)),
        "Linear": (("in_features", "out_features", "bias"), _linear),
        "BatchNorm": (("num_features",), lambda text, given: Spec(text, "batch_norm", inputs=given.get("num_features"))),
        "Flatten": ((), lambda text, given: Spec(text, "flatten")),
        "AdaptiveAvgPool": (("output_size",), _adaptive),
    }
    if (activation := _ACTIVATION_CLASSES.get(name)) is not None:
        return Spec(text, activation)
    if stem not in makers or (stem in _NUMBERED) != bool(axes):
        close = near(name, [one + ("2d" if one in _NUMBERED else "") for one in (*makers, *_ACTIVATION_CLASSES)])
        raise ZooError(f"unknown layer {name!r}" + (f"; did you mean {close[0]}?" if close else ""))
    known, make = makers[stem]
    if len(values) > len(known) or (strange := sorted(named.keys() - set(known))):
        raise ZooError(
            f"{name} takes {', '.join(known) or 'no arguments'}" + (f"; got {strange[0]}" if len(values) <= len(known) else "")
        )
    return replace(make(text, dict(zip(known, values, strict=False)) | named), axes=axes)


_NUMBERED = frozenset({"Conv", "MaxPool", "AvgPool", "BatchNorm", "AdaptiveAvgPool"})
_ACTIVATION_CLASSES = {
    "ReLU": "relu",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Dropout": "dropout",
    "GELU": "gelu",
    "SiLU": "silu",
    "Softmax": "softmax",
}


def _needed(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ZooError(f"expected {name}, an integer >= 1" + ("" if value is None else f"; got {value!r}"))
    return value


def _each(given: Mapping[str, Any], name: str, default: Any, least: int = 1) -> Sizes:
    value = given.get(name, default)
    values = value if isinstance(value, tuple | list) else (value,)
    if not values or not all(isinstance(one, int) and not isinstance(one, bool) and one >= least for one in values):
        raise ZooError(f"{name}: expected an integer >= {least} or a tuple of these; got {value!r}")
    return tuple(values)


def _conv(text: str, given: Mapping[str, Any]) -> Spec:
    padding = given.get("padding", 0)
    if isinstance(padding, str) and padding not in {"same", "valid"}:
        raise ZooError(f"padding: expected a number, 'same' or 'valid'; got {padding!r}")
    if given.get("padding_mode", "zeros") != "zeros":
        raise ZooError("padding_mode: only 'zeros' is supported here")
    _needed(given, "kernel_size") if "kernel_size" not in given else None
    return Spec(
        text,
        "conv",
        out=_needed(given, "out_channels"),
        kernel=_each(given, "kernel_size", None),
        stride=_each(given, "stride", 1),
        padding=padding if isinstance(padding, str) else _each(given, "padding", 0, 0),
        dilation=_each(given, "dilation", 1),
        groups=_needed({"groups": given.get("groups", 1)}, "groups"),
        bias=bool(given.get("bias", True)),
        inputs=_needed(given, "in_channels"),
    )


def _pool(text: str, kind: str, given: Mapping[str, Any]) -> Spec:
    kernel = _each(given, "kernel_size", None)
    stride = kernel if given.get("stride") is None else _each(given, "stride", 1)
    padding, dilation = _each(given, "padding", 0, 0), _each(given, "dilation", 1)
    ceil = bool(given.get("ceil_mode", False))
    return Spec(text, kind, kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil=ceil)


def _linear(text: str, given: Mapping[str, Any]) -> Spec:
    bias = bool(given.get("bias", True))
    return Spec(text, "linear", out=_needed(given, "out_features"), bias=bias, inputs=_needed(given, "in_features"))


def _adaptive(text: str, given: Mapping[str, Any]) -> Spec:
    if set(_each(given, "output_size", None)) != {1}:
        raise ZooError("AdaptiveAvgPool: only an output size of 1 is supported here")
    return Spec(text, "global_pool")
