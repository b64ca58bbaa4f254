"""One question in one call: build, trace, measure."""

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from zoo.analysis.engine import choose, measure, readable_depth
from zoo.errors import ZooError
from zoo.record import Trace
from zoo.table import Table
from zoo.targets import Subject, neighbours, resolve

if TYPE_CHECKING:
    from torch import nn

_SEARCH_SECONDS = 3.0


def summary(
    target: "str | nn.Module",
    *,
    input: Sequence[int] | Sequence[Sequence[int]] | None = None,
    inputs: Any = None,
    train: bool = False,
    depth: int | Literal["auto"] | None = None,
    columns: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    batch: int = 1,
) -> Table:
    """The table of a model: a row for each layer, a column for each pass, totals.

    `target` is a catalogue name, another TARGET ("torchvision:NAME", "package.module:attribute", "file.py:attribute") or a module.
    `input` is a shape with batch, or a list of such, by default the one the model is made for with `batch` images; `inputs` are
    ready tensors. `options` go to the builder of a model that is named. `depth` folds the rows below so many levels of modules,
    "auto" so that a page holds them; None shows every layer. Raises `ZooError` for whatever the caller got wrong.
    """
    choose(columns)
    _check(input, inputs, depth, batch)
    with neighbours(target):
        subject = resolve(target, options or {}, train=train)
        given = input is not None or inputs is not None
        shape = None if inputs is not None else input if input is not None else (batch, *subject.input)
        trace = trace_subject(subject, shape, inputs, train)
    level = readable_depth(trace) if depth == "auto" else depth
    table = measure(trace, columns=columns, depth=level)
    notes = tuple(note for note in subject.notes if not (given and "input" in note))
    if depth == "auto" and level is not None:
        notes += (f"rows are folded at depth {level}; --depth 99 shows every layer",)
    context = {**table.context, **({"options": dict(subject.options)} if subject.options else {})}
    return replace(table, title=_title(subject, trace.inputs, train), context=context, notes=(*table.notes, *notes))


def _check(input: Any, inputs: Any, depth: Any, batch: Any) -> None:
    if input is not None and inputs is not None:
        raise ZooError("give either input (shapes) or inputs (tensors)")
    if input is not None and not isinstance(input, Sequence):
        raise ZooError(f"input {input!r} is no shape: whole numbers such as (1, 3, 224, 224) are wanted")
    if depth not in (None, "auto") and (not isinstance(depth, int) or depth < 0):
        raise ZooError(f"depth {depth!r}: a whole number of at least 0, 'auto' or None is wanted")
    if not isinstance(batch, int) or batch < 1:
        raise ZooError(f"batch {batch!r}: a whole number of at least 1 is wanted")


def _title(subject: Subject, inputs: Sequence[Any], train: bool) -> str:
    chosen = ", ".join(f"{key}={value}" for key, value in subject.options.items())
    sizes = ", ".join("×".join(map(str, value.shape)) for value in inputs)
    return f"{subject.name}{f'({chosen})' if chosen else ''} · input {sizes} · {'training' if train else 'evaluation'} mode"


def trace_target(target: "str | nn.Module", input: Sequence[int] | None = None, *, train: bool = False) -> Trace:
    """One forward of a TARGET on an input with batch, by default its own. Raises `ZooError` as `summary` does."""
    with neighbours(target):
        subject = resolve(target, {}, train=train)
        return trace_subject(subject, input or (1, *subject.input), None, train)


def trace_subject(subject: Subject, shape: Any, inputs: Any, train: bool) -> Trace:
    """One forward of a subject, on a shape or on ready inputs. Raises `ZooError` that says what would fit if these do not."""
    from zoo import __version__
    from zoo.tracing import ForwardError, trace

    try:
        found = trace(subject.module, input=shape, inputs=inputs, train=train, target=subject.name)
    except ForwardError as error:
        hint = _hint(subject, shape, train) if error.misfit else ""
        raise ZooError(f"{subject.name} does not take {_sizes(shape, inputs)}: {error}{hint}") from error
    except SystemExit as error:
        raise ZooError(f"the forward of {subject.name} ends the program: SystemExit: {error}") from error
    return replace(found, versions={"zoo": __version__, **found.versions})


def _sizes(shape: Any, inputs: Any) -> str:
    if shape is None:
        return "these inputs"
    return "×".join(map(str, shape)) if all(isinstance(n, int) for n in shape) else "these inputs"


def _hint(subject: Subject, shape: Any, train: bool) -> str:
    """What to do about a layer that refuses its input: the right channels, or the smallest size that fits."""
    if shape is None or not all(isinstance(n, int) for n in shape) or len(shape) != len(subject.input) + 1:
        return "" if subject.assumed else f"; the input is wanted as N×{'×'.join(map(str, subject.input))}"
    if subject.assumed and tuple(shape[1:]) == subject.input:
        return f"; {_UNKNOWN}"
    if shape[1] != subject.input[0] and _fits(subject, (shape[0], *subject.input), train):
        way = f", or --set in_channels={shape[1]}" if ":" not in subject.name else ""
        return f"; the network takes {subject.input[0]} channels{way}"
    fits = _smallest(subject, shape, train)
    return f"; the smallest square input that fits is {'×'.join(map(str, fits))}" if fits else ""


_UNKNOWN = "no input was given, and 3×224×224 assumed: give one, as --input CxHxW"


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
    from zoo.tracing import trace

    try:
        trace(subject.module, input=shape, train=train)
    except ZooError:
        return False
    return True
