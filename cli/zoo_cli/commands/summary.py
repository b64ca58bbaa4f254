"""`zoo summary`: analyse a model layer by layer."""

import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.util.errors import ForwardError, ZooError
from zoo_cli.arguments import at_least, parse_columns
from zoo_cli.output import emit, format_for
from zoo_cli.parameters import Convention, Format, How, Limits, Output, Target, Units, completed_columns, takes_a_model

if TYPE_CHECKING:
    from zoo.tables.table import Table

_MACHINES = frozenset({"json", "csv"})


Depth = Annotated[
    int | None,
    typer.Option(
        "--depth", "-d", callback=at_least(0), metavar="N", help="Fold rows below N levels of modules; 0 shows the total only."
    ),
]
Fold = Annotated[
    bool | None,
    typer.Option(
        "--fold/--expand",
        help="Show identical blocks as one row, or each block; by default text folds what is longer than a page.",
        show_default=False,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        "-c",
        metavar="A,B",
        help="Show these columns, in this order; also trainable, frozen, buffers; params% is a share.",
        autocompletion=completed_columns,
    ),
]
Filter = Annotated[
    str | None, typer.Option("--filter", metavar="PATTERN", help="Show rows whose names match, such as 'conv5_x.*'.")
]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="PATTERN", help="Leave modules with such names out of rows and totals; repeat for more."),
]
Partial = Annotated[bool, typer.Option("--partial", help="If the forward raises, show the layers before, and exit with 1.")]
Sort = Annotated[
    str | None, typer.Option("--sort", metavar="COLUMN", help="Sort by this column, largest first; name and type alphabetically.")
]
Top = Annotated[
    int | None,
    typer.Option("--top", callback=at_least(1), metavar="N", help="Show the N largest rows, by MACs unless --sort is given."),
]
Style = Annotated[
    str,
    typer.Option(
        "--style",
        metavar="NAME",
        help="table; lecture: maps, kernel, stride, padding, activation, from the output; lecture-down: from the input.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 if the cost of any op is unknown.")]


@takes_a_model()
def summary(
    target: Target,
    how: How,
    limits: Limits,
    depth: Depth = None,
    fold: Fold = None,
    columns: Columns = None,
    filter: Filter = None,
    sort: Sort = None,
    top: Top = None,
    exclude: Exclude = None,
    partial: Partial = False,
    convention: Convention = "pure",
    style: Style = "table",
    strict: Strict = False,
    units: Units = False,
    format: Format = None,
    output: Output = None,
) -> None:
    """Analyse a model layer by layer. Columns are shapes, parameters, MACs, FLOPs, receptive fields, activations and depth."""
    chosen = parse_columns(columns or ())
    wanted = format_for(format, output)
    people = wanted not in _MACHINES
    if style != "table":
        refused: dict[str, Any] = {f"--{name.replace('_', '-')}": limit for name, limit in limits.items()}
        refused |= {"--depth": depth, "--fold": fold, "--strict": strict or None}
        _refuse(style, {**refused, "--convention": None if convention == "pure" else convention})
        if top is not None and sort is None:
            raise ZooError(f"--top: --style {style} requires --sort, such as --columns maps,macs --sort macs --top {top}")
        _lecture(style, target, how, chosen, {"filter": filter, "sort": sort, "top": top}, format, output)
        return
    from zoo.questions.summary import summary as analyse
    from zoo.tables import formats

    formats.load(wanted)

    level: Any = "auto" if depth is None and people else depth
    rows: dict[str, Any] = {"filter": filter, "sort": sort, "top": top, "exclude": exclude or (), "partial": partial}
    with contextlib.redirect_stdout(sys.stderr):  # output of a user's module
        try:
            folds: Any = (people and "auto") if fold is None else fold
            table = analyse(target, depth=level, fold=folds, columns=chosen, convention=convention, limits=limits, **rows, **how)
        except ForwardError as error:
            if not error.no_input or strict or chosen or limits or any(rows.values()):
                raise
            table = _parameters(target, how, level, error)
    emit(table, wanted, output, units=units)
    if complaint := _complaint(table, strict):
        typer.echo(f"zoo: {complaint}", err=True)
        raise typer.Exit(1)


def _complaint(table: "Table", strict: bool) -> str | None:
    """Why the command ends with 1 although there is a table: a limit, an unknown cost under `--strict`, a forward that stopped."""
    from zoo.tables.notes import Exceeded, LowerBound, Stopped

    if over := [note.reason for note in table.notes if isinstance(note, Exceeded)]:
        return f"over budget: {'; '.join(over)}"
    if strict and (bounds := [str(note) for note in table.notes if isinstance(note, LowerBound)]):
        return f"--strict: {'; '.join(bounds)}"
    return next((note.reason for note in table.notes if isinstance(note, Stopped)), None)


def _parameters(target: str, how: How, depth: Any, error: ForwardError) -> "Table":
    """Where no input is known and the model takes no image: its modules and parameters, with the reason."""
    from zoo.questions.parameters import parameters

    table = parameters(target, options=how.get("options"), depth=depth)
    return replace(table, notes=(*table.notes, f"no input is known, so only parameters are shown: {error}"))


def _refuse(style: str, given: Mapping[str, Any]) -> None:
    """Raise `ZooError` for an unknown style, and for an option that lectures' tables have no use for."""
    if style not in {"lecture", "lecture-down"}:
        raise ZooError(f"--style {style!r}: expected table, lecture or lecture-down")
    if wrong := [option for option, value in given.items() if value is not None]:
        raise ZooError(f"{wrong[0]}: --style {style} supports only --columns, --filter, --sort and --top")


def _lecture(
    style: str,
    target: str,
    how: How,
    columns: Sequence[str] | None,
    chosen: Mapping[str, Any],
    format: str | None,
    output: Path | None,
) -> None:
    """The table of lectures, from the output to the input, or down from the input."""
    from zoo.questions.lecture import lecture

    with contextlib.redirect_stdout(sys.stderr):
        found = lecture(target, input_first=style == "lecture-down", columns=columns, **how)
    emit(found.select(**chosen), format, output)
