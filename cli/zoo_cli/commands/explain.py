"""`zoo explain`: where the numbers of a layer come from."""

import contextlib
import json
import shutil
import sys
from typing import Annotated

import typer

from zoo_cli.arguments import parse_columns
from zoo_cli.output import emit, format_for, write
from zoo_cli.parameters import Convention, Format, How, Output, Target, completed_columns, takes_a_model


@takes_a_model()
def explain(
    target: Target,
    how: How,
    layer: Annotated[
        str | None, typer.Argument(metavar="LAYER", help="A row of zoo summary, at any depth; without it, the whole model.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Argument(
            metavar="COLUMN", help="A column of summary, or several: macs,rf; all by default.", autocompletion=completed_columns
        ),
    ] = None,
    convention: Convention = "pure",
    format: Format = None,
    output: Output = None,
) -> None:
    """Show the working of a layer's numbers: each formula in symbols and in numbers, and where its operands come from."""
    wanted = format_for(format, output)
    layer, columns = _told_apart(layer, columns)
    chosen = parse_columns([columns] if columns is not None else ())
    from zoo.questions.explain import explain as derive
    from zoo.tables import formats

    formats.load(wanted)
    with contextlib.redirect_stdout(sys.stderr):
        found = derive(target, layer, chosen, convention=convention, **how)
    if wanted == "text":
        write(found.text(shutil.get_terminal_size((80, 24)).columns), output)
    elif wanted == "json":
        write(json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n", output)
    else:
        emit(found.to_table(), wanted, output)


def _told_apart(layer: str | None, columns: str | None) -> tuple[str | None, str | None]:
    """LAYER and COLUMN; of one argument alone, columns of the whole model if all of it are names of columns."""
    from zoo.questions.names import columns as known

    if layer is not None and columns is None and all(name.strip().removesuffix("%") in known() for name in layer.split(",")):
        return None, layer
    return layer, columns
