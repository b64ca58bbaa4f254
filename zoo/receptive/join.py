"""Where several tensors come together element by element."""

from collections.abc import Sequence
from math import lcm

from zoo.receptive.spans import Field, Span, Spans, Undefined, Walk, check
from zoo.receptive.windows import Everything, Lattice, NoField, Units, hull

MOST_PHASES = 4096


def join(kind: str, fields: Sequence[Spans | None], shape: Sequence[int]) -> Field | None:
    """The field of a tensor of `shape`, of which each unit sees what several see together; along each axis, the hull or union."""
    known = list({id(field): field for field in fields if field is not None}.values())
    if len(known) < 2:
        return known[0] if known else None
    if len({len(field) for field in known}) > 1:
        return Undefined(f"{kind} combines inputs of different numbers of axes")
    known = alive(kind, known, shape)
    return tuple([_join(kind, spans, shape) for spans in zip(*known, strict=True)])


def _join(kind: str, spans: Sequence[Span], shape: Sequence[int]) -> Span:
    walks, why, same = spans[0].walks, "", True
    for span in spans:
        same &= span.walks == walks
        if isinstance(span.windows, Everything):
            return together_whole(spans)
    if not same:
        walks, why = common(kind, spans, shape)
        moving = any(map(_moving, spans))
        spans = [_arranged(span, walks, why, moving) for span in spans]
    laws = [span.windows for span in spans if isinstance(span.windows, Lattice)]
    if len(laws) == len(spans):
        if len({(law.shift, len(law.phases)) for law in laws}) == 1 or len({law.stride for law in laws}) == 1:
            return Span(_hulls(laws), walks, max([span.pixels for span in spans]))
        each = " and ".join(map(str, sorted({law.stride for law in laws})))
        why = f"{kind} joins branches of strides {each}: they are misaligned"
    return _tables(spans, walks, why)


def _moving(span: Span) -> bool:
    return any(walk.size > 1 for walk in span.walks)


def _arranged(span: Span, walks: tuple[Walk, ...], why: str, moving: bool) -> Span:
    """With the digits of the others; one unit for all by its set, since it does not move with them."""
    if span.walks == walks or _moving(span):
        return span.arranged(walks, why)
    alone = Span(span.windows, (), span.pixels)
    return alone.tabled(why).arranged(walks, why) if moving else alone.at(span.windows, walks)


def common(kind: str, spans: Sequence[Span], shape: Sequence[int]) -> tuple[tuple[Walk, ...], str]:
    """Digits from which those of all can be told, and what to say if they follow no law."""
    moving = [span for span in spans if _moving(span)]
    alone = len(moving) < len(spans)
    why = f"{kind} joins " + ("one window for all units with a window for each" if alone else "different orders of axes")
    most = max((span.walks for span in moving or spans), key=len)
    if all(span.walks == most[: len(span.walks)] for span in moving):
        return most, why
    walks: list[Walk] = []
    for dim in dict.fromkeys(walk.dim for span in moving for walk in span.walks):
        digits = {tuple(walk for walk in span.walks if walk.dim == dim) for span in moving} - {()}
        walks += digits.pop() if len(digits) == 1 else (Walk(dim, 1, shape[dim]),)
    return tuple(walks), why


def together_whole(spans: Sequence[Span]) -> Span:
    """Something is seen whole: then by every unit."""
    every = [span.everywhere() for span in spans]
    windows = Everything(
        hull([one.windows.window(0) for one in every]),
        max([one.windows.stride for one in every if isinstance(one.windows, Everything)]),
    )
    return Span(windows, max([span.walks for span in spans], key=len), max([span.pixels for span in spans]))


def _hulls(laws: Sequence[Lattice]) -> Lattice:
    """Of one stride: the hull of each unit's windows, over as many phases as they have in common."""
    period = lcm(*[len(law.phases) for law in laws])
    if period > MOST_PHASES:
        raise NoField("phases of branches that fall together too seldom")
    several = [law.times(period) if len(law.phases) < period else law for law in laws]
    phases = tuple([hull(found) for found in zip(*[law.phases for law in several], strict=True)])
    return Lattice(phases, several[0].shift)


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
    return Span(Units(tuple(sets), reason), walks, max(span.pixels for span in spans))


def alive(kind: str, fields: Sequence[Spans], shape: Sequence[int]) -> list[Spans]:
    """Exact fields so that what lies in mere padding in one of them does not see through the others."""
    return [_alive(kind, field, fields, shape) for field in fields] if fields[0][0].exact else list(fields)


def _alive(kind: str, field: Spans, fields: Sequence[Spans], shape: Sequence[int]) -> Spans:
    """The field, with nothing seen along any axis by a unit that sees nothing along another: it lies in mere padding.

    Only where it matters: where no other field sees as much along that axis.
    """
    blind = [span for span in field if 0 in _sets(span)]
    if not blind:
        return field
    found = []
    for axis, span in enumerate(field):
        others = [one for one in blind if one is not span]
        if others and not any(_covers(other[axis], span) for other in fields if other is not field):
            walks, why = common(kind, (span, *others), shape)
            tables = [_sets(one.arranged(walks, why)) for one in (span, *others)]
            sets = tuple([seen if all(rest) else 0 for seen, *rest in zip(*tables, strict=True)])
            span = Span(Units(sets), walks, span.pixels)
        found.append(span)
    return tuple(found)


def _sets(span: Span) -> tuple[int, ...]:
    assert isinstance(span.windows, Units)
    return span.windows.sets


def _covers(big: Span, small: Span) -> bool:
    """Whether each unit surely sees what the same unit of another tensor sees."""
    if not big.walks:
        return all(_sets(big)[0] | seen == _sets(big)[0] for seen in _sets(small))
    return big.walks == small.walks and all(a | b == a for a, b in zip(_sets(big), _sets(small), strict=True))
