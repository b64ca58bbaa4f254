"""The algebra of receptive fields: what one unit sees along one axis of the network's input, and how it composes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from zoo.record import Value


@dataclass(frozen=True, slots=True)
class Span:
    """Unit i along one input axis sees the pixels from `lo + i·step` to `hi + i·step`, unclipped; there are `count` units.

    `dim` is the tensor's dimension that walks along the axis, counted from the end; None if all units see the same. `mixed` says
    that other axes share that dimension (after flattening). `whole` says that an op joined all units: everything is seen by
    construction.
    """

    lo: int
    hi: int
    step: int
    count: int
    dim: int | None
    mixed: bool = False
    whole: bool = False

    def slide(self, kernel: int, stride: int, padding: int, dilation: int, count: int) -> "Span":
        """Through a window that moves along this axis."""
        lo, hi = self.lo - padding * self.step, self.hi + (dilation * (kernel - 1) - padding) * self.step
        return Span(lo, hi, self.step * stride, count, self.dim, self.mixed, self.whole)

    def all_units(self) -> "Span":
        """What all units together see, at every unit: a statistic over the axis goes into each."""
        if self.dim is None or self.whole:
            return self
        return replace(self, hi=self.hi + (self.count - 1) * self.step, whole=True)

    def collapse(self) -> "Span":
        """What all units together see, and the axis is gone: a sum over it."""
        return replace(self.all_units(), dim=None, mixed=False)

    def at(self, index: int) -> "Span":
        """The span of one unit alone."""
        shift = index * self.step
        return replace(self, lo=self.lo + shift, hi=self.hi + shift, dim=None, mixed=False)


@dataclass(frozen=True, slots=True)
class Undefined:
    """There is no one window; `reason` says why not."""

    reason: str


Field = tuple[Span, ...] | Undefined
"""A `Span` for each axis of the input."""


def start(value: Value) -> Field:
    """Every pixel sees itself. The axes are all dimensions behind batch and channels."""
    axes = len(value.shape) - 2
    if axes < 1:
        return Undefined("the input has no spatial axes")
    return tuple(Span(0, 0, 1, value.shape[dim], dim) for dim in range(-axes, 0))


def join(fields: Sequence[Field | None], kind: str) -> Field | None:
    """What an op sees that combines several tensors element by element: along each axis, the hull."""
    known = [field for field in fields if field is not None]
    for field in known:
        if isinstance(field, Undefined):
            return field
    if len(known) < 2:
        return known[0] if known else None
    if len({len(field) for field in known if not isinstance(field, Undefined)}) > 1:
        return Undefined(f"{kind} combines inputs of different numbers of axes")
    joined = []
    for spans in zip(*(field for field in known if not isinstance(field, Undefined)), strict=True):
        hull = _hull(spans, kind)
        if isinstance(hull, Undefined):
            return hull
        joined.append(hull)
    return tuple(joined)


def _hull(spans: Sequence[Span], kind: str) -> Span | Undefined:
    widest = max(spans, key=lambda span: (span.dim is not None, span.count))
    fixed = [span for span in spans if span.dim is None or span.count < widest.count]
    moving = [span for span in spans if span not in fixed]
    steps = sorted({span.step for span in moving})
    if len(steps) > 1:
        return Undefined(f"{kind} joins branches of strides {' and '.join(map(str, steps))}: they are misaligned")
    if len({(span.dim, span.mixed) for span in moving}) > 1:
        return Undefined(f"{kind} joins different orders of axes")
    if moving and not all(span.whole for span in fixed):
        return Undefined(f"{kind} joins one window for all units with a window for each")
    lo, hi = min(span.lo for span in spans), max(span.hi for span in spans)
    return replace(widest, lo=lo, hi=hi, whole=any(span.whole for span in spans))
