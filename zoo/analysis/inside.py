"""What happens inside a network that runs: outputs of a layer, and gradients of units and scores with respect to the image.

Effective receptive fields: W. Luo, Y. Li, R. Urtasun, R. Zemel, "Understanding the Effective Receptive Field in Deep Convolutional
Neural Networks", arXiv 1701.04128. Saliency: K. Simonyan, A. Vedaldi, A. Zisserman, arXiv 1312.6034, section 3.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from torch import Tensor, nn

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's images, by which torchvision normalises them."""


def unit_gradients(module: "nn.Module", layer: str, unit: Sequence[int], images: "Tensor") -> Any:
    """Return, for each pixel, how much a unit depends on it: an array of the sizes of an image.

    It is the absolute gradient of the sum over the unit's channels, added up over the channels of the image and averaged over the
    images. Raises `ZooError` for a layer that is not a module, for outputs that are not maps, and if the gradients vanish.
    """
    import torch

    total = torch.zeros(images.shape[2:], dtype=torch.float64)
    for image in images:
        pixels = image[None].clone().requires_grad_()
        output = layer_output(module, layer, pixels)
        if output.dim() == pixels.dim():
            index: Any = (..., *unit)
            output = output[index]
        elif output.dim() != 2:
            raise ZooError(f"{layer} returns a tensor with {output.dim()} dimensions; expected maps, or one row of features")
        (gradient,) = torch.autograd.grad(output.sum(), pixels, allow_unused=True)
        if gradient is not None:
            total += gradient[0].abs().sum(0).double()
    if not total.isfinite().all():
        raise ZooError(f"{layer}: the gradients of unit {','.join(map(str, unit))} are not finite")
    if not total.any():
        raise ZooError(f"{layer}: the gradients of unit {','.join(map(str, unit))} vanish: all of them are 0")
    return (total / len(images)).numpy()


def layer_output(module: "nn.Module", layer: str, images: "Tensor") -> "Tensor":
    """Return the first output of a layer's first call; what follows does not run.

    Raises `ZooError` if the layer is not a module.
    """
    from zoo.tracing.trees import tensors

    found: list[Tensor] = []

    class Stop(Exception):  # noqa: N818
        """The layer has run."""

    def look(_: Any, inputs: Any, output: Any) -> None:
        found.extend(list(tensors(output))[:1])
        raise Stop

    try:
        watched = module.get_submodule(layer)
    except AttributeError as error:
        raise ZooError(f"{layer} is an operation and not a module; name the module that contains it") from error
    hook = watched.register_forward_hook(look)
    try:
        module(images + 0)  # a copy, on which an operation may work in place
    except Stop:
        pass
    finally:
        hook.remove()
    if not found:
        raise ZooError(f"{layer} did not run, or returned no tensor")
    return found[0]


def class_gradient(module: "nn.Module", image: "Tensor", label: int | None = None) -> tuple[Any, int, list[float]]:
    """Return the largest absolute gradient of a score over the channels of each pixel, the number of the class, and all scores.

    Without `label`, it is the class with the highest score. Raises `ZooError` for another output than one row of scores.
    """
    import torch

    pixels = image[None].clone().requires_grad_()
    scores = module(pixels + 0)
    if not isinstance(scores, torch.Tensor) or scores.dim() != 2:
        raise ZooError("saliency requires a network that returns one row of scores for an image")
    if label is not None and not 0 <= label < scores.shape[1]:
        raise ZooError(f"class {label}: expected an integer from 0 to {scores.shape[1] - 1}")
    chosen = int(scores[0].argmax()) if label is None else label
    (gradient,) = torch.autograd.grad(scores[0, chosen], pixels)
    if not gradient.any():
        raise ZooError(f"the gradients of class {chosen} vanish: all of them are 0")
    return gradient[0].abs().amax(0).numpy(), chosen, scores[0].tolist()


def noise(shape: Sequence[int], count: int, seed: int) -> "Tensor":
    """Return `count` images of independent standard normal numbers."""
    import torch

    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


def normalised(pixels: Any, channels: int) -> "Tensor":
    """Return an image H×W×3 of bytes as a tensor for a network: three channels as torchvision normalises them, or one from 0 to 1.

    Raises `ZooError` for another number of channels.
    """
    import torch

    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
    if channels == 3:
        mean, deviation = (torch.tensor(numbers).view(3, 1, 1) for numbers in (MEAN, DEVIATION))
        return (image - mean) / deviation
    if channels == 1:
        return image.mean(0, keepdim=True)
    raise ZooError(f"an image has 1 or 3 channels, and the network takes {channels}")
