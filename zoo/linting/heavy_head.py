"""One fully connected layer that holds more than half of all parameters."""

from collections.abc import Iterator
from math import prod

from zoo.extend import Hit, Network, Rule
from zoo.linting._network import flattened


def check(network: Network) -> Iterator[Hit]:
    """Linear layers that hold more than half of the parameters, with what global average pooling in front would save."""
    for op in network.of(frozenset({"linear"})):
        mine = sum(param.numel for param in op.owns if param.kind == "parameter")
        if 2 * mine <= network.total_params:
            continue
        maps = flattened(network, op)
        places = prod(maps[1:]) if maps else 1
        weight = op.inputs[0].shape[-1] * op.output.shape[-1]
        saved = weight - weight // places
        way = f"global average pooling of its {maps[0]:,} maps would save {saved:,}" if maps else "its maps are averaged already"
        what = f"{mine / network.total_params:.0%} of all parameters, {mine:,}; {way}"
        evidence = {"params": mine, "share": mine / network.total_params, "maps": maps[0] if maps else None, "places": places}
        yield Hit(op, what, evidence, {"params": saved, "macs": network.macs(op) - network.macs(op) // places} if maps else {})


RULE = Rule(
    name="heavy-head",
    finds="more than half of all parameters in one fully connected layer",
    why="A fully connected layer on flattened maps has a weight for each place of each map. It overfits easily, and fixes the size "
    "of the input; global average pooling in front leaves a weight for each map.",
    source="Lin et al., arXiv 1312.4400, section 3.2",
    remedy="Average each map globally before the layer (`zoo compare fc-vs-gap` shows what that changes).",
    check=check,
)
