"""`zoo diff`: two models, layer by layer."""

import contextlib
import sys
from typing import Annotated

import typer

from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, How, Output, Target, takes_a_model

ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if the models differ, and with 0 if they do not.")]


@takes_a_model()
def diff(
    first: Target, second: Target, how: How, exit_code: ExitCode = False, format: Format = None, output: Output = None
) -> None:
    """Compare two models layer by layer. The rows show what the second model adds, removes and changes; options apply to both.

    A file can be that of a git revision: zoo diff HEAD~1:net.py:Net net.py:Net.
    """
    from zoo.questions.diff import diff as difference
    from zoo.tables import formats

    formats.load(format_for(format, output))
    with contextlib.redirect_stdout(sys.stderr):
        table = difference(first, second, **how)
    emit(table, format, output)
    if exit_code and table.rows:
        raise typer.Exit(1)
