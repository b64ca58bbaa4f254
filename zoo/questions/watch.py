"""The table of a model in a file, again each time the file or a module beside it that it imports changes."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.models.importing import imported_beside
from zoo.models.revisions import revision_of
from zoo.models.targets import file_of
from zoo.questions.diff import diff
from zoo.questions.summary import summary
from zoo.record.trace import Trace
from zoo.tables.table import Table
from zoo.util.errors import ZooError


@dataclass(frozen=True)
class View:
    """What there is to see after a change: the table, and how the model differs from that before; or the error, in one line."""

    table: Table | None
    changes: Table | None
    error: str | None


def watch(target: str, wait: Callable[[], bool], **how: Any) -> Iterator[View]:
    """Yield a view of the model at once, and another one after each change of its files.

    Arguments:
        target: "path/to/file.py:attribute", or a file .onnx, .pt2 or .prototxt.
        wait: Called between two looks at the files; watching ends when it returns False.
        how: Keywords of `zoo.summary`.

    Raises:
        ZooError: For a TARGET that is not in a file, and for a file that does not exist at first. Other errors of the file are
            views.
    """
    file = file_of(target)
    if file is None or revision_of(target) is not None:
        raise ZooError(f"watch: expected path/to/file.py:attribute, or a graph file, got {target!r}")
    if not file.is_file():
        raise ZooError(f"{file}: no such file")
    files = [file]  # a module stays among them when an error keeps it from being imported again
    before: Trace | None = None
    while True:
        seen = _stamps(files)
        view, before = _view(target, before, how)
        files = list(dict.fromkeys([*files, *imported_beside(file)]))
        seen = {**_stamps(files), **seen}
        yield view
        while _stamps(files) == seen:
            if not wait():
                return


def _view(target: str, before: Trace | None, how: Mapping[str, Any]) -> tuple[View, Trace | None]:
    """The present view, and the model to compare the next one with."""
    try:
        table = summary(target, **how)
    except ZooError as error:
        return View(None, None, str(error)), before
    assert table.explainer is not None
    now: Trace = table.explainer.trace  # type: ignore[attr-defined]
    return View(table, None if before is None else diff(before, now), None), now


def _stamps(files: Sequence[Path]) -> dict[Path, tuple[int, int] | None]:
    """When each file was last changed, and its size; None for one that is not there."""
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        stat = os.stat(file)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
