"""Depthwise separable convolutions against full ones: Howard et al., "MobileNets" (2017), arXiv 1704.04861, section 3.1."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import (
    Arm,
    Column,
    Op,
    Sizes,
    Study,
    Table,
    TargetName,
    ZooError,
    arms_table,
    each_axis,
    ratio_text,
    relation,
    short,
)

if TYPE_CHECKING:
    from torch import nn

COLUMNS = (
    Column("weights", "elements", "of the filters, without biases", hide_order=0),
    Column("macs", "multiply-accumulates", "MACs", hide_order=0),
    Column("activations", "elements", "that its convolutions write", hide_order=1),
    Column("intensity", "ratio", "MACs for each number that is read or written: weights, input and what is written", hide_order=2),
    Column("output", "elements per axis", "channels, height, width", hide_order=4),
)
ALL = "all"


def run(
    on: Annotated[TargetName | None, "take the convolutions of this network instead of VGG-16's"] = None,
    input: Annotated[Sizes | None, "its input without batch, such as 3x320x320"] = None,
) -> Table:
    """Each full convolution of a network with a kernel larger than 1×1, and what would take its place.

    Raises `ZooError` if the network has no such convolution.
    """
    from zoo.extend import trace

    found = trace(on or "vgg16", input=input and (1, *input))
    arms = [arm for name, op in _convolutions(found) for arm in _pair(name, op)]
    if not arms:
        raise ZooError(f"{found.target} has no convolution over all channels with a kernel larger than 1×1")
    sums = {name: _sum([arm for arm in arms if arm.name == name]) for name in ("full", "separable")}
    arms += [Arm(name, cells, ALL) for name, cells in sums.items()]
    return arms_table(
        "depthwise-separable: what does a depthwise convolution and a 1×1 instead of a full one save?",
        COLUMNS,
        arms,
        ratios=("weights", "macs", "activations"),
        notes=[
            "separable: one k×k filter for each channel, then a 1×1 convolution over all of them; no norm or activation between"
        ],
        lesson=_lesson(found.target, len(arms) // 2 - 1, sums),
    )


def _convolutions(found: Any) -> Iterator[tuple[str, Op]]:
    """The full convolutions with kernels larger than 1×1, by the names of their rows."""
    from zoo.analysis.rows import group

    for row in group(found):
        for op in row.ops:
            if op.kind == "conv2d" and op.attrs["groups"] == 1 and max(op.inputs[1].shape[2:]) > 1:
                yield row.name, op


def _pair(name: str, op: Op) -> Iterator[Arm]:
    from torch import nn

    from zoo.tracing.skeleton import Skeleton

    outs, channels, height, width = op.inputs[1].shape
    kernel = (height, width)
    window: dict[str, Any] = {key: each_axis(op.attrs[key], 2) for key in ("stride", "padding", "dilation")}
    with Skeleton():
        full = nn.Sequential(nn.Conv2d(channels, outs, kernel, bias=False, **window))
        depthwise = nn.Conv2d(channels, channels, kernel, groups=channels, bias=False, **window)
        separable = nn.Sequential(depthwise, nn.Conv2d(channels, outs, 1, bias=False))
    for arm, layers in (("full", full), ("separable", separable)):
        yield Arm(arm, _cells(layers, op.inputs[0].shape), name)


def _cells(layers: "nn.Module", shape: Sequence[int]) -> dict[str, Any]:
    from zoo.extend import measure, trace

    found = trace(layers, input=tuple(shape))
    total = measure(found, columns=["output", "params", "macs", "activations"], depth=0).total
    moved = sum(value.numel for op in found.ops for value in (*op.inputs, *op.outputs))
    return {
        "weights": total["params"],
        "macs": total["macs"],
        "activations": total["activations"],
        "intensity": float(f"{total['macs'] / moved:.4g}"),
        "output": list(total["output"][1:]),
    }


def _sum(arms: Sequence[Arm]) -> dict[str, Any]:
    return {column: sum(arm.cells[column] for arm in arms) for column in ("weights", "macs", "activations")}


def _lesson(target: str, layers: int, sums: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sentences that quote the table."""
    full, separable = sums["full"], sums["separable"]
    if separable["macs"] >= full["macs"]:
        return [f"In {target} nothing is saved: {separable['macs']:,} MACs instead of {full['macs']:,}."]
    subject = f"The {layers} full convolutions of {target} take" if layers > 1 else f"The full convolution of {target} takes"
    macs, weights = (ratio_text(full[unit], separable[unit]) for unit in ("macs", "weights"))
    return [
        f"{subject} {macs} times the MACs of separable ones ({short(full['macs'])} against {short(separable['macs'])})",
        f"and {weights} times the weights;",
        f"the separable ones write {relation(full['activations'], separable['activations'], 'activations')}.",
    ]


STUDY = Study("depthwise-separable", "What does a depthwise separable convolution save, and what does it cost?", run)
