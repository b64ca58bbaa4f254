"""The proof of `dense-vs-sparse-vs-conv`: one linear map held in four ways, each compared with the definition of convolution.

Start with `proof`. The output that all are compared with is `by_definition`, in float64: sums of products of shifted images,
without a convolution of torch and without the matrix. `matrix` is filled by index arithmetic from the same definition.

A difference is allowed up to the error that rounding can make: a sum of n products in floating point, in whatever order, differs
from the exact one by at most γ(n) = n·u / (1 - n·u) times the sum of the products' absolute values, where u is half the dtype's
epsilon (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition 2002, section 3.1).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite, prod
from typing import TYPE_CHECKING, Any

from zoo.extend import Arm, Column, Failed

if TYPE_CHECKING:
    from torch import Tensor

COLUMNS = (
    Column("stored", "elements", "numbers that the layer holds", hide_order=0),
    Column("bytes", "bytes", "memory that they take, indices included", hide_order=0),
    Column("ms", "milliseconds", "the fastest of several runs", hide_order=1),
    Column("difference", "absolute", "largest difference to the definition, computed in float64", hide_order=0),
    Column("allowed", "absolute", "largest difference that rounding can make", hide_order=1),
    Column("shift_error", "absolute", "largest difference between shift, then layer, and layer, then shift", hide_order=0),
)
SAME = ("dense", "sparse", "unshared", "convolution")
CONTROL = "unshared, own weights"
"""A layer of which both claims are false, so that a check that finds nothing there is broken."""
STEPS = (1, 2, 3)

Shape = tuple[int, ...]
Shift = tuple[int, int, float, float, bool]
"""Axis, steps, error, bound, and whether the bound is exceeded."""


@dataclass(frozen=True)
class Way:
    """One way to hold the map: what it computes, the tensors that it holds, and how many numbers and bytes these should be.

    Without `shifts` it is run only once, because that takes seconds.
    """

    run: "Callable[[Tensor], Tensor]"
    held: "tuple[Tensor, ...]"
    stored: int
    nbytes: int
    shifts: bool = True


def proof(
    image: "Tensor", weight: "Tensor", stride: int, links: int, seed: int = 0, *, whole: bool = True
) -> tuple[list[Arm], list[Failed]]:
    """All ways at work on one image (1×C×H×W) with one kernel (C_out×C×h×w): an arm for each, and what failed.

    `links` is how many entries of the matrix are not zero. A matrix that is not `whole` is made some rows at a time.
    """
    import torch

    arms, failures = [], []
    with torch.inference_mode():
        for name, way in ways(image, weight, stride, links, seed, whole=whole).items():
            cells, failed = _proved(name, way, image, weight, stride)
            arms.append(Arm(name, cells, "proof"))
            failures += failed
        failures += _shift_itself(image)
    return arms, failures


def ways(image: "Tensor", weight: "Tensor", stride: int, links: int, seed: int = 0, *, whole: bool = True) -> dict[str, Way]:
    """The four ways to hold the map of `weight`, and the control."""
    import torch

    out = (1, weight.shape[0], *_units(image, weight, stride))
    units, each = prod(out), image.element_size()
    if whole:
        dense = matrix(weight, tuple(image.shape[1:]), stride)
        sparse = dense.to_sparse().coalesce()
    else:
        dense = torch.empty(units, image[0].numel(), dtype=image.dtype, device="meta")  # its size; no memory
        sparse = entries(weight, tuple(image.shape[1:]), stride)
    index = sparse.indices().element_size() * sparse.indices().shape[0]
    tied = repeated(weight, units // weight.shape[0])
    own = torch.randn(tied.shape, generator=torch.Generator().manual_seed(seed + 1), dtype=image.dtype)

    def multiplied(x: "Tensor") -> "Tensor":
        column = x.reshape(-1, 1)
        return (dense @ column if whole else by_rows(sparse, column)).reshape(out)

    def unshared(weights: "Tensor") -> Way:
        return Way(lambda x: locally_connected(x, weights, weight.shape, stride), (weights,), tied.numel(), tied.numel() * each)

    return {
        "dense": Way(multiplied, (dense,), dense.numel(), dense.numel() * each, shifts=whole),
        "sparse": Way(
            lambda x: torch.sparse.mm(sparse, x.reshape(-1, 1)).reshape(out),
            stored_of_sparse(sparse),
            links,
            links * (each + index),
        ),
        "unshared": unshared(tied),
        "convolution": Way(lambda x: convolve(x, weight, stride), (weight,), weight.numel(), weight.numel() * each),
        CONTROL: unshared(own),
    }


# The ways: each by other means


def matrix(weight: "Tensor", image: Shape, stride: int) -> "Tensor":
    """The map as a matrix, units × inputs: unit (o, i, j) reads pixel (c, i·s + a, j·s + b) with weight (o, c, a, b)."""
    import torch

    outs, channels, *kernel = weight.shape
    heights, widths = ((n - k) // stride + 1 for n, k in zip(image[1:], kernel, strict=True))
    found = torch.zeros(outs, heights, widths, *image, dtype=weight.dtype)
    i, j = torch.arange(heights)[:, None], torch.arange(widths)[None, :]
    for c in range(channels):
        for a in range(kernel[0]):
            for b in range(kernel[1]):
                found[:, i, j, c, i * stride + a, j * stride + b] = weight[:, c, a, b, None, None]
    return found.reshape(outs * heights * widths, -1)


def entries(weight: "Tensor", image: Shape, stride: int) -> "Tensor":
    """The matrix without its zeros: the unit and the pixel of every weight, by index arithmetic of its own."""
    import torch

    outs, channels, *kernel = weight.shape
    heights, widths = ((n - k) // stride + 1 for n, k in zip(image[1:], kernel, strict=True))
    axes = [torch.arange(n) for n in (outs, heights, widths, channels, *kernel)]
    o, i, j, c, a, b = torch.meshgrid(*axes, indexing="ij")
    rows = (o * heights + i) * widths + j
    columns = (c * image[1] + i * stride + a) * image[2] + j * stride + b
    values = weight[o, c, a, b].flatten()
    index = torch.stack([rows.flatten(), columns.flatten()])
    shape = (outs * heights * widths, channels * image[1] * image[2])
    return torch.sparse_coo_tensor(index, values, shape, check_invariants=True).coalesce()


BLOCK = 64
BY_ROWS = f"dense: made {BLOCK} rows at a time, multiplied with every zero, and dropped; compared once, neither shifted nor timed"


def by_rows(sparse: "Tensor", x: "Tensor") -> "Tensor":
    """The dense matrix times a vector, some rows at a time: every zero is multiplied."""
    import torch

    (rows, columns), values = sparse.indices(), sparse.values()
    starts = torch.searchsorted(rows, torch.arange(0, sparse.shape[0] + BLOCK, BLOCK)).tolist()
    block, found = torch.zeros(BLOCK, sparse.shape[1], dtype=x.dtype), torch.empty(sparse.shape[0], 1, dtype=x.dtype)
    for number, (start, stop) in enumerate(pairwise(starts)):
        first = number * BLOCK
        where = rows[start:stop] - first, columns[start:stop]
        block[where] = values[start:stop]
        found[first : first + BLOCK] = (block @ x)[: sparse.shape[0] - first]
        block[where] = 0
    return found


def convolve(image: "Tensor", weight: "Tensor", stride: int) -> "Tensor":
    """torch's convolution."""
    from torch.nn import functional as F

    return F.conv2d(image, weight, stride=stride)


def repeated(weight: "Tensor", positions: int) -> "Tensor":
    """The kernel's weights once for each position: positions × channels × fan-in."""
    return weight.reshape(1, weight.shape[0], -1).expand(positions, -1, -1).clone()


def locally_connected(image: "Tensor", weights: "Tensor", kernel: Sequence[int], stride: int) -> "Tensor":
    """A layer with weights of its own at each position (positions × channels × fan-in), which PyTorch does not have."""
    import torch

    outs, _, *sides = kernel
    patches = image.unfold(2, sides[0], stride).unfold(3, sides[1], stride)  # 1 × C × H × W × kernel
    heights, widths = patches.shape[2:4]
    patches = patches.permute(2, 3, 1, 4, 5, 0).reshape(heights * widths, -1, 1)  # positions × fan-in × 1
    found = torch.matmul(weights, patches)  # positions × channels × 1
    return found.permute(2, 1, 0).reshape(1, outs, heights, widths)


def stored_of_sparse(sparse: "Tensor") -> "tuple[Tensor, ...]":
    """What a sparse matrix holds: its values, and the row and column of each."""
    return sparse.values(), sparse.indices()


def shifted(maps: "Tensor", steps: int, axis: int) -> "Tensor":
    """Maps moved along an axis; what comes in at the edge is not compared."""
    import torch

    return torch.roll(maps, steps, dims=axis)


# The definition, and what rounding can make of it


def by_definition(image: "Tensor", weight: "Tensor", stride: int) -> "Tensor":
    """The convolution of the definition, in float64: y[o,i,j] = Σ w[o,c,a,b] · x[c, i·s + a, j·s + b]."""
    import torch

    heights, widths = _units(image, weight, stride)
    pixels, weights = image[0].double(), weight.double()
    found = torch.zeros(weight.shape[0], heights, widths, dtype=torch.float64)
    for c in range(weight.shape[1]):
        for a in range(weight.shape[2]):
            for b in range(weight.shape[3]):
                seen = pixels[c, a : a + stride * heights : stride, b : b + stride * widths : stride]
                found += weights[:, c, a, b, None, None] * seen[:heights, :widths]
    return found[None]


def allowed(image: "Tensor", weight: "Tensor", stride: int) -> "Tensor":
    """The largest rounding error of each unit: γ(n + 1) times the sum of its products' absolute values."""
    import torch

    terms = weight[0].numel() + 1  # and the rounding of what is compared with
    n_u = terms * torch.finfo(image.dtype).eps / 2
    return by_definition(image.abs(), weight.abs(), stride) * n_u / (1 - n_u)


def _units(image: "Tensor", weight: "Tensor", stride: int) -> Shape:
    return tuple((n - k) // stride + 1 for n, k in zip(image.shape[2:], weight.shape[2:], strict=True))


# The checks


def _proved(name: str, way: Way, image: "Tensor", weight: "Tensor", stride: int) -> tuple[Mapping[str, Any], list[Failed]]:
    """The cells of one way, and the checks that it failed."""
    stored, nbytes = way.held[0].numel(), sum(part.numel() * part.element_size() for part in way.held)
    difference, bound, excess = _difference(way, image, weight, stride)
    shifts = list(_shift_errors(way, image, weight, stride)) if way.shifts else []
    failures = [
        *_unequal(name, "numbers stored", stored, way.stored),
        *_unequal(name, "bytes of values and indices", nbytes, way.nbytes),
        *_too_large(name, "output against the definition of convolution", difference, bound, excess),
        *_shift_failures(name, shifts),
    ]
    cells = {
        "stored": stored,
        "bytes": nbytes,
        "ms": _milliseconds(lambda: way.run(image)) if way.shifts else None,
        "difference": difference if isfinite(difference) else None,
        "allowed": bound,
        "shift_error": _largest([error for _, _, error, _, _ in shifts]),
    }
    return cells, failures


def _unequal(name: str, check: str, found: int, expected: int) -> Iterator[Failed]:
    if found != expected:
        yield Failed(name, check, f"{found:,}", f"{expected:,}")


def _too_large(name: str, check: str, error: float, bound: float, excess: bool) -> Iterator[Failed]:
    """A difference that rounding cannot make; for the control, one that it can."""
    if name in SAME and excess:
        found = f"a difference of {error:.1e}" if isfinite(error) else "NaN, infinity or another shape"
        yield Failed(name, check, found, f"at most {bound:.1e}, the rounding error of its sums")
    if name == CONTROL and not excess:
        yield Failed(name, check, f"a difference of {error:.1e}", f"more than {bound:.1e}: the weights are not shared")


def _shift_failures(name: str, shifts: "Sequence[Shift]") -> Iterator[Failed]:
    """The first shift along each axis that failed."""
    done: set[int] = set()
    for axis, steps, error, bound, excess in shifts:
        check = f"shift along the {'height' if axis == 2 else 'width'} by {steps}, before against after"
        for failed in _too_large(name, check, error, bound, excess):
            if axis not in done:
                yield failed
            done.add(axis)


def _difference(way: Way, image: "Tensor", weight: "Tensor", stride: int) -> tuple[float, float, bool]:
    return _compared(way.run(image), by_definition(image, weight, stride), allowed(image, weight, stride))


def _compared(found: "Tensor", expected: "Tensor", bound: "Tensor") -> tuple[float, float, bool]:
    """The largest difference, the largest that is allowed, and whether any unit's is not; a NaN never is."""
    if found.shape != expected.shape:
        return inf, float(bound.max()), True
    difference = (found.double() - expected.double()).abs()
    largest = float(difference.max()) if bool(difference.isfinite().all()) else inf
    return largest, float(bound.max()), not bool((difference <= bound).all())


def _shift_errors(way: Way, image: "Tensor", weight: "Tensor", stride: int) -> Iterator[Shift]:
    """Each shift that leaves units to compare: by `steps` units, `stride` pixels each."""
    after = way.run(image)
    for axis, units in zip((2, 3), _units(image, weight, stride), strict=True):
        for steps in STEPS:
            if steps >= units:
                continue
            moved = shifted(image, steps * stride, axis)
            kept = slice(steps, None)
            before = way.run(moved)
            bound = allowed(moved, weight, stride) * 2  # two sums, each with its own rounding
            if before.shape != bound.shape or after.shape != bound.shape:
                yield axis, steps, inf, float(bound.max()), True
                continue
            parts = [part.movedim(axis, 0)[kept] for part in (before, shifted(after, steps, axis), bound)]
            yield axis, steps, *_compared(*parts)


def _shift_itself(image: "Tensor") -> Iterator[Failed]:
    """Whether the shift by each number of steps moves the pixels by as many; the first that does not."""
    for axis in (2, 3):
        for steps in STEPS:
            kept = image.shape[axis] - steps
            if kept < 1:
                continue
            moved = shifted(image, steps, axis).narrow(axis, steps, kept)
            if not bool((moved == image.narrow(axis, 0, kept)).all()):
                yield Failed("shift", f"pixels after a shift by {steps} along axis {axis}", "other pixels", "the same pixels")
                return


def _largest(errors: Sequence[float]) -> float | None:
    """None where no shift leaves units to compare, or where an error is not a number."""
    worst = max(errors, default=inf)
    return worst if isfinite(worst) else None


def _milliseconds(function: "Callable[[], Tensor]", runs: int = 7) -> float:
    import time

    spent = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        spent.append(time.perf_counter() - start)
    return float(f"{min(spent) * 1e3:.3g}")
