"""The architecture as papers draw it: stages as volumes, blocks and layers as boxes."""

from typing import Any

from zoo.analysis.choose import choose
from zoo.extend import Column, Group, Kind, Picture, Row, Table, Trace, ZooError, unknown
from zoo.pictures._boxes import Boxes, Cost
from zoo.pictures._folding import folding
from zoo.pictures._graph import Graphs, Node
from zoo.pictures._matplotlib_scene import encode
from zoo.pictures._scene import COLUMN_MM, Scene, captioned, points_of
from zoo.pictures._svg import svg
from zoo.pictures._tikz import tikz
from zoo.pictures._volumes import scene as of_volumes

LEVELS = ("stages", "blocks", "layers")
DIRECTIONS = ("down", "right")
COSTS = {"params": "params", "macs": "macs", "memory": "activation_bytes"}
"""What boxes can be coloured by, and the columns of `zoo summary` that count it."""

_NAMES = {"params": "parameters", "macs": "MACs", "memory": "bytes of activations"}
_NARROWEST, _BROADEST = 40, 2000  # millimetres
_PAGE = 30  # boxes
_ALL = 99  # levels of modules


def diagram(
    trace: Trace,
    *,
    level: str | None = None,
    layer: str | None = None,
    depth: int | None = None,
    by: str | None = None,
    direction: str | None = None,
    width: float = COLUMN_MM,
) -> Picture:
    """Draw the architecture that a trace recorded.

    Arguments:
        trace: What `zoo.trace` recorded.
        level: "stages" (volumes of feature maps), "blocks" (modules, opened as far as a page holds them) or "layers" (every layer;
            where a module runs more than a hundred ops itself, those that follow one another are one box).
            By default the stages of a network that has several resolutions, the layers of a `layer`, and blocks otherwise.
        layer: Draw only this module, named as in `zoo.summary`.
        depth: Open modules down to this many levels, 0 none, instead of `level`.
        by: Colour by "params", "macs" or "memory" (bytes of activations), and write the share of the whole network.
        direction: "down" or "right", where lines lead between blocks and layers. Down, the drawing is as wide as the page at most;
            to the right, it is as wide as it needs to be. Stages run to the right, in rows.
        width: The width of the page in millimetres, by default that of a column. Text is 7 points high.

    Returns:
        A `Picture`, whose table lists the boxes with their sizes and what they read.

    Raises:
        ZooError: For an unknown level, layer, cost or direction, a width under 40 mm, and stages of a network without feature maps.
    """
    scene = drawing(trace, level=level, layer=layer, depth=depth, by=by, direction=direction, width=width)
    encoders = {
        "svg": lambda: svg(scene).encode(),
        "pdf": lambda: encode(scene, "pdf"),
        "png": lambda: encode(scene, "png"),
        "tikz": lambda: tikz(scene).encode(),
    }
    return Picture(_table(trace, scene, by), encoders)


def modules(trace: Trace, *, width: float) -> dict[str, Any]:
    """The drawing as data for a page that opens modules in place (`folding`), at first as the blocks of `diagram`."""
    graphs = Graphs(trace)
    return folding(graphs, points_of(width), _readable(graphs, 0))


def drawing(
    trace: Trace,
    *,
    level: str | None = None,
    layer: str | None = None,
    depth: int | None = None,
    by: str | None = None,
    direction: str | None = None,
    width: float = COLUMN_MM,
) -> Scene:
    """The boxes and lines of `diagram`, which has the same arguments and errors."""
    if level is not None and level not in LEVELS:
        raise unknown("level", level, LEVELS)
    if direction is not None and direction not in DIRECTIONS:
        raise unknown("direction", direction, DIRECTIONS)
    if level is not None and depth is not None:
        raise ZooError("level and depth exclude each other")
    if depth is not None and depth < 0:
        raise ZooError(f"depth: expected an integer >= 0, got {depth}")
    if not _NARROWEST <= width <= _BROADEST:
        raise ZooError(f"width: expected {_NARROWEST} to {_BROADEST} mm, got {width:g}")
    graphs = Graphs(trace)
    scene = _scene(graphs, _call(graphs, layer), level, depth, _cost(graphs, by), direction, points_of(width))
    return scene if by is None else captioned(scene, f"Colour and percentage: share of the network's {_NAMES[by]}.")


def _scene(
    graphs: Graphs, call: int, level: str | None, depth: int | None, cost: Cost, direction: str | None, most: float
) -> Scene:
    title = graphs.trace.target + (f" {graphs.names[call]}" if call else "")
    if level == "stages" and call:
        raise ZooError("stages are those of the whole network; leave out the layer, or choose level blocks or layers")
    if level == "stages" and direction == "down":
        raise ZooError("stages run to the right; direction applies to blocks and layers")
    if level == "stages" or (level is None and not call and depth is None and direction is None):
        try:
            return of_volumes(graphs, most, title, cost)
        except ZooError:
            if level == "stages":
                raise
    if depth is None:
        paged = level == "blocks" or (level is None and not call)
        depth = _readable(graphs, call) if paged else _ALL
    return Boxes(graphs, lambda part, at: at <= depth, cost, direction == "right").scene(call, most, title)


def _readable(graphs: Graphs, call: int) -> int:
    """The greatest depth at which a page holds the boxes."""
    depth = 0
    while _count(graphs, call, depth) < (deeper := _count(graphs, call, depth + 1)) and deeper <= _PAGE:
        depth += 1
    return depth


def _count(graphs: Graphs, call: int, depth: int) -> int:
    """How many boxes there are at a depth."""
    return sum(_boxes(graphs, node.part, depth) for node in graphs.level(call).nodes)


def _boxes(graphs: Graphs, part: int, depth: int) -> int:
    """How many boxes a part is at a depth below it; a module around a single one is drawn as that one."""
    if depth == 0 or graphs.leaf(part):
        return 1
    nodes = graphs.level(part).nodes
    return _boxes(graphs, nodes[0].part, depth) if len(nodes) == 1 else _count(graphs, part, depth - 1)


def _call(graphs: Graphs, layer: str | None) -> int:
    """The number of the call of a layer. Raises `ZooError` for an unknown one, and for one with nothing in it."""
    if layer is None:
        return 0
    if layer not in graphs.names[1:]:
        names = [name for name in graphs.names if name]
        raise unknown(f"layer of {graphs.trace.target}", layer, names, "run zoo summary to see all")
    found = graphs.names.index(layer)
    if not graphs.items[found]:
        raise ZooError(f"layer {layer} of {graphs.trace.target} runs no op, so that there is nothing to draw")
    return found


def _cost(graphs: Graphs, by: str | None) -> Cost:
    """The share of a node in the cost of the whole network."""
    if by is None:
        return lambda node: None
    if by not in COSTS:
        raise unknown("cost", by, COSTS)
    (column,) = choose([COSTS[by]])
    cells, whole = column.measure(graphs.trace, [Group("", "", [op], op.outputs) for op in graphs.trace.ops])
    counts, total = [_known(cell) for cell in cells], _known(whole)

    def of(node: Node) -> float:
        return sum(counts[op] for op in node.ops) / total if total else 0.0

    return of


def _known(cell: object) -> float:
    """A count, or the known part of one."""
    if isinstance(cell, dict):
        cell = cell.get("at_least", 0)
    return float(cell) if isinstance(cell, int | float) else 0.0


def _table(trace: Trace, scene: Scene, by: str | None) -> Table:
    """A row for each box, with what it reads: the drawing as text."""
    layer = {node.id: node.layer for node in scene.nodes}
    reads: dict[str, list[str]] = {}
    for wire in scene.wires:
        for target in wire.targets:
            reads.setdefault(target, []).append(layer[wire.source])
    columns = [
        Column("output", "elements", "sizes of the output, without the batch", hide_order=0),
        Column("reads", "layers", "where its lines come from", hide_order=0),
    ]
    if by is not None:
        columns.append(Column("share", "of the network", f"share of the network's {_NAMES[by]}", hide_order=0))
    rows = []
    for node in scene.nodes:
        cells = {"output": list(node.output), "reads": ", ".join(reads.get(node.id, []))}
        share = {"share": node.share} if by is not None else {}
        rows.append(Row(node.layer, node.kind, {**cells, **share}))
    context = {
        "target": trace.target,
        "inputs": [list(value.shape) for value in trace.inputs],
        "mode": trace.mode,
        "by": by,
        "versions": dict(trace.versions),
    }
    return Table(scene.title, context, tuple(columns), tuple(rows))


PICTURE = Kind(name="draw", shows="the architecture as papers draw it", of="target", draw=diagram)
