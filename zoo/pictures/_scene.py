"""What a drawing is made of: boxes with labels, and lines between them, in points of 1/72 inch, y downwards. No format yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from zoo.pictures._metrics import text_width, wrapped
from zoo.util.text import sizes

FONT = 7.0
"""The size of all text, in points: the smallest that journals print, at the width of a column."""

LINE = 8.6
"""From one line of text to the next."""

COLUMN_MM = 85.0
"""The width of a column of a two-column page."""

Point = tuple[float, float]


def points_of(millimetres: float) -> float:
    """Return a length in points of 1/72 inch.

    >>> points_of(25.4)
    72.0
    """
    return millimetres * 72 / 25.4


@dataclass(frozen=True)
class Rect:
    """A rectangle with rounded corners; its role decides its colours."""

    x: float
    y: float
    width: float
    height: float
    role: str
    radius: float = 2.0


@dataclass(frozen=True)
class Polygon:
    """A filled face."""

    points: tuple[Point, ...]
    role: str


@dataclass(frozen=True)
class Text:
    """A line of text by its baseline; `anchor` is "middle" or "start"."""

    x: float
    y: float
    text: str
    role: str = "ink"
    anchor: str = "middle"


@dataclass(frozen=True)
class Node:
    """A box that stands for a layer, a block or several alike: shapes, and labels within `bounds` (x, y, width, height).

    `id` is unique in the drawing, `layer` the name in `zoo summary`. `ops` are the numbers of the ops of the trace that it stands
    for, `kind` is what it does, `output` the sizes of what it makes without the batch, `share` that of the network's cost.
    """

    id: str
    layer: str
    bounds: tuple[float, float, float, float]
    shapes: tuple[Rect | Polygon, ...]
    texts: tuple[Text, ...]
    ops: tuple[int, ...] = ()
    frame: bool = False
    kind: str = ""
    output: tuple[int, ...] = ()
    share: float | None = None

    @property
    def title(self) -> str:
        """What a pointer on the box shows."""
        shape = [sizes(self.output)] if self.output else []
        share = [percent(self.share)] if self.share is not None else []
        return ": ".join([self.layer, ", ".join([*([self.kind] if self.kind else []), *shape, *share])])


def percent(share: float) -> str:
    """Return a share as text.

    >>> percent(0.8951), percent(0.0251), percent(0.0002), percent(0)
    ('90 %', '2.5 %', '< 0.1 %', '0 %')
    """
    if not share:
        return "0 %"
    return "< 0.1 %" if share < 0.001 else f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


@dataclass(frozen=True)
class Wire:
    """The lines from one node to others by their ids: paths of points, the last of which of each of `arrows` is an arrow's tip."""

    source: str
    targets: tuple[str, ...]
    paths: tuple[tuple[Point, ...], ...]
    arrows: tuple[tuple[Point, Point], ...]


@dataclass(frozen=True)
class Scene:
    """A drawing: its size, frames first, then lines, then boxes."""

    title: str
    description: str
    width: float
    height: float
    nodes: tuple[Node, ...]
    wires: tuple[Wire, ...]
    caption: tuple[Text, ...] = ()


def captioned(scene: Scene, text: str) -> Scene:
    """Return the drawing with a sentence below it."""
    lines = wrapped(text, FONT, scene.width - 4)
    width = max(scene.width, *(text_width(line, FONT) + 4 for line in lines))
    caption = tuple(centred([(line, "soft") for line in lines], width / 2, scene.height + 4))
    dx = (width - scene.width) / 2
    nodes, wires = tuple(moved(node, dx, 0) for node in scene.nodes), tuple(moved_wire(wire, dx, 0) for wire in scene.wires)
    return replace(scene, width=width, height=scene.height + LINE * len(lines) + 6, nodes=nodes, wires=wires, caption=caption)


def moved(node: Node, dx: float, dy: float) -> Node:
    """Return the node elsewhere."""
    x, y, width, height = node.bounds
    shapes = tuple(_moved(shape, dx, dy) for shape in node.shapes)
    texts = tuple(Text(text.x + dx, text.y + dy, text.text, text.role, text.anchor) for text in node.texts)
    return replace(node, bounds=(x + dx, y + dy, width, height), shapes=shapes, texts=texts)


def _moved(shape: Rect | Polygon, dx: float, dy: float) -> Rect | Polygon:
    if isinstance(shape, Rect):
        return Rect(shape.x + dx, shape.y + dy, shape.width, shape.height, shape.role, shape.radius)
    return Polygon(tuple((x + dx, y + dy) for x, y in shape.points), shape.role)


def moved_wire(wire: Wire, dx: float, dy: float) -> Wire:
    """Return the lines elsewhere."""
    paths = tuple(tuple((x + dx, y + dy) for x, y in path) for path in wire.paths)
    arrows = tuple(((a + dx, b + dy), (c + dx, d + dy)) for (a, b), (c, d) in wire.arrows)
    return Wire(wire.source, wire.targets, paths, arrows)


def turned(wire: Wire) -> Wire:
    """Return the lines with x and y exchanged."""
    paths = tuple(tuple((y, x) for x, y in path) for path in wire.paths)
    return replace(wire, paths=paths, arrows=tuple(((b, a), (d, c)) for (a, b), (c, d) in wire.arrows))


def centred(lines: Sequence[tuple[str, str]], x: float, top: float) -> Iterator[Text]:
    """Yield lines of text with their roles, one below the other from `top`, with their middle at `x`."""
    for i, (text, role) in enumerate(lines):
        yield Text(x, top + LINE * i + FONT * 0.86, text, role)


# Colours -------------------------------------------------------------------------------------------------------------------

LIGHT = {
    "ink": "#1a1a1a",
    "soft": "#474747",
    "line": "#4d4d4d",
    "paper": "#ffffff",
    "frame": "#f6f6f4",
    "frame-edge": "#b4b4ae",
    "edge": "#5a5a5a",
    "conv": "#bfd9ee",
    "linear": "#c9e3c3",
    "attention": "#e6cbe3",
    "recurrent": "#d9d2ec",
    "pool": "#f3c4ae",
    "norm": "#efe7c0",
    "activation": "#efe7c0",
    "dropout": "#efe7c0",
    "merge": "#ffffff",
    "block": "#dcdcdc",
    "end": "#ffffff",
    "other": "#ececec",
    "bar": "#8a4b08",
}
"""The colours of roles on paper. Boxes are told apart by their words, so that nothing is lost in grey."""

DARK = {
    "ink": "#f0f0f0",
    "soft": "#c8c8c8",
    "line": "#b8b8b8",
    "paper": "#1b1b1b",
    "frame": "#262626",
    "frame-edge": "#6a6a6a",
    "edge": "#9a9a9a",
    "conv": "#24486a",
    "linear": "#2c5230",
    "attention": "#5a345a",
    "recurrent": "#453a66",
    "pool": "#6e3a22",
    "norm": "#514a22",
    "activation": "#514a22",
    "dropout": "#514a22",
    "merge": "#1b1b1b",
    "block": "#414141",
    "end": "#1b1b1b",
    "other": "#363636",
    "bar": "#f2a65a",
}
"""The same on a dark screen."""

HEAT = ("#ffffff", "#fdeee0", "#fbdcbd", "#f8c594", "#f3aa68", "#e98d41", "#d6722a")
HEAT_DARK = ("#1b1b1b", "#2f261d", "#43311e", "#583d1e", "#6d481d", "#81511c", "#96591b")
for _step, (_light, _dark) in enumerate(zip(HEAT, HEAT_DARK, strict=True)):
    LIGHT[f"heat{_step}"], DARK[f"heat{_step}"] = _light, _dark


def heat(share: float) -> str:
    """The role of a box that has a share of a cost: darker for more, by the square root, so that small shares differ."""
    return f"heat{min(round(share**0.5 * (len(HEAT) - 1)), len(HEAT) - 1)}"


def shade(colour: str, factor: float) -> str:
    """Return a colour darker by a factor.

    >>> shade("#ffffff", 0.5)
    '#808080'
    """
    return "#" + "".join(f"{round(int(colour[i : i + 2], 16) * factor):02x}" for i in (1, 3, 5))


for _name in ("conv", "linear", "attention", "recurrent", "pool", "norm", "other", "end", "block", *(f"heat{i}" for i in range(7))):
    for _side, _factor in (("top", 0.93), ("side", 0.84)):
        LIGHT[f"{_name}-{_side}"] = shade(LIGHT[_name], _factor)
        DARK[f"{_name}-{_side}"] = shade(DARK[_name], 1.18 if _side == "top" else 0.8)
