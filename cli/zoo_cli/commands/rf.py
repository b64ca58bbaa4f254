"""`zoo rf`: show the receptive field of one unit."""

import contextlib
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.util.errors import ZooError
from zoo_cli.output import emit
from zoo_cli.parameters import Format, How, Output, Target, takes_a_model
from zoo_cli.pictures import emit_picture, is_picture, ready_to_draw


@takes_a_model()
def rf(
    target: Target,
    how: How,
    layer: Annotated[str | None, typer.Argument(metavar="LAYER", help="A row of zoo summary; all layers by default.")] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", "-u", metavar="Y,X", help="The unit, counted from 0,0; the middle one by default.")
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option("--layers", metavar="A,B", help="With -o, draw the cone of units of these layers that the unit sees."),
    ] = None,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="With -o, draw on this image, cut to the size of the input.")
    ] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Show which input pixels a unit sees. Also shows how far its window extends beyond the border.

    With -o FILE.png, .pdf or .svg, draw the window.
    """
    place = None if unit is None else _unit(unit)
    names = [name.strip() for name in (layers or "").split(",") if name.strip()]
    deepest = layer or (names[-1] if names else None)
    if deepest is None and (place is not None or is_picture(format, output)):
        what = "--unit" if place is not None else f"a picture ({output})"
        raise ZooError(f"{what} requires LAYER, as in zoo rf alexnet pool5 --unit 0,0")
    ready_to_draw(format, output)
    from zoo.questions.rf import layers_table, unit_table
    from zoo.questions.seen import cone_picture, window_picture

    with contextlib.redirect_stdout(sys.stderr):
        if names and deepest is not None:
            emit_picture(cone_picture(target, [*names, deepest], place, image=image, **how), format, output)
        elif deepest is not None and is_picture(format, output):
            emit_picture(window_picture(target, deepest, place, image=image, **how), format, output)
        else:
            emit(layers_table(target, **how) if deepest is None else unit_table(target, deepest, place, **how), format, output)


def _unit(text: str) -> tuple[int, ...]:
    """0,3 -> (0, 3)."""
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise ZooError(f"--unit: expected the index of a unit, such as 0,3 (row, column), got {text!r}")
    return tuple(map(int, text.split(",")))
