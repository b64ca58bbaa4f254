"""`zoo sweep`: analyse one model on a grid of inputs, batch sizes and options."""

import contextlib
import sys
from itertools import product
from typing import Annotated, Any

import typer

from zoo.questions.grid import check_product, expand
from zoo.util.text import sizes
from zoo_cli.arguments import at_least, parse_columns, parse_grid, parse_options, parse_sizes
from zoo_cli.output import close, emit, journal_of, ready, remove_journal, resumable, unclaimed
from zoo_cli.parameters import Columns, Force, Format, Output, Real, Target, Train, Units
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
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="Give up on a point that takes longer.")
    ] = None,
    columns: Columns = None,
    train: Train = False,
    real: Real = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", callback=at_least(1), metavar="N", help="Number of processes; one per core by default."),
    ] = None,
    force: Force = False,
    units: Units = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Analyse a model over a grid of inputs, batches and options, one row for each point. Several braces give all combinations.

    With -o, an interrupted command resumes when it is run again. Exits with 1 if every point failed.
    """
    inputs = [sizes(shape, "x") for shape in parse_grid(input)] if input else None
    batches = [n for text in expand(batch) for n in parse_sizes("--batch", text, "integers >= 1, such as 8 or '{1,8,32}'")]
    settings = [expand(text) for text in set or ()]
    check_product("the grid", len(inputs or "1"), len(batches), *map(len, settings))
    options = [parse_options(words) for words in product(*settings)]
    chosen = parse_columns(columns or ())
    ready(format, output)
    unclaimed(output, force)
    journal = journal_of(output)
    from zoo.questions.sweep import sweep as swept

    how: dict[str, Any] = {"train": train, "real": real, "columns": chosen, "jobs": jobs, "timeout": timeout, "journal": journal}
    with resumable(journal), bar() as progress, contextlib.redirect_stdout(sys.stderr):
        table = swept(target, input=inputs, batch=batches, options=options, **how, progress=progress)
    emit(table, format, output, units=units)
    remove_journal(journal)
    if close(table, output, "point") == len(table.rows):
        raise typer.Exit(1)
