"""`zoo sweep`: one model over a grid of inputs, batches and options."""

import contextlib
import sys
from itertools import product
from typing import Annotated

import typer

from zoo_cli.arguments import expand, parse_columns, parse_grid, parse_options, parse_sizes
from zoo_cli.output import emit, ready
from zoo_cli.parameters import Columns, Format, Output, Real, Target, Train
from zoo_cli.progress import bar


def sweep(
    target: Target,
    input: Annotated[
        list[str] | None,
        typer.Option(
            "--input", "-i", metavar="GRID", help="Inputs without batch: '3x{128,160,...,512}x{128..512..32}'; '...' repeats."
        ),
    ] = None,
    batch: Annotated[str, typer.Option("--batch", "-b", metavar="GRID", help="Images in a batch: '{1,8,32}'.")] = "1",
    set: Annotated[
        list[str] | None, typer.Option("--set", "-s", metavar="K=GRID", help="An option of the builder: 'num_classes={10,100}'.")
    ] = None,
    columns: Columns = None,
    train: Train = False,
    real: Real = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, metavar="N", help="Processes; default: one for each core.")
    ] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Analyse a model over a grid of inputs, batches and options, one row for each point. Braces are multiplied."""
    inputs = parse_grid(input) if input else None
    batches = [
        n for text in expand(batch) for n in parse_sizes("--batch", text, "expected an integer >= 1, or several: '{1,8,32}'")
    ]
    options = [parse_options(words) for words in product(*map(expand, set or ()))]
    chosen = parse_columns(columns or ())
    ready(format, output)
    from zoo.questions.sweep import sweep as swept

    with bar() as progress, contextlib.redirect_stdout(sys.stderr):
        table = swept(
            target,
            inputs=inputs,
            batches=batches,
            options=options,
            train=train,
            real=real,
            columns=chosen,
            jobs=jobs,
            progress=progress,
        )
    emit(table, format, output)
    if all(row.cells.get("failure") for row in table.rows):
        raise typer.Exit(1)
