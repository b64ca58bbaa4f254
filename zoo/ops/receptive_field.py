"""From an op and the fields of its inputs to the fields of its outputs, by the op's record.

What has no rule has no field, and says so. The same rules carry laws for all units (`spans.start`) and sets of pixels for
each (`spans.exact`).
"""

from zoo.ops.book import RULES
from zoo.receptive.spans import Field, Spans, Undefined
from zoo.receptive.windows import NoField
from zoo.record.trace import Op


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
    if op.outputs and all(0 in value.shape for value in op.outputs):
        return Undefined(f"{op.kind} has no units")
    found = RULES[op.kind, op.traits].receptive_field
    if found is None:
        return Undefined(f"no rule for {op.kind}")
    try:
        return found(op, known)
    except NoField as error:
        return Undefined(str(error))
