"""Draw the architecture of a TARGET."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.extend.picture import Picture
from zoo.models.forward import forward
from zoo.pictures._scene import COLUMN_MM
from zoo.pictures.draw import diagram
from zoo.util.pausing import no_collection

if TYPE_CHECKING:
    from zoo.models.forward import Traceable


def draw(
    target: "Traceable",
    *,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
    level: str | None = None,
    layer: str | None = None,
    depth: int | None = None,
    by: str | None = None,
    direction: str | None = None,
    width: float = COLUMN_MM,
) -> Picture:
    """Draw an architecture as papers do: stages as volumes, blocks and layers as boxes with the lines between them.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them, or a `Trace`.
        input, inputs, batch, train, real, options: As in `zoo.trace`.
        level: "stages" (volumes: height by resolution, thickness by channels), "blocks" (modules, opened as far as a page holds
            them) or "layers" (every layer). By default stages, if there are feature maps of several sizes, else blocks; layers if
            `layer` is given.
        layer: Draw only this module, named as in `zoo.summary`.
        depth: Open modules down to this many levels, instead of `level`.
        by: Colour by the share of "params", "macs" or "memory" (bytes of activations).
        direction: "down" (default) or "right", for blocks and layers.
        width: The width of the page in millimetres. Text is 7 points high at this width.

    Returns:
        A `Picture`, which a notebook shows. `write(path)` writes SVG, PDF, PNG or TikZ, `table` lists boxes and lines.

    Raises:
        ZooError: As `zoo.trace`, for unknown layers and values, and for stages of a network without feature maps.

    Example:
        >>> drawing = zoo.draw("googlenet", layer="inception_3a")
        >>> drawing.table.rows[-2].name, drawing.table.rows[-2].cells["output"]
        ('inception_3a.cat', [256, 28, 28])
        >>> drawing.write("inception.svg")
    """
    run = forward(target, input=input, inputs=inputs, batch=batch, train=train, real=real, options=options)
    return no_collection(diagram)(run.trace, level=level, layer=layer, depth=depth, by=by, direction=direction, width=width)
