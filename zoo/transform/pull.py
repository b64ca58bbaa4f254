"""Write one architecture as one file that depends only on torch: what its builder needs from its family's file, and its source."""

import ast
import importlib.util
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.catalogue.entries import Entry, check_options, entry
from zoo.tracing.process import undisturbed
from zoo.transform.excerpt import excerpt
from zoo.util.errors import ZooError
from zoo.util.text import sizes
from zoo.util.version import __version__

_WIDTH = 88
_NOTICE = """\
MIT License

Copyright (c) 2026 The zoo authors

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


@undisturbed
def pull(name: str, /, **options: Any) -> str:
    """Return the source of one architecture as one file that depends only on torch.

    Arguments:
        name: A name of `zoo.list_models`, in any usual spelling.
        options: Become the defaults of the builder in the file.

    Returns:
        The text of a Python file.

    Raises:
        ZooError: For an unknown name, option or value, and for an architecture whose file needs more than torch.

    Example:
        >>> "num_classes: int = 7" in zoo.pull("lenet5", num_classes=7)
        True
    """
    found = entry(name)
    baked = _baked(found, options)
    family = _source(found)
    body = excerpt(family, found.card.name, baked)
    wanted = {package for node in ast.walk(ast.parse(body)) for package in _packages(node)} - {"torch", *sys.stdlib_module_names}
    if wanted:
        raise ZooError(f"cannot pull {found.card.name}: it depends on {', '.join(sorted(wanted))}")
    return f"{_header(found, baked, family)}\n{body}\n\n{_script(found.card.name)}{_licence(found)}"


def _baked(found: Entry, options: Mapping[str, Any]) -> dict[str, Any]:
    checked = check_options(found, options)
    if not checked:
        return checked
    if checked.keys() - {option.name for option in found.options} or checked.get("num_classes") == 0:
        layer = found.card.classifier or "its last layer"
        raise ZooError(f"{found.card.name}: pull does not support head and init; for features, set model.{layer} = nn.Identity()")
    from zoo.models.targets import resolve

    resolve(found.card.name, checked)  # raises if the builder refuses an option
    return checked


def _source(found: Entry) -> str:
    """Return the source of the file that defines an architecture."""
    try:
        spec = importlib.util.find_spec(found.module)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin).read_text(encoding="utf-8")
    except (ImportError, ValueError, AssertionError, OSError) as error:
        raise ZooError(f"cannot pull {found.card.name}: {found.module} has no readable source file") from error


def _packages(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield "." * node.level + str(node.module).partition(".")[0]


def _header(found: Entry, baked: Mapping[str, Any], family: str) -> str:
    """Return the docstring of the file: title, paper, source, the text of the family's file, and deviations from the paper."""
    c = found.card
    place = f"doi:{c.doi}" if c.doi else f"arXiv:{c.arxiv}" if c.arxiv else c.url
    command = " ".join(["zoo pull", c.name, *(f"--set {key}={value}" for key, value in baked.items())])
    size = (baked.get("in_channels", c.input[0]), *c.input[1:])
    facts = {
        "Network": c.summary,
        "Paper": f"{c.authors}: {c.paper}, {place}",
        "Input": f"N×{sizes(size)}",
        "Source": f"zoo {__version__}, {found.module.replace('.', '/')}.py{found.origin and f' ({found.origin})'}, by: {command}",
        "Licence": f"{c.licence}, see the end of this file" if _licence(found) else c.licence or "not stated",
    }
    lines = [f"{c.title}: one file that depends only on torch.", ""]
    for key, value in facts.items():
        lines += textwrap.wrap(value, _WIDTH, initial_indent=f"{key:<9}", subsequent_indent=" " * 9, **_WRAP)
    for paragraph in (ast.get_docstring(ast.parse(family)) or "").split("\n\n")[1:]:  # the first one names the paper
        told = re.sub(r"\s*Deviations\s+are\s+on\s+the\s+cards?\.", "", paragraph)
        lines += ["", *textwrap.wrap(told, _WIDTH, **_WRAP)]
    if c.deviations:
        lines += ["", "Deviations from the paper, and details that the paper omits:", ""]
    for deviation in c.deviations:
        lines += textwrap.wrap(deviation.text, _WIDTH, initial_indent="- ", subsequent_indent="  ", **_WRAP)
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', r"\"\"\"")
    return f'"""{text}\n"""\n'


_WRAP: Mapping[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def _script(builder: str) -> str:
    """Return the block that runs as a script: it prints the number of parameters."""
    count = "sum(parameter.numel() for parameter in model.parameters())"
    return f'if __name__ == "__main__":\n    model = {builder}()\n    print(f"{builder}: {{{count}:,}} parameters")\n'


def _licence(found: Entry) -> str:
    """Return the licence notice for built-in networks, which their licence requires."""
    if found.card.licence != "MIT" or found.origin:
        return ""
    return "\n" + "".join(f"# {line}".rstrip() + "\n" for line in _NOTICE.splitlines())
