"""What one op costs, by its record: the rules of `macs` and `flops`. docs/conventions.md explains the conventions."""

from collections.abc import Sequence
from math import prod

from zoo.ops.book import RULES
from zoo.ops.count import Count
from zoo.ops.rule import Cost, Factors
from zoo.record.trace import Op


def macs(op: Op) -> int | Count:
    """Multiply-accumulates of one op, or one unknown: every use of a weight, at padded positions too, batch included."""
    cost = RULES[op.kind, op.traits].macs
    return _count(op, cost) if cost or cost is None else 0


def known_macs(op: Op) -> int:
    """The multiply-accumulates of one op as far as they are known."""
    count = macs(op)
    return count if isinstance(count, int) else count.known


def flops(op: Op) -> int | Count:
    """Floating-point operations of one op: 2 for each multiply-accumulate, and all others; what is not known is one unknown."""
    rule = RULES[op.kind, op.traits]
    others = _count(op, rule.other_flops)
    if not rule.macs:  # none, or unknown
        return others if rule.macs is not None or isinstance(others, Count) else Count(others, {op.kind: 1})
    products = _count(op, rule.macs)
    if isinstance(products, int):
        return others + 2 * products
    return others if isinstance(others, Count) else Count(others, products.unknown)


def _count(op: Op, cost: Cost | int | None) -> int | Count:
    if not cost:
        return 0 if cost is not None else Count(0, {op.kind: 1})
    if isinstance(cost, int):
        return cost
    values = cost.values(op)
    return Count(0, {op.kind: 1}) if values is None else round(prod(values))


def macs_working(op: Op) -> tuple[Factors, ...] | None:
    """The terms of which `macs` is the sum, each a product of named factors; None if it is unknown.

    They are what the count is computed of, so a page that prints them prints what was counted.
    """
    return _terms(op, RULES[op.kind, op.traits].macs)


def flops_working(op: Op) -> tuple[Factors, ...] | None:
    """The terms of which `flops` is the sum: two for each multiply-accumulate, then the others; None if a part is unknown."""
    products, others = macs_working(op), _terms(op, RULES[op.kind, op.traits].other_flops)
    if products is None or others is None:
        return None
    return (*({"FLOPs per MAC": 2, **term} for term in products), *others)


def _terms(op: Op, cost: Cost | int | None) -> tuple[Factors, ...] | None:
    if cost is None:
        return None
    if isinstance(cost, int):
        return ()
    factors = cost.working(op)
    return None if factors is None else (factors,)


def written_out(factors: Factors) -> str:
    """A working as it is printed.

    >>> written_out({"N": 1, "C_out": 96, "k_h": 11})
    'N 1 · C_out 96 · k_h 11'
    """
    return " · ".join(f"{name} {value:,}" for name, value in factors.items())


def product_sum(terms: Sequence[Factors]) -> int:
    """The sum of products, each rounded as a count is.

    >>> product_sum([{"FLOPs per MAC": 2, "N": 3}, {"elements": 4}])
    10
    """
    return sum(round(prod(term.values())) for term in terms)
