"""`zoo compare`: a study, or models against each other."""

import contextlib
import sys
from typing import Annotated, Any

import typer

from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, How, Output, compared, takes_a_model
from zoo_cli.studies import CompareCommand


@takes_a_model()
def compare(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY | TARGET TARGET...]",
            help="A study by name, or models; none lists the studies. zoo compare STUDY --help shows its options.",
            autocompletion=compared,
        ),
    ] = None,
    *,
    how: How,
    format: Format = None,
    output: Output = None,
) -> None:
    """Run a study (fully connected heads or global average pooling, ...), or put any models side by side."""
    from zoo.questions.compare import compare as compare_models
    from zoo.tables import formats

    formats.load(format_for(format, output))
    keywords: dict[str, Any] = dict(how)
    with contextlib.redirect_stdout(sys.stderr):
        table = compare_models(*(what or ()), **keywords)
    emit(table, format, output)


COMMAND = CompareCommand
