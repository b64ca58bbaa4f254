"""Building a network of the catalogue: how its weights start, with or without the layer that makes the scores."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.catalogue.entries import Entry
from zoo.errors import ZooError

if TYPE_CHECKING:
    from torch import Tensor, nn


def shapes(found: Entry, options: Mapping[str, Any], *, headless: bool = False) -> "dict[str, Tensor]":
    """The state dict of a model that is built with these options of its builder, of tensors without memory."""
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        return dict(made(found, options, "paper", headless).state_dict())


def parted(found: Entry, options: Mapping[str, Any]) -> tuple[dict[str, Any], str | None, bool]:
    """The builder's own options; how weights start; whether the layer that makes the scores is left out."""
    builders = {key: value for key, value in options.items() if key not in ("init", "head")}
    headless = options.get("head", "paper") is None or options.get("num_classes") == 0
    if headless:
        builders.pop("num_classes", None)
        card = found.card
        if not card.classifier:
            raise ZooError(f"{card.name}: its card names no classifier to leave out, so num_classes must be at least 1")
        for key in card.training.keys() & builders.keys():
            if builders[key] == card.training[key]:
                raise ZooError(f"{card.name}: {key}={builders[key]} makes scores of its own, so num_classes must be at least 1")
    return builders, options.get("init", "paper"), headless


def made(found: Entry, options: Mapping[str, Any], init: str | None, headless: bool) -> "nn.Module":
    """A new model; `init` says how its weights start, None that they are not filled; `headless` replaces its classifier."""
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
    """A model whose weights are whatever its memory holds, built without drawing a number; its buffers are as they should be."""
    import torch

    from zoo.tracing.real import allocate
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        model = found.build(options)
    if any(buffer.is_meta for buffer in model.buffers()):  # filled when there was nothing to fill
        return found.build(options)
    allocate(model, lambda _, tensor: torch.empty(tensor.shape, dtype=tensor.dtype))
    return model
