"""Write one architecture as one file that depends only on torch: what its builder needs from its family's file, and its source."""

import ast
import hashlib
import importlib.util
import json
import keyword
import re
import shlex
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.catalogue.entries import Entry, check_options, entry
from zoo.tracing.process import undisturbed
from zoo.transform.choices import choices, fixed
from zoo.transform.excerpt import excerpt
from zoo.transform.layout import WRAP, laid_out
from zoo.util.errors import ZooError
from zoo.util.text import sizes
from zoo.util.version import __version__

WIDTH, SHORTEST, LONGEST = 88, 79, 132
"""The default line length, and its limits: those of the licence, and of the catalogue's own source."""
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
def pull(name: str, /, *, builder: str = "", line_length: int = WIDTH, **options: Any) -> str:
    """Return the source of one architecture as one file that depends only on torch.

    The file has what this network needs and nothing else: options that choose between structures (`bool` and `Literal`, such as
    `shortcut` and `aux_heads`) are fixed, and what was not chosen is left out.

    Arguments:
        name: A name of `zoo.list_models`, in any usual spelling.
        builder: The name of the function in the file; by default that of the network.
        line_length: The longest line, from 79 to 132 columns. At this length, black and `ruff format` leave the file as it is.
        options: Become the defaults of the builder in the file, or are fixed.

    Returns:
        The text of a Python file.

    Raises:
        ZooError: For an unknown name, option or value, and for an architecture whose file needs more than torch.

    Example:
        >>> "num_classes: int = 7" in zoo.pull("lenet5", num_classes=7)
        True
    """
    found = entry(name)
    if not isinstance(line_length, int) or not SHORTEST <= line_length <= LONGEST:
        raise ZooError(f"line_length: expected an integer from {SHORTEST} to {LONGEST}, got {line_length!r}")
    given = _checked(found, options)
    family = _source(found)
    body = _body(found, family, given, builder or found.card.name)
    needed = {package for node in ast.walk(ast.parse(body)) for package in _packages(node)} - {"torch", *sys.stdlib_module_names}
    if needed:
        raise ZooError(f"cannot pull {found.card.name}: it depends on {', '.join(sorted(needed))}")
    code = f"{laid_out(body, line_length)}\n\n{_script(builder or found.card.name)}"
    command = [found.card.name, *(f"--set {key}={_shown(value)}" for key, value in given.items())]
    command += [f"--name {builder}"] if builder else []
    command += [f"--line-length {line_length}"] if line_length != WIDTH else []
    return f"{_header(found, given, family, command, code, line_length)}\n{code}{laid_out(_licence(found), line_length)}"


def _shown(value: Any) -> str:
    return shlex.quote(value) if isinstance(value, str) else json.dumps(value)


def _body(found: Entry, family: str, given: Mapping[str, Any], builder: str) -> str:
    """Return what the builder needs of its family's file, under the name that was chosen."""
    values = {option.name: given.get(option.name, option.default) for option in found.options}
    chosen = {name: values[name] for name in choices({option.name: option.type for option in found.options})}
    source = fixed(family, found.card.name, chosen)
    body = excerpt(source, found.card.name, {key: value for key, value in given.items() if key not in chosen})
    if builder == found.card.name:
        return body
    taken = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    defined = {name for node in ast.parse(body).body for name in _defined(node)}
    if not builder.isidentifier() or keyword.iskeyword(builder) or builder in taken | defined:
        why = "the file uses it for something else" if builder.isidentifier() else "it is not a name of Python"
        raise ZooError(
            f"--name: {builder!r} cannot be the name of the function: {'it is a keyword' if keyword.iskeyword(builder) else why}"
        )
    return re.sub(rf"(?m)^def {found.card.name}\(", f"def {builder}(", body)


def _defined(node: ast.stmt) -> list[str]:
    return (
        [alias.asname or alias.name for alias in node.names]
        if isinstance(node, ast.Import | ast.ImportFrom)
        else [getattr(node, "name", "")]
    )


def _checked(found: Entry, options: Mapping[str, Any]) -> dict[str, Any]:
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


def _header(found: Entry, given: Mapping[str, Any], family: str, command: list[str], code: str, width: int) -> str:
    """Return the docstring of the file: title, paper, source, the text of the family's file, and deviations from the paper."""
    c = found.card
    place = f"doi:{c.doi}" if c.doi else f"arXiv:{c.arxiv}" if c.arxiv else c.url
    size = (given.get("in_channels", c.input[0]), *c.input[1:])
    pulled = " ".join(["zoo pull", *command])
    facts = {
        "Network": c.summary,
        "Paper": f"{c.authors}: {c.paper}{place and f', {place}'}",
        "Input": f"N×{sizes(size)}",
        "Source": f"zoo {__version__}, {found.module.replace('.', '/')}.py{found.origin and f' ({found.origin})'}, by: {pulled}",
        "Code": f"{digest(code)}; zoo pull --check tells whether it differs from the catalogue's",
        "Licence": f"{c.licence}, see the end of this file" if _licence(found) else c.licence or "not stated",
    }
    lines = textwrap.wrap(f"{c.title}: one file that depends only on torch.", width - 3, **WRAP) + [""]
    for key, value in facts.items():
        lines += textwrap.wrap(value, width, initial_indent=f"{key:<9}", subsequent_indent=" " * 9, **WRAP)
    for paragraph in (ast.get_docstring(ast.parse(family)) or "").split("\n\n")[1:]:  # the first one names the paper
        told = re.sub(r"\s*Deviations\s+are\s+on\s+the\s+cards?\.", "", paragraph)
        lines += ["", *textwrap.wrap(told, width, **WRAP)]
    if c.deviations:
        lines += ["", "Deviations from the paper, and details that the paper omits:", ""]
    for deviation in c.deviations:
        lines += textwrap.wrap(deviation.text, width, initial_indent="- ", subsequent_indent="  ", **WRAP)
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', r"\"\"\"")
    return f'"""{text}\n"""\n'


def header_of(source: str) -> tuple[str, str]:
    """Return the arguments of the command in the header of a pulled file, and the digest of its code; empty if there are none."""
    facts = re.sub(r"\n {9}", " ", ast.get_docstring(ast.parse(source), clean=False) or "")
    command = re.search(r"^Source .*by: zoo pull (.+)$", facts, re.MULTILINE)
    code = re.search(r"^Code +([0-9a-f]{12});", facts, re.MULTILINE)
    return command[1] if command else "", code[1] if code else ""


def digest(source: str) -> str:
    """Return a digest of the code in a source: without comments, docstrings and layout."""
    return hashlib.sha256("\n".join(definitions(source).values()).encode()).hexdigest()[:12]


def definitions(source: str) -> dict[str, str]:
    """Return the code of each function, class and constant by name, and of the imports and the script, without docstrings."""
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        for one in ast.walk(node):
            if isinstance(one, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(one) is not None:
                one.body = one.body[1:] or [ast.Pass()]
        names = getattr(node, "name", "") or ", ".join(map(ast.unparse, getattr(node, "targets", [getattr(node, "target", node)])))
        label = {ast.Import: "imports", ast.ImportFrom: "imports", ast.If: "script"}.get(type(node), names)
        found[label] = f"{found[label]}\n{ast.unparse(node)}" if label in found else ast.unparse(node)
    return found


def _script(builder: str) -> str:
    """Return the block that runs as a script: it prints the number of parameters."""
    return textwrap.dedent(f"""\
        if __name__ == "__main__":
            model = {builder}()
            count = sum(parameter.numel() for parameter in model.parameters())
            print(f"{builder}: {{count:,}} parameters")
        """)


def _licence(found: Entry) -> str:
    """Return the licence notice for built-in networks, which their licence requires."""
    if found.card.licence != "MIT" or found.origin:
        return ""
    return "\n" + "".join(f"# {line}".rstrip() + "\n" for line in _NOTICE.splitlines())
