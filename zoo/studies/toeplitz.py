"""Convolution as a matrix: Goodfellow, Bengio and Courville, "Deep Learning" (2016), sections 9.1 and 9.2, figures 9.2 to 9.5.

The matrix is filled from the definition, entry by entry, without torch. With `run`, it is multiplied by numbers and compared with
torch's convolution.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from string import ascii_letters
from typing import Annotated, Any

from zoo.extend import Arm, Column, Failed, Flag, PositiveInt, Sizes, Study, Table, Text, ZooError, arms_table, sizes
from zoo.studies._grids import shown

COLUMNS = (
    Column("matrix", "weights", "units by inputs; a letter names a weight, a dot is zero", hide_order=0),
    Column("sees", "inputs", "the inputs that each unit sees", hide_order=2),
    Column("reaches", "units", "the units that each input reaches", hide_order=3),
    Column("connections", "links", "links between inputs and units", hide_order=0),
    Column("weights", "elements", "numbers that are stored", hide_order=0),
)
MOST_INPUTS, MOST_UNITS = 36, 49
NAMES = ("valid", "same", "full")


def run(
    input: Annotated[Sizes | None, "sizes of the input: 6, or 3x3"] = None,
    kernel: Annotated[Sizes | None, "sizes of the kernel: 3, or 2x2"] = None,
    stride: Annotated[PositiveInt, "stride"] = 1,
    padding: Annotated[Text, "valid, same or full"] = "valid",
    run: Annotated[Flag, "also multiply by numbers and compare with torch's convolution"] = False,
) -> Table:
    """The matrix of a convolution in one and two dimensions, beside those of a dense and of a locally connected layer.

    Raises `ZooError` for sizes that do not fit, and for a matrix that no page can show.
    """
    if padding not in NAMES:
        raise ZooError(f"option padding: expected {', '.join(NAMES)}, got {padding!r:.80}")
    maps = _asked(input, kernel, stride, padding)
    failures = [failed for one in maps for failed in _proved(one)] if run else []
    arms = [arm for one in maps for arm in _arms(one)]
    return arms_table(
        "toeplitz: what does the matrix of a convolution look like?",
        COLUMNS,
        arms,
        notes=["equal letters are one weight, which is shared; inputs and units are counted from 1, row by row", *failures],
        lesson=list(_lesson(maps, failures, run=run)),
    )


def _asked(input: tuple[int, ...] | None, kernel: tuple[int, ...] | None, stride: int, padding: str) -> "list[Map]":
    """One case; or, where none is given, both dimensions, a padding and a stride."""
    if (input, kernel, stride, padding) == (None, None, 1, "valid"):
        cases = (((6,), (3,), 1, "valid"), ((6,), (3,), 1, "same"), ((6,), (3,), 2, "valid"), ((3, 3), (2, 2), 1, "valid"))
        return [Map(*case) for case in cases]
    axes = len(input or kernel or (6,))
    found = Map(input or (6, 6)[:axes], kernel or (3, 3)[:axes], stride, padding)
    if axes > 2 or len(found.input) != len(found.kernel):
        raise ZooError("expected input and kernel with one size each, such as 6 and 3, or with two, such as 3x3 and 2x2")
    if any(size < 1 for size in found.output):
        raise ZooError(f"kernel: {sizes(found.kernel)} does not fit into {sizes(found.input)}")
    if prod(found.input) > MOST_INPUTS or prod(found.output) > MOST_UNITS:
        raise ZooError(f"the matrix would be {prod(found.output)}×{prod(found.input)}; expected at most {MOST_UNITS}×{MOST_INPUTS}")
    return [found]


@dataclass(frozen=True)
class Map:
    """A convolution of one map to one map, in one or two dimensions."""

    input: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: int
    padding: str

    @cached_property
    def before(self) -> tuple[int, ...]:
        """Zeros before each axis; of an odd padding, the larger half comes after."""
        if self.padding == "full":
            return tuple(k - 1 for k in self.kernel)
        pairs = zip(self.output, self.input, self.kernel, strict=True)
        return tuple(max((out - 1) * self.stride + k - n, 0) // 2 if self.padding == "same" else 0 for out, n, k in pairs)

    @cached_property
    def output(self) -> tuple[int, ...]:
        """Units along each axis."""
        sign = {"valid": -1, "same": 0, "full": 1}[self.padding]
        return tuple(-(-(n + sign * (k - 1)) // self.stride) for n, k in zip(self.input, self.kernel, strict=True))

    @cached_property
    def matrix(self) -> tuple[tuple[int | None, ...], ...]:
        """Units × inputs: unit i reads input m with weight m - i·s + p of the kernel; None where there is no such weight."""
        return tuple(tuple(self._weight(i, m) for m in _places(self.input)) for i in _places(self.output))

    def _weight(self, unit: tuple[int, ...], place: tuple[int, ...]) -> int | None:
        index = 0
        for i, m, k, p in zip(unit, place, self.kernel, self.before, strict=True):
            along = m - i * self.stride + p
            if not 0 <= along < k:
                return None
            index = index * k + along
        return index

    @property
    def links(self) -> int:
        """Entries that are not zero."""
        return sum(one is not None for row in self.matrix for one in row)

    @property
    def name(self) -> str:
        """1-D valid, 2-D same /2."""
        return f"{len(self.input)}-D {self.padding}{f' /{self.stride}' if self.stride > 1 else ''}"


def _places(sides: Sequence[int]) -> list[tuple[int, ...]]:
    return list(product(*map(range, sides)))


# Arms -----------------------------------------------------------------------------------------------------------------


def _arms(one: Map) -> Iterator[Arm]:
    """Dense, locally connected, and the convolution: as a sparse matrix, and as its kernel."""
    units, inputs, links = prod(one.output), prod(one.input), one.links
    every = [[i * inputs + m for m in range(inputs)] for i in range(units)]
    number = iter(range(links))
    own = [[None if entry is None else next(number) for entry in row] for row in one.matrix]
    seen = {"sees": _linked(one.matrix), "reaches": _linked(tuple(zip(*one.matrix, strict=True)))}
    yield Arm("dense", {"matrix": _letters(every), "connections": units * inputs, "weights": units * inputs}, one.name)
    yield Arm("local", {"matrix": _letters(own), "connections": links, "weights": links}, one.name)
    yield Arm("sparse", {"matrix": _letters(one.matrix), **seen, "connections": links, "weights": links}, one.name)
    kernel = [[i * one.kernel[-1] + j for j in range(one.kernel[-1])] for i in range(prod(one.kernel[:-1]))]
    yield Arm("convolution", {"matrix": _letters(kernel), "connections": links, "weights": prod(one.kernel)}, one.name)


def _letters(rows: Sequence[Sequence[int | None]]) -> str:
    """The weights by letters; by numbers where letters do not suffice."""
    most = max(entry or 0 for row in rows for entry in row)
    name: Callable[[int], str] = (lambda n: ascii_letters[n]) if most < len(ascii_letters) else (lambda n: str(n + 1))
    return shown([["." if entry is None else name(entry) for entry in row] for row in rows])


def _linked(rows: Sequence[Sequence[int | None]]) -> str:
    """The numbers of the entries of each row that are not zero."""
    linked = (" ".join(str(m) for m, entry in enumerate(row, 1) if entry is not None) for row in rows)
    return "\n".join(f"{i}: {one or 'none'}" for i, one in enumerate(linked, 1))


# What is found --------------------------------------------------------------------------------------------------------


def _lesson(maps: Sequence[Map], failures: Sequence[Failed], *, run: bool) -> Iterator[str]:
    """Sentences about every matrix shown."""
    if failures:
        yield f"The proof failed for {', '.join(dict.fromkeys(one.subject for one in failures))}: nothing follows from this table."
        return
    for one in maps:
        yield f"{one.name}: {one.links} of {prod(one.output) * prod(one.input):,} entries are not zero, and"
        used = len({entry for row in one.matrix for entry in row if entry is not None})
        yield f"{used} weights fill them{_shifted(one)}."
        if (reach := _reach(one)) is not None:
            yield f"K(i - m) is not zero exactly where |m - i| <= {reach}."
    if run:
        yield "The product of each matrix with numbers is torch's convolution."


def _shifted(one: Map) -> str:
    """; each row is the one above shifted: found in the matrix, not assumed."""
    if len(one.matrix) < 2:
        return ""
    if len(one.input) == 1:
        s = one.stride
        moved = all(
            after[m + s] == row[m] for row, after in zip(one.matrix, one.matrix[1:], strict=False) for m in range(len(row) - s)
        )
        kind = ": a Toeplitz matrix" if s == 1 else ""
        return f"; each row is the one above shifted by {s}{kind}" if moved else "; rows are not shifts of each other"
    return "; its blocks repeat, and within a block each row is the one above shifted" if _of_blocks(one) else ""


def _of_blocks(one: Map) -> bool:
    """Whether an entry depends only on how far the input's place is from the unit's, along each axis."""
    by_distance: dict[tuple[int, ...], set[int | None]] = {}
    for i, row in zip(_places(one.output), one.matrix, strict=True):
        for m, entry in zip(_places(one.input), row, strict=True):
            distance = tuple(b - a * one.stride for a, b in zip(i, m, strict=True))
            by_distance.setdefault(distance, set()).add(entry)
    return all(len(entries) == 1 for entries in by_distance.values())


def _reach(one: Map) -> int | None:
    """θ with which a unit sees its neighbours up to θ on both sides, if it does."""
    if len(one.input) != 1 or one.stride != 1 or one.output != one.input:
        return None
    reach = (one.kernel[0] - 1) // 2
    entries = ((i, m, entry) for i, row in enumerate(one.matrix) for m, entry in enumerate(row))
    return reach if all((abs(m - i) <= reach) == (entry is not None) for i, m, entry in entries) else None


# The proof ------------------------------------------------------------------------------------------------------------


def convolve(one: Map, image: Any, kernel: Any) -> Any:
    """torch's convolution with this stride and padding, on 1×1×input."""
    from torch.nn import functional as F

    sides = []
    for n, out, k, p in reversed(list(zip(one.input, one.output, one.kernel, one.before, strict=True))):
        sides += [p, (out - 1) * one.stride + k - n - p]
    padded = F.pad(image, sides)
    return (F.conv1d if len(one.input) == 1 else F.conv2d)(padded, kernel, stride=one.stride)


def _proved(one: Map) -> Iterator[Failed]:
    """Nothing if the matrix times small integers, in float64 and so exact, gives what torch's convolution gives."""
    import torch

    draw = torch.Generator().manual_seed(0)
    image = torch.randint(1, 100, (1, 1, *one.input), generator=draw).double()
    kernel = torch.randint(1, 100, (1, 1, *one.kernel), generator=draw).double()
    weights = kernel.flatten().tolist()
    filled = torch.tensor([[0.0 if entry is None else weights[entry] for entry in row] for row in one.matrix]).double()
    expected = convolve(one, image, kernel)
    found = (filled @ image.flatten()).reshape(1, 1, *one.output)
    if found.shape != expected.shape or not bool((found == expected).all()):
        yield Failed(one.name, "the matrix times numbers against torch's convolution", "other numbers", "the same numbers")


STUDY = Study("toeplitz", "What does the matrix of a convolution look like, and what does it cost?", run)
