"""The smallest and the largest receptive field of a unit, over the paths from the input to it.

A residual network's unit sees the hull of what all paths see (`receptive_field.rule`). Its shortest path, through the shortcuts,
sees far less: Richter et al., arXiv 2106.12307. `least` follows the smallest field wherever several meet. `widest`
follows the hull, but through windows alone. The gate of a squeeze-and-excitation block and the statistics of a normalisation, which
see everything by construction, are left aside by both.

>>> from zoo.receptive.spans import Span, Walk
>>> from zoo.receptive.windows import Everything, Lattice
>>> digits = (Walk(-1, 1, 4),)
>>> conv = (Span(Lattice(((-1, 1),), 2), digits, 8),)
>>> shortcut = (Span(Lattice(((0, 0),), 2), digits, 8),)
>>> gate = (Span(Everything((-1, 7), 2), (), 8),)
>>> smallest([conv, shortcut, gate])[0].windows
Lattice(phases=((0, 0),), shift=2)
"""

from collections.abc import Callable, Sequence

from zoo.ops.book import rule_of
from zoo.ops.receptive_field import rule
from zoo.receptive.join import join
from zoo.receptive.layout import elementwise
from zoo.receptive.spans import Field, Span, Spans, Undefined
from zoo.receptive.windows import Everything, Lattice, NoField
from zoo.record.trace import Op

# Each output element depends on the input element of the same place, and on statistics of all: the smaller path is the element.
_ELEMENTWISE = frozenset(
    "group_norm instance_norm layer_norm rms_norm softmax log_softmax _softmax _log_softmax local_response_norm".split()
)


def least(op: Op, fields: tuple[Field | None, ...]) -> Field | list[Field | None] | None:
    """The field of the op's outputs along the smallest path, as `receptive_field.rule` gives the hull."""
    return _followed(op, fields, smallest)


def widest(op: Op, fields: tuple[Field | None, ...]) -> Field | list[Field | None] | None:
    """The field of the op's outputs along all paths of windows: the hull of `receptive_field.rule` without gates."""

    def hull(known: Sequence[Spans]) -> Field | None:
        windows = [field for field in known if not all(span.whole for span in field)]
        return join(op.kind, windows or known, op.output.shape)

    return _followed(op, fields, hull)


def _followed(
    op: Op, fields: tuple[Field | None, ...], meet: Callable[[Sequence[Spans]], Field | None]
) -> Field | list[Field | None] | None:
    """As `receptive_field.rule`, but for ops at which several fields `meet` unit by unit, and those that add statistics."""
    known = [field for field in fields if isinstance(field, tuple)]
    complete = len(known) == sum(field is not None for field in fields)
    if known and complete and op.kind in _ELEMENTWISE:
        return known[0]
    alike = len({len(field) for field in known}) == 1
    if len(known) > 1 and complete and alike and _unit_by_unit(op, known):
        try:
            return meet(known)
        except NoField as error:
            return Undefined(str(error))
    return rule(op, fields)


def _unit_by_unit(op: Op, fields: Sequence[Spans]) -> bool:
    """Whether an output unit sees what the units of the same place see: an addition, or maps side by side in the channels."""
    if op.kind == "cat":
        along = op.attrs.get("dim", 0) % len(op.output.shape) - len(op.output.shape)
        return not any(span.walks_along(along) for field in fields for span in field)
    return rule_of(op).receptive_field is elementwise


def smallest(fields: Sequence[Spans]) -> Spans:
    """Along each axis the smallest of several; what sees everything by construction only if there is nothing else."""
    return tuple([min(spans, key=lambda span: (span.whole, extent(span))) for spans in zip(*fields, strict=True)])


def extent(span: Span) -> int:
    """Pixels from the first to the last that a unit sees, unclipped where there is a law; of units that differ, the largest."""
    windows = span.windows
    if isinstance(windows, Lattice):
        found = [windows.window(unit) for unit in range(min(span.units, len(windows.phases)))]
    elif isinstance(windows, Everything):
        found = [windows.seen]
    else:
        found = [windows.window(unit) for unit in range(len(windows.sets))]
    return max([window[1] - window[0] + 1 for window in found if window is not None], default=0)
