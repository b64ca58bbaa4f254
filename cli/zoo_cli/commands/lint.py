"""`zoo lint`: what is wrong or wasteful in a model."""

import contextlib
import sys
from typing import Annotated

import typer

from zoo.tables import formats
from zoo_cli.arguments import parse_inputs
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Format, NoCache, Output, Target


def lint(
    target: Target,
    input: Annotated[list[str] | None, typer.Option("--input", "-i", metavar="CxHxW", help="Input without batch.")] = None,
    no_cache: NoCache = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Find what is wrong or wasteful in an architecture, with evidence, a source and a remedy."""
    given = parse_inputs(input or (), 1)
    formats.load(format_for(format, output))
    from zoo.questions.lint import lint as linted

    with contextlib.redirect_stdout(sys.stderr):
        found = linted(target, input=given)
    emit(found.table, format, output)
