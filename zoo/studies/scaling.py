"""Scaling of width, depth and resolution: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
(2019), section 3.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import log
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, PositiveInt, Study, Table, ZooError, arms_table, ratio_text

if TYPE_CHECKING:
    from torch import nn

COLUMNS = (
    Column("params", "elements", "parameters", hide_order=0),
    Column("macs", "multiply-accumulates", "MACs", hide_order=0),
    Column("activations", "elements", "written by all layers", hide_order=1),
    Column("saved", "bytes", "kept for the backward, one image in float32", hide_order=3),
    Column("rf", "pixels", "receptive field of the last maps, before they are averaged", hide_order=2),
    Column("rf/input", "ratio", "its side divided by that of the image", hide_order=3),
)
WIDTH, BLOCKS, SIDE, CLASSES = 32, 4, 128, 1000
COMPOUND = {"depth": Fraction(6, 5), "width": Fraction(11, 10), "resolution": Fraction(23, 20)}
"""Section 3.3 finds these factors for its base network: α = 1.2, β = 1.1, γ = 1.15."""
AXES = ("width", "depth", "resolution")


def run(
    factor: Annotated[PositiveInt, "by which width, depth and resolution are multiplied in turn"] = 2,
    steps: Annotated[PositiveInt, "φ: how often the compound factors are applied"] = 3,
) -> Table:
    """One network wider, deeper, on larger images, and all three at once.

    Raises `ZooError` for factors that make no difference or networks that are too large to count.
    """
    if not 2 <= factor <= 8 or steps > 8:
        raise ZooError(f"expected a factor from 2 to 8 and at most 8 steps, got {factor} and {steps}")
    arms = [Arm("base", _cells({}), "network")]
    arms += [Arm(f"{axis} ×{factor}", _cells({axis: Fraction(factor)}), "network") for axis in AXES]
    compound = {axis: value**steps for axis, value in COMPOUND.items()}
    arms.append(Arm(f"compound, φ = {steps}", _cells(compound), "network"))
    notes = [
        f"base: three stages of {BLOCKS} 3×3 convolutions with batch normalisation and ReLU, of {WIDTH}, {2 * WIDTH} and "
        f"{4 * WIDTH} maps, each beginning with a stride of 2; {SIDE}×{SIDE} pixels, average, linear layer",
        f"compound: depth ×{float(compound['depth']):.3g}, width ×{float(compound['width']):.3g}, resolution "
        f"×{float(compound['resolution']):.3g}, rounded to whole layers, maps and pixels",
    ]
    title = "scaling: what do more width, depth and resolution cost?"
    return arms_table(title, COLUMNS, arms, ratios=("params", "macs"), notes=notes, lesson=list(_lesson(arms, factor)))


def built(width: Fraction, depth: Fraction) -> "nn.Module":
    """The network, its maps and its layers multiplied."""
    from torch import nn

    def conv(before: int, after: int, stride: int) -> "list[nn.Module]":
        return [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]

    layers: list[nn.Module] = []
    channels = 3
    for stage in range(3):
        maps = round(WIDTH * 2**stage * width)
        for i in range(round(BLOCKS * depth)):
            layers += conv(channels, maps, 2 if i == 0 else 1)
            channels = maps
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))


def _cells(factors: Mapping[str, Fraction]) -> dict[str, Any]:
    from zoo.extend import measure, trace
    from zoo.tracing.skeleton import Skeleton

    one = Fraction(1)
    side = round(SIDE * factors.get("resolution", one))
    with Skeleton():
        net = built(factors.get("width", one), factors.get("depth", one))
    found = trace(net, input=(1, 3, side, side))
    total = measure(found, columns=["params", "macs", "activations"], depth=0).total
    fields = [row.cells["rf"] for row in measure(found, columns=["rf"]).rows if row.type == "ReLU"]
    saved = measure(trace(net, input=(1, 3, side, side), train=True), columns=["saved"], depth=0).total["saved"]
    share = float(f"{fields[-1]['size'][0] / side:.6g}")
    return {**total, "saved": saved, "rf": fields[-1], "rf/input": share}


def _lesson(arms: Sequence[Arm], factor: int) -> Iterator[str]:
    """By how much each cost grows, as a power of the factor, computed from the table."""
    base, *others = arms
    yield f"Multiplied by {factor},"
    for arm, axis in zip(others, AXES, strict=False):
        params, macs = (_growth(arm, base, name, factor) for name in ("params", "macs"))
        yield f"{axis} multiplies parameters by {params} and MACs by {macs}{';' if axis != AXES[-1] else '.'}"
    last = others[-1]
    yield f"The compound takes {_times(last, base, 'macs')} times the MACs of the base. The receptive field of the last maps,"
    shares = ", ".join(f"{arm.cells['rf/input']:.2g} ({arm.name})" for arm in arms)
    yield f"as a part of the image's side, is {shares}."


def _times(arm: Arm, base: Arm, name: str) -> str:
    if arm.cells[name] < base.cells[name]:
        return f"{arm.cells[name] / base.cells[name]:.2f}"
    return ratio_text(arm.cells[name], base.cells[name])


def _growth(arm: Arm, base: Arm, name: str, factor: int) -> str:
    """By how much, and as which power of the factor."""
    if arm.cells[name] == base.cells[name]:
        return "1 (as they are)"
    return f"{_times(arm, base, name)} (power {log(arm.cells[name] / base.cells[name], factor):.1f})"


STUDY = Study("scaling", "What do more width, depth and resolution cost, one by one and together?", run)
