"""One fully connected layer that holds more than half of all parameters."""

from collections.abc import Iterator
from math import prod

from zoo.extend import Hit, Network, Rule, flattened


def check(network: Network) -> Iterator[Hit]:
    """Linear layers on flattened maps that hold more than half of the parameters, with what global average pooling would save."""
    for op in network.of(frozenset({"linear"})):
        mine = sum(param.numel for param in op.owns if param.kind == "parameter")
        maps = flattened(network, op)
        if not maps or 2 * mine <= network.total_params:
            continue  # a large head on averaged maps is the price of its classes
        places = prod(maps[1:])
        weight = op.inputs[0].shape[-1] * op.output.shape[-1]
        saved, share = weight - weight // places, mine / network.total_params
        what = f"{share:.0%} of all parameters, {mine:,}; global average pooling of its {maps[0]:,} maps would save {saved:,}"
        evidence = {"params": mine, "share": share, "maps": maps[0], "places": places}
        yield Hit(op, what, evidence, {"params": saved, "macs": network.macs(op) - network.macs(op) // places})


RULE = Rule(
    name="heavy-head",
    finds="more than half of all parameters in one fully connected layer on flattened maps",
    why="A fully connected layer on flattened maps has one weight for each position of each map. It overfits easily and fixes "
    "the size of the input; after global average pooling, one weight for each map is enough.",
    source="Lin et al., arXiv 1312.4400, section 3.2",
    remedy="Average each map globally before the layer (`zoo compare fc-vs-gap` shows what that changes).",
    check=check,
)
