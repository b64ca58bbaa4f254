"""`zoo rf`: show the receptive field of one unit."""

import contextlib
import re
import sys
from typing import Annotated

import typer

from zoo.util.errors import ZooError
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, How, Output, Target, takes_a_model


@takes_a_model()
def rf(
    target: Target,
    how: How,
    layer: Annotated[str | None, typer.Argument(metavar="LAYER", help="A row of zoo summary; all layers by default.")] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", "-u", metavar="Y,X", help="The unit, counted from 0,0; the middle one by default.")
    ] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Show which input pixels a unit sees. Also shows how far its window extends beyond the border."""
    place = None if unit is None else _unit(unit)
    if place is not None and layer is None:
        raise ZooError("--unit requires LAYER, as in zoo rf alexnet pool5 --unit 0,0")
    from zoo.questions.rf import layers_table, unit_table
    from zoo.tables import formats

    formats.load(format_for(format, output))
    with contextlib.redirect_stdout(sys.stderr):
        found = layers_table(target, **how) if layer is None else unit_table(target, layer, place, **how)
    emit(found, format, output)


def _unit(text: str) -> tuple[int, ...]:
    """0,3 -> (0, 3)."""
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise ZooError(f"--unit: expected the index of a unit, such as 0,3 (row, column), got {text!r}")
    return tuple(map(int, text.split(",")))
