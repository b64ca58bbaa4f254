"""Which units of its input each unit of an op's output reads, along one dimension.

Start here: this is the lowest layer of the receptive-field algebra, and it knows nothing of pixels. The layers above are
`windows` (what units see of the input image), `spans` (where these units are in a tensor), `join` (several tensors become
one), and the rules of ops in `sliding`, `layout` and `sums`.

The example of all these modules is a convolution with kernel 3, stride 2 and padding 1 on 8 units. It has 4 outputs:

>>> taps = window(kernel=3, stride=2, padding=1, dilation=1, count=4)
>>> [list(taps.reads(j)) for j in range(taps.count)]
[[-1, 0, 1], [1, 2, 3], [3, 4, 5], [5, 6, 7]]
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, gcd

Reads = Callable[[int], Sequence[int]]
"""From an output unit to the input units that it reads, in ascending order."""


@dataclass(frozen=True, slots=True)
class Taps:
    """Output unit j of `count` reads the input units `reads(j)`, ascending; units that do not exist are padding.

    Unit j + `period` reads what j reads, moved by `shift`; where this does not hold, `irregular` says why. `ideal` is what would
    be read if the map continued beyond its border; it is given only where `reads` itself stays within the map.

    A convolution 3/2 with padding 1 has period 1: each output reads what the one before it reads, moved by 2 inputs.

    >>> taps = window(3, 2, 1, 1, 4)
    >>> list(taps.reads(0)), list(taps.reads(1)), taps.period, taps.shift
    ([-1, 0, 1], [1, 2, 3], 1, 2)

    Its transposed convolution has period 2: even and odd outputs read differently, and two outputs later it is one input on.

    >>> taps = transposed(3, 2, 1, 1, 8)
    >>> [taps.reads(j) for j in range(4)], taps.period, taps.shift
    ([[0], [0, 1], [1], [1, 2]], 2, 1)
    """

    count: int
    reads: Reads
    period: int = 1
    shift: int = 1
    irregular: str = ""
    ideal: Reads | None = None


@lru_cache(maxsize=4096)
def window(kernel: int, stride: int, padding: int, dilation: int, count: int) -> Taps:
    """A window that slides: j reads stride·j - padding + dilation·k for each k below `kernel`.

    >>> list(window(kernel=3, stride=2, padding=1, dilation=4, count=2).reads(1))
    [1, 5, 9]
    """
    reach = dilation * (kernel - 1) + 1  # from the first unit read to just after the last one

    def reads(j: int) -> range:
        first = j * stride - padding
        return range(first, first + reach, dilation)

    return Taps(count, reads, shift=stride)


@lru_cache(maxsize=4096)
def transposed(kernel: int, stride: int, padding: int, dilation: int, count: int) -> Taps:
    """A transposed convolution: input i reaches the outputs i·stride - padding + dilation·k; a phase for each step of a stride.

    With kernel 3, stride 2 and padding 1, input 1 reaches outputs 1, 2 and 3:

    >>> taps = transposed(3, 2, 1, 1, 8)
    >>> [j for j in range(taps.count) if 1 in taps.reads(j)]
    [1, 2, 3]
    """

    def reads(j: int) -> list[int]:
        # j = i·stride - padding + dilation·k is solved for i; only those k count for which i is a whole number.
        places = (j + padding - dilation * k for k in reversed(range(kernel)))
        return [place // stride for place in places if place % stride == 0]

    return Taps(count, reads, period=stride)


def grouped(n: int, count: int, groups: int) -> Taps:
    """Channels in groups: each of `count` reads all of its own group of the n.

    >>> [list(grouped(n=4, count=6, groups=2).reads(j)) for j in (0, 2, 3, 5)]
    [[0, 1], [0, 1], [2, 3], [2, 3]]
    """
    own = n // groups

    def reads(j: int) -> range:
        first = j * groups // count * own
        return range(first, first + own)

    return Taps(count, reads, count // groups, own)


def duplicated(n: int) -> Taps:
    """Every unit n times in a row, as in a map enlarged n times. There is no `count`: only laws are carried through these.

    >>> [duplicated(2).reads(j) for j in range(4)]
    [(0,), (0,), (1,), (1,)]
    """
    return Taps(0, lambda j: (j // n,), period=n)


def adaptive(n: int, count: int) -> Taps:
    """Adaptive pooling of n units: j reads from floor(j·n/count) to ceil((j + 1)·n/count), without the last.

    >>> taps = adaptive(n=8, count=6)
    >>> [list(taps.reads(j)) for j in range(4)], taps.period, taps.shift
    ([[0, 1], [1, 2], [2, 3], [4, 5]], 3, 4)
    """
    common = gcd(n, count)

    def reads(j: int) -> range:
        end = -((-(j + 1) * n) // count)  # -(-a // b) is a / b rounded up
        return range(j * n // count, end)

    return Taps(count, reads, count // common, n // common)


def nearest(n: int, count: int, factor: float | None, *, centred: bool, axes: int = 1) -> Taps:
    """The nearest neighbour as torch computes it: in single precision, from the size ratio or the given factor.

    `centred` takes the nearest of the centres ("nearest-exact"). In two dimensions torch takes a map of the same or of twice the
    size for what it is, whatever the factor.

    >>> [nearest(n=4, count=6, factor=None, centred=False).reads(j) for j in range(6)]
    [(0,), (0,), (1,), (2,), (2,), (3,)]
    """
    if axes == 2 and count in {n, 2 * n} and not centred:
        factor = None
    scale = _single(1.0 / factor if factor else n / count)

    def reads(j: int) -> tuple[int]:
        place = _single(_single(j + 0.5 if centred else j) * scale)  # rounded where torch rounds
        return (min(floor(place), n - 1),)

    return _periodic(Taps(count, reads), _step(n, count, factor, False), f"the nearest neighbours of {count} of {n} units")


def interpolated(n: int, count: int, factor: float | None, reach: int, *, corners: bool) -> Taps:
    """Linear (`reach` 1) or cubic (2) interpolation: the neighbours on both sides of a unit's centre with a weight other than zero.

    A unit whose centre falls on that of an input unit reads that unit alone. Enlarged twice, centres lie at -1/4, 1/4, 3/4, ...;
    beyond the border the unit at the border is read:

    >>> taps = interpolated(n=4, count=8, factor=None, reach=1, corners=False)
    >>> [taps.reads(j) for j in (0, 1, 2, 7)], list(taps.ideal(0))
    ([[0], [0, 1], [0, 1], [3]], [-1, 0])
    """
    step = _step(n, count, None if reach == 1 and n == count else factor, corners)  # where sizes agree, torch copies
    offset = Fraction(0) if corners else step / 2 - Fraction(1, 2)  # the place of output 0, in units of the input

    def reads(j: int) -> Sequence[int]:
        centre = j * step + offset
        low = floor(centre)
        on_a_unit = low == ceil(centre)
        return (low,) if on_a_unit else range(low - reach + 1, low + reach + 1)

    return Taps(count, lambda j: _within(reads(j), n), step.denominator, step.numerator, ideal=reads)


def _within(units: Sequence[int], n: int) -> list[int]:
    """Units beyond the border are read at the border."""
    return sorted({min(max(i, 0), n - 1) for i in units})


def _step(n: int, count: int, factor: float | None, corners: bool) -> Fraction:
    """Units of the input from one output unit to the next."""
    if corners:  # the first and the last units coincide
        return Fraction(n - 1, count - 1) if count > 1 else Fraction(0)
    return 1 / Fraction(factor).limit_denominator(1000) if factor else Fraction(n, count)


def _periodic(taps: Taps, step: Fraction, what: str) -> Taps:
    """With the period that the step suggests, if the units keep to it: single precision can put one unit aside."""
    period, shift = step.denominator, step.numerator
    if any(taps.reads(j + period)[0] != taps.reads(j)[0] + shift for j in range(taps.count - period)):
        return Taps(taps.count, taps.reads, irregular=f"{what} are not evenly spaced")

    def ideal(j: int) -> tuple[int]:
        turn, phase = divmod(j, period)
        return (taps.reads(phase)[0] + turn * shift,)

    return Taps(taps.count, taps.reads, period, shift, ideal=ideal)


def _single(value: float) -> float:
    """Rounded to single precision."""
    rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    return rounded


def padded(n: int, before: int, count: int, mode: str) -> Taps:
    """`before` units put before the first (taken away if negative): of nothing, or of the map itself.

    >>> [padded(n=4, before=2, count=8, mode="constant").reads(j)[0] for j in range(8)]
    [-2, -1, 0, 1, 2, 3, 4, 5]
    >>> [padded(n=4, before=2, count=8, mode="reflect").reads(j)[0] for j in range(8)]
    [2, 1, 0, 1, 2, 3, 2, 1]
    """

    def ideal(j: int) -> tuple[int]:
        return (j - before,)

    if mode == "circular":
        return Taps(count, lambda j: ((j - before) % n,), irregular="circular padding reads from the other border")
    if mode == "replicate":
        return Taps(count, lambda j: (min(max(j - before, 0), n - 1),), ideal=ideal)
    if mode == "reflect":
        # The inner abs() mirrors at the first unit, the outer one at the last.
        return Taps(count, lambda j: (n - 1 - abs(n - 1 - abs(j - before)),), ideal=ideal)
    return Taps(count, ideal)


def all_of(n: int) -> Taps:
    """One unit that reads all.

    >>> list(all_of(4).reads(0))
    [0, 1, 2, 3]
    """
    return Taps(1, lambda j: range(n))


def picked(first: int, step: int, count: int) -> Taps:
    """Every step-th unit from `first` on.

    >>> [picked(first=1, step=3, count=3).reads(j) for j in range(3)]
    [(1,), (4,), (7,)]
    """
    return Taps(count, lambda j: (first + j * step,), shift=step)


def listed(units: Sequence[int]) -> Taps:
    """Units in any order, as an index of constants picks them.

    >>> [listed([3, 0]).reads(j) for j in range(2)]
    [(3,), (0,)]
    """
    return Taps(len(units), lambda j: (units[j],), irregular="an index picks units in any order")


def rolled(n: int, by: int) -> Taps:
    """Moved by some units; what leaves at one border comes in at the other.

    >>> [rolled(n=4, by=1).reads(j) for j in range(4)]
    [(3,), (0,), (1,), (2,)]
    """
    return Taps(n, lambda j: ((j - by) % n,), irregular="roll reads from the other border")


def repeated(n: int, copies: int) -> Taps:
    """The whole map several times over, as `Tensor.repeat` does. `duplicated` repeats each unit instead.

    >>> [repeated(n=2, copies=2).reads(j) for j in range(4)]
    [(0,), (1,), (0,), (1,)]
    """
    return Taps(n * copies, lambda j: (j % n,), irregular="the map is repeated along an axis")


def so_far(n: int) -> Taps:
    """Every unit up to this one.

    >>> list(so_far(4).reads(2))
    [0, 1, 2]
    """
    return Taps(n, lambda j: range(j + 1), irregular="each unit sees all before it")


def overlapping(size: int, step: int, count: int) -> Taps:
    """Windows side by side: unit j is place j % size of window j // size.

    >>> [overlapping(size=3, step=2, count=2).reads(j)[0] for j in range(6)]
    [0, 1, 2, 2, 3, 4]
    """
    return Taps(count * size, lambda j: (j // size * step + j % size,), size, step)
