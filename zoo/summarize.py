"""One question in one call: build, trace, measure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from zoo.analysis.engine import choose, measure, readable_depth
from zoo.errors import ZooError
from zoo.running import Run, run
from zoo.table import Table

if TYPE_CHECKING:
    from torch import nn


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
    found = run(target, input=input, inputs=inputs, train=train, options=options, batch=batch)
    level = readable_depth(found.trace) if depth == "auto" else depth
    table = measure(found.trace, columns=columns, depth=level)
    notes = found.notes
    if depth == "auto" and level is not None:
        notes += (f"rows are folded at depth {level}; --depth 99 shows every layer",)
    context = {**table.context, **({"options": dict(found.options)} if found.options else {})}
    return replace(table, title=_title(found), context=context, notes=(*table.notes, *notes))


def _check(input: Any, inputs: Any, depth: Any, batch: Any) -> None:
    if input is not None and inputs is not None:
        raise ZooError("give either input (shapes) or inputs (tensors)")
    if input is not None and not isinstance(input, Sequence):
        raise ZooError(f"input {input!r} is no shape: whole numbers such as (1, 3, 224, 224) are wanted")
    if depth not in (None, "auto") and (not isinstance(depth, int) or depth < 0):
        raise ZooError(f"depth {depth!r}: a whole number of at least 0, 'auto' or None is wanted")
    if not isinstance(batch, int) or batch < 1:
        raise ZooError(f"batch {batch!r}: a whole number of at least 1 is wanted")


def _title(found: Run) -> str:
    chosen = ", ".join(f"{key}={value}" for key, value in found.options.items())
    sizes = ", ".join("×".join(map(str, value.shape)) for value in found.trace.inputs)
    mode = "training" if found.trace.mode == "train" else "evaluation"
    return f"{found.name}{f'({chosen})' if chosen else ''} · input {sizes} · {mode} mode"
