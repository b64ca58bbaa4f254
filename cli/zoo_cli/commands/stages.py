"""`zoo stages`: the resolutions of a network."""

import contextlib
import sys
from typing import Annotated

import typer

from zoo.tables import formats
from zoo_cli.arguments import parse_options, parse_shape
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, Output, Target


def stages(
    target: Target,
    input: Annotated[str | None, typer.Option("--input", "-i", metavar="CxHxW", help="Input without batch.")] = None,
    set: Annotated[
        list[str] | None, typer.Option("--set", "-s", metavar="K=V", help="An option of the builder, such as in_channels=1.")
    ] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """List the stages, the last feature maps of each resolution: layer, channels, size, stride, receptive field."""
    shape = (1, *parse_shape(input)) if input is not None else None
    options = parse_options(set or ())
    formats.load(format_for(format, output))
    from zoo.questions.stages import table

    with contextlib.redirect_stdout(sys.stderr):
        found = table(target, shape, options=options)
    emit(found, format, output)
