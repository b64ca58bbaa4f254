"""`zoo layer`: the calculator of layers."""

import json
import shutil
from typing import Annotated

import typer

from zoo_cli.arguments import at_least, parse_sizes
from zoo_cli.output import emit, format_for, write
from zoo_cli.parameters import Format, Output


def layer(
    input: Annotated[str, typer.Argument(metavar="CxHxW", help="Channels and sizes of the input, such as 3x32x32 or 128x21.")],
    description: Annotated[
        str,
        typer.Argument(
            metavar="LAYERS", help="Such as 'conv 10 5x5 pad 2', 'conv 6 5x5 | relu | pool 2x2 | fc 120', 'Conv2d(3, 10, 5)'."
        ),
    ],
    want: Annotated[
        str | None, typer.Option("--want", metavar="HxW", help="List paddings and strides that give this size.")
    ] = None,
    batch: Annotated[int, typer.Option("--batch", "-b", callback=at_least(1), metavar="N", help="Images in a batch.")] = 1,
    format: Format = None,
    output: Output = None,
) -> None:
    """Calculate a layer, or a chain of layers: shapes, parameters, connections, receptive field, with the working."""
    wanted = format_for(format, output)
    shape = parse_sizes("CxHxW", input, "channels and sizes, such as 3x32x32")
    goal = None if want is None else parse_sizes("--want", want, "expected sizes, such as 112x112")
    from zoo.questions.layer import layer as calculate
    from zoo.tables import formats

    formats.load(wanted)
    found = calculate(shape, description, batch=batch, want=goal)
    if wanted == "text":
        write(found.text(shutil.get_terminal_size((80, 24)).columns), output)
    elif wanted == "json":
        write(json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n", output)
    else:
        emit(found.table, wanted, output)
