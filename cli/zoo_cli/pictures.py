"""Write pictures: to a file in the format of its suffix, or their data as a table."""

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.util.errors import ZooError
from zoo_cli.output import emit, format_for, ready

if TYPE_CHECKING:
    from zoo.pictures._picture import Picture

_SUFFIXES = ("png", "pdf", "svg")


def is_picture(format: str | None, output: Path | None) -> bool:
    """Whether the file that is asked for holds a picture, and not a table."""
    return format is None and output is not None and output.suffix.lower().removeprefix(".") in _SUFFIXES


def ready_to_draw(format: str | None, output: Path | None) -> None:
    """Raise `ZooError` now, and not after long work, for a file or a format that cannot be written."""
    if is_picture(format, output):
        from zoo.pictures._paper import styled

        with styled():  # asks for matplotlib
            pass
        if output is not None and output.is_dir():
            raise ZooError(f"cannot write {output}: it is a folder")
        return
    try:
        format_for(format, output)
    except ZooError as error:
        suffixes = " ".join(f".{suffix}" for suffix in _SUFFIXES)
        raise ZooError(f"{error}; for a picture, one of {suffixes}") from error
    ready(format, output)


def emit_picture(picture: "Picture", format: str | None, output: Path | None) -> None:
    """Write a picture to a file with the suffix of one; otherwise its data as a table, in the chosen format."""
    if output is not None and is_picture(format, output):
        picture.write(output)
    else:
        emit(picture.table, format, output)
