"""What a training step holds in memory, by batch: weights, gradients, the optimizer's state, and what is kept for the backward."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from zoo.extend import Arm, Column, Sizes, Study, Table, TargetName, ZooError, arms_table, short

COLUMNS = (
    Column("weights", "bytes", "parameters and buffers", hide_order=1),
    Column("gradients", "bytes", "one for each trainable parameter", hide_order=1),
    Column("optimizer", "bytes", "the optimizer's numbers for each trainable parameter", hide_order=1),
    Column("saved", "bytes", "what the forward keeps for the backward", hide_order=0),
    Column("total", "bytes", "their sum", hide_order=0),
    Column("share", "share", "of the total that is kept for the backward", hide_order=0),
)
BATCHES = (1, 8, 32, 128)
OPTIMIZERS = {"SGD": 0, "SGD with momentum": 1, "Adam": 2}
"""Numbers that an optimizer keeps for each parameter."""
INFERENCE = {"float32": 4, "float16": 2, "int8": 1}


def run(
    on: Annotated[TargetName | None, "measure this network instead of ResNet-50"] = None,
    input: Annotated[Sizes | None, "its input without batch, such as 3x320x320"] = None,
) -> Table:
    """A training step in float32 with Adam by batch, the other optimizers at the largest batch, and the weights alone by dtype.

    Raises `ZooError` if it is not known what some op keeps for the backward.
    """
    name = on or "resnet50"
    found = {batch: _measured(name, input, batch) for batch in BATCHES}
    arms = [Arm(f"batch {batch}", _cells(cells, "Adam"), "Adam") for batch, cells in found.items()]
    arms += [Arm(optimizer, _cells(found[BATCHES[-1]], optimizer), f"batch {BATCHES[-1]}") for optimizer in OPTIMIZERS]
    numbers = found[1]["params"]
    arms += [
        Arm(dtype, {"weights": numbers * size, "total": numbers * size}, "parameters alone") for dtype, size in INFERENCE.items()
    ]
    return arms_table(
        f"training-memory: what does a training step of {name if isinstance(name, str) else type(name).__name__} hold in memory?",
        COLUMNS,
        arms,
        ratios=("total",),
        notes=["counted, not measured: no workspace of kernels, no fragments, no copy in mixed precision, nothing recomputed"],
        lesson=_lesson(arms, found),
    )


def _measured(target: Any, input: Sequence[int] | None, batch: int) -> Mapping[str, Any]:
    from zoo.extend import measure, trace

    shape = (batch, *input) if input else None
    found = trace(target, input=shape, train=True) if shape else trace(target, batch=batch, train=True)
    total = dict(measure(found, columns=["params", "param_bytes", "buffer_bytes", "trainable", "saved"], depth=0).total)
    if not isinstance(total["saved"], int):
        raise ZooError(
            f"what {found.target} keeps for the backward is not known for all of its ops; zoo summary --columns saved says which"
        )
    return total


def _cells(total: Mapping[str, Any], optimizer: str) -> dict[str, Any]:
    gradients = 4 * total["trainable"]
    parts = {
        "weights": _bytes(total["param_bytes"]) + _bytes(total["buffer_bytes"]),
        "gradients": gradients,
        "optimizer": OPTIMIZERS[optimizer] * gradients,
        "saved": total["saved"],
    }
    whole = sum(parts.values())
    return {**parts, "total": whole, "share": round(parts["saved"] / whole, 6)}


def _bytes(cell: Any) -> int:
    """A number, or the sum of several by dtype."""
    return sum(cell.values()) if isinstance(cell, Mapping) else int(cell or 0)


def _lesson(arms: Sequence[Arm], found: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """Sentences that quote the table."""
    first, last = arms[0].cells, arms[len(BATCHES) - 1].cells
    fixed = first["total"] - first["saved"]
    each = (found[BATCHES[-1]]["saved"] - found[1]["saved"]) / (BATCHES[-1] - 1)
    said = [
        f"With Adam a step of one image holds {short(first['total'])} bytes, {first['share']:.1%} of them for the backward,",
        f"and one of {BATCHES[-1]} images {short(last['total'])}, {last['share']:.1%}.",
    ]
    if each > 0:
        said.append(
            f"From a batch of {max(int(fixed // each) + 1, 1):,} on, what is kept for the backward outweighs everything else."
        )
    return said


STUDY = Study("training-memory", "What does a training step hold in memory, and how does that grow with the batch?", run)
