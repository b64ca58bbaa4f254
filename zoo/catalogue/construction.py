"""Build a network of the catalogue: initialisation, with or without the layer that computes the scores."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.catalogue.entries import Entry
from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from torch import Tensor, nn


def shapes(found: Entry, options: Mapping[str, Any], *, headless: bool = False) -> "dict[str, Tensor]":
    """Return the state dict of a model built with these options of its builder, as meta tensors."""
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        return dict(made(found, options, "paper", headless).state_dict())


def parted(found: Entry, options: Mapping[str, Any]) -> tuple[dict[str, Any], str | None, bool]:
    """Return the builder's options, the initialisation, and whether the layer that computes the scores is left out."""
    builders = {key: value for key, value in options.items() if key not in ("init", "head")}
    headless = options.get("head", "paper") is None or options.get("num_classes") == 0
    if headless:
        builders.pop("num_classes", None)
        card = found.card
        if not card.classifier:
            raise ZooError(f"{card.name} has no classifier that can be left out: expected num_classes >= 1")
        for key in card.training.keys() & builders.keys():
            if builders[key] == card.training[key]:
                raise ZooError(f"{card.name}: {key}={builders[key]} computes scores of its own: expected num_classes >= 1")
    return builders, options.get("init", "paper"), headless


def made(found: Entry, options: Mapping[str, Any], init: str | None, headless: bool) -> "nn.Module":
    """Return a new model; `init` selects the initialisation, None leaves weights unfilled; `headless` replaces the classifier."""
    from torch import nn

    model = found.build(options) if init is not None else _uninitialised(found, options)
    if init == "torch":
        for module in model.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
    if headless:
        parent, _, layer = found.card.classifier.rpartition(".")
        setattr(model.get_submodule(parent), layer, nn.Identity())
    return model


def _uninitialised(found: Entry, options: Mapping[str, Any]) -> "nn.Module":
    """Return a model with uninitialised weights and correct buffers, without drawing random numbers."""
    import torch

    from zoo.tracing.real import allocate
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        model = found.build(options)
    if any(buffer.is_meta for buffer in model.buffers()):  # they were filled on the meta device
        return found.build(options)
    allocate(model, lambda _, tensor: torch.empty(tensor.shape, dtype=tensor.dtype))
    return model
