"""Every architecture of segmentation_models_pytorch on an image: each with ResNet-18, and U-Net and FPN with every encoder."""

from collections.abc import Iterator
from typing import Any

from libraries import Made, both


def names() -> list[str]:
    """ARCHITECTURE/ENCODER."""
    import segmentation_models_pytorch as smp

    nets, encoders = list(smp.MODEL_ARCHITECTURES_MAPPING), list(smp.encoders.encoders)
    pairs = [(net, "resnet18") for net in nets] + [(net, encoder) for net in ("unet", "fpn") for encoder in encoders]
    return [f"{net}/{encoder}" for net, encoder in dict.fromkeys(pairs)]


def made(name: str) -> Iterator[Made]:
    """The model on an image of three channels."""
    import segmentation_models_pytorch as smp

    net, _, encoder = name.partition("/")
    fewer = {"encoder_depth": 4, "decoder_channels": (128, 64, 32, 16)}
    error = None
    for options in ({}, fewer, {"encoder_depth": 4}, {"encoder_name": "tu-vit_tiny_patch16_224"}):
        chosen = {"encoder_name": encoder, "encoder_weights": None, **options}
        try:
            yield from both(lambda chosen=chosen: smp.create_model(net, **chosen), _inputs)
        except Exception as failed:  # an encoder with fewer stages, or of another kind
            error = error or failed
    if error is not None:
        raise error


def _inputs(module: Any) -> Iterator[tuple[Any, ...]]:
    import torch

    for side in (128, 224):
        yield (torch.zeros(1, 3, side, side),)
