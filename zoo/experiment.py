"""Receptive fields proved by experiment: a NaN in one pixel of the input reaches exactly the units whose window holds the pixel."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from zoo.record import Op, Trace, each_axis

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Finding:
    """Of one module: how many units the NaNs should have reached, how many they did, and whether these are the same units.

    `verdict` is "equal", "explained" (`why` says by what) or "differs".
    """

    path: str
    predicted: int
    reached: int
    verdict: str
    why: str = ""


def experiment(module: "nn.Module", trace: Trace, shape: Sequence[int]) -> Iterator[Finding]:
    """A finding for each module that has maps and a window. `module` is copied; where it has no weights, they are allocated."""
    import copy

    fields, skips = _fields(trace), _skips(trace)
    model = copy.deepcopy(module).eval()
    if any(parameter.is_meta for parameter in model.parameters()):
        model = model.to_empty(device="cpu")
        for name, tensor in model.state_dict().items():
            tensor.fill_(float(name.endswith("running_var")))
    pixels = _probes(shape[2:])
    found = _reached(model, list(fields), _poisoned(shape, pixels))
    for path, reached in found.items():
        expected = _predicted(fields[path], pixels, reached.shape[1:])
        gaps = _GAPS if skips and not bool((reached & ~expected).any()) else ""
        equal = bool((reached == expected).all())
        verdict = "equal" if equal else "explained" if gaps else "differs"
        yield Finding(path, int(expected.sum()), int(reached.sum()), verdict, "" if equal else gaps)


_GAPS = "a stride or dilation skips pixels inside the window, or rounding leaves out the last ones"


def _skips(trace: Trace) -> bool:
    """Whether a window of the network leaves pixels out: it is dilated, smaller than its stride, or does not come to the end."""
    return any(_leaves_out(op) for op in trace.ops)


def _leaves_out(op: Op) -> bool:
    weight = op.input("weight")
    kernel = weight.shape[2:] if weight is not None and "conv" in op.kind else op.attrs.get("kernel_size")
    if not kernel or "stride" not in op.attrs:
        return False
    axes = len(op.output.shape) - 2
    padding = 0 if isinstance(op.attrs.get("padding"), str) else op.attrs.get("padding", 0)
    k, s, p, d = (each_axis(value, axes) for value in (kernel, op.attrs["stride"] or kernel, padding, op.attrs.get("dilation", 1)))
    return any(
        d[i] > 1 or k[i] < s[i] or (op.inputs[0].shape[i + 2] + 2 * p[i] - d[i] * (k[i] - 1) - 1) % s[i] > 0 for i in range(axes)
    )


def _fields(trace: Trace) -> dict[str, Mapping[str, Any]]:
    """The windows of the modules at depth 1, and of all layers, up to where everything is seen."""
    from zoo.analysis.engine import measure

    found = {}
    for depth in (1, None):
        for row in measure(trace, columns=["output", "rf"], depth=depth).rows:
            rf, output = row.cells["rf"], row.cells["output"]
            called = any(call.path == row.name for call in trace.calls)
            if called and rf and "size" in rf and "global" not in rf and len(output) == len(trace.inputs[0].shape):
                found[row.name] = rf
    return found


def _probes(sizes: Sequence[int]) -> "Tensor":
    """Corners, the middle of the first border along each axis, and the centre."""
    import torch

    corners = [*product(*((0, size - 1) for size in sizes))]
    centre = tuple(size // 2 for size in sizes)
    borders = [tuple(0 if axis == a else c for a, c in enumerate(centre)) for axis in range(len(sizes))]
    return torch.tensor([corners[0], corners[-1], *borders, centre])


def _poisoned(shape: Sequence[int], pixels: "Tensor") -> "Tensor":
    """A black image for each pixel, but for the NaN in it."""
    import torch

    images = torch.zeros(len(pixels), *shape[1:])
    for image, pixel in zip(images, pixels.tolist(), strict=True):
        image[(slice(None), *pixel)] = torch.nan
    return images


def _reached(model: "nn.Module", paths: Sequence[str], images: "Tensor") -> "dict[str, Tensor]":
    """Where a NaN came to in what leaves each module, in any channel. A module that was called more than once is left out."""
    import torch

    found: dict[str, torch.Tensor] = {}
    twice: set[str] = set()

    def look(path: str) -> Callable[..., None]:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            if path in found:
                twice.add(path)
            found[path] = output.isnan().any(dim=1)

        return hook

    for path in paths:
        model.get_submodule(path).register_forward_hook(look(path))
    with torch.inference_mode():
        model(images)
    return {path: reached for path, reached in found.items() if path not in twice}


def _predicted(field: Mapping[str, Any], pixels: "Tensor", units: Sequence[int]) -> "Tensor":
    """Which units see which pixel: unit i along an axis those from i·stride - padding on, as many as the size."""
    import torch

    seen = torch.ones(len(pixels), *units, dtype=torch.bool)
    for axis, count in enumerate(units):
        first = torch.arange(count) * field["stride"][axis] - field["padding"][axis]
        pixel = pixels[:, axis, None]
        inside = (first <= pixel) & (pixel < first + field["size"][axis])
        seen &= inside.view(len(pixels), *(count if a == axis else 1 for a in range(len(units))))
    return seen
