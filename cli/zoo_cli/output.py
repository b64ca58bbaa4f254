"""Where results go: to standard output, or to a file that is written whole or not at all."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import ZooError
from zoo.tables import formats
from zoo.tables.table import Table

_SUFFIXES = {"": "text", ".txt": "text", ".json": "json", ".csv": "csv", ".md": "markdown", ".html": "html", ".tex": "latex"}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def format_for(chosen: str | None, output: Path | None) -> str:
    """The format that was asked for, else that of the file's suffix, text if it has none. Raises `ZooError` for another suffix."""
    suffix = output.suffix.lower() if output else ""
    if chosen is None and suffix not in _SUFFIXES:
        raise ZooError(f"{output}: as what? --format says it, or a suffix: {' '.join(filter(None, _SUFFIXES))} .parquet")
    return chosen if chosen is not None else _SUFFIXES[suffix]


def ready(format: str | None, output: Path | None) -> None:
    """Raise `ZooError` now, and not after long work, for a format that is unknown or lacks its package, and for a folder."""
    if output is not None and output.is_dir():
        raise ZooError(f"cannot write {output}: it is a folder")
    if _is_parquet(format, output):
        from zoo.tables.formats._parquet import load

        load()
    else:
        formats.load(format_for(format, output))


def journal_of(output: Path | None) -> Path | None:
    """Where rows are kept until all are there: beside the file of the result."""
    return output.with_name(f"{output.name}.partial") if output is not None else None


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
        resumed = f"; what is done is in {journal}, and the same command goes on from there" if journal is not None else ""
        sys.stderr.write(f"zoo: interrupted{resumed}\n")
        raise SystemExit(130) from None


def _is_parquet(format: str | None, output: Path | None) -> bool:
    return format is None and output is not None and output.suffix.lower() == ".parquet"


def emit(table: Table, format: str | None, output: Path | None) -> None:
    """Write a table in the format that was asked for, or that the file's suffix names."""
    if _is_parquet(format, output):
        from zoo.tables.formats._parquet import encode

        assert output is not None
        _save(encode(table), output)
        return
    write(formats.load(format_for(format, output))(table, None), output)


def write(text: str, output: Path | None) -> None:
    """Print `text`, or put it, without colours, into the file `output`. Raises `ZooError` if it cannot be written."""
    if output is None:
        _print(text)
        return
    _save(_COLOURS.sub("", text).encode(), output)


def _save(content: bytes, output: Path) -> None:
    try:
        _write_whole(content, output)
    except OSError as error:
        raise ZooError(f"cannot write {output}: {error.strerror or error}") from error
    except RuntimeError as error:  # how Python before 3.13 says that links run in a circle
        raise ZooError(f"cannot write {output}: symbolic links that lead nowhere") from error


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


def _write_whole(content: bytes, path: Path) -> None:
    """Into a new file beside it, which then takes its place; a device or pipe is written to directly."""
    if path.is_dir():
        raise IsADirectoryError(None, "it is a folder")
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    path = path.resolve()
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(None, "permission denied")
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".zoo.")
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
