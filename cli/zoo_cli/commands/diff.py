"""`zoo diff`: two models, layer by layer."""

import contextlib
import sys
from typing import Annotated, Any

import typer

from zoo_cli.arguments import parse_columns
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, How, Output, Target, takes_a_model

ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if the models differ, and with 0 if they do not.")]


Columns = Annotated[
    list[str] | None,
    typer.Option("--columns", "-c", metavar="A,B", help="Show the changes of these counts, such as params,macs,flops,activations."),
]


@takes_a_model()
def diff(
    first: Target,
    second: Target,
    how: How,
    columns: Columns = None,
    exit_code: ExitCode = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Compare two models layer by layer. The rows show what the second model adds, removes and changes; options apply to both.

    A file can be that of a git revision: zoo diff HEAD~1:net.py:Net net.py:Net.
    """
    from zoo.questions.diff import diff as difference
    from zoo.tables import formats

    formats.load(format_for(format, output))
    names = parse_columns(columns or ())
    chosen: dict[str, Any] = {"columns": names} if names else {}
    with contextlib.redirect_stdout(sys.stderr):
        table = difference(first, second, **chosen, **how)
    emit(table, format, output)
    if exit_code and table.rows:
        raise typer.Exit(1)
