"""Quantised networks: weights packed in an object of torch's that no list of parameters shows, and activations of one byte."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from zoo.record.trace import Param, Value
from zoo.tracing.state import plain_layer

_CONVOLUTION = ("stride", "padding", "dilation", "groups")


class Weights(NamedTuple):
    """The weights of one packed object: tensors by the argument that an op without packing would take, and other arguments."""

    tensors: tuple[tuple[str, Tensor], ...]
    attrs: dict[str, Any]

    def shapes(self) -> list[torch.Size]:
        """The shape of each tensor."""
        return [tensor.shape for _, tensor in self.tensors]


class PackedWeights:
    """The packed weights of a model's layers.

    torch hands an op another object than the layer holds, so an argument is recognised by the layer that runs and by its shapes.
    """

    def __init__(self, modules: Sequence[tuple[str, nn.Module]]) -> None:
        self._held: list[tuple[str, Weights]] = []
        self._holders: set[int] = set()
        others = {kind for kind in {type(module) for _, module in modules} if not plain_layer(kind)}
        for path, module in modules:
            if type(module) not in others or isinstance(module, torch.jit.ScriptModule):
                continue
            for thing in [*vars(module).values()]:
                if isinstance(thing, torch.ScriptObject) and (found := _unpacked(thing, one_axis="1d" in type(module).__name__)):
                    self._holders.add(id(module))
                    self._held.append((path.removesuffix("._packed_params"), found))

    def alone(self, module: nn.Module) -> bool:
        """Whether all that is inside of a module are its packed weights, or nothing is."""
        return not module._modules or all(part is None or id(part) in self._holders for part in module._modules.values())

    def state(self) -> Iterator[tuple[Tensor, Param]]:
        """Each tensor, as a parameter that does not train."""
        for path, weights in self._held:
            several = len(weights.tensors) > len(dict(weights.tensors))
            for i, (role, tensor) in enumerate(weights.tensors):
                name = f"{path}.{role}_{i}" if several else f"{path}.{role}"
                dtype = str(tensor.dtype).removeprefix("torch.")
                yield tensor, Param(name, tuple(tensor.shape), dtype, "parameter", trainable=False)

    def of(self, layer: str, argument: Any) -> list[Weights]:
        """The weights of an argument, a packed object or a list of them, that an op in `layer` is given; none of anything else."""
        things = argument if isinstance(argument, list | tuple) else [argument]
        if not things or not isinstance(things[0], torch.ScriptObject):
            return []
        inside = f"{layer}." if layer else ""
        mine = [weights for path, weights in self._held if path == layer or path.startswith(inside)]
        if len(things) == len(mine):
            return mine
        return [
            next((one for one in mine if one.shapes() == found.shapes()), found) for found in filter(None, map(_unpacked, things))
        ]


def rounded_type(kind: str, inputs: Sequence[Value], attrs: Mapping[str, Any]) -> str | None:
    """The quantised type of what an op returns, which a stand-in on meta cannot have; None of ops on other numbers."""
    if kind in _ROUNDS and "dtype" in attrs:
        return str(attrs["dtype"]).removeprefix("torch.")
    return inputs[0].dtype if inputs and inputs[0].dtype in _ROUNDED and kind not in _READS else None


_ROUNDED = frozenset({"qint8", "quint8", "qint32"})
_ROUNDS = frozenset({"quantize_per_tensor", "quantize_per_tensor_dynamic", "quantize_per_channel"})
_READS = frozenset({"dequantize", "int_repr", "q_per_channel_scales", "q_per_channel_zero_points"})


def _unpacked(thing: Any, *, one_axis: bool = False) -> Weights | None:
    """The weights in a packed object of a linear layer, a convolution (`one_axis`: of one axis) or a recurrent layer; else None."""
    kind = str(thing._type()).rpartition(".")[2]
    if kind.startswith("Linear"):
        return Weights(_named(thing.unpack()), {})
    if kind.startswith("Conv"):
        cut = 1 if one_axis else 0  # torch packs it with two axes
        weight, bias = thing.unpack()
        weight = weight.squeeze(2) if cut else weight
        attrs = {name: _plain(getattr(thing, name)(), cut) for name in _CONVOLUTION}
        return Weights(_named((weight, bias)), attrs)
    if kind.startswith("CellParams"):
        return Weights(tuple(("params", tensor) for tensor in _cell(thing.__getstate__())), {})
    return None


def _named(pair: Sequence[Tensor | None]) -> tuple[tuple[str, Tensor], ...]:
    return tuple((name, tensor) for name, tensor in zip(("weight", "bias"), pair, strict=True) if tensor is not None)


def _plain(value: Any, cut: int) -> Any:
    return value if isinstance(value, int) else tuple(value)[cut:]


def _cell(state: Any) -> Iterator[Tensor]:
    """The two matrices of one layer in one direction, then its biases, from the state of its object."""
    (_, biases, _, _, inner), _ = state
    pairs = [one.unpack() for one in inner]
    yield from (weight for weight, _ in pairs)
    yield from (bias for bias in biases or [bias for _, bias in pairs] if bias is not None)
