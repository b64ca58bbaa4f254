"""One convolution by four algorithms: directly, as one matrix product (im2col), by Winograd's and by Fourier transforms.

Winograd: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), section 4.1, F(2×2, 3×3). Fourier: Mathieu,
Henaff and LeCun, "Fast Training of Convolutional Networks through FFTs" (2013). Stride 1, zeros around the image, so that it
keeps its size.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from math import ceil, log2, prod
from typing import TYPE_CHECKING, Annotated

from zoo.extend import Arm, Column, Failed, Flag, PositiveInt, Sizes, Study, Table, ZooError, arms_table, relation, short, sizes

if TYPE_CHECKING:
    from torch import Tensor

COLUMNS = (
    Column("multiplications", "operations", "of real numbers, for one image", hide_order=1),
    Column("additions", "operations", "of real numbers, for one image", hide_order=2),
    Column("operations", "operations", "multiplications and additions", hide_order=0),
    Column("buffer", "bytes", "in float32, beside the image, the kernels and the output", hide_order=0),
)
PROOF = (
    Column("float64", "absolute", "largest difference to the definition", hide_order=0),
    Column("float32", "absolute", "the same in float32", hide_order=0),
    Column("allowed", "absolute", "largest difference in float64 that is taken for rounding", hide_order=0),
)
HOW = {
    "direct": "each output is a sum of products",
    "im2col": "the windows are copied into a matrix, and the kernels multiply it: the same products",
    "Winograd": "tiles of 2×2 outputs from 4×4 inputs, with 16 products instead of 36; transforms are additions",
    "FFT": "products of spectra; a transform of n real numbers counts as 2.5 n log2(n) operations, half of them multiplications",
}
NOT_COUNTED = "transforms of the kernels are not counted, since they are done once; where they are kept, they are in the buffer"
# Lavin and Gray 2015, section 4.1: d is transformed to Bᵀ·d·B, the kernel g to G·g·Gᵀ, their product m to Aᵀ·m·A.
B = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
G = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0))
A = ((1, 1, 1, 0), (0, 1, -1, -1))
SMALL = (3, 11, 14)
"""The image of `run`: maps, height and width."""
FLOAT, COMPLEX = 4, 8


def run(
    input: Annotated[Sizes | None, "maps, height and width of the image; 64x56x56 by default"] = None,
    channels: Annotated[PositiveInt, "maps of the output"] = 64,
    kernel: Annotated[PositiveInt, "side of the kernels, odd"] = 3,
    run: Annotated[Flag, "compute a small case with every algorithm, and compare with the definition"] = False,
) -> Table:
    """Operations and buffers of one convolution by each algorithm; Winograd's only for 3×3 kernels.

    Raises `ZooError` for an even kernel and for other sizes than three.
    """
    image = input or (SMALL if run else (64, 56, 56))
    if len(image) != 3 or kernel % 2 == 0:
        raise ZooError("expected input as CxHxW, such as 64x56x56, and an odd kernel, whose padding keeps the size")
    title = f"convolution-algorithms: {channels} kernels of {kernel}×{kernel} on {sizes(image)}, by four algorithms"
    names = [name for name in HOW if name != "Winograd" or kernel == len(G[0])]
    notes = [*(f"{name}: {HOW[name]}" for name in names), NOT_COUNTED]
    if run:
        arms, failures = _proof(image, channels, kernel, names)
        return arms_table(title, PROOF, arms, notes=[*notes[:-1], *failures], lesson=_proof_lesson(arms, failures))
    arms = [Arm(name, COUNTS[name](image, channels, kernel), f"{kernel}×{kernel}") for name in names]
    return arms_table(title, COLUMNS, arms, ratios=("operations",), notes=notes, lesson=list(_lesson(arms)))


# Counting -------------------------------------------------------------------------------------------------------------

Cells = dict[str, int]


def _cells(multiplications: int, additions: int, buffer: int) -> Cells:
    return {
        "multiplications": multiplications,
        "additions": additions,
        "operations": multiplications + additions,
        "buffer": buffer,
    }


def _direct(image: Sequence[int], out: int, kernel: int) -> Cells:
    maps, *sides = image
    products = out * maps * kernel**2 * prod(sides)
    return _cells(products, products - out * prod(sides), 0)


def _im2col(image: Sequence[int], out: int, kernel: int) -> Cells:
    found = _direct(image, out, kernel)
    return {**found, "buffer": FLOAT * image[0] * kernel**2 * prod(image[1:])}


def _winograd(image: Sequence[int], out: int, kernel: int) -> Cells:
    """Tiles of 2×2 outputs; what the transforms add is counted from their matrices."""
    maps, *sides = image
    tiles, spots = prod(ceil(n / 2) for n in sides), len(B) ** 2
    into, back = additions_of(B, len(B)), additions_of(A, len(B))
    products = spots * maps * out * tiles
    sums = spots * (maps - 1) * out * tiles
    return _cells(products, tiles * (maps * into + out * back) + sums, FLOAT * spots * (maps * out + tiles * (maps + out)))


def additions_of(transform: Sequence[Sequence[float]], side: int) -> int:
    """Additions of T·x·Tᵀ for a square x of this side, where T holds zeros and ones of either sign.

    >>> additions_of(B, 4), additions_of(A, 4)
    (32, 24)
    """
    each = sum(sum(entry != 0 for entry in row) - 1 for row in transform)
    return each * side + each * len(transform)


def _fft(image: Sequence[int], out: int, kernel: int) -> Cells:
    maps, *sides = image
    height, width = (smooth(n + kernel - 1) for n in sides)
    spectrum, whole = height * (width // 2 + 1), height * width
    transforms = round((maps + out) * 2.5 * whole * log2(whole))
    products = maps * out * spectrum  # of complex numbers: four multiplications and two additions
    sums = (maps - 1) * out * spectrum  # of complex numbers
    return _cells(
        4 * products + transforms // 2,
        2 * products + 2 * sums + transforms - transforms // 2,
        COMPLEX * spectrum * (maps * out + maps + out),
    )


def smooth(least: int) -> int:
    """The smallest number from `least` on without prime factors above 7, for which Fourier transforms are fast.

    >>> smooth(58), smooth(226)
    (60, 240)
    """

    def rest(n: int) -> int:
        for prime in (2, 3, 5, 7):
            while n % prime == 0:
                n //= prime
        return n

    return next(n for n in count(least) if rest(n) == 1)


COUNTS: Mapping[str, Callable[[Sequence[int], int, int], Cells]] = {
    "direct": _direct,
    "im2col": _im2col,
    "Winograd": _winograd,
    "FFT": _fft,
}


def _lesson(arms: Sequence[Arm]) -> Iterator[str]:
    """Sentences that quote the table."""
    cells = {arm.name: arm.cells for arm in arms}
    direct, others = cells["direct"], {name: found for name, found in cells.items() if name not in {"direct", "im2col"}}
    buffer = short(cells["im2col"]["buffer"])
    yield f"im2col takes the {direct['operations']:,} operations of the direct sum and a buffer of {buffer} bytes."
    for name, found in others.items():
        yield f"{name} takes {relation(direct['operations'], found['operations'], 'operations')}"
        yield f"({short(found['operations'])}) and a buffer of {short(found['buffer'])} bytes."
    least = min(arms, key=lambda arm: arm.cells["operations"])
    yield f"{least.name} takes the fewest operations here." if least.name != "direct" else "Nothing takes fewer operations here."


# The proof ------------------------------------------------------------------------------------------------------------


def direct(image: "Tensor", weight: "Tensor") -> "Tensor":
    """torch's convolution."""
    from torch.nn import functional as F

    return F.conv2d(image, weight, padding=weight.shape[-1] // 2)


def im2col(image: "Tensor", weight: "Tensor") -> "Tensor":
    """Patches as columns, multiplied by kernels as rows."""
    from torch.nn import functional as F

    side = weight.shape[-1]
    columns = F.unfold(image, side, padding=side // 2)[0]  # (C·k²) × (H·W)
    return (weight.reshape(weight.shape[0], -1) @ columns).reshape(1, -1, *image.shape[2:])


def winograd(image: "Tensor", weight: "Tensor") -> "Tensor":
    """Tiles of 2×2 outputs from tiles of 4×4 inputs, two apart."""
    from torch.nn import functional as F

    height, width = image.shape[2:]
    padded = F.pad(image, (1, 1 + width % 2, 1, 1 + height % 2))[0]
    b, g, a = (image.new_tensor(one) for one in (B, G, A))
    tiles = b @ padded.unfold(1, 4, 2).unfold(2, 4, 2) @ b.T  # C × rows × columns × 4 × 4
    kernels = g @ weight @ g.T  # O × C × 4 × 4
    products = (kernels[:, :, None, None] * tiles[None]).sum(1)  # O × rows × columns × 4 × 4
    blocks = a @ products @ a.T  # O × rows × columns × 2 × 2
    found = blocks.permute(0, 1, 3, 2, 4).reshape(weight.shape[0], 2 * blocks.shape[1], 2 * blocks.shape[2])
    return found[None, :, :height, :width]


def fft(image: "Tensor", weight: "Tensor") -> "Tensor":
    """Spectra multiplied and transformed back; the kernel's spectrum is conjugated, since it is not flipped."""
    import torch

    side, sizes = weight.shape[-1], image.shape[2:]
    padded = [smooth(n + side - 1) for n in sizes]
    spectrum = torch.fft.rfft2(image[0], s=padded)[None] * torch.fft.rfft2(weight, s=padded).conj()
    found: Tensor = torch.fft.irfft2(spectrum.sum(1), s=padded).roll((side // 2, side // 2), dims=(1, 2))
    return found[None, :, : sizes[0], : sizes[1]]


def computed(name: str, image: "Tensor", weight: "Tensor") -> "Tensor":
    """The convolution by the algorithm of this name."""
    return {"direct": direct, "im2col": im2col, "Winograd": winograd, "FFT": fft}[name](image, weight)


def by_definition(image: "Tensor", weight: "Tensor") -> "Tensor":
    """Sums of products of shifted images, without a convolution of torch."""
    import torch

    out, maps, side, _ = weight.shape
    height, width = image.shape[2:]
    padded = image.new_zeros(maps, height + side - 1, width + side - 1)
    padded[:, side // 2 : side // 2 + height, side // 2 : side // 2 + width] = image[0]
    found = image.new_zeros(out, height, width)
    for a in range(side):
        for b in range(side):
            found += torch.einsum("oc,chw->ohw", weight[:, :, a, b], padded[:, a : a + height, b : b + width])
    return found[None]


def _proof(image: Sequence[int], channels: int, kernel: int, names: Sequence[str]) -> tuple[list[Arm], list[Failed]]:
    import torch

    if channels * prod(image) * kernel**2 > 10**9:
        raise ZooError("--run would take minutes; use a smaller --input, such as 3x11x14")
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randn(1, *image, generator=draw, dtype=torch.float64)
    weight = torch.randn(channels, image[0], kernel, kernel, generator=draw, dtype=torch.float64)
    expected = by_definition(pixels, weight)
    allowed = 1e-11 * float(by_definition(pixels.abs(), weight.abs()).max())
    arms, failures = [], []
    for name in names:
        errors = {}
        for dtype in (torch.float64, torch.float32):
            found = computed(name, pixels.to(dtype), weight.to(dtype))
            errors[dtype] = float((found.double() - expected).abs().max()) if found.shape == expected.shape else float("nan")
        good = errors[torch.float64] <= allowed
        if not good:
            given = f"a difference of {errors[torch.float64]:.1e}"
            failures.append(Failed(name, "output in float64 against the definition", given, f"at most {allowed:.1e}"))
        cells = {"float64": errors[torch.float64], "float32": errors[torch.float32], "allowed": allowed}
        arms.append(Arm(name, {key: value if value == value else None for key, value in cells.items()}, f"{kernel}×{kernel}"))
    return arms, failures


def _proof_lesson(arms: Sequence[Arm], failures: Sequence[Failed]) -> list[str]:
    if failures:
        return [f"The proof failed for {', '.join(failed.subject for failed in failures)}: nothing follows from this table."]
    errors = sorted((arm.cells["float32"], arm.name) for arm in arms)
    return [
        "Each algorithm gives the output of the definition, to within",
        f"{max(arm.cells['float64'] for arm in arms):.1e} in float64. In float32 errors lie between {errors[0][0]:.1e}",
        f"({errors[0][1]}) and {errors[-1][0]:.1e} ({errors[-1][1]}) here.",
    ]


STUDY = Study("convolution-algorithms", "How many operations and buffers do other algorithms of a convolution take?", run)
