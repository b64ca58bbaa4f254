"""The proof of `convolution`: its values against torch's, and torch's gradient of a shared kernel against the sum over its uses."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from zoo.extend import Failed
from zoo.studies._grids import Grid, tensor

TINY = 1e-9
"""float64 keeps 15 digits of sums of at most 256 products of numbers that fit on a page."""


def convolve(image: Any, kernel: Any, stride: int) -> Any:
    """torch's convolution, which does not flip."""
    from torch.nn import functional as F

    return F.conv2d(image, kernel, stride=stride)


def proved(name: str, image: Grid, kernel: Grid, stride: int, expected: Grid) -> Iterator[Failed]:
    """Nothing if torch gives the values that the definition gives; NaN is a failure."""
    found = convolve(tensor(image), tensor(kernel), stride)
    yield from _compared(name, "values of torch against the definition", found, tensor(expected))


def gradients(image: Grid, kernel: Grid, stride: int) -> tuple[dict[str, Grid], list[Failed]]:
    """The gradient of the squared output by a kernel that is shared, and summed over copies that each serve one place."""
    shared = tensor(kernel).requires_grad_()
    output = convolve(tensor(image), shared, stride)
    (output**2).sum().backward()
    summed = sum_over_copies(tensor(image), tensor(kernel), stride)
    found = {"shared kernel": shared.grad, "sum over copies": summed}
    failures = [*_compared("gradient", "of the shared kernel against the sum over its uses", shared.grad, summed)]
    return {name: _grid(one) for name, one in found.items() if bool(one.isfinite().all())}, failures


def sum_over_copies(image: Any, kernel: Any, stride: int) -> Any:
    """A copy of the kernel for each place of the window: products with patches, without a convolution; their gradients' sum."""
    patches = image.unfold(2, kernel.shape[2], stride).unfold(3, kernel.shape[3], stride)  # 1×1 × places × kernel
    copies = kernel.expand(patches.shape[2:]).clone().requires_grad_()
    ((patches[0, 0] * copies).sum((2, 3)) ** 2).sum().backward()
    return copies.grad.sum((0, 1))[None, None]


def _compared(name: str, check: str, found: Any, expected: Any) -> Iterator[Failed]:
    if found.shape != expected.shape:
        yield Failed(name, check, f"{tuple(found.shape[2:])} values", f"{tuple(expected.shape[2:])}")
        return
    difference = (found - expected).abs()
    allowed = (expected.abs() + 1) * TINY
    if not bool((difference <= allowed).all()):
        yield Failed(name, check, f"a difference of {float(difference.nan_to_num(float('inf')).max()):.1e}", "the same values")


def _grid(values: Any) -> Grid:
    return tuple(tuple(Fraction(one) for one in row) for row in values[0, 0].tolist())
