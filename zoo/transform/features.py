"""Extract named feature maps from a network, for a detector's neck or a perceptual loss."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.analysis.stages import Stage, find_layers, find_stages, handed_on
from zoo.models.importing import beside_target
from zoo.record.trace import WRITE, Op, Trace
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from torch import nn

    from zoo.transform.cutting import Features


@undisturbed
@beside_target
def features(
    model: "str | nn.Module",
    layers: Sequence[str] | None = None,
    *,
    reductions: Sequence[int] | None = None,
    finest: bool = False,
    input: Any = None,
    options: Mapping[str, Any] | None = None,
    **more: Any,
) -> "Features":
    """Return a network whose forward pass returns a dict of feature maps by name, with the layers and weights of a model.

    Arguments:
        model: A TARGET, built with initial weights or those that its options name; or a module.
        layers: Stages ("stage3", even if a module has that name) or modules ("conv4_x.0", "pool_1" for the second call of pool);
            by default all stages.
        reductions: Instead of layers, the stages at these strides, such as (4, 8, 16, 32), in this order.
        finest: Choose stages in branches too, and before a head's convolution to more channels: see `zoo.stages`.
        input: A shape with batch, or a string without ("3x64x64"), for the attribute `stages`; by default the model's own.
        options, more: Options of the builder of a named model, as a mapping or as keywords.

    Returns:
        A module. Layers that are not needed are left out; the others keep their names in the state dict. Maps are N×C×H×W, also of
        networks that compute channels last or with tokens. The attribute `stages` maps each name to its `Stage`: channels, size,
        stride, receptive field, and in which `layout` the network computes it.

    Raises:
        ZooError: For an unknown model or layer, and for a network whose forward pass is not a fixed graph.

    Example:
        >>> import torch
        >>> body = zoo.features("resnet18", ["stage2", "stage3"])
        >>> {name: tuple(maps.shape) for name, maps in body(torch.zeros(1, 3, 64, 64)).items()}
        {'stage2': (1, 64, 16, 16), 'stage3': (1, 128, 8, 8)}
    """
    from zoo.models.forward import trace
    from zoo.models.targets import built

    _check_names(layers)
    given = {**(options or {}), **more}
    subject = built(model, given)
    model = subject.module
    size = input if input is not None else subject.shape()
    whole = trace(model, input=size)
    whole = replace(whole, target=getattr(model, "zoo_name", subject.name))
    if reductions is not None:
        layers = _at(reductions, layers, find_stages(whole, finest=finest))
    names = [stage.name for stage in find_stages(whole, finest=finest)] if layers is None else list(dict.fromkeys(layers))
    if not names:
        raise ZooError("layers: expected at least one name, such as stage3")
    stages = find_layers(whole, names, finest=finest)
    body = _cut(model, stages, (2, *whole.inputs[0].shape[1:]))  # batch statistics need more than one image
    body.training = model.training  # its layers are the model's and keep their modes
    return body


def _cut(model: "nn.Module", stages: Mapping[str, Stage], input: Sequence[int]) -> "Features":
    """The network that returns the maps of these stages as N×C×sizes, compared with the whole network in both modes."""
    from zoo.models.forward import trace
    from zoo.transform.cutting import arrange, cut

    body = cut(model, stages)
    copied = set()
    for train in (False, True):
        before = trace(model, input=tuple(input), train=train)
        wanted = [handed_on(before)[stage.layer].id for stage in stages.values()]
        copied |= _overwritten(before, wanted, list(stages), trace(body, input=tuple(input), train=train))
    body = cut(model, stages, copied) if copied else body
    arrange(body)
    return body


def _check_names(layers: Any) -> None:
    """Raise `ZooError` for anything but a list of names, or None."""
    if layers is None:
        return
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        raise ZooError(f"layers: expected a list of names, such as [{str(layers)!r}], got {layers!r}")
    if wrong := [name for name in layers if not isinstance(name, str)]:
        raise ZooError(f"layers: expected names, such as 'stage2', got {wrong[0]!r}; reductions= chooses by stride")


def _at(reductions: Sequence[int], layers: Sequence[str] | None, stages: Sequence[Stage]) -> list[str]:
    """The names of the stages at these strides. Raises `ZooError` if there is none, and beside `layers`."""
    if layers is not None:
        raise ZooError("features: expected either layers or reductions, got both")
    names = {stage.stride: stage.name for stage in stages}
    numbers = [reductions] if isinstance(reductions, int) else list(reductions)
    for number in numbers:
        if number not in names:
            raise ZooError(f"reductions: no stage has stride {number!r}; expected some of {', '.join(map(str, names))}")
    return [names[number] for number in numbers]


def _overwritten(before: Trace, wanted: Sequence[int], names: Sequence[str], after: Trace) -> set[str]:
    """Return the outputs of `after`, a network cut from that of `before`, that a later op overwrites. Raises `ZooError` if it does
    not run exactly the ops that lead to the values `wanted`.
    """
    needed, done = _leading(before, wanted), _leading(after, [value.id for value in after.outputs])
    steps, taken = ([op.signature(lambda value: value.shape) for op in ops] for ops in (needed, done))
    if steps != taken:
        mode = "training" if before.mode == "train" else "evaluation"
        raise ZooError(f"{before.target} cannot be cut: its forward pass is not a fixed graph in {mode} mode")
    position = {value.id: i for ops in (needed, done) for i, op in enumerate(ops) for value in op.outputs}
    return {name for name, value, out in zip(names, wanted, after.outputs, strict=True) if position[value] != position.get(out.id)}


def _leading(trace: Trace, values: Iterable[int]) -> list[Op]:
    """Return the ops that lead to those values, in order."""
    ops, reached = [], set(values)
    for op in reversed(trace.ops):
        if any(value.id in reached for value in op.outputs):
            reached.update(value.id for value in op.inputs)
            ops += [op] if op.kind != WRITE else []
    return ops[::-1]
