"""`zoo verify`: cross-check the numbers."""

import contextlib
import sys
from typing import Annotated

import typer

from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, How, Output, Target, takes_a_model
from zoo_cli.progress import bar


@takes_a_model(without=("no_cache",))
def verify(
    target: Target,
    how: How,
    rf: Annotated[
        bool,
        typer.Option(
            "--rf", help="Check receptive fields by experiment: set pixels to NaN, and compare the units that they reach."
        ),
    ] = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Cross-check the numbers of a model. Exits with 1 if a difference from an independent source is not explained."""
    from zoo.questions.verify import differences
    from zoo.questions.verify import verify as verified
    from zoo.tables import formats

    formats.load(format_for(format, output))
    with bar() as progress, contextlib.redirect_stdout(sys.stderr):
        table = verified(target, rf=rf, progress=progress if rf else None, **how)
    emit(table, format, output)
    if found := differences(table):
        typer.echo(f"zoo: {'; '.join(found)}", err=True)
        raise typer.Exit(1)
