"""The volumes of a network: runs of layers that hand on feature maps of one shape, in the order in which they run.

Start with `volumes`. `_opened` replaces containers by what is in them until the shapes on the way are seen; `_runs` joins
neighbours that hand on the same shape.
"""

from collections.abc import Callable
from dataclasses import dataclass

from zoo.pictures._graph import IN, OUT, Graphs, Level, Node, moves
from zoo.pictures._words import result
from zoo.util.errors import ZooError

_NAMELESS = ("Sequential", "ModuleList")
_FEWEST = 4
_MOST = 40

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Maps:
    """A shape without the batch: channels, and the sizes of a map (none for a vector)."""

    channels: int
    size: Sizes


def maps_of(shape: Sizes) -> Maps:
    """Channels and sizes of feature maps; channels come first, unless two equal sizes are followed by another one.

    >>> maps_of((1, 96, 56, 56)), maps_of((1, 56, 56, 96)), maps_of((1, 1, 1, 768))
    (Maps(channels=96, size=(56, 56)), Maps(channels=96, size=(56, 56)), Maps(channels=768, size=()))
    """
    if len(shape) == 4 and shape[1] == shape[2] != shape[3]:
        return Maps(shape[3], shape[1:3] if shape[1] > 1 else ())
    size = shape[2:]
    channels = shape[1] if len(shape) > 1 else max(shape, default=1)
    return Maps(channels, size if any(n > 1 for n in size) else ())


def volumes(graphs: Graphs) -> Level:
    """The graph whose nodes are the volumes. Raises `ZooError` for a network that does not reduce feature maps."""
    level = graphs.whole(_opened(graphs))
    level = _runs(graphs, level)
    rank = max((len(value.shape) for value in graphs.trace.inputs), default=0)
    shapes = [result(graphs, node)[-1].shape for node in level.nodes if result(graphs, node)]
    if rank < 3 or len({maps_of(shape).size for shape in shapes if len(shape) == rank}) < 2:
        raise ZooError(f"{graphs.trace.target} has no feature maps of several sizes; draw it with --level blocks or layers")
    return level


def _opened(graphs: Graphs) -> list[Node]:
    """The nodes on the way: containers are opened if the shapes in them differ, and other modules while there are few shapes."""
    nodes = graphs.level(0).nodes
    while True:
        wider = [found for node in nodes for found in (_inside(graphs, node, _is_chain) or [node])]
        if len(wider) == len(nodes) or len(wider) > _MOST:
            break
        nodes = wider
    for _ in range(_FEWEST):
        if len(_runs(graphs, graphs.whole(nodes)).nodes) >= _FEWEST:
            break
        largest = max((node for node in nodes if _inside(graphs, node)), key=lambda node: len(node.ops), default=None)
        if largest is None:
            break
        nodes = [found for node in nodes for found in ((_inside(graphs, node) or []) if node is largest else [node])]
    return nodes


def _inside(graphs: Graphs, node: Node, test: Callable[[Graphs, Node, Level], bool] | None = None) -> list[Node] | None:
    """What a module of several shapes consists of; None for any other node, and for one that fails the test."""
    if graphs.leaf(node.part) or node.times > 1:
        return None
    level = graphs.level(node.part)
    shapes = {result(graphs, one)[-1].shape[1:] for one in level.nodes if result(graphs, one)}
    if len(shapes) < 2 or (test and not test(graphs, node, level)):
        return None
    left = [op for op in node.ops if op not in graphs.inside(node.part)]  # a view that was joined
    last = level.nodes[-1]
    return [*level.nodes[:-1], Node([*last.parts, *(~op for op in left)], sorted([*last.ops, *left]), last.times)]


def _is_chain(graphs: Graphs, node: Node, level: Level) -> bool:
    """Whether a module is a container without a name of its own, and each thing in it reads the one before."""
    if not graphs.trace.calls[node.part].type.startswith(_NAMELESS):
        return False
    return all(level.before(here) in ([here - 1], [IN], []) and len(level.after(here)) <= 1 for here in range(len(level.nodes)))


def _runs(graphs: Graphs, level: Level) -> Level:
    """Join neighbours that hand on the same shape, where the second reads the first alone, and nothing else reads the first."""
    nodes: list[Node] = []
    for here, node in enumerate(level.nodes):
        alone = here > 0 and level.before(here) == [here - 1] and level.after(here - 1) == [here]
        same = bool(nodes) and (_shape(graphs, nodes[-1]) == _shape(graphs, node) or _only_moves(graphs, node))
        if alone and same and OUT not in level.after(here - 1):
            last = nodes[-1]
            nodes[-1] = Node([*last.parts, *node.parts], sorted([*last.ops, *node.ops]))
        else:
            nodes.append(Node(list(node.parts), list(node.ops), node.times))
    return graphs.whole(nodes)


def _only_moves(graphs: Graphs, node: Node) -> bool:
    """Whether a node only looks at its input in another way: a flatten belongs to the maps that it flattens."""
    return all(moves(graphs.trace.ops[op]) for op in node.ops)


def _shape(graphs: Graphs, node: Node) -> Maps | None:
    found = result(graphs, node)
    return maps_of(found[-1].shape) if found else None
