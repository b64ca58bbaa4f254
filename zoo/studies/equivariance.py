"""Which layers shift their output when the input is shifted: Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 9.2.

f is a layer, g a shift that wraps around. All values are integers, computed from the definition; with `run`, torch computes the
same layers on an image, along both axes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Failed, Flag, PositiveInt, Study, Table, TargetName, ZooError, arms_table, rule_of

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.extend import Trace

LENGTH = 24
KERNEL = (2, -1, 3)
Signal = Sequence[int]
Layer = Callable[[Signal], Signal]


def run(
    shift: Annotated[PositiveInt, "the largest shift, in pixels"] = 4,
    stride: Annotated[PositiveInt, "stride of the layers that have one"] = 2,
    on: Annotated[TargetName | None, "list instead the shifts that the maps of this network follow"] = None,
    run: Annotated[Flag, "also compute with torch on an image, along both axes, and compare"] = False,
) -> Table:
    """Compare f(g(x)) with g(f(x)) for shifts g of 1, 2, ... pixels and kinds of layers f; or list the strides of a network.

    Raises `ZooError` for shifts and strides that leave nothing to compare, and for `on` with other options.
    """
    title = "equivariance: does the output shift with the input?"
    if on is not None:
        if run or (shift, stride) != (4, 2):
            raise ZooError("option on lists the strides of a network as it is and supports no other option")
        return _of_network(on)
    if shift > LENGTH // 3 or LENGTH % stride or stride == LENGTH:
        raise ZooError(f"expected a shift up to {LENGTH // 3} and a stride that divides {LENGTH}, got {shift} and {stride}")
    cases = _cases(stride)
    columns = (
        Column("stride", "pixels", "by which the input moves when the output moves by one", hide_order=1),
        *(Column(f"shift_{d}", "text", f"outputs that differ after a shift by {d}", hide_order=0) for d in range(1, shift + 1)),
        Column("equivariant", "text", "the shifts that the output follows", hide_order=1),
    )
    found = {one.name: {d: _differ(one, d) for d in range(1, shift + 1)} for one in cases}
    arms = [Arm(one.name, _cells(one, found[one.name]), one.group) for one in cases]
    failures = [failed for one in cases for failed in _by_torch(one, found[one.name])] if run else []
    return arms_table(
        title, columns, arms, notes=[*_notes(stride), *failures], lesson=list(_lesson(cases, found, stride, failures, run=run))
    )


@dataclass(frozen=True)
class Case:
    """A layer f; the name says how it is compared. `torch` computes it on 1×1×H×W along the last axis."""

    name: str
    group: str
    layer: Layer
    torch: "Callable[[Tensor], Tensor]"
    stride: int = 1
    moves: bool = True

    def expected(self, output: Signal, d: int) -> Signal:
        """The output after a shift by d pixels, if the layer is equivariant; of the next smaller shift if d is not a multiple."""
        return shifted(output, d // self.stride if self.moves else 0)


def shifted(signal: Signal, d: int) -> Signal:
    """Moved to the right by d; what leaves on the right comes in on the left."""
    return [signal[(i - d) % len(signal)] for i in range(len(signal))]


# Layers ---------------------------------------------------------------------------------------------------------------


def _windows(signal: Signal, width: int, step: int = 1) -> list[Signal]:
    """Windows that wrap around, so that there is no border."""
    return [[signal[(i + a) % len(signal)] for a in range(width)] for i in range(0, len(signal), step)]


def _convolution(step: int = 1) -> Layer:
    return lambda x: [sum(k * one for k, one in zip(KERNEL, seen, strict=True)) for seen in _windows(x, len(KERNEL), step)]


def _zero_padded(x: Signal) -> Signal:
    return _convolution()([*x, 0, 0])[: len(x)]


def _max(step: int) -> Layer:
    return lambda x: [max(seen) for seen in _windows(x, 2, step)]


def _own(i: int, a: int) -> int:
    """A weight that depends on where it is used."""
    return (7 * i + 5 * a + i * i) % 11 - 5


def _local(x: Signal) -> Signal:
    return [sum(_own(i, a) * one for a, one in enumerate(seen)) for i, seen in enumerate(_windows(x, len(KERNEL)))]


def _dense(x: Signal) -> Signal:
    return [sum(_own(i, a) * one for a, one in enumerate(x)) for i in range(len(x))]


def _cases(stride: int) -> list[Case]:
    """Layers by what they share; the last group samples every second output, as a stride does."""

    def sampled(x: Signal) -> Signal:
        return _convolution()(x)[::stride]

    found = [
        Case("convolution", "shared", _convolution(), lambda x: conv(x)),
        Case("max pooling /1", "shared", _max(1), lambda x: pool(x, 1)),
        Case("locally connected", "not shared", _local, lambda x: own(x, len(KERNEL))),
        Case("dense", "not shared", _dense, lambda x: own(x, x.shape[-1])),
        Case("zero-padded convolution", "border", _zero_padded, lambda x: conv(x, wrap=False)),
        Case("sum over all", "invariant", lambda x: [sum(_convolution()(x))], lambda x: conv(x).sum(-1, keepdim=True), moves=False),
    ]
    if stride > 1:
        found += [
            Case(f"convolution /{stride}", "sampled", sampled, lambda x: conv(x)[..., ::stride], stride),
            Case(f"max pooling /{stride}", "sampled", _max(stride), lambda x: pool(x, stride), stride),
        ]
    return found


# Comparing ------------------------------------------------------------------------------------------------------------


def _signal() -> list[int]:
    """Integers without a period."""
    return [(i * i * 13 + 5 * i) % 23 for i in range(LENGTH)]


def _differ(one: Case, d: int) -> tuple[int, int]:
    """How many outputs of f(g(x)) differ from those of g(f(x)), of how many."""
    x = _signal()
    after, expected = one.layer(shifted(x, d)), one.expected(one.layer(x), d)
    return sum(a != b for a, b in zip(after, expected, strict=True)), len(after)


def _cells(one: Case, found: Mapping[int, tuple[int, int]]) -> dict[str, Any]:
    said = {f"shift_{d}": "equal" if not differ else f"{differ} of {outputs}" for d, (differ, outputs) in found.items()}
    return {"stride": one.stride if one.moves else None, **said, "equivariant": _follows(one, found)}


def _follows(one: Case, found: Mapping[int, tuple[int, int]]) -> str:
    """The shifts for which nothing differs."""
    equal = [d for d, (differ, _) in found.items() if not differ]
    if len(equal) == len(found):
        return "all" if one.moves else "all: invariant"
    if equal and equal == [d for d in found if d % one.stride == 0]:
        return f"multiples of {one.stride}"
    most, outputs = max(found.values())
    if not equal:
        return "none" if most > outputs / 2 else f"all, but for up to {most} outputs at the border"
    return ", ".join(map(str, equal))


# Torch ----------------------------------------------------------------------------------------------------------------


def conv(x: "Tensor", *, wrap: bool = True) -> "Tensor":
    """torch's convolution along the last axis."""
    from torch.nn import functional as F

    more = len(KERNEL) - 1
    wide = F.pad(x, (0, more, 0, 0), mode="circular") if wrap else F.pad(x, (0, more))
    return F.conv2d(wide, x.new_tensor(KERNEL).reshape(1, 1, 1, -1))


def pool(x: "Tensor", step: int) -> "Tensor":
    """torch's max pooling along the last axis."""
    from torch.nn import functional as F

    return F.max_pool2d(F.pad(x, (0, 1, 0, 0), mode="circular"), (1, 2), (1, step))


def own(x: "Tensor", width: int) -> "Tensor":
    """Weights of its own at each place of a window."""
    from torch.nn import functional as F

    patches = F.pad(x, (0, width - 1, 0, 0), mode="circular").unfold(-1, width, 1)
    dense = width == x.shape[-1]  # then weights belong to the input's place, not to the window's
    rows = [[_own(i, (i + a) % width if dense else a) for a in range(width)] for i in range(x.shape[-1])]
    weights = x.new_tensor(rows)
    return (patches * weights).sum(-1)


def rolled(x: "Tensor", d: int) -> "Tensor":
    """torch's shift along the last axis."""
    import torch

    return torch.roll(x, d, dims=-1)


def _by_torch(one: Case, found: Mapping[int, tuple[int, int]]) -> Iterator[Failed]:
    """Nothing if torch's layers follow the same shifts, along both axes of an image."""
    import torch

    draw = torch.Generator().manual_seed(0)
    image = torch.randint(0, 100, (1, 1, LENGTH, LENGTH), generator=draw).double()
    for axis, x in (("width", image), ("height", image.transpose(2, 3))):
        output = one.torch(x)
        for d, (differ, _) in found.items():
            moved = rolled(output, d // one.stride) if one.moves else output
            equal = torch.equal(one.torch(rolled(x, d)), moved)
            if equal != (differ == 0):
                given = "equal" if equal else "different"
                check = f"torch's f(g(x)) and g(f(x)), shift along the {axis} by {d}"
                yield Failed(one.name, check, f"{given} outputs", "different outputs" if equal else "equal outputs")
                return


# Words ----------------------------------------------------------------------------------------------------------------


def _notes(stride: int) -> list[str]:
    return [
        f"cells: how many outputs of f(g(x)) differ from g(f(x)), for a layer f and a shift g of {LENGTH} values, "
        "which wraps around",
        "border: zeros around the input instead of the values that wrap around; invariant: the output does not move at all",
        f"sampled: every {stride}{'nd' if stride == 2 else 'rd' if stride == 3 else 'th'} output of a layer; a shift that "
        "is not a multiple of the stride is compared with the next smaller one",
    ]


def _lesson(
    cases: Sequence[Case], found: Mapping[str, Mapping[int, tuple[int, int]]], stride: int, failures: Sequence[Failed], *, run: bool
) -> Iterator[str]:
    """Sentences that quote the table."""
    if failures:
        yield f"The proof failed for {', '.join(dict.fromkeys(one.subject for one in failures))}: nothing follows from this table."
        return
    follows = {one.name: _follows(one, found[one.name]) for one in cases}
    every = [name for name, said in follows.items() if said == "all"]
    never = [name for name, said in follows.items() if said == "none"]
    yield f"f(g(x)) = g(f(x)) for every shift tried: {', '.join(every)}; for none: {', '.join(never)}."
    if {one.name for one in cases if one.group == "shared"} == set(every):
        yield "Those that share their weights, or have none, are equivariant, and no other."
    some = [one.name for one in cases if follows[one.name].startswith("multiples")]
    if some:
        yield f"With stride {stride}, {' and '.join(some)} follow only {follows[some[0]]}: g(sample(f(x))) is another signal than"
        yield "sample(f(g(x))) for the rest,"
        yield from _sampling(stride, max(found["convolution"]))
    if run:
        yield "torch's layers follow the same shifts, along both axes of an image."


def _sampling(stride: int, most: int) -> Iterator[str]:
    """sample(f(g(x))) = sample(g(f(x))), which holds if f is equivariant, whatever is sampled."""
    x, f = _signal(), _convolution()
    same = all(f(shifted(x, d))[::stride] == shifted(f(x), d)[::stride] for d in range(1, most + 1))
    yield f"while sample(f(g(x))) = sample(g(f(x))) holds for {'all' if same else 'not all'} of them."


# Networks -------------------------------------------------------------------------------------------------------------


def _of_network(on: Any) -> Table:
    """The rows at which the stride grows."""
    from zoo.extend import measure, trace

    found = trace(on)
    arms: list[Arm] = []
    uneven = ""
    for row in measure(found, columns=["output", "rf"]).rows:
        field = row.cells["rf"]
        if field and "undefined" in field:
            uneven = row.name
            break
        if not field or "stride" not in field or len(set(field["stride"])) > 1 or not isinstance(field["stride"][0], int):
            continue
        step = field["stride"][0]
        if step > (arms[-1].cells["stride"] if arms else 0):
            arms.append(Arm(row.name, {"stride": step, "output": row.cells["output"]}, row.type))
    if not arms:
        raise ZooError(f"{found.target} has no maps whose units are evenly spaced on the input")
    columns = (
        Column("stride", "pixels", "by which the input moves when these maps move by one", hide_order=0),
        Column("output", "elements per axis", "output shape", hide_order=1),
    )
    last = arms[-1]
    lesson = [
        f"Maps of {found.target} follow a shift by any pixel before its first stride, and at {last.name} only one by multiples of",
        f"{last.cells['stride']} pixels{'; away from the borders, which are padded' if _pads(found) else ''}.",
    ]
    if uneven:
        lesson.append(f"From {uneven} on, no shift is known that the maps follow.")
    title = f"equivariance: which shifts do the maps of {found.target} follow?"
    notes = ["rows at which the stride grows; dense layers after the last of them follow none"]
    return arms_table(title, columns, arms, notes=notes, lesson=lesson)


def _pads(found: "Trace") -> bool:
    """Whether any window reaches over a border, or an op pads."""
    for op in found.ops:
        window = rule_of(op).window
        axes = window(op) if window else None
        if "pad" in op.kind or any(axis.before or axis.after for axis in axes or ()):
            return True
    return False


STUDY = Study("equivariance", "Does the output of a layer shift with its input, and by how much?", run)
