"""What images a network expects: statements with their sources, and numbers for programs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.catalogue.evidence import Statement
from zoo.util.errors import ZooError

_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_OTHERS = {"googlenet": {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}}
"""Means and standard deviations for torchvision's weights, of all networks and of those that differ."""


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes an input of a network.

    It is a sequence of the card's statements. Its other attributes are for programs: an image is scaled so that its shorter side
    has `resize` pixels, its centre of `crop` (height, width) is cut out, and from values in [0, 1] `mean` is subtracted and the
    result divided by `std`, channel by channel. What no source states is None: `resize`, `mean` and `std` are known for networks
    that take torchvision's weights. `crop` is the input of the card.

    Example:
        >>> zoo.card("resnet18").preprocessing.mean
        (0.485, 0.456, 0.406)
    """

    statements: tuple[Statement, ...] = ()
    crop: tuple[int, ...] = ()
    resize: int | None = None
    interpolation: str = "bilinear"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __iter__(self) -> Iterator[Statement]:
        return iter(self.statements)

    def __len__(self) -> int:
        return len(self.statements)

    def transform(self, *, mean: Sequence[float] | None = None, std: Sequence[float] | None = None) -> Any:
        """Return a transform of torchvision, from a PIL image or a tensor of bytes to an input.

        Arguments:
            mean, std: By default those of the weights; for other weights, those of your own data.

        Raises:
            ZooError: For a network whose mean and standard deviation no source states, if they are not given; if torchvision is not
                installed; and for inputs that are not images.

        Example:
            >>> import torch
            >>> transform = zoo.card("vgg16").preprocessing.transform()
            >>> transform(torch.zeros(3, 300, 400, dtype=torch.uint8)).shape
            torch.Size([3, 224, 224])
        """
        if len(self.crop) != 2:
            raise ZooError("preprocessing: this network does not take images")
        means, stds = mean or self.mean, std or self.std
        if means is None or stds is None:
            raise ZooError(
                "preprocessing: no source states mean and standard deviation as numbers; pass mean= and std= of your data"
            )
        try:
            import torch
            from torchvision.transforms import InterpolationMode, v2
        except ImportError as error:
            raise ZooError("preprocessing: a transform requires torchvision: pip install torchvision") from error
        scaled = v2.Resize(self.resize or min(self.crop), InterpolationMode(self.interpolation), antialias=True)
        steps = [scaled, v2.CenterCrop(list(self.crop)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
        return v2.Compose([*steps, v2.Normalize(list(means), list(stds))])


def preprocessing_of(statements: tuple[Statement, ...], input: tuple[int, ...], torchvision: str) -> Preprocessing:
    """Return the preprocessing of a card: what its sources state, and what torchvision's weights expect."""
    numbers: dict[str, Any] = {"resize": 256, **_OTHERS.get(torchvision, _IMAGENET)} if torchvision else {}
    return Preprocessing(statements, tuple(input[1:]), **numbers)
