"""`zoo pull`: write one architecture as a file."""

from pathlib import Path
from typing import Annotated

import typer

from zoo_cli.arguments import parse_options
from zoo_cli.output import write
from zoo_cli.parameters import Model


def pull(
    name: Model,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to this file (default NAME.py); - is standard output."),
    ] = None,
    set: Annotated[
        list[str] | None, typer.Option("--set", "-s", metavar="K=V", help="Set a default of the builder, such as num_classes=10.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write one architecture as a Python file. The file depends only on torch."""
    from zoo.extend import card
    from zoo.transform.pull import pull as source_of
    from zoo.util.files import whole

    source = source_of(name, **parse_options(set or ()))
    if output == Path("-"):
        write(source, None)
        return
    path = output or Path(f"{card(name).name}.py")
    with whole(path, force=force) as new:
        new.write_text(source, encoding="utf-8")
    typer.echo(f"{path}: {card(name).title}, {source.count(chr(10))} lines", err=True)
