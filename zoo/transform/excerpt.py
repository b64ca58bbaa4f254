"""Extract what one function needs from the source of its module, with comments, names and layout.

There are three steps. *Reading* splits the module into statements with the names that each defines and needs (`_parts`). *Choosing*
follows these needs from one function until nothing more is needed (`_reached`). *Writing* copies the text of the chosen statements
with a few edits.

A name that occurs only in a type is left out if another member of its union is kept: `type[A | B]` becomes `type[A]`. Quoted types
do not change, and names that occur only in them are not followed, because they are never evaluated.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Set
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import Any

from zoo.transform.choices import literal
from zoo.transform.text import Edit, Text, edited
from zoo.util.errors import ZooError

_Definition = ast.FunctionDef | ast.ClassDef


@dataclass(frozen=True)
class _Part:
    """A statement of the module: from `start` to `end` with its decorators, after `blank` empty lines and `comments`.

    It `defines` names and `needs` other names to run, or in `types`. `decorators` are those that are left out.
    """

    node: ast.stmt
    start: int
    end: int
    blank: int
    comments: str
    defines: frozenset[str]
    needs: frozenset[str]
    types: tuple[ast.expr, ...]
    decorators: tuple[ast.expr, ...]


def excerpt(source: str, root: str, defaults: Mapping[str, Any]) -> str:
    """Return the imports and definitions that the function `root` needs, with other `defaults` for its arguments.

    Decorators from `zoo` are left out. Raises `ZooError` if it needs anything else from `zoo`.
    """
    text, module = Text(source), ast.parse(source)
    ours = _all_names(_defined(node) for node in module.body if _from_zoo(node))
    parts = list(_parts(text, module, ours))
    kept, gone = _reached(parts, root)
    used = _all_names(part.needs | _in_types(part.types, gone) for part in kept)
    if used & ours:
        raise ZooError(f"cannot pull {root}: it needs {', '.join(sorted(used & ours))} from zoo")
    pieces, previous = [], None
    for part in kept:
        edits = _edits(text, part, gone, used)
        if isinstance(part.node, ast.FunctionDef) and part.node.name == root and defaults:
            edits += _defaults(text, part.node, defaults)
        pieces.append("\n" * _blank(previous, part) + part.comments + _piece(text, part, edits))
        previous = part.node
    return "\n".join(pieces) + "\n"


def _all_names(several: Iterable[Iterable[str]]) -> set[str]:
    return set(chain.from_iterable(several))


# Reading -------------------------------------------------------------------------------------------------------------


def _from_zoo(node: ast.stmt) -> bool:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [str(getattr(node, "module", ""))]
    return all(name.partition(".")[0] == "zoo" for name in names)


def _parts(text: Text, module: ast.Module, ours: Set[str]) -> Iterator[_Part]:
    """Return the statements except the docstring, imports of zoo, and the block that runs as a script."""
    above = 0
    for i, node in enumerate(module.body):
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(one.lineno for one in decorators)])  # a function's own line is that of its def
        assert node.end_lineno is not None
        gap, above = text.lines[above : first - 1], node.end_lineno  # the empty lines and comments before the statement
        docstring = i == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        script = isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
        if docstring or script or _from_zoo(node):
            continue
        blank = next((i for i, line in enumerate(gap) if line.strip()), len(gap))
        names = _Names(ours)
        names.visit(node)
        yield _Part(
            node,
            text.starts[first - 1],
            text.starts[node.end_lineno],
            blank,
            "".join(gap[blank:]),
            frozenset(_defined(node)),
            frozenset(names.needs),
            tuple(names.types),
            tuple(names.decorators),
        )


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, _Definition):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from _names(target)


class _Names(ast.NodeVisitor):
    """Return the names that a statement needs to run, its types, and its decorators from `ours`."""

    def __init__(self, ours: Set[str]) -> None:
        self.ours = ours
        self.needs: set[str] = set()
        self.types: list[ast.expr] = []
        self.decorators: list[ast.expr] = []

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.needs.add(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            if _names(decorator.func if isinstance(decorator, ast.Call) else decorator) & self.ours:
                self.decorators.append(decorator)
            else:
                self.visit(decorator)
        self.visit(node.args)
        self.types += [node.returns] if node.returns else []
        for statement in node.body:
            self.visit(statement)

    def visit_arg(self, node: ast.arg) -> None:
        self.types += [node.annotation] if node.annotation else []

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.types.append(node.annotation)
        if node.value is not None and _names(node.annotation) & {"TypeAlias"}:
            self.types.append(node.value)
        elif node.value is not None:
            self.visit(node.value)


def _names(node: ast.AST) -> set[str]:
    """Return all names in an expression."""
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


# Choosing ------------------------------------------------------------------------------------------------------------


def _reached(parts: list[_Part], root: str) -> tuple[list[_Part], set[str]]:
    """Return the parts that `root` needs, directly or not, in order; and the names of the definitions that nothing needs."""
    by_name: dict[str, _Part] = {}
    for part in parts:
        by_name.update(dict.fromkeys(part.defines, part))
    definitions = {name for name, part in by_name.items() if not isinstance(part.node, ast.Import | ast.ImportFrom)}
    names: set[str] = set()
    wanted = {root, *_all_names(part.needs for part in parts if not part.defines)}  # what defines nothing runs anyway
    while wanted - names:
        names |= wanted
        kept = [part for part in parts if part.defines & names or not part.defines]
        wanted = _all_names(part.needs for part in kept) & by_name.keys()
        if not wanted - names:  # all names needed to run are found; continue with types that cannot be left out
            wanted = _all_names(_in_types(part.types, definitions - names) for part in kept) & by_name.keys()
    return kept, definitions - names


def _in_types(types: Iterable[ast.expr], gone: Set[str]) -> set[str]:
    """Return the names in types, without members of unions that can be left out."""
    return _all_names(_names(_shrunk(one, gone)) for one in types)


def _shrunk(annotation: ast.expr, gone: Set[str]) -> ast.expr:
    """A type without the sides of its unions that are `gone`: `type[A | B]` without B is `type[A]`."""
    found: ast.expr = _Shrinking(gone).visit(deepcopy(annotation))
    return found


class _Shrinking(ast.NodeTransformer):
    """Leaves out the gone side of a union, unless the other one is gone, too, or only None."""

    def __init__(self, gone: Set[str]) -> None:
        self.gone = gone

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        for side, other in ((node.left, node.right), (node.right, node.left)):
            if self._gone(side) and not self._gone(other) and not isinstance(other, ast.Constant):
                return other
        return node

    def _gone(self, side: ast.expr) -> bool:
        return isinstance(side, ast.Name) and side.id in self.gone


# Writing -------------------------------------------------------------------------------------------------------------


def _edits(text: Text, part: _Part, gone: Set[str], used: Set[str]) -> list[Edit]:
    """What changes in a part: imports of what is used alone; no decorators of zoo; types without what is gone."""
    if isinstance(part.node, ast.Import | ast.ImportFrom):
        return [_narrowed(text, part.node, used)]
    edits = [_without(text, decorator) for decorator in part.decorators]
    for annotation in part.types:
        shrunk = _shrunk(annotation, gone)
        if ast.dump(shrunk) != ast.dump(annotation):
            edits.append(Edit(*text.span(annotation), ast.unparse(shrunk)))
    return edits


def _piece(text: Text, part: _Part, edits: list[Edit]) -> str:
    here = [Edit(edit.start - part.start, edit.end - part.start, edit.text) for edit in edits]
    return edited(text.source[part.start : part.end], here).rstrip("\n")


def _without(text: Text, decorator: ast.expr) -> Edit:
    """Remove the lines of a decorator."""
    assert decorator.end_lineno is not None
    return Edit(text.starts[decorator.lineno - 1], text.starts[decorator.end_lineno], "")


def _narrowed(text: Text, node: ast.Import | ast.ImportFrom, used: Set[str]) -> Edit:
    """Return an import of the used names only."""
    start, end = text.span(node)
    future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    names = [alias for alias in node.names if future or (alias.asname or alias.name).partition(".")[0] in used]
    if len(names) == len(node.names):
        return Edit(start, end, text.source[start:end])
    same = {"names": names} if isinstance(node, ast.Import) else {"names": names, "module": node.module, "level": node.level}
    return Edit(start, end, ast.unparse(type(node)(**same)))


def _defaults(text: Text, node: ast.FunctionDef, defaults: Mapping[str, Any]) -> list[Edit]:
    """Return edits that give arguments other defaults."""
    found = zip(node.args.args + node.args.kwonlyargs, [*node.args.defaults, *node.args.kw_defaults], strict=True)
    return [Edit(*text.span(old), literal(defaults[one.arg])) for one, old in found if old and one.arg in defaults]


def _blank(previous: ast.stmt | None, part: _Part) -> int:
    """Return the number of empty lines before a part, by the rules of common formatters."""
    imports = (ast.Import, ast.ImportFrom)
    if previous is None:
        return 0
    if isinstance(part.node, _Definition) or isinstance(previous, _Definition):
        return 2
    if isinstance(previous, imports) and not isinstance(part.node, imports):
        return 1
    return min(part.blank, 1)
