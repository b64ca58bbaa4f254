"""The field of a tensor along one axis of the network's input: what its units see, and where in the tensor they are.

Read `taps` and `windows` first. They number the units along an axis 0, 1, 2, ...; a `Span` adds which dimensions of the tensor
this number is read from, so that views, transpositions and tokens can be followed. Rules of ops (`sliding`, `layout`, `sums`)
take a tuple of spans, one for each axis of the input, and return another. A newcomer starts with `start` and `Span.along`.

The field of an image 1×3×8×8, and what a convolution with kernel 3, stride 2 and padding 1 makes of its rows (dimension -2):

>>> from zoo.receptive.taps import window
>>> rows, columns = start(Value(0, (1, 3, 8, 8), "float32", "input"))
>>> rows
Span(windows=Lattice(phases=((0, 0),), shift=1), walks=(Walk(dim=-2, inner=1, size=8),), pixels=8)
>>> rows.along(-2, 8, window(3, 2, 1, 1, 4))
Span(windows=Lattice(phases=((-1, 1),), shift=2), walks=(Walk(dim=-2, inner=1, size=4),), pixels=8)
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, pairwise, product
from math import prod
from typing import NamedTuple

from zoo.receptive.taps import Taps, duplicated
from zoo.receptive.windows import Everything, Lattice, NoField, Units, bounds
from zoo.record.trace import Value

MOST = 1 << 24
"""The largest table of units and pixels, in bits."""


class Walk(NamedTuple):
    """A digit of the number of a unit: (index along `dim` // `inner`) % `size`. `dim` counts from the end of the tensor's shape.

    In maps N×C×4×4 the row of a unit is its whole index along dimension -2, `Walk(-2, 1, 4)`, and the column is `Walk(-1, 1, 4)`.
    Flattened to tokens N×C×16 both are digits of the index along dimension -1. Token 6 is in row 1 and column 2:

    >>> row, column = Walk(-1, 4, 4), Walk(-1, 1, 4)
    >>> 6 // row.inner % row.size, 6 // column.inner % column.size
    (1, 2)
    """

    dim: int
    inner: int
    size: int


Windows = Lattice | Everything | Units


@dataclass(frozen=True, slots=True)
class Span:
    """What the units of a tensor see along one axis of the input, which has `pixels` pixels.

    `skew`: pixels between the centres of branches that were joined just before. Windows that slide further do not keep it.

    The number of a unit is written with the digits `walks`, the first of which counts most; an index of the tensor that no digit
    depends on does not matter. A map has one digit for an axis, its whole dimension; tokens have one for each axis in the same
    dimension; views into windows have two.

    Rows of maps 4×4 that were cut into windows of 2×2 (N×C×2×2×2×2: window row, row in it, window column, column in it): the
    index (1, 0, ..) is row 1·2 + 0 = 2 of the map, which after a convolution 3/2 with padding 1 sees pixels 3 to 5.

    >>> span = Span(Lattice(((-1, 1),), 2), (Walk(-4, 1, 2), Walk(-3, 1, 2)), 8)
    >>> span.units, span.number({-4: 1, -3: 0}), span.windows.window(2)
    (4, 2, (3, 5))
    """

    windows: Windows
    walks: tuple[Walk, ...]
    pixels: int
    skew: Fraction | int = field(default=0, compare=False, repr=False)

    @property
    def units(self) -> int:
        """The number of units."""
        return prod(walk.size for walk in self.walks)

    def number(self, index: Mapping[int, int]) -> int:
        """Return the number of the unit at an index by dimension."""
        found = 0
        for dim, inner, size in self.walks:
            digit = index[dim] // inner % size
            found = found * size + digit
        return found

    def digits(self, dim: int) -> tuple[Walk, ...]:
        """Those of dimension `dim`."""
        return tuple([walk for walk in self.walks if walk.dim == dim])

    def without_digits(self, dim: int) -> tuple[Walk, ...]:
        """Those of all other dimensions."""
        return tuple([walk for walk in self.walks if walk.dim != dim])

    def walks_along(self, dim: int) -> bool:
        """Whether units differ along dimension `dim`."""
        return any(walk.dim == dim for walk in self.walks)

    @property
    def whole(self) -> bool:
        """Whether an op joined all units, so that each sees everything."""
        return isinstance(self.windows, Everything)

    @property
    def exact(self) -> bool:
        """Whether the field is a set of pixels per unit from the input on, not because windows are unevenly spaced."""
        return isinstance(self.windows, Units) and not self.windows.reason

    def with_units(self, windows: Windows, walks: Iterable[Walk]) -> "Span":
        """Other units of the same axis."""
        return Span(windows, tuple(walks), self.pixels)

    def tabled(self, reason: str) -> "Span":
        """Return the span with a set of pixels for each unit."""
        if isinstance(self.windows, Units):
            return self
        check(self.units * self.pixels)
        return self.with_units(Units(tuple(self.windows.sets(self.units, self.pixels)), reason, self.windows.stride), self.walks)

    # Ops along a dimension

    def along(self, dim: int, size: int, taps: Taps) -> "Span":
        """Dimension `dim`, of `size` units, becomes one whose units read them as `taps` say. Other axes of the input stay.

        Where the axis is only a digit of the dimension, units are first numbered by their whole index. Of 16 tokens that came from
        4 rows and 4 columns, row by row, every second one is taken; the rows that these 8 see:

        >>> from zoo.receptive.taps import picked
        >>> rows = Span(Lattice(((0, 0),), 1), (Walk(-1, 4, 4),), 4)
        >>> found = rows.along(-1, 16, picked(0, 2, 8))
        >>> found.walks, [found.windows.window(unit) for unit in range(8)]
        ((Walk(dim=-1, inner=1, size=8),), [(0, 0), (0, 0), (1, 1), (1, 1), (2, 2), (2, 2), (3, 3), (3, 3)])
        """
        before, full = (dim, 1, size), Walk(dim, 1, taps.count)
        # Nearly every op of a network comes here: maps, a law, evenly spaced windows.
        if self.walks == (before,) and isinstance(self.windows, Lattice) and not taps.irregular:
            return Span(self.windows.through(taps), (full,), self.pixels)
        if not self.walks_along(dim):
            return self
        others = self.without_digits(dim)
        span = self.arranged((*others, Walk(*before)), "")  # the dimension last: a table then has it in blocks of `size`
        if isinstance(span.windows, Everything):
            return span.with_units(span.windows.through(taps), (*others, full))
        if isinstance(span.windows, Lattice) and not others and not taps.irregular:
            return span.with_units(span.windows.through(taps), (full,))
        span = span.tabled(taps.irregular or "a window slides over parts of an axis")
        check(span.units // size * taps.count * self.pixels)
        assert isinstance(span.windows, Units)
        return span.with_units(span.windows.through(taps, size), (*others, full))

    def alone(self, dim: int, index: int) -> "Span":
        """The units at one index of a dimension, as `tensor.select` picks them.

        >>> Span(Lattice(((-1, 1),), 2), (Walk(-1, 1, 4),), 8).alone(-1, 3)
        Span(windows=Lattice(phases=((5, 7),), shift=2), walks=(), pixels=8)
        """
        digits = {i: index // walk.inner % walk.size for i, walk in enumerate(self.walks) if walk.dim == dim}
        if not digits:
            return self
        found = self._without(digits.keys(), [digits])
        one = not found.walks and isinstance(found.windows, Units) and not found.exact
        return found.everywhere() if one else found  # the window of a single unit is all there is to say

    def together(self, dims: Container[int], *, keep: bool = False) -> "Span":
        """What all units along some dimensions see together: a sum over them; or, if they are kept, a statistic for each unit.

        >>> Span(Lattice(((-1, 1),), 2), (Walk(-1, 1, 4),), 8).together((-1,))
        Span(windows=Everything(seen=(-1, 7), stride=Fraction(2, 1)), walks=(), pixels=8)
        """
        if len(self.walks) == 1 and self.walks[0].dim not in dims:  # nearly always: a sum over channels
            return self
        gone = [i for i, walk in enumerate(self.walks) if walk.dim in dims]
        if not gone:
            return self
        if self.whole or len(gone) == len(self.walks):
            found = self.everywhere([walk for walk in self.walks if keep or walk.dim not in dims])
        else:
            every = _values([self.walks[i] for i in gone])
            found = self._without(gone, [dict(zip(gone, values, strict=True)) for values in every])
        return found.arranged(self.walks, "") if keep and self.exact else found

    def everywhere(self, walks: Iterable[Walk] = ()) -> "Span":
        """What all units see together, for each of the units with the digits `walks`.

        A table that was started at the input keeps the exact set, as one unit without digits; else only the hull is known.
        """
        if isinstance(self.windows, Lattice):
            return self.with_units(Everything(self.windows.hull(self.units), self.windows.stride), walks)
        if isinstance(self.windows, Units):
            union = self.windows.union()
            return (
                self.with_units(Units((union,)), ())
                if self.exact
                else self.with_units(Everything(bounds(union), self.windows.stride), walks)
            )
        return self.with_units(self.windows, walks)

    def _without(self, gone: Iterable[int], readings: Sequence[Mapping[int, int]]) -> "Span":
        """Without some digits: a unit sees what those see together that have the values of `readings` there.

        Units in 2 windows of 3 have the number 3·w + i, with the digits w and i. The sum over all i (digit 1 is gone, its
        readings are 0, 1 and 2) leaves 2 units; unit w sees what the units 3w, 3w + 1 and 3w + 2 see:

        >>> span = Span(Lattice(((0, 0),), 1), (Walk(-2, 1, 2), Walk(-1, 1, 3)), 6)
        >>> span._without([1], [{1: 0}, {1: 1}, {1: 2}])
        Span(windows=Lattice(phases=((0, 2),), shift=3), walks=(Walk(dim=-2, inner=1, size=2),), pixels=6)
        """
        left_out = set(gone)
        kept = [i for i in range(len(self.walks)) if i not in left_out]
        walks = [self.walks[i] for i in kept]
        if self.whole:
            return self.with_units(self.windows, walks)
        weights = self._weights()
        # A unit's number is the sum of digit times weight: the part of the kept digits, and an offset for each reading.
        offsets = sorted([_weighted(reading.values(), [weights[i] for i in reading]) for reading in readings])
        kept_weights = [weights[i] for i in kept]
        if isinstance(self.windows, Lattice) and self._evenly_spaced(kept, weights):
            step = kept_weights[-1] if kept else 1
            taps = Taps(prod([walk.size for walk in walks]), lambda j: [j * step + offset for offset in offsets], shift=step)
            return self.with_units(self.windows.through(taps), walks)
        windows = self.tabled("a window in parts of an axis").windows
        assert isinstance(windows, Units)
        numbers = [_weighted(values, kept_weights) for values in _values(walks)]
        step = kept_weights[-1] if kept else 1
        taps = Taps(len(numbers), lambda j: [numbers[j] + offset for offset in offsets], shift=step)
        return self.with_units(windows.through(taps, len(windows.sets)), walks)

    def _weights(self) -> list[int]:
        """What each digit counts in the number of a unit: 12, 4 and 1 for digits of sizes 2, 3 and 4."""
        return [prod([walk.size for walk in self.walks[i + 1 :]]) for i in range(len(self.walks))]

    def _evenly_spaced(self, kept: Sequence[int], weights: Sequence[int]) -> bool:
        """Whether units that differ in these digits alone are equally far apart: no digit between them is left out."""
        return all(weights[a] == weights[b] * self.walks[b].size for a, b in pairwise(kept))

    # Other digits for the same units

    def arranged(self, walks: tuple[Walk, ...], reason: str) -> "Span":
        """With other digits, from which the present ones can be told: whole dimensions, or the same ones.

        Rows of 2 windows of 2, now numbered by window and channel block, of which there are 3. The channels make no difference:

        >>> rows = Span(Units((0b01, 0b10)), (Walk(-2, 1, 2),), 2)
        >>> found = rows.arranged((Walk(-3, 1, 3), Walk(-2, 1, 2)), "")
        >>> found.windows.sets
        (1, 2, 1, 2, 1, 2)
        """
        if walks == self.walks or self.whole:
            return self.with_units(self.windows, walks)
        if isinstance(self.windows, Lattice):
            inner = self._repeats(walks)
            if inner is not None:
                return self.with_units(self.windows.through(duplicated(inner)), walks)
        span = self.tabled(reason or "an axis was flattened together with others, or split")
        check(prod(walk.size for walk in walks) * self.pixels)
        assert isinstance(span.windows, Units)
        same = {walk: i for i, walk in enumerate(walks)}
        wholes = {walk.dim: i for i, walk in enumerate(walks) if walk not in span.walks}
        several = [walk for walk in span.walks if walk.size > 1]  # a digit of size 1 is 0 and may be missing from `walks`
        sets = []
        for values in _values(walks):
            unit = 0
            for walk in several:
                digit = values[same[walk]] if walk in same else values[wholes[walk.dim]] // walk.inner % walk.size
                unit = unit * walk.size + digit
            sets.append(span.windows.sets[unit])
        stride = Fraction(span.windows.stride) * len(span.windows.sets) / max(len(sets), 1)  # more units in as many pixels
        return span.with_units(Units(tuple(sets), span.windows.reason, stride), walks)

    def _repeats(self, walks: tuple[Walk, ...]) -> int | None:
        """How often each unit comes, one after the other, among these digits; None if they come in another order.

        The rows of 4×4 tokens: each comes 4 times when tokens are numbered by their whole index.

        >>> Span(Lattice(((0, 0),), 1), (Walk(-1, 4, 4),), 4)._repeats((Walk(-1, 1, 16),))
        4
        """
        if walks[: len(self.walks)] == self.walks:
            return prod(walk.size for walk in walks[len(self.walks) :])
        if len(walks) == len(self.walks) == 1:
            (new,), (old,) = walks, self.walks
            return old.inner if new.dim == old.dim and old.inner * old.size == new.size else None
        return None

    def relabelled(self, where: Callable[[int], int]) -> "Span":
        """The same units where dimensions have moved: what was `dim` is now `where(dim)`."""
        return self.with_units(self.windows, [Walk(where(dim), inner, size) for dim, inner, size in self.walks])


@dataclass(frozen=True, slots=True)
class Undefined:
    """An undefined field, with the reason."""

    reason: str


Spans = tuple[Span, ...]
Field = Spans | Undefined
"""A `Span` for each axis of the input."""


def along_each(spans: Spans, shape: Sequence[int], taps: Mapping[int, Taps]) -> Spans:
    """Through several dimensions of a tensor of `shape`, each of which is read as `taps` say.

    A dimension is of no account where no axis walks it: rows of an image are walked by the axis of rows alone.
    """
    found = []
    for span in walked(spans, taps, shape):
        for dim in dict.fromkeys([walk.dim for walk in span.walks if walk.dim in taps]):  # each once, in order
            span = span.along(dim, shape[dim], taps[dim])
        found.append(span)
    return tuple(found)


def walked(spans: Spans, dims: Iterable[int], shape: Sequence[int]) -> Spans:
    """Return the spans; exact ones get a digit for each dimension that belongs to no axis, since padding there sees nothing."""
    first = spans[0]
    if not first.exact:
        return spans
    present = {walk.dim for walk in chain.from_iterable(span.walks for span in spans)}
    more = [Walk(dim, 1, shape[dim]) for dim in dims if dim not in present]
    return (first.arranged((*first.walks, *more), ""), *spans[1:])


def _values(walks: Sequence[Walk]) -> Iterable[tuple[int, ...]]:
    """All values that these digits can have together, in the order of the units' numbers."""
    return product(*[range(walk.size) for walk in walks])


def _weighted(digits: Iterable[int], weights: Sequence[int]) -> int:
    return sum([digit * weight for digit, weight in zip(digits, weights, strict=True)])


def check(bits: int) -> None:
    """Raise `NoField` if a table would be too large."""
    if bits > MOST:
        raise NoField("windows are not evenly spaced, and there are too many units to list them")


def start(value: Value, dims: Sequence[int] | None = None) -> Field:
    """The field of the network's input, by law: every pixel sees itself.

    The axes are the dimensions `dims`, counted from the end; by default all after batch and channels. Indices of tokens,
    N×length, have no channels: their axis is the length.
    """
    return _start(value, dims, lambda pixels: Lattice(((0, 0),), 1))


def exact(value: Value, dims: Sequence[int] | None = None) -> Field:
    """As `start`, pixel by pixel: what is beyond the border does not exist, and gaps of dilated windows are told from the rest.

    >>> (columns,) = exact(Value(0, (1, 3, 4), "float32", "input"))
    >>> columns.windows.sets == (0b0001, 0b0010, 0b0100, 0b1000)
    True
    """
    return _start(value, dims, lambda pixels: Units(tuple([1 << pixel for pixel in range(pixels)])))


def usual_axes(value: Value) -> range:
    """The axes of an input by its shape: all after batch and channels, or the length of indices of tokens."""
    tokens = len(value.shape) == 2 and value.dtype.startswith(("int", "uint"))
    return range(-1, 0) if tokens else range(2 - len(value.shape), 0)


def _start(value: Value, dims: Sequence[int] | None, windows: Callable[[int], Windows]) -> Field:
    axes = usual_axes(value) if dims is None else dims
    if not axes:
        return Undefined("the input has no spatial axes")
    if max(value.shape[dim] for dim in axes) ** 2 > MOST and isinstance(windows(1), Units):
        return Undefined(f"an axis has more than {int(MOST**0.5):,} pixels, too many to follow each")
    return tuple(Span(windows(value.shape[dim]), (Walk(dim, 1, value.shape[dim]),), value.shape[dim]) for dim in axes)
