"""Draw what traces of one or several networks say: receptive fields by depth, costs by layer, memory over time, and others."""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

from zoo.extend import Kind, Picture, Trace
from zoo.models.forward import trace
from zoo.util.errors import ForwardError, ZooError, unknown

if TYPE_CHECKING:
    from zoo.models.forward import Traceable


def plots() -> Mapping[str, Kind]:
    """The kinds of pictures that are drawn of several networks, by name."""
    from zoo.extend.picture import pictures

    return {name: kind for name, kind in pictures().items() if kind.of == "targets"}


def plot(kind: str, *targets: "Traceable", **how: Any) -> Picture:
    """Draw a picture of one network or of several.

    Arguments:
        kind: "growth", "cost", "memory", "tradeoff", "years", "roofline" or "sweep".
        targets: TARGETs or modules, as `zoo.trace` takes them, or `Trace`s.
        how: Options of the picture (`device` of a roofline, `sides` of the inputs of a sweep), and further arguments of
            `zoo.trace`, the same for each target.

    Returns:
        A `Picture`, which writes itself to PNG, PDF or SVG files; its table holds the data.

    Raises:
        ZooError: As `zoo.trace`, for an unknown kind, and for networks that cannot be drawn.

    Example:
        >>> drawing = zoo.plot("growth", "vgg16")
        >>> drawing.table.rows[-1].cells["largest"]
        212
    """
    known = plots()
    if kind not in known:
        raise unknown("kind of plot", kind, known)
    if not targets:
        raise ZooError(f"{kind}: expected one target or more")
    chosen = known[kind]
    own = {name: how.pop(name) for name in list(signature(chosen.draw).parameters)[1:] if name in how}
    if kind != "sweep":
        return chosen.draw([trace(target, **how) for target in targets], **own)
    sides = how.pop("sides", None)
    return chosen.draw([found for target in targets for found in _sizes(target, sides, how)], **own)


def _sizes(target: "Traceable", sides: Sequence[int] | None, how: Mapping[str, Any]) -> list[Trace]:
    """The network on square inputs of several sizes, by default from half its own to twice its own, as far as they fit."""
    first = trace(target, **how)
    batch, channels, *axes = first.inputs[0].shape
    if not axes or len(first.inputs) > 1:
        raise ZooError(f"{first.target}: sweep requires one input with an axis of pixels")
    chosen = sides or sorted({round(axes[0] * part) for part in (0.5, 0.75, 1, 1.25, 1.5, 2)})
    found, failed = [], []
    given = {name: value for name, value in how.items() if name not in {"input", "batch"}}
    for side in dict.fromkeys(chosen):
        try:
            found.append(trace(target, input=(batch, channels, *[side] * len(axes)), **given))
        except ForwardError as error:
            failed.append(error)
    if len(found) < 2:
        raise ZooError(f"{first.target}: fewer than two sizes fit" + (f": {failed[0]}" if failed else ""))
    return found
