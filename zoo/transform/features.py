"""A network cut down to some of its feature maps, by name: what a detector's neck, or a loss on features, stands on."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from zoo.analysis.stages import find_layers, find_stages, handed_on
from zoo.catalogue.create import create_model
from zoo.catalogue.entries import card
from zoo.errors import ZooError
from zoo.tracing.record import WRITE, Op, Trace
from zoo.util.process import undisturbed

if TYPE_CHECKING:
    from torch import nn

    from zoo.transform.cutting import Features


@undisturbed
def features(
    model: "str | nn.Module", layers: Sequence[str] | None = None, *, input: Sequence[int] | None = None, **options: Any
) -> "Features":
    """A network whose forward gives a dict of feature maps by name, made of the very layers and weights of `model`.

    `model` is a module, or a name of the catalogue, built with `options`. `layers` are stages ("stage3", before a module of that
    name) or modules ("conv4_x.0", "pool_1" for the second call of pool), by default all stages. What none of them needs is left
    out; what remains keeps its name in the state dict. The attribute `stages` maps each name to its `Stage`: channels, size,
    stride, receptive field, which hold for `input` (a shape with batch, by default the one that the network is made for;
    1×3×224×224 for a module).

    Raises `ZooError` for an unknown layer, and for a network whose forward is no fixed graph.
    """
    from zoo.models.running import trace_target
    from zoo.transform.cutting import cut

    if isinstance(layers, str):
        raise ZooError(f"layers {layers!r}: a list of names is wanted, such as [{layers!r}]")
    size: Sequence[int] | None = input
    if isinstance(model, str):
        channels, *sizes = card(model).input
        size = input or (1, options.get("in_channels", channels), *sizes)
        model = create_model(model, **options)
    elif options:
        raise ZooError(f"options build a model, and this one is built already: {', '.join(options)}")
    whole = trace_target(model, size)
    names = [stage.name for stage in find_stages(whole)] if layers is None else list(dict.fromkeys(layers))
    if not names:
        raise ZooError("layers: name one at least, such as stage3")
    stages = find_layers(whole, names)
    body = cut(model, stages)
    copied = set()
    several = (2, *whole.inputs[0].shape[1:])  # one image alone has no statistics
    for train in (False, True):
        before = trace_target(model, several, train=train)
        wanted = [handed_on(before)[stage.layer].id for stage in stages.values()]
        copied |= _overwritten(before, wanted, names, trace_target(body, several, train=train))
    body = cut(model, stages, copied) if copied else body
    body.training = model.training  # its layers are the model's, and stay in their modes
    return body


def _overwritten(before: Trace, wanted: Sequence[int], names: Sequence[str], after: Trace) -> set[str]:
    """The outputs of `after`, a network cut from that of `before`, to which a later op writes. Raises `ZooError` if it does not do
    the very ops that lead to the values `wanted`, and only these.
    """
    needed, done = _behind(before, wanted), _behind(after, [value.id for value in after.outputs])
    if list(map(_facts, needed)) != list(map(_facts, done)):
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


def _facts(op: Op) -> tuple[object, ...]:
    return op.kind, dict(op.attrs), op.roles, [value.shape for value in (*op.inputs, *op.outputs)]
