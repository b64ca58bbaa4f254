"""Write results to standard output, or atomically to a file."""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from zoo.tables.table import Table

_SUFFIXES = {"": "text", ".txt": "text", ".json": "json", ".csv": "csv", ".md": "markdown", ".html": "html", ".tex": "latex"}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def format_for(chosen: str | None, output: Path | None) -> str:
    """Return the chosen format, or that of the file's suffix (text without suffix). Raises `ZooError` for an unknown suffix."""
    suffix = output.suffix.lower() if output else ""
    if chosen is None and suffix not in _SUFFIXES:
        suffixes = " ".join([*filter(None, _SUFFIXES), ".parquet"])
        raise ZooError(f"{output}: cannot infer the format from the suffix; pass --format, or use one of {suffixes}")
    return chosen if chosen is not None else _SUFFIXES[suffix]


def ready(format: str | None, output: Path | None) -> None:
    """Raise `ZooError` now, and not after long work, for a format that is unknown or lacks its package, and for a folder."""
    if output is not None and output.is_dir():
        raise ZooError(f"cannot write {output}: it is a folder")
    if _is_parquet(format, output):
        from zoo.tables.formats._parquet import load

        load()
    else:
        from zoo.tables import formats

        formats.load(format_for(format, output))


def unclaimed(output: Path | None, force: bool) -> None:
    """Raise `ZooError` for a finished file that is there already, unless it may be replaced."""
    if output is not None and output.is_file() and not force:
        raise ZooError(f"{output} already exists; use --force to replace it")


def close(table: "Table", output: Path | None, noun: str) -> int:
    """Say on standard error how many rows a file has and how many failed, and return the latter."""
    failed = sum(bool(row.cells.get("failure")) for row in table.rows)
    if output is not None:
        reasons = f", {failed} failed; the column failure has the reasons" if failed else ""
        sys.stderr.write(f"{output}: {len(table.rows)} {noun if len(table.rows) == 1 else f'{noun}s'}{reasons}\n")
    return failed


def journal_of(output: Path | None) -> Path | None:
    """Where rows are kept until all are there: beside the file of the result; nowhere if that is a device or a pipe."""
    if output is None or (output.exists() and not output.is_file()):
        return None
    return output.with_name(f"{output.name}.partial")


def remove_journal(journal: Path | None) -> None:
    """Take away the journal of a result that is safe."""
    if journal is not None:
        with contextlib.suppress(OSError):
            journal.unlink()


@contextlib.contextmanager
def resumable(journal: Path | None) -> Iterator[None]:
    """An interrupt says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        resumed = f"; finished rows are in {journal}; run the same command again to resume" if journal is not None else ""
        sys.stderr.write(f"zoo: interrupted{resumed}\n")
        raise SystemExit(130) from None


def _is_parquet(format: str | None, output: Path | None) -> bool:
    return format is None and output is not None and output.suffix.lower() == ".parquet"


def emit(table: "Table", format: str | None, output: Path | None, *, units: bool = False) -> None:
    """Write a table in the chosen format, or that of the file's suffix; with `units`, people see counts as 15.5 G."""
    table = table.scaled() if units else table
    if _is_parquet(format, output):
        from zoo.tables.formats._parquet import encode
        from zoo.util import files

        assert output is not None
        files.write(encode(table), output)
        return
    from zoo.tables import formats

    write(formats.load(format_for(format, output))(table, None), output)


def write(text: str, output: Path | None) -> None:
    """Print `text`, or write it without colours to the file `output`. Raises `ZooError` if it cannot be written."""
    if output is None:
        _print(text)
        return
    from zoo.util import files  # which imports much

    files.write(_COLOURS.sub("", text).encode(), output)


def _print(text: str) -> None:
    """Print to standard output, with a question mark for characters that its encoding lacks."""
    if sys.stdout is None:
        raise ZooError("standard output is closed; use --output FILE")
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        raise lost(error) from error


def lost(error: OSError) -> ZooError:
    """Return the error for a standard output that fails, and drop what is still buffered for it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return ZooError("standard output was closed before everything was written")
    return ZooError(f"cannot write to standard output: {error.strerror or error}")
