"""Files that are written atomically: whole, or not at all. All that the project writes goes through here."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import ZooError


@contextlib.contextmanager
def whole(file: Path, *, force: bool = False) -> Iterator[Path]:
    """A path of the same name, in a folder of its own (named .zoo.*) beside `file`; on leaving, what is there replaces `file`.

    On an exception nothing is left behind. Raises `ZooError` if `file` exists and `force` is not given, or cannot be written.
    """
    with _unwritable(file):
        target = file.resolve()
        if target.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        if target.exists() and not force:
            raise ZooError(f"{file} already exists; --force replaces it")
        if target.exists() and not (target.is_file() and os.access(target, os.W_OK)):
            raise PermissionError(None, "permission denied" if target.is_file() else "it is no plain file")
        folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=".zoo."))
    try:
        yield folder / target.name
        with _unwritable(file):
            if target.exists():
                shutil.copymode(target, folder / target.name)
            (folder / target.name).replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(content: bytes, file: Path) -> None:
    """Write `content` to `file`, replacing what is there; a device or a pipe is written to directly.

    Raises `ZooError` if it cannot be written.
    """
    with _unwritable(file):
        if file.exists() and not file.is_file() and not file.is_dir():
            file.write_bytes(content)
            return
    with whole(file, force=True) as path, _unwritable(file):
        path.write_bytes(content)


@contextlib.contextmanager
def _unwritable(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ZooError(f"cannot write {file}: {error.strerror or error}") from error
    except RuntimeError as error:  # how Python before 3.13 says that links run in a circle
        raise ZooError(f"cannot write {file}: symbolic links that lead nowhere") from error
