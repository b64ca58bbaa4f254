"""`zoo survey`: analyse many models, one row each."""

import contextlib
import sys
from typing import Annotated, Any

import typer

from zoo_cli.arguments import at_least, parse_columns
from zoo_cli.output import close, emit, journal_of, ready, remove_journal, resumable, unclaimed
from zoo_cli.parameters import Columns, Force, Format, Output, Real, Units
from zoo_cli.progress import bar


def survey(
    patterns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATTERN...]",
            help="Names, patterns such as 'torchvision:*' or 'timm:resnet*', other TARGETs; the whole catalogue by default.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", callback=at_least(1), metavar="N", help="Number of processes; one per core by default."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="Give up on a model that takes longer.")
    ] = None,
    columns: Columns = None,
    real: Real = False,
    force: Force = False,
    units: Units = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Analyse many models, one row each. With -o, an interrupted command resumes when it is run again.

    Exits with 1 if any model failed.
    """
    chosen = parse_columns(columns or ())
    ready(format, output)
    unclaimed(output, force)
    journal = journal_of(output)
    from zoo.questions.survey import survey as surveyed

    how: dict[str, Any] = {"columns": chosen, "jobs": jobs, "journal": journal, "real": real, "timeout": timeout}
    with resumable(journal), bar() as progress, contextlib.redirect_stdout(sys.stderr):
        table = surveyed(patterns or ["*"], **how, progress=progress)
    emit(table, format, output, units=units)
    remove_journal(journal)
    if close(table, output, "model"):
        raise typer.Exit(1)
