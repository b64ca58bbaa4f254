"""Write files atomically. The whole project writes its files here."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from zoo.util.errors import ZooError


@contextlib.contextmanager
def whole(file: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a temporary path with the name of `file`, in a new folder (.zoo.*) next to it; on exit, what was written there replaces
    `file`.

    After an exception, nothing remains. Raises `ZooError` if `file` exists and `force` is false, or if it cannot be written.
    """
    with _unwritable(file):
        target = file.resolve()
        if target.is_symlink():  # since Python 3.13, resolving a loop of links raises nothing
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if target.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        if target.exists() and not force:
            raise ZooError(f"{file} already exists; use --force to replace it")
        if target.exists() and not (target.is_file() and os.access(target, os.W_OK)):
            raise PermissionError(None, "permission denied" if target.is_file() else "it is not a regular file")
        folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=".zoo."))
    try:
        try:
            yield folder / target.name
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise ZooError(f"cannot write {file}: {error.strerror}") from error
        with _unwritable(file):
            if target.exists():
                shutil.copymode(target, folder / target.name)
            (folder / target.name).replace(target)
    finally:
        try:
            _remove(folder)
        finally:
            _remove(folder)  # an interrupt may have cut the first one short


def _remove(folder: Path) -> None:
    """Remove a temporary folder. An interrupt can make rmtree close a descriptor twice; then the interrupt is raised."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise error.__context__ or error from None


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
"""What a disk says that takes no more."""


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
    except RuntimeError as error:  # Python before 3.13 raises this for circular links
        raise ZooError(f"cannot write {file}: its symbolic links form a circle") from error
