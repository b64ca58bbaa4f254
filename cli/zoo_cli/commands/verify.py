"""`zoo verify`: our numbers against independent ones."""

import contextlib
import sys
from typing import Annotated

import typer

from zoo.tables import formats
from zoo_cli.arguments import parse_shape
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, Output, Target
from zoo_cli.progress import bar


def verify(
    target: Target,
    input: Annotated[str | None, typer.Option("--input", "-i", metavar="CxHxW", help="Input without batch.")] = None,
    rf: Annotated[
        bool, typer.Option("--rf", help="Prove the receptive fields by experiment: poison pixels, see which units notice.")
    ] = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Check our numbers against independent ones; exit with 1 on a difference that is not explained."""
    shape = (1, *parse_shape(input)) if input is not None else None
    formats.load(format_for(format, output))
    from zoo.questions.verify import differences
    from zoo.questions.verify import verify as verified

    with bar() as progress, contextlib.redirect_stdout(sys.stderr):
        table = verified(target, input=shape, rf=rf, progress=progress if rf else None)
    emit(table, format, output)
    if found := differences(table):
        typer.echo(f"zoo: {'; '.join(found)}", err=True)
        raise typer.Exit(1)
