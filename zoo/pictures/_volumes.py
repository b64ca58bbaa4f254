"""The stages of a network as volumes: the height is the logarithm of the resolution, the thickness that of the channels.

Volumes form rows as wide as the page. A line leads from each to the next, around the end of a row; lines that skip volumes run
above them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log2

from zoo.pictures._boxes import Cost
from zoo.pictures._graph import IN, OUT, Graphs, Level, Node
from zoo.pictures._metrics import fitted, text_width
from zoo.pictures._scene import FONT, LINE, Point, Polygon, Scene, Wire, centred, heat, moved, percent
from zoo.pictures._scene import Node as Drawn
from zoo.pictures._stages import Maps, maps_of, volumes
from zoo.pictures._words import dominant, plain, result
from zoo.util.errors import ZooError
from zoo.util.text import sizes

_SLANT = 0.2
_BETWEEN = 8.0
_MARGIN = 5.0
_TRACK = 4.0
_LONGEST = 52.0
_MOST_SKIPS = 12


@dataclass
class _Volume:
    """A volume relative to the lower left corner of its front: what is drawn, and how far it extends."""

    drawn: Drawn
    width: float
    height: float
    text_height: float
    front: tuple[float, float, float]  # thickness, height and slant


def scene(graphs: Graphs, most: float, title: str, cost: Cost) -> Scene:
    """The drawing of a whole trace, `most` wide at most. Raises `ZooError` for a network without feature maps of several sizes."""
    level = volumes(graphs)
    inputs = [_input(graphs, i) for i in range(len(graphs.trace.inputs)) if -1 - i in graphs.read]
    solids = [*inputs, *(_volume(graphs, node, cost) for node in level.nodes)]
    edges = _edges(graphs, level, len(inputs))
    skips = sum(target != source + 1 for source, target in edges)
    if skips > _MOST_SKIPS:
        raise ZooError(f"the stages of {graphs.trace.target} do not follow one another; draw it with --level blocks or layers")
    rows = _rows(solids, most - 2 * _MARGIN - 3 * skips)
    return _Page(solids, edges, rows).scene(title)


def _edges(graphs: Graphs, level: Level, inputs: int) -> list[tuple[int, int]]:
    """The edges by the positions of volumes, inputs first."""
    found: dict[tuple[int, int], None] = {}
    used = [i for i in range(len(graphs.trace.inputs)) if -1 - i in graphs.read]
    for (source, target), pairs in level.edges.items():
        if target == OUT:
            continue
        if source == IN:
            found |= {(used.index(-1 - made), target + inputs): None for made, _ in pairs}
        else:
            found[source + inputs, target + inputs] = None
    return list(found)


def _rows(solids: Sequence[_Volume], most: float) -> list[list[int]]:
    """The volumes of each row, as many as fit, about as many in each."""
    total = sum(one.width + _BETWEEN for one in solids)
    count = max(1, -(-int(total) // int(most)))
    while True:
        rows: list[list[int]] = [[]]
        used = 0.0
        for i, one in enumerate(solids):
            full = used + one.width > most
            if rows[-1] and (full or (used >= total / count and len(rows) < count)):
                rows.append([])
                used = 0.0
            rows[-1].append(i)
            used += one.width + _BETWEEN
        if len(rows) <= count:
            return rows
        count = len(rows)


# One volume ------------------------------------------------------------------------------------------------------------------


def _input(graphs: Graphs, number: int) -> _Volume:
    value = graphs.trace.inputs[number]
    maps = maps_of(value.shape)
    lines = [("input", "ink"), *_shape_lines(maps, value.shape)]
    key = f"end-input-{number}" if len(graphs.trace.inputs) > 1 else "end-input"
    bounds = (0.0, 0.0, 0.0, 0.0)
    return _solid(Drawn(key, "input", bounds, (), (), kind="input", output=plain([value])), maps, "end", lines)


def _volume(graphs: Graphs, node: Node, cost: Cost) -> _Volume:
    values = result(graphs, node)
    shape = values[-1].shape if values else ()
    name = graphs.span(node)
    lines = [*((line, "ink") for line in _broken(_short(name))), *_shape_lines(maps_of(shape), shape)]
    share = cost(node)
    if share is not None:
        lines.append((percent(share), "ink"))
    role = dominant(graphs, node) if share is None else heat(share)
    key = f"stage-{graphs.key(node)}"
    drawn = Drawn(key, name, (0.0, 0.0, 0.0, 0.0), (), (), tuple(node.ops), False, "maps", plain(values), share)
    return _solid(drawn, maps_of(shape), role, lines)


def _short(name: str) -> str:
    """The end of a name, from its last part that does not begin with a digit: stages.0 of net.stages.0."""
    parts = name.split(".")
    first = next((i for i in range(len(parts) - 1, 0, -1) if not parts[i][0].isdigit()), 0)
    return ".".join(parts[first:])


def _broken(name: str) -> list[str]:
    """A name that is too wide in two lines, if it can be broken after a sign: features. and denseblock1."""
    breaks = [i + 1 for i, sign in enumerate(name[:-1]) if sign in "._…"]
    if text_width(name, FONT) <= _LONGEST or not breaks:
        return [name]
    middle = min(breaks, key=lambda i: max(text_width(name[:i], FONT), text_width(name[i:], FONT)))
    return [name[:middle], name[middle:]]


def _shape_lines(maps: Maps, shape: Sequence[int]) -> list[tuple[str, str]]:
    if not maps.size:
        return [(str(maps.channels) if len(shape) > 1 else "scalar", "soft")]
    return [(f"{maps.channels}×", "soft"), (sizes(maps.size), "soft")]


def _solid(drawn: Drawn, maps: Maps, role: str, lines: Sequence[tuple[str, str]]) -> _Volume:
    """A box in slanted projection, with its labels below."""
    thick = 2 + 1.7 * log2(max(maps.channels, 1) + 1)
    high = 4 + 6 * log2(max(maps.size, default=1))
    slant = _SLANT * high + 2
    lines = [(fitted(text, FONT, _LONGEST), role) for text, role in lines]
    width = max(thick + slant, *(text_width(text, FONT) for text, _ in lines))
    left = (width - thick - slant) / 2
    right, top = left + thick, -high
    roof = ((left, top), (left + slant, top - slant), (right + slant, top - slant), (right, top))
    side = ((right, top), (right + slant, top - slant), (right + slant, -slant), (right, 0.0))
    face = ((left, top), (right, top), (right, 0.0), (left, 0.0))
    shapes = (Polygon(roof, f"{role}-top"), Polygon(side, f"{role}-side"), Polygon(face, role))
    texts = tuple(centred(lines, width / 2, 3))
    below = LINE * len(lines) + 3
    bounds = (0.0, top - slant, width, high + slant + below)
    return _Volume(replace(drawn, bounds=bounds, shapes=shapes, texts=texts), width, high + slant, below, (left, right, slant))


# The page --------------------------------------------------------------------------------------------------------------------


class _Page:
    """Volumes in rows, and the lines between them."""

    def __init__(self, solids: Sequence[_Volume], edges: Sequence[tuple[int, int]], rows: Sequence[Sequence[int]]) -> None:
        self.solids, self.rows = solids, rows
        self.row_of = {one: number for number, row in enumerate(rows) for one in row}
        self.steps = [(a, b) for a, b in edges if b == a + 1]
        self.skips = [(a, b) for a, b in edges if b != a + 1]
        self.x: dict[int, float] = {}
        self.tracks = self._tracks()
        self.margin = _MARGIN + 3 * sum(self.row_of[a] != self.row_of[b] for a, b in self.skips)
        for row in rows:
            x = _MARGIN
            for one in row:
                self.x[one] = x
                x += solids[one].width + _BETWEEN
        self.width = max(self.x[row[-1]] + solids[row[-1]].width for row in rows) + self.margin
        self.bases: list[float] = []
        y = 1.0
        for number, row in enumerate(rows):
            y += _TRACK * self.tracks[number] + (3 if self.tracks[number] else 0)
            y += max(solids[one].height for one in row)
            self.bases.append(y)
            y += max(solids[one].text_height for one in row) + (10 if number + 1 < len(rows) else 0)
        self.height = y + 1

    def _tracks(self) -> list[int]:
        """How many lines run above each row."""
        return [sum(number in {self.row_of[a], self.row_of[b]} for a, b in self.skips) for number in range(len(self.rows))]

    def scene(self, title: str) -> Scene:
        """The whole drawing."""
        nodes = tuple(moved(one.drawn, self.x[i], self.bases[self.row_of[i]]) for i, one in enumerate(self.solids))
        lines: dict[int, list[tuple[int, tuple[Point, ...]]]] = {}
        for a, b in self.steps:
            lines.setdefault(a, []).append((b, self._step(a, b)))
        used, lanes = [0] * len(self.rows), iter(range(len(self.skips)))
        for a, b in self.skips:
            lines.setdefault(a, []).append((b, self._skip(a, b, used, lanes)))
        wires = tuple(
            Wire(
                self.solids[source].drawn.id,
                tuple(self.solids[target].drawn.id for target, _ in each),
                tuple(path for _, path in each),
                tuple((path[-2], path[-1]) for _, path in each),
            )
            for source, each in sorted(lines.items())
        )
        description = f"{len(nodes)} volumes: height by resolution, thickness by channels, both on a logarithmic scale"
        return Scene(title, description, self.width, self.height, nodes, wires)

    def _out(self, one: int) -> Point:
        """The middle of the side that faces right."""
        _, right, slant = self.solids[one].front
        base = self.bases[self.row_of[one]]
        return self.x[one] + right + slant / 2, base - (self.solids[one].height - slant) / 2 - slant / 2

    def _in(self, one: int) -> Point:
        left, _, _ = self.solids[one].front
        return self.x[one] + left, self._out(one)[1]

    def _step(self, a: int, b: int) -> tuple[Point, ...]:
        """To the next volume, around the end of the row if it is in the next."""
        (x, y), (u, v) = self._out(a), self._in(b)
        if self.row_of[a] == self.row_of[b]:
            level = min(y, v, key=lambda height: abs(self.bases[self.row_of[a]] - height))
            return (x, level), (u, level)
        end = self.width - 1.5
        below = self.bases[self.row_of[b]] - max(self.solids[one].height for one in self.rows[self.row_of[b]])
        turn = below - _TRACK * self.tracks[self.row_of[b]] - (3 if self.tracks[self.row_of[b]] else 0) - 4
        return (x, y), (end, y), (end, turn), (1.5, turn), (1.5, v), (u, v)

    def _skip(self, a: int, b: int, used: list[int], lanes: Iterator[int]) -> tuple[Point, ...]:
        """Past other volumes, above them."""

        def top(one: int) -> Point:
            left, right, slant = self.solids[one].front
            base = self.bases[self.row_of[one]]
            return self.x[one] + (left + right + slant) / 2, base - self.solids[one].height + slant / 2

        def track(row: int) -> float:
            used[row] += 1
            return self.bases[row] - max(self.solids[one].height for one in self.rows[row]) - _TRACK * used[row] + 1

        (x, y), (u, v) = top(a), top(b)
        first = track(self.row_of[a])
        if self.row_of[a] == self.row_of[b]:
            return (x, y), (x, first), (u, first), (u, v)
        lane = self.width - self.margin + 3 * (next(lanes) + 1) - 1
        second = track(self.row_of[b])
        return (x, y), (x, first), (lane, first), (lane, second), (u, second), (u, v)
