"""Draw the lines of a layout as steps: each source has a track of its own between two rows.

Start with `routed`. `_nets` are the lines between two rows, `_tracks` keeps those apart that would run into each other,
`_entries` says where lines enter a box.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.pictures._grid import GAP, RISE, TRACK, Grid, Placed, Point, Route


@dataclass
class _Net:
    """The lines of one source between two rows: where they begin, and where they end."""

    source: int
    start: float
    ends: list[tuple[int, float]]
    track: int = 0

    @property
    def straight(self) -> bool:
        return all(abs(x - self.start) < 0.01 for _, x in self.ends)

    @property
    def span(self) -> Point:
        places = [self.start, *(x for _, x in self.ends)]
        return min(places), max(places)


def routed(grid: Grid, count: int) -> Placed:
    """Set the y of every row, and draw the lines."""
    boxes = grid.boxes
    _widened(grid)
    shift = -min((box.x - box.left for box in boxes), default=0.0)
    for box in boxes:
        box.x += shift
    routes: dict[int, Route] = {}
    y = 0.0
    bottoms: list[float] = []
    for number, row in enumerate(grid.rows):
        height = max((boxes[here].height for here in row), default=0.0)
        nets = _nets(grid, number - 1) if number else []
        top = y + (RISE + TRACK * max(_tracks(nets), 0) if number else 0.0)
        for here in row:
            boxes[here].y = top + (height - boxes[here].height) / 2
        for net in nets:
            _draw(grid, net, bottoms[-1], y, top, height, routes)
        y = top + height
        bottoms.append(y)
    width = max((box.x + box.right for box in boxes), default=0.0)
    return Placed(boxes[:count], list(routes.values()), width, y)


def _widened(grid: Grid) -> None:
    """Extend wide boxes to the lines that enter them, as far as nothing else is there."""
    for row in grid.rows:
        for i, here in enumerate(row):
            box = grid.boxes[here]
            if not box.wide:
                continue
            low = grid.boxes[row[i - 1]].x + grid.boxes[row[i - 1]].right + GAP if i else -1e9
            high = grid.boxes[row[i + 1]].x - grid.boxes[row[i + 1]].left - GAP if i + 1 < len(row) else 1e9
            entering = [grid.boxes[source].x + grid.boxes[source].exit for source in grid.up.get(here, ())]
            box.left = max(box.left, box.x - max(min(entering, default=box.x) - 6, low))
            box.right = max(box.right, min(max(entering, default=box.x) + 6, high) - box.x)


def _nets(grid: Grid, upper: int) -> list[_Net]:
    """The lines between a row and the next."""
    boxes = grid.boxes
    entries = {here: _entries(grid, upper + 1, here) for here in grid.rows[upper + 1]}
    nets = []
    for here in grid.rows[upper]:
        if here in grid.down:
            start = boxes[here].x + boxes[here].exit
            nets.append(_Net(here, start, [(target, entries[target][here]) for target in grid.down[here]]))
    return nets


def _entries(grid: Grid, row: int, here: int) -> dict[int, float]:
    """Where the line from each source enters a box: from above if it can, else spread over the upper edge."""
    box = grid.boxes[here]
    sources = sorted(grid.up.get(here, ()), key=lambda source: grid.boxes[source].x + grid.boxes[source].exit)
    if len(sources) < 2 and not box.wide:
        return dict.fromkeys(sources, box.x)
    starts = [grid.boxes[source].x + grid.boxes[source].exit for source in sources]
    if box.round:
        return dict(zip(sources, [_beside(grid, row, here, start) for start in starts], strict=True))
    inset = min(4.0, (box.left + box.right) / 4)
    low, high = box.x - box.left + inset, box.x + box.right - inset
    step = min(5.0, (high - low) / max(len(sources) - 1, 1))
    places: list[float] = []
    for i, start in enumerate(starts):
        least = places[-1] + step if places else low
        most = high - step * (len(starts) - 1 - i)
        places.append(min(max(start, least), most))
    return dict(zip(sources, places, strict=True))


def _beside(grid: Grid, row: int, here: int, start: float) -> float:
    """Where a line comes down to a circle: beside it if nothing stands between, else from above."""
    box = grid.boxes[here]
    if abs(start - box.x) < 0.01:
        return box.x
    low, high = min(start, box.x), max(start, box.x)
    others = [grid.boxes[one] for one in grid.rows[row] if one != here]
    free = abs(start - box.x) > box.right + 2 and not any(o.x - o.left < high + 2 and o.x + o.right > low - 2 for o in others)
    return start if free else box.x


def _tracks(nets: Sequence[_Net]) -> int:
    """Give each net that is not straight a track on which it meets no other; return how many tracks there are."""
    bent = [net for net in nets if not net.straight]
    above: dict[int, list[int]] = {}  # those whose tracks are above: they begin where this one ends
    for i, net in enumerate(bent):
        for j, other in enumerate(bent):
            if i != j and any(abs(x - other.start) < 2 for _, x in net.ends):
                above.setdefault(i, []).append(j)
    taken: list[list[Point]] = []
    done: set[int] = set()
    waiting = sorted(range(len(bent)), key=lambda i: bent[i].span)
    while waiting:
        ready = next((i for i in waiting if all(j in done for j in above.get(i, ()))), waiting[0])
        waiting.remove(ready)
        net = bent[ready]
        first = max((bent[j].track + 1 for j in above.get(ready, ()) if j in done), default=0)
        low, high = net.span
        track = first
        while track < len(taken) and any(low < other[1] + 2 and other[0] < high + 2 for other in taken[track]):
            track += 1
        taken += [[] for _ in range(track + 1 - len(taken))]
        taken[track].append(net.span)
        net.track = track
        done.add(ready)
    return len(taken)


def _draw(grid: Grid, net: _Net, bottom: float, y: float, top: float, height: float, routes: dict[int, Route]) -> None:
    """Add the lines of a net to the route of its source."""
    boxes = grid.boxes
    origin = boxes[net.source]
    source = origin.lane_of if origin.lane_of is not None else net.source
    route = routes.setdefault(source, Route(source))
    begin = origin.y + origin.height if origin.lane_of is None else bottom
    level = y + RISE / 2 + TRACK * net.track
    for target, x in net.ends:
        box = boxes[target]
        lane = box.lane_of is not None
        points = [(net.start, begin)]
        if abs(x - net.start) >= 0.01:
            points += [(net.start, level), (x, level)]
        if box.round and abs(x - box.x) > box.right:
            middle = box.y + box.height / 2
            points += [(x, middle), (box.x + (box.right if x > box.x else -box.left), middle)]
        else:
            points.append((x, top + height if lane else box.y))
        route.paths.append((-1 if lane else target, points))
