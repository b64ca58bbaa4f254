"""A softmax at the output of a classifier."""

from collections.abc import Iterator

from zoo.extend import Hit, Network, Rule


def check(network: Network) -> Iterator[Hit]:
    """Outputs N×classes that a softmax over the classes made. In a graph file, which is there for inference, it belongs there."""
    if network.trace.calls[0].type == "Graph":
        return
    for value in network.trace.outputs:
        maker = network.maker(value)
        if maker is None or maker.kind not in {"softmax", "_softmax"} or len(value.shape) != 2:
            continue
        if maker.attrs.get("dim") in (1, -1):
            classes = value.shape[1]
            yield Hit(maker, f"the scores of {classes:,} classes leave the network as probabilities", {"classes": classes})


RULE = Rule(
    name="softmax-output",
    finds="a softmax at the output of a classifier",
    why="torch.nn.CrossEntropyLoss applies log-softmax itself. After a softmax in the network, it reads probabilities as logits: "
    "gradients are small, and a loss of 0 is out of reach.",
    source="PyTorch, CrossEntropyLoss: 'The input is expected to contain the unnormalized logits for each class'",
    remedy="Return the logits; apply softmax where probabilities are needed.",
    check=check,
)
