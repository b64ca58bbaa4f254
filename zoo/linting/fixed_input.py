"""A head that fixes the size of the input."""

from collections.abc import Iterator

from zoo.extend import Hit, Network, Rule, flattened, sizes


def check(network: Network) -> Iterator[Hit]:
    """Linear layers on flattened maps whose size follows that of the image: no adaptive pooling makes it."""
    for op in network.of(frozenset({"linear"})):
        maps = flattened(network, op)
        if maps and op.inputs[0].id in network.from_input and not _adaptive(network, maps):
            yield Hit(op, f"takes images that give maps of {sizes(maps[1:])}, and no others", {"maps": list(maps)})


def _adaptive(network: Network, maps: tuple[int, ...]) -> bool:
    """Whether an adaptive pooling makes maps of this size of any image."""
    return any("adaptive" in op.kind and op.output.shape[1:] == maps for op in network.ops)


RULE = Rule(
    name="fixed-input",
    finds="a fully connected layer on flattened maps, which fixes the size of the input",
    why="The layer has a weight for each place of the maps, so that an image of another size does not fit. That excludes training "
    "on several sizes, testing on larger images, and use as a dense detector.",
    source="He et al., Spatial Pyramid Pooling, arXiv 1406.4729, section 1",
    remedy="Put an adaptive or global pooling in front.",
    check=check,
    level="info",
)
