"""`zoo sweep`: analyse one model on a grid of inputs, batch sizes and options."""

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
            "--input",
            "-i",
            metavar="GRID",
            help="Input sizes without batch, such as '3x{128,160,...,512}x{128..512..32}'; '...' repeats a size.",
        ),
    ] = None,
    batch: Annotated[str, typer.Option("--batch", "-b", metavar="GRID", help="Batch sizes, such as '{1,8,32}'.")] = "1",
    set: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="K=GRID", help="Set an option of the builder, such as 'num_classes={10,100}'."),
    ] = None,
    columns: Columns = None,
    train: Train = False,
    real: Real = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, metavar="N", help="Number of processes; one per core by default.")
    ] = None,
    format: Format = None,
    output: Output = None,
) -> None:
    """Analyse a model on a grid of inputs and options. One row per point; several braces give all combinations."""
    inputs = parse_grid(input) if input else None
    batches = [n for text in expand(batch) for n in parse_sizes("--batch", text, "integers >= 1, such as 8 or '{1,8,32}'")]
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
