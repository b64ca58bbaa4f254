"""A normalisation of what was just normalised."""

from collections.abc import Iterator

from zoo.extend import NORMS, Hit, Network, Rule


def check(network: Network) -> Iterator[Hit]:
    """Normalisations that alone read another of the same kind."""
    for op in network.of(NORMS):
        maker = network.maker(op.inputs[0])
        if maker is not None and maker.kind == op.kind and network.only_reader(maker) is op:
            params = sum(param.numel for param in maker.owns if param.kind == "parameter")
            what = f"{op.kind} of what another {op.kind} has just normalised"
            yield Hit(op, what, {"first": network.name(maker), "params": params}, {"params": params} if params else {})


RULE = Rule(
    name="norm-twice",
    finds="a normalisation directly after another of the same kind",
    why="The second undoes the scale and shift that the first has learned, and gives what it would give alone.",
    source="Ioffe and Szegedy, arXiv 1502.03167, section 3.3: BN((aW)u) = BN(Wu)",
    remedy="Remove one of the two.",
    check=check,
)
