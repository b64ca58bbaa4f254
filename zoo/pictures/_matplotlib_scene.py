"""A drawing as PDF or PNG, with matplotlib: the same boxes and lines, in DejaVu Sans."""

import io
from itertools import pairwise
from typing import Any

from zoo.pictures._scene import FONT, LIGHT, Node, Polygon, Rect, Scene, Text
from zoo.pictures._svg import cut, tip
from zoo.util.errors import ZooError

_DPI = 300
_METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": "zoo"},
    "png": {"Software": None},
}
"""No dates and no versions, so that the same drawing gives the same bytes."""


def required(format: str) -> Any:
    """Import and return matplotlib. Raises `ZooError` if it is not installed."""
    try:
        import matplotlib
    except ImportError as error:
        raise ZooError(f".{format} requires matplotlib, which cannot be imported ({error}); pip install 'zoo[plot]'") from error
    return matplotlib


def encode(scene: Scene, format: str) -> bytes:
    """Return the contents of a PDF or PNG file. Raises `ZooError` if matplotlib is not installed."""
    matplotlib = required(format)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Sans", "font.size": FONT, "text.usetex": False}):
        figure = Figure(figsize=(scene.width / 72, scene.height / 72), dpi=_DPI, facecolor=LIGHT["paper"])
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, scene.width)
        axes.set_ylim(scene.height, 0)
        axes.axis("off")
        _paint(axes, scene)
        buffer = io.BytesIO()
        figure.savefig(buffer, format=format, dpi=_DPI, metadata=_METADATA[format])
    return buffer.getvalue()


def _paint(axes: Any, scene: Scene) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.patches import Polygon as Area
    from matplotlib.path import Path

    for node in scene.nodes:
        if node.frame:
            _node(axes, node, 1)
    for wire in scene.wires:
        for points in wire.paths:
            axes.add_patch(PathPatch(_rounded(Path, points), fill=False, edgecolor=LIGHT["line"], linewidth=0.7, zorder=2))
        for arrow in wire.arrows:
            axes.add_patch(Area(list(tip(*arrow)), closed=True, facecolor=LIGHT["line"], edgecolor="none", zorder=2))
    for node in scene.nodes:
        if not node.frame:
            _node(axes, node, 3)
    for text in scene.caption:
        _text(axes, text, 4)


def _rounded(path: Any, points: Any) -> Any:
    """A path of steps with rounded corners."""
    codes, places = [path.MOVETO], [points[0]]
    at = points[0]
    for corner, following in pairwise(points[1:]):
        places += [cut(at, corner), corner, cut(following, corner)]
        codes += [path.LINETO, path.CURVE3, path.CURVE3]
        at = corner
    return path([*places, points[-1]], [*codes, path.LINETO])


def _node(axes: Any, node: Node, order: int) -> None:
    from matplotlib.patches import FancyBboxPatch
    from matplotlib.patches import Polygon as Area

    for shape in node.shapes:
        style: dict[str, Any] = {"facecolor": LIGHT[shape.role], "edgecolor": _edge(shape), "linewidth": 0.5, "zorder": order}
        if isinstance(shape, Polygon):
            axes.add_patch(Area(shape.points, closed=True, joinstyle="round", **style))
            continue
        box = f"round,pad=0,rounding_size={min(shape.radius, shape.height / 2)}" if shape.radius else "square,pad=0"
        axes.add_patch(FancyBboxPatch((shape.x, shape.y), shape.width, shape.height, boxstyle=box, **style))
    for text in node.texts:
        _text(axes, text, order + 0.5)


def _edge(shape: Rect | Polygon) -> str:
    return {"frame": LIGHT["frame-edge"], "bar": "none"}.get(shape.role, LIGHT["edge"])


def _text(axes: Any, text: Text, order: float) -> None:
    align = "center" if text.anchor == "middle" else "left"
    plain = text.text.replace("$", r"\$")
    axes.text(text.x, text.y, plain, fontsize=FONT, color=LIGHT[text.role], ha=align, va="baseline", zorder=order)
