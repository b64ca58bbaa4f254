"""Compute the fields of an op's outputs from those of its inputs, by the kind of op.

An op without a rule has an undefined field with that reason. The same rules carry formulas for all units (`spans.start`) and exact
sets of pixels for each unit (`spans.exact`).
"""

from zoo.receptive import layout, sliding, sums
from zoo.receptive.join import join
from zoo.receptive.spans import Field, Spans, Undefined
from zoo.receptive.windows import NoField
from zoo.tracing.record import Op

RULES = {**sliding.RULES, **sums.RULES, **layout.RULES}
_JOINS = frozenset({"masked_fill", "where", "prelu"})


def rule(op: Op, fields: tuple[Field | None, ...]) -> Field | list[Field | None] | None:
    """Return the field of the op's outputs, or a list with one per output; None if they do not depend on the network's input."""
    known: list[Spans | None] = []
    seen = False
    for field in fields:
        if field is None:
            known.append(None)
            continue
        if isinstance(field, Undefined):
            return field
        known.append(field)
        seen = True
    if not seen:
        return None
    try:
        if (found := RULES.get(op.kind)) is not None:
            return found(op, known)
        if "pointwise" in op.traits or op.kind in _JOINS:
            return known[0] if len(known) == 1 else join(op.kind, known, op.output.shape)
        if "reduction" in op.traits:
            return sums.reduction(op, known)
    except NoField as error:
        return Undefined(str(error))
    return Undefined(f"no rule for {op.kind}")
