"""Which units of its input each unit of an op's output reads, along one dimension."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, gcd

Reads = Callable[[int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Taps:
    """Output unit j of `count` reads the input units `reads(j)`, ascending; those that do not exist are padding.

    Unit j + `period` reads what j reads, moved by `shift`; where nothing of that kind holds, `irregular` says why. `ideal` is what
    would be read if the map went on beyond its border, where `reads` stays within.
    """

    count: int
    reads: Reads
    period: int = 1
    shift: int = 1
    irregular: str = ""
    ideal: Reads | None = None


@lru_cache(maxsize=4096)
def window(kernel: int, stride: int, padding: int, dilation: int, count: int) -> Taps:
    """A window that slides: j reads stride·j - padding + dilation·k for each k below `kernel`."""
    return Taps(
        count, lambda j: range(j * stride - padding, j * stride - padding + dilation * (kernel - 1) + 1, dilation), shift=stride
    )


@lru_cache(maxsize=4096)
def transposed(kernel: int, stride: int, padding: int, dilation: int, count: int) -> Taps:
    """A transposed convolution: input i reaches the outputs i·stride - padding + dilation·k; a phase for each step of a stride."""

    def reads(j: int) -> list[int]:
        places = (j + padding - dilation * k for k in reversed(range(kernel)))
        return [place // stride for place in places if place % stride == 0]

    return Taps(count, reads, period=stride)


def grouped(n: int, count: int, groups: int) -> Taps:
    """Channels in groups: each of `count` reads all of its own group of the n."""
    own = n // groups
    return Taps(count, lambda j: range((first := j * groups // count * own), first + own), count // groups, own)


def each(n: int) -> Taps:
    """Every unit, n times: the nearest neighbour of a map n times as large."""
    return Taps(0, lambda j: (j // n,), period=n)


def adaptive(n: int, count: int) -> Taps:
    """Adaptive pooling of n units: j reads from floor(j·n/count) to ceil((j + 1)·n/count), without the last."""
    common = gcd(n, count)
    return Taps(count, lambda j: range(j * n // count, -((-(j + 1) * n) // count)), count // common, n // common)


def nearest(n: int, count: int, factor: float | None, *, centred: bool, axes: int = 1) -> Taps:
    """The nearest neighbour, as torch finds it: in single precision, by the size ratio or the factor that was given.

    `centred` takes the nearest of the centres ("nearest-exact"). In two dimensions torch takes a map of the same or of twice the
    size for what it is, whatever the factor.
    """
    if axes == 2 and count in {n, 2 * n} and not centred:
        factor = None
    scale = _single(1.0 / factor if factor else n / count)

    def reads(j: int) -> tuple[int]:
        return (min(floor(_single(_single(j + 0.5 if centred else j) * scale)), n - 1),)

    return _periodic(Taps(count, reads), _step(n, count, factor, False), f"nearest neighbours of {n} units in {count}")


def interpolated(n: int, count: int, factor: float | None, reach: int, *, corners: bool) -> Taps:
    """Linear (`reach` 1) or cubic (2) interpolation: the neighbours on both sides of a unit's centre that weigh more than nothing.

    A unit whose centre falls on a pixel's reads that pixel alone.
    """
    step = _step(n, count, None if reach == 1 and n == count else factor, corners)  # where sizes agree, torch copies
    offset = Fraction(0) if corners else step / 2 - Fraction(1, 2)

    def reads(j: int) -> Sequence[int]:
        centre = j * step + offset
        low = floor(centre)
        return (low,) if low == ceil(centre) else range(low - reach + 1, low + reach + 1)

    return Taps(count, lambda j: _within(reads(j), n), step.denominator, step.numerator, ideal=reads)


def _within(units: Sequence[int], n: int) -> list[int]:
    """What lies beyond the border is read at the border."""
    return sorted({min(max(i, 0), n - 1) for i in units})


def _step(n: int, count: int, factor: float | None, corners: bool) -> Fraction:
    if corners:
        return Fraction(n - 1, count - 1) if count > 1 else Fraction(0)
    return 1 / Fraction(factor).limit_denominator(1000) if factor else Fraction(n, count)


def _periodic(taps: Taps, step: Fraction, what: str) -> Taps:
    """With the period that the step suggests, if the units keep to it."""
    period, shift = step.denominator, step.numerator
    if all(taps.reads(j + period)[0] == taps.reads(j)[0] + shift for j in range(taps.count - period)):
        return Taps(taps.count, taps.reads, period, shift, ideal=lambda j: (taps.reads(j % period)[0] + j // period * shift,))
    return Taps(taps.count, taps.reads, irregular=f"{what} are not evenly spaced")


def _single(value: float) -> float:
    """Rounded to single precision."""
    rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    return rounded


def padded(n: int, before: int, count: int, mode: str) -> Taps:
    """`before` units put before the first (taken away if negative): of nothing, or of the map itself."""
    ideal: Reads = lambda j: (j - before,)  # noqa: E731
    if mode == "circular":
        return Taps(count, lambda j: ((j - before) % n,), irregular="circular padding goes round to the other border")
    if mode == "replicate":
        return Taps(count, lambda j: (min(max(j - before, 0), n - 1),), ideal=ideal)
    if mode == "reflect":
        return Taps(count, lambda j: (n - 1 - abs(n - 1 - abs(j - before)),), ideal=ideal)
    return Taps(count, ideal)


def all_of(n: int) -> Taps:
    """One unit that reads all."""
    return Taps(1, lambda j: range(n))


def picked(first: int, step: int, count: int) -> Taps:
    """Every step-th unit from `first` on."""
    return Taps(count, lambda j: (first + j * step,), shift=step)


def rolled(n: int, by: int) -> Taps:
    """Moved by some units; what leaves at one border comes in at the other."""
    return Taps(n, lambda j: ((j - by) % n,), irregular="roll goes round to the other border")


def repeated(n: int, times: int) -> Taps:
    """The whole map several times over."""
    return Taps(n * times, lambda j: (j % n,), irregular="the map is repeated along an axis")


def so_far(n: int) -> Taps:
    """Every unit up to this one."""
    return Taps(n, lambda j: range(j + 1), irregular="each unit sees all before it")


def overlapping(size: int, step: int, count: int) -> Taps:
    """Windows side by side: unit j is place j % size of window j // size."""
    return Taps(count * size, lambda j: (j // size * step + j % size,), size, step)
