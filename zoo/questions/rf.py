"""Show the exact window of input pixels that one unit sees, with borders, gaps, and the part outside the image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from zoo.analysis.naming import find_name
from zoo.analysis.rows import group, readable_depth
from zoo.models.forward import trace
from zoo.ops.axes import starts
from zoo.ops.receptive_field import rule
from zoo.receptive.spans import Field, Span, Spans, Undefined, exact, start
from zoo.receptive.windows import Units, Window, bounds
from zoo.record.trace import Trace, Value
from zoo.record.walk import carry
from zoo.tables.table import Column, Row, Table
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError
from zoo.util.text import sizes

if TYPE_CHECKING:
    from zoo.models.forward import Traceable

_NAMES = {1: ("x",), 2: ("y", "x"), 3: ("z", "y", "x")}


@dataclass(frozen=True, slots=True)
class Extent:
    """The extent of a window along one axis of the input, which has `pixels` pixels.

    `first` and `last` are the first and the last pixel that is seen; `seen` is the number of pixels seen. `unclipped` is the window
    without a border, None if windows are not evenly spaced. `overhang` is the number of its pixels before the first pixel of the
    image and after the last. For a unit that sees nothing, `first` and `last` are None. Bit p of
    `bits` is set if pixel p is seen.
    """

    pixels: int
    first: int | None
    last: int | None
    seen: int
    unclipped: Window
    bits: int = field(default=0, repr=False)

    @property
    def overhang(self) -> tuple[int, int] | None:
        """Pixels of the unclipped window before the image and after it."""
        return None if self.unclipped is None else (max(-self.unclipped[0], 0), max(self.unclipped[1] - self.pixels + 1, 0))

    @property
    def size(self) -> int:
        """Number of pixels from the first to the last."""
        return 0 if self.first is None or self.last is None else self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """What one unit of the output of a layer sees. Channels are not distinguished.

    Arguments:
        layer: The layer's name.
        unit: The index of the unit, counted from 0.
        units: The number of units along each dimension of the output that belongs to an axis of the input: height and width of
            maps, or the tokens of a transformer.
        axes: An `Extent` for each axis of the input: `first`, `last`, `size`, `seen`, `unclipped`, `overhang`, in pixels.
        irregular: The reason if there is no unclipped window.

    Example:
        >>> zoo.receptive_field("lenet5", "C1").axes[0].size
        5
    """

    layer: str
    unit: tuple[int, ...]
    units: tuple[int, ...]
    axes: tuple[Extent, ...]
    irregular: str = ""

    def to_table(self) -> Table:
        """Return a table with a row for each axis of the input."""
        rows = []
        for name, axis in zip(_NAMES.get(len(self.axes), map(str, range(len(self.axes)))), self.axes, strict=True):
            start, end = axis.unclipped or (None, None)
            before, after = axis.overhang or (None, None)
            cells = {"pixels": axis.pixels, "first": axis.first, "last": axis.last, "size": axis.size, "seen": axis.seen}
            rows.append(Row(name, "axis", {**cells, "from": start, "to": end, "before": before, "after": after}))
        context = {"layer": self.layer, "unit": list(self.unit), "units": list(self.units)}
        note = [f"windows are not evenly spaced: {self.irregular}"] if self.irregular else []
        place = ",".join(map(str, self.unit))
        units = f" · unit {place} of {sizes(self.units)}" if self.units else ""
        return Table(f"{self.layer}{units}", context, _ONE, tuple(rows), notes=tuple(note))

    def _repr_html_(self) -> str:
        return self.to_table().render("html")


class NoWindowError(ZooError):
    """The output of `layer` has no window of input pixels, for this `reason`."""

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(f"{layer} has no receptive field: {reason}")
        self.layer = layer
        self.reason = reason


@undisturbed
def receptive_field(
    target: "Traceable",
    layer: str | None = None,
    unit: Sequence[int] | None = None,
    *,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
) -> ReceptiveField:
    """Return the exact window of one unit of a layer's output.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them, or a `Trace`.
        layer: A row of the table of `summary`, at any depth; by default the output of the network.
        unit: The index of the unit, counted from 0: (row, column) in maps; by default the middle unit.
        input, inputs, batch, train, real, options: As in `zoo.trace`.

    Returns:
        A `ReceptiveField`, in pixels of the input.

    Raises:
        ZooError: As `zoo.trace`, for an unknown layer or unit, and if the receptive field is undefined.

    Example:
        >>> field = zoo.receptive_field("alexnet", "pool5", (0, 5))
        >>> [(axis.first, axis.last, axis.size) for axis in field.axes]
        [(0, 130, 131), (96, 226, 131)]
    """
    looks = _Looks(trace(target, input=input, inputs=inputs, batch=batch, train=train, real=real, options=options))
    return looks.at(looks.find(layer), unit)


class _Looks:
    """A trace with the field of every value, as exact sets and as formulas."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.exact: Mapping[int, Field | None] = carry(trace, starts(trace, exact), rule)
        self.laws: Mapping[int, Field | None] = carry(trace, starts(trace, start), rule)

    def find(self, layer: str | None) -> tuple[str, Value]:
        """Return a layer's name and output."""
        return find_layer(self.trace, layer)

    def at(self, found: tuple[str, Value], unit: Sequence[int] | None) -> ReceptiveField:
        """Return the field of one unit. Raises `ZooError` if it is undefined."""
        layer, value = found
        field = self.exact.get(value.id)
        if field is None:
            raise NoWindowError(layer, "it does not depend on the network's input")
        if isinstance(field, Undefined):
            raise NoWindowError(layer, field.reason)
        law = self.laws.get(value.id)
        field = _channels_together(field, law, value)
        dims = _dims(field, value, self.trace.inputs[0])
        units = tuple(value.shape[dim] for dim in dims)
        place = tuple(n // 2 for n in units) if unit is None else tuple(unit)
        if len(place) != len(units) or not all(0 <= i < n for i, n in zip(place, units, strict=True)):
            wanted = f"it has {sizes(units)} units, counted from 0" if units else "it has one unit; leave out --unit"
            raise ZooError(f"{layer} has no unit {','.join(map(str, place))}: {wanted}")
        index = dict.fromkeys(range(-len(value.shape), 0), 0) | dict(zip(dims, place, strict=True))
        laws = law if isinstance(law, tuple) else (None,) * len(field)
        sets = [span.windows.sets[span.number(index)] for span in field if isinstance(span.windows, Units)]
        alive = all(sets)  # a unit that sees nothing along one axis is padding
        axes = tuple(_extent(span, seen if alive else 0, one, index) for span, seen, one in zip(field, sets, laws, strict=True))
        return ReceptiveField(layer, place, units, axes, _irregular(law))


def find_layer(trace: Trace, layer: str | None) -> tuple[str, Value]:
    """Return the name and the output of a layer, by default the network. Raises `ZooError` for an unknown layer."""
    if layer is None:
        return trace.target, trace.outputs[0]
    names = {call.path: call.outputs for call in reversed(trace.calls) if call.path and call.outputs}
    names |= {row.name: row.outputs for row in group(trace) if row.outputs and row.name not in names}
    found = find_name(trace, layer, names, "run zoo rf TARGET to list them")
    return found, names[found][0]


def _channels_together(field: Spans, law: Field | None, value: Value) -> Spans:
    """Join all channels of a position: dimensions that only the exact field follows, and those before the axes of a map."""
    walked = {walk.dim for span in field for walk in span.walks}
    axes = range(-len(field), 0)
    maps = all(not span.walks or any(walk.dim == axis for walk in span.walks) for axis, span in zip(axes, field, strict=True))
    gone = {dim for dim in walked if dim < -len(field)} if maps and len(value.shape) == len(field) + 2 else set()
    if isinstance(law, tuple):
        gone |= walked - {walk.dim for span in law for walk in span.walks}
    return tuple([span.together(gone) for span in field]) if gone else field


def _dims(field: Spans, value: Value, image: Value) -> list[int]:
    """Return the dimensions that belong to an axis; for maps, all after the channels."""
    walked = {walk.dim for span in field for walk in span.walks}
    maps = set(range(2 - len(image.shape), 0))
    return sorted(maps if len(value.shape) == len(image.shape) and walked <= maps else walked)


def _extent(span: Span, seen: int, law: Span | None, index: Mapping[int, int]) -> Extent:
    first, last = bounds(seen) or (None, None)
    lawful = law is not None and not isinstance(law.windows, Units)
    unclipped = law.windows.window(law.number(index)) if law and lawful else None
    return Extent(span.pixels, first, last, seen.bit_count(), unclipped, seen)


def _irregular(law: Field | None) -> str:
    if isinstance(law, Undefined):
        return law.reason
    return next((span.windows.reason for span in law or () if isinstance(span.windows, Units)), "")


def unit_table(target: "Traceable", layer: str, unit: Sequence[int] | None = None, **how: Any) -> Table:
    """Return one unit's window as a table, with a row for each axis of the input. Arguments and errors: see `receptive_field`."""
    found = trace(target, **how)
    table = receptive_field(found, layer, unit).to_table()
    context = {"target": found.target, "inputs": _inputs(found), **table.context}
    return replace(table, title=f"{_title(found)} · {table.title}", context=context)


_ONE = (
    Column("pixels", "pixels", "of the image along this axis", hide_order=3),
    Column("first", "pixels", "the first pixel that is seen", hide_order=0),
    Column("last", "pixels", "the last pixel that is seen", hide_order=0),
    Column("size", "pixels", "from the first to the last", hide_order=1),
    Column("seen", "pixels", "number of pixels seen: a stride or dilation can leave gaps", hide_order=2),
    Column("from", "pixels", "where the unclipped window begins", hide_order=0),
    Column("to", "pixels", "where the unclipped window ends", hide_order=0),
    Column("before", "pixels", "pixels of the unclipped window before the image", hide_order=1),
    Column("after", "pixels", "pixels of the unclipped window after the image", hide_order=1),
)
_ALL = (
    Column("unit", "index", "the unit in the middle", hide_order=0),
    Column("first", "pixels", "the first pixels that it sees", hide_order=0),
    Column("last", "pixels", "the last pixels that it sees", hide_order=0),
    Column("size", "pixels", "from the first to the last", hide_order=0),
    Column("before", "pixels", "pixels of the unclipped window before the image", hide_order=1),
    Column("after", "pixels", "pixels of the unclipped window after the image", hide_order=1),
)


def layers_table(target: "Traceable", **how: Any) -> Table:
    """Return a table of the window of the middle unit of each layer. Arguments and errors are those of `zoo.trace`."""
    traced = trace(target, **how)
    looks, depth = _Looks(traced), readable_depth(traced)
    rows: list[Row] = []
    missing: dict[str, NoWindowError] = {}
    for row in group(traced, depth):
        if not row.outputs:
            continue
        try:
            found = looks.at((row.name, row.outputs[0]), None)
        except NoWindowError as error:
            missing.setdefault(error.reason, error)
            rows.append(Row(row.name, row.type, {column.name: None for column in _ALL}))
            continue
        hangs = [axis.overhang for axis in found.axes]
        cells = {
            "unit": list(found.unit) or None,
            "first": [axis.first for axis in found.axes],
            "last": [axis.last for axis in found.axes],
            "size": [axis.size for axis in found.axes],
            "before": None if None in hangs else [hang[0] for hang in hangs if hang],
            "after": None if None in hangs else [hang[1] for hang in hangs if hang],
        }
        rows.append(Row(row.name, row.type, cells))
    notes = ["rows show the middle unit of each layer; use zoo rf TARGET LAYER --unit Y,X for another unit"]
    notes += [f"rows are folded at depth {depth}; use zoo rf TARGET LAYER for a layer inside"] if depth is not None else []
    context = {"target": traced.target, "inputs": _inputs(traced)}
    return Table(_title(traced), context, _ALL, tuple(rows), notes=(*notes, *list(map(str, missing.values()))[:3]))


def _inputs(trace: Trace) -> list[list[int]]:
    return [list(value.shape) for value in trace.inputs]


def _title(trace: Trace) -> str:
    inputs = ", ".join(sizes(value.shape) for value in trace.inputs)
    return f"{trace.target} · input {inputs} · what one unit sees"
