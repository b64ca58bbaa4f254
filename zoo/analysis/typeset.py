"""Derivations as MathML, which browsers and notebooks typeset: formula = numbers = result."""

import ast
import re
from collections.abc import Mapping
from html import escape

from zoo.ops.working import Line, number

_OPERAND = re.compile(r"\{([^{}]+)\}")
_SIGNS = {ast.Add: "+", ast.Sub: "−", ast.Mult: "·"}
_BRACKETS = {"floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉")}
_LONGEST = 12
"""Operators up to which a formula is typeset as one; a sum of a hundred rows is shown as text, which can be wrapped."""


def math(line: Line) -> str:
    """A `<math>` element of a line with a formula: in symbols, in numbers, and the result. Text where it is too long.

    >>> from zoo.ops.working import Line
    >>> math(Line("weight", "{n} + 1", {"n": 2}, 3))
    '<math><mi>n</mi><mo>+</mo><mn>1</mn><mo>=</mo><mn>2</mn><mo>+</mo><mn>1</mn><mo>=</mo><mn>3</mn></math>'
    """
    names = list(dict.fromkeys(_OPERAND.findall(line.formula)))
    places = {name: f"operand_{i}" for i, name in enumerate(names)}
    code = _OPERAND.sub(lambda found: places[found[1]], line.formula)
    result = _mn(number(line.result)) if isinstance(line.result, int | float) else f"<mtext>{escape(str(line.result))}</mtext>"
    if sum(code.count(sign) for sign in "+-*/,") > _LONGEST:
        return f"{escape(line.symbols)} = {escape(line.numbers)} = <math>{result}</math>"
    tree = ast.parse(code, mode="eval").body
    symbols = {place: _identifier(name) for name, place in places.items()}
    numbers = {place: _mn(number(line.operands[name])) for name, place in places.items()}
    parts = [_written(tree, symbols), _written(tree, numbers), result]
    return f"<math>{'<mo>=</mo>'.join(dict.fromkeys(parts))}</math>"


def _written(node: ast.AST, operands: Mapping[str, str]) -> str:
    """An expression of sums, products, quotients and functions."""
    match node:
        case ast.Name(id=name):
            return operands[name]
        case ast.Constant(value=int() | float() as value):
            return _mn(number(value))
        case ast.UnaryOp(operand=one):
            return f"<mo>−</mo>{_written(one, operands)}"
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return f"<mfrac>{_row(left, operands)}{_row(right, operands)}</mfrac>"
        case ast.BinOp(left=left, op=sign, right=right):
            first, last = (_factor(one, sign, operands, right=one is right) for one in (left, right))
            return f"{first}<mo>{_SIGNS[type(sign)]}</mo>{last}"
        case ast.Call(func=ast.Name(id=name), args=args):
            inside = "<mo>,</mo>".join(_written(one, operands) for one in args)
            opened, closed = _BRACKETS.get(name, ("(", ")"))
            before = "" if name in _BRACKETS else f"<mi>{name}</mi>"
            return f"<mrow>{before}<mo>{opened}</mo>{inside}<mo>{closed}</mo></mrow>"
    raise ValueError(f"not a formula: {ast.dump(node)}")


def _row(node: ast.AST, operands: Mapping[str, str]) -> str:
    return f"<mrow>{_written(node, operands)}</mrow>"


def _factor(node: ast.AST, sign: ast.operator, operands: Mapping[str, str], *, right: bool) -> str:
    """An operand of a sign, in parentheses where it binds less."""
    found = _written(node, operands)
    inner = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)
    if inner and (isinstance(sign, ast.Mult) or (right and isinstance(sign, ast.Sub))):
        return f"<mrow><mo>(</mo>{found}<mo>)</mo></mrow>"
    return found


def _mn(written: str) -> str:
    return f"<mn>{written}</mn>"


def _identifier(name: str) -> str:
    """C_out with a subscript; C_in/groups as a fraction; other names upright."""
    if "/" in name and " " not in name:
        above, _, below = name.partition("/")
        return f"<mfrac>{_identifier(above)}{_identifier(below)}</mfrac>"
    base, _, below = name.partition("_")
    if re.fullmatch(r"[A-Za-z]_[a-z0-9]+", name):
        return f"<msub><mi>{base}</mi><mtext>{below}</mtext></msub>"
    return f"<mi>{name}</mi>" if name.isalnum() and len(name) == 1 else f"<mtext>{escape(name)}</mtext>"
