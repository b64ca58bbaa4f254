"""One linear map, stored in four ways: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 9.2 and figure 9.6.

The layers are built and traced; nothing is allocated for them, but with `run`, whose proof is in `_one_map`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import (
    Arm,
    Column,
    Failed,
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
    sizes,
)

if TYPE_CHECKING:
    from torch import nn

    from zoo.extend import Note

COLUMNS = (
    Column("output", "elements per axis", "units: channels, height, width", hide_order=3),
    Column("padding", "elements", "zeros before and after each axis; valid: none", hide_order=2),
    Column("connections", "links", "links between inputs, biases and units", hide_order=1),
    Column("stored", "elements", "numbers that the layer holds; of a sparse matrix the values alone", hide_order=0),
    Column("bytes", "bytes", "of what it holds in float32; with the indices of a sparse matrix", hide_order=2),
    Column("moved", "bytes", "of what it holds, the input and the output: the least that is read and written", hide_order=3),
    Column("buffer", "bytes", "of the matrix of patches (im2col) with which a convolution becomes one product", hide_order=4),
    Column("multiplications", "operations", "for one image", hide_order=4),
    Column("additions", "operations", "for one image, biases included", hide_order=4),
    Column("operations", "operations", "multiplications and additions", hide_order=0),
    Column("flops", "FLOPs", "as zoo summary counts: 2 for each multiply-accumulate, 1 for each bias added", hide_order=4),
)
_MOST_BYTES = 2 << 30
_MOST_PRODUCTS = 2 * 10**10
_FLOAT, _INDEX = 4, 2 * 8  # bytes of a value, and of its row and column in torch's sparse matrices (COO)
_OUTSIDE = "a convolution multiplies the zeros of its padding too; the sparse matrix and the unshared layer have no entry for them"

Shape = tuple[int, ...]


def run(
    input: Annotated[Sizes | None, "channels, height and width, such as 1x320x280; or channels and length: 1x320"] = None,
    kernel: Annotated[Sizes | None, "height and width of the kernel, such as 5x5; or its length: 5"] = None,
    stride: Annotated[PositiveInt, "stride of the convolution"] = 1,
    channels: Annotated[PositiveInt, "output channels of the convolution"] = 1,
    on: Annotated[TargetName | None, "take every convolution of this network instead"] = None,
    run: Annotated[Flag, "build all four for a small image, compute, compare with the definition, and measure"] = False,
) -> Table:
    """Compare the cases of the textbook and of lectures; or one case of your own; or every convolution of a network.

    Raises `ZooError` for a kernel that does not fit, and for a `run` that would need too much memory.
    """
    title = "dense-vs-sparse-vs-conv: what does a linear map cost as a matrix, and as a convolution?"
    if on and (run or (kernel, stride, channels) != (None, 1, 1)):
        raise ZooError("option on uses the convolutions of a network as they are and supports only the option input")
    if on:
        arms = [arm for name, op in _convolutions(on, input) for arm in _four(name, op)]
        sums = _sums(arms)
        return _table(title, [*arms, *sums], _lesson_of_network(on, sums))
    if (input, kernel, stride, channels, run) != (None, None, 1, 1, False):
        image, window = _case_asked(input, kernel, run=run)
        if run:
            return _proof(title, image, window, stride, channels)
        arms = [*_case(image, window, stride, channels), *_unstrided(image, window, stride, channels)]
        return _table(title, arms, _lesson(arms))
    textbook = list(_case((1, 320, 280), (2, 1), 1, 1))
    return _table(title, [*textbook, *_lectures()], _lesson(textbook))


def _case_asked(input: Shape | None, kernel: Shape | None, *, run: bool) -> tuple[Shape, Shape]:
    """The case that is asked for, in two dimensions: a signal is an image of height 1."""
    image, window = input or ((1, 64, 56) if run else (1, 320, 280)), kernel or (2, 1)
    if input and not kernel and len(input) == 2:
        window = (2,)
    if kernel and not input and len(kernel) == 1:
        image = (1, 320)
    if (len(image), len(window)) not in {(3, 2), (2, 1)}:
        raise ZooError("expected input as CxHxW and kernel as HxW, such as 1x320x280 and 2x1; or CxL and L, such as 1x320 and 5")
    if len(image) == 2:
        return (image[0], 1, image[1]), (1, *window)
    return image, window


def _unstrided(image: Shape, window: Shape, stride: int, channels: int) -> Iterator[Arm]:
    """The convolution without its stride, if it has one."""
    if stride > 1:
        *_, conv = _case(image, window, 1, channels)
        yield replace(conv, name=UNSTRIDED)


UNSTRIDED = "convolution, stride 1"


def _table(title: str, arms: Sequence[Arm], lesson: Sequence[str]) -> Table:
    return arms_table(title, COLUMNS, arms, ratios=("stored",), notes=[_OUTSIDE, *_padded(arms)], lesson=lesson)


def _padded(arms: Sequence[Arm]) -> Iterator[str]:
    """Which cases are padded, if not all are alike; and what an unshared layer would hold with weights for the zeros too."""
    by_case = {arm.type: arm.cells for arm in arms if arm.name == "convolution" and arm.type != "all"}
    padded = [case for case, cells in by_case.items() if cells["padding"] != "valid"]
    if padded and len(padded) < len(by_case):
        yield f"padded with zeros: {', '.join(padded)}; the others are valid, without padding"
    for case in padded[:1]:
        products = by_case[case]["multiplications"]
        yield f"if the unshared layer of {case} had weights for the zeros too, as lectures count, it would hold {products:,}"


# Counting


def _case(input: Shape, kernel: Shape, stride: int, channels: int) -> Iterator[Arm]:
    from torch import nn

    if any(k > n for k, n in zip(kernel, input[1:], strict=True)):
        raise ZooError(f"kernel: {kernel[0]}×{kernel[1]} does not fit into an image of {input[1]}×{input[2]}")
    op = _conv_op(lambda: nn.Conv2d(input[0], channels, (kernel[0], kernel[1]), stride, bias=False), input)
    yield from _four(_named(input, kernel), op)


def _named(image: Shape, window: Shape) -> str:
    """1×320×280, 2×1; of a signal 1×320, 5."""
    signal = image[1] == window[0] == 1
    return f"{sizes((image[0], image[2]) if signal else image)}, {sizes(window[1:] if signal else window)}"


def _four(case: str, op: Op, *, biased: bool = False, padding: Shape = ()) -> Iterator[Arm]:
    """The map of one convolution, held in four ways that read the same image and give the same units.

    Biases are counted where it is `biased`: one for each unit, and one for each map of the convolution. `padding` is what another
    layer has added before and after each axis of its input.
    """
    units, weight, image = op.output.shape[1:], op.inputs[1], op.inputs[0]
    before, total = padding[:1] or (0,), sum(padding)
    pixels = prod(n - total for n in image.shape[2:]) * image.shape[1]
    links, biases, products = _links(op, before[0], total), prod(units) if biased else 0, prod(units) * prod(weight.shape[1:])
    ends = (pixels + prod(units)) * _FLOAT
    all_links = prod(units) * pixels
    dense = _cells(units, all_links, all_links, all_links, biases, ends)
    free = _cells(units, links, links, links, biases, ends)
    around = {"padding": _padding_of(op, padding)}
    yield Arm("dense", dense | around, case)
    yield Arm("sparse", {**free, **around, **{name: free[name] + links * _INDEX for name in ("bytes", "moved")}}, case)
    yield Arm("unshared", free | around, case)
    shared = _cells(units, links, weight.numel, products, biases, ends, units[0] if biased else 0)
    patches = prod(units[1:]) * image.shape[1] * prod(weight.shape[2:])
    yield Arm("convolution", {**shared, **around, "buffer": patches * _FLOAT}, case)


def _padding_of(op: Op, around: Shape) -> str:
    """valid, a number, or the zeros before and after: 4+5."""
    own = each_axis(op.attrs["padding"], 2)
    if around:
        return "+".join(map(str, around))
    return "valid" if not any(own) else sizes(own) if len(set(own)) > 1 else str(own[0])


def _links(op: Op, before: int = 0, total: int = 0) -> int:
    """Elements of the matrix that are not zero: pairs of a unit and a pixel that it sees, the padding not among them.

    `before` and `total` are what another layer has padded along each axis.
    """
    weight = op.inputs[1]
    along = [
        sum(0 <= i * s - p - before + d * t < n - total for i in range(out) for t in range(k))
        for out, n, k, s, p, d in zip(
            op.output.shape[2:],
            op.inputs[0].shape[2:],
            weight.shape[2:],
            *(each_axis(op.attrs[name], 2) for name in ("stride", "padding", "dilation")),
            strict=True,
        )
    ]
    return int(prod(along)) * weight.shape[0] * weight.shape[1]


def _cells(
    units: Sequence[int], links: int, weights: int, multiplications: int, biases: int, ends: int, held: int | None = None
) -> dict[str, Any]:
    """A unit adds one time less than it multiplies, and its bias; `held` biases are stored, by default all."""
    additions = multiplications - prod(units) + biases
    stored = weights + (biases if held is None else held)
    return {
        "output": list(units),
        "connections": links + biases,
        "stored": stored,
        "bytes": stored * _FLOAT,
        "moved": stored * _FLOAT + ends,
        "multiplications": multiplications,
        "additions": additions,
        "operations": multiplications + additions,
        "flops": 2 * multiplications + biases,
    }


def _lectures() -> Iterator[Arm]:
    """Cases that lectures count: 200×200 units that each see 10×10 of as many pixels, grey or colour; 5×5 kernels with biases."""
    from torch import nn

    around = (4, 5)  # of zeros, so that there are as many units as pixels
    for maps, channels in ((1, 1), (3, 1), (1, 100)):
        layers = nn.ZeroPad2d(around * 2), partial(nn.Conv2d, maps, channels, 10, bias=False)
        build = lambda layers=layers: nn.Sequential(layers[0], layers[1]())  # noqa: E731
        yield from _four(f"{maps}×200×200, {channels} of 10×10", _conv_op(build, (maps, 200, 200)), padding=around)
    yield from _four("1×28×28, 1 of 5×5", _conv_op(lambda: nn.Conv2d(1, 1, 5), (1, 28, 28)), biased=True)
    yield from _four("3×32×32, 10 of 5×5", _conv_op(lambda: nn.Conv2d(3, 10, 5, padding=2), (3, 32, 32)), biased=True)


def _conv_op(build: "Callable[[], nn.Module]", shape: Shape) -> Op:
    """The convolution of a module that has one, built without memory and traced."""
    from zoo.extend import trace
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        layer = build()
    op: Op = next(op for op in trace(layer, input=(1, *shape)).ops if op.kind == "conv2d")
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


# Lessons


def _lesson(arms: Sequence[Arm]) -> list[str]:
    """Sentences that quote the table."""
    cells = {arm.name: arm.cells for arm in arms}
    dense, sparse, conv = (cells[name] for name in ("dense", "sparse", "convolution"))
    said = [
        f"The dense matrix stores {dense['stored']:,} numbers, the sparse one {sparse['stored']:,},",
        f"the convolution {conv['stored']:,}.",
        f"zoo summary prints {conv['flops']:,} FLOPs for it, {conv['flops'] - conv['operations']:,} more than its operations:",
        f"2 for each of {conv['multiplications']:,} multiply-accumulates, though the first product of each unit needs no addition.",
    ]
    if dense["operations"] == sparse["operations"]:
        said += [f"No entry of the matrix is zero: all take {dense['operations']:,} operations, and sparseness saves nothing."]
    else:
        said += [
            f"Convolution and sparse matrix take {sparse['operations']:,} operations, the dense matrix {dense['operations']:,}:",
            f"{ratio_text(dense['operations'], sparse['operations'])} times as many. Sparseness saves the work.",
        ]
    if sparse["stored"] == conv["stored"]:
        said += ["Each weight is used once: sharing saves nothing."]
    else:
        more = ratio_text(sparse["stored"], conv["stored"])
        said += [f"Sharing the weights saves the numbers: the sparse matrix stores {more} times as many as the convolution."]
    return [*said, *_strided(conv, cells.get(UNSTRIDED)), *_indices(dense, sparse)]


def _strided(conv: Mapping[str, Any], plain: Mapping[str, Any] | None) -> Iterator[str]:
    """What the stride saves, and sharing does not."""
    if plain is not None:
        work = ratio_text(plain["operations"], conv["operations"])
        yield f"Without its stride the convolution would take {work} times the operations ({plain['operations']:,}) and give"
        yield f"{sizes(plain['output'])} values instead of {sizes(conv['output'])}: a stride saves work and storage, sharing saves"
        yield "storage and no work."


def _indices(dense: Mapping[str, Any], sparse: Mapping[str, Any]) -> Iterator[str]:
    """What the row and the column of each value cost, where that is more than the zeros that they spare."""
    if sparse["bytes"] >= dense["bytes"]:
        yield f"With its indices the sparse matrix takes {sparse['bytes']:,} bytes, the dense one {dense['bytes']:,}."


def _sums(arms: Sequence[Arm]) -> list[Arm]:
    """Each way over all convolutions."""
    names = ("connections", "stored", "bytes", "multiplications", "additions", "operations", "flops")
    ways = dict.fromkeys(arm.name for arm in arms)
    return [Arm(way, {name: sum(arm.cells[name] for arm in arms if arm.name == way) for name in names}, "all") for way in ways]


def _lesson_of_network(target: str, arms: Sequence[Arm]) -> list[str]:
    sums = {arm.name: arm.cells["stored"] for arm in arms}
    said = f"The convolutions of {target} hold {sums['convolution']:,} weights"
    if sums["unshared"] == sums["convolution"]:
        return [f"{said}, and none of them serves at more than one position."]
    return [
        f"{said}; as locally connected layers they would hold",
        f"{sums['unshared']:,}, {ratio_text(sums['unshared'], sums['convolution'])} times as many, and as dense matrices",
        f"{short(sums['dense'])}, {ratio_text(sums['dense'], sums['convolution'])} times as many.",
    ]


# The proof


def _proof(title: str, input: Shape, kernel: Shape, stride: int, channels: int) -> Table:
    """Run all four maps, made from one random kernel, on one random image."""
    import torch

    from zoo.studies import _one_map

    cells = {arm.name: arm.cells for arm in _case(input, kernel, stride, channels)}
    if cells["sparse"]["bytes"] > _MOST_BYTES or cells["dense"]["stored"] > _MOST_PRODUCTS:
        raise ZooError(f"--run on {sizes(input)} would take minutes; use a smaller --input, such as 1x64x56")
    whole = 3 * cells["dense"]["bytes"] <= _MOST_BYTES
    seed = torch.Generator().manual_seed(0)
    image = torch.randn(1, *input, generator=seed)
    weight = torch.randn(channels, input[0], *kernel, generator=seed)
    arms, failures = _one_map.proof(image, weight, stride, cells["sparse"]["stored"], whole=whole)
    notes: list[Note | str] = [*([] if whole else [_one_map.BY_ROWS]), *failures]
    lesson = _proof_lesson(arms, failures)
    return arms_table(f"{title} On {_named(input, kernel)}", _one_map.COLUMNS, arms, notes=notes, lesson=lesson)


def _proof_lesson(arms: Sequence[Arm], failures: Sequence[Failed]) -> list[str]:
    from zoo.studies._one_map import CONTROL, SAME

    if failures:
        subjects = ", ".join(dict.fromkeys(failed.subject for failed in failures))
        return [f"The proof failed for {subjects}: nothing follows from this table."]
    cells = {arm.name: arm.cells for arm in arms}
    said = [
        "Each of the four gives the output of the definition, to within",
        f"{max(cells[name]['difference'] for name in SAME):.1e}; rounding allows {cells['convolution']['allowed']:.1e}.",
    ]
    shift = [error for name in SAME if (error := cells[name]["shift_error"]) is not None]
    if not shift:
        return [*said, "One unit along each axis leaves no shift to compare."]
    return [
        *said,
        f"Shifting before or after makes {f'a difference of {max(shift):.1e}' if max(shift) else 'no difference'} to them,",
        f"but {cells[CONTROL]['shift_error']:.1f} to a locally connected layer with weights of its own: equivariance comes from",
        "sharing.",
    ]


STUDY = Study("dense-vs-sparse-vs-conv", "What does a linear map cost as a matrix, and as a convolution?", run)
