"""Draw what traces of one or several networks say: receptive fields by depth, costs by layer, memory over time, and others."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import unknown
from zoo.extend import Kind, Picture
from zoo.models.forward import trace

if TYPE_CHECKING:
    from zoo.models.forward import Traceable


def plots() -> Mapping[str, Kind]:
    """The kinds of pictures that are drawn of several networks, by name."""
    from zoo.pictures._picture import pictures

    return {name: kind for name, kind in pictures().items() if kind.of == "targets"}


def plot(kind: str, *targets: "Traceable", options: Mapping[str, Any] | None = None, **how: Any) -> Picture:
    """Draw a picture of one network or of several.

    Arguments:
        kind: One of `zoo plot --help`: "growth", "cost", "memory", "tradeoff", "years", "roofline", "sweep".
        targets: TARGETs or modules, as `zoo.trace` takes them, or `Trace`s.
        options: Options of the picture.
        how: Further arguments of `zoo.trace`, the same for each target.

    Returns:
        A `Picture`, which writes itself to PNG, PDF or SVG files; its table holds the data.

    Raises:
        ZooError: As `zoo.trace`, for an unknown kind or option, and for networks that cannot be drawn.

    Example:
        >>> drawing = zoo.plot("growth", "vgg16")
        >>> drawing.table.rows[-1].cells["largest"]
        212
    """
    known = plots()
    if kind not in known:
        raise unknown("kind of plot", kind, known)
    return known[kind].draw([trace(target, **how) for target in targets], **(options or {}))
