"""A drawing whose modules open in place: each level of modules with all of them closed, as plain data for a page to put together.

Start with `folding`. Coordinates are in points, relative to where the line enters the level from above.
"""

from collections.abc import Mapping
from typing import Any

from zoo.pictures._boxes import Boxes
from zoo.pictures._graph import Graphs, Node
from zoo.pictures._scene import Node as Drawn
from zoo.pictures._scene import Point, Wire

_NEAR = 0.06
_FEW = 60  # boxes of a level


def folding(graphs: Graphs, most: float, depth: int) -> dict[str, Any]:
    """Return the levels of a trace by the number of their call, the first at "0", for pages that open modules in place.

    Each level has the extents of its drawing to the left, right and below, and

    * nodes: [names of layers, what a pointer shows, x, y, width, height, role, corner radius, lines of text with their roles, the
      level inside (None if there is none), the title of its frame];
    * wires: [[number of the node at the start or -1, that at the end or -1, whether there is an arrow, coordinates], ...].

    Modules into or out of which several lines lead have no frame: those of a level are open if it has few boxes then, else closed.
    Modules less than `depth` levels deep are in "open".
    """
    folded = _Folded(graphs, most)
    levels: dict[str, Any] = {}
    opened: list[int] = []
    waiting = [(0, 0)]
    while waiting:
        call, at = waiting.pop()
        if str(call) in levels:
            continue
        levels[str(call)] = level = folded.level(call)
        inside = [node[-2] for node in level["nodes"] if node[-2] is not None]
        opened += inside if at < depth else []
        waiting += [(one, at + 1) for one in inside]
    return {"levels": levels, "open": sorted(opened)}


class _Folded:
    """Draws levels one at a time."""

    def __init__(self, graphs: Graphs, most: float) -> None:
        self.graphs, self.most = graphs, most
        self.whole = Boxes(graphs, lambda part, depth: True, lambda node: None)
        self.open = Boxes(graphs, lambda part, depth: not self._framed(part), lambda node: None)
        self.shut = Boxes(graphs, lambda part, depth: False, lambda node: None)
        self.framed: dict[int, bool] = {}

    def _framed(self, part: int) -> bool:
        if part not in self.framed:
            self.framed[part] = self.whole.framed(Node([part], list(self.graphs.inside(part))))
        return self.framed[part]

    def level(self, call: int) -> dict[str, Any]:
        boxes = self.open if len(self.open.nodes(call)) <= _FEW else self.shut
        part = boxes.closed(call, self.most)
        drawn = {node.id: node for node in part.nodes}
        number = {key: i for i, key in enumerate(drawn)}
        calls = {f"layer-{self.graphs.key(node)}": node for node in boxes.nodes(call)}
        nodes = [self._node(node, calls.get(key), call) for key, node in drawn.items()]
        wires = [_lines(wire, drawn, number) for wire in part.wires]
        extents = [round(size, 1) for size in (part.box.left, part.box.right, part.box.height)]
        return {"extents": extents, "nodes": nodes, "wires": [line for lines in wires for line in lines]}

    def _node(self, node: Drawn, of: Node | None, around: int) -> list[Any]:
        shape = node.shapes[0]
        texts = [[text.text, text.role] for text in node.texts]
        inside = self._inside(of) if of else None
        names = [self.graphs.layer(part) for part in of.parts] if of else [node.layer]
        title = self.open.titles(of, around)[1] if of and inside is not None else None
        place = [round(number, 1) for number in node.bounds]
        return [names, node.title, *place, shape.role, getattr(shape, "radius", 0), texts, inside, title]

    def _inside(self, node: Node) -> int | None:
        """The level that a node opens into; a module around a single one is that one."""
        part = node.part
        while not self.graphs.leaf(part):
            nodes = self.graphs.level(part).nodes
            if len(nodes) > 1:
                return part if self._framed(part) else None
            part = nodes[0].part
        return None


def _lines(wire: Wire, drawn: Mapping[str, Drawn], number: Mapping[str, int]) -> list[list[Any]]:
    """The paths of a wire, with the nodes at whose edges they begin and end."""
    tips = set(wire.arrows)
    found = []
    for path in wire.paths:
        start = number[wire.source] if wire.source in drawn and _touches(path[0], drawn[wire.source]) else -1
        end = next((number[one] for one in wire.targets if one in drawn and _touches(path[-1], drawn[one])), -1)
        flat = [round(number, 1) for point in path for number in point]
        found.append([start, end, int((path[-2], path[-1]) in tips), flat])
    return found


def _touches(point: Point, node: Drawn) -> bool:
    """Whether a point is on the edge of a node."""
    (x, y), (left, top, width, height) = point, node.bounds
    within = left - _NEAR <= x <= left + width + _NEAR and top - _NEAR <= y <= top + height + _NEAR
    return within and (min(abs(x - left), abs(x - left - width), abs(y - top), abs(y - top - height)) <= _NEAR)
