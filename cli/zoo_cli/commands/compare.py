"""`zoo compare`: a study, or models side by side."""

import contextlib
import sys
from typing import Annotated, Any

import typer

from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, How, Output, Units, compared, takes_a_model
from zoo_cli.studies import CompareCommand


@takes_a_model()
def compare(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY | TARGET TARGET...]",
            help="A study, or two or more models; by default, list the studies. zoo compare STUDY --help lists its options.",
            autocompletion=compared,
        ),
    ] = None,
    *,
    how: How,
    units: Units = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Run a study, or compare models side by side."""
    from zoo.questions.compare import compare as compare_models
    from zoo.tables import formats

    formats.load(format_for(format, output))
    keywords: dict[str, Any] = dict(how)
    with contextlib.redirect_stdout(sys.stderr):
        table = compare_models(*(what or ()), **keywords)
    emit(table, format, output, units=units)


COMMAND = CompareCommand
