"""What architecture files say of their networks, read from their text: nothing is imported.

Reading all files of `zoo/archs` takes longer than any list of them should. `zoo/catalogue/cards.jsonl` therefore has what they say,
a line for each file: its name, a checksum of its text, and its networks. A line is used if the checksum is that of the file. The
same command that writes the traces of the package writes it: `python -m zoo.models.shipping`.
"""

import ast
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

INDEX = Path(__file__).parent / "cards.jsonl"


class Written(NamedTuple):
    """A builder decorated with `@arch(...)`: its name and docstring, the keywords of the decorator, and its own, each with its
    annotation as written and its default.
    """

    name: str
    doc: str
    facts: Mapping[str, Any]
    options: tuple[tuple[str, str, Any], ...]


@cache
def own_texts() -> Mapping[Path, str]:
    """The files of `zoo/archs`, and what is in them."""
    return {path: path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent.parent / "archs").glob("[a-z]*.py"))}


def read(text: str, name: str) -> tuple[Written, ...]:
    """The networks of an architecture file. `name` is that of the file, for messages."""
    return tuple(_builders(ast.parse(text, name)))


def read_own(text: str, stem: str) -> tuple[Written, ...]:
    """The networks of a file of this package, from the index if that is up to date."""
    try:
        found_stem, found_checksum, networks = json.loads(_lines()[stem])
        if (found_stem, found_checksum) == (stem, _checksum(text)):
            return tuple(Written(*_tuples(one)) for one in networks)
    except (KeyError, ValueError, TypeError, RecursionError):  # as good as none
        pass
    return read(text, stem)


def index() -> str:
    """What the index has to hold."""
    own = {path.stem: text for path, text in own_texts().items()}
    lines = [json.dumps([stem, _checksum(text), read(text, stem)], ensure_ascii=False) for stem, text in own.items()]
    return "".join(f"{line}\n" for line in lines)


@cache
def _lines() -> Mapping[str, str]:
    """The lines of the index by the name of the file, which is the first string in each."""
    try:
        lines = INDEX.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return {}
    return {line.removeprefix('["').partition('"')[0]: line for line in lines}


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def _tuples(value: Any) -> Any:
    """What was a tuple before it became JSON: a card has no lists."""
    if isinstance(value, list):
        return tuple([_tuples(one) for one in value])
    return {key: _tuples(one) for key, one in value.items()} if isinstance(value, dict) else value


def _builders(tree: ast.Module) -> Iterator[Written]:
    constants: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constants[node.targets[0].id] = node.value
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in {"arch", "zoo.arch"}:
                facts = _facts(decorator.keywords, constants)
                yield Written(node.name, ast.get_docstring(node) or "", facts, tuple(_options(node)))


def _facts(keywords: Iterable[ast.keyword], constants: Mapping[str, ast.expr]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for keyword in keywords:
        value = _literal(keyword.value, constants)
        facts.update({keyword.arg: value} if keyword.arg else value)
    return facts


def _literal(node: ast.expr, constants: Mapping[str, ast.expr]) -> Any:
    """Return the value of a literal that may contain names of module-level literals."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and node.id in constants:
        return _literal(constants[node.id], constants)
    if isinstance(node, ast.Tuple):
        return tuple([_literal(item, constants) for item in node.elts])
    if isinstance(node, ast.Dict):
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            found |= _literal(value, constants) if key is None else {ast.literal_eval(key): _literal(value, constants)}
        return found
    return ast.literal_eval(node)


def _options(function: ast.FunctionDef) -> Iterator[tuple[str, str, Any]]:
    arguments = function.args.args + function.args.kwonlyargs
    defaults = [*function.args.defaults, *function.args.kw_defaults]
    for argument, default in zip(arguments, defaults, strict=True):
        assert argument.annotation is not None, f"{function.name}({argument.arg}) lacks a type"
        assert default is not None, f"{function.name}({argument.arg}) lacks a default"
        yield argument.arg, ast.unparse(argument.annotation), ast.literal_eval(default)
