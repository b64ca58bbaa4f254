"""Layers whose input already sees more than the whole image on every path."""

from collections.abc import Iterator

from zoo.extend import CONVOLUTIONS, Hit, Network, Op, Rule


def check(network: Network) -> Iterator[Hit]:
    """One hit at the first such convolution, with the number and the cost of all."""
    convolutions = [op for op in network.windows if op.kind in CONVOLUTIONS]
    blind = [op for op in convolutions if network.exceeds_image(op.inputs[0])]
    if not blind:
        return
    sides, image = network.sides(blind[0].inputs[0], network.least), max(network.image)
    saves = {"params": sum(weight_sizes(blind)), "macs": sum(map(network.macs, blind))}
    what = (
        f"{len(blind)} of {len(convolutions)} convolutions with windows, this one first, read units that see more than the image on"
        f" every path: {min(sides)} pixels of {image}"
    )
    evidence = {"layers": len(blind), "of": len(convolutions), "rf_min": list(sides), "image": list(network.image)}
    yield Hit(blind[0], what, evidence, saves)


def weight_sizes(ops: list[Op]) -> Iterator[int]:
    """Elements of each weight that the ops read, each once."""
    weights = {value.id: value.numel for op in ops for value in op.inputs if value.source == "parameter"}
    return iter(weights.values())


RULE = Rule(
    name="sees-whole-image",
    finds="layers whose input sees more than the whole image on every path",
    why="Such a layer cannot relate distant parts of the image any further: its windows only add positions outside the image. "
    "In networks trained on CIFAR-10 and ImageNet, layers beyond this border did not improve the accuracy.",
    source="Richter et al., arXiv 2106.12307; their receptive_field_analysis_toolbox, readme, 'Optimizing Architecture using "
    "Receptive Field Analysis'",
    remedy="Use larger images, remove these layers, or downsample later.",
    check=check,
)
