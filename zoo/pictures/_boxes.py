"""A network, or one of its modules, as boxes: blocks or layers, each level of modules laid out by itself.

Start with `Boxes.scene`. An opened module is a frame around its own graph, and takes part in the graph around it as one box.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from zoo.pictures._bus import Bus, find_bus
from zoo.pictures._graph import IN, OUT, Graphs, Level, Node
from zoo.pictures._grid import GAP, LANE, Box, Placed
from zoo.pictures._layout import crowds, fits, place
from zoo.pictures._metrics import fitted, text_width, wrapped
from zoo.pictures._scene import FONT, LINE, Point, Rect, Scene, Text, Wire, centred, heat, moved, moved_wire, percent, turned
from zoo.pictures._scene import Node as Drawn
from zoo.pictures._words import Words, described, plain, read_by, result, role, shape_of, symbol
from zoo.util.text import sizes

_PAD = 4.0
_WIDEST = 100.0
_NARROWEST = 26.0
_RADIUS = 5.0
_TITLE = LINE + 3
_TURN = 6.0  # for a line that leaves a frame elsewhere than it entered
_STEM = 9.0  # of a bus, to the side of its members

Bounds = tuple[float, float, float, float]

Cost = Callable[[Node], float | None]
"""The share of a node in the network's cost; None if no cost is to be shown."""


@dataclass
class Part:
    """A drawn box, or a frame with what is in it, relative to the point at which its line enters from above."""

    id: str
    box: Box
    nodes: list[Drawn] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    arrow: bool = True


@dataclass(frozen=True)
class Boxes:
    """Draws the levels of a trace. `opened` says of a call at a depth whether it is drawn as a frame; `cost` colours a node.

    Lines lead down, or to the `right`. Places are found as if they led down: x is across the flow, y along it. `_put` and `scene`
    turn them where they lead to the right.
    """

    graphs: Graphs
    opened: Callable[[int, int], bool]
    cost: Cost
    right: bool = False
    _frames: dict[tuple[int, int], bool] = field(default_factory=dict)

    def scene(self, call: int, most: float, title: str) -> Scene:
        """The drawing of a call. From top to bottom it is at most as wide as `most`, where that is possible."""
        part = self._level(call, 0, inf if self.right else most - 2, "")
        edge = (1.0, part.box.left + 1) if self.right else (part.box.left + 1, 1.0)
        nodes = tuple(moved(node, *edge) for node in part.nodes)
        wires = tuple(moved_wire(turned(wire) if self.right else wire, *edge) for wire in part.wires)
        across, along = part.box.left + part.box.right + 2, part.box.height + 2
        width, height = (along, across) if self.right else (across, along)
        description = f"{sum(not node.frame for node in nodes)} boxes; zoo draw --format json lists them"
        return Scene(title, description, width, height, nodes, wires)

    def closed(self, call: int, most: float) -> Part:
        """The graph of a call for a drawing that is put together elsewhere; a module's line leaves below where it entered."""
        frame = "frame" if call else ""
        return _straightened(self._level(call, 0, most, frame), frame)

    def nodes(self, call: int) -> list[Node]:
        """The nodes of that graph."""
        return [node for node, _ in self._flat(self.graphs.level(call), 0)]

    def framed(self, node: Node) -> bool:
        """Whether a module can be opened in a frame of its own."""
        return self._framed(node, 0)

    def titles(self, node: Node, around: int) -> tuple[str, str]:
        """The titles of a module's frame within a call: a short one, and one with the module's type."""
        name = _relative(self.graphs.name(node), self.graphs.trace.calls[around].path)
        short = f"{name} ×{node.times}" if node.times > 1 else name
        return short, f"{short} · {self.graphs.trace.calls[node.part].type}"

    def _level(self, call: int, depth: int, most: float, frame: str) -> Part:
        """The graph of a call: with boxes for its inputs and outputs, or with points on the edge of the frame of that id."""
        flat = list(self._flat(self.graphs.level(call), depth))
        level = self.graphs.wired(call, [node for node, _ in flat])
        entries = _entries(level) if not frame else [frozenset()]
        edges = _edges(level, entries)
        count = len(entries) + len(level.nodes) + 1
        bus = find_bus(count, edges)
        room = [(most - lanes * LANE) / max(boxes, 1) - GAP for boxes, lanes in crowds(count, _collapsed(edges, bus))]
        for narrower in (1.0, 0.85):
            parts = [self._entry(level, entry, frame) for entry in entries]
            for here, (node, at) in enumerate(flat, start=len(parts)):
                inside = most - _STEM if bus and here in bus.members else room[here] * narrower
                parts.append(self._part(level, node, at, max(inside, _NARROWEST)))
            parts.append(self._exit(level, frame))
            framed = any(node.frame for part in parts for node in part.nodes[:1])
            if bus or framed or fits([part.box for part in parts], edges, most):
                break
        if not any(target == count - 1 for _, target in edges):
            parts.pop()
        if not any(source == 0 for source, _ in edges) and frame:
            parts[0] = Part(frame, Box(0, 0, 0), arrow=False)
        return self._assembled(parts, edges, bus, most)

    def _flat(self, level: Level, depth: int) -> Iterator[tuple[Node, int]]:
        """The nodes with their depths, and instead of an opened module into or out of which several lines lead, what is in it."""
        for node in level.nodes:
            if self._opens(node, depth) and node.times == 1 and not self._framed(node, depth):
                yield from self._flat(self.graphs.level(node.part), depth + 1)
            else:
                yield node, depth

    def _framed(self, node: Node, depth: int) -> bool:
        """Whether an opened module can have a frame, with one line into it and one out of it."""
        key = node.part, depth
        if key not in self._frames:
            inside = [one for one, _ in self._flat(self.graphs.level(node.part), depth + 1)]
            self._frames[key] = self.graphs.bundled(self.graphs.wired(node.part, inside))
        return self._frames[key]

    def _opens(self, node: Node, depth: int) -> bool:
        return not self.graphs.leaf(node.part) and self.opened(node.part, depth + 1)

    # The boxes ---------------------------------------------------------------------------------------------------------------

    def _part(self, level: Level, node: Node, depth: int, most: float) -> Part:
        """A node as a box, as a sign, or as a frame around its own graph."""
        if sign := symbol(self.graphs, node):
            return self._sign(node, sign, most)
        if not self._opens(node, depth) or not self._framed(node, depth):
            return self._box(level, node, most)
        nodes = self.graphs.level(node.part).nodes
        if len(nodes) == 1:  # a frame around one box says nothing
            return self._part(level, Node(nodes[0].parts, node.ops, node.times * nodes[0].times), depth, most)
        return self._frame(level, node, depth, most)

    def _box(self, level: Level, node: Node, most: float) -> Part:
        """A rectangle with the node's name, what it does, and its output's shape if that is not its input's."""
        graphs = self.graphs
        name = _relative(graphs.name(node), graphs.trace.calls[level.call].path)
        says = described(graphs, node)
        times = f" ×{node.times}" if node.times > 1 else ""
        lines: Words = [(f"{name}{times}", "ink")] if node.part >= 0 else []
        lines += [(line, "ink" if not lines and not i else "soft") for i, line in enumerate(says)]
        shape = shape_of(result(graphs, node))
        if shape and (not graphs.leaf(node.part) or shape != shape_of(read_by(graphs, node)[:1])):
            lines.append((shape, "soft"))
        cost = self.cost(node)
        if cost is not None:
            lines.append((percent(cost), "ink"))
        room = min(most, _WIDEST) - 7
        lines = [(line, kind if cost is None else "ink") for text, kind in lines for line in wrapped(text, FONT, room)]
        half = max(max(text_width(text, FONT) for text, _ in lines) / 2 + 3.5, 12)
        height = LINE * len(lines) + 4 + (2.5 if cost is not None else 0)
        shapes = [Rect(-half, 0, 2 * half, height, role(graphs, node) if cost is None else heat(cost))]
        if cost:
            shapes.append(Rect(-half + 2, height - 3.2, max((2 * half - 4) * cost, 0.4), 1.8, "bar", 0))
        texts = tuple(centred(lines, 0, 2))
        return self._one(node, 2 * half, height, tuple(shapes), texts)

    def _one(self, node: Node, width: float, height: float, shapes: tuple[Rect, ...], texts: tuple[Text, ...]) -> Part:
        """A box of shapes and texts that are given relative to the middle of its upper edge."""
        return self._shaped(self._drawn(node, (-width / 2, 0.0, width, height), shapes, texts))

    def _drawn(
        self, node: Node, bounds: Bounds, shapes: tuple[Rect, ...], texts: tuple[Text, ...], *, frame: bool = False
    ) -> Drawn:
        return Drawn(
            f"layer-{self.graphs.key(node)}",
            self.graphs.name(node),
            bounds,
            shapes,
            texts,
            tuple(node.ops),
            frame,
            " ".join(described(self.graphs, node)),
            plain(result(self.graphs, node)),
            self.cost(node),
        )

    def _shaped(self, drawn: Drawn) -> Part:
        """A part of one box, whose line enters at the middle of its upper edge, or of its left one."""
        _, _, width, height = drawn.bounds
        if self.right:
            return Part(drawn.id, Box(height / 2, height / 2, width), [moved(drawn, width / 2, -height / 2)])
        return Part(drawn.id, Box(width / 2, width / 2, height), [drawn])

    def _put(self, node: Drawn, across: float, along: float) -> Drawn:
        return moved(node, along, across) if self.right else moved(node, across, along)

    def _sign(self, node: Node, sign: str, most: float) -> Part:
        """A circle for an addition or a product, a flat box for a concatenation."""
        if sign != "concat":
            shapes = (Rect(-_RADIUS, 0, 2 * _RADIUS, 2 * _RADIUS, "merge", _RADIUS),)
            part = self._one(node, 2 * _RADIUS, 2 * _RADIUS, shapes, (Text(0, _RADIUS + FONT * 0.36, sign),))
            part.box.round = True
            return part
        text = fitted(f"concat {shape_of(result(self.graphs, node))}", FONT, most - 6)
        width, height = text_width(text, FONT) + 8, LINE + 3
        part = self._one(
            node, width, height, (Rect(-width / 2, 0, width, height, "merge"),), tuple(centred([(text, "ink")], 0, 1.5))
        )
        part.box.wide = True
        return part

    def _frame(self, level: Level, node: Node, depth: int, most: float) -> Part:
        """A frame with a title around the graph of a module."""
        key = f"layer-{self.graphs.key(node)}"
        inner = _straightened(self._level(node.part, depth + 1, most - 2 * _PAD, key), key)
        short, full = self.titles(node, level.call)
        left, right, along = inner.box.left + _PAD, inner.box.right + _PAD, inner.box.height
        if self.right:
            width, left, before = along, left + _TITLE, 0.0
            box = Box(left, right, along)
        else:
            spare = max(min(text_width(full, FONT) + 6, most) - left - right, 0) / 2
            left, right, before = left + spare, right + spare, _TITLE
            width = left + right
            box = Box(left, right, along + before)
        title = full if text_width(full, FONT) + 6 <= width else fitted(short, FONT, width - 6)
        x, y, height = (0.0, -left, left + right) if self.right else (-left, 0.0, box.height)
        texts = (Text(x + 3, y + FONT + 1.2, title, "soft", "start"),)
        drawn = self._drawn(node, (x, y, width, height), (Rect(x, y, width, height, "frame", 3),), texts, frame=True)
        nodes = [drawn, *(self._put(one, 0, before) for one in inner.nodes)]
        return Part(key, box, nodes, [moved_wire(wire, 0, before) for wire in inner.wires])

    def _entry(self, level: Level, sources: frozenset[int], frame: str) -> Part:
        """What enters a level: a box with a shape, or a point on the edge of a frame."""
        if frame:
            return Part(frame, Box(0, 0, 0), arrow=False)
        values = [self.graphs.value(source) for source in sorted(sources)]
        number = "" if len(_entries(level)) == 1 else f"-{min(sources, key=abs)}"
        return self._end(f"end-input{number}", "input", plain(values) if len(values) == 1 else (), tuple(sources))

    def _exit(self, level: Level, frame: str) -> Part:
        if frame:
            return Part(frame, Box(0, 0, 0), arrow=False)
        leaving = [node for here, node in enumerate(level.nodes) if OUT in level.after(here)]
        shape = plain(self.graphs.outputs(leaving[0])) if len(leaving) == 1 else ()
        return self._end("end-output", "output", shape)

    def _end(self, key: str, name: str, shape: tuple[int, ...], made: tuple[int, ...] = ()) -> Part:
        text = f"{name} {sizes(shape)}".strip()
        width, height = text_width(text, FONT) + 10, LINE + 3
        texts = tuple(centred([(text, "ink")], 0, 1.5))
        shapes = (Rect(-width / 2, 0, width, height, "end", height / 2),)
        return self._shaped(Drawn(key, name, (-width / 2, 0.0, width, height), shapes, texts, made, False, name, shape))

    def _assembled(self, parts: list[Part], edges: Sequence[tuple[int, int]], bus: Bus | None, most: float) -> Part:
        """Place the parts of a level, and draw its lines."""
        order = [i for i in range(len(parts)) if not bus or i not in bus.members[1:]]
        position = {one: i for i, one in enumerate(order)}
        stem = _Stem([parts[i] for i in bus.members]) if bus else None
        boxes = [stem.box if bus and stem and one == bus.members[0] else parts[one].box for one in order]
        placed = place(boxes, [(position[source], position[target]) for source, target in _collapsed(edges, bus)], most)
        shift = placed.boxes[0].x if placed.boxes else 0.0
        nodes: list[Drawn] = []
        wires: list[Wire] = []
        for one, box in zip(order, placed.boxes, strict=True):
            inside = stem.parts() if bus and stem and one == bus.members[0] else [(parts[one], 0.0, 0.0)]
            for part, across, along in inside:
                drawn = [self._put(node, box.x - shift + across, box.y + along) for node in part.nodes]
                nodes += [self._stretched(node, box, box.x - shift) for node in drawn] if box.wide else drawn
                wires += [moved_wire(wire, box.x - shift + across, box.y + along) for wire in part.wires]
        wires += _wires(parts, order, placed, bus, stem, edges, shift)
        last = placed.boxes[-1] if placed.boxes else None
        leaves = last.x + last.exit - shift if last else 0.0
        return Part("", Box(shift, placed.width - shift, placed.height, leaves), nodes, wires)

    def _stretched(self, node: Drawn, box: Box, at: float) -> Drawn:
        """A flat box as wide as what enters it."""
        x, y, width, height = node.bounds
        if self.right:
            y, height = at - box.left, box.left + box.right
        else:
            x, width = at - box.left, box.left + box.right
        lines = [(text.text, text.role) for text in node.texts]
        texts = tuple(centred(lines, x + width / 2, y + height / 2 - LINE / 2))
        return replace(node, bounds=(x, y, width, height), shapes=(Rect(x, y, width, height, "merge"),), texts=texts)


def _straightened(inner: Part, key: str) -> Part:
    """The inside of a frame whose line leaves below where it entered, so that frames are aligned."""
    if abs(inner.box.exit) < 0.01:
        return inner
    end, turn = inner.box.height + _TURN, inner.box.height + _TURN / 2
    rest = ((inner.box.exit, inner.box.height), (inner.box.exit, turn), (0.0, turn), (0.0, end))
    wires = [
        replace(wire, paths=(*wire.paths, rest)) if key in wire.targets and wire.source != key else wire for wire in inner.wires
    ]
    return Part(inner.id, Box(inner.box.left, inner.box.right, end), inner.nodes, wires)


def _relative(name: str, path: str) -> str:
    return name.removeprefix(f"{path}.") if path else name


# Edges and lines -----------------------------------------------------------------------------------------------------------


def _entries(level: Level) -> list[frozenset[int]]:
    """What enters a level, by where it is made; what is read by the same nodes together."""
    readers: dict[int, set[int]] = {}
    for (start, end), pairs in level.edges.items():
        for source, _ in pairs if start == IN else ():
            readers.setdefault(source, set()).add(end)
    groups: dict[frozenset[int], list[int]] = {}
    for source in sorted(readers, key=abs):
        groups.setdefault(frozenset(readers[source]), []).append(source)
    return [frozenset(group) for group in groups.values()]


def _edges(level: Level, entries: Sequence[frozenset[int]]) -> list[tuple[int, int]]:
    """The edges of a level by the positions of its parts: the entries, the nodes, the exit."""
    first, last = len(entries), len(entries) + len(level.nodes)
    found: dict[tuple[int, int], None] = {}
    for (start, end), pairs in level.edges.items():
        target = last if end == OUT else end + first
        sources = [start + first]
        if start == IN:
            made = {source for source, _ in pairs}
            sources = [i for i, entry in enumerate(entries) if not entry or entry & made]
        for source in sources:
            found[source, target] = None
    return list(found)


def _collapsed(edges: Sequence[tuple[int, int]], bus: Bus | None) -> list[tuple[int, int]]:
    """The edges with the first member of the bus instead of the others. What the sink reads of the sources comes with the bus."""
    if bus is None:
        return list(edges)
    members = set(bus.members)
    found: dict[tuple[int, int], None] = {}
    for source, target in edges:
        one, other = (bus.members[0] if end in members else end for end in (source, target))
        if one != other and not (source in bus.sources and target == bus.sink):
            found[one, other] = None
    return list(found)


def _wires(
    parts: Sequence[Part],
    order: Sequence[int],
    placed: Placed,
    bus: Bus | None,
    stem: "_Stem | None",
    edges: Sequence[tuple[int, int]],
    shift: float,
) -> list[Wire]:
    """The lines of each source, those on a bus included."""
    paths: dict[int, list[tuple[int, tuple[Point, ...]]]] = {}
    for route in placed.routes:
        paths[order[route.source]] = [
            (order[target] if target >= 0 else -1, tuple((x - shift, y) for x, y in points)) for target, points in route.paths
        ]
    if bus and stem:
        box = placed.boxes[order.index(bus.members[0])]
        _on_bus(paths, bus, stem, (box.x - shift, box.y), edges)
    wires = []
    for source, lines in paths.items():
        targets = dict.fromkeys(parts[target].id for target, _ in lines if target >= 0)
        arrows = tuple((path[-2], path[-1]) for target, path in lines if target >= 0 and parts[target].arrow)
        wires.append(Wire(parts[source].id, tuple(targets), tuple(path for _, path in lines), arrows))
    return wires


def _on_bus(
    paths: dict[int, list[tuple[int, tuple[Point, ...]]]], bus: Bus, stem: "_Stem", at: Point, edges: Sequence[tuple[int, int]]
) -> None:
    """Replace the lines to and from the bus by those of its members and sources."""
    first = bus.members[0]
    beyond = paths.pop(first, [])
    x, y = at
    ends = set(edges)
    for source in bus.sources:
        lines = [(-1 if target == first else target, path) for target, path in paths[source]]
        lines.append((-1, ((x, y), (x, y + stem.box.height))))
        lines += [(member, stem.tap(i, at)) for i, member in enumerate(bus.members)]
        if (source, bus.sink) in ends:
            lines += beyond
        paths[source] = lines
    for i, member in enumerate(bus.members):
        lines = [(-1, stem.join(i, at))]
        lines += [(other, stem.tap(j, at)) for j, other in enumerate(bus.members) if j > i]
        paths[member] = lines + (beyond if (member, bus.sink) in ends else [])


class _Stem:
    """The members of a bus, one below the other, to the right of the line that they read and join."""

    def __init__(self, members: Sequence[Part]) -> None:
        self.members = members
        self.x = _STEM + max(part.box.left for part in members)
        self.tops = []
        y = 2 * _STEM
        for part in members:
            self.tops.append(y)
            y += part.box.height + 2.4 * _STEM
        self.box = Box(2, self.x + max(part.box.right for part in members), y - _STEM)

    def parts(self) -> list[tuple[Part, float, float]]:
        """The members with their places."""
        return [(part, self.x, top) for part, top in zip(self.members, self.tops, strict=True)]

    def tap(self, member: int, at: Point) -> tuple[Point, ...]:
        """From the bus to a member."""
        x, y = at
        top = y + self.tops[member]
        return (x, top - _STEM), (x + self.x, top - _STEM), (x + self.x, top)

    def join(self, member: int, at: Point) -> tuple[Point, ...]:
        """From a member to the bus, and down."""
        x, y = at
        part = self.members[member]
        leaves = x + self.x + part.box.exit
        bottom = y + self.tops[member] + part.box.height
        return (leaves, bottom), (leaves, bottom + _STEM / 2), (x, bottom + _STEM / 2), (x, y + self.box.height)
