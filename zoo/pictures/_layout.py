"""Place the boxes of one level, and route the lines between them: from top to bottom, in rows, as wide as a page at most.

A layered layout in five steps: `_rows` gives each box the row after those that it reads, at most a page wide; a line that passes a
row has a lane there, a box of no height; `_ordered` sorts rows so that few lines cross; `_aligned` chains what should have one x,
and `_placed` moves the chains close to what they are linked to; `_routed` draws lines as steps, each source's on a
track of its own between two rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from zoo.pictures._grid import GAP, LANE, MANY, Box, Grid, Placed
from zoo.pictures._routing import routed


def place(boxes: Sequence[Box], edges: Sequence[tuple[int, int]], most: float) -> Placed:
    """Place boxes whose edges lead from earlier to later ones, in a width of `most` if that is possible.

    If the first attempt is too wide, boxes are not aligned; then rows hold fewer boxes; then lanes and gaps become narrower.
    """
    found = _attempt(boxes, edges, most, _Manner())
    if found.width <= most:
        return found
    narrow = [
        _Manner(straight=False),
        *(_Manner(share, False, gaps) for share, gaps in ((0.7, 1), (0.5, 0.5), (0, 0.25), (0, 0.03))),
    ]
    for manner in narrow if len(boxes) < MANY else narrow[-1:]:
        attempt = _attempt(boxes, edges, most, manner)
        if attempt.width <= most:
            return attempt
        found = min(found, attempt, key=lambda one: one.width)
    return found


def fits(boxes: Sequence[Box], edges: Sequence[tuple[int, int]], most: float) -> bool:
    """Whether the first attempt of `place` has at most this width."""
    return _attempt(boxes, edges, most, _Manner()).width <= most


@dataclass(frozen=True)
class _Manner:
    """How a layout is tried: how full a row may be, whether boxes are aligned with what they read, and the part of gaps."""

    share: float = 1.0
    straight: bool = True
    gaps: float = 1.0


def _attempt(given: Sequence[Box], edges: Sequence[tuple[int, int]], most: float, manner: _Manner) -> Placed:
    """Alike blocks of a network are placed alike, and once."""
    sizes = tuple((b.left, b.right, b.height, b.exit, b.round, b.wide) for b in given)
    return _tried(sizes, tuple(edges), most, manner)


@lru_cache(maxsize=512)
def _tried(sizes: tuple[Any, ...], edges: tuple[tuple[int, int], ...], most: float, manner: _Manner) -> Placed:
    boxes = [Box(*size) for size in sizes]
    grid = _with_lanes(boxes, edges, _rows(boxes, edges, most * manner.share))
    _ordered(grid)
    chains = _aligned(grid) if manner.straight else [[here] for row in grid.rows for here in row]
    _placed(grid, chains, manner.gaps)
    if not manner.straight:
        _gathered(grid, most)
    return routed(grid, len(sizes))


def _rows(boxes: Sequence[Box], edges: Sequence[tuple[int, int]], most: float) -> list[int]:
    """The row of each box."""
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for source, target in edges:
        before.setdefault(target, []).append(source)
        after.setdefault(source, []).append(target)
    rows = [0] * len(boxes)
    taken: dict[int, float] = {}
    for here, box in enumerate(boxes):
        row = 1 + max((rows[source] for source in before.get(here, ())), default=-1)
        width = box.left + box.right + GAP
        while taken.get(row, 0.0) > 0 and taken[row] + width > most:
            row += 1
        rows[here] = row
        taken[row] = taken.get(row, 0.0) + width
    for here in range(len(boxes)):  # what reads nothing stands just above its first reader
        if here not in before and after.get(here) and (row := min(rows[target] for target in after[here]) - 1) > rows[here]:
            rows[here] = row
    return rows


def _with_lanes(boxes: list[Box], edges: Sequence[tuple[int, int]], rows: Sequence[int]) -> Grid:
    """The grid; every source has one lane in each row that its lines pass, however many there are."""
    grid = Grid(boxes, [[] for _ in range(max(rows, default=-1) + 1)], {}, {})
    for here, row in enumerate(rows):
        grid.rows[row].append(here)
    ends: dict[int, list[int]] = {}
    for source, target in edges:
        ends.setdefault(source, []).append(target)
    for source, targets in ends.items():
        above = source
        for row in range(rows[source] + 1, max(rows[target] for target in targets) + 1):
            for target in targets:
                if rows[target] == row:
                    _link(grid, above, target)
            if any(rows[target] > row for target in targets):
                boxes.append(Box(0, 0, 0, lane_of=source))
                _link(grid, above, len(boxes) - 1)
                above = len(boxes) - 1
                grid.rows[row].append(above)
    return grid


def _link(grid: Grid, source: int, target: int) -> None:
    grid.down.setdefault(source, []).append(target)
    grid.up.setdefault(target, []).append(source)


# The order in a row ------------------------------------------------------------------------------------------------------


def _ordered(grid: Grid) -> None:
    """Sort each row by the mean place of what its boxes are linked to, down and up; keep the order with the fewest crossings."""
    best, fewest = [list(row) for row in grid.rows], _crossings(grid)
    for turn in range(8 if len(grid.boxes) < MANY else 2):
        if not fewest:
            break
        down = turn % 2 == 0
        rows, links = (grid.rows, grid.up) if down else (grid.rows[::-1], grid.down)
        for other, row in pairwise(rows):
            place = {here: i for i, here in enumerate(other)}
            means = {here: _mean([place[one] for one in links.get(here, ())], i) for i, here in enumerate(row)}
            row.sort(key=lambda here, means=means: (means[here], grid.boxes[here].lane_of is not None))  # type: ignore[misc]
        if (crossings := _crossings(grid)) < fewest:
            best, fewest = [list(row) for row in grid.rows], crossings
    grid.rows[:] = best


def _mean(places: Sequence[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _crossings(grid: Grid) -> int:
    """How many pairs of lines cross between neighbouring rows."""
    found = 0
    for upper, lower in pairwise(grid.rows):
        place = {here: i for i, here in enumerate(lower)}
        ends = [place[target] for here in upper for target in sorted(grid.down.get(here, ()), key=place.__getitem__)]
        found += _inversions(ends)
    return found


def _inversions(numbers: Sequence[int]) -> int:
    from bisect import bisect_right, insort

    seen: list[int] = []
    found = 0
    for number in numbers:
        found += len(seen) - bisect_right(seen, number)
        insort(seen, number)
    return found


# Coordinates ---------------------------------------------------------------------------------------------------------------


def _aligned(grid: Grid) -> list[list[int]]:
    """Chains of boxes and lanes, from top to bottom, each in one vertical line; no two chains cross."""
    below: dict[int, int] = {}
    hung: set[int] = set()
    following, leading = _longest(grid, grid.rows[::-1], grid.down), _longest(grid, grid.rows, grid.up)
    for upper, lower in pairwise(grid.rows):
        place = {here: i for i, here in enumerate(upper)}
        drawn: list[tuple[int, int]] = []  # lines between these rows that are vertical already, by places
        for lanes in (True, False):  # a lane stays straight; then boxes follow what they read
            for i, here in enumerate(lower):
                if here in hung:
                    continue
                sources = sorted(grid.up.get(here, ()), key=place.__getitem__)
                for source in _middle(sources, leading) if not lanes else sources:
                    both = grid.boxes[here].lane_of is not None and grid.boxes[source].lane_of is not None
                    if source in below or both != lanes or grid.boxes[source].exit:
                        continue
                    targets = grid.down[source]
                    if not both and here not in _middle(sorted(targets, key=lower.index), following):
                        continue
                    if all((above - place[source]) * (under - i) >= 0 for above, under in drawn):
                        drawn.append((place[source], i))
                        below[source] = here
                        hung.add(here)
                        break
    heads = [here for row in grid.rows for here in row if here not in hung]
    return [list(_chain(below, head)) for head in heads]


def _longest(grid: Grid, rows: Sequence[Sequence[int]], links: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """How many boxes are on the longest way from each box or lane through its links."""
    found: dict[int, int] = {}
    for row in rows:
        for here in row:
            found[here] = max((found[other] for other in links.get(here, ())), default=0) + (grid.boxes[here].lane_of is None)
    return found


def _middle(several: Sequence[int], lengths: Mapping[int, int]) -> Sequence[int]:
    """Which of several neighbours a box can be aligned with: of two those on the longer way, else the one in the middle."""
    if len(several) < 3:
        most = max((lengths[one] for one in several), default=0)
        return [one for one in several if lengths[one] == most]
    return several[len(several) // 2 : len(several) // 2 + len(several) % 2]


def _chain(below: Mapping[int, int], here: int | None) -> Iterator[int]:
    while here is not None:
        yield here
        here = below.get(here)


def _placed(grid: Grid, chains: Sequence[Sequence[int]], gaps: float) -> None:
    """Set the x of every box: as far left as others allow, then each chain in turn close to what it is linked to."""
    chain_of = {here: i for i, chain in enumerate(chains) for here in chain}
    apart: dict[tuple[int, int], float] = {}  # chains beside each other, by how far their lines are apart at least
    for row in grid.rows:
        for here, there in pairwise(row):
            key = chain_of[here], chain_of[there]
            apart[key] = max(apart.get(key, 0.0), _distance(grid.boxes[here], grid.boxes[there], gaps))
    left: dict[int, list[tuple[int, float]]] = {}
    right: dict[int, list[tuple[int, float]]] = {}
    for (one, other), distance in apart.items():
        right.setdefault(one, []).append((other, distance))
        left.setdefault(other, []).append((one, distance))
    x = [0.0] * len(chains)
    order = _sorted(len(chains), left)
    for one in order:
        x[one] = max((x[other] + distance for other, distance in left.get(one, ())), default=0.0)
    wanted = [_wishes(grid, chain, chain_of) for chain in chains]
    still = 0
    for turn in range(24 if len(chains) < MANY else 6):
        before = list(x)
        for one in order if turn % 2 else reversed(order):
            low = max((x[other] + distance for other, distance in left.get(one, ())), default=-1e9)
            high = min((x[other] - distance for other, distance in right.get(one, ())), default=1e9)
            wish = _wish([(x[other] + offset, weight) for other, offset, weight in wanted[one]], x[one])
            x[one] = min(max(wish, low), high)
        still = still + 1 if x == before else 0
        if still == 2:  # there and back
            break
    for here, box in enumerate(grid.boxes):
        box.x = x[chain_of[here]]


def _gathered(grid: Grid, most: float) -> None:
    """Shift rows, which do not depend on each other if nothing is aligned, so that all are on one page."""
    rows = [row for row in grid.rows if row]
    boxes = grid.boxes
    ends = [(min(boxes[i].x - boxes[i].left for i in row), max(boxes[i].x + boxes[i].right for i in row)) for row in rows]
    middles = sorted((low + high) / 2 for low, high in ends)
    start = middles[len(middles) // 2] - most / 2
    for row, (low, high) in zip(rows, ends, strict=True):
        shift = max(start - low, 0.0) or min(start + most - high, 0.0)
        for one in row:
            boxes[one].x += shift


def _distance(one: Box, other: Box, gaps: float) -> float:
    """How far apart two lines are at least. Boxes do not come closer than half a gap."""
    lanes = one.lane_of is not None or other.lane_of is not None
    return one.right + other.left + (LANE * gaps if lanes else GAP * max(gaps, 0.5))


def _sorted(count: int, left: Mapping[int, Sequence[tuple[int, float]]]) -> list[int]:
    """The chains from left to right."""
    found: list[int] = []
    state = [0] * count
    for start in range(count):
        stack = [start]
        while stack:
            one = stack[-1]
            waiting = [other for other, _ in left.get(one, ()) if not state[other]] if state[one] == 0 else []
            state[one] = max(state[one], 1)
            if waiting:
                stack += waiting
                continue
            stack.pop()
            if state[one] == 1:
                state[one] = 2
                found.append(one)
    return found


def _wishes(grid: Grid, chain: Sequence[int], chain_of: Mapping[int, int]) -> list[tuple[int, float, float]]:
    """The chains that a chain is linked to, how far from their lines it would stand, and how much that matters."""
    found = []
    own = chain_of[chain[0]]
    for here in chain:
        boxes = grid.boxes
        for source in grid.up.get(here, ()):
            if chain_of[source] != own:
                found.append((chain_of[source], boxes[source].exit, 1.0 if boxes[here].lane_of is None else 0.3))
        for target in grid.down.get(here, ()):
            if chain_of[target] != own:
                found.append((chain_of[target], -boxes[here].exit, 1.0 if boxes[target].lane_of is None else 0.3))
    return found


def _wish(places: Sequence[tuple[float, float]], otherwise: float) -> float:
    weight = sum(weight for _, weight in places)
    return sum(place * weight for place, weight in places) / weight if weight else otherwise


def crowds(count: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """For each box, how many boxes and how many lanes its row has if no row is broken."""
    grid = _with_lanes([Box(0, 0, 0) for _ in range(count)], edges, rows := _rows([Box(0, 0, 0)] * count, edges, 1e9))
    lanes = [sum(one >= count for one in row) for row in grid.rows]
    return [(len(grid.rows[row]) - lanes[row], lanes[row]) for row in rows]
