"""What the units along one axis of the input see: a law for all of them, everything, or a set of pixels for each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import gcd
from operator import or_

from zoo.receptive.taps import Taps

Window = tuple[int, int] | None
"""The first and the last pixel; None sees nothing."""


class NoField(Exception):  # noqa: N818
    """There is no field, for the reason that is given."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """Unit q·P + r, of P `phases`, sees the window phases[r] moved by q·`shift`, whatever the integer q: borders do not count.

    A convolution's units have one phase. Behind a transposed convolution of stride 2 there are two.
    """

    phases: tuple[Window, ...]
    shift: int

    @property
    def stride(self) -> Fraction:
        """Pixels from a unit's window to the next one's, on average over the phases."""
        return Fraction(self.shift, len(self.phases))

    def window(self, unit: int) -> Window:
        """What a unit sees, unclipped."""
        turn, phase = divmod(unit, len(self.phases))
        found = self.phases[phase]
        return None if found is None else (found[0] + turn * self.shift, found[1] + turn * self.shift)

    def hull(self, units: int) -> Window:
        """What that many units see together."""
        period = len(self.phases)
        return hull(self.window(unit) for unit in {*range(min(period, units)), *range(max(units - period, 0), units)})

    def through(self, taps: Taps) -> "Lattice":
        """Of units that read these units."""
        reads, shift = taps.ideal or taps.reads, self.shift
        if len(self.phases) == 1 and taps.period == 1 and (only := self.phases[0]) is not None:
            units = reads(0)
            low, high = (units[0], units[-1]) if shift >= 0 else (units[-1], units[0])
            return Lattice(((only[0] + low * shift, only[1] + high * shift),), shift * taps.shift)
        turns = len(self.phases) // gcd(len(self.phases), taps.shift)
        phases = tuple(hull(map(self.window, reads(j))) for j in range(turns * taps.period))
        return Lattice(phases, self.shift * (turns * taps.shift // len(self.phases)))

    def times(self, period: int) -> "Lattice":
        """The same with that many phases, a multiple of its own."""
        return Lattice(tuple(map(self.window, range(period))), self.shift * period // len(self.phases))

    def sets(self, units: int, pixels: int) -> Iterator[int]:
        """The pixels in the image that each unit sees, as `Units` holds them."""
        for unit in range(units):
            lo, hi = self.window(unit) or (0, -1)
            lo, hi = max(lo, 0), min(hi, pixels - 1)
            yield ((1 << (hi - lo + 1)) - 1) << lo if hi >= lo else 0


@dataclass(frozen=True, slots=True)
class Everything:
    """Every unit sees the same window, since an op joined all units. `stride` is the units' distance, as if they still moved."""

    seen: Window
    stride: Fraction | int

    def window(self, unit: int) -> Window:
        """The same for each."""
        return self.seen

    def through(self, taps: Taps) -> "Everything":
        """Of units that read these units."""
        step = self.stride * taps.shift
        return Everything(self.seen, step if taps.period == 1 else Fraction(step) / taps.period)

    def sets(self, units: int, pixels: int) -> Iterator[int]:
        """The pixels in the image that each unit sees, as `Units` holds them."""
        return Lattice((self.seen,), 0).sets(units, pixels)


@dataclass(frozen=True, slots=True)
class Units:
    """Unit u sees pixel p if bit p of sets[u] is set. `reason` says why there is no law."""

    sets: tuple[int, ...]
    reason: str = ""

    def window(self, unit: int) -> Window:
        """The first and the last pixel that a unit sees."""
        return bounds(self.sets[unit])

    def through(self, taps: Taps, units: int) -> "Units":
        """Of units that read these units; in several blocks of `units`, if there are so many."""
        found = []
        for start in range(0, len(self.sets), units):
            for j in range(taps.count):
                seen = 0
                for i in taps.reads(j):
                    if 0 <= i < units:
                        seen |= self.sets[start + i]
                found.append(seen)
        return Units(tuple(found), self.reason)

    def union(self) -> int:
        """What all see together."""
        return reduce(or_, self.sets, 0)


def bounds(pixels: int) -> Window:
    """The first and the last pixel of a set."""
    return ((pixels & -pixels).bit_length() - 1, pixels.bit_length() - 1) if pixels else None


def hull(windows: Iterable[Window]) -> Window:
    """The least window that holds all of them."""
    known = [window for window in windows if window is not None]
    return (min([lo for lo, _ in known]), max([hi for _, hi in known])) if known else None
