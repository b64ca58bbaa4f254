"""Writes the traces that come with the package, and the index of its cards: `python -m zoo.models.shipping`, after a network or
what traces it has changed.

Files whose trace is as it was are left alone. A test holds each equal to a new trace, and the index to the cards.
"""

import json
import lzma
import sys
from collections.abc import Mapping
from typing import Any

from zoo.catalogue.entries import architectures
from zoo.catalogue.source import INDEX, index
from zoo.models import shipped
from zoo.models.running import run, trace_target
from zoo.ops.resizing import resized
from zoo.record.trace import Trace
from zoo.util import files
from zoo.util.errors import ZooError


def fresh(name: str) -> dict[str, Any]:
    """What the file of a network holds, from traces that are made now."""
    found = as_on_the_card(name)
    with shipped.unused():
        resizes = all(_resizes(name, Trace.from_dict(found[mode]["trace"]), mode) for mode in _MODES)
    return found | {"resizes": resizes}


def as_on_the_card(name: str) -> dict[str, Any]:
    """The forwards of a network at its card's input by mode, traced now."""
    with shipped.unused():
        return {mode: run(name, train=mode == "train").to_dict() for mode in _MODES}


_MODES = ("eval", "train")


def _resizes(name: str, trace: Trace, mode: str) -> bool:
    """Whether the shape facts give the traces of other batches, channels and sizes, and refuse what the network refuses."""
    batch, channels, *sizes = trace.inputs[0].shape
    others = [[2 * size + 17 for size in sizes], [size - size // 8 for size in sizes], [size // 8 + 1 for size in sizes]]
    tried = [(batch, channels, *other) for other in others]
    for shape in [(batch + 1, channels, *sizes), (batch, channels + 1, *sizes), *tried]:
        found = resized(trace, [shape])
        try:
            expected: Trace | None = trace_target(name, shape, train=mode == "train")
        except ZooError:
            expected = None
        if _bare(found) != _bare(expected):
            return False
    return True


def _bare(trace: Trace | None) -> dict[str, Any] | None:
    return None if trace is None else trace.to_dict() | {"versions": {}}


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two files hold the same but for the versions of the programs that recorded it."""
    return bool(_without_versions(one) == _without_versions(other))


def _without_versions(data: Mapping[str, Any]) -> Any:
    bare = {mode: data[mode] | {"trace": {**data[mode]["trace"], "versions": {}}} for mode in _MODES}
    return json.loads(json.dumps({**data, **bare}))


def main() -> None:
    """Write the index, and the files that are missing or differ from a new trace; say which."""
    files.write(index().encode(), INDEX)
    shipped.FOLDER.mkdir(exist_ok=True)
    ours = {name: found for name, found in architectures().items() if not found.origin}
    for name, found in ours.items():
        data, kept = fresh(name), shipped.read(found)
        if kept is None or not same(kept, data):
            body = lzma.compress(json.dumps(data, separators=(",", ":"), sort_keys=True).encode(), preset=9)
            files.write(f"{shipped.first_line(found, body)}\n".encode() + body, shipped.path_of(found))
            sys.stderr.write(f"{name}: written\n")
    for path in shipped.FOLDER.glob("*.trace"):
        if path.stem not in ours:
            path.unlink()
            sys.stderr.write(f"{path.stem}: removed\n")


if __name__ == "__main__":
    main()
