"""`zoo diff`: two models, layer by layer."""

import contextlib
import sys
from typing import Annotated

import typer

from zoo.tables import formats
from zoo_cli.arguments import parse_shape
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, NoCache, Output, Target


def diff(
    first: Target,
    second: Target,
    input: Annotated[str | None, typer.Option("--input", "-i", metavar="CxHxW", help="Input without batch, for both.")] = None,
    no_cache: NoCache = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Show layer by layer what the second model adds, removes and changes."""
    shape = (1, *parse_shape(input)) if input is not None else None
    formats.load(format_for(format, output))
    from zoo.questions.diff import diff as difference

    with contextlib.redirect_stdout(sys.stderr):
        table = difference(first, second, input=shape)
    emit(table, format, output)
