"""Where results go: to standard output, or to a file that is written atomically."""

import contextlib
import os
import re
import sys
from pathlib import Path

from zoo.errors import ZooError
from zoo.tables import formats
from zoo.tables.table import Table
from zoo.util import files

_SUFFIXES = {"": "text", ".txt": "text", ".json": "json", ".csv": "csv", ".md": "markdown", ".html": "html", ".tex": "latex"}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def format_for(chosen: str | None, output: Path | None) -> str:
    """The format that was asked for, else that of the file's suffix, text if it has none. Raises `ZooError` for another suffix."""
    suffix = output.suffix.lower() if output else ""
    if chosen is None and suffix not in _SUFFIXES:
        suffixes = " ".join([*filter(None, _SUFFIXES), ".parquet"])
        raise ZooError(f"{output}: cannot infer the format from the suffix; pass --format, or use one of {suffixes}")
    return chosen if chosen is not None else _SUFFIXES[suffix]


def ready(format: str | None, output: Path | None) -> None:
    """Raise `ZooError` now, and not after long work, for a format that is unknown or lacks its package."""
    if _is_parquet(format, output):
        from zoo.tables.formats._parquet import load

        load()
    else:
        formats.load(format_for(format, output))


def _is_parquet(format: str | None, output: Path | None) -> bool:
    return format is None and output is not None and output.suffix.lower() == ".parquet"


def emit(table: Table, format: str | None, output: Path | None) -> None:
    """Write a table in the format that was asked for, or that the file's suffix names."""
    if _is_parquet(format, output):
        from zoo.tables.formats._parquet import encode

        assert output is not None
        files.write(encode(table), output)
        return
    write(formats.load(format_for(format, output))(table, None), output)


def write(text: str, output: Path | None) -> None:
    """Print `text`, or put it, without colours, into the file `output`. Raises `ZooError` if it cannot be written."""
    if output is None:
        _print(text)
        return
    files.write(_COLOURS.sub("", text).encode(), output)


def _print(text: str) -> None:
    """To standard output, with a question mark for what its encoding lacks."""
    if sys.stdout is None:
        raise ZooError("there is no standard output to write to")
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        raise lost(error) from error


def lost(error: OSError) -> ZooError:
    """The error for a standard output that takes no more; what is still buffered for it is dropped."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return ZooError("the output was closed before all of it was written")
    return ZooError(f"cannot write to standard output: {error.strerror or error}")
