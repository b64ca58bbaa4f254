"""`zoo draw`: draw an architecture."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.tables import formats
from zoo.util import files
from zoo.util.errors import ZooError
from zoo_cli import terminal
from zoo_cli.arguments import at_least
from zoo_cli.output import emit, write
from zoo_cli.parameters import How, Output, Target, takes_a_model

_TEXTS, _BYTES = ("svg", "tikz"), ("pdf", "png")
_TABLES = {".json": "json", ".csv": "csv", ".txt": "text", ".md": "markdown"}


def _formats(incomplete: str) -> list[str]:
    return [name for name in (*_TEXTS, *_BYTES, *formats.names()) if name.startswith(incomplete)]


@takes_a_model()
def draw(
    target: Target,
    how: How,
    level: Annotated[
        str | None,
        typer.Option(
            "--level",
            metavar="NAME",
            help="stages (volumes; the default if there are feature maps of several sizes), blocks or layers.",
        ),
    ] = None,
    layer: Annotated[
        str | None, typer.Option("--layer", "-l", metavar="NAME", help="Draw one module, named as in zoo summary.")
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option("--depth", "-d", callback=at_least(0), metavar="N", help="Open modules down to N levels, instead of --level."),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="COST", help="Colour by share of params, macs or memory (bytes of activations).")
    ] = None,
    direction: Annotated[
        str | None, typer.Option("--direction", metavar="NAME", help="down (default) or right, for blocks and layers.")
    ] = None,
    width: Annotated[
        float, typer.Option("--width", metavar="MM", help="Width of the page in millimetres; text is 7 points high at this width.")
    ] = 85.0,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="NAME",
            help="svg, pdf, png or tikz, by default that of the file's suffix; or json, text, csv, ...: the data as a table.",
            autocompletion=_formats,
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Draw an architecture as papers do. Writes SVG, PDF, PNG or TikZ, or shows it in a terminal that shows images."""
    wanted = _wanted(format, output)
    from zoo.questions.draw import draw as drawn

    with contextlib.redirect_stdout(sys.stderr):  # output of a user's module
        picture = drawn(target, level=level, layer=layer, depth=depth, by=by, direction=direction, width=width, **how)
    if wanted is None:
        terminal.show(picture.encode("png"))
    elif wanted in _TEXTS:
        write(picture.encode(wanted).decode(), output)
    elif wanted in _BYTES:
        assert output is not None
        files.write(picture.encode(wanted), output)
    else:
        emit(picture.table, wanted, output)


def _wanted(format: str | None, output: Path | None) -> str | None:
    """The format to write; None to show the picture in the terminal. Raises `ZooError` before long work if that cannot be done."""
    if output is not None and output.is_dir():
        raise ZooError(f"cannot write {output}: it is a folder")
    if format is None and output is None:
        if not terminal.shows_images():
            raise ZooError("this terminal shows no images; pass -o net.svg (or .pdf, .png, .tikz), or --format text for the data")
        _ready("png")
        return None
    found = format if format is not None else _of_suffix(output)
    if found in _BYTES:
        if output is None:
            raise ZooError(f"--format {found} requires -o FILE")
        _ready(found)
    elif found not in _TEXTS:
        formats.load(found)
    return found


def _of_suffix(output: Path | None) -> str:
    """The format of a file's suffix."""
    suffix = output.suffix.lower() if output else ""
    name = suffix.removeprefix(".")
    if name in (*_TEXTS, *_BYTES):
        return name
    if suffix not in _TABLES:
        pictures = " ".join(f".{one}" for one in (*_TEXTS, *_BYTES))
        raise ZooError(f"{output}: cannot infer the format from the suffix; expected one of {pictures}, or of {' '.join(_TABLES)}")
    return _TABLES[suffix]


def _ready(format: str) -> None:
    """Raise `ZooError` if what a format needs is not installed."""
    from zoo.pictures._matplotlib_scene import required

    required(format)
