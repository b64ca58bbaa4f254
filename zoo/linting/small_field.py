"""Objects that no unit sees whole."""

from collections.abc import Iterator

from zoo.extend import Hit, Network, Rule


def check(network: Network) -> Iterator[Hit]:
    """The last layer with windows, if the largest receptive field is smaller than the object."""
    if network.object_pixels is None or network.feasible is None:
        return
    largest = network.feasible[1]
    if largest < network.object_pixels:
        last = max(network.windows, key=lambda op: max(network.sides(op.output, network.widest)))
        what = f"no unit sees more than {largest} pixels; the object has {network.object_pixels}"
        yield Hit(last, what, {"rf": largest, "object": network.object_pixels})


RULE = Rule(
    name="small-field",
    finds="a receptive field smaller than the object that --object names",
    why="No unit sees the whole object. Only pooling or attention after the maps, if there is any, combines its parts.",
    source="Luo et al., arXiv 1701.04128, abstract: 'the output must respond to large enough areas in the image to capture "
    "information about large objects'",
    remedy="Add layers or dilation, downsample earlier, or use smaller images.",
    check=check,
)
