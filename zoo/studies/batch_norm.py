"""The price of batch normalisation, and its folding into convolutions: Ioffe and Szegedy, "Batch Normalization" (2015), 3.1.

In evaluation a normalisation is γ·(x − μ)/√(σ² + ε) + β with constants, so that the convolution before it can do its work:
w' = w·γ/√(σ² + ε) and b' = (b − μ)·γ/√(σ² + ε) + β.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, Annotated, Any

from zoo.extend import Arm, Column, Failed, Flag, Study, Table, TargetName, ZooError, arms_table, ratio_text, short

if TYPE_CHECKING:
    from torch import Tensor, nn

    from zoo.extend import Op, Trace

NETWORKS = ("googlenet_bn", "vgg16_bn", "resnet18", "resnet50")
PROVED = ("googlenet_bn", "resnet18")
"""Networks of the default that `run` builds with weights."""
COLUMNS = (
    Column("norms", "layers", "batch normalisations", hide_order=1),
    Column("params", "elements", "parameters", hide_order=0),
    Column("buffers", "elements", "running means and variances, and counters", hide_order=2),
    Column("flops", "FLOPs", "of an evaluation, normalisations included", hide_order=1),
    Column("saved", "bytes", "activations that a training step keeps for the backward, one image in float32", hide_order=0),
)
PROOF = (
    Column("folded", "layers", "normalisations that were folded", hide_order=0),
    Column("difference", "relative", "largest difference of the scores, relative to the largest score", hide_order=0),
    Column("allowed", "relative", "largest difference that is taken for rounding", hide_order=0),
)
ALLOWED = 1e-9
"""float64 has a relative precision of 1e-16; hundreds of layers of sums of thousands of products leave far less than 1e-9."""
LAYERS = {"conv1d", "conv2d", "conv3d", "linear"}


def run(
    on: Annotated[TargetName | None, "measure this network instead"] = None,
    run: Annotated[Flag, "also fold with random weights and statistics, and compare the scores"] = False,
) -> Table:
    """Networks as they are built, with normalisations folded, and without them.

    Raises `ZooError` for `run` on a network without a normalisation that can be folded.
    """
    from zoo.models.importing import beside_target

    title = "batch-norm: what does batch normalisation cost, and what is left after folding?"
    if run:
        arms, failures = [], []
        for name in (on,) if on else PROVED:
            found, failed = beside_target(_proof)(name)
            arms += found
            failures += failed
        return arms_table(title, PROOF, arms, notes=[_HOW, *failures], lesson=_proof_lesson(arms, failures))
    networks = [beside_target(_measured)(name) for name in ((on,) if on else NETWORKS)]
    arms = [arm for network in networks for arm in network]
    return arms_table(
        title,
        COLUMNS,
        arms,
        ratios=("params", "flops", "saved"),
        notes=[
            "folded: each normalisation that reads a convolution or linear layer which nothing else reads; for evaluation only",
            "removed: without normalisations and what replaces them: another function, which shows their price in training",
        ],
        lesson=[sentence for network in networks for sentence in _lesson(network)],
    )


_HOW = (
    "random weights, statistics and coefficients, float64, evaluation mode; control: the normalisations removed without folding, "
    "which must change the scores"
)


# Folding --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """A layer and the normalisation after it, by their paths."""

    layer: str
    norm: str


def pairs(trace: "Trace") -> Iterator[Pair]:
    """The normalisations that can be folded: each reads a layer of its own that nothing else reads, and both run once."""
    makers = {value.id: op for op in trace.ops for value in op.outputs}
    readers: dict[int, int] = {}
    runs: dict[str, int] = {}
    for op in trace.ops:
        for value in op.inputs:
            readers[value.id] = readers.get(value.id, 0) + 1
    for call in trace.calls:
        runs[call.path] = runs.get(call.path, 0) + 1
    for op in trace.ops:
        before = makers.get(op.inputs[0].id) if op.kind == "batch_norm" else None
        if before is not None and before.kind in LAYERS and readers[op.inputs[0].id] == 1:
            pair = Pair(_path(trace, before), _path(trace, op))
            if runs[pair.layer] == runs[pair.norm] == 1:
                yield pair


def _path(trace: "Trace", op: "Op") -> str:
    return trace.calls[op.call].path


def fold(layer: "nn.Module", norm: "nn.Module") -> None:
    """Give a layer the weights and the bias that do the work of the normalisation after it, too."""
    import torch
    from torch import nn

    assert isinstance(layer.weight, torch.Tensor)
    assert isinstance(norm.running_mean, torch.Tensor)
    assert isinstance(norm.running_var, torch.Tensor)
    with torch.no_grad():
        scale = torch.rsqrt(norm.running_var + norm.eps)  # type: ignore[operator]
        scale = scale if norm.weight is None else scale * norm.weight  # type: ignore[operator]
        bias = torch.zeros_like(norm.running_mean) if layer.bias is None else layer.bias
        shift = (bias - norm.running_mean) * scale  # type: ignore[operator]
        shift = shift if norm.bias is None else shift + norm.bias  # type: ignore[operator]
        layer.weight = nn.Parameter(layer.weight * scale.reshape(-1, *(1,) * (layer.weight.dim() - 1)))
        layer.bias = nn.Parameter(shift)


def changed(module: "nn.Module", folded: Sequence[Pair], norms: Sequence[str]) -> "nn.Module":
    """A copy of the module with these pairs folded and these normalisations removed."""
    from torch import nn

    copy = deepcopy(module)
    for pair in folded:
        fold(copy.get_submodule(pair.layer), copy.get_submodule(pair.norm))
    for path in norms:
        copy.set_submodule(path, nn.Identity())
    return copy


def _norms(trace: "Trace") -> list[str]:
    """The paths of all batch normalisations."""
    return list(dict.fromkeys(_path(trace, op) for op in trace.ops if op.kind == "batch_norm"))


# Counting -------------------------------------------------------------------------------------------------------------


def _measured(target: Any) -> list[Arm]:
    """The network as built; if it has normalisations, also with these folded, and without them."""
    from zoo.extend import trace
    from zoo.models.targets import resolve

    subject = resolve(target, {})
    shape = (1, *subject.input)
    found = trace(subject.module, input=shape)
    norms, folded = _norms(found), list(pairs(found))
    own = {"norms": len(norms), **_cells(subject.module, shape), "saved": _saved(subject.module, shape)}
    if not norms:
        return [Arm("as built", own, subject.name)]
    empty = deepcopy(subject.module).to("meta")
    small = changed(empty, folded, [pair.norm for pair in folded])
    bare = changed(empty, (), norms)
    return [
        Arm("as built", own, subject.name),
        Arm("folded", {"norms": len(norms) - len(folded), **_cells(small, shape)}, subject.name),
        Arm("removed", {"norms": 0, **_cells(bare, shape), "saved": _saved(bare, shape)}, subject.name),
    ]


def _cells(module: "nn.Module", shape: Sequence[int]) -> dict[str, Any]:
    from zoo.extend import measure, trace

    total = measure(trace(module, input=shape), columns=["params", "buffers", "flops"], depth=0).total
    return {name: total[name] for name in ("params", "buffers", "flops")}


def _saved(module: "nn.Module", shape: Sequence[int]) -> Any:
    from zoo.extend import measure, trace

    return measure(trace(module, input=shape, train=True), columns=["saved"], depth=0).total["saved"]


def _lesson(arms: Sequence[Arm]) -> Iterator[str]:
    """What one network pays, and what folding leaves."""
    if len(arms) == 1:
        yield f"{arms[0].type} has no batch normalisation: nothing is paid, and nothing to fold."
        return
    own, folded, bare = (arm.cells for arm in arms)
    name = arms[0].type
    least = own["params"] - folded["params"]
    done = own["norms"] - folded["norms"]
    part = "all" if done == own["norms"] else f"{done} of"
    yield f"{name}: {part} {own['norms']} normalisations fold into the layer before them"
    yield _without(least)
    if all(isinstance(cells["saved"], int) for cells in (own, bare)) and bare["saved"]:
        more = ratio_text(own["saved"], bare["saved"])
        yield f"In training a step keeps {more} times the bytes that it would keep without them ({short(own['saved'])} against"
        yield f"{short(bare['saved'])})."


def _without(params: int) -> str:
    if params == 0:
        return "and take no parameters with them."
    return f"and take {short(params)} parameters with them." if params > 0 else f"and add {short(-params)} parameters, as biases."


# The proof ------------------------------------------------------------------------------------------------------------


def _proof(target: Any) -> tuple[list[Arm], list[Failed]]:
    import torch

    from zoo.extend import trace
    from zoo.models.targets import built

    found = trace(target)
    norms, folded = _norms(found), list(pairs(found))
    if not folded:
        raise ZooError(f"{found.target} has no batch normalisation that can be folded")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        module = deepcopy(built(target).module).double().eval()
        _randomised(module)
        image = torch.randn(found.inputs[0].shape, dtype=torch.float64)
    with torch.inference_mode():
        scores = _tensor(module(image))
        ways = {
            "folded": (len(folded), changed(module, folded, [pair.norm for pair in folded])),
            "control": (0, changed(module, (), norms)),
        }
        errors = {name: _error(_tensor(way(image)), scores) for name, (_, way) in ways.items()}
    arms = [
        Arm(name, {"folded": ways[name][0], "difference": _finite(error), "allowed": ALLOWED}, found.target)
        for name, error in errors.items()
    ]
    return arms, list(_failures(found.target, errors))


def _randomised(module: "nn.Module") -> None:
    """Statistics and coefficients that matter, near those of a trained network: scales around 1, means around 0."""
    import torch

    for one in module.modules():
        if isinstance(one, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d | torch.nn.BatchNorm3d):
            for values in (one.running_var, one.weight):
                values.data.uniform_(0.5, 1.5) if values is not None else None
            for values in (one.running_mean, one.bias):
                values.data.normal_(std=0.2) if values is not None else None


def _tensor(scores: Any) -> "Tensor":
    """The scores; of several outputs the first."""
    import torch

    return scores if isinstance(scores, torch.Tensor) else next(iter(scores.values() if isinstance(scores, Mapping) else scores))


def _error(found: "Tensor", expected: "Tensor") -> float:
    """The largest difference relative to the largest score; infinite if anything is not a number."""
    if found.shape != expected.shape or not bool(found.isfinite().all() and expected.isfinite().all()):
        return inf
    return float((found - expected).abs().max() / expected.abs().max())


def _finite(error: float) -> float | None:
    return error if isfinite(error) else None


def _failures(name: str, errors: Mapping[str, float]) -> Iterator[Failed]:
    if not errors["folded"] <= ALLOWED:
        yield Failed(name, "scores after folding", f"a relative difference of {errors['folded']:.1e}", f"at most {ALLOWED:.0e}")
    if not errors["control"] > 1e-3:
        yield Failed(name, "scores without normalisations", f"a relative difference of {errors['control']:.1e}", "other scores")


def _proof_lesson(arms: Sequence[Arm], failures: Sequence[Failed]) -> list[str]:
    if failures:
        subjects = ", ".join(dict.fromkeys(failed.subject for failed in failures))
        return [f"The proof failed for {subjects}: nothing follows from this table."]
    return [
        f"Folding {arm.cells['folded']} normalisations of {arm.type} changes its scores by {arm.cells['difference']:.1e} of the"
        " largest."
        for arm in arms
        if arm.name == "folded"
    ]


STUDY = Study("batch-norm", "What does batch normalisation cost, and what is left of it after folding?", run)
