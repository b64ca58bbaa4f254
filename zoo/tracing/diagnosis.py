"""Why an op refuses its input, in the words of the network's author rather than of the kernel. Torch-free."""

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.tracing.record import Value, each_axis


def diagnose(kind: str, inputs: Sequence[Value], roles: Sequence[str], attrs: Mapping[str, Any]) -> str | None:
    """What `inputs` lack for a convolution, linear layer or pooling; None if it is something else."""
    by_role = dict(zip(roles, inputs, strict=True))
    x = by_role.get("input", by_role.get("self"))
    weight = by_role.get("weight")
    if x is None:
        return None
    if kind in {"conv1d", "conv2d", "conv3d"} and weight is not None:
        axes = len(weight.shape) - 2
        if len(x.shape) not in {axes + 1, axes + 2}:
            return f"takes inputs of {axes} spatial axes (N×C×...), got {size(x.shape)}"
        wanted = weight.shape[1] * attrs.get("groups", 1)
        if x.shape[-axes - 1] != wanted:
            return f"takes {wanted} channels, got {x.shape[-axes - 1]}"
        if _fits(x.shape[-axes:], weight.shape[2:], attrs):
            return None
        return f"its kernel of {size(weight.shape[2:])} does not fit into maps of {size(x.shape[2:])}"
    if kind == "linear" and weight is not None and len(weight.shape) == 2 and x.shape and x.shape[-1] != weight.shape[1]:
        return f"takes {weight.shape[1]:,} features, got {x.shape[-1]:,}"
    if "pool" in kind and "kernel_size" in attrs:
        axes = int(next(c for c in kind if c.isdigit()))
        kernel = each_axis(attrs["kernel_size"], axes)
        if _fits(x.shape[-axes:], kernel, attrs):
            return None
        return f"its window of {size(attrs['kernel_size'])} does not fit into maps of {size(x.shape[2:])}"
    return None


def _fits(sizes: Sequence[int], kernel: Sequence[int], attrs: Mapping[str, Any]) -> bool:
    if attrs.get("padding") == "same":
        return True
    padding = 0 if attrs.get("padding") == "valid" else attrs.get("padding", 0)
    padding, dilation = each_axis(padding, len(kernel)), each_axis(attrs.get("dilation", 1), len(kernel))
    stride = each_axis(attrs.get("stride") or kernel, len(kernel))
    beyond = [s - 1 if attrs.get("ceil_mode") else 0 for s in stride]  # how far a last window may reach
    return all(n + 2 * p + b > d * (k - 1) for n, k, p, d, b in zip(sizes, kernel, padding, dilation, beyond, strict=True))


def size(shape: Sequence[int]) -> str:
    """A shape as it is written: 3×224×224."""
    return "×".join(map(str, shape))
