"""Where several tensors come together element by element."""

from collections.abc import Sequence
from math import lcm

from zoo.analysis.fields.spans import Field, Span, Spans, Undefined, Walk, check
from zoo.analysis.fields.windows import Lattice, NoField, Units, hull

MOST_PHASES = 4096


def join(kind: str, fields: Sequence[Spans | None], shape: Sequence[int]) -> Field | None:
    """The field of a tensor of `shape`, of which each unit sees what several see together; along each axis, the hull or union."""
    known = list({id(field): field for field in fields if field is not None}.values())
    if len(known) < 2:
        return known[0] if known else None
    if len({len(field) for field in known}) > 1:
        return Undefined(f"{kind} combines inputs of different numbers of axes")
    _boxes(kind, known)
    return tuple(_join(kind, spans, shape) for spans in zip(*known, strict=True))


def _join(kind: str, spans: Sequence[Span], shape: Sequence[int]) -> Span:
    first, second = spans[:2]
    if len(spans) == 2 and isinstance(first.windows, Lattice) and first == second:
        return first
    tables = any(isinstance(span.windows, Units) for span in spans)
    if not tables and any(span.whole for span in spans):
        return _whole(spans)
    walks, why = first.walks, ""
    if any(span.walks != walks for span in spans):
        walks = _common(spans, shape)
        alone = any(not _moving(span) for span in spans)
        why = f"{kind} joins " + ("one window for all units with a window for each" if alone else "different orders of axes")
        moving = any(map(_moving, spans))
        spans = [_arranged(span, walks, why, moving) for span in spans]
    if all(isinstance(span.windows, Lattice) for span in spans):
        strides = sorted({span.windows.stride for span in spans if isinstance(span.windows, Lattice)})
        if len(strides) == 1:
            return _lattices(spans, walks)
        why = f"{kind} joins branches of strides {' and '.join(map(str, strides))}: they are misaligned"
    return _tables(spans, walks, why)


def _moving(span: Span) -> bool:
    return any(walk.size > 1 for walk in span.walks)


def _arranged(span: Span, walks: tuple[Walk, ...], why: str, moving: bool) -> Span:
    """With the digits of the others; one unit for all by its set, since it does not move with them."""
    if span.walks == walks or _moving(span):
        return span.arranged(walks, why)
    alone = Span(span.windows, (), span.pixels, span.whole)
    return alone.tabled(why).arranged(walks, why) if moving else alone.at(span.windows, walks)


def _common(spans: Sequence[Span], shape: Sequence[int]) -> tuple[Walk, ...]:
    """Digits from which those of all can be told."""
    moving = [span for span in spans if _moving(span)]
    if not moving:
        return max((span.walks for span in spans), key=len)
    most = max((span.walks for span in moving), key=len)
    if all(span.walks == most[: len(span.walks)] for span in moving):
        return most
    walks: list[Walk] = []
    for dim in dict.fromkeys(walk.dim for span in moving for walk in span.walks if walk.size > 1):
        digits = {tuple(walk for walk in span.walks if walk.dim == dim) for span in moving} - {()}
        walks += digits.pop() if len(digits) == 1 else (Walk(dim, 1, shape[dim]),)
    return tuple(walks)


def _whole(spans: Sequence[Span]) -> Span:
    """Something is seen whole: then by every unit."""
    extents = [span.everywhere().windows.window(0) for span in spans]
    widest = max(spans, key=lambda span: isinstance(span.windows, Lattice) and span.windows.stride)
    assert isinstance(widest.windows, Lattice)
    phases = (hull(iter(extents)),) * len(widest.windows.phases)
    return Span(Lattice(phases, widest.windows.shift), (), max(span.pixels for span in spans), True)


def _lattices(spans: Sequence[Span], walks: tuple[Walk, ...]) -> Span:
    """Of one stride: the hull of each unit's windows, over as many phases as they have in common."""
    windows = [span.windows for span in spans if isinstance(span.windows, Lattice)]
    period = lcm(*(len(one.phases) for one in windows))
    if period > MOST_PHASES:
        raise NoField("phases of branches that fall together too seldom")
    several = [one.times(period) if len(one.phases) < period else one for one in windows]
    phases = tuple(hull(iter(found)) for found in zip(*(one.phases for one in several), strict=True))
    return Span(Lattice(phases, several[0].shift), walks, max(span.pixels for span in spans))


def _tables(spans: Sequence[Span], walks: tuple[Walk, ...], why: str) -> Span:
    tables = [span.tabled(why) for span in spans]
    windows = [table.windows for table in tables if isinstance(table.windows, Units)]
    check(len(windows[0].sets) * spans[0].pixels)
    sets = []
    for several in zip(*(one.sets for one in windows), strict=True):
        seen = 0
        for one in several:
            seen |= one
        sets.append(seen)
    reason = next((one.reason for one in windows if one.reason), "")
    return Span(Units(tuple(sets), reason), walks, max(span.pixels for span in spans), any(span.whole for span in spans))


def _boxes(kind: str, fields: Sequence[Spans]) -> None:
    """Axis by axis is exact as long as a unit that sees nothing along one axis does not join others: it sees nothing at all.

    Raises `NoField` where pixels would be said to be seen that no branch sees.
    """
    for field in fields:
        windows = [span.windows for span in field]
        if not all(isinstance(one, Units) and not one.reason for one in windows):
            return
        for a, blind in enumerate(windows):
            if isinstance(blind, Units) and 0 in blind.sets:
                for b, span in enumerate(field):
                    if b != a and not any(_covers(other[b], span) for other in fields if other is not field):
                        raise NoField(f"{kind} joins units in mere padding with others: what they see is no box")


def _covers(big: Span, small: Span) -> bool:
    """Whether each unit sees what the same unit of another tensor sees."""
    if not (isinstance(big.windows, Units) and isinstance(small.windows, Units)):
        return False
    same = big.walks == small.walks
    return same and all(a | b == a for a, b in zip(big.windows.sets, small.windows.sets, strict=True))
