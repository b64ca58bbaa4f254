"""Load published weights or a file into a network of the catalogue, and copy a network's weights into torchvision's module.

The keys of a state dict can be those of the catalogue or those of torchvision, which the patterns of the card translate. If
`num_classes` differs, the layers that compute scores are initialised instead of loaded. If `in_channels` differs, the first
convolutions are adapted. The logger `zoo` reports both. Any other difference is an error.
"""

import contextlib
import logging
import os
import pickle
import re
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from zoo.catalogue.card import Card
from zoo.catalogue.construction import shapes
from zoo.catalogue.entries import Entry, card, list_models
from zoo.util.errors import ZooError, unknown
from zoo.util.text import sizes

if TYPE_CHECKING:
    from torch import Tensor

    State: TypeAlias = dict[str, Tensor]
    Weights: TypeAlias = str | os.PathLike[str] | Mapping[str, Tensor]

_SCHEME = "torchvision:"
_COUNTER = "num_batches_tracked"  # a buffer of batch normalisation: older files lack it, and no output depends on it


def fitting(found: Entry, options: Mapping[str, Any], weights: "Weights", *, headless: bool) -> "State":
    """Return the state dict in `weights` for a model built with these options, without the layers that are initialised instead.

    Raises `ZooError` for weights that cannot be read or belong to another network; the message names keys and shapes.
    """
    label, given = _read(found.card, weights)
    wanted = shapes(found, options, headless=headless)
    ours = max(given, _translated(found.card, given), key=lambda state: len(state.keys() & wanted.keys()))
    theirs = found.card.weights_note if ours is not given else ""
    remarks = [theirs if label.startswith(_SCHEME) else f"if torchvision published them, {theirs}"] if theirs else []
    given = ours
    state = {**{key: tensor for key, tensor in wanted.items() if key.endswith(_COUNTER)}, **given}
    if state.keys() != wanted.keys() or not all(_alike(state[key], wanted[key]) for key in wanted):
        state, differences = _altered(f"{label} does not fit {found.card.name}", found, options, state, wanted)
        remarks = differences + remarks
    if broken := [key for key, tensor in state.items() if tensor.is_floating_point() and not tensor.isfinite().all()]:
        remarks.append(f"{_layers(broken)} contains numbers that are not finite")
    if remarks:
        logging.getLogger("zoo").warning("%s with weights of %s: %s", found.card.name, label, "; ".join(remarks))
    return state


def _altered(
    complaint: str, found: Entry, options: Mapping[str, Any], given: "State", wanted: "State"
) -> "tuple[State, list[str]]":
    """Return the part of `given` that the model takes, adapted, and remarks. Raises `ZooError` if anything else differs."""
    options = {**options, **found.card.training}  # with all heads that a file may contain
    whole = shapes(found, options)
    scores = wanted.keys() & _that_follow("num_classes", found, options, whole)
    channels = wanted.keys() & _that_follow("in_channels", found, options, whole)
    absent = wanted.keys() - given.keys()
    other = {key for key in wanted.keys() & given.keys() if not _alike(wanted[key], given[key])}
    resized = {key for key in other & scores if wanted[key].shape != given[key].shape}
    anew = scores if resized or absent == scores else set()
    left = given.keys() & whole.keys() - wanted.keys()
    adapted = {key: _adapted(given[key], wanted[key].shape) for key in other & channels}
    refused = other - anew - {key for key, tensor in adapted.items() if _alike(tensor, wanted[key])}
    demand(
        complaint, absent - anew, given.keys() - wanted.keys() - left, [(key, given[key], wanted[key]) for key in sorted(refused)]
    )
    remarks = []
    if anew:
        remarks.append(
            f"{_layers(anew)} not loaded: the number of classes differs" if resized else f"{_layers(anew)} missing in the weights"
        )
    if left:
        remarks.append(f"{_layers(left)} not used")
    if adapted:
        key = min(adapted)
        remarks.append(f"{_layers(adapted)} adapted from {given[key].shape[1]} to {wanted[key].shape[1]} channels")
    return {key: tensor for key, tensor in {**given, **adapted}.items() if key in wanted.keys() - anew}, remarks


def _alike(one: "Tensor", other: "Tensor") -> bool:
    """Return whether both have the same shape, and both or neither a floating-point type."""
    return one.shape == other.shape and one.is_floating_point() == other.is_floating_point()


def _that_follow(option: str, found: Entry, options: Mapping[str, Any], whole: "State") -> set[str]:
    """Return the keys whose shapes depend on a numeric option."""
    default = next(one.default for one in found.options if one.name == option)
    other = shapes(found, {**options, option: 1 if options.get(option, default) != 1 else 2})
    return {key for key, tensor in whole.items() if tensor.shape != other[key].shape}


def _adapted(weight: "Tensor", shape: Sequence[int]) -> "Tensor":
    """Return the weight of a first convolution for another number of channels.

    For one channel, the kernels are summed: the result equals that of a grey image given three times. For more channels, they are
    repeated cyclically and scaled so that their sum stays about the same.
    """
    if weight.dim() != len(shape) or weight.dim() < 3:
        return weight
    old, new = weight.shape[1], shape[1]
    if new == 1:
        return weight.sum(dim=1, keepdim=True)
    return weight[:, [i % old for i in range(new)]] * (old / new)


def _layers(keys: Collection[str]) -> str:
    """Return the names of the layers of these parameters, one name per block."""
    names = dict.fromkeys(key.rpartition(".")[0] for key in sorted(keys))
    blocks = list(dict.fromkeys(name.partition(".")[0] for name in names))
    return ", ".join(names if len(names) <= 3 else blocks)


def demand(complaint: str, missing: Collection[str], strange: Collection[str], shaped: "list[tuple[str, Tensor, Tensor]]") -> None:
    """Raise `ZooError` if any of these is not empty."""
    told = [f"{key}: expected {_size(wanted)}, got {_size(given)}" for key, given, wanted in shaped]
    faults = [
        f"{what} ({len(several)}): {', '.join(sorted(several)[:3])}{', ...' * (len(several) > 3)}"
        for what, several in (("missing keys", missing), ("unknown keys", strange), ("keys of another shape or type", told))
        if several
    ]
    if faults:
        raise ZooError(f"{complaint}: {'; '.join(faults)}")


def _size(tensor: "Tensor") -> str:
    shape = sizes(tensor.shape) or "a number"
    return shape if tensor.is_floating_point() else f"{shape} of {str(tensor.dtype).removeprefix('torch.')}"


# Where weights come from ---------------------------------------------------------------------------------------------


def _read(c: Card, weights: "Weights") -> "tuple[str, State]":
    if isinstance(weights, Mapping):
        return "the state dict", _state("the state dict", weights)
    if not isinstance(weights, str | os.PathLike):
        raise ZooError(f"weights: expected torchvision:NAME, a file, or a state dict, got {weights!r}")
    label = os.fspath(weights)
    if label.startswith(_SCHEME):
        name = label.removeprefix(_SCHEME)
        return f"torchvision:{c.torchvision}:{name}", _published(c, name)
    path = Path(label)
    if not path.is_file():
        hint = "" if path.suffix or path.exists() else f"; for torchvision's weights, write {_SCHEME}{label}"
        raise ZooError(f"weights={label!r}: {'it is a folder' if path.is_dir() else 'no such file'}{hint}")
    return label, _state(label, _load(path))


def _published(c: Card, name: str) -> "State":
    """Return torchvision's weights of that name, from its cache or its server."""
    if not c.torchvision:
        names = ", ".join(name for name in list_models() if card(name).torchvision)
        raise ZooError(f"torchvision has no weights for {c.name}; it has weights for {names}")
    try:
        from torchvision import models
    except ImportError as error:
        raise ZooError(f"{_SCHEME}{name}: cannot import torchvision ({error}); pip install torchvision") from error
    known: Mapping[str, Any] = models.get_model_weights(c.torchvision).__members__
    if name not in known:
        raise unknown(f"weights of torchvision:{c.torchvision}", name, known)
    file = _cached(known[name].url)
    with _reading(str(file)), contextlib.redirect_stdout(sys.stderr):  # it prints its progress there
        try:
            return _state(str(file), known[name].get_state_dict(check_hash=True, weights_only=True, map_location="cpu"))
        except OSError as error:
            raise ZooError(f"cannot download {known[name].url}: {error}; you can save it as {file} yourself") from error


def _cached(url: str) -> Path:
    import torch

    return Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])


def _load(path: Path) -> Any:
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


def _state(label: str, given: Any) -> "State":
    """Return the state dict in the contents of a file: the contents, or an entry under a name that training scripts use."""
    from torch import Tensor

    if isinstance(given, Mapping):
        given = next((given[key] for key in ("state_dict", "model") if isinstance(given.get(key), Mapping)), given)
    if not isinstance(given, Mapping) or not given:
        raise ZooError(f"{label}: expected a state dict of named tensors, got {type(given).__name__}")
    wrong = next((key for key, value in given.items() if not isinstance(key, str) or not isinstance(value, Tensor)), None)
    if wrong is not None:
        raise ZooError(f"{label}: expected a state dict of tensors, got {type(given[wrong]).__name__} for {wrong!r}")
    return dict(given)


def _translated(c: Card, state: "Mapping[str, Tensor]") -> "State":
    """Return the same tensors with torchvision's keys translated to those of the catalogue."""
    return {our_key(c, key): tensor for key, tensor in state.items()}


def our_key(c: Card, key: str) -> str:
    """Our key for a key of torchvision's state dict."""
    for pattern, replacement in c.keys:
        key = re.sub(pattern, replacement, key)
    return key
