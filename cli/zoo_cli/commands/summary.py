"""`zoo summary`: a model, layer by layer."""

import contextlib
import sys
from typing import Annotated

import typer

from zoo.tables import formats
from zoo_cli.arguments import parse_columns, parse_inputs, parse_options
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Convention, Format, NoCache, Output, Target, completed_columns

_MACHINES = frozenset({"json", "csv"})


Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="[NAME=]CxHxW[:TYPE]",
        help="Input without batch, such as 3x224x224 or ids=128:int64; repeat it for more. 10xNx64 places the batch, "
        "mask==5x5:bool has none, flag:=True is no tensor.",
    ),
]
Batch = Annotated[int, typer.Option("--batch", "-b", min=1, metavar="N", help="Images in a batch.")]
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
Set = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="K=V", help="An option of the builder, such as num_classes=10.")
]
Train = Annotated[bool, typer.Option("--train", help="Training mode, auxiliary heads included.")]
Real = Annotated[bool, typer.Option("--real", help="Run it once on real tensors, if it decides by their values.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 if the cost of any op is unknown.")]


def summary(
    target: Target,
    input: Input = None,
    batch: Batch = 1,
    depth: Depth = None,
    fold: Fold = None,
    columns: Columns = None,
    filter: Filter = None,
    sort: Sort = None,
    top: Top = None,
    set: Set = None,
    train: Train = False,
    convention: Convention = "pure",
    real: Real = False,
    strict: Strict = False,
    no_cache: NoCache = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Analyse a model layer by layer: shapes, parameters, MACs, FLOPs, receptive fields, activations, depth."""
    given = parse_inputs(input or (), batch)
    chosen, built = parse_columns(columns or ()), parse_options(set or ())
    wanted = format_for(format, output)
    people = wanted not in _MACHINES
    formats.load(wanted)
    from zoo.questions.summary import summary as analyse

    with contextlib.redirect_stdout(sys.stderr):  # what a user's module prints
        table = analyse(
            target,
            input=given,
            batch=batch,
            depth="auto" if depth is None and people else depth,
            fold=people if fold is None else fold,
            columns=chosen,
            filter=filter,
            sort=sort,
            top=top,
            train=train,
            options=built,
            convention=convention,
            real=real,
        )
    emit(table, wanted, output)
    partial = [note for note in table.notes if note.startswith("≥")]
    if strict and partial:
        typer.echo(f"zoo: --strict: {'; '.join(partial)}", err=True)
        raise typer.Exit(1)
