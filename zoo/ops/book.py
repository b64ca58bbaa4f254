"""The rule book: every record of `zoo/ops/families`, of installed packages and of this program, by kind of op.

What a record leaves open, torch's own tags may say: an elementwise op computes one operation for each element, a view none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from types import ModuleType
from typing import Any

from zoo.ops.facts import nothing, per_input, per_output
from zoo.ops.rule import Cost, Needs, OpRule
from zoo.receptive import layout, sums
from zoo.record.trace import OWN_BACKWARD, Op
from zoo.util import plugins

BY_TRAIT: Mapping[str, OpRule] = {
    "view": OpRule("", macs=0, other_flops=0, saved=nothing),
    "alias": OpRule("", macs=0, other_flops=0),
    "pointwise": OpRule("", macs=0, other_flops=per_output, receptive_field=layout.elementwise),
    "reduction": OpRule("", macs=0, other_flops=per_input, receptive_field=sums.reduction),
}
"""What follows from a trait of an op, the first of these that it has before the next."""

_NO_RULE = OpRule("")


class _Found(dict[tuple[str, frozenset[str]], OpRule]):
    """What was looked up by kind and traits, and the records by kind."""

    def __init__(self) -> None:
        super().__init__()
        self.records: Mapping[str, OpRule] = {}

    def forget(self) -> None:
        """Look everything up again."""
        self.clear()
        self.records = {}

    def __missing__(self, key: tuple[str, frozenset[str]]) -> OpRule:
        kind, traits = key
        self.records = self.records or OPS.all()
        rule = self.records.get(kind, _NO_RULE)
        for trait, said in BY_TRAIT.items():
            if trait in traits:
                facts = ("macs", "other_flops", "receptive_field", "saved")
                rule = replace(rule, **{name: getattr(said, name) for name in facts if getattr(rule, name) is None})
        rule = concluded(rule)
        if OWN_BACKWARD in traits:
            rule = replace(rule, saved=None, backward_macs=None, cuts_gradient=False)
        self[key] = rule
        return rule


def concluded(rule: OpRule) -> OpRule:
    """Add what follows: an op without multiply-accumulates is not a layer with weights, and its backward has none either."""
    if rule.macs != 0:
        return rule
    return replace(rule, layers=rule.layers or 0, backward_macs=rule.backward_macs or no_products)


def no_products(op: Op, needed: Needs) -> int:
    """Nothing is multiplied for any gradient."""
    return 0


RULES: Mapping[tuple[str, frozenset[str]], OpRule] = (_found := _Found())
"""What is known of ops of a kind with these traits, by its record, else by the traits: `RULES[op.kind, op.traits]`."""


def rule_of(op: Op) -> OpRule:
    """What is known of an op."""
    return RULES[op.kind, op.traits]


def rule_of_kind(kind: str) -> OpRule:
    """The record of a kind of op, whatever its traits; an empty one if there is none."""
    return OPS.all().get(kind, _NO_RULE)


def multiplies(kind: str) -> bool:
    """Whether ops of this kind multiply and accumulate."""
    return bool(rule_of_kind(kind).macs)


def computes_nothing(kind: str) -> bool:
    """Whether ops of this kind only move or make elements."""
    rule = rule_of_kind(kind)
    return rule.macs == 0 and rule.other_flops == 0


# Where records come from ----------------------------------------------------------------------------------------------


def families() -> list[ModuleType]:
    """The files of `zoo/ops/families`."""
    return plugins.files_of("zoo.ops.families")


def _own() -> dict[str, OpRule]:
    found: dict[str, OpRule] = {}
    for module in families():
        for rule in module.RULES:
            for kind in rule.kinds.split():
                if kind in found:
                    raise ValueError(f"two records of {kind}")
                found[kind] = rule
    return found


def _of_plugin(plugin: plugins.Plugin) -> Iterator[tuple[str, OpRule]]:
    module = plugin.load()
    if not hasattr(module, "RULES"):
        raise AttributeError(f"module {plugin.module!r} has no attribute 'RULES'")
    for kind, rule in _records(module):
        yield kind, _guarded(rule, plugin)


def _adopt(thing: Any) -> Iterator[tuple[str, OpRule]]:
    for kind, rule in _records(thing):
        yield kind, _guarded(rule, f"the rule of {kind}")


def _records(thing: Any) -> Iterator[tuple[str, OpRule]]:
    found = plugins.constant(thing, "RULES")
    for rule in found if isinstance(found, tuple | list) else (found,):
        if isinstance(rule, OpRule):
            for kind in rule.kinds.split():
                yield kind, rule


def _guarded(rule: OpRule, origin: object) -> OpRule:
    """The record of a plugin or one that was registered, whose facts say whose they are when they raise."""
    facts: dict[str, Any] = {field.name: getattr(rule, field.name) for field in fields(rule)}
    guarded: dict[str, Any] = {name: plugins.guarded(origin, fact) for name, fact in facts.items() if callable(fact)}
    for name, fact in facts.items():
        if isinstance(fact, Cost):
            guarded[name] = Cost(fact.names, plugins.guarded(origin, fact.values))
    return replace(rule, **guarded)


OPS: plugins.Collection[OpRule] = plugins.Collection("ops", _own, _of_plugin, _adopt, changed=_found.forget)
