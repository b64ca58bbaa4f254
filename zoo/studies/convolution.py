"""Convolution by hand: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 9.1; paddings as in section 9.5.

All values are exact: fractions, computed from the definition. With `run`, torch computes the same and its gradient of a shared
kernel is compared with the sum over the kernel's uses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

from zoo.extend import Arm, Column, Failed, Flag, PositiveInt, Study, Table, Text, ZooError, arms_table, sizes
from zoo.studies._grids import Grid, changed, correlated, flipped, padded, read, shown, size

COLUMNS = (
    Column("image", "values", "what the kernel slides over", hide_order=1),
    Column("kernel", "values", "as it is laid on the image", hide_order=0),
    Column("output", "values", "sums of products", hide_order=0),
    Column("differ", "values", "values that differ from the first arm's", hide_order=2),
)
IMAGE, KERNEL = "11100/01110/00111/00110/01100", "101/010/101"
ASYMMETRIC: Grid = tuple(tuple(map(Fraction, row)) for row in ((0, 1, 2), (3, 4, 5), (6, 7, 8)))
FILTERS: dict[str, Grid] = {
    "edge": ((Fraction(1), Fraction(-1)),),
    "blur": ((Fraction(1, 9),) * 3,) * 3,
}
NAMES = ("valid", "same", "full")


def run(
    image: Annotated[Text, "rows of the image, such as 11100/01110/00111"] = IMAGE,
    kernel: Annotated[Text, "rows of the kernel, such as '1 -1'"] = KERNEL,
    stride: Annotated[PositiveInt, "stride"] = 1,
    run: Annotated[Flag, "also compute with torch, compare, and compare the gradient with the sum over the kernel's uses"] = False,
) -> Table:
    """One kernel on one image: valid, same and full; flipped or not; an edge filter and a blur; the gradient of shared weights.

    Raises `ZooError` for text that is not a grid, and for a kernel larger than the image.
    """
    pixels, weights = read(image, "image"), read(kernel, "kernel")
    if any(k > n for k, n in zip(size(weights), size(pixels), strict=True)):
        raise ZooError(f"kernel: {_by(weights)} does not fit into an image of {_by(pixels)}")
    cases = [*_paddings(pixels, weights, stride), *_flips(pixels, weights, stride), *_filters(pixels, stride)]
    arms = [case.arm() for case in cases]
    failures: list[Failed] = []
    if run:
        from zoo.studies._by_torch import gradients, proved

        failures = [failed for one in cases for failed in proved(one.name, one.image, one.kernel, stride, one.output)]
        found, failed = gradients(pixels, weights, stride)
        failures += failed
        arms += [Arm(name, {"output": shown(grid)}, "gradient") for name, grid in found.items()]
    valid = correlated(pixels, weights, stride)
    return arms_table(
        f"convolution: what does a kernel of {_by(weights)} compute on an image of {_by(pixels)}?",
        COLUMNS,
        arms,
        notes=[*_notes(pixels, weights, stride, valid), *failures],
        lesson=list(_lesson(pixels, weights, stride, arms, run=run, failures=failures)),
    )


# Arms -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One kernel on one image that is padded already, and what it gives."""

    name: str
    group: str
    image: Grid
    kernel: Grid
    output: Grid
    differ: int | None = None

    def arm(self) -> Arm:
        """The case as a row."""
        grids = {name: shown(grid) for name, grid in (("image", self.image), ("kernel", self.kernel), ("output", self.output))}
        return Arm(self.name, {**grids, "differ": self.differ}, self.group)


def around(name: str, kernel: Grid, image: Grid, stride: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows above and below, and columns before and after, of a padding by its name; of an odd one, the larger half comes last."""
    if name == "valid":
        return (0, 0), (0, 0)
    if name == "full":
        return (size(kernel)[0] - 1,) * 2, (size(kernel)[1] - 1,) * 2
    found = []
    for n, k in zip(size(image), size(kernel), strict=True):
        both = max((-(-n // stride) - 1) * stride + k - n, 0)
        found.append((both // 2, both - both // 2))
    return found[0], found[1]


def _paddings(image: Grid, kernel: Grid, stride: int) -> Iterator[Case]:
    for name in NAMES:
        wide = padded(image, *around(name, kernel, image, stride))
        yield Case(name, "padding", wide, kernel, correlated(wide, kernel, stride))


def _formula(name: str, m: int, k: int, s: int) -> str:
    """m - k + 1 = 5 - 3 + 1 = 3; with a stride (m - k) / s + 1, rounded down."""
    if name == "same":
        return f"m = {m}" if s == 1 else f"ceil(m / s) = ceil({m} / {s}) = {-(-m // s)}"
    sign, span, rest = ("-", m - k, "+ 1") if name == "valid" else ("+", m + k - 2, "- 1")
    if s == 1:
        return f"m {sign} k {rest} = {m} {sign} {k} {rest} = {span + 1}"
    inside = "{m} - {k}" if name == "valid" else "{m} + {k} - 2"
    return f"floor(({inside.format(m='m', k='k')}) / s) + 1 = floor(({inside.format(m=m, k=k)}) / {s}) + 1 = {span // s + 1}"


def _flips(image: Grid, kernel: Grid, stride: int) -> Iterator[Case]:
    """The kernel as it is and flipped; and one that is not symmetric, if this one is."""
    for group, weights in (("kernel", kernel), ("asymmetric", ASYMMETRIC)):
        if group == "asymmetric" and (flipped(kernel) != kernel or min(size(image)) < len(ASYMMETRIC)):
            return
        first, other = (correlated(image, one, stride) for one in (weights, flipped(weights)))
        yield Case("cross-correlation", group, image, weights, first, differ=0)
        yield Case("convolution", group, image, flipped(weights), other, differ=changed(first, other))


def _filters(image: Grid, stride: int) -> Iterator[Case]:
    for name, weights in FILTERS.items():
        if all(k <= n for k, n in zip(size(weights), size(image), strict=True)):
            yield Case(name, "filter", image, weights, correlated(image, weights, stride))


def _by(grid: Grid) -> str:
    return sizes(size(grid))


# Words ----------------------------------------------------------------------------------------------------------------


def _notes(image: Grid, kernel: Grid, stride: int, valid: Grid) -> list[str]:
    seen = [image[a][b] for a in range(len(kernel)) for b in range(len(kernel[0]))]
    weights = [one for row in kernel for one in row]
    terms = " + ".join(f"{_plain(k)}*{_plain(x)}" for k, x in zip(weights, seen, strict=True))
    axes = list(zip(size(image), size(kernel), strict=True))
    formulas = (", ".join(dict.fromkeys(_formula(name, m, k, stride) for m, k in axes)) for name in NAMES)
    return [
        f"sizes, of an image of m, a kernel of k{f' and stride s = {stride}' if stride > 1 else ''}: "
        + "; ".join(f"{name} {formula}" for name, formula in zip(NAMES, formulas, strict=True))
        + ("" if stride > 1 else "; valid with stride s: floor((m - k) / s) + 1, or (m - k + s) / s where it fits"),
        f"the first value of valid: {terms} = {_plain(valid[0][0])}",
        "what libraries call convolution is cross-correlation: they lay the kernel on the image as it is; the convolution of "
        "mathematics flips it along both axes first",
        "padding is of zeros; values are exact, and shown to three digits; a gradient is that of the sum of the squared outputs",
    ]


def _plain(number: Fraction) -> str:
    return f"({float(number):.3g})" if number < 0 else f"{float(number):.3g}"


def _lesson(image: Grid, kernel: Grid, stride: int, arms: Sequence[Arm], *, run: bool, failures: Sequence[Failed]) -> Iterator[str]:
    """Sentences that quote the table."""
    if failures:
        yield f"The proof failed for {', '.join(dict.fromkeys(one.subject for one in failures))}: nothing follows from this table."
        return
    found = {arm.name: arm.cells["output"] for arm in arms if arm.type == "padding"}
    yield f"Valid gives {_shape(found['valid'])} values, same {_shape(found['same'])}, full {_shape(found['full'])}."
    yield _keeps(kernel) if stride == 1 else f"With stride {stride} the window moves by {stride} from value to value."
    differ = {arm.type: arm.cells["differ"] for arm in arms if arm.name == "convolution"}
    values = len(correlated(image, kernel, stride)) * len(correlated(image, kernel, stride)[0])
    if flipped(kernel) == kernel:
        yield "Flipping this kernel changes nothing, because it is symmetric;"
        changed = differ.get("asymmetric")
        told = f"flipping one that is not changes {changed} value{'s' if changed != 1 else ''}."
        yield told if "asymmetric" in differ else "others it changes."
    else:
        yield f"Flipping this kernel, which is not symmetric, changes {differ['kernel']} of {values} values."
    if run:
        yield f"torch gives the same values, and its gradient of the shared kernel is the sum of the gradients of {values} copies."


def _keeps(kernel: Grid) -> str:
    odd = [k % 2 for k in size(kernel)]
    if all(odd):
        by = " and ".join(dict.fromkeys(str((k - 1) // 2) for k in size(kernel)))
        return f"A padding of (k - 1)/2 = {by} preserves the size."
    return "A kernel of even size has no middle: to preserve the size, one zero more is needed after than before."


def _shape(text: str) -> str:
    rows = text.split("\n")
    return f"{len(rows)}×{len(rows[0].split())}"


STUDY = Study("convolution", "What does a convolution compute, with padding, flipping and shared weights?", run)
