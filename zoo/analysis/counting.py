"""The working of the counts of one op, for the columns that are sums."""

from collections.abc import Callable

from zoo.analysis.working import OfOp
from zoo.ops import arithmetic
from zoo.ops.book import rule_of
from zoo.ops.memory import traffic, written
from zoo.ops.params import elements
from zoo.ops.rule import Cost, Factors
from zoo.ops.working import Line, product, rule_says, shape_factors, sum_of_products, total
from zoo.record.trace import Op, Param, Value, bytes_each


def of_params(chosen: Callable[[Param], bool], *, in_bytes: bool = False) -> OfOp:
    """The parameters that an op reads first, as far as they are chosen."""

    def lines(op: Op) -> list[Line]:
        own = [elements(op, param, bytes_each(param.dtype) if in_bytes else 1) for param in op.owns if chosen(param)]
        return own if len(own) < 2 else [*own, total(op.kind, [(line.label, line.result) for line in own], _sum(own))]

    return lines


def _sum(lines: list[Line]) -> int:
    return sum(line.result for line in lines)


def of_written(*, in_bytes: bool = False) -> OfOp:
    """The outputs for which an op takes new memory."""

    def lines(op: Op) -> list[Line]:
        own = [_elements(f"{op.kind} {i}" if i else op.kind, value, in_bytes) for i, value in enumerate(written(op))]
        return own if len(own) < 2 else [*own, total("outputs", [(line.label, line.result) for line in own], _sum(own))]

    return lines


def _elements(label: str, value: Value, in_bytes: bool) -> Line:
    factors = shape_factors(value) | ({"bytes each": bytes_each(value.dtype)} if in_bytes else {})
    return product(label, factors, value.nbytes if in_bytes else value.numel)


def of_traffic(op: Op) -> list[Line]:
    """The bytes of each tensor that an op reads or writes."""
    each = traffic(op)
    return [total(op.kind, each, sum(count for _, count in each), says="what the op reads and writes")]


def of_cost(cost: Cost) -> OfOp:
    """The factors of a cost, with the rule that gives them."""
    return lambda op: _terms(op, None if (found := cost.working(op)) is None else (found,), _says(cost))


def macs(op: Op) -> list[Line]:
    """The factors that were multiplied."""
    return _terms(op, arithmetic.macs_working(op), _says(rule_of(op).macs))


def flops(op: Op) -> list[Line]:
    """Two for each multiply-accumulate, and the other operations."""
    rule = rule_of(op)
    says = [text for text in (_says(rule.macs), _says(rule.other_flops)) if text]
    return _terms(op, arithmetic.flops_working(op), " ".join(says))


def _says(cost: Cost | int | None) -> str:
    return rule_says(cost.values) if isinstance(cost, Cost) else ""


def _terms(op: Op, terms: tuple[Factors, ...] | None, says: str) -> list[Line]:
    """One line: a sum of products, of which those that are 0 are left out."""
    if terms is None:
        return []
    return [sum_of_products(op.kind, terms, arithmetic.product_sum(terms), says=says)]
