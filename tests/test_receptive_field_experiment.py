"""Receptive fields proved by experiment: a NaN in one pixel of the input reaches exactly the units that see the pixel.

A unit i whose field is size/stride/padding sees the pixels from i·stride - padding to i·stride - padding + size - 1.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import zoo

NAMES = zoo.list_models()
Field = Mapping[str, Any]


class Enough(Exception):  # noqa: N818
    """Every map that was wanted has been seen: the rest of the network need not run."""


def predicted(field: Field, pixels: Tensor, units: Sequence[int]) -> Tensor:
    """Which of the units see each of the pixels: pixels × units along each axis."""
    seen = torch.ones(len(pixels), *units, dtype=torch.bool)
    for axis, count in enumerate(units):
        first = torch.arange(count) * field["stride"][axis] - field["padding"][axis]
        pixel = pixels[:, axis, None]
        inside = (first <= pixel) & (pixel <= first + field["size"][axis] - 1)
        seen &= inside.view(len(pixels), *(count if a == axis else 1 for a in range(len(units))))
    return seen


def poisoned(channels: int, sides: Sequence[int], pixels: Tensor) -> Tensor:
    """An image for each pixel, black but for the NaN in it."""
    images = torch.zeros(len(pixels), channels, *sides)
    for image, pixel in zip(images, pixels.tolist(), strict=True):
        image[(slice(None), *pixel)] = torch.nan
    return images


def reached(images: Tensor) -> Tensor:
    """Where a NaN has come to, in any channel."""
    return images.isnan().any(dim=1)


def probes(height: int, width: int) -> Tensor:
    """Corners, borders, the centre, and a pixel at no special place."""
    corners = [(0, 0), (height - 1, width - 1)]
    return torch.tensor([*corners, (0, width // 2), (height // 2, 0), (height // 2, width // 2), (height // 3, width * 3 // 5)])


def fields_of(name: str) -> dict[str, Field]:
    """The fields of all modules, at every depth, down to where the network looks at the whole image."""
    card = zoo.card(name)
    trace = zoo.trace(on_meta(name), input=(1, *card.input))
    tables = [zoo.measure(trace, columns=("output", "rf"), depth=depth) for depth in (1, 2, 3, None)]
    cells = {row.name: row.cells for table in tables for row in table.rows}
    modules = dict(on_meta(name).named_modules())
    return {
        path: cell["rf"]
        for path, cell in cells.items()
        if len(cell["output"]) == 4 and "global" not in cell["rf"] and not isinstance(modules.get(path), nn.AdaptiveAvgPool2d)
        if path in modules
    }


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return zoo.create_model(name).eval()


def run(net: nn.Module, images: Tensor, wanted: Mapping[str, Field], look: Callable[[str, Tensor], None]) -> Tensor | None:
    """`look` at what leaves each of the wanted modules; the network's output if it is let through to its end."""
    missing = set(wanted)

    def hook(path: str) -> Callable[..., None]:
        def seen(module: nn.Module, inputs: Any, output: Tensor) -> None:
            missing.discard(path)
            look(path, output)
            if not missing and len(images[0, 0]) != zoo_side(images):
                raise Enough

        return seen

    raise NotImplementedError
