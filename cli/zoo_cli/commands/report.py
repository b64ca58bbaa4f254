"""`zoo report`: one page that shows a model, or two side by side."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.util.errors import ZooError
from zoo_cli.arguments import parse_columns
from zoo_cli.output import write
from zoo_cli.parameters import Columns, Convention, How, Output, Target, completed_models, takes_a_model


@takes_a_model()
def report(
    target: Target,
    how: How,
    second: Annotated[
        str | None, typer.Argument(metavar="[TARGET]", help="Another model, to be compared.", autocompletion=completed_models)
    ] = None,
    columns: Columns = None,
    convention: Convention = "pure",
    output: Output = Path("report.html"),
) -> None:
    """Write one HTML page on a model, or on two side by side. The page is one file that needs no network."""
    if output is not None and output.is_dir():
        raise ZooError(f"cannot write {output}: it is a folder")
    chosen = parse_columns(columns or ())
    from zoo.questions.report import report as page

    with contextlib.redirect_stdout(sys.stderr):
        found = page(target, second, columns=chosen, convention=convention, **how)
    write(found.html, output)
    if output is not None:
        typer.echo(f"{output}: {found.title}, {len(found.html.encode()) / 1000:,.0f} kB", err=True)
