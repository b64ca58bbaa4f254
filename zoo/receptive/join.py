"""Where several tensors come together element by element, such as the sum of a residual block.

Read `spans` first. Start with `join`: along each axis it sees to it that all tensors number their units alike (`common`,
`Span.arranged`), then takes the hull of the laws (`_hulls`) or the union of the tables (`_tables`).

A residual block on 8 pixels: a convolution 3/2 with padding 1 sees pixels 2i - 1 to 2i + 1, its shortcut 1/2 sees pixel 2i.
Their sum sees what the first sees. A shortcut without the stride does not fit: its unit i sees pixel i.

>>> digits = (Walk(-1, 1, 4),)
>>> conv = (Span(Lattice(((-1, 1),), 2), digits, 8),)
>>> shortcut = (Span(Lattice(((0, 0),), 2), digits, 8),)
>>> join("add", [conv, shortcut], (1, 16, 4))[0].windows
Lattice(phases=((-1, 1),), shift=2)
>>> cropped = (Span(Lattice(((0, 0),), 1), digits, 8),)
>>> join("add", [conv, cropped], (1, 16, 4))[0].windows.reason
'add joins branches of strides 1 and 2: they are misaligned'
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

from zoo.receptive.spans import Field, Span, Spans, Undefined, Walk, check
from zoo.receptive.windows import Everything, Lattice, NoField, Units, hull

MOST_PHASES = 4096
"""Phases of the longest law that is made; beyond, branches of awkward ratios would take minutes."""


def join(kind: str, fields: Sequence[Spans | None], shape: Sequence[int]) -> Field | None:
    """The field of a tensor of `shape`, of which each unit sees what several see together; along each axis, the hull or union.

    `kind` is the op's, for the reason if the windows are not evenly spaced. Fields that are None (constants) do not count.
    """
    known = list({id(field): field for field in fields if field is not None}.values())
    if len(known) < 2:
        return known[0] if known else None
    if len({len(field) for field in known}) > 1:
        return Undefined(f"{kind} combines inputs of different numbers of axes")
    known = alive(kind, known, shape)
    return tuple([_join(kind, spans, shape) for spans in zip(*known, strict=True)])


def _join(kind: str, spans: Sequence[Span], shape: Sequence[int]) -> Span:
    """Along one axis."""
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
    if len(laws) < len(spans):
        return _tables(spans, walks, why)
    if len({(law.shift, len(law.phases)) for law in laws}) > 1:  # else the strides are equal, without making fractions
        strides = sorted({law.stride for law in laws})
        if len(strides) > 1:
            both = " and ".join(map(str, strides))
            return _tables(spans, walks, f"{kind} joins branches of strides {both}: they are misaligned")
    return Span(_hulls(laws), walks, max([span.pixels for span in spans]), _skew(laws))


def _skew(laws: Sequence[Lattice]) -> Fraction | int:
    """Pixels between the centres of branches of one stride, each the mean over its phases.

    >>> _skew([Lattice(((-1, 1),), 2), Lattice(((0, 0),), 2)]), _skew([Lattice(((0, 2),), 1), Lattice(((0, 0),), 1)])
    (0, Fraction(1, 1))
    """
    twice = [_twice_the_centre(law) for law in laws]
    apart = max(twice) - min(twice)
    return Fraction(apart) / 2 if apart else 0


def _twice_the_centre(law: Lattice) -> Fraction | int:
    """Of unit 0, as if the phases were evenly spaced."""
    phases = [window for window in law.phases if window is not None]
    if len(phases) < 2:
        return sum(phases[0]) if phases else 0
    n = len(law.phases)
    return Fraction(sum(map(sum, phases)), len(phases)) - Fraction(law.shift * (n - 1), n)


def _moving(span: Span) -> bool:
    """Whether it has more than one unit: what has one is broadcast to all units of the others."""
    return any(walk.size > 1 for walk in span.walks)


def _arranged(span: Span, walks: tuple[Walk, ...], why: str, moving: bool) -> Span:
    """Return the span with the digits of the others; a single unit for all positions becomes a set, since it does not move."""
    if span.walks == walks or _moving(span):
        return span.arranged(walks, why)
    alone = Span(span.windows, (), span.pixels)
    return alone.tabled(why).arranged(walks, why) if moving else alone.with_units(span.windows, walks)


def common(kind: str, spans: Sequence[Span], shape: Sequence[int]) -> tuple[tuple[Walk, ...], str]:
    """Digits from which those of all can be told, and the reason if the windows are not evenly spaced.

    One tensor has 4 rows of 4 tokens along dimension -1, the other only the index of the token: the index tells the row.

    >>> rows = Span(Lattice(((0, 0),), 1), (Walk(-1, 4, 4),), 4)
    >>> tokens = Span(Lattice(((0, 0),), 1), (Walk(-1, 1, 16),), 16)
    >>> common("add", [rows, tokens], (1, 3, 16))[0]
    (Walk(dim=-1, inner=1, size=16),)
    """
    moving = [span for span in spans if _moving(span)]
    alone = len(moving) < len(spans)
    why = f"{kind} joins " + ("one window for all units with a window for each" if alone else "different orders of axes")
    longest = max((span.walks for span in moving or spans), key=len)
    if all(span.walks == longest[: len(span.walks)] for span in moving):
        return longest, why
    by_dim: dict[int, set[tuple[Walk, ...]]] = {}  # the digits that each span has there
    for span in moving:
        for walk in span.walks:
            by_dim.setdefault(walk.dim, set()).add(span.digits(walk.dim))
    walks: list[Walk] = []
    for dim, digits in by_dim.items():
        walks += digits.pop() if len(digits) == 1 else (Walk(dim, 1, shape[dim]),)
    return tuple(walks), why


def together_whole(spans: Sequence[Span]) -> Span:
    """Something is seen whole: then by every unit. Units are numbered, and as far apart, as in the tensor that has the most digits:
    queries 4 pixels apart stay so whatever keys they meet.

    Maps times the gate of a squeeze-and-excitation block, which was computed from all 4 units:

    >>> digits = (Walk(-1, 1, 4),)
    >>> gate = Span(Everything((-1, 7), 2), (), 8)
    >>> together_whole([Span(Lattice(((-1, 1),), 2), digits, 8), gate])
    Span(windows=Everything(seen=(-1, 7), stride=Fraction(2, 1)), walks=(Walk(dim=-1, inner=1, size=4),), pixels=8)
    """
    every = [span.everywhere() for span in spans]
    strides = [one.windows.stride if isinstance(one.windows, Everything) else 0 for one in every]
    first = max(range(len(spans)), key=lambda i: len(spans[i].walks))
    windows = Everything(hull([one.windows.window(0) for one in every]), strides[first] or max(strides))
    return Span(windows, spans[first].walks, max([span.pixels for span in spans]))


def _hulls(laws: Sequence[Lattice]) -> Lattice:
    """Of one stride: the hull of each unit's windows, over as many phases as they have in common.

    A map enlarged twice (two phases) plus one that never was reduced (one phase):

    >>> _hulls([Lattice(((-1, 1), (-1, 1)), 2), Lattice(((0, 0),), 1)])
    Lattice(phases=((-1, 1), (-1, 1)), shift=2)
    """
    period = lcm(*[len(law.phases) for law in laws])
    if period > MOST_PHASES:
        raise NoField("the phases of the branches rarely coincide")
    several = [law.with_phases(period) if len(law.phases) < period else law for law in laws]
    by_phase = zip(*[law.phases for law in several], strict=True)  # for each phase the windows of all laws
    return Lattice(tuple(map(hull, by_phase)), several[0].shift)


def _tables(spans: Sequence[Span], walks: tuple[Walk, ...], why: str) -> Span:
    """Unit by unit: the union of the pixels. All have the digits `walks`."""
    tables = [span.tabled(why) for span in spans]
    windows = [table.windows for table in tables if isinstance(table.windows, Units)]
    check(len(windows[0].sets) * spans[0].pixels)
    sets = []
    for several in zip(*[one.sets for one in windows], strict=True):
        seen = 0
        for one in several:
            seen |= one
        sets.append(seen)
    reason = next((one.reason for one in windows if one.reason), "")
    return Span(Units(tuple(sets), reason, _only({one.stride for one in windows})), walks, max([span.pixels for span in spans]))


def _only(strides: set[Fraction | int]) -> Fraction | int:
    """The one stride that all have; 0 where they differ."""
    return strides.pop() if len(strides) == 1 else 0


def alive(kind: str, fields: Sequence[Spans], shape: Sequence[int]) -> list[Spans]:
    """Exact fields so that what lies in mere padding in one of them does not see through the others.

    A field is one set of pixels for each axis, and a unit sees their product: rows {0, 1} and columns {} contain no pixel. If
    such a unit is joined with one that sees columns {2}, it must not turn into rows {0, 1} times columns {2}.
    """
    if not fields[0][0].exact:
        return list(fields)
    return [_alive(kind, field, fields, shape) for field in fields]


def _alive(kind: str, field: Spans, fields: Sequence[Spans], shape: Sequence[int]) -> Spans:
    """Return the field in which a unit that sees nothing along one axis sees nothing along the others: it is padding.

    This is done only if no other field sees as much along that axis.
    """
    blind = [span for span in field if 0 in _sets(span)]  # axes along which some units see nothing
    if not blind:
        return field
    found = []
    for axis, span in enumerate(field):
        others = [one for one in blind if one is not span]
        if others and not any(_covers(other[axis], span) for other in fields if other is not field):
            walks, why = common(kind, (span, *others), shape)
            mine, *rest = [_sets(one.arranged(walks, why)) for one in (span, *others)]
            living = [all(seen) for seen in zip(*rest, strict=True)]
            sets = [seen if lives else 0 for seen, lives in zip(mine, living, strict=True)]
            span = Span(Units(tuple(sets)), walks, span.pixels)
        found.append(span)
    return tuple(found)


def _sets(span: Span) -> tuple[int, ...]:
    assert isinstance(span.windows, Units)
    return span.windows.sets


def _covers(big: Span, small: Span) -> bool:
    """Return whether each unit is known to see what the same unit of another tensor sees."""
    if not big.walks:
        (seen,) = _sets(big)  # one set for all units
        return all(seen | other == seen for other in _sets(small))
    if big.walks != small.walks:
        return False
    return all(seen | other == seen for seen, other in zip(_sets(big), _sets(small), strict=True))
