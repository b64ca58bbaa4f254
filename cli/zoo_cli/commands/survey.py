"""`zoo survey`: analyse many models, one row each."""

import contextlib
import sys
from typing import Annotated, Any

import typer

from zoo.util.errors import ZooError
from zoo_cli.arguments import at_least, parse_columns
from zoo_cli.output import emit, journal_of, ready, remove_journal, resumable
from zoo_cli.parameters import Columns, Format, Output, Real, Units
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
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    units: Units = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Analyse many models, one row each. With -o, an interrupted command resumes when it is run again.

    Exits with 1 if any model failed.
    """
    chosen = parse_columns(columns or ())
    ready(format, output)
    if output is not None and output.is_file() and not force:
        raise ZooError(f"{output} already exists; use --force to replace it")
    journal = journal_of(output)
    from zoo.questions.survey import survey as surveyed

    how: dict[str, Any] = {"columns": chosen, "jobs": jobs, "journal": journal, "real": real, "timeout": timeout}
    with resumable(journal), bar() as progress, contextlib.redirect_stdout(sys.stderr):
        table = surveyed(patterns or ["*"], **how, progress=progress)
    emit(table, format, output, units=units)
    remove_journal(journal)
    failed = sum(bool(row.cells["failure"]) for row in table.rows)
    if output is not None:
        reasons = f", {failed} failed; the column failure has the reasons" if failed else ""
        typer.echo(f"{output}: {len(table.rows)} {'model' if len(table.rows) == 1 else 'models'}{reasons}", err=True)
    if failed:
        raise typer.Exit(1)
