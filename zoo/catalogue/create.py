"""`create_model`: create a network of the catalogue by name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.catalogue.construction import made, parted, shapes
from zoo.catalogue.entries import Entry, check_options, entry
from zoo.tracing.process import undisturbed

if TYPE_CHECKING:
    from torch import nn

    from zoo.catalogue.states import Weights


@undisturbed
def create_model(name: str, /, *, weights: "Weights | None" = None, **options: Any) -> "nn.Module":
    """Create a model of the catalogue.

    Arguments:
        name: A name of `zoo.list_models`, in any usual spelling.
        weights: Weights to load: "torchvision:IMAGENET1K_V1", "ResNet18_Weights.IMAGENET1K_V1", a file (.pt, .pth, .safetensors)
            or a state dict, with the keys of this catalogue, of torchvision or of timm. If they are for another number of
            classes, the layers that compute scores are initialised instead; first convolutions are adapted to `in_channels`. The
            logger "zoo" reports both.
        options: The builder's own (`num_classes`, `in_channels`, ...; see `zoo info`) and two that every network has.
            `init` is the initialisation: "paper" (default) follows the card; "torch" uses torch's default of each layer; both draw
            from torch's global generator. None draws nothing and leaves the weights uninitialised; buffers are initialised.
            `head=None`, or `num_classes=0`, returns features instead of scores: `nn.Identity` replaces the layer that computes the
            scores, the other keys of the state dict do not change, and the output is N×num_features (see the card).

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
    """Return a new model, for checked options: the builder's, `init`, `head`. Raises `ZooError` if they contradict each other."""
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
    model.__dict__["zoo_input"] = (builders.get("in_channels", found.card.input[0]), *found.card.input[1:])
    return model
