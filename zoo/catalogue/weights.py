"""Load published weights or a file into a network of the catalogue, and copy a network's weights into torchvision's module.

The keys of a state dict can be those of the catalogue, of torchvision or of timm (see `zoo.catalogue.layouts`). If
`num_classes` differs, the layers that compute scores are initialised instead of loaded. If `in_channels` differs, the first
convolutions are adapted. The logger `zoo` reports both. Any other difference is an error.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.catalogue.construction import shapes
from zoo.catalogue.entries import Entry
from zoo.catalogue.layouts import OURS, matched, owner
from zoo.catalogue.states import SCHEME, read
from zoo.util.errors import ZooError
from zoo.util.text import sizes

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.catalogue.states import State, Weights

_COUNTER = "num_batches_tracked"  # a buffer of batch normalisation: older files lack it, and no output depends on it


def fitting(found: Entry, options: Mapping[str, Any], weights: "Weights", *, headless: bool) -> "State":
    """Return the state dict in `weights` for a model built with these options, without the layers that are initialised instead.

    Raises `ZooError` for weights that cannot be read or belong to another network; the message names keys and shapes.
    """
    label, given = read(weights, found.card)
    wanted = shapes(found, options, headless=headless)
    match = matched(given, wanted, [found.card])
    theirs = found.card.weights_note if match.layout != OURS else ""
    remarks = [theirs if label.startswith(SCHEME) else f"if torchvision published them, {theirs}"] if theirs else []
    if match.layout != OURS:
        logging.getLogger("zoo").info("%s: the keys of %s are %s", found.card.name, label, match.layout)
    whole, given = given, match.state
    state = {**{key: tensor for key, tensor in wanted.items() if key.endswith(_COUNTER)}, **given}
    if state.keys() != wanted.keys() or not all(_alike(state[key], wanted[key]) for key in wanted):
        try:
            state, differences = _altered(f"{label} does not fit {found.card.name}", found, options, state, wanted)
        except ZooError as error:
            belongs = owner(whole, found.card.name)
            raise ZooError(f"{error}; {belongs}") if belongs else error from None
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
