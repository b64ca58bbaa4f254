"""Every model of pytorchcv, with the number of its parameters that the package publishes in its list of files or its own tests."""

import csv
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from libraries import Made, both


def names() -> list[str]:
    """All that its model provider builds."""
    from pytorchcv import model_provider

    return list(model_provider._models)


@cache
def published() -> dict[str, int]:
    """The numbers of parameters by name."""
    import pytorchcv

    place = Path(pytorchcv.__file__).parent / "models"
    found = {}
    for path in place.glob("*.py"):
        for name, count in re.findall(r"assert \(model != (\w+) or weight_count == (\d+)\)", path.read_text(encoding="utf-8")):
            found[name] = int(count)
    with (place / "common" / "model_metainfos.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["net_weights"] != "NA":
                found[row["model_name"]] = int(row["net_weights"])
    return found


def made(name: str) -> Iterator[Made]:
    """The model on an image, or on the features of a sound, of the size that it names."""
    from pytorchcv import model_provider

    return both(lambda: model_provider.get_model(name), _inputs, published().get(name))


def _inputs(module: Any) -> Iterator[tuple[Any, ...]]:
    import torch

    channels, size = getattr(module, "in_channels", 3), getattr(module, "in_size", (224, 224))
    if isinstance(size, int):
        yield torch.zeros(1, size, 200), torch.tensor([200])
        yield torch.zeros(1, 16000), torch.tensor([16000])
    else:
        yield (torch.zeros(1, channels, *size),)
        yield torch.zeros(1, channels, *size), torch.zeros(1, channels, *size)
