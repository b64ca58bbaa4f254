"""Plain networks compared with residual ones: He et al., "Deep Residual Learning for Image Recognition" (2015), sections 3.3 and
4.1.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Failed, Flag, PositiveInt, Study, Table, ZooError, arms_table, ratio_text, short

if TYPE_CHECKING:
    from torch import nn

DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
"""Blocks of each stage by depth."""
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
    Column("additions", "operations", "element by element, of shortcuts; macs do not count them", hide_order=2),
    Column("saved", "bytes", "activations that a training step keeps for the backward, one image in float32", hide_order=1),
)
GROWTH = Column("growth", "ratio", "of the gradient from conv5_x to conv2_x, median over the seeds", hide_order=0)
RANGE = Column("growth_range", "ratio", "the smallest and the largest growth of any seed", hide_order=0)
STAGES = tuple(
    Column(stage, "norm", f"norm of the gradient of the loss for the 3×3 kernels of {stage}, at initialisation", hide_order=1)
    for stage in ("conv2_x", "conv3_x", "conv4_x", "conv5_x")
)
IMAGES = (4, 3, 64, 64)
IMAGE = (1, 3, 224, 224)
SEEDS = 5
"""With five seeds, an order that all agree on comes about by chance once in 2^5 = 32 times: less often than 5 %."""
RATE = 0.1
"""The learning rate with which the paper starts to train (section 3.4)."""


def run(
    run: Annotated[Flag, "also measure gradients at initialisation"] = False,
    seeds: Annotated[PositiveInt | None, "over how many seeds gradients are measured; 5 by default"] = None,
) -> Table:
    """Both depths, plain and with each kind of shortcut. With `run`, gradients at initialisation, measured over so many `seeds`, 5.

    Raises `ZooError` if `seeds` is given without `run`.
    """
    if seeds is not None and not run:
        raise ZooError("seeds requires run, which measures over them")
    seeds = seeds or SEEDS
    arms, failures = [], []
    for depth, counts in DEPTHS.items():
        for kind in ("plain", *SHORTCUTS):
            measured, failed = _gradients(kind, depth, seeds) if run else ({}, [])
            arms.append(Arm(kind, _cells(kind, counts) | measured, f"{depth} layers"))
            failures += failed
        failures += _other_weights(depth) if run else []
    return arms_table(
        "plain-vs-residual: what do shortcuts cost, and what do they change?",
        (*COLUMNS[:3], *STAGES, GROWTH, RANGE) if run else COLUMNS,
        arms,
        ratios=() if run else ("params", "macs", "saved"),
        notes=[*(f"{kind}: {words}" for kind, words in SHORTCUTS.items()), *(_how_measured(seeds) if run else []), *failures],
        lesson=_lesson_of_gradients(arms, seeds, failures) if run else _lesson(arms),
    )


def _how_measured(seeds: int) -> list[str]:
    return [
        f"{STAGES[0].name} to {STAGES[-1].name}: norm of the loss's gradient by the stage's 3×3 kernels at initialisation, "
        f"in training mode on {IMAGES[0]} random images of {IMAGES[2]}×{IMAGES[3]} pixels, median of {seeds} seeds",
        f"a gradient counts as vanished if a step of {RATE} times it is less than half of float32's epsilon of the weights' norm: "
        "rounding would undo the step",
    ]


def built(kind: str, counts: tuple[int, int, int, int]) -> "nn.Module":
    """The paper's network with these blocks, plain or with this kind of shortcut; all are initialised by the same rule."""
    from zoo.archs import resnet

    if kind == "plain":
        return resnet.PlainNet(resnet.PlainBlock, 1, counts, 1000, 3)
    return resnet.ResNet(partial(resnet.BasicBlock, shortcut=resnet.SHORTCUTS[kind]), 1, counts, 1000, 3)


def _cells(kind: str, counts: tuple[int, int, int, int]) -> dict[str, Any]:
    from zoo.extend import measure, trace
    from zoo.tracing.skeleton import Skeleton

    with Skeleton():
        net = built(kind, counts)
    found = trace(net, input=IMAGE)
    kernels = [weight.shape[2:] for op in found.ops if op.kind == "conv2d" and (weight := op.input("weight"))]
    return {
        **measure(found, columns=["params", "macs", "depth"], depth=0).total,
        "projections": kernels.count((1, 1)),
        "additions": sum(op.output.numel for op in found.ops if op.kind == "add"),
        "saved": measure(trace(net, input=IMAGE, train=True), columns=["saved"], depth=0).total["saved"],
    }


# Gradients


def _gradients(kind: str, depth: int, seeds: int) -> tuple[dict[str, Any], list[Failed]]:
    """The medians over seeds by stage and how they grow, and the stages whose gradient vanishes or is not a number."""
    norms: dict[str, list[float]] = {stage.name: [] for stage in STAGES}
    steps: dict[str, list[float]] = {stage.name: [] for stage in STAGES}
    for seed in range(seeds):
        for stage, (gradient, weights) in norms_of(kind, DEPTHS[depth], seed).items():
            norms[stage].append(gradient)
            steps[stage].append(RATE * gradient / weights)
    failures = [failed for stage in norms for failed in _vanished(f"{kind}, {depth} layers", stage, steps[stage])]
    cells: dict[str, Any] = {
        stage: _three_digits(median(found)) for stage, found in norms.items() if all(map(math.isfinite, found))
    }
    if failures:
        return cells, failures
    growth = [first / last for first, last in zip(norms[STAGES[0].name], norms[STAGES[-1].name], strict=True)]
    ends = [_three_digits(min(growth)), _three_digits(max(growth))]
    return {**cells, "growth": _three_digits(median(growth)), "growth_range": f"{ends[0]} to {ends[1]}"}, failures


def norms_of(kind: str, counts: tuple[int, int, int, int], seed: int) -> dict[str, tuple[float, float]]:
    """By stage, the norms of the loss's gradient and of the weights, at one seed. torch's random state is left as it was."""
    import torch
    from torch.nn import functional as F

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        images, classes = torch.randn(IMAGES), torch.randint(1000, IMAGES[:1])
        net = built(kind, counts).train()
        torch.autograd.backward(F.cross_entropy(net(images), classes))
        return {stage.name: _norms(net.get_submodule(stage.name)) for stage in STAGES}


def _norms(stage: "nn.Module") -> tuple[float, float]:
    """Of the gradient by all kernels larger than 1×1, which every network of one depth has, and of these kernels."""
    kernels = [weight for weight in stage.parameters() if weight.dim() == 4 and weight.shape[-1] > 1]
    gradients = [weight.grad for weight in kernels if weight.grad is not None]
    return math.hypot(*(float(one.norm()) for one in gradients)), math.hypot(*(float(one.detach().norm()) for one in kernels))


def _vanished(network: str, stage: str, steps: Sequence[float]) -> Iterator[Failed]:
    """Steps are relative to the weights; a NaN is never larger than the threshold."""
    threshold = 2.0**-24
    if bad := [step for step in steps if not threshold <= step < math.inf]:
        yield Failed(
            network, f"gradient of {stage}, as a step relative to the weights", f"{bad[0]:.1e}", f"at least {threshold:.1e}"
        )


def _other_weights(depth: int) -> Iterator[Failed]:
    """The plain network and the one with shortcuts A must start from the same weights, and give other scores."""
    import torch

    pair = []
    with torch.random.fork_rng(devices=[]):
        for kind in ("plain", "A"):
            torch.default_generator.manual_seed(0)
            pair.append(built(kind, DEPTHS[depth]).train())
        images = torch.randn(IMAGES)
    plain, residual = ([*net.parameters()] for net in pair)
    if len(plain) != len(residual) or not all(map(torch.equal, plain, residual)):
        yield Failed(f"A, {depth} layers", "weights at the start, against plain", "other weights", "the same weights")
    with torch.inference_mode():
        first, second = (net(images) for net in pair)
    if torch.equal(first, second):
        yield Failed(f"A, {depth} layers", "scores, against plain", "the same scores", "others, since it has shortcuts")


def _three_digits(value: float) -> float:
    rounded = float(f"{value:.3g}")
    return int(rounded) if rounded >= 100 else rounded


def _lesson(arms: Sequence[Arm]) -> list[str]:
    """Sentences that quote the table."""
    plain, a, b, c = (arm.cells for arm in arms[-4:])
    same = all(plain[unit] == a[unit] for unit in ("params", "macs", "depth"))
    said = [
        f"A plain network and a residual one with shortcuts A have the same {plain['params']:,} parameters,",
        f"{plain['macs']:,} MACs and {plain['depth']} layers.",
    ]
    free = (
        "keeps no more activations"
        if a["saved"] == plain["saved"]
        else f"keeps {ratio_text(a['saved'], plain['saved'])} times the bytes"
    )
    return [
        *(said if same else ["A plain network and one with shortcuts A differ in more than shortcuts."]),
        f"Its shortcuts are not quite free: they add {a['additions']:,} numbers, element by element, and training {free}",
        f"({a['saved']:,}).",
        f"{b['projections']} projections (B) add {short(b['params'] - a['params'])} parameters, {c['projections']} (C) add",
        f"{short(c['params'] - a['params'])}, or {c['params'] / a['params'] - 1:.1%}.",
    ]


def _lesson_of_gradients(arms: Sequence[Arm], seeds: int, failures: Sequence[Failed]) -> list[str]:
    """What was found at each depth."""
    if failures:
        return [
            f"The proof failed for {', '.join(dict.fromkeys(one.subject for one in failures))}: nothing follows from this table."
        ]
    first, last = STAGES[0].name, STAGES[-1].name
    said = [f"From {last} back to {first} the gradient changes by these factors, median and range of {seeds} seeds:"]
    for depth, (plain, a) in zip(DEPTHS, ((arms[i].cells, arms[i + 1].cells) for i in range(0, len(arms), 4)), strict=True):
        said.append(f"with {depth} layers {plain['growth']} in the plain network ({plain['growth_range']})")
        said.append(f"and {a['growth']} with shortcuts A ({a['growth_range']}), {_apart(plain, a)};")
    said[-1] = f"{said[-1][:-1]}."
    return [
        *said,
        "None vanishes: a step of training still changes every stage's weights. These are gradients before training,",
        "of one batch.",
    ]


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Whether the ranges over the seeds have nothing in common."""
    (low, high), (least, most) = (tuple(map(float, cells["growth_range"].split(" to "))) for cells in (one, other))
    if low > most:
        return "less in every seed"
    if high < least:
        return "more in every seed"
    return "no clear difference"


STUDY = Study("plain-vs-residual", "What do shortcuts cost, and what do they change?", run)
