"""What images a network expects: statements with their sources, and numbers for programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from zoo.catalogue.evidence import Statement
from zoo.util.errors import ZooError, unknown

_TORCHVISION = {
    "resize": 256,
    "interpolation": "bilinear",
    "order": "RGB",
    "values": (0, 1),
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
    "mean_of": "channels",
}
"""For torchvision's weights."""


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes an input of a network.

    It is a sequence of the card's statements. Its other attributes are their numbers, for programs; what no source states is None.

    Attributes:
        statements: What the sources state.
        crop: The height and width that are cut out of the centre, or that a smaller image is padded to: the input of the card. None
            if the network takes images of any size, and not two numbers if its input is not an image.
        resize: To how many pixels the shorter side is scaled before that.
        interpolation: How it is scaled: "bilinear".
        order: The order of the channels, "RGB" or "BGR".
        values: What 0 and 255, black and white, become before the mean is subtracted: (0, 1).
        mean, std: What is subtracted from these values, and what they are divided by, channel by channel.
        mean_of: "channels" if the mean has one number for each channel, "pixels" if it is an image. The numbers of an image are not
            on the card.

    Example:
        >>> zoo.card("resnet18").preprocessing.mean
        (0.485, 0.456, 0.406)
        >>> zoo.card("fcn8s").preprocessing.order
        'BGR'
    """

    statements: tuple[Statement, ...] = ()
    crop: tuple[int, ...] | None = ()
    resize: int | None = None
    interpolation: str | None = None
    order: str | None = None
    values: tuple[float, float] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    mean_of: str | None = None

    def __iter__(self) -> Iterator[Statement]:
        return iter(self.statements)

    def __len__(self) -> int:
        return len(self.statements)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers that are known, as data for JSON."""
        numbers = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "statements"}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in numbers.items() if value}

    def transform(self, *, mean: Sequence[float] | None = None, std: Sequence[float] | None = None) -> Any:
        """Return a transform of torchvision, from a PIL image or a tensor of bytes, both RGB or grey, to an input.

        Where `resize` is not known, the shorter side is scaled to the crop; where `interpolation` is not known, it is bilinear.

        Arguments:
            mean, std: Those of your own data, in place of what the card says of values: for values from 0 to 1, in the order of the
                channels of your images.

        Raises:
            ZooError: For a network whose mean and standard deviation no source states, if they are not given; if torchvision is not
                installed; and for inputs that are not images.

        Example:
            >>> import torch
            >>> transform = zoo.card("vgg16").preprocessing.transform()
            >>> transform(torch.zeros(3, 300, 400, dtype=torch.uint8)).shape
            torch.Size([3, 224, 224])
        """
        if self.crop is not None and len(self.crop) != 2:
            raise ZooError("preprocessing: this network does not take images")
        if (mean is None) != (std is None):
            raise ZooError("preprocessing: expected mean= and std=, or neither of them")
        try:
            from torchvision.transforms import v2
        except ImportError as error:
            raise ZooError("preprocessing: a transform requires torchvision: pip install torchvision") from error
        steps = [*self._cut_out(v2), *self._as_values(v2, mean, std)]
        return v2.Compose(steps)

    def _cut_out(self, v2: Any) -> Iterator[Any]:
        from torchvision.transforms import InterpolationMode

        if size := self.resize or min(self.crop or [0]):
            yield v2.Resize(size, InterpolationMode(self.interpolation or "bilinear"), antialias=True)
        if self.crop:
            yield v2.CenterCrop(list(self.crop))

    def _as_values(self, v2: Any, mean: Sequence[float] | None, std: Sequence[float] | None) -> Iterator[Any]:
        from functools import partial

        import torch

        low, high = 0.0, 1.0
        order: str | None = "RGB"
        if mean is None or std is None:
            if self.values is None or self.mean is None or self.std is None:
                image = "the mean is an image that the card does not have" if self.mean_of == "pixels" else "no source states them"
                raise ZooError(
                    f"preprocessing: mean and standard deviation are not known ({image}); pass mean= and std= of your data"
                )
            (low, high), order, mean, std = self.values, self.order, self.mean, self.std
        yield from (v2.ToImage(), v2.ToDtype(torch.float32, scale=True))
        if order == "BGR":
            yield v2.Lambda(partial(torch.flip, dims=(-3,)))
        scale = high - low
        yield v2.Normalize([(one - low) / scale for one in mean], [one / scale for one in std])


def preprocessing_of(
    statements: tuple[Statement, ...], numbers: Mapping[str, Any], input: tuple[int, ...], torchvision: str
) -> Preprocessing:
    """Return the preprocessing of a card: what its sources state, and what torchvision's weights expect if it takes them.

    Raises:
        ValueError: For numbers that are not attributes of `Preprocessing`.
    """
    known = {field.name for field in fields(Preprocessing)} - {"statements"}
    for name in numbers.keys() - known:
        raise ValueError(str(unknown("number of the preprocessing", name, known)))
    return Preprocessing(statements, **{"crop": tuple(input[1:]), **(_TORCHVISION if torchvision else {}), **numbers})
