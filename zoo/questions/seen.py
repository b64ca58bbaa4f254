"""Draw what one unit sees: its window on the image, or the cone of units through several layers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.extend import Column, Picture, Row, Table, Trace
from zoo.models.forward import trace
from zoo.questions.rf import Extent, ReceptiveField, find_layer, receptive_field, unit_table
from zoo.util.errors import ZooError
from zoo.util.text import sizes

if TYPE_CHECKING:
    from zoo.models.forward import Traceable

_CONE = (
    Column("units", "elements per axis", "of the maps of this layer", hide_order=0),
    Column("first", "units", "the first units that the deeper unit sees", hide_order=0),
    Column("last", "units", "the last units that it sees", hide_order=0),
    Column("size", "units", "from the first to the last", hide_order=0),
    Column("seen", "units", "number of units seen: a stride or dilation can leave gaps", hide_order=1),
)


def window_picture(
    target: "Traceable", layer: str, unit: Sequence[int] | None = None, *, image: str | Path | None = None, **how: Any
) -> Picture:
    """Draw the exact window of one unit: padding as padding, gaps as gaps.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them, or a `Trace`.
        layer: A row of the table of `summary`, at any depth.
        unit: The index of the unit, counted from 0; by default the middle unit.
        image: A file to draw the window on, cut to the size of the input; by default a grid of pixels.
        how: Further arguments of `zoo.trace`.

    Returns:
        A `Picture`, with the table of `zoo rf`.

    Raises:
        ZooError: As `receptive_field`, for an image that cannot be read, and for inputs with three axes.
    """
    from zoo.pictures._window import window

    found = trace(target, **how)
    rows, columns = _plane(receptive_field(found, layer, unit))
    pixels = _pixels(image, rows.pixels, columns.pixels)
    table = unit_table(found, layer, unit)
    return window(replace(table, title=f"{found.target} · {_unit_of(receptive_field(found, layer, unit))}"), rows, columns, pixels)


def _unit_of(found: ReceptiveField) -> str:
    return f"{found.layer}, unit {','.join(map(str, found.unit))} of {sizes(found.units)}" if found.units else found.layer


def _plane(found: ReceptiveField) -> tuple[Extent, Extent]:
    """Rows and columns; an input with one axis has one row."""
    if len(found.axes) == 1:
        return Extent(1, 0, 0, 1, (0, 0), 1), found.axes[0]
    if len(found.axes) != 2:
        raise ZooError(f"{found.layer}: a picture shows inputs with one or two axes, and this one has {len(found.axes)}")
    return found.axes[0], found.axes[1]


def _pixels(image: str | Path | None, height: int, width: int) -> Any:
    if image is None:
        return None
    from zoo.pictures._image import read_image

    return read_image(image, height, width)


def cone_picture(
    target: "Traceable", layers: Sequence[str], unit: Sequence[int] | None = None, *, image: str | Path | None = None, **how: Any
) -> Picture:
    """Draw which units of several layers one unit of the last of them sees, back to the pixels.

    Arguments and errors are those of `window_picture`; `layers` run from the first to the deepest, whose unit it is. Raises
    `ZooError` too if the unit does not depend on one of the layers.
    """
    from zoo.pictures._cone import Plane, cone

    found = trace(target, **how)
    *between, last = dict.fromkeys(find_layer(found, layer)[0] for layer in layers)
    deepest = receptive_field(found, last, unit)
    seen = [("input", deepest), *((layer, _seen_in(found, layer, last, deepest.unit)) for layer in between)]
    planes, rows = [], []
    for name, field in seen:
        axes = _plane(field)
        planes.append(Plane(name, (axes[0].pixels, axes[1].pixels), _all([a.first for a in axes]), _all([a.last for a in axes])))
        cells = {"units": [a.pixels for a in axes], "first": [a.first for a in axes], "last": [a.last for a in axes]}
        rows.append(Row(name, "layer", {**cells, "size": [a.size for a in axes], "seen": [a.seen for a in axes]}))
    units, place = _two(deepest.units), _two(deepest.unit)
    planes.append(Plane(last, units, place, place))
    cells = {"units": list(units), "first": list(place), "last": list(place), "size": [1, 1], "seen": [1, 1]}
    rows.append(Row(last, "layer", cells))
    context = {"target": found.target, "inputs": [list(value.shape) for value in found.inputs], "unit": list(deepest.unit)}
    table = Table(f"{found.target} · what {_unit_of(deepest)} sees", context, _CONE, tuple(rows))
    return cone(table, planes, _pixels(image, *planes[0].size))


def _all(ends: Sequence[int | None]) -> tuple[int, int] | None:
    known = [end for end in ends if end is not None]
    return (known[0], known[1]) if len(known) == 2 else None


def _two(numbers: Sequence[int], fill: int = 1) -> tuple[int, int]:
    """Two axes, of a map, a row, or one unit that has no place."""
    if not numbers:
        return 0, 0
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, numbers[-1])


def _seen_in(found: Trace, layer: str, deeper: str, unit: Sequence[int]) -> ReceptiveField:
    """What a unit of the deeper layer sees of the units of a layer: that layer's output taken as the input of what follows."""
    _, value = find_layer(found, layer)
    made = next((i for i, op in enumerate(found.ops) if any(out.id == value.id for out in op.outputs)), -1)
    following = replace(found, inputs=(value._replace(source="input"),), ops=found.ops[made + 1 :])
    return receptive_field(following, deeper, unit)
