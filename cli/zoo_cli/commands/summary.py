"""`zoo summary`: a model, layer by layer."""

import contextlib
import sys
from typing import Annotated

import typer

from zoo.tables.notes import LowerBound
from zoo_cli.arguments import parse_columns
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Convention, Format, How, Output, Target, completed_columns, takes_a_model

_MACHINES = frozenset({"json", "csv"})


Depth = Annotated[
    int | None, typer.Option("--depth", "-d", min=0, metavar="N", help="Fold rows below N levels of modules; 0 is the whole.")
]
Fold = Annotated[
    bool | None,
    typer.Option(
        "--fold/--expand", help="Identical blocks as one row, or each by itself; json and csv expand.", show_default=False
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        "-c",
        metavar="A,B",
        help="Columns, in this order; also trainable, frozen, buffers; params% is a share.",
        autocompletion=completed_columns,
    ),
]
Filter = Annotated[str | None, typer.Option("--filter", metavar="PATTERN", help="Only rows with such names: 'conv5_x.*'.")]
Sort = Annotated[str | None, typer.Option("--sort", metavar="COLUMN", help="The greatest first; name and type by alphabet.")]
Top = Annotated[int | None, typer.Option("--top", min=1, metavar="N", help="Only the N greatest, by MACs unless sorted.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 if the cost of any op is unknown.")]


@takes_a_model()
def summary(
    target: Target,
    how: How,
    depth: Depth = None,
    fold: Fold = None,
    columns: Columns = None,
    filter: Filter = None,
    sort: Sort = None,
    top: Top = None,
    convention: Convention = "pure",
    strict: Strict = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Analyse a model layer by layer: shapes, parameters, MACs, FLOPs, receptive fields, activations, depth."""
    chosen = parse_columns(columns or ())
    wanted = format_for(format, output)
    people = wanted not in _MACHINES
    from zoo.questions.summary import summary as analyse
    from zoo.tables import formats

    formats.load(wanted)

    with contextlib.redirect_stdout(sys.stderr):  # what a user's module prints
        table = analyse(
            target,
            depth="auto" if depth is None and people else depth,
            fold=people if fold is None else fold,
            columns=chosen,
            filter=filter,
            sort=sort,
            top=top,
            convention=convention,
            **how,
        )
    emit(table, wanted, output)
    partial = [str(note) for note in table.notes if isinstance(note, LowerBound)]
    if strict and partial:
        typer.echo(f"zoo: --strict: {'; '.join(partial)}", err=True)
        raise typer.Exit(1)
