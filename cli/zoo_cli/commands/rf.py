"""`zoo rf`: the window of one unit."""

import contextlib
import re
import sys
from typing import Annotated

import typer

from zoo.errors import ZooError
from zoo.tables import formats
from zoo_cli.arguments import parse_shape
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, Output, Target


def rf(
    target: Target,
    layer: Annotated[str | None, typer.Argument(metavar="LAYER", help="A row of zoo summary; without it, all layers.")] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", "-u", metavar="Y,X", help="Which unit, from 0,0; by default the middle.")
    ] = None,
    input: Annotated[str | None, typer.Option("--input", "-i", metavar="CxHxW", help="Input without batch.")] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Show which pixels a unit sees: clipped, unclipped, and how far its window hangs over the border."""
    shape = (1, *parse_shape(input)) if input is not None else None
    place = None if unit is None else _unit(unit)
    if place is not None and layer is None:
        raise ZooError("--unit: a unit of which layer? name it, as in zoo rf alexnet pool5 --unit 0,0")
    formats.load(format_for(format, output))
    from zoo.questions.rf import layers_table, unit_table

    with contextlib.redirect_stdout(sys.stderr):
        found = layers_table(target, input=shape) if layer is None else unit_table(target, layer, place, input=shape)
    emit(found, format, output)


def _unit(text: str) -> tuple[int, ...]:
    """0,3 -> (0, 3)."""
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise ZooError(f"--unit {text!r}: the numbers of a unit are wanted, such as 0,3 (row, column)")
    return tuple(map(int, text.split(",")))
