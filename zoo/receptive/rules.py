"""From an op and the fields of its inputs to the fields of its outputs, by the op's kind.

What has no rule has no field, and says so. The same rules carry laws for all units (`spans.start`) and sets of pixels for
each (`spans.exact`).
"""

from zoo.receptive import layout, sliding, sums
from zoo.receptive.join import join
from zoo.receptive.spans import Field, Spans, Undefined
from zoo.receptive.windows import NoField
from zoo.tracing.record import Op

RULES = {**sliding.RULES, **sums.RULES, **layout.RULES}
JOINS = frozenset({"masked_fill", "where", "prelu"})
"""Ops that put several tensors together element by element, though torch does not call them pointwise."""


def rule(op: Op, fields: tuple[Field | None, ...]) -> Field | list[Field | None] | None:
    """The field of the op's outputs, or a list of one for each; None if they do not depend on the network's input."""
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
        if "pointwise" in op.traits or op.kind in JOINS:
            return known[0] if len(known) == 1 else join(op.kind, known, op.output.shape)
        if "reduction" in op.traits:
            return sums.reduction(op, known)
    except NoField as error:
        return Undefined(str(error))
    return Undefined(f"no rule for {op.kind}")
