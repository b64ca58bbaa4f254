"""Traces that come with the package: a question about a network of the catalogue, built as its card says, needs no torch.

`zoo/catalogue/traces` has one file for each network. Its first line names the format, a digest of the file that defines the
network, and a checksum of what follows: the forwards in evaluation and in training mode at the card's input, compressed. A file is
used if all of these are as they should be; any other is as good as none, and the network is traced. So a network that was changed
is traced again, and a change elsewhere renews nothing. Inputs of other sizes follow from the shape facts of the ops, if they did
where this was tried. `zoo/models/shipping.py` writes the files.
"""

import contextlib
import hashlib
import importlib.util
import json
import lzma
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from zoo.catalogue.entries import Entry, entry
from zoo.ops.book import OPS
from zoo.record.trace import SCHEMA
from zoo.util.errors import ZooError

FOLDER = Path(__file__).parent.parent / "catalogue" / "traces"
FORMAT = f"zoo.traces/1 {SCHEMA}"
MOST_BYTES = 50_000_000
"""The largest size of the data in one file; the largest network has three million."""

_unused: ContextVar[bool] = ContextVar("shipped traces unused", default=False)


@contextlib.contextmanager
def unused() -> Iterator[None]:
    """Inside this context nothing is read from the package: every network is traced."""
    before = _unused.get()
    try:
        _unused.set(True)
        yield
    finally:
        _unused.set(before)


def do_without() -> None:
    """Stop reading what comes with the package."""
    _unused.set(True)


def find(target: Any, input: Any, inputs: Any, train: bool, options: Mapping[str, Any], batch: int, real: bool) -> Any:
    """The forward of a network as JSON data, and the shape of the input that was asked for; None if it does not come with zoo.

    The arguments are those of `zoo.models.running.run`. An op that another package has defined may be kept whole where these traces
    have its parts, so they are not used beside one.
    """
    if real or inputs is not None or (found := _ours(target, options)) is None:
        return None
    usual = (1, *found.card.input)
    shape = (batch, *found.card.input) if input is None else input
    if not isinstance(shape, tuple) or not all(isinstance(size, int) for size in shape):
        return None
    data = read(found)
    if data is None or not (shape == usual or data["resizes"]):
        return None
    return data["train" if train else "eval"], shape


def resizable(target: Any, train: bool, options: Mapping[str, Any]) -> Any:
    """The forward of a network at its card's input as JSON data, if those on other inputs follow from it; None otherwise."""
    found = _ours(target, options)
    data = None if found is None else read(found)
    return data["train" if train else "eval"] if data is not None and data["resizes"] else None


def _ours(target: Any, options: Mapping[str, Any]) -> Entry | None:
    """The entry of a network whose trace comes with the package, if that may be used."""
    if options or _unused.get() or not isinstance(target, str) or not OPS.ours_alone:
        return None
    try:
        found = entry(target)
    except ZooError:  # it is another kind of target, or the code that resolves it reports it
        return None
    return None if found.origin else found


def read(found: Entry) -> dict[str, Any] | None:
    """What the file of a network holds; None if there is none that can be used."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError, lzma.LZMAError):
        first, _, body = path_of(found).read_bytes().partition(b"\n")
        if first.decode() == first_line(found, body):
            data: dict[str, Any] = json.loads(lzma.LZMADecompressor().decompress(body, MOST_BYTES))
            return data
    return None


def path_of(found: Entry) -> Path:
    """The file of a network."""
    return FOLDER / f"{found.card.name}.trace"


def first_line(found: Entry, body: bytes) -> str:
    """What the file of a network begins with if it is up to date and whole."""
    return f"{FORMAT} {_definition(found)} {hashlib.sha256(body).hexdigest()}"


def _definition(found: Entry) -> str:
    """A digest of the file that defines a network, whatever ends its lines."""
    spec = importlib.util.find_spec(found.module)
    if spec is None or spec.origin is None:
        raise ValueError(f"{found.module} has no source")
    return hashlib.sha256(Path(spec.origin).read_text(encoding="utf-8").encode()).hexdigest()
