"""Claims of lectures about layers that are only described: sizes, parameters, connectivity. Nothing printed is an input."""

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from zoo.extend import measure, sizes
from zoo.studies._claim import Claim

if TYPE_CHECKING:
    from zoo.extend import Row, Trace


# Layers that are only described -----------------------------------------------------------------------------------------


@cache
def _described(input: str, layers: str) -> "tuple[Trace, Sequence[Row]]":
    from zoo.models.by_hand import trace_of
    from zoo.models.described import read

    found = trace_of([int(n) for n in input.split("x")], read(layers))
    return found, measure(found, columns=["output", "params", "macs", "rf"]).rows


def output_of(input: str, layers: str, row: int = -1) -> str:
    """Height and width, or length, after a layer: 24×24."""
    return sizes(_described(input, layers)[1][row].cells["output"][2:])


def _volume(input: str, layers: str) -> str:
    """Height×width×maps, as lectures write volumes: 28×28×6."""
    _, maps, *sides = _described(input, layers)[1][-1].cells["output"]
    return sizes((*sides, maps))


def params_of(input: str, layers: str, row: int | None = None) -> int:
    """Parameters of all layers, or of one row."""
    rows = _described(input, layers)[1]
    return sum(one.cells["params"] for one in (rows if row is None else rows[row : row + 1]))


def _fit(input: str, layers: str) -> str:
    """The output's size, or that the last window leaves some of the input unseen."""
    from zoo.extend import rule_of

    op = next(op for op in reversed(_described(input, layers)[0].ops) if op.kind.startswith("conv"))
    window = rule_of(op).window
    rest = any(axis.rest for axis in (window(op) if window else None) or ())
    return f"does not fit: {output_of(input, layers)}, the last row and column unseen" if rest else output_of(input, layers)


def _sizes() -> Iterator[Claim]:
    def say(by: str, about: str, printed: str, image: str, layers: str) -> Claim:
        return Claim("sizes", by, about, printed, lambda: output_of(image, layers))

    yield say("A B", "28×28, 5×5, valid", "24×24", "1x28x28", "conv 1 5x5 valid")
    yield say("B", "4×4, 3×3", "2×2", "1x4x4", "conv 1 3x3")
    yield say("B", "4×4, 2×2", "3×3", "1x4x4", "conv 1 2x2")
    yield say("A", "3×4, 2×2", "2×3", "1x3x4", "conv 1 2x2")
    yield say("A E", "5×5, 3×3", "3×3", "1x5x5", "conv 1 3x3")
    yield say("B", "5×7 with zeros, 3×3/2", "3×4", "1x5x7", "conv 1 3x3/2 pad 1")
    yield say("C", "7×7, 3×3/1", "5×5", "1x7x7", "conv 1 3x3")
    yield say("C", "7×7, 3×3/2", "3×3", "1x7x7", "conv 1 3x3/2")
    yield Claim(
        "sizes",
        "C",
        "7×7, 3×3/3",
        "does not fit",
        lambda: _fit("1x7x7", "conv 1 3x3/3"),
        "libraries round down and do not say so",
        lambda found: found.startswith("does not fit"),
    )
    yield say("C", "7×7, 3×3/1, pad 1", "7×7", "1x7x7", "conv 1 3x3 pad 1")
    for kernel, printed in ((3, "1"), (5, "2"), (7, "3")):
        yield Claim("sizes", "C", f"pad that keeps it, F = {kernel}", printed, partial(_preserving, kernel))
    chain = "conv 1 5x5 | conv 1 5x5"
    yield Claim(
        "sizes",
        "C",
        "32, then 5×5 twice",
        "28, 24",
        lambda: ", ".join(output_of("3x32x32", chain, i).partition("×")[0] for i in (0, 1)),
    )
    yield Claim("sizes", "C B", "32×32×3, six 5×5", "28×28×6", lambda: _volume("3x32x32", "conv 6 5x5"))
    yield Claim("sizes", "C B", "32×32×3, units of five 5×5", "28×28×5", lambda: _volume("3x32x32", "conv 5 5x5"))
    yield Claim("sizes", "C B", "filter of 5×5 on 32×32×3", "5×5×3", _full_depth, "filters extend the full depth of the input")
    yield Claim("sizes", "B", "32×32×3, ten 5×5, pad 2", "32×32×10", lambda: _volume("3x32x32", "conv 10 5x5 pad 2"))


def _preserving(kernel: int) -> str:
    side = 32
    fits = (p for p in range(kernel) if output_of(f"1x{side}x{side}", f"conv 1 {kernel}x{kernel} pad {p}") == f"{side}×{side}")
    return str(next(fits))


def _full_depth() -> str:
    """Height, width and maps of the weight of one filter."""
    weight = _described("3x32x32", "conv 6 5x5")[0].ops[0].inputs[1].shape
    return sizes((*weight[2:], weight[1]))


def _parameters() -> Iterator[Claim]:
    say = partial(Claim, "parameters")
    for about, printed, image, layer in (
        ("784 to 30, fully connected", "23,550", "784", "fc 30"),
        ("one shared 5×5 map", "26", "1x28x28", "conv 1 5x5"),
        ("32×32×3, ten 5×5", "760", "3x32x32", "conv 10 5x5 pad 2"),
    ):
        yield say("B", about, printed, partial(params_of, image, layer), _working(image, layer))
    yield say("A", "perceptron 784-500-10", "397,510", lambda: params_of("784", "fc 500 | relu | fc 10"))
    keras = "conv 32 3x3 | pool 2x2 | flatten"
    yield say("B", "28×28×3, Conv2D(32, 3×3)", "896", lambda: params_of("3x28x28", keras, 0))
    yield say("B", "its output", "26×26×32", lambda: _volume("3x28x28", "conv 32 3x3"))
    yield say("B", "then MaxPool 2×2, output", "13×13×32", lambda: _volume("3x28x28", "conv 32 3x3 | pool 2x2"))
    yield say("B", "then flattened", "5,408", lambda: _described("3x28x28", keras)[1][-1].cells["output"][1])
    text = "conv 32 5 | pool 3 | gap"
    yield say("B", "21×128, Conv1D(32, 5)", "20,512", lambda: params_of("128x21", text, 0))
    yield say("B", "words that a unit sees", "", lambda: _described("128x21", text)[1][0].cells["rf"]["size"][0])
    yield say("B", "its length", "17", lambda: int(output_of("128x21", text, 0)))
    yield say("B", "then MaxPool1D(3), length", "5", lambda: int(output_of("128x21", text, 1)))
    yield say("B", "then global max, numbers", "32", lambda: _described("128x21", text)[1][-1].cells["output"][1])
    yield say("B", "embedding 10,000×128", "1,280,000", _embedding)


def _working(input: str, layers: str) -> str:
    """The parameters of the first layer as products: 30×784 + 30."""
    op = _described(input, layers)[0].ops[0]
    shapes = [sizes(value.shape) for value in op.inputs[1:]]
    return f"{' + '.join(shapes)}: weights and biases"


def _embedding() -> int:
    from torch import nn

    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        return sum(param.numel() for param in nn.Embedding(10_000, 128).parameters())


def _connectivity() -> Iterator[Claim]:
    say = partial(Claim, "connectivity")
    yield say("C D", "200×200 to 40,000, dense", "1.6×10^9", lambda: _dense("1x200x200"))
    yield say("D", "the same in colour", "4.8×10^9", lambda: _dense("3x200x200"))
    local = "each unit has 100 weights, those over the zeros of the padding included"
    yield say("C", "locally connected, 10×10", "4M", lambda: _local("1x200x200", 10), reason=local)
    yield say("C", "without weights over the zeros", "", _inside)
    yield say("C", "100 shared filters of 10×10", "10K", lambda: params_of("1x200x200", "conv 100 10x10 same no bias"))
    yield say("C", "320×280, 2×1: numbers", "2", lambda: params_of("1x320x280", "conv 1 2x1 no bias"))
    yield say("C", "its operations", "267,960", _operations, reason="2 multiplications and 1 addition for each unit")
    yield say(
        "C",
        "its FLOPs in zoo summary",
        "",
        _flops,
        reason="2 for each multiply-accumulate: a unit's first product counts an addition too",
    )
    yield say(
        "C", "as a dense matrix, numbers", "over 8×10^9", lambda: _dense_of("1x320x280", "2x1"), verdict=lambda n: n > 8 * 10**9
    )
    yield say(
        "C",
        "as a dense matrix, operations",
        "over 16×10^9",
        lambda: 2 * _dense_of("1x320x280", "2x1") - _units("1x320x280", "2x1"),
        verdict=lambda n: n > 16 * 10**9,
    )
    yield say(
        "C", "as a sparse matrix, numbers", "178,640", lambda: _described("1x320x280", "conv 1 2x1 no bias")[1][0].cells["macs"]
    )


def _units(input: str, kernel: str) -> int:
    return _described(input, f"conv 1 {kernel} no bias")[0].outputs[0].numel


def _dense_of(input: str, kernel: str) -> int:
    """Numbers of the dense matrix of a convolution: each unit reads each input."""
    return _units(input, kernel) * _described(input, f"conv 1 {kernel} no bias")[0].inputs[0].numel


def _dense(input: str) -> int:
    """Weights of a fully connected layer with a unit for each pixel."""
    return params_of(input, f"fc {_pixels(input)}") - _pixels(input)


def _pixels(input: str) -> int:
    _, height, width = map(int, input.split("x"))
    return height * width


def _local(input: str, side: int) -> int:
    """A window of weights for each pixel."""
    return _pixels(input) * params_of(input, f"conv 1 {side}x{side} same no bias")


def _inside() -> int:
    """Pairs of one of 200×200 units and a pixel in its window of 10×10, which begins 4 pixels before it."""
    along = sum(0 <= i - 4 + t < 200 for i in range(200) for t in range(10))
    return along**2


def _operations() -> int:
    macs = _described("1x320x280", "conv 1 2x1 no bias")[1][0].cells["macs"]
    return 2 * int(macs) - _units("1x320x280", "2x1")


def _flops() -> int:
    return int(measure(_described("1x320x280", "conv 1 2x1 no bias")[0], columns=["flops"], depth=0).total["flops"])


TOPICS = (_sizes, _parameters, _connectivity)
