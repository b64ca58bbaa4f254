"""`zoo list`: list the catalogue."""

from typing import Annotated

import typer

from zoo_cli.output import emit
from zoo_cli.parameters import Format, Output, families


def list_(
    pattern: Annotated[str, typer.Argument(metavar="PATTERN", help="Part of a name, or a pattern such as 'vgg*'.")] = "*",
    family: Annotated[
        str | None, typer.Option("--family", metavar="F", help="List this family only.", autocompletion=families)
    ] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """List the architectures of the catalogue."""
    from zoo.questions.list import listing

    emit(listing(pattern, family=family), format, output)
