"""A TARGET of an earlier version: HEAD~1:net.py:Net is Net of net.py as that git revision has it.

The file and all others of its folder are written to a temporary folder and imported from there. Nothing is checked out: the working
tree, the index and the branches of the repository are only read.
"""

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.util.errors import ZooError

_SECONDS = 60
_LARGEST = 10 * 2**20
"""The size in bytes up to which a neighbour is written: code and its tables, but not weights and data."""


@dataclass(frozen=True)
class Revision:
    """An attribute of a file (relative to the working directory) at a revision of git."""

    name: str
    path: str
    attribute: str

    @contextlib.contextmanager
    def files(self) -> Iterator[str]:
        """Yield a TARGET in a temporary folder, which has the file and its neighbours; messages name the revision instead.

        Raises `ZooError` for an unknown revision, if it has no such file, and outside a repository.
        """
        folder = Path(self.path).absolute().parent
        beside = next(place for place in (folder, *folder.parents) if place.is_dir())  # the folder may have been removed since
        top = os.path.realpath(_git(beside, "rev-parse", "--show-toplevel").decode().strip())
        file = os.path.relpath(os.path.realpath(self.path), top)
        commit = _commit(Path(top), self.name)
        with tempfile.TemporaryDirectory(prefix="zoo-") as made:
            home = os.path.realpath(made)
            _write(Path(top), commit, Path(file), Path(home))
            if not Path(home, file).is_file():
                raise ZooError(f"{self.name} has no file {self.path}")
            try:
                yield f"{Path(home, file)}:{self.attribute}"
            except ZooError as error:
                error.args = (str(error.args[0]).replace(f"{home}{os.sep}", f"{self.name}:"),)
                raise


def revision_of(target: object) -> Revision | None:
    """Return the parts of REVISION:PATH.py:ATTRIBUTE; None for any other target, and for a file with such a name."""
    match = re.fullmatch(r"([^:]+):([^:]+\.py):([^:]+)", target) if isinstance(target, str) else None
    if match is None or Path(f"{match[1]}:{match[2]}").is_file():
        return None
    return Revision(match[1], match[2], match[3])


def _commit(top: Path, name: str) -> str:
    try:
        return _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
    except ZooError as error:
        raise ZooError(f"{name!r} is not a revision of {top}; expected a commit, branch or tag such as HEAD~1") from error


def _write(top: Path, commit: str, file: Path, home: Path) -> None:
    """Write the files of the folder of `file`, and of those inside it, as they are in that commit."""
    folder = file.parent.as_posix()
    listed = _git(top, "ls-tree", "-r", "-z", "-l", "--full-tree", commit, *([] if folder == "." else ["--", f"{folder}/"]))
    wanted = []
    for line in listed.decode(errors="surrogateescape").split("\0"):
        head, _, path = line.partition("\t")
        if head:
            mode, _, digest, size = head.split()
            if mode in {"100644", "100755"} and int(size) <= _LARGEST:  # no links and no submodules
                wanted.append((path, digest))
    contents = _git(top, "cat-file", "--batch", input="".join(f"{digest}\n" for _, digest in wanted).encode())
    start = 0
    for path, _ in wanted:
        end = contents.index(b"\n", start)
        length = int(contents[start:end].split()[2])
        place = home / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(contents[end + 1 : end + 1 + length])
        start = end + 1 + length + 1


def _git(folder: Path, *arguments: str, input: bytes = b"") -> bytes:
    """What a command of git prints. Raises `ZooError` if it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], input=input, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ZooError(f"git {arguments[0]}: {error}") from error
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise ZooError(f"git {arguments[0]}: {reason or f'exit code {done.returncode}'}")
    return done.stdout
