"""A bias in front of a normalisation that subtracts the mean of each channel, and with it the bias."""

from collections.abc import Iterator

from zoo.extend import BATCH_NORMS, CONVOLUTIONS, TRANSPOSED, Hit, Network, Op, Rule


def check(network: Network) -> Iterator[Hit]:
    """Convolutions and linear layers with a bias whose result only a normalisation of each channel reads."""
    for op in network.of(CONVOLUTIONS | TRANSPOSED | {"linear"}):
        bias, reader = op.input("bias"), network.only_reader(op)
        if bias is not None and bias.source == "parameter" and reader is not None and _removes_bias(op, reader):
            what = f"{bias.numel:,} biases, which the {reader.kind} after it removes"
            yield Hit(op, what, {"biases": bias.numel}, {"params": bias.numel})


def _removes_bias(op: Op, reader: Op) -> bool:
    """Whether what reads the op's result subtracts the mean of each of the channels that the bias shifts."""
    if reader.inputs[0].id != op.output.id:
        return False
    channels_second = op.kind != "linear" or len(op.output.shape) == 2
    one_channel_each = reader.kind == "group_norm" and reader.attrs.get("num_groups") == op.output.shape[1]
    return channels_second and (reader.kind in BATCH_NORMS or one_channel_each)


RULE = Rule(
    name="bias-before-norm",
    finds="a bias in front of a normalisation that removes it",
    why="Batch normalisation subtracts the mean of each channel, and with it whatever constant was added to the channel. The bias "
    "gets no gradient in training, yet takes memory, and a place in the optimizer and the checkpoint.",
    source="Ioffe and Szegedy, arXiv 1502.03167, section 3.2: 'the bias b can be ignored'",
    remedy="Build the layer with bias=False; the normalisation's own shift takes its place.",
    check=check,
)
