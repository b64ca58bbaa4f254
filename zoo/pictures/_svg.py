"""A drawing as SVG: colours for light and dark pages, the layer of each box as an attribute, the same bytes every time."""

from collections.abc import Iterable, Iterator
from html import escape

from zoo.pictures._scene import DARK, FONT, LIGHT, Node, Point, Polygon, Rect, Scene, Text, Wire

_FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_CORNER = 2.5


def svg(scene: Scene) -> str:
    """Return an `<svg>` element. Its boxes have the attribute `data-layer`, its lines `data-from` and `data-to` (ids of boxes).

    Colours are variables such as `--zoo-conv`, which a page can set; `data-theme="dark"` on an element around it asks for the dark
    ones.
    """
    frames = [node for node in scene.nodes if node.frame]
    boxes = [node for node in scene.nodes if not node.frame]
    drawn: set[str] = set()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="zoo-drawing" viewBox="0 0 {_n(scene.width)} {_n(scene.height)}" '
        f'width="{_n(scene.width)}pt" height="{_n(scene.height)}pt" role="img" font-family="{_FONTS}" font-size="{_n(FONT)}">',
        f"<title>{escape(scene.title)}</title>",
        f"<desc>{escape(scene.description)}</desc>",
        f"<style>{_style(_roles(scene))}</style>",
        f'<rect class="paper" width="{_n(scene.width)}" height="{_n(scene.height)}" fill="{LIGHT["paper"]}"/>',
        *(_node(node) for node in frames),
        *(_wire(wire, drawn) for wire in scene.wires),
        *(_node(node) for node in boxes),
        *map(_text, scene.caption),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def sheet() -> str:
    """Return a `<style>` element for boxes, frames and lines that a page draws itself in an `<svg class="zoo-drawing">`."""
    return f"<style>{_style([name for name in LIGHT if '-' not in name and 'heat' not in name] + ['frame-edge'])}</style>"


def _roles(scene: Scene) -> set[str]:
    used = {"paper", "line", "edge", "ink", "soft"}
    for node in scene.nodes:
        used |= {shape.role for shape in node.shapes} | {text.role for text in node.texts}
    return used | ({"frame-edge"} if "frame" in used else set())


def _style(roles: Iterable[str]) -> str:
    names = sorted(roles)

    def variables(colours: dict[str, str]) -> str:
        return ";".join(f"--zoo-{name}:{colours[name]}" for name in names)

    fills = "".join(
        f".zoo-drawing .{name}{{fill:var(--zoo-{name})}}" for name in names if name not in {"line", "edge", "frame-edge"}
    )
    return (
        f".zoo-drawing{{{variables(LIGHT)}}}"
        f"@media (prefers-color-scheme:dark){{.zoo-drawing{{{variables(DARK)}}}}}"
        f"[data-theme=light] .zoo-drawing{{{variables(LIGHT)}}}[data-theme=dark] .zoo-drawing{{{variables(DARK)}}}"
        f"{fills}.zoo-drawing .node{{stroke:var(--zoo-edge)}}.zoo-drawing .wire{{stroke:var(--zoo-line)}}"
        ".zoo-drawing .frame{stroke:var(--zoo-frame-edge)}.zoo-drawing text{stroke:none}"
        ".zoo-drawing .tip{fill:var(--zoo-line);stroke:none}.zoo-drawing .bar,.zoo-drawing .paper{stroke:none}"
    )


def _node(node: Node) -> str:
    shapes = "".join(_shape(shape) for shape in node.shapes)
    texts = "".join(_text(text) for text in node.texts)
    kind = "group" if node.frame else "node"
    return (
        f'<g class="{kind}" id="{escape(node.id)}" data-layer="{escape(node.layer)}" stroke="{LIGHT["edge"]}" stroke-width="0.5">'
        f"<title>{escape(node.title)}</title>{shapes}{texts}</g>"
    )


def _shape(shape: Rect | Polygon) -> str:
    fill = f'class="{shape.role}" fill="{LIGHT[shape.role]}"'
    if isinstance(shape, Polygon):
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
        return f'<polygon {fill} stroke-linejoin="round" points="{points}"/>'
    edge = f' stroke="{LIGHT["frame-edge"]}"' if shape.role == "frame" else ' stroke="none"' if shape.role == "bar" else ""
    return (
        f'<rect {fill}{edge} x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" height="{_n(shape.height)}" '
        f'rx="{_n(shape.radius)}"/>'
    )


def _text(text: Text) -> str:
    return (
        f'<text class="{text.role}" fill="{LIGHT[text.role]}" stroke="none" text-anchor="{text.anchor}" x="{_n(text.x)}" '
        f'y="{_n(text.y)}">{escape(text.text)}</text>'
    )


def _wire(wire: Wire, drawn: set[str]) -> str:
    """The lines of one source, without those that other sources share and that are drawn already: twice they would look bolder."""
    each = [path for path in map(_path, wire.paths) if path not in drawn]
    drawn.update(each)
    paths = "".join(each)
    tips = "".join(" ".join(["M", *(f"{_n(x)} {_n(y)}" for x, y in tip(*arrow))]) + "z" for arrow in wire.arrows)
    line = f'class="wire" fill="none" stroke="{LIGHT["line"]}" stroke-width="0.7" d="{paths}"'
    arrow = f'<path class="tip" fill="{LIGHT["line"]}" d="{tips}"/>' if tips else ""
    return f'<g data-from="{escape(wire.source)}" data-to="{escape(" ".join(wire.targets))}"><path {line}/>{arrow}</g>'


def _path(points: tuple[Point, ...]) -> str:
    """A path of steps with rounded corners."""
    (x, y), *rest = points
    found = [f"M{_n(x)} {_n(y)}"]
    for i, (cx, cy) in enumerate(rest):
        if i + 1 == len(rest):
            found.append(f"L{_n(cx)} {_n(cy)}")
            continue
        (ax, ay), (bx, by) = cut((x, y), (cx, cy)), cut(rest[i + 1], (cx, cy))
        found.append(f"L{_n(ax)} {_n(ay)}Q{_n(cx)} {_n(cy)} {_n(bx)} {_n(by)}")
        x, y = cx, cy
    return "".join(found)


def cut(start: Point, corner: Point) -> Point:
    """The point on the way from `start` to a corner at which the rounding begins."""
    dx, dy = corner[0] - start[0], corner[1] - start[1]
    length = max(abs(dx) + abs(dy), 1e-9)
    part = min(_CORNER, length / 2) / length
    return corner[0] - dx * part, corner[1] - dy * part


def tip(before: Point, end: Point) -> Iterator[Point]:
    """The corners of an arrow's tip at `end`."""
    dx, dy = end[0] - before[0], end[1] - before[1]
    length = max((dx * dx + dy * dy) ** 0.5, 1e-9)
    ux, uy = dx / length, dy / length
    yield end
    for side in (1.5, -1.5):
        yield end[0] - ux * 3.6 - uy * side, end[1] - uy * 3.6 + ux * side


def _n(number: float) -> str:
    """A number with two decimals at most."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
