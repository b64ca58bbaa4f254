"""`zoo rf`: the window of one unit."""

import contextlib
import re
import sys
from typing import Annotated

import typer

from zoo.errors import ZooError
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, How, Output, Target, takes_a_model


@takes_a_model()
def rf(
    target: Target,
    how: How,
    layer: Annotated[str | None, typer.Argument(metavar="LAYER", help="A row of zoo summary; without it, all layers.")] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", "-u", metavar="Y,X", help="Which unit, from 0,0; by default the middle.")
    ] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Show which pixels a unit sees: clipped, unclipped, and how far its window hangs over the border."""
    place = None if unit is None else _unit(unit)
    if place is not None and layer is None:
        raise ZooError("--unit requires a LAYER, as in zoo rf alexnet pool5 --unit 0,0")
    from zoo.questions.rf import layers_table, unit_table
    from zoo.tables import formats

    formats.load(format_for(format, output))
    with contextlib.redirect_stdout(sys.stderr):
        found = layers_table(target, **how) if layer is None else unit_table(target, layer, place, **how)
    emit(found, format, output)


def _unit(text: str) -> tuple[int, ...]:
    """0,3 -> (0, 3)."""
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise ZooError(f"--unit {text!r}: expected the indices of a unit, such as 0,3 (row, column)")
    return tuple(map(int, text.split(",")))
