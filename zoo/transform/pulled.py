"""Compare a file of `zoo pull` with what the catalogue has now."""

import difflib
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.transform.pull import definitions, digest, header_of, pull
from zoo.util.errors import ZooError
from zoo.util.version import __version__


@dataclass(frozen=True)
class Pulled:
    """A pulled file beside the catalogue's present version of it.

    Attributes:
        path: The file.
        command: The arguments of `zoo pull` that wrote it: "resnet50 --set num_classes=7".
        changes: Each function, class or constant whose code differs, with "changed", "only in the file" or "only in the catalogue".
        edited: Whether the code was edited after the file was pulled; None if the file does not tell.
        diff: The way from the file to the present version, as `diff -u` writes it; empty if the texts are equal.
    """

    path: Path
    command: str
    changes: dict[str, str]
    edited: bool | None
    diff: str

    @property
    def same(self) -> bool:
        """Whether the code is the same; comments, docstrings and layout may differ."""
        return not self.changes

    def __str__(self) -> str:
        name, version = self.command.partition(" ")[0], f"zoo {__version__}"
        if self.same:
            rest = "; comments, docstrings or layout differ" if self.diff else ""
            return f"{self.path}: the code is that of {name} in {version}{rest}"
        told = ", ".join(f"{name} {change}" for name, change in self.changes.items())
        why = {
            None: "",
            True: "; the file was edited after it was pulled",
            False: "; the catalogue has changed since: zoo pull --force replaces the file",
        }
        return f"{self.path}: the code differs from {name} in {version}: {told}{why[self.edited]}"


def check_pulled(path: str | Path) -> Pulled:
    """Compare a file of `zoo pull` with the catalogue's present version of the network, with the same options.

    Arguments:
        path: A file that `zoo pull` or `zoo.pull` wrote, edited or not.

    Returns:
        A `Pulled`: what differs, and whether the file was edited.

    Raises:
        ZooError: For a file that cannot be read, is not Python, or was not pulled, and for a network that the catalogue no longer
            has.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "lenet5.py")
        ...     _ = file.write_text(zoo.pull("lenet5").replace("kernel_size=5", "kernel_size=3"))
        ...     zoo.check_pulled(file).changes
        {'PartialConvolution': 'changed', 'LeNet5': 'changed'}
    """
    file = Path(path)
    text = _text(file)
    command, recorded = header_of(text)
    if not command:
        raise ZooError(f"{file}: expected a file that zoo pull wrote, with the line 'Source' in its docstring")
    name, options = _arguments(file, command)
    now = pull(name, **options)
    lines = difflib.unified_diff(text.splitlines(True), now.splitlines(True), str(file), f"zoo pull {command}")
    edited = digest(text) != recorded if recorded else None
    return Pulled(file, command, dict(_changes(definitions(text), definitions(now))), edited, "".join(lines))


def _text(file: Path) -> str:
    """Return the text of a Python file. Raises `ZooError` if it is none."""
    try:
        text = file.read_text(encoding="utf-8")
        compile(text, str(file), "exec", dont_inherit=True)
    except OSError as error:
        raise ZooError(f"cannot read {file}: {error.strerror}") from error
    except (SyntaxError, ValueError) as error:
        raise ZooError(f"{file}: expected a Python file: {error}") from error
    return text


def _arguments(file: Path, command: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the keywords of `pull` in a command."""
    name, *rest = shlex.split(command)
    pairs = list(zip(rest[::2], rest[1::2], strict=False))
    if len(rest) % 2 or any(flag not in {"--set", "--name", "--line-length"} for flag, _ in pairs):
        raise ZooError(f"{file}: cannot read its command: zoo pull {command}")
    keywords = {"--name": "builder", "--line-length": "line_length"}
    given = [value.partition("=")[::2] if flag == "--set" else (keywords[flag], value) for flag, value in pairs]
    return name, {key: _value(value) for key, value in given}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _changes(old: dict[str, str], new: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys([*new, *old]):
        if name not in new:
            yield name, "only in the file"
        elif name not in old:
            yield name, "only in the catalogue"
        elif old[name] != new[name]:
            yield name, "changed"
