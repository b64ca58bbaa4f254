"""A network cut down to some of its feature maps, by name: what a detector's neck, or a loss on features, stands on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.analysis.stages import find_layers, find_stages, handed_on
from zoo.errors import ZooError
from zoo.tracing.record import WRITE, Op, Trace

if TYPE_CHECKING:
    from torch import nn

    from zoo.transform.cutting import Features


def features(
    model: "str | nn.Module",
    layers: Sequence[str] | None = None,
    *,
    input: Any = None,
    options: Mapping[str, Any] | None = None,
    **more: Any,
) -> "Features":
    """A network whose forward gives a dict of feature maps by name, made of the very layers and weights of a model.

    Arguments:
        model: A TARGET, built with its initial weights or those that its options name; or a module.
        layers: Stages ("stage3", before a module of that name) or modules ("conv4_x.0", "pool_1" for the second call of pool), by
            default all stages.
        input: A shape with batch, or a string without ("3x64x64"), for which `stages` hold; by default the model's own.
        options, more: For the builder of a model that is named, as a mapping or as keywords of their own.

    Returns:
        A module. What none of the layers needs is left out; what remains keeps its name in the state dict. The attribute `stages`
        maps each name to its `Stage`: channels, size, stride, receptive field.

    Raises:
        ZooError: For an unknown model or layer, and for a network whose forward is no fixed graph.

    Example:
        >>> import torch
        >>> body = zoo.features("resnet18", ["stage2", "stage3"])
        >>> {name: tuple(maps.shape) for name, maps in body(torch.zeros(1, 3, 64, 64)).items()}
        {'stage2': (1, 64, 16, 16), 'stage3': (1, 128, 8, 8)}
    """
    from zoo.models.forward import trace
    from zoo.models.targets import built
    from zoo.transform.cutting import cut

    if isinstance(layers, str):
        raise ZooError(f"layers {layers!r}: expected a list of names, such as [{layers!r}]")
    given = {**(options or {}), **more}
    subject = built(model, given)
    model = subject.module
    size = input if input is not None else subject.shape()
    whole = trace(model, input=size)
    names = [stage.name for stage in find_stages(whole)] if layers is None else list(dict.fromkeys(layers))
    if not names:
        raise ZooError("layers: expected at least one name, such as stage3")
    stages = find_layers(whole, names)
    body = cut(model, stages)
    copied = set()
    several = (2, *whole.inputs[0].shape[1:])  # one image alone has no statistics
    for train in (False, True):
        before = trace(model, input=several, train=train)
        wanted = [handed_on(before)[stage.layer].id for stage in stages.values()]
        copied |= _overwritten(before, wanted, names, trace(body, input=several, train=train))
    body = cut(model, stages, copied) if copied else body
    body.training = model.training  # its layers are the model's, and stay in their modes
    return body


def _overwritten(before: Trace, wanted: Sequence[int], names: Sequence[str], after: Trace) -> set[str]:
    """The outputs of `after`, a network cut from that of `before`, to which a later op writes. Raises `ZooError` if it does not do
    the very ops that lead to the values `wanted`, and only these.
    """
    needed, done = _behind(before, wanted), _behind(after, [value.id for value in after.outputs])
    steps, taken = ([op.signature(lambda value: value.shape) for op in ops] for ops in (needed, done))
    if steps != taken:
        mode = "training" if before.mode == "train" else "evaluation"
        raise ZooError(f"{before.target} cannot be cut: in {mode} mode its forward is no fixed graph")
    position = {value.id: i for ops in (needed, done) for i, op in enumerate(ops) for value in op.outputs}
    return {name for name, value, out in zip(names, wanted, after.outputs, strict=True) if position[value] != position.get(out.id)}


def _behind(trace: Trace, values: Iterable[int]) -> list[Op]:
    """The ops that lead to those values, in order."""
    ops, reached = [], set(values)
    for op in reversed(trace.ops):
        if any(value.id in reached for value in op.outputs):
            reached.update(value.id for value in op.inputs)
            ops += [op] if op.kind != WRITE else []
    return ops[::-1]
