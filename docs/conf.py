"""The documentation as a site, with the catalogue's site in it: `sphinx-build -W docs build/docs`.

`-D catalogue=0` leaves out the catalogue, which takes half a minute.
"""

import base64
import re
from html import escape
from pathlib import Path
from typing import Any

import zoo
from zoo.extend.picture import pictures

project = "zoo"
author = "The zoo authors"
project_copyright = author
release = zoo.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["example_plugin"]
html_theme = "furo"
html_title = "zoo"
html_static_path: list[str] = []
html_show_sphinx = False
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_custom_sections = [("Arguments", "params_style")]
pygments_style, pygments_dark_style = "default", "github-dark"
suppress_warnings = ["misc.highlighting_failure"]

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./[^)#]*|example_plugin)(?:#[^)]*)?\)")
"""Links to files of the repository that are no pages."""
_EXAMPLE = re.compile(r"^(\s*>>> .*\n(?:.*\S.*\n)*)", re.MULTILINE)


def without_links_outside(app: Any, name: str, source: list[str]) -> None:
    """Files of the repository that are no pages are named, not linked."""
    source[0] = _OUTSIDE.sub(r"\1", source[0])


_PICTURE = re.compile(r"^<!-- picture: (\w+)(.*) -->$", re.MULTILINE)
"""A picture that is drawn when the site is built: its kind, and the TARGETs that it is of, if any."""


def with_pictures(app: Any, name: str, source: list[str]) -> None:
    """Pages get their pictures."""
    source[0] = _PICTURE.sub(_drawn, source[0])


def _drawn(found: re.Match[str]) -> str:
    kind = pictures()[found[1]]
    traces = [zoo.trace(target) for target in found[2].split()]
    given = {"target": traces, "targets": [traces], "nothing": []}[kind.of]
    picture = kind.draw(*given)
    text = escape(f"{kind.shows}: {', '.join(found[2].split())}".removesuffix(": "))
    image = f"data:image/svg+xml;base64,{base64.b64encode(picture.svg().encode()).decode()}"
    return f'```{{raw}} html\n<figure><img alt="{text}" src="{image}"><figcaption>{text}</figcaption></figure>\n```'


def as_restructured_text(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: code stands between single backticks, and stars and bars mean themselves."""
    if what == "module":
        lines[:] = lines[:1]
        return
    parts = _EXAMPLE.split("\n".join(lines))
    parts[::2] = [_SIGN.sub(_escaped, part) for part in parts[::2]]
    lines[:] = "".join(parts).split("\n")


_SIGN = re.compile(r"`([^`]+)`(?=(\w?))|[*|]")


def _escaped(found: re.Match[str]) -> str:
    if found[1] is None:
        return f"\\{found[0]}"
    return f"``{' '.join(found[1].split())}``" + ("\\ " if found[2] else "")  # code ends before a space


def write_catalogue(app: Any, error: Exception | None) -> None:
    """Write the catalogue's site beside the pages."""
    if error is None and app.config.catalogue and app.builder.name == "html":
        zoo.site(Path(app.outdir) / "catalogue")


def setup(app: Any) -> None:
    """What Sphinx calls."""
    app.add_config_value("catalogue", True, "html", bool)
    app.connect("source-read", without_links_outside)
    app.connect("source-read", with_pictures)
    app.connect("autodoc-process-docstring", as_restructured_text, priority=100)  # before the sections are read
    app.connect("build-finished", write_catalogue)
