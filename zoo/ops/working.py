"""Numbers with their derivation: a formula, its operands, and where each operand comes from."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.record.trace import Value

Number = int | float
Part = tuple[str | int, ...]

_OPERAND = re.compile(r"\{([^{}]+)\}")
_FIRST = re.compile(r"(^|\(|, )\((-[\d,.]+)\)")
"""A negative number that follows no operator, and so needs no parentheses."""
_SUM = re.compile(r" [+−-] ")


@dataclass(frozen=True, slots=True)
class Line:
    """One step of a derivation, such as the height of an output, or the multiply-accumulates of one op.

    Arguments:
        label: What is computed: "height", "weight", "conv2d".
        formula: The computation, with each operand in braces: "{C_out} * {k_h} * {k_w}". Empty if there is nothing to compute.
        operands: The value of each operand by its name.
        result: What the formula gives.
        sources: Where operands come from, by name: "weight, axis 0", "default".
        says: A remark: the rule that is applied, or why there is no formula.
        axis: The axis that a step of a chain is about, where there are several.
        name: What a step of a chain gives, such as "stride".
        part: Where in the table's cell the result stands, () for the whole cell; None for an intermediate result.

    Example:
        >>> line = Line("weight", "{C_out} * {k}", {"C_out": 96, "k": 11}, 1056)
        >>> line.symbols, line.numbers
        ('C_out * k', '96 * 11')
    """

    label: str
    formula: str = ""
    operands: Mapping[str, Number] = field(default_factory=dict)
    result: Any = None
    sources: Mapping[str, str] = field(default_factory=dict)
    says: str = ""
    part: Part | None = None
    axis: str = ""
    name: str = ""

    @property
    def symbols(self) -> str:
        """The formula with the names of its operands; a name that reads as a sum is put in parentheses."""
        return self._written(lambda name: f"({name})" if _SUM.search(name) else name)

    @property
    def numbers(self) -> str:
        """The formula with the values of its operands."""
        return _FIRST.sub(r"\1\2", self._written(lambda name: number(self.operands[name])))

    def _written(self, of: Callable[[str], str]) -> str:
        """The formula with `of` each operand in its place. A module's name may have braces itself."""
        operand = _OPERAND
        if any("{" in name or "}" in name for name in self.operands):
            operand = re.compile(f"{{({'|'.join(map(re.escape, sorted(self.operands, key=len, reverse=True)))})}}")
        return operand.sub(lambda found: of(found[1]), self.formula)

    def at(self, part: Part) -> "Line":
        """The same line, whose result is the cell."""
        return replace(self, part=part)

    def to_dict(self) -> dict[str, Any]:
        """The line as JSON-able data; what it lacks is left out."""
        facts = {
            "label": self.label,
            "axis": self.axis,
            "name": self.name,
            "formula": self.symbols,
            "operands": dict(self.operands),
            "numbers": self.numbers,
            "result": self.result,
            "sources": dict(self.sources),
            "says": self.says,
            "part": None if self.part is None else list(self.part),
        }
        return {name: fact for name, fact in facts.items() if fact not in ("", {}, None)}


def number(value: Number) -> str:
    """1,056, or a fraction as it is; in parentheses if it is negative.

    >>> number(1056), number(-3)
    ('1,056', '(-3)')
    """
    written = f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
    return f"({written})" if value < 0 else written


def product(label: str, factors: Mapping[str, Number], result: Any, **more: Any) -> Line:
    """A product of named factors."""
    return Line(label, " * ".join(f"{{{name}}}" for name in factors), dict(factors), result, **more)


def sum_of_products(label: str, terms: Sequence[Mapping[str, Number]], result: Any, **more: Any) -> Line:
    """A sum of products of named factors. Terms that are 0 are left out, if any other is not.

    >>> sum_of_products("macs", [{"N": 2, "k": 3}, {"biases": 4}], 10).numbers
    '2 * 3 + 4'
    """
    operands: dict[str, Number] = {}
    written = []
    for term in [term for term in terms if 0 not in term.values()] or terms:
        names = [_free(name, value, operands) for name, value in term.items()]
        operands |= dict(zip(names, term.values(), strict=True))
        written.append(" * ".join(f"{{{name}}}" for name in names))
    return Line(label, " + ".join(written), operands, result, **more)


def _free(name: str, value: Number, taken: Mapping[str, Number]) -> str:
    """A name that no operand of another value has."""
    return name if taken.get(name, value) == value else _free(f"{name}'", value, taken)


def shape_factors(value: Value) -> dict[str, int]:
    """The sizes of a tensor by the names of its axes."""
    names = {4: ("N", "C", "H", "W"), 3: ("N", "C", "W"), 5: ("N", "C", "D", "H", "W"), 2: ("N", "features")}
    axes = names.get(len(value.shape), tuple(f"n{i}" for i in range(len(value.shape))))
    return dict(zip(axes, value.shape, strict=True)) or {"scalar": 1}


def total(label: str, terms: Sequence[tuple[str, Number]], result: Any, **more: Any) -> Line:
    """A sum of named terms; a term whose name came before is told apart by a number.

    >>> total("params", [("conv", 10), ("conv", 20)], 30).symbols
    'conv + conv_1'
    """
    operands: dict[str, Number] = {}
    for name, value in terms:
        operands[_distinct(name, operands)] = value
    return Line(label, " + ".join(f"{{{name}}}" for name in operands), operands, result, **more)


def _distinct(name: str, taken: Mapping[str, Any]) -> str:
    if name not in taken:
        return name
    count = sum(one == name or (one.startswith(f"{name}_") and one[len(name) + 1 :].isdecimal()) for one in taken)
    return f"{name}_{count}"


def rule_says(function: Callable[..., Any]) -> str:
    """A rule's name and the first line of its docstring; nothing for a function without a name.

    >>> from zoo.ops.facts import per_output
    >>> rule_says(per_output.values)
    'facts.per_output: One operation for each element written.'
    """
    if function.__name__ == "<lambda>":
        return ""
    doc = (function.__doc__ or "").strip().partition("\n")[0]
    return f"{function.__module__.rpartition('.')[2]}.{getattr(function, '__qualname__', '')}{doc and f': {doc}'}"
