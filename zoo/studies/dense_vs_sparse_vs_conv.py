"""One linear map, stored in four ways: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 9.2 and figure 9.6.

The layers are built and traced without allocating memory, except with `run`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import (
    Arm,
    Column,
    Flag,
    Op,
    PositiveInt,
    Sizes,
    Study,
    Table,
    TargetName,
    ZooError,
    arms_table,
    each_axis,
    ratio_text,
    short,
)
from zoo.util.text import sizes

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

COLUMNS = (
    Column("output", "elements per axis", "units: channels, height, width", hide_order=3),
    Column(
        "stored", "elements", "numbers that the layer stores, including biases; for a sparse matrix, the values only", hide_order=0
    ),
    Column("multiplications", "operations", "for one image", hide_order=1),
    Column("additions", "operations", "for one image, including biases", hide_order=2),
    Column("operations", "operations", "multiplications and additions", hide_order=0),
)
RUN_COLUMNS = (
    Column("stored", "elements", "numbers that the layer stores", hide_order=0),
    Column("bytes", "bytes", "their memory, including indices", hide_order=0),
    Column("ms", "milliseconds", "fastest of several runs", hide_order=0),
    Column("difference", "absolute", "largest difference from the convolution's output", hide_order=0),
    Column("shift_error", "absolute", "largest difference between shifting the input and shifting the output", hide_order=0),
)
_MOST_BYTES = 2 << 30

Shape = tuple[int, ...]


def run(
    input: Annotated[Sizes | None, "channels, height and width of the image, such as 1x320x280"] = None,
    kernel: Annotated[Sizes | None, "height and width of the kernel, such as 5x5"] = None,
    stride: Annotated[PositiveInt, "stride of the convolution"] = 1,
    channels: Annotated[PositiveInt, "output channels of the convolution"] = 1,
    on: Annotated[TargetName | None, "use every convolution of this network instead"] = None,
    run: Annotated[Flag, "build all four maps for a small image, run them and measure"] = False,
) -> Table:
    """Compare the cases of the textbook and of lectures; or one case of your own; or every convolution of a network.

    Raises `ZooError` for a kernel that does not fit, and for a `run` that would need too much memory.
    """
    title = "dense-vs-sparse-vs-conv: what does a linear map cost as a matrix, and as a convolution?"
    if on and (run or (kernel, stride, channels) != (None, 1, 1)):
        raise ZooError("option on uses the convolutions of a network as they are and supports only the option input")
    if run:
        return _proof(title, input or (1, 64, 56), kernel or (2, 1), stride, channels)
    if on:
        arms = [arm for name, op in _convolutions(on, input) for arm in _four(name, op)]
        return arms_table(title, COLUMNS, arms, ratios=("stored",), lesson=_lesson_of_network(on, arms))
    if (input, kernel, stride, channels) != (None, None, 1, 1):
        arms = list(_case(input or (1, 320, 280), kernel or (2, 1), stride, channels))
        return arms_table(title, COLUMNS, arms, ratios=("stored",), lesson=_lesson(arms))
    textbook = list(_case((1, 320, 280), (2, 1), 1, 1))
    return arms_table(title, COLUMNS, [*textbook, *_lectures()], ratios=("stored",), lesson=_lesson(textbook))


# Counting


def _case(input: Shape, kernel: Shape, stride: int, channels: int) -> Iterator[Arm]:
    from torch import nn

    if len(input) != 3 or len(kernel) != 2:
        raise ZooError("expected input as CxHxW and kernel as HxW, such as 1x320x280 and 2x1")
    if any(k > n for k, n in zip(kernel, input[1:], strict=True)):
        raise ZooError(f"kernel: {kernel[0]}×{kernel[1]} does not fit into an image of {input[1]}×{input[2]}")
    op = _conv_op(lambda: nn.Conv2d(input[0], channels, kernel, stride, bias=False), input)
    yield from _four(f"{sizes(input)}, {sizes(kernel)}", op)


def _four(case: str, op: Op) -> Iterator[Arm]:
    """Return the map of one convolution, stored in four ways, without its bias."""
    units, weight = op.output.shape[1:], op.inputs[1]
    fan_in, inputs, links = prod(weight.shape[1:]), op.inputs[0].numel, _links(op)
    yield Arm("dense", _cells(units, prod(units) * inputs, prod(units) * inputs), case)
    yield Arm("sparse", _cells(units, links, links), case)
    yield Arm("unshared", _cells(units, prod(units) * fan_in, prod(units) * fan_in), case)
    yield Arm("convolution", _cells(units, weight.numel, prod(units) * fan_in), case)


def _links(op: Op) -> int:
    """Count the non-zero elements of the matrix: pairs of a unit and an input that it sees, without padding."""
    weight = op.inputs[1]
    along = [
        sum(0 <= i * s - p + d * t < n for i in range(out) for t in range(k))
        for out, n, k, s, p, d in zip(
            op.output.shape[2:],
            op.inputs[0].shape[2:],
            weight.shape[2:],
            *(each_axis(op.attrs[name], 2) for name in ("stride", "padding", "dilation")),
            strict=True,
        )
    ]
    return int(prod(along)) * weight.shape[0] * weight.shape[1]


def _cells(units: Sequence[int], stored: int, multiplications: int, biases: int = 0) -> dict[str, Any]:
    """A unit needs one addition less than multiplications, and one for its bias."""
    additions = multiplications - prod(units) + biases
    return {
        "output": list(units),
        "stored": stored,
        "multiplications": multiplications,
        "additions": additions,
        "operations": multiplications + additions,
    }


def _lectures() -> Iterator[Arm]:
    """Common examples from lectures, from layers that are built."""
    from torch import nn

    cases: tuple[tuple[str, str, Callable[[], nn.Module], Shape], ...] = (
        ("200×200, 40,000 units", "dense", lambda: nn.Linear(200 * 200, 40_000, bias=False), (200 * 200,)),
        ("200×200, 40,000 units", "dense, colour", lambda: nn.Linear(3 * 200 * 200, 40_000, bias=False), (3 * 200 * 200,)),
        ("200×200, 40,000 units", "unshared 10×10", lambda: _unshared((1, 209, 209), (10, 10)), (1, 209, 209)),
        ("200×200, 40,000 units", "100 filters 10×10", lambda: nn.Conv2d(1, 100, 10, bias=False), (1, 200, 200)),
        ("28×28", "dense, 30 units", lambda: nn.Linear(28 * 28, 30), (28 * 28,)),
        ("28×28", "one 5×5 map", lambda: nn.Conv2d(1, 1, 5), (1, 28, 28)),
        ("32×32×3", "ten 5×5 filters", lambda: nn.Conv2d(3, 10, 5), (3, 32, 32)),
    )
    for case, name, build, shape in cases:
        yield Arm(name, _measured(build, shape), case)


def _measured(build: "Callable[[], nn.Module]", shape: Shape) -> dict[str, Any]:
    from zoo.extend import measure

    found = _trace(build, shape)
    total = measure(found, columns=["output", "params", "macs"], depth=0).total
    units = total["output"][1:]
    biased = any(op.input("bias") is not None for op in found.ops)
    return _cells(units, total["params"], total["macs"], prod(units) if biased else 0)


def _trace(build: "Callable[[], nn.Module]", shape: Shape) -> Any:
    from zoo.extend import trace
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        layer = build()
    return trace(layer, input=(1, *shape))


def _conv_op(build: "Callable[[], nn.Module]", shape: Shape) -> Op:
    op: Op = next(op for op in _trace(build, shape).ops if op.kind == "conv2d")
    return op


def _convolutions(target: str, input: Shape | None) -> list[tuple[str, Op]]:
    """Return the convolutions of a network, by the names of their rows."""
    from zoo.analysis.rows import group
    from zoo.extend import trace

    rows = group(trace(target, input=input and (1, *input)))
    found = [(row.name, op) for row in rows for op in row.ops if op.kind == "conv2d"]
    if not found:
        raise ZooError(f"{target} has no two-dimensional convolution")
    return found


def _lesson(arms: Sequence[Arm]) -> list[str]:
    cells = {arm.name: arm.cells for arm in arms}
    dense, sparse, conv = (cells[name] for name in ("dense", "sparse", "convolution"))
    return [
        f"The dense matrix stores {dense['stored']:,} numbers, the sparse one {sparse['stored']:,},",
        f"the convolution {conv['stored']:,}.",
        f"The convolution and the sparse matrix need {conv['operations']:,} operations, the dense matrix {dense['operations']:,}:",
        f"{ratio_text(dense['operations'], conv['operations'])} times as many.",
        "Sparsity saves operations; sharing weights saves memory.",
    ]


def _lesson_of_network(target: str, arms: Sequence[Arm]) -> list[str]:
    sums = {name: sum(arm.cells["stored"] for arm in arms if arm.name == name) for name in ("dense", "unshared", "convolution")}
    return [
        f"The convolutions of {target} have {sums['convolution']:,} weights; as locally connected layers they would have",
        f"{sums['unshared']:,}, {ratio_text(sums['unshared'], sums['convolution'])} times as many, and as dense matrices",
        f"{short(sums['dense'])}, {ratio_text(sums['dense'], sums['convolution'])} times as many.",
    ]


# The layer that PyTorch lacks


def _unshared(input: Shape, kernel: Shape, stride: int = 1, channels: int = 1, weight: "Tensor | None" = None) -> Any:
    """A locally connected layer: every unit has its own kernel. Weights are units × channels × fan-in."""
    import torch
    from torch import nn

    heights, widths = ((n - k) // stride + 1 for n, k in zip(input[1:], kernel, strict=True))
    shape = (heights * widths, channels, input[0] * prod(kernel))

    class Unshared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.empty(shape) if weight is None else weight.expand(shape).clone())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            patches = x.unfold(2, kernel[0], stride).unfold(3, kernel[1], stride)  # N × C × H × W × kernel
            patches = patches.permute(2, 3, 1, 4, 5, 0).reshape(heights * widths, -1, x.shape[0])  # units × fan-in × N
            y = torch.matmul(self.weight, patches)  # units × channels × N
            return y.permute(2, 1, 0).reshape(-1, channels, heights, widths)

    return Unshared()


# The check


def _proof(title: str, input: Shape, kernel: Shape, stride: int, channels: int) -> Table:
    """Run all four maps, made from one random kernel, on one random image."""
    import torch
    from torch.nn import functional as F

    cells = {arm.name: arm.cells for arm in _case(input, kernel, stride, channels)}
    needed = 3 * 4 * cells["dense"]["stored"]
    if needed > _MOST_BYTES:
        raise ZooError(
            f"--run on {sizes(input)} would need {needed / 2**30:,.1f} GiB for the dense matrix; "
            "use a smaller --input, such as 1x64x56"
        )
    seed = torch.Generator().manual_seed(0)
    image = torch.randn(1, *input, generator=seed)
    weight = torch.randn(channels, input[0], *kernel, generator=seed)
    units = prod(cells["dense"]["output"])
    out = (1, *cells["dense"]["output"])

    def convolve(x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, weight, stride=stride)

    basis = torch.eye(prod(input)).reshape(-1, *input)
    dense = convolve(basis).reshape(prod(input), units).T.contiguous()  # the Toeplitz matrix: units × inputs
    sparse = dense.to_sparse().coalesce()
    tied = _unshared(input, kernel, stride, channels, weight.reshape(1, channels, -1))
    free = _unshared(input, kernel, stride, channels, torch.randn(tied.weight.shape, generator=seed))
    ways: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], torch.Tensor]] = {
        "dense": (lambda x: (dense @ x.reshape(-1, 1)).reshape(out), dense),
        "sparse": (lambda x: torch.sparse.mm(sparse, x.reshape(-1, 1)).reshape(out), sparse),
        "unshared": (tied, tied.weight),
        "convolution": (convolve, weight),
        "unshared, own weights": (free, free.weight),
    }
    with torch.inference_mode():
        arms = [Arm(name, _proved(way, held, convolve, image, stride), "proof") for name, (way, held) in ways.items()]
    return arms_table(f"{title} On {sizes(input)}, {sizes(kernel)}", RUN_COLUMNS, arms, lesson=_proof_lesson(arms))


def _proved(
    way: "Callable[[Tensor], Tensor]", held: "Tensor", convolve: "Callable[[Tensor], Tensor]", image: "Tensor", stride: int
) -> Mapping[str, Any]:
    return {
        "stored": held.coalesce().values().numel() if held.is_sparse else held.numel(),
        "bytes": _bytes(held),
        "ms": _milliseconds(lambda: way(image)),
        "difference": float((way(image) - convolve(image)).abs().max()),
        "shift_error": _shift_error(way, image, stride),
    }


def _bytes(held: "Tensor") -> int:
    parts = (held.values(), held.indices()) if held.is_sparse else (held,)
    return sum(part.numel() * part.element_size() for part in parts)


def _milliseconds(function: "Callable[[], torch.Tensor]", runs: int = 7) -> float:
    import time

    spent = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        spent.append(time.perf_counter() - start)
    return float(f"{min(spent) * 1e3:.3g}")


def _shift_error(way: "Callable[[Tensor], Tensor]", image: "Tensor", stride: int) -> float:
    """Compare shifting the input down by `stride` pixels with shifting the output by one unit, away from the border."""
    import torch

    before = way(torch.roll(image, stride, dims=2))
    after = torch.roll(way(image), 1, dims=2)
    return float((before - after)[:, :, 1:].abs().max())


def _proof_lesson(arms: Sequence[Arm]) -> list[str]:
    cells = {arm.name: arm.cells for arm in arms}
    worst = max(cells[name]["difference"] for name in ("dense", "sparse", "unshared"))
    shift = max(cells[name]["shift_error"] for name in ("dense", "sparse", "convolution"))
    return [
        f"All four maps from one kernel give the same output, within {worst:.1e}.",
        f"Shifting the input instead of the output makes {f'a difference of {shift:.1e}' if shift else 'no difference'} for the",
        "convolution and its matrices,",
        f"but a difference of {cells['unshared, own weights']['shift_error']:.1f} for a locally connected layer with independent",
        "weights: equivariance comes from sharing weights.",
    ]


STUDY = Study("dense-vs-sparse-vs-conv", "What does a linear map cost as a matrix, and as a convolution?", run)
