"""Recurrent layers and their cells: LSTM, GRU and plain RNN."""

from collections.abc import Sequence

from zoo.ops.facts import FLOATING, given
from zoo.ops.rule import Needs, OpRule, Shape, Values, factors
from zoo.receptive import sums
from zoo.record.trace import Op

_MATRICES = ("params", "w_ih", "w_hh")


def _steps(op: Op) -> int:
    """Steps of all sequences together."""
    return op.inputs[0].numel // op.inputs[0].shape[-1]


def _stacked(op: Op) -> int:
    """Layers, counted once for each direction."""
    return int(op.attrs.get("num_layers", 1) * (2 if op.attrs.get("bidirectional") else 1))


@factors("steps", "elements of the matrices")
def macs(op: Op) -> Values:
    """Each step of each sequence uses every matrix once; biases are vectors."""
    matrices = [weight.numel for weight in given(op, *_MATRICES) if len(weight.shape) == 2]
    return _steps(op), sum(matrices)


@factors("steps", "layers·directions", "hidden", "operations each")
def other_flops(op: Op) -> Values:
    """Per step and hidden unit: biases, sum and activation of each gate (4 each, 2 without biases), then the update of the state:
    5 in an LSTM, 4 in a GRU, none in a plain RNN.
    """
    gates, update = {"lstm": (4, 5), "gru": (3, 4)}.get(op.kind.partition("_")[0], (1, 0))
    biased = any(len(value.shape) == 1 for value in given(op, "params", "b_ih"))
    hidden = given(op, "hx")[-1].shape[-1]
    each = gates * (4 if biased else 2) + update
    return _steps(op), _stacked(op), hidden, each


def layers(op: Op, fed: Sequence[bool]) -> int:
    """Layers stacked on each other."""
    return int(op.attrs.get("num_layers", 1))


def backward_macs(op: Op, needed: Needs) -> int:
    """Each matrix as in the forward for its own gradient, and once more for that of what it multiplies.

    The network's input may need none, nor may the first hidden state, which the first step of each layer and direction multiplies.
    """
    steps = _steps(op)
    by_role = list(zip(op.inputs, op.roles, needed, strict=True))
    matrices = [(value, own) for value, role, own in by_role if role in _MATRICES and len(value.shape) == 2]
    state, state_needed = next((value, own) for value, role, own in by_role if role == "hx")  # the state: layers × N × hidden
    first_steps = steps if op.kind.endswith("cell") else state.shape[1] if len(state.shape) == 3 else 1
    stacked = _stacked(op)
    directions = stacked // op.attrs.get("num_layers", 1)
    each = len(matrices) // stacked  # of a layer: that of the input, that of the state, and in some LSTMs a projection
    found = 0
    for i, (matrix, own) in enumerate(matrices):
        layer, place = divmod(i, each)
        multiplied = steps
        if place == 0 and layer < directions and not needed[0]:
            multiplied = 0  # the network's input
        elif place == 1 and not state_needed:
            multiplied = steps - first_steps
        found += matrix.numel * (own * steps + multiplied)
    return found


def shape(op: Op) -> Sequence[Shape] | None:
    """Outputs and last states. Packed sequences have all their steps in one dimension."""
    x, states = op.inputs[0], given(op, "hx")
    hidden, ways = states[0].shape[-1], 2 if op.attrs["bidirectional"] else 1
    if "batch_sizes" in op.roles:
        return [(x.shape[0], hidden * ways), *(state.shape for state in states)]
    weights, several = given(op, "params"), op.attrs["num_layers"]
    if len(x.shape) != 3 or not x.dtype.startswith(FLOATING) or min(x.shape) < 1 or not 0 <= op.attrs["dropout"] <= 1:
        return None
    steps, batch = (x.shape[1], x.shape[0]) if op.attrs["batch_first"] else x.shape[:2]
    if any(len(state.shape) != 3 or state.shape[:2] != (several * ways, batch) for state in states):
        return None
    if len({value.dtype for value in (x, *states, *weights)}) > 1:
        return None
    projected = len(states) == 2 and states[1].shape[-1] != hidden
    each = 2 + 2 * op.attrs["has_biases"] + projected  # tensors of one layer in one direction
    widths = [x.shape[-1], *[ways * hidden] * (several - 1)]
    if len(weights) != each * several * ways:
        return None
    if any(weights[i * each].shape[1] != widths[i // ways] for i in range(several * ways)):
        return None
    out = (batch, steps) if op.attrs["batch_first"] else (steps, batch)
    return [(*out, ways * hidden), *(state.shape for state in states)]


RULES = (
    OpRule(
        "lstm gru rnn_tanh rnn_relu",
        shape=shape,
        macs=macs,
        other_flops=other_flops,
        receptive_field=sums.recurrent,
        layers=layers,
        backward_macs=backward_macs,
        whole=True,
        any_layout=True,
    ),
    OpRule(
        "lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell",
        macs=macs,
        other_flops=other_flops,
        layers=1,
        backward_macs=backward_macs,
        whole=True,
    ),
)
