"""What the units along one axis of the input see: a law for all of them, everything, or a set of pixels for each.

Read `taps` first: it says which units an op reads. This module replaces "reads these units" with "sees these pixels": each of
the three classes has a method `through(taps)`, which returns what the op's outputs see. `spans` adds where the units are in a
tensor. Which class is used:

- `Lattice`, the law: from the input on, as long as windows are evenly spaced. It needs a few integers, however large the map is.
- `Everything`: after an op that joined all units, such as global pooling.
- `Units`, a table: if windows are not evenly spaced, or if the exact pixels are required, with borders and gaps.

A convolution with kernel 3, stride 2 and padding 1 on 8 pixels, as a law and as a table:

>>> from zoo.receptive.taps import window
>>> taps = window(3, 2, 1, 1, 4)
>>> Lattice(((0, 0),), 1).through(taps)
Lattice(phases=((-1, 1),), shift=2)
>>> pixels = Units(tuple(1 << pixel for pixel in range(8)))
>>> [f"{seen:08b}" for seen in pixels.through(taps, 8).sets]
['00000011', '00001110', '00111000', '11100000']
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache, reduce
from math import gcd
from operator import or_

from zoo.receptive.taps import Taps

Window = tuple[int, int] | None
"""The first and the last pixel, such as (-1, 1); None sees nothing."""


class NoField(Exception):  # noqa: N818
    """The field is undefined, for the given reason."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """Unit q·P + r, of P `phases`, sees the window phases[r] moved by q·`shift`, for any integer q: borders do not count.

    The units of a convolution have one phase. After 3/2 with padding 1, unit q sees the pixels 2q - 1 to 2q + 1:

    >>> law = Lattice(((-1, 1),), 2)
    >>> [law.window(unit) for unit in range(4)], law.stride
    ([(-1, 1), (1, 3), (3, 5), (5, 7)], Fraction(2, 1))

    After the transposed convolution there are two: even units read one unit of `law`, odd units two neighbours.

    >>> from zoo.receptive.taps import transposed
    >>> back = law.through(transposed(3, 2, 1, 1, 8))
    >>> back, back.stride
    (Lattice(phases=((-1, 1), (-1, 3)), shift=2), Fraction(1, 1))
    >>> [back.window(unit) for unit in range(4)]
    [(-1, 1), (-1, 3), (1, 3), (1, 5)]
    """

    phases: tuple[Window, ...]
    shift: int

    @property
    def stride(self) -> Fraction:
        """Pixels between the windows of neighbouring units, as an average over the phases."""
        return Fraction(self.shift, len(self.phases))

    def window(self, unit: int) -> Window:
        """Return the window of a unit, not clipped at the border."""
        turn, phase = divmod(unit, len(self.phases))
        found = self.phases[phase]
        if found is None:
            return None
        moved = turn * self.shift
        return found[0] + moved, found[1] + moved

    def hull(self, units: int) -> Window:
        """What that many units see together: the first and the last unit of each phase have the outermost windows.

        >>> Lattice(((-1, 1),), 2).hull(4)
        (-1, 7)
        """
        period = len(self.phases)
        first, last = range(min(period, units)), range(max(units - period, 0), units)
        return hull(map(self.window, {*first, *last}))

    @lru_cache(maxsize=4096)  # noqa: B019 - laws are small; the one of the columns is mostly that of the rows
    def through(self, taps: Taps) -> "Lattice":
        """The law of units that read these units: the hull of what they read, and a shift that is the product of both.

        Two convolutions 3/2 with padding 1, one after the other: 7 pixels wide, 4 apart.

        >>> from zoo.receptive.taps import window
        >>> Lattice(((-1, 1),), 2).through(window(3, 2, 1, 1, 2))
        Lattice(phases=((-3, 3),), shift=4)
        """
        reads, shift = taps.ideal or taps.reads, self.shift
        if len(self.phases) == 1 and taps.period == 1 and (only := self.phases[0]) is not None:  # nearly always; the rest is slower
            units = reads(0)
            low, high = (units[0], units[-1]) if shift >= 0 else (units[-1], units[0])
            return Lattice(((only[0] + low * shift, only[1] + high * shift),), shift * taps.shift)
        # After a period of the op it has moved on by taps.shift units. It must do so this many times until these are whole turns
        # of our phases: then everything starts again.
        turns = len(self.phases) // gcd(len(self.phases), taps.shift)
        phases = tuple(hull(map(self.window, reads(j))) for j in range(turns * taps.period))
        moved = turns * taps.shift // len(self.phases)  # our own turns in one turn of the new phases
        return Lattice(phases, self.shift * moved)

    def with_phases(self, period: int) -> "Lattice":
        """The same law with that many phases, a multiple of its own.

        >>> Lattice(((-1, 1),), 2).with_phases(2)
        Lattice(phases=((-1, 1), (1, 3)), shift=4)
        """
        return Lattice(tuple(map(self.window, range(period))), self.shift * period // len(self.phases))

    def sets(self, units: int, pixels: int) -> Iterator[int]:
        """The pixels in the image that each unit sees, as `Units` holds them.

        >>> [f"{seen:08b}" for seen in Lattice(((-1, 1),), 2).sets(units=4, pixels=8)]
        ['00000011', '00001110', '00111000', '11100000']
        """
        for unit in range(units):
            lo, hi = self.window(unit) or (0, -1)
            lo, hi = max(lo, 0), min(hi, pixels - 1)
            ones = (1 << max(hi - lo + 1, 0)) - 1  # as many bits as pixels, none if the window lies outside the image
            yield ones << lo


@dataclass(frozen=True, slots=True)
class Everything:
    """Every unit sees the same window, since an op joined all units. `stride` is the units' distance, as if they still moved.

    The 4 units of the example, each multiplied by a gate that was computed from all of them:

    >>> gated = Everything((-1, 7), 2)
    >>> gated.window(0), gated.window(3)
    ((-1, 7), (-1, 7))
    """

    seen: Window
    stride: Fraction | int

    def window(self, unit: int) -> Window:
        """Return the window, the same for each unit."""
        return self.seen

    def through(self, taps: Taps) -> "Everything":
        """Of units that read these units: the window stays, the stride goes on as in a `Lattice`."""
        step = self.stride * taps.shift
        return Everything(self.seen, step if taps.period == 1 else Fraction(step) / taps.period)

    def sets(self, units: int, pixels: int) -> Iterator[int]:
        """Return the pixels in the image that each unit sees, as sets for `Units`."""
        return Lattice((self.seen,), 0).sets(units, pixels)


@dataclass(frozen=True, slots=True)
class Units:
    """A table: unit u sees pixel p if bit p of sets[u] is set. `reason` says why the windows are not evenly spaced.

    `reason` is empty if nobody asked for one: the table was started at the input (`spans.exact`). `stride` is that of the
    law before it and of the ops since, 0 where it is not known.

    >>> table = Units((0b00000011, 0b00001110, 0b00111000, 0b11100000))
    >>> table.window(0), table.window(3)
    ((0, 1), (5, 7))
    >>> bounds(table.union())
    (0, 7)
    """

    sets: tuple[int, ...]
    reason: str = ""
    stride: Fraction | int = field(default=0, compare=False, repr=False)

    def window(self, unit: int) -> Window:
        """Return the first and the last pixel that a unit sees."""
        return bounds(self.sets[unit])

    def through(self, taps: Taps, units: int) -> "Units":
        """Of units that read these units; in several blocks of `units`, if there are so many.

        >>> from zoo.receptive.taps import window
        >>> rows = Units((0b1, 0b10, 0b100, 0b1000))  # two rows of two units
        >>> [f"{seen:04b}" for seen in rows.through(window(2, 1, 0, 1, 1), 2).sets]
        ['0011', '1100']
        """
        found = []
        for start in range(0, len(self.sets), units):
            for j in range(taps.count):
                seen = 0
                for i in taps.reads(j):
                    if 0 <= i < units:  # else it is padding, which sees nothing
                        seen |= self.sets[start + i]
                found.append(seen)
        return Units(tuple(found), self.reason, Fraction(self.stride * taps.shift) / taps.period)

    def union(self) -> int:
        """Return what all units see together."""
        return reduce(or_, self.sets, 0)


def bounds(pixels: int) -> Window:
    """The first and the last pixel of a set.

    >>> bounds(0b00111010)
    (1, 5)
    """
    if not pixels:
        return None
    lowest = pixels & -pixels  # the lowest bit that is set, alone
    return lowest.bit_length() - 1, pixels.bit_length() - 1


def hull(windows: Iterable[Window]) -> Window:
    """The least window that holds all of them.

    >>> hull([(-1, 1), None, (3, 5)])
    (-1, 5)
    """
    known = [window for window in windows if window is not None]
    return (min([lo for lo, _ in known]), max([hi for _, hi in known])) if known else None
