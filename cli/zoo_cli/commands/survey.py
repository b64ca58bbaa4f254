"""`zoo survey`: many models, one row each."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo_cli.arguments import parse_columns
from zoo_cli.output import emit, ready
from zoo_cli.parameters import Columns, Format, Output, Real
from zoo_cli.progress import bar


def survey(
    patterns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATTERN...]", help="Names, wildcards, 'torchvision:*', 'timm:resnet*', other TARGETs; none: the catalogue."
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, metavar="N", help="Processes; default: one for each core.")
    ] = None,
    columns: Columns = None,
    real: Real = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Analyse many models, one row each. With -o, the same command goes on from where it was broken off."""
    chosen = parse_columns(columns or ())
    ready(format, output)
    journal = output.with_name(f"{output.name}.partial") if output is not None else None
    from zoo.questions.survey import remove
    from zoo.questions.survey import survey as surveyed

    try:
        with bar() as progress, contextlib.redirect_stdout(sys.stderr):
            table = surveyed(patterns or ["*"], columns=chosen, jobs=jobs, journal=journal, real=real, progress=progress)
    except KeyboardInterrupt:
        typer.echo(f"zoo: interrupted{_resumed(journal)}", err=True)
        raise typer.Exit(130) from None
    emit(table, format, output)
    if journal is not None:
        remove(journal)
    if all(row.cells["failure"] for row in table.rows):
        raise typer.Exit(1)


def _resumed(journal: Path | None) -> str:
    return f"; what is done is in {journal}, and the same command goes on from there" if journal is not None else ""
