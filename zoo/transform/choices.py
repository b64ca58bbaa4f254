"""Fix the options of a builder that choose between structures, so that what was not chosen can be left out.

Options with a few values, `bool` and `Literal`, choose. A builder uses them in three ways, each of which is replaced by what it
gives: `if heads: ...`, `A if heads else B`, and `TABLE[shortcut]` of a table in the same file.
"""

import ast
import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from zoo.transform.text import Edit, Text, edited, signature


def choices(types: Mapping[str, str]) -> list[str]:
    """Return the options, given by their types, that choose."""
    return [name for name, written in types.items() if written == "bool" or written.startswith("Literal[")]


def fixed(source: str, builder: str, values: Mapping[str, Any]) -> str:
    """Return the source of a module in which one function has no arguments `values`, but these values in their place."""
    source = _without_arguments(source, builder, set(values))
    while edit := next(_edits(source, builder, values), None):
        source = edited(source, [edit])
    return source


def _function(source: str, name: str) -> tuple[ast.Module, ast.FunctionDef]:
    module = ast.parse(source)
    return module, next(node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == name)


def _without_arguments(source: str, builder: str, names: set[str]) -> str:
    """Leave arguments out of a signature, which is then on one line."""
    _, node = _function(source, builder)
    if not names:
        return source
    text, old = Text(source), node.args
    found = zip(old.args + old.kwonlyargs, [*old.defaults, *old.kw_defaults], strict=True)
    kept = {one.arg: f"{text.of(one)} = {text.of(default)}" for one, default in found if one.arg not in names and default}
    arguments = list(kept.values())
    if any(one.arg in kept for one in old.kwonlyargs):
        arguments.insert(sum(one.arg in kept for one in old.args), "*")
    ending = f") -> {text.of(node.returns)}:" if node.returns else "):"
    edit = signature(text, node)
    return edited(source, [Edit(edit.start, edit.end, f"def {node.name}({', '.join(arguments)}{ending}")])


def _edits(source: str, builder: str, values: Mapping[str, Any]) -> Iterator[Edit]:
    """Yield the first use of an option, and what replaces it."""
    module, function = _function(source, builder)
    text = Text(source)
    tables = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in (inner for statement in function.body for inner in ast.walk(statement)):
        if isinstance(node, ast.If) and _is_known(node.test, values):
            yield _chosen(text, function, node, values)
        elif isinstance(node, ast.IfExp) and _is_known(node.test, values):
            yield Edit(*text.span(node), text.of(node.body if _value(node.test, values) else node.orelse))
        elif isinstance(node, ast.Subscript) and _is_known(node.slice, values) and ast.unparse(node.value) in tables:
            yield Edit(*text.span(node), text.of(_item(tables[ast.unparse(node.value)], _value(node.slice, values))))
        elif isinstance(node, ast.Name) and node.id in values:
            yield Edit(*text.span(node), literal(values[node.id]))


def _chosen(text: Text, function: ast.FunctionDef, node: ast.If, values: Mapping[str, Any]) -> Edit:
    """Replace a statement by its chosen branch, which ends the function if it returns."""
    body = node.body if _value(node.test, values) else node.orelse
    start, end = text.starts[node.lineno - 1], text.starts[node.end_lineno or 0]
    if not body:
        return Edit(start, end, "")
    if isinstance(body[-1], ast.Return):
        end = text.starts[function.end_lineno or 0]
    inner = text.source[text.starts[body[0].lineno - 1] : text.starts[body[-1].end_lineno or 0]]
    return Edit(start, end, textwrap.indent(textwrap.dedent(inner), " " * node.col_offset))


def _is_known(node: ast.expr, values: Mapping[str, Any]) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _is_known(node.operand, values)
    return isinstance(node, ast.Name) and node.id in values


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.UnaryOp):
        return not _value(node.operand, values)
    assert isinstance(node, ast.Name)
    return values[node.id]


def _item(table: ast.Dict, key: Any) -> ast.expr:
    return next(value for name, value in zip(table.keys, table.values, strict=True) if name and ast.literal_eval(name) == key)


def literal(value: Any) -> str:
    """Return a value as it is written in a source, strings in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
