"""The text of a Python module, and edits of it by the places of its nodes."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate


class Text:
    """The source of a module, and the offsets of its nodes."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = source.splitlines(keepends=True)
        self.starts = [0, *accumulate(map(len, self.lines))]

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line (from 1) and a column (in bytes), as `ast` counts them."""
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def start(self, node: ast.expr | ast.stmt | ast.arg) -> int:
        """Return the offset at which a node begins."""
        return self.offset(node.lineno, node.col_offset)

    def span(self, node: ast.expr | ast.stmt | ast.arg) -> tuple[int, int]:
        """Return the offsets between which a node stands."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.start(node), self.offset(node.end_lineno, node.end_col_offset)

    def of(self, node: ast.expr | ast.stmt | ast.arg) -> str:
        """Return the text of a node."""
        return self.source[slice(*self.span(node))]


@dataclass(frozen=True)
class Edit:
    """Replace the source from `start` to `end` by `text`."""

    start: int
    end: int
    text: str


def edited(source: str, edits: Iterable[Edit]) -> str:
    """Return the source after edits that do not overlap."""
    for edit in sorted(edits, key=lambda edit: -edit.start):  # from the end, so that earlier places stay where they are
        source = source[: edit.start] + edit.text + source[edit.end :]
    return source


def signature(text: Text, node: ast.FunctionDef) -> Edit:
    """Return an edit that leaves a signature as it is: from `def` to the colon."""
    start, old = text.start(node), node.args
    parts: list[ast.expr | ast.arg] = [*old.args, *old.kwonlyargs, *old.defaults, *(one for one in old.kw_defaults if one)]
    parts += [node.returns] if node.returns else []
    last = max((text.span(part)[1] for part in parts), default=start)
    return Edit(start, stop := text.source.index(":", last) + 1, text.source[start:stop])
