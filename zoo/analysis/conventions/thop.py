"""thop 0.1.1.post2209072238: the first figure of `profile(model, inputs)`.

It hangs on modules of torch.nn by their class: convolutions (also transposed ones) by their output, linear layers, normalisation
by 2 per element, 4 with weight and bias (not in groups), average pooling, softmax, upsampling, recurrent layers. No biases. What a
forward does without such a module counts nothing: functions, matrix products, attention.

Not followed: a class is known by its name; a module under two parents is counted for both by thop, which also sees no
`module.forward(x)`.
"""

from collections.abc import Callable
from math import prod

from zoo.extend import Layer, Op, by_layer, first_role, of_tool

Rule = Callable[[Op], int]


def _conv(op: Op) -> int:
    weight = op.input("weight")
    assert weight is not None
    groups = int(op.attrs.get("groups", 1))
    return op.output.numel * (op.inputs[0].shape[1] // groups) * prod(weight.shape[2:])


def _norm(op: Op) -> int:
    return op.inputs[0].numel * (4 if op.input("weight") is not None else 2)


def _linear(op: Op) -> int:
    return op.output.numel * op.inputs[0].shape[-1]


def _softmax(op: Op) -> int:
    n = op.inputs[0].shape[int(op.attrs["dim"])]
    return op.inputs[0].numel // max(n, 1) * (3 * n - 1)


def _adaptive(op: Op) -> int:
    """A window of the average size, which need not be whole, and a division for each output."""
    sizes = zip(op.inputs[0].shape[2:], op.output.shape[2:], strict=True)
    return int((prod(n / max(out, 1) for n, out in sizes) + 1) * op.output.numel)


_PER_SAMPLE = {"nearest": 1, "linear": 5, "bilinear": 11, "bicubic": 259}


def _upsample(op: Op) -> int:
    return op.output.numel * _PER_SAMPLE[op.kind.removeprefix("upsample_").rstrip("123d")]


def _cell(kind: str, inputs: int, hidden: int, biased: bool) -> int:
    """One step of one sequence: each gate its products, a sum and both biases; then the update of the state."""
    gates, update = {"rnn": (1, 0), "gru": (3, 4), "lstm": (4, 4)}[kind]
    return gates * hidden * (inputs + hidden + 1 + 2 * biased) + update * hidden


def _recurrent_cell(op: Op) -> int:
    batch, inputs = op.inputs[0].shape
    hidden = op.inputs[1].shape[-1]
    return batch * _cell(op.kind.partition("_")[0], inputs, hidden, op.input("b_ih") is not None)


def _recurrent(op: Op) -> int:
    """Packed sequences count as if all were as long as the longest."""
    kind = op.kind.partition("_")[0]
    states = [value for value, role in zip(op.inputs, op.roles, strict=True) if role == "hx"]
    weight = first_role(op, "params")
    assert weight is not None
    hidden, inputs, biased = states[-1].shape[-1], weight.shape[1], bool(op.attrs["has_biases"])
    ways = 2 if op.attrs["bidirectional"] else 1
    stack = _cell(kind, inputs, hidden, biased) + (op.attrs["num_layers"] - 1) * _cell(kind, ways * hidden, hidden, biased)
    batch_sizes = first_role(op, "batch_sizes")
    steps = batch_sizes.numel * states[0].shape[1] if batch_sizes is not None else prod(op.inputs[0].shape[:2])
    return int(steps * ways * stack)


_CLASSES: dict[str, tuple[Rule, tuple[str, ...]]] = {
    **{f"Conv{n}d": (_conv, (f"conv{n}d",)) for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": (_conv, (f"conv_transpose{n}d",)) for n in (1, 2, 3)},
    **{f"BatchNorm{n}d": (_norm, ("batch_norm",)) for n in (1, 2, 3)},
    "SyncBatchNorm": (_norm, ("batch_norm",)),
    **{f"InstanceNorm{n}d": (_norm, ("instance_norm",)) for n in (1, 2, 3)},
    "LayerNorm": (_norm, ("layer_norm",)),
    "Linear": (_linear, ("linear",)),
    "PReLU": (lambda op: op.inputs[0].numel, ("prelu",)),
    "Softmax": (_softmax, ("softmax",)),
    **{f"AvgPool{n}d": (lambda op: op.output.numel, (f"avg_pool{n}d",)) for n in (1, 2, 3)},
    **{f"AdaptiveAvgPool{n}d": (_adaptive, (f"adaptive_avg_pool{n}d",)) for n in (1, 2, 3)},
    **dict.fromkeys(
        ("Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"),
        (_upsample, tuple(f"upsample_{way}" for way in "nearest1d nearest2d nearest3d linear1d bilinear2d bicubic2d".split())),
    ),
    "RNNCell": (_recurrent_cell, ("rnn_tanh_cell", "rnn_relu_cell")),
    "GRUCell": (_recurrent_cell, ("gru_cell",)),
    "LSTMCell": (_recurrent_cell, ("lstm_cell",)),
    "RNN": (_recurrent, ("rnn_tanh", "rnn_relu")),
    "GRU": (_recurrent, ("gru",)),
    "LSTM": (_recurrent, ("lstm",)),
}


def hooks(layer: Layer) -> int:
    """One call of a module."""
    rule, kinds = _CLASSES.get(layer.call.type, (None, ()))
    op = layer.op(*kinds)
    return rule(op) if rule is not None and op is not None else 0


CONVENTION = of_tool(
    "thop",
    "thop 0.1.1.post2209072238, profile",
    "thop's ops: convolutions, linear layers, normalisation, average pooling, of modules only; no biases, no attention",
    by_layer(hooks),
    sees="layers",
)
