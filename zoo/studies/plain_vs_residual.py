"""Plain networks compared with residual ones: He et al., "Deep Residual Learning for Image Recognition" (2015), sections 3.3 and
4.1.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Flag, PositiveInt, Study, Table, ZooError, arms_table, ratio_text, short

if TYPE_CHECKING:
    from torch import nn

DEPTHS = (18, 34)
SHORTCUTS = {
    "A": "identity; where the shape changes, every second pixel and zero maps",
    "B": "identity; where the shape changes, a 1×1 convolution",
    "C": "a 1×1 convolution in every block",
}
COLUMNS = (
    Column("params", "elements", "parameters", hide_order=0),
    Column("macs", "multiply-accumulates", "MACs", hide_order=0),
    Column("depth", "layers", "layers with weights on the longest path", hide_order=1),
    Column("projections", "layers", "1×1 convolutions on shortcuts", hide_order=3),
)
STAGES = tuple(
    Column(stage, "norm", f"norm of the gradient of the loss for the 3×3 kernels of {stage}, at initialisation", hide_order=1)
    for stage in ("conv2_x", "conv3_x", "conv4_x", "conv5_x")
)
IMAGES = (4, 3, 64, 64)


def run(
    run: Annotated[Flag, "also measure gradients at initialisation"] = False,
    seeds: Annotated[PositiveInt | None, "number of seeds for the median, by default 3"] = None,
) -> Table:
    """Compare both depths, plain and with each kind of shortcut. `run` measures gradients, as medians over `seeds` seeds.

    Raises `ZooError` if `seeds` is given without `run`.
    """
    if seeds is not None and not run:
        raise ZooError("seeds requires run")
    seeds = seeds or 3
    arms = [
        Arm(kind, _cells(name, options) | (_gradients(name, options, seeds) if run else {}), f"{depth} layers")
        for depth in DEPTHS
        for kind, name, options in _networks(depth)
    ]
    measured = (
        "norm of the gradient of the loss for the stage's 3×3 kernels at initialisation, in training mode on "
        f"{IMAGES[0]} random images of {IMAGES[2]}×{IMAGES[3]} pixels, median of {seeds} seeds"
    )
    return arms_table(
        "plain-vs-residual: what do shortcuts cost, and what do they change?",
        (*COLUMNS, *STAGES) if run else COLUMNS,
        arms,
        ratios=() if run else ("params", "macs"),
        notes=[f"{kind}: {words}" for kind, words in SHORTCUTS.items()]
        + ([f"{STAGES[0].name} to {STAGES[-1].name}: {measured}"] if run else []),
        lesson=_lesson(arms) + (_lesson_of_gradients(arms) if run else []),
    )


def _networks(depth: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Yield arm, catalogue name and options of the networks of one depth, the plain one first."""
    return [("plain", f"plain{depth}", {}), *((kind, f"resnet{depth}", {"shortcut": kind}) for kind in SHORTCUTS)]


def _cells(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    from zoo.extend import measure, trace
    from zoo.models.targets import resolve

    subject = resolve(name, options)
    found = trace(subject.module, input=(1, *subject.input))
    kernels = [weight.shape[2:] for op in found.ops if op.kind == "conv2d" and (weight := op.input("weight"))]
    return {**measure(found, columns=["params", "macs", "depth"], depth=0).total, "projections": kernels.count((1, 1))}


def _gradients(name: str, options: Mapping[str, Any], seeds: int) -> dict[str, float]:
    """Return the median over seeds by stage, without changing torch's random state."""
    from statistics import median

    import torch
    from torch.nn import functional as F

    from zoo.extend import create_model

    norms: dict[str, list[float]] = {stage.name: [] for stage in STAGES}
    with torch.random.fork_rng(devices=[]):
        for seed in range(seeds):
            torch.default_generator.manual_seed(seed)
            images, classes = torch.randn(IMAGES), torch.randint(1000, IMAGES[:1])
            net = create_model(name, **options).train()
            torch.autograd.backward(F.cross_entropy(net(images), classes))
            for stage, found in norms.items():
                found.append(_norm(net.get_submodule(stage)))
    return {stage: _three_digits(median(found)) for stage, found in norms.items()}


def _norm(stage: "nn.Module") -> float:
    """Return the norm of the gradient for all kernels larger than 1×1, which every network of one depth has."""
    kernels = [weight for weight in stage.parameters() if weight.dim() == 4 and weight.shape[-1] > 1]
    return math.hypot(*(float(weight.grad.norm()) for weight in kernels if weight.grad is not None))


def _three_digits(value: float) -> float:
    rounded = float(f"{value:.3g}")
    return int(rounded) if rounded >= 100 else rounded


def _lesson(arms: Sequence[Arm]) -> list[str]:
    """Sentences that quote the table."""
    plain, a, b, c = (arm.cells for arm in arms[-4:])
    return [
        f"A plain network and a residual network with shortcuts A have the same {plain['params']:,} parameters,",
        f"{plain['macs']:,} MACs and {plain['depth']} layers: these shortcuts cost nothing.",
        f"{b['projections']} projections (B) add {short(b['params'] - a['params'])} parameters, {c['projections']} (C) add",
        f"{short(c['params'] - a['params'])}, or {c['params'] / a['params'] - 1:.1%}.",
    ]


def _lesson_of_gradients(arms: Sequence[Arm]) -> list[str]:
    first, last = STAGES[0].name, STAGES[-1].name
    plain, a = (arm.cells for arm in arms[-4:-2])
    sides = [f"{ratio_text(one[first], one[last])} times ({one[first]:,.4g} and {one[last]:,.4g})" for one in (plain, a)]
    return [
        f"At initialisation, the gradient in {first} is {sides[0]} that in {last} in the plain network of {plain['depth']} layers,",
        f"and {sides[1]} with shortcuts A. It vanishes in neither, as section 4.1 of the paper states.",
    ]


STUDY = Study("plain-vs-residual", "What do shortcuts cost, and what do they change?", run)
