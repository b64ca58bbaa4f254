"""Pooling: a window without weights. Maps are N×C×sizes."""

from collections.abc import Sequence
from math import prod

from zoo.ops import window
from zoo.ops.facts import FLOATING, first_input, fits, per_axis
from zoo.ops.rule import Needs, OpRule, Saved, Shape, Values, factors
from zoo.receptive import sliding
from zoo.record.trace import Op, each_axis, spatial_axes
from zoo.util.text import sizes


def _window(op: Op) -> int:
    """Elements of one window."""
    return prod(each_axis(op.attrs["kernel_size"], spatial_axes(op.kind)))


@factors("elements", "window")
def average(op: Op) -> Values:
    """One less additions than the window holds, and a division."""
    return prod(op.outputs[0].shape), _window(op)


@factors("elements", "window − 1")
def maximum(op: Op) -> Values:
    """Comparisons: one less than the window holds."""
    return prod(op.outputs[0].shape), _window(op) - 1


def _adaptive_elements(op: Op) -> int:
    """Elements in all windows of one map: the window of output i along an axis of n is [floor(i·n/o), ceil((i + 1)·n/o))."""
    axes, found = spatial_axes(op.kind), 1
    for n, o in zip(op.inputs[0].shape[-axes:], op.output.shape[-axes:], strict=True):
        found *= sum(-(-(i + 1) * n // o) - i * n // o for i in range(o))
    return found


@factors("maps", "elements of all windows")
def adaptive_average(op: Op) -> Values:
    """As `average`, over windows of unequal size."""
    return prod(op.output.shape[: -spatial_axes(op.kind)]), _adaptive_elements(op)


@factors("maps", "elements of all windows − windows")
def adaptive_maximum(op: Op) -> Values:
    """As `maximum`, over windows of unequal size."""
    axes = spatial_axes(op.kind)
    windows = prod(op.output.shape[-axes:])
    return prod(op.output.shape[:-axes]), _adaptive_elements(op) - windows


# Shapes ---------------------------------------------------------------------------------------------------------------


def shape(op: Op) -> Shape | None:
    """As a convolution's; with `ceil_mode` rounded up, less a last window that would start beyond the padded image."""
    x, attrs, axes = op.inputs[0].shape, op.attrs, spatial_axes(op.kind)
    k, p, d = (per_axis(attrs.get(key, other), axes) for key, other in (("kernel_size", ()), ("padding", 0), ("dilation", 1)))
    s = per_axis(attrs["stride"], axes) if attrs["stride"] else k
    if len(x) != axes + 2 or s is None or k is None or p is None or d is None or min(*k, *s, *d, *x) < 1:
        return None
    ceil, out = attrs["ceil_mode"], []
    for i, n in enumerate(x[2:]):
        if not 0 <= p[i] <= k[i] // 2:
            return None
        size = (n + 2 * p[i] - d[i] * (k[i] - 1) - 1 + (s[i] - 1 if ceil else 0)) // s[i] + 1
        out.append(size - 1 if ceil and (size - 1) * s[i] >= n + p[i] else size)
    return (*x[:2], *out) if min(out) > 0 else None


def unpadded_shape(op: Op) -> Shape | None:
    """As `shape`, without padding."""
    return None if any(each_axis(op.attrs["padding"], 1)) else shape(op)


def adaptive_shape(op: Op) -> Shape | None:
    """The size asked for."""
    x, size = op.inputs[0].shape, op.attrs["output_size"]
    fit = op.inputs[0].dtype.startswith(FLOATING) and len(x) == 4 and min(x) > 0 and len(size) == 2 and min(size) > 0
    return (*x[:2], *size) if fit else None


def sliding_window(op: Op) -> Sequence[window.Axis] | None:
    """The window, which moves by its own size unless a stride is given."""
    kernel = each_axis(op.attrs["kernel_size"], spatial_axes(op.kind))
    return window.of_op(op, kernel, each_axis(op.attrs.get("stride") or kernel, len(kernel)))


# Backward and refusal -------------------------------------------------------------------------------------------------


def saved_by_maximum(op: Op, needed: Needs) -> Saved:
    """The input, and an index of eight bytes for each output."""
    indices = op.outputs[1:]
    return (op.inputs[0], *indices), 0 if indices else 8 * op.output.numel


def saved_by_adaptive_average(op: Op, needed: Needs) -> Saved:
    """The input, unless the average is one over everything, which torch takes as a mean."""
    return ((), 0) if prod(op.output.shape[-spatial_axes(op.kind) :]) == 1 else (op.inputs[:1], 0)


def refusal(op: Op) -> str | None:
    """Maps smaller than the window."""
    x = op.input("self")
    if x is None:
        return None
    axes = spatial_axes(op.kind)
    kernel = each_axis(op.attrs["kernel_size"], axes)
    if fits(x.shape[-axes:], kernel, op):
        return None
    return f"its window of {sizes(each_axis(op.attrs['kernel_size'], 1))} does not fit into maps of {sizes(x.shape[2:])}"


RULES = (
    OpRule(
        "max_pool1d max_pool3d",
        macs=0,
        other_flops=maximum,
        receptive_field=sliding.pool,
        window=sliding_window,
        saved=saved_by_maximum,
        refusal=refusal,
        whole=True,
    ),
    OpRule(
        "max_pool2d",
        shape=shape,
        macs=0,
        other_flops=maximum,
        receptive_field=sliding.pool,
        window=sliding_window,
        saved=saved_by_maximum,
        refusal=refusal,
        whole=True,
    ),
    OpRule(
        "max_pool2d_with_indices max_pool3d_with_indices",
        macs=0,
        other_flops=maximum,
        receptive_field=sliding.pool,
        window=sliding_window,
        saved=saved_by_maximum,
        refusal=refusal,
    ),
    OpRule(
        "avg_pool1d",
        macs=0,
        other_flops=average,
        receptive_field=sliding.pool,
        window=sliding_window,
        saved=first_input,
        refusal=refusal,
        whole=True,
    ),
    OpRule(
        "avg_pool2d",
        shape=shape,
        macs=0,
        other_flops=average,
        receptive_field=sliding.pool,
        window=sliding_window,
        saved=first_input,
        refusal=refusal,
    ),
    OpRule(
        "avg_pool3d",
        shape=unpadded_shape,
        macs=0,
        other_flops=average,
        receptive_field=sliding.pool,
        window=sliding_window,
        saved=first_input,
        refusal=refusal,
    ),
    OpRule(
        "adaptive_avg_pool1d adaptive_avg_pool3d",
        macs=0,
        other_flops=adaptive_average,
        receptive_field=sliding.adaptive_pool,
        saved=saved_by_adaptive_average,
        whole=True,
    ),
    OpRule(
        "adaptive_avg_pool2d",
        shape=adaptive_shape,
        macs=0,
        other_flops=adaptive_average,
        receptive_field=sliding.adaptive_pool,
        saved=saved_by_adaptive_average,
        whole=True,
    ),
    OpRule(
        "adaptive_max_pool1d",
        macs=0,
        other_flops=adaptive_maximum,
        receptive_field=sliding.adaptive_pool,
        saved=saved_by_maximum,
        whole=True,
    ),
    OpRule(
        "adaptive_max_pool2d adaptive_max_pool3d",
        macs=0,
        other_flops=adaptive_maximum,
        receptive_field=sliding.adaptive_pool,
        saved=saved_by_maximum,
    ),
    OpRule("fractional_max_pool2d fractional_max_pool3d", macs=0, refusal=refusal),
    OpRule("max_unpool2d max_unpool3d", macs=0, other_flops=0),
)
