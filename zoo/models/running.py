"""Run one forward pass of a TARGET: build it, give it inputs, and explain errors if they do not fit."""

import contextlib
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

from zoo.graph_files import is_graph, read
from zoo.models import caching, shipped
from zoo.models.importing import neighbours
from zoo.models.revisions import revision_of
from zoo.models.targets import Subject, definition, resolve
from zoo.ops.resizing import resized
from zoo.record.trace import Trace
from zoo.tables.notes import Defaults, Note, OwnInput, RealRun, from_data, to_data
from zoo.util.errors import ForwardError, ZooError, told
from zoo.util.pausing import no_collection
from zoo.util.text import sizes
from zoo.util.version import __version__

if TYPE_CHECKING:
    from torch import nn

_SEARCH_SECONDS = 3.0


@dataclass(frozen=True)
class Run:
    """A forward that was recorded, with what is known of the model: its name, the options it was built with, remarks."""

    name: str
    trace: Trace
    options: Mapping[str, Any]
    notes: tuple[Note | str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the run as JSON data."""
        notes = list(map(to_data, self.notes))
        return {"name": self.name, "trace": self.trace.to_dict(), "options": dict(self.options), "notes": notes}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Run":
        """The inverse of `to_dict`. Raises `KeyError`, `TypeError` or `ValueError` for invalid data."""
        return cls(data["name"], Trace.from_dict(data["trace"]), data["options"], tuple(map(from_data, data["notes"])))


def run(
    target: "str | nn.Module",
    *,
    input: Sequence[int] | Sequence[Sequence[int]] | None = None,
    inputs: Any = None,
    train: bool = False,
    options: Mapping[str, Any] | None = None,
    batch: int = 1,
    real: bool = False,
) -> Run:
    """Build what `target` names, and record one forward. Arguments and errors are those of `zoo.summary`.

    The forward of a network at its card's input comes with the package (see `zoo.models.shipped`). Where the cache is in use (see
    `zoo.models.caching`), one that was recorded before is read from there.
    """
    question = {
        "target": target,
        "input": input,
        "inputs": inputs,
        "train": train,
        "options": options or {},
        "batch": batch,
        "real": real,
    }
    if (known := _shipped(question)) is not None:
        return known
    key = caching.key(question, partial(definition, target))
    kept = caching.find(key) if key else None
    if kept is not None:
        with contextlib.suppress(KeyError, TypeError, ValueError, IndexError, AttributeError):  # not what we write
            return Run.from_dict(kept)
    found = _run(**question)
    if key:
        caching.keep(key, found.to_dict())
    return found


def _shipped(question: Mapping[str, Any]) -> Run | None:
    """The forward that comes with the package, on the input that was asked for."""
    with contextlib.suppress(KeyError, TypeError, ValueError, IndexError, AttributeError):  # not what we write
        if (found := shipped.find(**question)) is not None:
            data, shape = found
            usual = Run.from_dict(data)
            sized = resized(usual.trace, [shape])
            return None if sized is None else replace(usual, trace=sized)
    return None


def resizable(target: "str | nn.Module", *, train: bool = False, options: Mapping[str, Any] | None = None) -> Run | None:
    """The forward that comes with the package, if `zoo.ops.resizing.resized` gives those on other inputs; None otherwise."""
    with contextlib.suppress(KeyError, TypeError, ValueError, IndexError, AttributeError):  # not what we write
        if (data := shipped.resizable(target, train, options or {})) is not None:
            return Run.from_dict(data)
    return None


def _run(target: Any, input: Any, inputs: Any, train: bool, options: Mapping[str, Any], batch: int, real: bool) -> Run:
    if is_graph(target):
        if real:
            raise ZooError(f"{target} is read without running it: --real does not apply")
        found, remarks = read(target, input=input, inputs=inputs, train=train, options=options, batch=batch)
        return Run(target, found, {}, tuple(remarks))
    if (revision := revision_of(target)) is not None:
        with revision.files() as place:
            then = _run(place, input, inputs, train, options, batch, real)
        return replace(then, name=target, trace=replace(then.trace, target=target))

    def build_and_run() -> tuple[Subject, Trace]:
        subject = resolve(target, options, train=train)
        shape = None if inputs is not None else input if input is not None else subject.shape(batch)
        return subject, trace_subject(subject, shape, inputs, train, real)

    with neighbours(target):
        subject, trace = (build_and_run if real else no_collection(build_and_run))()
    given = input is not None or inputs is not None
    notes: list[Note] = [note for note in subject.notes if not (given and isinstance(note, OwnInput))]
    if inputs is None and not real and _reads_integers(trace):
        notes.append(Defaults())
    if real:
        notes.append(RealRun(not any(p.is_meta for p in subject.module.parameters()), inputs is not None))
    return Run(subject.name, trace, subject.options, tuple(notes))


_READS = frozenset({"_local_scalar_dense", "is_nonzero", "equal", "nonzero"})


def _reads_integers(trace: Trace) -> bool:
    """Whether the forward asked for the values of what comes from integer inputs."""
    found = {value.id for value in trace.inputs if "float" not in value.dtype}
    for op in trace.ops if found else ():
        if any(value.id in found for value in op.inputs):
            if op.kind in _READS:
                return True
            if not any("float" in value.dtype for value in op.outputs):
                found.update(value.id for value in op.outputs)
    return False


def trace_target(target: "str | nn.Module", input: Sequence[int] | None = None, *, train: bool = False) -> Trace:
    """Run one forward pass of a TARGET on an input with batch, by default its own. Raises `ZooError` as `zoo.summary` does."""
    return run(target, input=input, train=train).trace


def trace_subject(subject: Subject, shape: Any, inputs: Any, train: bool, real: bool = False) -> Trace:
    """Run one forward pass of a subject, on a shape or on ready inputs. Raises `ZooError` with a hint if these do not fit."""
    from zoo.tracing.trace import trace

    check_batch(subject, shape)
    try:
        done = trace(subject.module, input=shape, inputs=inputs, train=train, real=real, target=subject.name)
    except ForwardError as error:
        if error.needs_values:
            raise error.within(subject.name) from error
        hint = _hint(subject, shape, train) if error.misfit or _without_batch(subject, shape) else _words(subject, shape)
        hint = hint or _no_tensor(inputs)
        found = error.within(f"{subject.name} does not take {_shown(shape)}", hint)
        otherwise = bool(error.misfit or error.needs_integers or hint or "required positional argument" in error.message)
        found.no_input = subject.assumed and bool(shape) and shape == subject.shape(shape[0]) and otherwise
        raise found from error
    except SystemExit as error:
        raise ZooError(f"the forward of {subject.name} ends the program: {told(error)}") from error
    return replace(done, versions={"zoo": __version__, **done.versions})


def _shown(shape: Any) -> str:
    return "these inputs" if shape is None or not all(isinstance(n, int) for n in shape) else sizes(shape)


def _hint(subject: Subject, shape: Any, train: bool) -> str:
    """Return a hint for a layer that refuses its input: the expected channels, or the smallest size that fits."""
    if _without_batch(subject, shape):
        return "; a shape has the batch first, as in (1, 3, 224, 224); a string leaves it out, as in '3x224x224'"
    if shape is None or not all(isinstance(n, int) for n in shape) or len(shape) != len(subject.input) + 1:
        return "" if subject.assumed else f"; expected an input of N×{sizes(subject.input)}"
    if subject.assumed and tuple(shape[1:]) == subject.input:
        return f"; {_UNKNOWN}"
    if shape[1] != subject.input[0] and _fits(subject, (shape[0], *subject.input), train):
        way = f", or --set in_channels={shape[1]}" if ":" not in subject.name else ""
        return f"; the network expects {subject.input[0]} channels{way}"
    fits = _smallest(subject, shape, train)
    return f"; the smallest square input that fits is {sizes(fits)}" if fits else ""


def check_batch(subject: Subject, shape: Any) -> None:
    """Raise `ZooError` for a shape without batch, if the model's own input is known."""
    if _without_batch(subject, shape) and not subject.assumed:
        own = subject.input
        example = f"{(1, *own)} or {sizes(own, 'x')!r}"
        raise ZooError(f"{subject.name}: expected an input of N×{sizes(own)}, such as {example}, got {sizes(shape)}")


def _without_batch(subject: Subject, shape: Any) -> bool:
    """Whether a shape has as many sizes as the model's own input, which has no batch."""
    return isinstance(shape, tuple) and len(shape) == len(subject.input) and all(isinstance(n, int) for n in shape)


def _no_tensor(inputs: Any) -> str:
    """A hint for a shape or a string that was given as the value of an argument."""
    numbers = isinstance(inputs, list | tuple) and len(inputs) > 0 and all(isinstance(n, int) for n in inputs)
    wrong = numbers or isinstance(inputs, str)
    return "; inputs are the arguments themselves, such as tensors; pass a shape as input" if wrong else ""


def _words(subject: Subject, shape: Any) -> str:
    """What to give to a model of words that was run on an image, because no input was given: indices, by their name there."""
    if not subject.assumed or shape != subject.shape(shape[0] if shape else 1):
        return ""
    name = next(iter(signature(subject.module.forward).parameters), "")
    wants = any(sign in name for sign in ("ids", "tokens", "words"))
    way = f"--input {name}=128:int64 (in Python input=zoo.Input((1, 128), 'int64', name='{name}'))"
    return f"; no input was given, and 3×224×224 is assumed: try {way}" if wants else ""


_UNKNOWN = "no input was given, so 3×224×224 is assumed; pass --input CxHxW (in Python input=(1, C, H, W))"


def _smallest(subject: Subject, shape: Sequence[int], train: bool) -> tuple[int, ...] | None:
    """The smallest square image that the network takes, found by trying; None if there is none up to twice its own.

    Sizes that fit come in runs as long as the network's stride, so every eighth size is tried first; or they are the multiples
    of a number, which then divides what is found.
    """
    axes, end = len(shape[2:]), time.monotonic() + _SEARCH_SECONDS
    most = 2 * max(*subject.input[1:], *shape[2:])

    def first(sides: Iterable[int]) -> int | None:
        tried = itertools.takewhile(lambda _: time.monotonic() < end, sides)
        return next((side for side in tried if _fits(subject, (*shape[:2], *(side,) * axes), train)), None)

    coarse = first(range(8, most + 1, 8))
    found = first(range(1, most + 1)) if coarse is None else first(range(max(coarse - 7, 1), coarse + 1))
    if found is None:
        return None
    least = first(side for side in range(1, found) if found % side == 0) or found
    return (shape[1], *(least,) * axes)


def _fits(subject: Subject, shape: Sequence[int], train: bool) -> bool:
    from zoo.tracing.trace import trace

    try:
        trace(subject.module, input=shape, train=train)
    except ZooError:
        return False
    return True
