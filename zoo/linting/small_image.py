"""An image smaller than what layers see on every path."""

from collections.abc import Iterator

from zoo.linting._network import CONVOLUTIONS, Network, kernel
from zoo.linting._rule import Hit, Rule


def check(network: Network) -> Iterator[Hit]:
    """One hit at the first convolution whose least receptive field is larger than the image along each axis, with their number."""
    windows = [op for op in network.of(CONVOLUTIONS) if max(kernel(op), default=1) > 1]
    larger = [op for op in windows if network.exceeds_image(op.output)]
    if larger and network.feasible is not None:
        size = max(network.image)
        what = (
            f"{len(larger)} of {len(windows)} convolutions with windows, this one first, see more than the {size} pixels of the"
            f" image on every path; from {network.feasible[0]} pixels on, none does"
        )
        yield Hit(larger[0], what, {"layers": len(larger), "of": len(windows), "image": size, "feasible": list(network.feasible)})


RULE = Rule(
    name="small-image",
    finds="an image smaller than what layers see on every path",
    why="A part of each such window always lies outside of the image. Layers of which that holds add little to the accuracy, and a "
    "network made for large images, given small ones, spends most of its work on them.",
    source="Richter et al., arXiv 2106.12307, sections 3 and 4",
    remedy="Give larger images, or remove strides and poolings at the beginning of the network.",
    check=check,
    level="info",
)
