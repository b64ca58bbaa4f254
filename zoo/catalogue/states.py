"""Read weights: torchvision's by name, files of checkpoints, and state dicts. Only tensors are loaded, and no code runs."""

import contextlib
import enum
import os
import pickle
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from zoo.catalogue.card import Card
from zoo.catalogue.entries import card, list_models
from zoo.util.errors import ZooError, unknown

if TYPE_CHECKING:
    from torch import Tensor

    State: TypeAlias = dict[str, Tensor]
    Weights: TypeAlias = str | os.PathLike[str] | Mapping[str, Tensor]

SCHEME = "torchvision:"
NESTS = ("state_dict", "model_state_dict", "model", "net", "ema", "state_dict_ema", "model_ema", "module")
"""Names under which training scripts save a state dict, the one that is taken first."""


def read(weights: "Weights", c: Card | None = None) -> "tuple[str, State]":
    """Return a label and the state dict of weights, for a network of the catalogue if they are named `torchvision:NAME`.

    Raises `ZooError` for weights that cannot be read, and for published weights of another network.
    """
    if isinstance(weights, Mapping):
        return "the state dict", state_of("the state dict", weights)
    label = str(weights) if isinstance(weights, enum.Enum) else weights
    if not isinstance(label, str | os.PathLike):
        raise ZooError(f"weights: expected torchvision:NAME, a file, or a state dict, got {weights!r}")
    label = os.fspath(label)
    if label.startswith(SCHEME):
        name = label.removeprefix(SCHEME)
        if not (c and c.torchvision):
            names = ", ".join(name for name in list_models() if card(name).torchvision)
            raise ZooError(f"torchvision has no weights for {c.name if c else 'this module'}; it has weights for {names}")
        return f"torchvision:{c.torchvision}:{name}", _published(f"torchvision:{c.torchvision}", _known(c.torchvision), name)
    if match := re.fullmatch(r"(\w+_Weights)\.(\w+)", label):
        return label, _published(match[1], _enumerated(match[1], c), match[2])
    path = Path(label)
    if not path.is_file():
        hint = "" if path.suffix or path.exists() else f"; for torchvision's weights, write {SCHEME}{label}"
        raise ZooError(f"weights={label!r}: {'it is a folder' if path.is_dir() else 'no such file'}{hint}")
    return label, state_of(label, load(path))


def _known(name: str) -> Any:
    """Return the enumeration of a model's weights. Raises `ZooError` if torchvision cannot be imported."""
    try:
        from torchvision import models
    except ImportError as error:
        raise ZooError(f"{SCHEME}{name}: cannot import torchvision ({error}); pip install torchvision") from error
    return models.get_model_weights(name)


def _enumerated(kind: str, c: Card | None) -> Any:
    """Return torchvision's enumeration of that name, such as ResNet50_Weights. Raises `ZooError` if it is another network's."""
    twins = {entry.torchvision: entry.name for entry in map(card, list_models()) if entry.torchvision}
    if c is None:
        from torchvision import models

        kinds = {_known(name).__name__: _known(name) for name in models.list_models()}
        if kind not in kinds:
            raise unknown("weights of torchvision", kind, kinds)
        return kinds[kind]
    kinds = {_known(name).__name__: name for name in twins}
    if kind not in kinds:
        raise unknown("weights of torchvision", kind, kinds)
    if kinds[kind] != c.torchvision:
        own = twins[kinds[kind]]
        raise ZooError(f"{kind} are weights of {own}, not of {c.name}: zoo.create_model({own!r}, weights=...) loads them")
    return _known(kinds[kind])


def _published(label: str, kind: Any, name: str) -> "State":
    """Return torchvision's weights of that name, from its cache or its server."""
    known: Mapping[str, Any] = kind.__members__
    if name not in known:
        raise unknown(f"weights of {label}", name, known)
    file = _cached(known[name].url)
    with _reading(str(file)), contextlib.redirect_stdout(sys.stderr):  # it prints its progress there
        try:
            return state_of(str(file), known[name].get_state_dict(check_hash=True, weights_only=True, map_location="cpu"))
        except OSError as error:
            raise ZooError(f"cannot download {known[name].url}: {error}; you can save it as {file} yourself") from error


def _cached(url: str) -> Path:
    import torch

    return Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])


def load(path: Path) -> Any:
    """Return the contents of a file of tensors. Raises `ZooError` for a file that is damaged, or that contains more."""
    import torch

    if path.suffix == ".safetensors":
        try:
            from safetensors.torch import load_file
        except ImportError as error:
            raise ZooError(f"{path}: cannot import safetensors ({error}); pip install safetensors") from error
        with _reading(str(path)):
            return load_file(path)
    with _reading(str(path)):
        return torch.load(path, weights_only=True, map_location="cpu")


@contextlib.contextmanager
def _reading(label: str) -> Iterator[None]:
    """Turn every exception from a damaged or hostile file into a one-line `ZooError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the version of pickle
            yield
    except ZooError:
        raise
    except Exception as error:
        held = (
            re.search(r"GLOBAL ([\w.]+)|add_safe_globals\(\[([\w.]+)\]", str(error))
            if isinstance(error, pickle.PickleError)
            else None
        )
        if held:
            name = held[1] or held[2]
            raise ZooError(f"{label} is refused: it contains {name}, and only tensors are loaded; save a state dict") from error
        reason = str(error).strip().partition("\n")[0][:120]
        what = "" if isinstance(error, pickle.PickleError | EOFError | KeyError) else f" ({reason})"
        raise ZooError(f"{label} is damaged or does not contain weights{what}") from error


def state_of(label: str, given: Any) -> "State":
    """Return the state dict in the contents of a file: the contents, or what it holds under one of `NESTS`."""
    from torch import Tensor, strided

    while isinstance(given, Mapping) and (nest := next((key for key in NESTS if isinstance(given.get(key), Mapping)), None)):
        given = given[nest]
    if not isinstance(given, Mapping) or not given:
        raise ZooError(f"{label}: expected a state dict of named tensors, got {type(given).__name__}")
    wrong = next((key for key, value in given.items() if not isinstance(key, str) or not isinstance(value, Tensor)), None)
    if wrong is not None:
        raise ZooError(f"{label}: expected a state dict of tensors, got {type(given[wrong]).__name__} for {wrong!r}")
    odd = next((key for key, value in given.items() if value.is_meta or value.is_quantized or value.layout is not strided), None)
    if odd is not None:
        layout = "quantised" if given[odd].is_quantized else f"in {str(given[odd].layout).removeprefix('torch.')} layout"
        kind = "without values" if given[odd].is_meta else layout
        raise ZooError(f"{label}: expected dense tensors with values, got one {kind} for {odd!r}")
    return dict(given)
