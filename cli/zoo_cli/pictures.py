"""Write pictures as PNG, PDF or SVG, or their data as a table."""

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.tables.table import Table
from zoo.util import files
from zoo.util.errors import ZooError
from zoo_cli.output import emit, format_for, ready, write

if TYPE_CHECKING:
    from zoo.extend.picture import Picture

_SUFFIXES = ("png", "pdf", "svg")


def is_picture(format: str | None, output: Path | None) -> bool:
    """Whether a picture is asked for, by its format or by the suffix of the file, and not a table."""
    return _picture_format(format, output) is not None


def _picture_format(format: str | None, output: Path | None) -> str | None:
    found = format if format is not None else output.suffix.lower().removeprefix(".") if output is not None else None
    return found if found in _SUFFIXES else None


def ready_to_draw(format: str | None, output: Path | None) -> None:
    """Raise `ZooError` now, and not after long work, for a file or a format that cannot be written."""
    found = _picture_format(format, output)
    if found is not None:
        from zoo.pictures._paper import styled

        with styled():  # asks for matplotlib
            pass
        if output is not None and output.is_dir():
            raise ZooError(f"cannot write {output}: it is a folder")
        if output is None and found != "svg":
            raise ZooError(f"--format {found} requires -o FILE")
        return
    try:
        format_for(format, output)
    except ZooError as error:
        suffixes = " ".join(f".{suffix}" for suffix in _SUFFIXES)
        raise ZooError(f"{error}; for a picture, one of {suffixes}") from error
    ready(format, output)


def emit_picture(picture: "Picture", format: str | None, output: Path | None) -> None:
    """Write a picture, or its data as a table, in the chosen format or that of the file's suffix."""
    found = _picture_format(format, output)
    if found is None:
        emit(picture.table, format, output)
    elif output is None:
        write(picture.svg(), None)
    else:
        files.write(picture.encode(found), output)


def emit_any(found: "Picture | Table", format: str | None, output: Path | None) -> None:
    """Write a picture, or a table where there is no picture."""
    if isinstance(found, Table):
        emit(found, format, output)
    else:
        emit_picture(found, format, output)
