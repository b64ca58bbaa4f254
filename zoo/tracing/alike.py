"""Layers of torch that are alike do alike: of those with the same settings, on inputs of one shape, torch runs the first alone.

A network repeats few different layers. What the first did is written down again for the others, with their own parameters; the
trace is equal to one for which torch runs every layer (`tests/test_alike.py`). That holds for a forward of one op that depends on
nothing but the settings of the layer, the shapes of its parameters, and the shape and type of its one input. All others run.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zoo.record.trace import Op, Value
from zoo.tracing.recorder import Recorder
from zoo.tracing.state import plain_layer

_NO_SETTINGS = frozenset({*vars(nn.Module()), "forward"} - {"training"})
"""Attributes that every module has, or has while it is traced."""

_META = torch.device("meta")


@dataclass(frozen=True, slots=True)
class _Done:
    """What a layer did: its one op, which of its own tensors each input of that is (None: what the layer is given), and the type
    of the tensor that it made (None: it wrote to what it was given).
    """

    op: Op
    reads: tuple[str | None, ...]
    made: torch.dtype | None


class Alike:
    """What the layers of the forward that `recorder` follows have done so far."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._done: dict[Hashable, _Done] = {}
        self._settings: dict[type, tuple[list[str], list[str]]] = {}  # by class, a layer's attributes and those that are settings

    def run(self, layer: nn.Module, forward: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the layer's `forward` returns: it runs, or what the layer that was alike did is written down."""
        if kwargs or len(args) != 1 or not _unobserved() or (given := self.recorder.activation(args[0])) is None:
            return forward(*args, **kwargs)
        (x,), own = args, {**layer._parameters, **layer._buffers}
        try:
            done = self._done.get(likeness := self._likeness(layer, own, given))
        except (KeyError, TypeError):  # a tensor that is not the model's; a setting that may change
            return forward(x)
        if done is not None and (done.made is not None or not self.recorder.may_write_through()):
            return self._again(done, own, x)
        before = len(self.recorder.ops)
        out = forward(x)
        if (learnt := self._learnt(own, given, self.recorder.ops[before:], out)) is not None:
            self._done[likeness] = learnt
        return out

    def _likeness(self, layer: nn.Module, own: Mapping[str, Any], given: Value) -> Hashable:
        """What is equal for layers that do the same on such an input: class, settings, and what all tensors are like."""
        state = self.recorder.state
        tensors = [None if tensor is None else state[id(tensor)][1][1:3] for tensor in own.values()]  # shape and type
        return type(layer), *self._set(layer), *tensors, *given[1:3]

    def _set(self, layer: nn.Module) -> list[Any]:
        """The layer's settings."""
        own = vars(layer)
        names, settings = self._settings.get(type(layer), ([], []))
        if names != (present := [*own]):
            settings = [name for name in present if name not in _NO_SETTINGS]
            self._settings[type(layer)] = present, settings
        return [tuple(value) if type(value := own[name]) is list else value for name in settings]

    def _again(self, done: _Done, own: Mapping[str, Any], x: Tensor) -> Tensor:
        """The op of a layer, with its `own` tensors, as that of the layer that was alike."""
        out = x
        if done.made is not None:
            with torch._C._DisableTorchDispatch():
                out = torch.empty(done.op.outputs[0].shape, dtype=done.made, device=_META)
        self.recorder.repeat(done.op, [x if name is None else own[name] for name in done.reads], out)
        return out

    def _learnt(self, own: Mapping[str, Any], given: Value, ops: Sequence[Op], out: Any) -> _Done | None:
        """What a layer did, if that is one op which makes what it returns, or writes it in place; None otherwise."""
        made = self.recorder.activation(out)
        if made is None or [op.outputs for op in ops] != [(made,)] or "alias" in ops[0].traits:
            return None
        names: dict[int, str | None] = {}
        for name, tensor in own.items():
            if (value := self.recorder.recorded(tensor)) is not None:
                names[value.id] = name
        names[given.id] = None
        if not all(value.id in names for value in ops[0].inputs):
            return None
        reads = tuple([names[value.id] for value in ops[0].inputs])
        return _Done(ops[0], reads, None if "inplace" in ops[0].traits else out.dtype)


def repeats(layer: nn.Module) -> bool:
    """Whether what a layer does is torch's own affair: its class, its forward and all that is inside of it."""
    kind = type(layer)
    return plain_layer(kind) and "forward" not in vars(layer) and not layer._modules and kind.forward.__module__ == kind.__module__


def _unobserved() -> bool:
    """Whether no mode sees an op but the recorder; `Constants` has been put aside."""
    return torch._C._len_torch_function_stack() == 0 and torch._C._len_torch_dispatch_stack() == 1
