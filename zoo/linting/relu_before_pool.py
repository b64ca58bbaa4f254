"""ReLU before max pooling: after it, it has fewer elements to look at."""

from collections.abc import Iterator

from zoo.extend import Hit, Network, Rule


def check(network: Network) -> Iterator[Hit]:
    """Rectifiers that only a max pooling reads, whose map is smaller after it."""
    for op in network.of(frozenset({"relu", "relu6"})):
        pool = network.only_reader(op)
        if pool is not None and pool.kind.startswith("max_pool") and pool.output.numel < op.output.numel:
            what = f"{op.kind} of {op.output.numel:,} elements, of {pool.output.numel:,} after the pooling"
            yield Hit(op, what, {"elements": op.output.numel, "after": pool.output.numel, "pool": network.name(pool)})


RULE = Rule(
    name="relu-before-pool",
    finds="ReLU before max pooling, where it would cost less after it",
    why="Both orders give the same result, since ReLU is nondecreasing; after the pooling it has fewer elements to read and write.",
    source="max(relu(x)) = relu(max(x)) for any nondecreasing function",
    remedy="Put the activation after the pooling.",
    check=check,
    level="off",
)
