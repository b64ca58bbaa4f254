"""Convolutions: a window of weights slides over the input."""

from collections.abc import Sequence
from math import prod

from zoo.ops import window
from zoo.ops.facts import bias, every_input, fits, forward_again, per_axis, required
from zoo.ops.rule import Cost, Needs, OpRule, Saved, Shape, Values, factors
from zoo.receptive import sliding
from zoo.receptive.spans import Field, Spans
from zoo.record.trace import Op, bytes_each, each_axis
from zoo.util.text import sizes

_NAMES = {
    1: ("N", "C_out", "W_out", "C_in/groups", "k_w"),
    2: ("N", "C_out", "H_out", "W_out", "C_in/groups", "k_h", "k_w"),
    3: ("N", "C_out", "D_out", "H_out", "W_out", "C_in/groups", "k_d", "k_h", "k_w"),
}
_TRANSPOSED = {
    1: ("N", "W_in", "C_in", "C_out/groups", "k_w"),
    2: ("N", "H_in", "W_in", "C_in", "C_out/groups", "k_h", "k_w"),
    3: ("N", "D_in", "H_in", "W_in", "C_in", "C_out/groups", "k_d", "k_h", "k_w"),
}
"""Factors of a convolution's multiply-accumulates, by its spatial axes."""


@factors(by=lambda op: _NAMES[len(required(op, "weight").shape) - 2])
def conv(op: Op) -> Values:
    """Each output position uses every weight once: N·C_out·prod(out)·(C_in/groups)·prod(kernel), at padded positions too."""
    weight, out = op.inputs[op.roles.index("weight")].shape, op.outputs[0].shape
    batch = () if len(out) == len(weight) else (1,)  # one image may come without
    return *batch, *out, *weight[1:]


@factors(by=lambda op: _TRANSPOSED[len(required(op, "weight").shape) - 2])
def transposed(op: Op) -> Values:
    """Each input position uses every weight of its channel once: N·prod(in)·C_in·(C_out/groups)·prod(kernel)."""
    weight, x = required(op, "weight").shape, op.inputs[0].shape
    images = x[0] if len(x) == len(weight) else 1
    return images, *x[2 - len(weight) :], *weight


@factors(by=lambda op: tuple(_either(op).working(op) or ()))
def either_way(op: Op) -> Values | None:
    """`torch.convolution`, which may be transposed."""
    return _either(op).values(op)


def _either(op: Op) -> Cost:
    return transposed if op.attrs["transposed"] else conv


def either_field(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """The window of the convolution that it is."""
    transposed = "_transpose" if op.attrs["transposed"] else ""
    return sliding.conv(op._replace(kind=f"conv{transposed}{len(required(op, 'weight').shape) - 2}d"), fields)


@factors("steps", "N", "C_out", "C_in", "k")
def steps_first(op: Op) -> Values:
    """As `conv`, on sequences laid out as steps × batch × channels; the weight is kernel × in × out."""
    kernel, c_in, c_out = required(op, "weight").shape
    return op.output.shape[0], op.output.shape[1], c_out, c_in, kernel


def shape(op: Op) -> Shape | None:
    """floor((n + 2p - d(k - 1) - 1) / s) + 1 along each axis."""
    x, weight = op.inputs[0], op.inputs[1]
    sizes, kernel = x.shape, weight.shape
    axes, attrs = len(kernel) - 2, op.attrs
    s, p, d = per_axis(attrs["stride"], axes), per_axis(attrs["padding"], axes), per_axis(attrs["dilation"], axes)
    groups = attrs["groups"]
    if axes < 1 or len(sizes) != axes + 2 or sizes[1] != kernel[1] * groups or kernel[0] % groups or sizes[0] < 1:
        return None
    if x.dtype != weight.dtype or (len(op.inputs) > 2 and not (op.inputs[2].dtype == x.dtype and op.inputs[2].shape == kernel[:1])):
        return None
    if s is None or p is None or d is None or min(p) < 0 or min(s) < 1 or min(d) < 1:
        return None
    out = [(sizes[i + 2] + 2 * p[i] - d[i] * (kernel[i + 2] - 1) - 1) // s[i] + 1 for i in range(axes)]
    return (sizes[0], kernel[0], *out) if min(out) > 0 else None


def sliding_window(op: Op) -> Sequence[window.Axis] | None:
    """The kernel, which is what the weight has after its channels."""
    kernel = required(op, "weight").shape[2:]
    return window.of_op(op, kernel, each_axis(op.attrs.get("stride", 1), len(kernel)))


def saved(op: Op, needed: Needs) -> Saved:
    """Input and weight; where padding "same" is uneven, a padded copy of the input."""
    x, weight = op.inputs[:2]
    if op.attrs.get("padding") != "same":
        return (x, weight), 0
    kernel = weight.shape[2:]
    dilation = each_axis(op.attrs.get("dilation", 1), len(kernel))
    more = [d * (k - 1) % 2 for k, d in zip(kernel, dilation, strict=True)]  # one more pixel after an axis than before it
    if not any(more):
        return (x, weight), 0
    maps = x.shape[: -len(kernel)]
    padded = prod(maps) * prod(n + one for n, one in zip(x.shape[-len(kernel) :], more, strict=True))
    return (weight,), padded * bytes_each(x.dtype)


def refusal(op: Op) -> str | None:
    """Inputs of another number of axes or channels, or maps smaller than the kernel."""
    x, weight = op.input("input"), op.input("weight")
    if x is None or weight is None:
        return None
    axes = len(weight.shape) - 2
    if len(x.shape) not in {axes + 1, axes + 2}:
        return f"takes inputs of {axes} spatial axes (N×C×...), got {sizes(x.shape)}"
    wanted = weight.shape[1] * op.attrs.get("groups", 1)
    if x.shape[-axes - 1] != wanted:
        return f"takes {wanted} channels, got {x.shape[-axes - 1]}"
    if fits(x.shape[-axes:], weight.shape[2:], op):
        return None
    return f"its kernel of {sizes(weight.shape[2:])} does not fit into maps of {sizes(x.shape[2:])}"


def deformed_again(op: Op, needed: Needs) -> int:
    """As a convolution's; one product for the weight, one for what is sampled, from which input, offsets and mask have theirs."""
    by_role = dict(zip(op.roles, needed, strict=True))
    sampled = any(by_role.get(role, False) for role in ("input", "offset", "mask"))
    return (conv.count(op) or 0) * (by_role["weight"] + sampled)


RULES: Sequence[OpRule] = (
    OpRule(
        "conv1d conv2d conv3d",
        shape=shape,
        macs=conv,
        other_flops=bias,
        receptive_field=sliding.conv,
        layers=1,
        saved=saved,
        backward_macs=forward_again(conv),
        refusal=refusal,
        whole=True,
        window=sliding_window,
    ),
    OpRule(
        "conv_transpose1d conv_transpose2d conv_transpose3d",
        macs=transposed,
        other_flops=bias,
        receptive_field=sliding.conv,
        layers=1,
        saved=saved,
        backward_macs=forward_again(transposed),
        whole=True,
    ),
    OpRule(
        "convolution _convolution",
        macs=either_way,
        other_flops=bias,
        receptive_field=either_field,
        layers=1,
        backward_macs=forward_again(either_way),
    ),
    OpRule("conv_tbc", macs=steps_first, other_flops=bias, layers=1, backward_macs=forward_again(steps_first)),
    OpRule("torchvision::deform_conv2d", macs=conv, other_flops=bias, layers=1, saved=every_input, backward_macs=deformed_again),
)
