"""`create_model`: a network of the catalogue by name, with the weights that it starts from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.catalogue.construction import made, parted, shapes
from zoo.catalogue.entries import Entry, check_options, entry

if TYPE_CHECKING:
    from torch import nn

    from zoo.catalogue.weights import Weights


def create_model(name: str, /, *, weights: "Weights | None" = None, **options: Any) -> "nn.Module":
    """A new model of the catalogue.

    Arguments:
        name: A name of `zoo.list_models`, in any usual spelling.
        weights: Loaded into it: "torchvision:IMAGENET1K_V1", a file (.pt, .pth, .safetensors) or a state dict, in our keys or
            torchvision's. Layers that make the scores start anew if the weights are for another number of classes; first
            convolutions are adapted to `in_channels`; the logger "zoo" says so.
        options: The builder's own (`num_classes`, `in_channels`, ...; see `zoo info`) and two that every network has.
            `init`, how weights start: "paper" (default), as the card says; "torch", each layer as torch has it; both drawn from
            torch's global generator; None draws nothing and leaves weights to chance, while buffers are right.
            `head=None`, or `num_classes=0`: features instead of scores. `nn.Identity` stands for the layer that makes the scores,
            all other keys of the state dict stay, and the output is N×num_features (see the card).

    Returns:
        An `nn.Module` in training mode.

    Raises:
        ZooError: For an unknown name, option or value, and for weights that cannot be read or do not fit.

    Example:
        >>> zoo.create_model("alexnet", num_classes=7).fc8
        Linear(in_features=4096, out_features=7, bias=True)
    """
    found = entry(name)
    return build(found, check_options(found, options), weights)


def build(found: Entry, options: Mapping[str, Any], weights: "Weights | None" = None) -> "nn.Module":
    """A new model, of options that were checked: the builder's, `init`, `head`. Raises `ZooError` for what does not go together."""
    builders, init, headless = parted(found, options)
    if weights is None:
        model = made(found, builders, init, headless)
    else:
        from zoo.catalogue.weights import fitting

        state = fitting(found, builders, weights, headless=headless)
        whole = state.keys() == shapes(found, builders, headless=headless).keys()
        model = made(found, builders, None if whole else init, headless)
        model.load_state_dict(state, strict=False)
    model.__dict__["zoo_name"] = found.card.name
    return model
