"""Where results go: to standard output, or to a file that is written whole or not at all."""

import os
import sys
import tempfile
from pathlib import Path

from zoo.errors import ZooError

_SUFFIXES = {".json": "json", ".csv": "csv", ".md": "markdown", ".html": "html"}


def format_for(chosen: str | None, output: Path | None) -> str:
    """The format that was asked for, else the one of the file's suffix, else text."""
    return chosen or _SUFFIXES.get(output.suffix.lower() if output else "", "text")


def write(text: str, output: Path | None) -> None:
    """Print `text`, or put it into the file `output`. Raises `ZooError` if the file cannot be written."""
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        _write_whole(text, output.resolve())
    except OSError as error:
        raise ZooError(f"cannot write {output}: {error.strerror or error}") from error


def _write_whole(text: str, path: Path) -> None:
    """Into a new file beside it, which then takes its place; a device or pipe is written to directly."""
    if path.is_dir():
        raise IsADirectoryError(None, "it is a folder")
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(None, "permission denied")
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
