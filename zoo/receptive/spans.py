"""The field of a tensor along one axis of the network's input: what its units see, and where in the tensor they are."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import NamedTuple

from zoo.receptive.taps import Taps, each
from zoo.receptive.windows import Everything, Lattice, NoField, Units, bounds
from zoo.tracing.record import Value

MOST = 1 << 24
"""Bits of the largest table of units and pixels that is made."""


class Walk(NamedTuple):
    """(index along `dim` // inner) % size: a digit of the number of a unit. `dim` counts from the end of the tensor's shape."""

    dim: int
    inner: int
    size: int


Windows = Lattice | Everything | Units


@dataclass(frozen=True, slots=True)
class Span:
    """What the units of a tensor see along one axis of the input, which has so many `pixels`.

    The number of a unit is written with the digits `walks`, the first of which counts most; an index of the tensor that no digit
    depends on does not matter. A map has one digit for an axis, its whole dimension; tokens have one for each axis in the same
    dimension; views into windows have two.
    """

    windows: Windows
    walks: tuple[Walk, ...]
    pixels: int

    @property
    def units(self) -> int:
        """How many there are."""
        return prod(walk.size for walk in self.walks)

    def number(self, index: Mapping[int, int]) -> int:
        """The number of the unit at an index by dimension."""
        found = 0
        for dim, inner, count in self.walks:
            found = found * count + index[dim] // inner % count
        return found

    @property
    def whole(self) -> bool:
        """Whether an op joined all units, so that each sees everything by construction."""
        return isinstance(self.windows, Everything)

    @property
    def exact(self) -> bool:
        """Whether units are followed pixel by pixel from the input on, and not for want of a law."""
        return isinstance(self.windows, Units) and not self.windows.reason

    def at(self, windows: Windows, walks: Iterable[Walk]) -> "Span":
        """Other units."""
        return Span(windows, tuple(walks), self.pixels)

    def tabled(self, reason: str) -> "Span":
        """With a set of pixels for each unit."""
        if isinstance(self.windows, Units):
            return self
        check(self.units * self.pixels)
        return self.at(Units(tuple(self.windows.sets(self.units, self.pixels)), reason), self.walks)

    # Ops along a dimension

    def along(self, dim: int, size: int, taps: Taps) -> "Span":
        """Dimension `dim`, of `size` units, becomes one whose units read them as `taps` say."""
        before, full = (dim, 1, size), Walk(dim, 1, taps.count)
        if self.walks == (before,) and isinstance(self.windows, Lattice) and not taps.irregular:
            return Span(self.windows.through(taps), (full,), self.pixels)
        if all(walk.dim != dim for walk in self.walks):
            return self
        others = tuple(walk for walk in self.walks if walk.dim != dim)
        span = self.arranged((*others, Walk(*before)), "")
        if isinstance(span.windows, Everything):
            return span.at(span.windows.through(taps), (*others, full))
        if isinstance(span.windows, Lattice) and not others and not taps.irregular:
            return span.at(span.windows.through(taps), (full,))
        span = span.tabled(taps.irregular or "a window slides over parts of an axis")
        check(span.units // size * taps.count * self.pixels)
        assert isinstance(span.windows, Units)
        return span.at(span.windows.through(taps, size), (*others, full))

    def alone(self, dim: int, index: int) -> "Span":
        """The units at one index of a dimension."""
        digits = {i: index // walk.inner % walk.size for i, walk in enumerate(self.walks) if walk.dim == dim}
        return self._without(digits.keys(), [digits]) if digits else self

    def together(self, dims: Container[int], *, keep: bool = False) -> "Span":
        """What all units along some dimensions see together: a sum over them; or, if they are kept, a statistic for each unit."""
        if len(self.walks) == 1 and self.walks[0].dim not in dims:
            return self
        gone = [i for i, walk in enumerate(self.walks) if walk.dim in dims]
        if not gone:
            return self
        if self.whole or len(gone) == len(self.walks):
            found = self.everywhere([walk for walk in self.walks if keep or walk.dim not in dims])
        else:
            found = self._without(gone, [dict(zip(gone, values, strict=True)) for values in _values([self.walks[i] for i in gone])])
        return found.arranged(self.walks, "") if keep and self.exact else found

    def everywhere(self, walks: Iterable[Walk] = ()) -> "Span":
        """What all units see together; by law, for units with these digits."""
        if isinstance(self.windows, Lattice):
            return self.at(Everything(self.windows.hull(self.units), self.windows.stride), walks)
        if isinstance(self.windows, Units):
            union = self.windows.union()
            return self.at(Units((union,)), ()) if self.exact else self.at(Everything(bounds(union), 0), walks)
        return self.at(self.windows, walks)

    def _without(self, gone: Iterable[int], readings: Sequence[Mapping[int, int]]) -> "Span":
        """Without some digits: a unit sees what those see together that have the values of `readings` there."""
        if self.whole:
            return self.at(self.windows, [walk for i, walk in enumerate(self.walks) if i not in set(gone)])
        weights = [prod(walk.size for walk in self.walks[i + 1 :]) for i in range(len(self.walks))]
        offsets = sorted(sum(weights[i] * value for i, value in reading.items()) for reading in readings)
        kept = [i for i in range(len(self.walks)) if i not in set(gone)]
        walks = [self.walks[i] for i in kept]
        numbers = [sum(map(prod, zip((weights[i] for i in kept), values, strict=True))) for values in _values(walks)]
        even = all(weights[a] == weights[b] * self.walks[b].size for a, b in pairwise(kept))
        if isinstance(self.windows, Lattice) and even:
            step = weights[kept[-1]] if kept else 1
            taps = Taps(len(numbers), lambda j: [j * step + offset for offset in offsets], shift=step)
            return self.at(self.windows.through(taps), walks)
        windows = self.tabled("a window in parts of an axis").windows
        assert isinstance(windows, Units)
        taps = Taps(len(numbers), lambda j: [numbers[j] + offset for offset in offsets])
        return self.at(windows.through(taps, len(windows.sets)), walks)

    # Other digits for the same units

    def arranged(self, walks: tuple[Walk, ...], reason: str) -> "Span":
        """With other digits, from which the present ones can be told: whole dimensions, or the same ones."""
        if walks == self.walks or self.whole:
            return self.at(self.windows, walks)
        if isinstance(self.windows, Lattice):
            inner = self._repeats(walks)
            if inner is not None:
                return self.at(self.windows.through(each(inner)), walks)
        span = self.tabled(reason or "an axis was flattened together with others, or split")
        check(prod(walk.size for walk in walks) * self.pixels)
        assert isinstance(span.windows, Units)
        places = {walk: i for i, walk in enumerate(walks)}
        wholes = {walk.dim: i for i, walk in enumerate(walks) if walk not in span.walks}
        several = [walk for walk in span.walks if walk.size > 1]
        sets = []
        for values in _values(walks):
            unit = 0
            for walk in several:
                i = places.get(walk)
                unit = unit * walk.size + (values[i] if i is not None else values[wholes[walk.dim]] // walk.inner % walk.size)
            sets.append(span.windows.sets[unit])
        return span.at(Units(tuple(sets), span.windows.reason), walks)

    def _repeats(self, walks: tuple[Walk, ...]) -> int | None:
        """How often each unit comes, one after the other, among these digits; None if they come in another order."""
        if walks[: len(self.walks)] == self.walks:
            return prod(walk.size for walk in walks[len(self.walks) :])
        if len(walks) == len(self.walks) == 1:
            (new,), (old,) = walks, self.walks
            return old.inner if new.dim == old.dim and old.inner * old.size == new.size else None
        return None

    def relabelled(self, where: Callable[[int], int]) -> "Span":
        """The dimensions are elsewhere."""
        return self.at(self.windows, [Walk(where(dim), inner, count) for dim, inner, count in self.walks])


def _values(walks: Sequence[Walk]) -> Iterable[tuple[int, ...]]:
    return product(*(range(walk.size) for walk in walks))


def check(bits: int) -> None:
    """Raises `NoField` for a table that would be too large."""
    if bits > MOST:
        raise NoField("units without a common law, too many to be listed")


@dataclass(frozen=True, slots=True)
class Undefined:
    """There is no field; `reason` says why not."""

    reason: str


Spans = tuple[Span, ...]
Field = Spans | Undefined
"""A `Span` for each axis of the input."""


def start(value: Value) -> Field:
    """Every pixel sees itself. The axes are all dimensions behind batch and channels."""
    return _start(value, lambda pixels: Lattice(((0, 0),), 1))


def exact(value: Value) -> Field:
    """As `start`, pixel by pixel: what is beyond the border does not exist, and gaps are seen."""
    return _start(value, lambda pixels: Units(tuple(1 << pixel for pixel in range(pixels))))


def _start(value: Value, windows: Callable[[int], Windows]) -> Field:
    axes = range(2 - len(value.shape), 0)
    if not axes:
        return Undefined("the input has no spatial axes")
    if max(value.shape[dim] for dim in axes) ** 2 > MOST and isinstance(windows(1), Units):
        return Undefined(f"an axis of more than {int(MOST**0.5):,} pixels is not followed pixel by pixel")
    return tuple(Span(windows(value.shape[dim]), (Walk(dim, 1, value.shape[dim]),), value.shape[dim]) for dim in axes)
