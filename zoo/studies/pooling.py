"""Pooling: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 9.3, whose figure 9.8 gives the default signal.

Values are exact and computed from the definition, without torch; with `run`, torch's poolings are compared with them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod, sqrt
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Failed, Flag, PositiveInt, Study, Table, Text, ZooError, arms_table, ratio_text, sizes
from zoo.studies._grids import Grid, changed, flipped, read, shown, size, slid, tensor

if TYPE_CHECKING:
    from torch import nn

COLUMNS = (
    Column("before", "values", "what is pooled", hide_order=0),
    Column("after", "values", "what the pooling gives", hide_order=0),
    Column("changed", "values", "inputs and outputs whose value changes", hide_order=0),
    Column("params", "elements", "parameters of the pooling", hide_order=1),
    Column("units", "units", "outputs of the pooling, which the convolution above reads", hide_order=1),
    Column("macs", "multiply-accumulates", "of a 3×3 convolution above", hide_order=1),
)
IMAGE, SIGNAL = "1 1 2 4/5 6 7 8/3 2 1 0/1 2 3 4", "0.3 0.1 1 0.2 0.1"
ABOVE = (16, 32, 32)
"""Maps and sides of the input of what is computed above."""

Reduction = Callable[[Sequence[Fraction]], Fraction]


def run(
    image: Annotated[Text, "rows of the image, such as '1 1 2 4/5 6 7 8'"] = IMAGE,
    window: Annotated[PositiveInt, "side of the window"] = 2,
    stride: Annotated[PositiveInt | None, "stride, by default the window"] = None,
    signal: Annotated[Text, "a signal to shift by one: the value that comes in, then the others"] = SIGNAL,
    run: Annotated[Flag, "also compute with torch and compare"] = False,
) -> Table:
    """The kinds of pooling on one image; what a stride saves above; and how many values change if the input moves by one pixel.

    Raises `ZooError` for text that is not a grid, and for a window larger than the image.
    """
    pixels, values = read(image, "image"), read(signal, "signal")
    step = stride or window
    if window > min(size(pixels)) or window > ABOVE[1]:
        raise ZooError(f"window: {window}×{window} does not fit into an image of {sizes(size(pixels))}")
    if len(values) != 1 or len(values[0]) < 3:
        raise ZooError("signal: expected one row of at least 3 numbers")
    kinds = _kinds(pixels, window, step)
    shifts = list(_shifts(values[0], max(window, 3)))
    failures = [failed for one in (*kinds, *shifts) for failed in _proved(one)] if run else []
    above = list(_above(window, step))
    arms = [*(one.arm() for one in (*kinds, *shifts)), *above]
    return arms_table(
        "pooling: what does pooling compute, cost and save?",
        COLUMNS,
        arms,
        ratios=("macs",),
        notes=[*_notes(window, step), *failures],
        lesson=list(_lesson(window, step, arms, failures, run=run)),
    )


@dataclass(frozen=True)
class Case:
    """Some maps before and after; `torch` is what torch computes of them, with the maps as channels."""

    name: str
    group: str
    before: tuple[Grid, ...]
    after: Grid
    torch: Callable[[Any], Any]
    changed: str | None = None

    def arm(self) -> Arm:
        """The case as a row; several maps stand below each other."""
        before = "\n\n".join(map(shown, self.before))
        return Arm(self.name, {"before": before, "after": shown(self.after), "changed": self.changed, "params": 0}, self.group)


# Kinds ----------------------------------------------------------------------------------------------------------------


def _mean(seen: Sequence[Fraction]) -> Fraction:
    return sum(seen, Fraction(0)) / len(seen)


def _length(seen: Sequence[Fraction]) -> Fraction:
    return Fraction(sqrt(sum(one * one for one in seen)))


REDUCTIONS: Mapping[str, Reduction] = {"max": max, "average": _mean, "L2": _length}


def pooled(name: str, maps: Any, window: int, stride: int) -> Any:
    """torch's pooling of this name, on 1×C×H×W."""
    from torch.nn import functional as F

    functions: Mapping[str, Callable[[], Any]] = {
        "max": lambda: F.max_pool2d(maps, window, stride),
        "average": lambda: F.avg_pool2d(maps, window, stride),
        "L2": lambda: F.lp_pool2d(maps, 2.0, window, stride),
        "L2 over features": lambda: maps.norm(dim=1, keepdim=True),
        "cross-channel max": lambda: maps.amax(dim=1, keepdim=True),
    }
    return functions[name]()


def _kinds(image: Grid, window: int, stride: int) -> list[Case]:
    """Over windows of one map; and over two maps at each pixel, the second of which is the first, turned."""

    def by_torch(name: str) -> Callable[[Any], Any]:
        return lambda maps: pooled(name, maps, window, stride)

    found = [
        Case(name, "windows", (image,), slid(image, (window, window), stride, reduce), by_torch(name))
        for name, reduce in REDUCTIONS.items()
    ]
    both = (image, flipped(image))
    for name, reduce in (("L2 over features", _length), ("cross-channel max", max)):
        after = tuple(tuple(reduce(pair) for pair in zip(*rows, strict=True)) for rows in zip(*both, strict=True))
        found.append(Case(name, "maps", both, after, by_torch(name)))
    return found


# Shifts ---------------------------------------------------------------------------------------------------------------


def _shifts(signal: Sequence[Fraction], window: int) -> Iterator[Case]:
    """The signal before and after it moves by one; windows around each value, then every second of them."""
    old, new = (tuple(signal[1:]),), (tuple(signal[:-1]),)
    before = changed(old, new)
    for name, reduce in (("max", max), ("average", _mean)):
        for stride in (1, 2):
            first, second = (_around(one, window, stride, reduce) for one in (old, new))
            said = f"{before} of {len(old[0])} inputs\n{changed(first, second)} of {len(first[0])} outputs"
            by_torch = _torch_around(name, window, stride)
            yield Case(f"{name} /{stride}", "shift", (old + new,), first + second, by_torch, said)


def _around(signal: Grid, window: int, stride: int, reduce: Reduction) -> Grid:
    """Windows around each value; those at the ends hold fewer."""
    half, row = window // 2, signal[0]
    return (tuple(reduce(row[max(i - half, 0) : i - half + window]) for i in range(0, len(row), stride)),)


def _torch_around(name: str, window: int, stride: int) -> Callable[[Any], Any]:
    from torch.nn import functional as F

    def run(rows: Any) -> Any:
        half = window // 2
        if name == "max":
            found = F.max_pool2d(F.pad(rows, (half, window - 1 - half), value=float("-inf")), (1, window), 1)
        else:
            sums, counts = (
                F.avg_pool2d(F.pad(one, (half, window - 1 - half)), (1, window), 1) for one in (rows, rows.new_ones(rows.shape))
            )
            found = sums / counts
        return found[..., ::stride]

    return run


# Above ----------------------------------------------------------------------------------------------------------------


def _above(window: int, stride: int) -> Iterator[Arm]:
    """A 3×3 convolution that reads all pixels, and one that reads a pooling with stride 1 and with the stride given."""
    from torch import nn

    poolings: dict[str, list[nn.Module]] = {"no pooling": []}
    for step in dict.fromkeys((1, stride)):
        poolings[f"pooling /{step}"] = [nn.MaxPool2d(window, step)]
    for name, pooling in poolings.items():
        yield Arm(name, _cells(pooling), "above")


def _cells(pooling: "list[nn.Module]") -> dict[str, Any]:
    from torch import nn

    from zoo.extend import measure, trace
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        net = nn.Sequential(*pooling, nn.Conv2d(ABOVE[0], ABOVE[0], 3, padding=1))
    found = trace(net, input=(1, *ABOVE))
    total = measure(found, columns=["macs"], depth=0).total
    read_by = next(op.inputs[0] for op in found.ops if op.kind == "conv2d")
    params = sum(param.numel() for layer in pooling for param in layer.parameters())
    return {"params": params, "units": prod(read_by.shape), "macs": total["macs"]}


# Words and proof ------------------------------------------------------------------------------------------------------


def _notes(window: int, stride: int) -> list[str]:
    maps, side = ABOVE[0], ABOVE[1]
    return [
        f"windows: {window}×{window}, stride {stride}, of one map; maps: at each pixel of two maps, the image and the "
        "image turned by half a turn",
        "L2: the square root of the sum of squares; cross-channel max: the largest value of each pixel, as in maxout",
        "shift: the upper row is the signal, the lower one the signal moved by one; windows are centred on each value, and "
        "at the ends hold fewer",
        f"above: a 3×3 convolution of {maps} maps to {maps}, on {side}×{side} pixels or what the pooling leaves",
    ]


def _lesson(window: int, stride: int, arms: Sequence[Arm], failures: Sequence[Failed], *, run: bool) -> Iterator[str]:
    """Sentences that quote the table."""
    if failures:
        yield f"The proof failed for {', '.join(dict.fromkeys(one.subject for one in failures))}: nothing follows from this table."
        return
    params = sum(arm.cells["params"] for arm in arms)
    yield "Pooling has no weights." if params == 0 else f"These poolings have {params} weights."
    cells = {arm.name: arm.cells for arm in arms}
    none, one, last = (cells[name]["macs"] for name in ("no pooling", "pooling /1", f"pooling /{stride}"))
    if stride > 1:
        yield f"With stride 1 it saves {_saved(none, one)} of the work above; with stride {stride} the convolution above takes"
        yield f"{last:,} MACs instead of {none:,}, which is {ratio_text(none, last)} times as many."
    else:
        yield f"With stride 1 the convolution above still takes {one:,} of {none:,} MACs: only a larger stride saves work."
    yield f"If the signal moves by one, max pooling of {max(window, 3)} values with stride 1 changes {_changed(cells['max /1'])};"
    yield f"average pooling changes {_changed(cells['average /1'])}."
    if run:
        yield "torch gives the same values."


def _changed(cells: Mapping[str, Any]) -> str:
    return str(cells["changed"]).replace("\n", " and ")


def _saved(before: int, after: int) -> str:
    return "nothing" if before == after else f"{1 - after / before:.1%}"


def _proved(one: Case) -> Iterator[Failed]:
    """Nothing if torch gives the values of the definition, to within the rounding of float64."""
    import torch

    maps = torch.cat([tensor(grid) for grid in one.before], dim=1)
    found, expected = one.torch(maps), tensor(one.after)
    if found.shape != expected.shape or not torch.allclose(found, expected, rtol=1e-12, atol=1e-12):
        yield Failed(f"{one.name} ({one.group})", "values of torch against the definition", "other values", "the same values")


STUDY = Study("pooling", "What does pooling compute, what does it cost, and what does it save?", run)
