"""Run a network and draw what is inside it: effective receptive fields, feature maps, filters, saliency."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.analysis.inside import class_gradient, layer_output, noise, normalised, unit_gradients
from zoo.extend import Column, Picture, Row, Table, Trace, ZooError
from zoo.models.forward import trace
from zoo.models.importing import beside_target
from zoo.questions.rf import Extent, find_layer, receptive_field
from zoo.tracing.process import undisturbed
from zoo.util.text import sizes

if TYPE_CHECKING:
    from torch import Tensor, nn

SHARES = (0.5, 0.9, 0.99)
"""Of all gradients, held by the squares that are reported."""
_EFFECTIVE = (
    Column(
        "side", "pixels", "of the smallest square around the window's middle that holds this share of the gradients", hide_order=0
    ),
    Column("of_window", "percent", "the side as a part of the exact window's", hide_order=0),
)
_MAPS = (
    Column("least", "number", "the smallest value", hide_order=0),
    Column("largest", "number", "the largest value", hide_order=0),
    Column("mean", "number", "of all values", hide_order=0),
    Column("positive", "percent", "of the values are above 0", hide_order=0),
)
_SCORES = (Column("score", "number", "of this class, before any softmax", hide_order=0),)


@dataclass(frozen=True)
class _Network:
    """A network that can run, its trace, and what its weights are."""

    trace: Trace
    module: "nn.Module"
    weights: str

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an image, without batch."""
        if len(self.trace.inputs) != 1 or len(self.trace.inputs[0].shape) != 4:
            raise ZooError(f"{self.trace.target}: expected a network that takes one image")
        return self.trace.inputs[0].shape[1:]


def _network(target: "str | nn.Module", weights: str | None, seed: int, how: Mapping[str, Any]) -> _Network:
    """Build the network with given or initial weights; a module keeps its own if none are given."""
    import torch

    from zoo.models.targets import built

    found = trace(target, **how)
    options = dict(how.get("options") or {})
    if not isinstance(target, str):
        if any(parameter.is_meta for parameter in target.parameters()):
            raise ZooError(f"{found.target} has no weights: its parameters are on the meta device")
        module = copy.deepcopy(target).eval()
        return _Network(found, module, "the module's weights" if weights is None else _loaded(module, weights))
    own = weights is not None and ":" not in target  # the catalogue knows its published weights by name
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = built(target, {**options, "weights": weights} if own else options).module.eval()
    if weights is None:
        return _Network(found, module, f"initial weights (untrained), seed {seed}")
    return _Network(found, module, f"weights {weights}" if own else _loaded(module, weights))


def _loaded(module: "nn.Module", weights: str) -> str:
    """Load the weights of a file into a module, and say what they are. Raises `ZooError` if they belong to another network."""
    from zoo.transform.loading import load_weights

    rows = load_weights(module, weights).rows
    left = [row.name for row in rows if row.type == "left"]
    return f"weights {weights}" + (f", initial weights in {', '.join(left)}" if left else "")


@undisturbed
@beside_target
def effective_picture(
    target: "str | nn.Module",
    layer: str,
    unit: Sequence[int] | None = None,
    *,
    weights: str | None = None,
    inputs: int = 4,
    seed: int = 0,
    **how: Any,
) -> Picture:
    """Draw on which pixels a unit depends, and how much: its effective receptive field.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them. A module keeps its weights if none are given.
        layer: The name of a module in it.
        unit: The index of the unit, counted from 0; by default the middle unit.
        weights: A file, or "torchvision:NAME" for a network of the catalogue; by default initial weights.
        inputs: The number of random images over which gradients are averaged.
        seed: Of the weights and the images.
        how: Further arguments of `zoo.trace`.

    Returns:
        A `Picture` with the squares that hold 50, 90 and 99% of the gradients; its table has their sides.

    Raises:
        ZooError: As `receptive_field`, for a layer that is not a module, and if all gradients vanish.
    """
    from zoo.pictures._effective import effective

    net = _network(target, weights, seed, how)
    layer, _ = find_layer(net.trace, layer)
    field = receptive_field(net.trace, layer, unit)
    gradients = unit_gradients(net.module, layer, field.unit, noise(net.shape, inputs, seed))
    rows, columns = field.axes
    middle = _middle(rows), _middle(columns)
    whole = max(_length(rows), _length(columns))
    sides = [_side(gradients, middle, share) for share in SHARES]
    table = Table(
        f"{net.trace.target} · effective receptive field of {layer}, unit {','.join(map(str, field.unit)) or '0'}",
        {
            "target": net.trace.target,
            "layer": layer,
            "unit": list(field.unit),
            "inputs": inputs,
            "seed": seed,
            "weights": net.weights,
        },
        _EFFECTIVE,
        (
            *(
                Row(f"{share:.0%}", "square", {"side": side, "of_window": round(100 * side / whole, 1)})
                for share, side in zip(SHARES, sides, strict=True)
            ),
            Row("100%", "exact window", {"side": whole, "of_window": 100.0}),
        ),
        notes=(f"mean absolute gradient over {inputs} random {'input' if inputs == 1 else 'inputs'}; {net.weights}",),
    )
    return effective(table, gradients, middle, sides, (_frame(rows), _frame(columns)))


def _frame(axis: Extent) -> tuple[int, int]:
    """The first and the last pixel of the window, without a border where there is one."""
    return axis.unclipped or (axis.first or 0, axis.last or 0)


def _middle(axis: Extent) -> float:
    first, last = _frame(axis)
    return (first + last) / 2


def _length(axis: Extent) -> int:
    first, last = _frame(axis)
    return last - first + 1


def _side(gradients: Any, middle: tuple[float, float], share: float) -> int:
    """The side of the smallest square around `middle` that holds a share of the gradients."""
    import numpy

    rows, columns = (numpy.abs(numpy.arange(n) - at) for n, at in zip(gradients.shape, middle, strict=True))
    away = numpy.maximum.outer(rows, columns).ravel()
    order = numpy.argsort(away, kind="stable")
    held = numpy.cumsum(gradients.ravel()[order])
    return int(2 * away[order][numpy.searchsorted(held, share * held[-1])] + 1)


def _image(net: _Network, image: str | Path | None) -> tuple[Any, "Tensor"]:
    """The pixels of the image, and the tensor that the network takes."""
    from zoo.pictures._image import read_image

    if image is None:
        raise ZooError("expected an image: pass --image FILE")
    pixels = read_image(image, net.shape[1], net.shape[2])
    return pixels, normalised(pixels, net.shape[0])


@undisturbed
@beside_target
def maps_picture(
    target: "str | nn.Module", layer: str, image: str | Path | None, *, weights: str | None = None, seed: int = 0, **how: Any
) -> Picture:
    """Draw the feature maps that a layer returns for an image. Arguments and errors: see `effective_picture`."""
    import torch

    from zoo.pictures._tiles import tiles

    net = _network(target, weights, seed, how)
    layer, _ = find_layer(net.trace, layer)
    with torch.inference_mode():
        output = layer_output(net.module, layer, _image(net, image)[1][None])
    if output.dim() != 4:
        raise ZooError(f"{layer} returns {sizes(output.shape)}, which are not maps")
    return tiles(_tiles_table(net, f"maps of {layer} for {image}", "map", output[0].numpy()), output[0].numpy())


@undisturbed
@beside_target
def filters_picture(
    target: "str | nn.Module", layer: str | None = None, *, weights: str | None = None, seed: int = 0, **how: Any
) -> Picture:
    """Draw the filters of a convolution, by default of the first one. Arguments and errors: see `effective_picture`."""
    from zoo.pictures._tiles import tiles

    net = _network(target, weights, seed, how)
    if layer is not None:
        layer, _ = find_layer(net.trace, layer)
    name, kernels = next(
        (
            (f"{name}.weight", module.weight.detach().numpy())
            for name, module in net.module.named_modules()
            if layer in (None, name) and getattr(getattr(module, "weight", None), "ndim", 0) == 4
        ),
        ("", None),
    )
    if kernels is None:
        raise ZooError(f"{layer or net.trace.target} has no convolution with two spatial axes")
    return tiles(_tiles_table(net, f"filters {name}, {sizes(kernels.shape)}", "filter", kernels), kernels)


def _tiles_table(net: _Network, what: str, kind: str, arrays: Any) -> Table:
    rows = tuple(
        Row(
            str(number),
            kind,
            {
                "least": float(f"{one.min():.6g}"),
                "largest": float(f"{one.max():.6g}"),
                "mean": float(f"{one.mean():.6g}"),
                "positive": round(100 * float((one > 0).mean()), 1),
            },
        )
        for number, one in enumerate(arrays)
    )
    context = {"target": net.trace.target, "weights": net.weights}
    return Table(f"{net.trace.target} · {what}", context, _MAPS, rows, notes=(net.weights,))


@undisturbed
@beside_target
def saliency_picture(
    target: "str | nn.Module",
    image: str | Path | None,
    label: int | None = None,
    *,
    weights: str | None = None,
    seed: int = 0,
    **how: Any,
) -> Picture:
    """Draw how much the score of a class depends on each pixel; by default of the class with the highest score.

    Arguments and errors: see `effective_picture`.
    """
    from zoo.pictures._effective import saliency

    net = _network(target, weights, seed, how)
    pixels, tensor = _image(net, image)
    gradients, chosen, scores = class_gradient(net.module, tensor, label)
    best = sorted(range(len(scores)), key=lambda index: -scores[index])[:5]
    shown = best if chosen in best else [chosen, *best]
    rows = tuple(Row(str(index), "class", {"score": float(f"{scores[index]:.6g}")}) for index in shown)
    context = {"target": net.trace.target, "class": chosen, "weights": net.weights, "image": str(image)}
    table = Table(f"{net.trace.target} · saliency of class {chosen}", context, _SCORES, rows, notes=(net.weights,))
    return saliency(table, pixels, gradients)
