"""A drawing as TikZ: a file that `pdflatex` compiles by itself, and that a paper that loads tikz can `\\input`."""

import re
from collections.abc import Iterator

from zoo.pictures._scene import FONT, LIGHT, LINE, Node, Point, Polygon, Rect, Scene, Text, Wire
from zoo.pictures._svg import tip

_SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "×": r"$\times$",
    "–": "--",
    "…": r"\dots{}",
    "·": r"$\cdot$",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}

_HEAD = r"""% A picture for \input into a document that loads tikz; pdflatex compiles this file by itself, too.
\makeatletter
\ifx\@nodocument\relax\let\zooend\relax\else
  \documentclass{article}
  \paperwidth=%(width)sbp \paperheight=%(height)sbp
  \usepackage{tikz}
  \pdfpagewidth=%(width)sbp \pdfpageheight=%(height)sbp
  \hoffset=-1in \voffset=-1in
  \oddsidemargin=0pt \topmargin=0pt \headheight=0pt \headsep=0pt
  \textwidth=\pdfpagewidth \textheight=\pdfpageheight
  \parindent=0pt \topskip=0pt \parskip=0pt \pagestyle{empty}
  \begin{document}
  \def\zooend{\end{document}}
\fi
\makeatother
"""


def tikz(scene: Scene) -> str:
    """Return the text of a `.tikz` file. Colours are those for paper."""
    frames = [node for node in scene.nodes if node.frame]
    boxes = [node for node in scene.nodes if not node.frame]
    head = _HEAD.replace("%(width)s", _n(scene.width)).replace("%(height)s", _n(scene.height))
    lines = [
        rf"\begin{{tikzpicture}}[x=1bp,y=-1bp,line width=0.5bp,font=\sffamily\fontsize{{{_n(FONT)}bp}}{{{_n(LINE)}bp}}\selectfont]",
        *_colours(scene),
        rf"\path[use as bounding box] (0,0) rectangle ({_n(scene.width)},{_n(scene.height)});",
        *(line for node in frames for line in _node(node)),
        *(line for wire in scene.wires for line in _wire(wire)),
        *(line for node in boxes for line in _node(node)),
        *map(_text, scene.caption),
        r"\end{tikzpicture}%",
        r"\zooend",
    ]
    return head + "\n".join(lines) + "\n"


def _colours(scene: Scene) -> Iterator[str]:
    drawn = [thing for node in scene.nodes for thing in (*node.shapes, *node.texts)]
    for role in sorted({thing.role for thing in drawn} | {"line", "edge", "frame-edge", "soft"}):
        yield rf"\definecolor{{zoo-{role}}}{{HTML}}{{{LIGHT[role][1:].upper()}}}"


def _node(node: Node) -> Iterator[str]:
    yield f"% {_plain(node.layer)}"
    for shape in node.shapes:
        if isinstance(shape, Polygon):
            yield rf"\filldraw[fill=zoo-{shape.role},draw=zoo-edge,line join=round] {_points(shape.points)} -- cycle;"
        else:
            yield _rect(shape)
    yield from map(_text, node.texts)


def _rect(shape: Rect) -> str:
    edge = {"frame": "zoo-frame-edge", "bar": "none"}.get(shape.role, "zoo-edge")
    corner = f",rounded corners={_n(shape.radius)}bp" if shape.radius else ""
    ends = f"({_n(shape.x)},{_n(shape.y)}) rectangle ({_n(shape.x + shape.width)},{_n(shape.y + shape.height)})"
    return rf"\filldraw[fill=zoo-{shape.role},draw={edge}{corner}] {ends};"


def _text(text: Text) -> str:
    anchor = "base" if text.anchor == "middle" else "base west"
    place = f"({_n(text.x)},{_n(text.y)})"
    return rf"\node[anchor={anchor},inner sep=0pt,text=zoo-{text.role}] at {place} {{\strut {escaped(text.text)}}};"


def _wire(wire: Wire) -> Iterator[str]:
    for path in wire.paths:
        yield rf"\draw[zoo-line,line width=0.7bp,rounded corners=2.5bp] {_points(path)};"
    for arrow in wire.arrows:
        yield rf"\fill[zoo-line] {_points(tuple(tip(*arrow)))} -- cycle;"


def _points(points: tuple[Point, ...]) -> str:
    return " -- ".join(f"({_n(x)},{_n(y)})" for x, y in points)


def escaped(text: str) -> str:
    """Return a text for LaTeX; signs that it may lack become question marks."""
    known = "".join(_SIGNS.get(sign, sign) for sign in text)
    return "".join(sign if sign.isascii() else "?" for sign in known)


def _plain(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "-", text)


def _n(number: float) -> str:
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
