"""Break the long lines of a source, where black and `ruff format` break them.

Only what is too long changes: signatures, docstrings, comments, and statements with brackets. Statements without brackets and long
strings stay as they are.
"""

import ast
import io
import textwrap
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from zoo.transform.text import Edit, Text, edited, signature

WRAP: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
"""Options of `textwrap` for prose."""


def laid_out(source: str, width: int) -> str:
    """Return a source whose lines have at most `width` columns where that is possible."""
    source = edited(source, _signatures(Text(source), width))
    source = edited(source, _docstrings(Text(source), width))
    before = ""
    while source != before:  # a piece of a broken line can be too long itself
        before, source = source, "".join(_broken(source, width))
    return source


# Signatures ----------------------------------------------------------------------------------------------------------


def _signatures(text: Text, width: int) -> Iterator[Edit]:
    for node in ast.walk(ast.parse(text.source)):
        if isinstance(node, ast.FunctionDef) and not (node.args.vararg or node.args.kwarg or node.args.posonlyargs):
            edit = signature(text, node)
            yield Edit(edit.start, edit.end, _signature(text, node, width))


def _signature(text: Text, node: ast.FunctionDef, width: int) -> str:
    """Return a signature on one line; else with all arguments on one line; else with a line for each."""
    old, space = node.args, " " * node.col_offset
    defaults = [*[None] * (len(old.args) - len(old.defaults)), *old.defaults, *old.kw_defaults]
    arguments = [_argument(text, *pair) for pair in zip(old.args + old.kwonlyargs, defaults, strict=True)]
    if old.kwonlyargs:
        arguments.insert(len(old.args), "*")
    ending = f") -> {text.of(node.returns)}:" if node.returns else "):"
    line, inner = f"def {node.name}({', '.join(arguments)}{ending}", f"{space}    {', '.join(arguments)}"
    if len(space + line) <= width:
        return line
    rows = [inner] if len(inner) <= width and len(arguments) > 1 else [f"{space}    {argument}," for argument in arguments]
    return "\n".join([f"def {node.name}(", *rows, space + ending])


def _argument(text: Text, argument: ast.arg, default: ast.expr | None) -> str:
    if default is None:
        return text.of(argument)
    return f"{text.of(argument)} = {text.of(default)}" if argument.annotation else f"{text.of(argument)}={text.of(default)}"


# Prose ---------------------------------------------------------------------------------------------------------------


def _docstrings(text: Text, width: int) -> Iterator[Edit]:
    """Wrap the paragraphs of docstrings that are too wide; indented paragraphs stay as they are."""
    for node in ast.walk(ast.parse(text.source)):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or not isinstance(node.body[0], ast.Expr):
            continue
        first = node.body[0].value
        written = text.of(first)
        if not written.startswith('"""') or "\\" in written or max(_widths(written, first.col_offset)) <= width:
            continue
        space = " " * first.col_offset
        paragraphs = textwrap.dedent(space + written[3:-3]).strip().split("\n\n")
        wrapped = ["\n".join(textwrap.wrap(one, width - len(space), **WRAP)) if "\n " not in one else one for one in paragraphs]
        opening = textwrap.wrap('"""' + paragraphs[0], width - len(space), **WRAP)
        if len(paragraphs) == len(opening) == 1:  # it is the closing quotes that are too much
            opening = textwrap.wrap('"""' + paragraphs[0], width - len(space) - 3, **WRAP)
        whole = "\n\n".join(["\n".join(opening), *wrapped[1:]])
        yield Edit(*text.span(first), textwrap.indent(f'{whole}\n"""', space).removeprefix(space))


def _widths(written: str, column: int) -> list[int]:
    first, *rest = written.splitlines()
    return [column + len(first), *map(len, rest)]


# Lines ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    """A line: its code, its comment, the brackets of its code, and whether it stands within brackets or a string."""

    code: str
    comment: str
    brackets: tuple[tuple[int, str], ...]
    words: tuple[tuple[int, str], ...]
    within: bool
    in_string: bool

    @property
    def indent(self) -> int:
        return len(self.code) - len(self.code.lstrip())


def _lines(source: str) -> Iterator[_Line]:
    rows = source.splitlines()
    found: list[list[tokenize.TokenInfo]] = [[] for _ in range(len(rows) + 2)]
    depth, depths, strings = 0, [0] * (len(rows) + 2), set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        found[token.start[0]].append(token)
        if token.type == tokenize.STRING:
            strings |= set(range(token.start[0], token.end[0] + 1)) if token.end[0] > token.start[0] else set()
        depth += (token.string in _OPEN) - (token.string in _CLOSE) if token.type == tokenize.OP else 0
        depths[token.end[0]] = depth  # at the end of the row, in the end
    for number, row in enumerate(rows, start=1):
        comment = next((token for token in found[number] if token.type == tokenize.COMMENT), None)
        code = row[: comment.start[1]].rstrip() if comment else row
        signs = [(t.start[1], t.string) for t in found[number] if t.type == tokenize.OP]
        brackets = tuple(one for one in signs if one[1] in _OPEN or one[1] in _CLOSE)
        words = tuple((t.start[1], t.string) for t in found[number] if t.string in _SEPARATORS)
        balance = sum(1 if sign in _OPEN else -1 for _, sign in brackets)
        within = balance == 0 and depths[number] > 0
        yield _Line(code, comment.string if comment else "", brackets if not balance else (), words, within, number in strings)


_OPEN, _CLOSE, _SEPARATORS = frozenset("([{"), frozenset(")]}"), frozenset({",", "for", "lambda", "=", "if", "else", "return"})


def _broken(source: str, width: int) -> Iterator[str]:
    for row, line in zip(source.splitlines(), _lines(source), strict=True):
        if len(row) <= width or line.in_string:
            yield row + "\n"
        elif not line.code.strip():
            prefix = row[: row.index("#")] + "# "
            for one in textwrap.wrap(line.comment.removeprefix("#").strip(), width - len(prefix), **WRAP):
                yield f"{prefix}{one}\n"
        else:
            if line.comment:
                yield f"{' ' * line.indent}{line.comment}\n"
            yield from (f"{one}\n" for one in (_split(line, width) if len(line.code) > width else [line.code]))


def _split(line: _Line, width: int) -> list[str]:
    """Return a line of code in several: what its last brackets hold on one line, or on one for each argument."""
    space = " " * line.indent
    code, comma = (line.code[:-1], ",") if line.within and line.code.endswith(",") else (line.code, "")
    if line.within and len(pieces := _pieces(line, line.indent, len(code))) > 1:
        return [f"{space}{piece}," for piece in pieces]
    if place := _place(line, "else"):
        if line.within:
            first = _place(line, "if")
            return [code[:first].rstrip(), f"{space}{code[first:place].rstrip()}", f"{space}{code[place:]}{comma}"]
        if start := _place(line, "=") or _place(line, "return"):
            start = code.index(" ", start)
            return [f"{code[:start]} (", f"{space}    {code[start:].strip()}", f"{space})"]
    pairs = [(start, end) for start, end in _pairs(line) if line.code[start + 1 : end].strip()]
    if not pairs:
        return [line.code]
    start, end = pairs[-1]
    inner, pieces = code[start + 1 : end].strip().removesuffix(","), _pieces(line, start + 1, end)
    if len(pieces) == 1 or len(space) + 4 + len(inner) <= width:
        return [code[: start + 1], f"{space}    {inner}", space + code[end:] + comma]
    return [code[: start + 1], *(f"{space}    {piece}," for piece in pieces), space + code[end:] + comma]


def _pairs(line: _Line) -> Iterator[tuple[int, int]]:
    """Yield the places of the outermost brackets."""
    opened: list[int] = []
    for place, sign in line.brackets:
        if sign in _OPEN:
            opened.append(place)
        elif opened and (start := opened.pop()) is not None and not opened:
            yield start, place


def _place(line: _Line, word: str) -> int:
    """Return the place of a word that is in no brackets; 0 if there is none."""
    inner = list(_pairs(line))
    return next((place for place, one in line.words if one == word and not any(a < place < b for a, b in inner)), 0)


def _pieces(line: _Line, start: int, end: int) -> list[str]:
    """Split the code between two places at the commas that are in no inner brackets; a comprehension is one piece."""
    inner = list(_outermost(line, start, end))
    outer = [(place, word) for place, word in line.words if start <= place < end and not any(a < place < b for a, b in inner)]
    outer = [(place, word) for place, word in outer if word not in {"=", "if", "else", "return"}]
    if any(word != "," for _, word in outer):
        return [line.code[start:end].strip()]
    cuts = [start, *(place + 1 for place, _ in outer), end + 1]
    pieces = [line.code[a : b - 1].strip() for a, b in pairwise(cuts)]
    return [piece for piece in pieces if piece]


def _outermost(line: _Line, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the places of the outermost brackets between two places."""
    return _pairs(_Line(line.code, "", tuple(one for one in line.brackets if start <= one[0] < end), (), False, False))
