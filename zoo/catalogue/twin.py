"""Convert a network of the catalogue to torchvision's module, with its weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.catalogue.card import Card
from zoo.catalogue.construction import shapes
from zoo.catalogue.create import create_model
from zoo.catalogue.entries import Entry, card, entry, list_models
from zoo.catalogue.layouts import our_key
from zoo.catalogue.weights import demand
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from torch import Tensor, nn


@undisturbed
def to_torchvision(model: "str | nn.Module", name: str | None = None) -> "nn.Module":
    """Return torchvision's module with a copy of a model's weights, and with its classes, channels, dropout and mode.

    Arguments:
        model: A model of the catalogue, or a name, which is built with initial weights.
        name: The name in the catalogue; models of `zoo.create_model` know theirs.

    Returns:
        A module of torchvision that shares no tensor with `model`.

    Raises:
        ZooError: If torchvision has no network of this topology, or if the model is another network.

    Example:
        >>> type(zoo.to_torchvision(zoo.create_model("resnet18"))).__module__
        'torchvision.models.resnet'
    """
    if isinstance(model, str):
        model = create_model(model)
    name = name or model.__dict__.get("zoo_name")
    if name is None:
        raise ZooError("to_torchvision: this model is not from zoo.create_model; pass its name: to_torchvision(model, 'resnet18')")
    c = entry(name).card
    if not c.torchvision:
        names = ", ".join(name for name in list_models() if card(name).torchvision)
        raise ZooError(f"torchvision has no network that equals {c.name}; it has {names}")
    state = model.state_dict()
    twin = _twin(c, state)
    theirs = {key: our_key(c, key) for key in twin.state_dict()}
    wrong = [
        (ours, state[ours], t)
        for key, t in twin.state_dict().items()
        if (ours := theirs[key]) in state and state[ours].shape != t.shape
    ]
    demand(f"this {c.name} is not torchvision's", set(theirs.values()) - state.keys(), state.keys() - set(theirs.values()), wrong)
    twin.load_state_dict({key: state[ours].detach().clone() for key, ours in theirs.items()}, assign=True)
    learn = {key: parameter.requires_grad for key, parameter in model.named_parameters()}
    for key, parameter in twin.named_parameters():
        parameter.requires_grad = learn[theirs[key]]
    for mine, other in zip(_dropouts(model), _dropouts(twin), strict=True):
        other.p = mine.p
    return twin.train(model.training)


def _dropouts(model: "nn.Module") -> "list[nn.Dropout]":
    from torch import nn

    return [module for module in model.modules() if isinstance(module, nn.Dropout)]


def _of_training(found: Entry) -> set[str]:
    """Return the keys that a network has only during training."""
    return shapes(found, found.card.training).keys() - shapes(found, {}).keys()


def _twin(c: Card, state: "Mapping[str, Tensor]") -> "nn.Module":
    """Return torchvision's module without weights, with the classes and channels that the shapes in `state` imply."""
    from torch import nn
    from torchvision import models

    from zoo.tracing.skeleton import Skeleton

    options = dict(c.torchvision_options)
    if c.training and state.keys() & _of_training(entry(c.name)):
        options |= c.torchvision_training
    if (scores := state.get(f"{c.classifier}.weight")) is not None:
        options["num_classes"] = len(scores)
    with Skeleton():
        twin: nn.Module = models.get_model(c.torchvision, weights=None, **options)
        for key, tensor in twin.state_dict().items():
            parent, _, layer = key.removesuffix(".weight").rpartition(".")
            if scores is None and our_key(c, key) == f"{c.classifier}.weight":
                setattr(twin.get_submodule(parent), layer, nn.Identity())
            mine, conv = state.get(our_key(c, key)), twin.get_submodule(key.rpartition(".")[0])
            if isinstance(conv, nn.Conv2d) and mine is not None and mine.dim() == 4 and mine.shape[1] != tensor.shape[1]:
                args = (mine.shape[1], conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
                setattr(twin.get_submodule(parent), layer, nn.Conv2d(*args, bias=conv.bias is not None))  # type: ignore[arg-type]
    return twin
