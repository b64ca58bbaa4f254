"""Whose keys a state dict has: the catalogue's, torchvision's or timm's, with the prefixes of wrappers or without.

Start with `matched`, which tries every layout and keeps the one that shares most keys with a model. `owner` says to which network
of the catalogue a state dict belongs.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zoo.catalogue.card import Card
from zoo.catalogue.construction import shapes
from zoo.catalogue.entries import Entry, architectures

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.catalogue.states import State

OURS = "as in the model"
_PREFIXES = ("module.", "_orig_mod.", "model.")
"""What DistributedDataParallel, torch.compile and Lightning put before every key."""
_COUNTERS = ("num_batches_tracked", "n_averaged")
"""Buffers that older files lack and no output depends on; the second one is that of an averaged model."""
_TIMM = ((r"^pre_logits\.fc1\.", "classifier.0."), (r"^pre_logits\.fc2\.", "classifier.3."), (r"^head\.fc\.", "classifier.6."))
"""Keys of timm's VGG by those of torchvision; their ResNets have the same keys."""


@dataclass(frozen=True)
class Match:
    """A state dict with the keys of a model: whose keys it had (`layout`), and by new key the old one, where they differ.

    `reshaped` are the keys whose tensors had another number of dimensions, such as a linear layer that is saved as a convolution.
    """

    layout: str
    state: "State"
    renamed: Mapping[str, str] = field(default_factory=dict)
    reshaped: frozenset[str] = frozenset()


def our_key(c: Card, key: str) -> str:
    """Our key for a key of torchvision's state dict."""
    for pattern, replacement in c.keys:
        key = re.sub(pattern, replacement, key)
    return key


def matched(given: "Mapping[str, Tensor]", wanted: "Mapping[str, Tensor]", cards: Iterable[Card]) -> Match:
    """Return `given` with the keys of `wanted`, in the layout in which most of them agree; other keys stay as they are.

    The layouts are those of `wanted`, and torchvision's and timm's of these cards, with and without prefixes. Of equal ones the
    first is taken: `given` as it is.
    """
    cards = list(cards)
    best, most = (OURS, {key: key for key in given}), -1
    for keys in _without_prefixes(list(given)):
        for layout, names in _renamings(keys, wanted, cards):
            if (score := len(names.keys() & wanted.keys())) > most and len(names) == len(keys):
                best, most = (layout, names), score
        if most == len(wanted):
            break
    layout, names = best
    state = {new: given[old] for new, old in names.items()}
    reshaped = {key for key in state.keys() & wanted.keys() if _flat(state[key], wanted[key])}
    state |= {key: state[key].reshape(wanted[key].shape) for key in reshaped}
    return Match(layout, state, {new: old for new, old in names.items() if new != old}, frozenset(reshaped))


def _without_prefixes(keys: Collection[str]) -> Iterator[dict[str, str]]:
    """Yield the keys by themselves, and then by what is left without the prefixes that they begin with, in every order."""
    found = [{key: key for key in keys}]
    for names in found:
        yield names
        for prefix in _PREFIXES:
            if any(name.startswith(prefix) for name in names):
                rest = {name.removeprefix(prefix): old for name, old in names.items() if name not in _COUNTERS}
                if rest not in found:
                    found.append(rest)


def _renamings(keys: Mapping[str, str], wanted: Collection[str], cards: Iterable[Card]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the name of each layout, and the keys in it by their names in the model."""
    yield OURS, dict(keys)
    theirs = {_torchvisions(name): old for name, old in keys.items()}
    label = "torchvision's" if theirs.keys() == keys.keys() else "timm's"
    yield label, theirs
    yield "torchvision's", _back({_torchvisions(name): name for name in wanted}, keys)
    for c in {c.keys: c for c in cards if c.keys}.values():
        yield label, {our_key(c, name): old for name, old in theirs.items()}
        yield "the catalogue's", _back({our_key(c, _torchvisions(name)): name for name in wanted}, keys)


def _back(names: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, str]:
    """The keys of a state dict by the names that another library's module has for them."""
    return {names.get(name, name): old for name, old in keys.items()}


def _torchvisions(key: str) -> str:
    """torchvision's key for a key of timm's VGG."""
    for pattern, replacement in _TIMM:
        key = re.sub(pattern, replacement, key)
    return key


def _flat(given: "Tensor", wanted: "Tensor") -> bool:
    """Whether one is the other with the dimensions after the first joined: a linear layer and a convolution of all positions."""
    return given.dim() != wanted.dim() and min(given.dim(), wanted.dim()) == 2 and given.flatten(1).shape == wanted.flatten(1).shape


def owner(given: "Mapping[str, Tensor]", other_than: str = "") -> str:
    """Say which networks of the catalogue a state dict fits, whatever its number of classes; nothing if there is none."""
    numbers = sum(tensor.numel() for tensor in given.values())
    others = [entry for name, entry in architectures().items() if name != other_than]
    close = [entry for entry in others if numbers / 2.5 < entry.card.params < 2.5 * numbers]
    fits = [(entry.card.name, match.layout) for entry in close if (match := _fits(entry, given))]
    if not fits:
        return ""
    layout = "" if fits[0][1] == OURS else f"{fits[0][1]} "
    names = " or ".join(name for name, _ in fits[:3])
    return f"these are {layout}weights of {names}: zoo.create_model({fits[0][0]!r}, weights=...) loads them"


def _fits(entry: Entry, given: "Mapping[str, Tensor]") -> Match | None:
    """The state dict with the keys of a network if it fits this but for its classes."""
    whole = shapes(entry, entry.card.training)
    needed = [key for key in shapes(entry, {}) if not key.endswith(_COUNTERS)]
    match = matched(given, whole, [entry.card])
    fits = match.state.keys() <= whole.keys() and match.state.keys() >= set(needed)
    alike = all(tensor.shape[1:] == whole[key].shape[1:] for key, tensor in match.state.items()) if fits else False
    body = [key for key in needed if entry.card.classifier and not key.startswith(f"{entry.card.classifier}.")]
    same = alike and all(match.state[key].shape == whole[key].shape for key in body)
    return match if same else None
