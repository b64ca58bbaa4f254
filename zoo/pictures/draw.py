"""The architecture as papers draw it: stages as volumes, blocks and layers as boxes."""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Literal

from zoo.errors import ZooError, unknown
from zoo.pictures._boxes import Boxes
from zoo.pictures._graph import Graphs, Node
from zoo.pictures._picture import Kind, Picture
from zoo.pictures._scene import COLUMN_MM, Scene, points_of
from zoo.pictures._svg import svg
from zoo.pictures._words import described, role, shape_of
from zoo.tables.table import Column, Row, Table
from zoo.tracing.record import Trace

Level = Literal["stages", "blocks", "layers"]
LEVELS = ("stages", "blocks", "layers")


def diagram(
    trace: Trace,
    *,
    level: str | None = None,
    layer: str | None = None,
    depth: int | None = None,
    by: str | None = None,
    width: float = COLUMN_MM,
) -> Picture:
    """Draw a trace."""
    graphs = Graphs(trace)
    call = 0
    if layer is not None:
        if layer not in graphs.names:
            raise unknown(f"layer of {trace.target}", layer, [name for name in graphs.names if name])
        call = graphs.names.index(layer)
    scene = Boxes(graphs, lambda part, at: depth is None or at < depth, lambda node: None).scene(
        call, points_of(width), trace.target
    )
    table = Table(trace.target, {}, (), ())
    return Picture(table, {"svg": lambda: svg(scene).encode()})


PICTURE = Kind(name="draw", shows="the architecture as papers draw it", of="target", draw=diagram)
