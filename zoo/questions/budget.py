"""Budgets: limits that a model must keep, for continuous integration.

`exceeded` compares a trace with its limits; `zoo summary --max-macs 5G` prints what it finds, and `check_budget` raises it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.analysis.measure import measure
from zoo.analysis.stages import find_stages
from zoo.models.forward import forward
from zoo.record.trace import Trace
from zoo.tables.formats._cells import text
from zoo.tables.notes import Exceeded
from zoo.tables.table import Column, Row, Table
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError, unknown
from zoo.util.quantities import quantity

if TYPE_CHECKING:
    from zoo.models.forward import Traceable

_COLUMNS = (
    Column("found", "count", "of the model; pixels for rf, bytes for memory", hide_order=0),
    Column("limit", "count", "at most; for rf at least", hide_order=0),
)


class OverBudgetError(AssertionError):
    """A model exceeds its budget. `str()` is one line; `exceeded` has a record for each limit that is not kept.

    Example:
        >>> try:
        ...     zoo.check_budget("lenet5", max_params="50K")
        ... except zoo.OverBudgetError as error:
        ...     print(error)
        lenet5 is over budget: parameters 60,000 > 50,000 (10,000 more, +20.0%)
    """

    def __init__(self, name: str, exceeded: "tuple[Exceeded, ...]") -> None:
        super().__init__(f"{name} is over budget: {'; '.join(one.reason for one in exceeded)}")
        self.exceeded = exceeded


@undisturbed
def check_budget(
    target: "Traceable",
    *,
    max_params: int | str | None = None,
    max_macs: int | str | None = None,
    max_flops: int | str | None = None,
    max_memory: int | str | None = None,
    min_rf: int | str | None = None,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Table:
    """Check that a model keeps its budget, in a test or before a training run; nothing is computed but shapes.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them, or a `Trace`.
        max_params, max_macs, max_flops: Largest totals: numbers, or texts such as "25M" and "5G".
        max_memory: Most bytes, such as "2GiB" (powers of 1024) or "2GB" (powers of 1000): parameters, buffers and the peak of live
            activations; in training mode parameters, buffers, gradients and what is kept for the backward pass, without the
            optimizer's state.
        min_rf: Smallest receptive field of the last feature maps before the head, in pixels, along every axis.
        input, inputs, batch, train, real, options: As in `zoo.trace`.

    Returns:
        A `Table` with a row for each limit: what was found, and the limit.

    Raises:
        OverBudgetError: If a limit is exceeded, or if it is not known whether it is kept. It is an `AssertionError`.
        ZooError: As `zoo.trace`, for a limit that is not a number, and if no limit is given.

    Example:
        >>> table = zoo.check_budget("resnet50", max_macs="4.1G", max_params="26M", min_rf=224)
        >>> {row.name: row.cells["found"] for row in table.rows}
        {'params': 25557032, 'macs': 3857973248, 'rf': 483}
    """
    given = {"max_params": max_params, "max_macs": max_macs, "max_flops": max_flops, "max_memory": max_memory, "min_rf": min_rf}
    limits = read_limits(given)
    if not limits:
        raise ZooError(f"check_budget: expected at least one of {', '.join(given)}")
    run = forward(target, input=input, inputs=inputs, batch=batch, train=train, real=real, options=options)
    if faults := tuple(exceeded(run.trace, limits)):
        raise OverBudgetError(run.name, faults)
    rows = [
        Row(name.partition("_")[2], "limit", {"found": _LIMITS[name].found(run.trace), "limit": limits[name]}) for name in limits
    ]
    return Table(f"budget of {run.name}", {"target": run.name}, _COLUMNS, tuple(rows), notes=run.notes)


def _named(limit: str) -> str:
    """The quantity of a limit: max_macs -> macs."""
    return limit.partition("_")[2]


def read_limits(limits: Mapping[str, int | str | None]) -> dict[str, int]:
    """Return the limits that are given, such as max_macs="5G", as numbers. Raises `ZooError` for an unknown limit, and for a value
    that is not a number.
    """
    for name in limits:
        if name not in _LIMITS:
            raise unknown("limit", name, _LIMITS)
    return {name: quantity(limit, name) for name, limit in limits.items() if limit is not None}


def exceeded(trace: Trace, limits: Mapping[str, int]) -> Iterator[Exceeded]:
    """Yield a note for each limit that the model exceeds, or that it cannot be shown to keep."""
    for name, limit in limits.items():
        found = _LIMITS[name].found(trace)
        over = found < limit if name.startswith("min_") and isinstance(found, int) else not isinstance(found, int) or found > limit
        if over:
            yield Exceeded(name, _LIMITS[name].words, found if isinstance(found, int) else text(found), limit)


@dataclass(frozen=True)
class _Limit:
    """What a limit is compared with: its name in messages, and how it is found; a number, or another cell if it is not known."""

    words: str
    found: Callable[[Trace], Any]


def _total(column: str) -> Callable[[Trace], Any]:
    return lambda trace: measure(trace, columns=[column], depth=0).total[column]


def _memory(trace: Trace) -> Any:
    """Bytes for inference, or for a training step without the optimizer's state."""
    training = trace.mode == "train"
    activations = _total("saved" if training else "peak")(trace)
    if activations is not None and not isinstance(activations, int):
        return activations
    tensors = [param for op in trace.ops for param in op.owns]
    gradients = sum(param.nbytes for param in tensors if param.trainable) if training else 0
    return sum(param.nbytes for param in tensors) + gradients + (activations or 0)


def _field(trace: Trace) -> Any:
    """The receptive field of the last feature maps before the head, or of the output of a network without stages."""
    try:
        rf = find_stages(trace)[-1].rf
    except ZooError:
        rf = measure(trace, columns=["rf"], depth=0).total["rf"]
    return min(rf["size"]) if rf and "size" in rf else "undefined"


_LIMITS = {
    "max_params": _Limit("parameters", _total("params")),
    "max_macs": _Limit("MACs", _total("macs")),
    "max_flops": _Limit("FLOPs", _total("flops")),
    "max_memory": _Limit("bytes of memory", _memory),
    "min_rf": _Limit("receptive field", _field),
}
