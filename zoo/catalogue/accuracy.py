"""How accurate trained networks are, where a primary source says so: the results on cards, and torchvision's metadata."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from zoo.catalogue.entries import card
from zoo.util.errors import ZooError

IMAGENET = "ImageNet validation"
_SAME = ("ILSVRC 2012 validation", "ILSVRC 2014 validation", "ImageNet-1K")
"""Names of one set of 50,000 images."""


@dataclass(frozen=True)
class Accuracy:
    """How often a trained network was right on a set of images, in percent, and how this was measured.

    `models` is the number of networks whose scores were averaged. `top1` and `top5` are None where they are not printed.
    """

    on: str
    top1: float | None
    top5: float | None
    how: str
    source: str
    models: int = 1


def accuracies(target: str) -> list[Accuracy]:
    """Return what primary sources print for a network of the catalogue or of torchvision; nothing for another TARGET."""
    return list(_of_torchvision(target) if target.startswith("torchvision:") else _of_card(target))


def single(found: list[Accuracy], on: str) -> Accuracy | None:
    """The accuracy of a single network on these images, with a top-1 accuracy and as few crops as were printed."""
    known = [one for one in found if one.on == on and one.models == 1 and one.top1 is not None]
    return min(known, key=lambda one: _CROPS.get(one.how.partition(",")[0], 2), default=None)


_CROPS = {"centre crop": 0, "1 crop": 0, "": 1}


def _of_card(target: str) -> Iterator[Accuracy]:
    if ":" in target or "/" in target:
        return
    try:
        found = card(target)
    except ZooError:  # the name of a class
        return
    if found.name != target:
        return
    for result in found.results:
        how = ", ".join(filter(None, (result.crops, result.note)))
        right = [_percent(result.error(k)) for k in _TOP]
        source = "; ".join(map(str, result.citations))
        yield Accuracy(IMAGENET if result.on in _SAME else result.on, right[0], right[1], how, source, result.models)


_TOP: tuple[Literal[1], Literal[5]] = (1, 5)


def _percent(error: Decimal | None) -> float | None:
    return None if error is None else float(100 - error)


def _of_torchvision(target: str) -> Iterator[Accuracy]:
    """Of the default weights, for whose input size a model is traced."""
    from torchvision import models

    try:
        weights = models.get_model_weights(target.partition(":")[2]).DEFAULT
    except (AttributeError, KeyError, ValueError):
        return
    for on, metrics in weights.meta.get("_metrics", {}).items():
        if "acc@1" in metrics:
            source = f"torchvision, {type(weights).__name__}.{weights.name}"
            yield Accuracy(IMAGENET if on in _SAME else on, metrics["acc@1"], metrics.get("acc@5"), "centre crop", source)
