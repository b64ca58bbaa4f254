"""An image smaller than what layers see on every path."""

from collections.abc import Iterator

from zoo.extend import CONVOLUTIONS, Hit, Network, Rule

_SHARE = 0.25  # of the convolutions: a few at the end are in most networks


def check(network: Network) -> Iterator[Hit]:
    """One hit at the first convolution whose least receptive field is larger than the image, if there are many such."""
    convolutions = [op for op in network.windows if op.kind in CONVOLUTIONS]
    larger = [op for op in convolutions if network.exceeds_image(op.output)]
    if len(larger) > _SHARE * len(convolutions) and network.feasible is not None:
        size = max(network.image)
        what = (
            f"{len(larger)} of {len(convolutions)} convolutions with windows, this one first, see more than the {size} pixels of"
            f" the image on every path; from {network.feasible[0]} pixels on, none does"
        )
        evidence = {"layers": len(larger), "of": len(convolutions), "image": size, "feasible": list(network.feasible)}
        yield Hit(larger[0], what, evidence)


RULE = Rule(
    name="small-image",
    finds="an image smaller than what more than a quarter of the convolutions see on every path",
    why="Part of each such window always lies outside the image. Such layers add little accuracy, and a network designed for "
    "large images spends much of its work on them when it is given small ones.",
    source="Richter et al., arXiv 2106.12307; their receptive_field_analysis_toolbox, readme, 'Optimizing Architecture using "
    "Receptive Field Analysis'",
    remedy="Use larger images, or remove strides and poolings at the beginning of the network.",
    check=check,
    level="info",
)
