"""Experiments that know nothing of the analyzer: what is alive in a forward, what autograd keeps, what a backward multiplies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import FlopCounterMode

from zoo.tracing.vocabulary import known_op

Inputs = Sequence[Tensor]


def tensors(*nested: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(nested) if isinstance(leaf, Tensor)]


def place(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def held_by(model: nn.Module) -> dict[int, Tensor]:
    """The storages that a model has before it runs, those of its plain attributes too."""
    plain = tensors([value for module in model.modules() for value in vars(module).values()])
    return {place(t): t for t in (*model.parameters(), *model.buffers(), *plain)}


class Living(TorchDispatchMode):
    """Sees which storages are alive after each op, beside `own` ones. Composite ops that a trace keeps stay whole here too."""

    def __init__(self, own: dict[int, Tensor], inputs: Inputs) -> None:
        super().__init__()
        self.own = own
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = self.made = 0
        self.meet(inputs)

    def meet(self, *nested: Any) -> None:
        for storage in (t.untyped_storage() for t in tensors(nested)):
            if storage._cdata not in self.own and storage._cdata not in self.alive:
                self.alive[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
                self.made += storage.nbytes()

    def look(self, *nested: Any) -> None:
        self.alive = {key: item for key, item in self.alive.items() if not item[0].expired()}
        self.meet(nested)
        self.peak = max(self.peak, sum(size for _, size in self.alive.values()))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if known_op(func).apart:
            with self:
                return func.decompose(*args, **kwargs)
        out = func(*args, **kwargs)
        self.ran(func, list(args), kwargs, out)
        return out

    def ran(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        self.look(args, kwargs, out)


@dataclass(frozen=True)
class Name:
    """A tensor on a tape."""

    id: int


class Tape(Living):
    """Writes down each op with the tensors it reads and gives; nothing dies while it is written."""

    def __init__(self, own: dict[int, Tensor], inputs: Inputs) -> None:
        super().__init__(own, inputs)
        self.steps: list[tuple[Any, Any]] = []
        self.kept = {id(t): t for t in inputs}
        self.outside = dict(self.kept)

    def ran(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        for t in tensors(args, kwargs):
            if id(t) not in self.kept:
                self.outside[id(t)] = t
        self.kept |= {id(t): t for t in tensors(args, kwargs, out)}
        self.look(args, kwargs, out)
        self.steps.append((func, tree_map_only(Tensor, lambda t: Name(id(t)), (args, kwargs, out))))


def eager_peak(model: nn.Module, inputs: Inputs) -> int:
    """The peak of a forward as Python runs it: a tensor lives as long as a variable of any running function names it."""
    with torch.inference_mode(), Living(held_by(model), inputs) as living:
        model(*inputs)
    return living.peak


def written_down(model: nn.Module, inputs: Inputs) -> tuple[Tape, list[int]]:
    """The tape of a forward, and the names of its outputs."""
    with torch.inference_mode(), Tape(held_by(model), inputs) as tape:
        outputs = tensors(model(*inputs))
    return tape, [id(t) for t in outputs]


def made(model: nn.Module, inputs: Inputs) -> int:
    """The bytes of all storages that a forward makes."""
    return written_down(model, inputs)[0].made - sum(t.untyped_storage().nbytes() for t in inputs)


def freed_peak(model: nn.Module, inputs: Inputs) -> int:
    """The peak of the same ops run once more, every tensor being deleted after the last op that names it."""
    tape, outputs = written_down(model, inputs)
    values, steps = tape.outside, tape.steps
    last = {leaf.id: i for i, step in enumerate(steps) for leaf in tree_leaves(step) if isinstance(leaf, Name)}
    last |= dict.fromkeys((*values, *outputs), len(steps))
    living = Living(tape.own | {place(t): t for name, t in values.items() if all(t is not x for x in inputs)}, inputs)
    del tape
    for i, (func, (args, kwargs, out)) in enumerate(steps):
        with torch.inference_mode():
            given = tree_map_only(Name, lambda name, values=values: values[name.id], (args, kwargs))
            got = func(*given[0], **given[1])
        names = [leaf.id for leaf in tree_leaves(out) if isinstance(leaf, Name)]
        values |= zip(names, tensors(got), strict=True)
        living.look(given, got)
        del given, got
        for name in [name for name in values if last[name] == i]:
            del values[name]
    return living.peak


def trained(model: nn.Module, inputs: Inputs, train: bool = True) -> tuple[int, int]:
    """Bytes of all storages, but for the model's own, that autograd keeps of a forward; half the FLOPs of its backward."""
    own, kept = held_by(model), {}

    def keep(tensor: Tensor) -> Tensor:
        kept[place(tensor)] = tensor.untyped_storage()
        return tensor

    model.train(train)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outs = [t.sum() for t in tensors(model(*inputs)) if t.requires_grad]
    counter = FlopCounterMode(display=False)
    with counter:
        torch.stack(outs).sum().backward()
    return sum(storage.nbytes() for key, storage in kept.items() if key not in own), counter.get_total_flops() // 2
