"""Read graph files as traces, without running them: ONNX, torch's exported programs, and Caffe's network definitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from zoo.record.trace import Trace
from zoo.util.errors import ZooError, told
from zoo.util.text import sizes as written
from zoo.util.version import __version__

SUFFIXES = (".onnx", ".pt2", ".prototxt")
_PHASES = frozenset({".prototxt"})
"""Graph files that define the network in training mode too, and have options."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Given:
    """An input that a file declares: a size is a number, or a name if it is dynamic. `hints` are example sizes for names."""

    name: str
    sizes: tuple[int | str, ...]
    dtype: Any
    hints: Mapping[str, int]

    def __str__(self) -> str:
        return f"{self.name} {written(self.sizes)}"


def is_graph(target: object) -> bool:
    """Return whether a TARGET names a graph file."""
    if not isinstance(target, str) or Path(target).suffix.lower() not in SUFFIXES:
        return False
    return ":" not in target or Path(target).exists()


def read(target: str, *, input: Any, inputs: Any, train: bool, options: Mapping[str, Any], batch: int) -> tuple[Trace, list[str]]:
    """Return the trace of a graph file, and remarks. Raises `ZooError` for a file that is not a graph file or cannot be read."""
    path = Path(target)
    phases = path.suffix.lower() in _PHASES
    for wrong, what in (
        (inputs is not None, "inputs"),
        (train and not phases, "training mode"),
        (options and not phases, "options"),
    ):
        if wrong:
            raise ZooError(f"{target} is a graph file and does not support {what}")
    if path.is_dir() or not path.exists():
        raise ZooError(f"{target}: {'it is a folder' if path.is_dir() else 'no such file'}")
    if not path.is_file():
        raise ZooError(f"{target}: it is not a regular file")  # a pipe, at which one would wait
    shapes = None if input is None else [input] if all(isinstance(n, int) for n in input) else input
    try:
        reader = import_module(f"zoo.graph_files.{path.suffix.lower()[1:]}")
        trace, notes = reader.read(path, shapes, batch, **({"train": train, "options": options} if phases else {}))
    except OSError as error:
        raise ZooError(f"cannot read {target}: {error.strerror or error}") from error
    except ZooError:
        raise
    except Exception as error:  # whatever a file that contradicts itself provokes in the libraries that read it
        raise ZooError(f"{target} is damaged, or contradicts itself: {told(error)}") from error
    return replace(trace, target=path.name, versions={"zoo": __version__, **trace.versions}), notes


def settle(path: Path, given: Sequence[Given], shapes: Sequence[Sequence[int]] | None, batch: int) -> list[Shape]:
    """Return the sizes of the inputs: the requested sizes where the file has dynamic ones, and `batch` for a dynamic first size.

    Raises `ZooError` for sizes that the file does not accept.
    """
    takes = f"{path}: expected {', '.join(map(str, given))}"
    if shapes is not None and [len(s) for s in shapes] != [len(one.sizes) for one in given]:
        raise ZooError(f"{takes}, got {' and '.join(map(written, shapes))}")
    known: dict[str, int] = {}
    settled = []
    for i, one in enumerate(given):
        sizes = []
        for axis, size in enumerate(one.sizes):
            asked = shapes[i][axis] if shapes is not None else batch if axis == 0 and batch > 1 else None
            if isinstance(size, str):
                first = batch if axis == 0 else one.hints.get(size)
                found = known.setdefault(size, asked if asked is not None else first or 0)
            else:
                found = size
            if asked is not None and asked != found:
                raise ZooError(f"{takes}, got size {asked} where the file has {found}")
            if found == 0:
                raise ZooError(f"{takes}; set the dynamic size {size} with --input, such as --input 3x224x224")
            sizes.append(found)
        settled.append(tuple(sizes))
    return settled
