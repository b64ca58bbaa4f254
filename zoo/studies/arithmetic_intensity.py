"""Arithmetic intensity against the balance of a device: Williams, Waterman and Patterson, "Roofline" (2009).

The numbers are those of `zoo plot roofline`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from zoo.analysis.roofline import Bound, Device, bounds
from zoo.analysis.roofline import device as device_of
from zoo.extend import Arm, Column, PositiveInt, Sizes, Study, Table, TargetName, Text, ZooError, arms_table, trace

COLUMNS = (
    Column("layers", "layers", "that multiply", hide_order=1),
    Column("flops", "operations", "two for each MAC", hide_order=2),
    Column("moved", "bytes", "inputs, parameters and outputs of the layers' operations", hide_order=3),
    Column("intensity", "FLOPs per byte", "FLOPs for each byte that is moved", hide_order=0),
    Column("by_memory", "layers", "layers that memory limits, rather than arithmetic", hide_order=0),
    Column("microseconds", "microseconds", "at least", hide_order=0),
    Column("time", "share", "of the time that all layers take at least", hide_order=0),
)
NETWORKS = ("alexnet", "vgg16", "googlenet", "resnet50")
KINDS = {"conv": "convolution", "depthwise": "depthwise convolution", "fc": "fully connected layer", "other": "other product"}


def run(
    device: Annotated[Text, "t4, v100, a100, h100, or FLOPS:BYTES per second"] = "a100",
    batch: Annotated[PositiveInt, "the larger of two batch sizes"] = 64,
    on: Annotated[TargetName | None, "measure this network instead of four"] = None,
    input: Annotated[Sizes | None, "its input size without batch, such as 3x320x320"] = None,
) -> Table:
    """Layers that multiply, by kind, with batch 1 and with a larger one: what limits them, and how long they take at least.

    Raises `ZooError` for an unknown device, and for an input size without a network.
    """
    if input is not None and on is None:
        raise ZooError("input requires on, the network to use")
    if batch == 1:
        raise ZooError("batch: expected an integer >= 2, to compare with batch 1")
    chosen = device_of(device)
    arms = [
        arm for name in ([on] if on is not None else NETWORKS) for size in (1, batch) for arm in _arms(name, size, input, chosen)
    ]
    return arms_table(
        "arithmetic-intensity: which layers does memory limit, rather than arithmetic?",
        COLUMNS,
        arms,
        notes=[
            f"{chosen.name}: {chosen.flops:.3g} FLOPs and {chosen.bandwidth:.4g} bytes per second, in single precision without "
            f"tensor cores ({chosen.source}); its balance is {chosen.balance:.1f} FLOPs per byte",
            "a layer with fewer FLOPs per byte than the balance waits for memory; times are lower bounds: every input, parameter "
            "and output is moved once, and nothing else takes time",
            f"×1, ×{batch}: the batch; depthwise: convolutions with a group for each channel; fc: fully connected; other: products "
            "of two inputs, such as those of attention",
        ],
        lesson=list(_lesson(arms, chosen, batch)),
    )


def _arms(name: Any, batch: int, input: Sequence[int] | None, device: Device) -> Iterator[Arm]:
    shape = None if input is None else (batch, *input)
    found = trace(name, input=shape) if shape else trace(name, batch=batch)
    every = list(bounds(found, device))
    if not every:
        raise ZooError(f"{found.target} has no layer that multiplies")
    whole = sum(one.seconds for one in every)
    for kind in KINDS:
        if some := [one for one in every if _kind(one) == kind]:
            yield Arm(f"{kind} ×{batch}", _cells(some, whole), found.target)
    yield Arm(f"all ×{batch}", _cells(every, whole), found.target)


def _kind(one: Bound) -> str:
    """By the op of the row that has weights."""
    for op in one.row.ops:
        if op.kind.startswith("conv"):
            groups = op.attrs.get("groups", 1)
            return "depthwise" if groups > 1 and groups == op.inputs[0].shape[1] else "conv"
        if op.kind in {"linear", "addmm"}:
            return "fc"
    return "other"


def _cells(some: Sequence[Bound], whole: float) -> dict[str, Any]:
    flops, moved, seconds = (sum(getattr(one, name) for one in some) for name in ("flops", "bytes", "seconds"))
    return {
        "layers": len(some),
        "flops": flops,
        "moved": moved,
        "intensity": float(f"{flops / moved:.3g}"),
        "by_memory": sum(one.by_memory for one in some),
        "microseconds": float(f"{1e6 * seconds:.3g}"),
        "time": round(seconds / whole, 6),
    }


def _lesson(arms: Sequence[Arm], device: Device, batch: int) -> Iterator[str]:
    """Sentences that quote the table: for every network, what batching changes."""
    yield f"The balance of {device.name} is {device.balance:.1f} FLOPs per byte."
    for name in dict.fromkeys(arm.type for arm in arms):
        one, many = (
            {arm.name.partition(" ")[0]: arm.cells for arm in arms if (arm.type, arm.name.partition("×")[2]) == (name, str(n))}
            for n in (1, batch)
        )
        yield f"{name}: with batch 1, memory limits {_limited(one)}; with batch {batch}, {_limited(many)}."
        if "fc" in one and one["fc"]["time"] - many["fc"]["time"] > _WORTH_TELLING:
            what = "layers go" if one["fc"]["layers"] > 1 else "layer goes"
            yield f"Its fully connected {what} from {one['fc']['intensity']:g} to {many['fc']['intensity']:g} FLOPs per byte,"
            yield f"and from {one['fc']['time']:.1%} to {many['fc']['time']:.1%} of the time."


_WORTH_TELLING = 0.02
"""A share of the time."""


def _limited(kinds: Mapping[str, Mapping[str, Any]]) -> str:
    """All 3 fully connected layers, and 2 of 5 convolutions."""
    said = []
    for kind, of in kinds.items():
        if kind in KINDS and (several := of["by_memory"]):
            which = f"{several} of {of['layers']}" if several < of["layers"] else f"all {several}" if several > 1 else "the"
            said.append(f"{which} {KINDS[kind]}{'s' if of['layers'] > 1 else ''}")
    return " and ".join([", ".join(said[:-1]), *said[-1:]] if len(said) > 1 else said) or "no layer"


STUDY = Study("arithmetic-intensity", "Which layers does memory limit, rather than arithmetic?", run)
