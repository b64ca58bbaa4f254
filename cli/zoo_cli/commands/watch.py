"""`zoo watch`: the table of a model again whenever its file changes."""

import contextlib
import sys
import time
from typing import Annotated, Any

import typer

from zoo_cli.arguments import at_least, parse_columns
from zoo_cli.output import emit
from zoo_cli.parameters import Columns, How, Units, takes_a_model

_SECONDS = 0.5
_CLEAR = "\x1b[2J\x1b[H"


def pause() -> bool:
    """Wait until the next look at the files."""
    time.sleep(_SECONDS)
    return True


@takes_a_model(without=("no_cache",))
def watch(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="path/to/file.py:attribute, or a file .onnx, .pt2 or .prototxt.")],
    how: How,
    depth: Annotated[
        int | None, typer.Option("--depth", "-d", callback=at_least(0), metavar="N", help="Fold rows below N levels of modules.")
    ] = None,
    columns: Columns = None,
    units: Units = False,
) -> None:
    """Show the table of a model, and again when its file or a module that it imports changes, with what changed. Ctrl-C ends it."""
    from zoo.questions.watch import watch as watched

    rows: dict[str, Any] = {"depth": "auto" if depth is None else depth, "fold": "auto", "columns": parse_columns(columns or ())}
    with contextlib.suppress(KeyboardInterrupt):
        views = watched(target, pause, **rows, **how)
        while True:
            with contextlib.redirect_stdout(sys.stderr):  # output of the user's module
                view = next(views, None)
            if view is None:
                return
            if sys.stdout.isatty():
                sys.stdout.write(_CLEAR)
            if view.table is None:
                typer.echo(f"zoo: {' '.join((view.error or '').split())}", err=True)
                continue
            emit(view.table, None, None, units=units)
            if view.changes is not None:
                sys.stdout.write("\n")
                emit(view.changes, None, None)
