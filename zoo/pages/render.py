"""Fill a template. Jinja2 is imported on first use; whatever is filled in is escaped.

A page is one file with its styles and its script, and a policy in its head allows these by their hashes and nothing else.
So no page can load anything, or run what a name contains.
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent
REPORT = (
    *("elements", "models", "numbers", "steering", "table", "icicle", "arranging", "diagram", "growth", "field", "inspector"),
    *("selection", "start"),
)
"""The parts of the script of a report, one file each, in the order in which they are joined: `start` runs, others declare."""
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def fill(template: str, **data: Any) -> str:
    """Return a template of `zoo/pages/templates` filled with data."""
    return _environment().get_template(template).render(**data)


def page(template: str, *, script: str, drawings: Iterable[str] = (), **data: Any) -> str:
    """Return a whole page in one file, with the style and a script of `zoo/pages` in it.

    Arguments:
        template: The name of a file of `zoo/pages/templates`.
        script: The name of a script of `zoo/pages`: report or site.
        drawings: SVG files that the page contains, whose styles it allows.
        data: What the template is filled with.
    """
    style, code = _source("style.css"), _script(script)
    found = [style, *(text for drawing in drawings for text in _STYLE.findall(drawing))]
    styles = " ".join(dict.fromkeys(f"'{_hash(text)}'" for text in found))
    policy = f"default-src 'none'; style-src {styles}; script-src '{_hash(code)}'; base-uri 'none'; form-action 'none'"
    return fill(template, style=style, script=code, policy=policy, **data)


def packed(data: Any) -> str:
    """Return JSON-able data compressed (deflate), as base64: its text cannot end a script element, whatever names are in it.

    Example:
        >>> packed({"</script>": 1}).isascii()
        True
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    squeeze = zlib.compressobj(9, wbits=-15)
    return base64.b64encode(squeeze.compress(text.encode()) + squeeze.flush()).decode()


@cache
def _source(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def _script(name: str) -> str:
    """One file, or the parts of one in a function of their own, so that their names stay theirs."""
    if name != "report":
        return _source(f"{name}.js")
    parts = "\n".join(_source(f"report/{part}.js") for part in REPORT)
    return f'"use strict";\n(async () => {{\n{parts}}})();\n'


def _hash(text: str) -> str:
    """How a Content-Security-Policy names an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _environment() -> "Environment":
    import jinja2

    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    found.filters["prose"] = _prose
    return found


def _prose(text: str) -> str:
    """Escaped text in which `code` stands between backticks, as in docstrings."""
    from markupsafe import Markup, escape

    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(piece) if i % 2 else escape(piece) for i, piece in enumerate(pieces))
