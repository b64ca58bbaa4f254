"""Values that are known: of inputs of whole numbers and bools, of constants and buffers, and of what is computed from these alone.

A forward on the meta device knows no activation and no weight, but a mask, positions or lengths are small and given. Beside each
such tensor on meta stands a real one, its value, and an op on tensors whose values are all known is computed on the values too. So
a branch on a mask is decided by the mask. What was written to with something unknown is unknown from then on.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.record.trace import Param
from zoo.tracing.vocabulary import Known, argument_of

LARGEST = 2**21
"""The most elements of a tensor whose value is kept: a mask of 1,448 by 1,448."""

HIDES = -1e4
"""What is added to the score of a key that nobody is to see is at most this: its exponential is 0."""

MOST_LISTED = 4096
"""The longest list of indices that is written down with an op."""

Pairs = dict[int, tuple[Tensor, Tensor]]
"""By the id of a tensor on meta, that tensor (which keeps its id its own) and its value."""

_CPU, _META = torch.device("cpu"), torch.device("meta")
_UNSET = frozenset({"empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided"})
_MOVES = frozenset({"to", "_to_copy"})


class KnownValues:
    """The values of one forward: `known` are those of its inputs, `state` the parameters and buffers by id; those of parameters are
    not asked for. `private` returns a real tensor, or a copy if it comes from outside the forward and the op could write to it.
    """

    def __init__(self, known: Pairs, state: Mapping[int, tuple[Tensor, Param]], private: Callable[[Tensor, Known], Tensor]) -> None:
        self._known = known
        self._storages = {storage_of(tensor) for pair in known.values() for tensor in pair}
        self._state = state
        self._private = private
        self.making = False  # a constant is made: what torch runs for it is not an op of the forward
        self._stale: list[Tensor] = []  # real tensors to which something unknown was written

    def answer(self, func: Any, known: Known, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What an op returns whose result, or the shape of it, is a matter of values; None for other ops and unknown values.

        A number, a tensor on meta with its value, or a real tensor if that is what the model asks for by `x.cpu()`.
        """
        to_cpu = known.kind in _MOVES and any(item == _CPU for item in (*args, *kwargs.values()) if isinstance(item, torch.device))
        if not (known.data_dependent or known.dynamic or to_cpu):
            return None
        found = self._computed(func, known, args, kwargs)
        if found is None or not _tensors(found):
            return found
        if to_cpu:
            with torch.inference_mode(False):
                return found.clone()
        if known.writes or "alias" in known.traits:
            return None
        if isinstance(found, Tensor):
            return self._on_meta(found)
        return tuple(self._on_meta(item) if isinstance(item, Tensor) else item for item in found)

    def follow(
        self, func: Any, known: Known, args: Sequence[Any], kwargs: Mapping[str, Any], given: Sequence[Tensor], out: Any
    ) -> None:
        """Compute on values too what torch has answered on meta by `out`; `given` are the tensors of all arguments."""
        if given and given[0].is_meta and id(given[0]) not in self._known and not (known.writes and self._known):
            return  # most ops are on activations
        results = _tensors(out)
        if not results or (not known.writes and id(results[0]) in self._known):
            return
        if not any(map(self.is_abstract, [*given, *results])):
            return  # it ran on real tensors
        if all(t.is_meta and t.numel() <= LARGEST and t.layout is torch.strided for t in results):
            values = _tensors(self._computed(func, known, args, kwargs))
            if [v.shape for v in values] == [t.shape for t in results]:
                for tensor, value in zip(results, values, strict=True):
                    self._keep(tensor, value)
                return
        if known.writes:
            for name in known.writes:
                self._forget(_tensors(argument_of(known, name, args, kwargs)))

    def picked(self, indices: Sequence[Tensor | None]) -> list[Tensor | None] | None:
        """Indices in which each known mask is replaced by the places where it is true; None if a mask is unknown."""
        found: list[Tensor | None] = []
        for index in indices:
            if index is None or index.dtype not in {torch.bool, torch.uint8}:
                found.append(index)
                continue
            if (mask := self.of(index)) is None:
                return None
            found += [self._on_meta(places) for places in mask.nonzero(as_tuple=True)]
        return found

    def listed(self, indices: Sequence[Tensor]) -> tuple[int, ...] | None:
        """The one short list of whole numbers among `indices`; None if it is unknown, or something else."""
        if len(indices) != 1 or indices[0].dim() != 1 or indices[0].dtype not in {torch.int64, torch.int32}:
            return None
        value = self.of(indices[0])
        return tuple(value.tolist()) if value is not None and value.numel() <= MOST_LISTED else None

    def knows(self, tensor: Tensor) -> bool:
        """Whether the value of a tensor on meta is known."""
        return id(tensor) in self._known

    def is_causal(self, mask: Tensor) -> bool:
        """Whether a mask of attention is known to be causal."""
        value = self.of(mask)
        return value is not None and causal(value)

    def is_abstract(self, tensor: Tensor) -> bool:
        """Whether ops on it run on meta: without values, of the model, or real and written to with something unknown."""
        return tensor.is_meta or id(tensor) in self._state or (bool(self._stale) and self._is_stale(tensor))

    def _is_stale(self, tensor: Tensor) -> bool:
        return any(storage_of(tensor) == storage_of(stale) for stale in self._stale)

    def of(self, tensor: Tensor) -> Tensor | None:
        """The value of a tensor, itself if it is real; None if it is unknown, a weight, or large."""
        if (found := self._known.get(id(tensor))) is not None:
            return found[1]
        if tensor.is_meta or tensor.numel() > LARGEST or tensor.layout is not torch.strided:
            return None
        weight = id(tensor) in self._state and self._state[id(tensor)][1].kind == "parameter"
        return None if weight or self._is_stale(tensor) else tensor

    def _computed(self, func: Any, known: Known, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the op returns on values; None if one is unknown, or drawn at random."""
        given = [*_each_tensor(args), *_each_tensor(kwargs.values())]
        if "random" in known.traits or any(self.of(tensor) is None for tensor in given):
            return None

        def real(argument: Any) -> Any:
            if isinstance(argument, Tensor):
                value = self.of(argument)
                return value if value is None or id(argument) in self._known else self._private(value, known)
            if isinstance(argument, list | tuple):
                return type(argument)(map(real, argument)) if _tensors(argument) else argument
            return _CPU if isinstance(argument, torch.device) else argument

        try:
            found = func(*map(real, args), **{name: real(argument) for name, argument in kwargs.items()})
        except (RuntimeError, IndexError, TypeError, NotImplementedError):  # what the CPU cannot compute is unknown
            return None
        return found.zero_() if known.kind in _UNSET else found

    def constant(self, make: Callable[[], Tensor], *, meta: bool = False) -> Tensor:
        """What `make` returns, or a tensor on meta of that value, without a trace of how it was made."""
        self.making = True
        try:
            value = make()
            return self._on_meta(value) if meta else value
        finally:
            self.making = False

    def _on_meta(self, value: Tensor) -> Tensor:
        tensor = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device=_META)
        self._keep(tensor, value)
        return tensor

    def _keep(self, tensor: Tensor, value: Tensor) -> None:
        self._known[id(tensor)] = tensor, value
        self._storages |= {storage_of(tensor), storage_of(value)}

    def _forget(self, written: Sequence[Tensor]) -> None:
        """All that shares storage with what was written to is unknown from now on."""
        for target in written:
            value = self._known.get(id(target), (target, target))[1]
            gone = {storage_of(target), storage_of(value)}
            if not gone.isdisjoint(self._storages):
                for key, (tensor, other) in list(self._known.items()):
                    if storage_of(tensor) in gone or storage_of(other) in gone:
                        del self._known[key]
            if not target.is_meta:
                self._stale.append(target)


def is_countable(dtype: torch.dtype) -> bool:
    """Whether a type is of whole numbers or bools, as masks and indices have."""
    return not (dtype.is_floating_point or dtype.is_complex)


def default(name: str | None, sizes: Sequence[int], dtype: torch.dtype, device: Any = _CPU) -> Tensor:
    """What an input is that is given by its sizes alone: ones if it is a mask or of a floating type, zeros if not.

    A mask of padding (`key_padding_mask`) is true where an element is *not* looked at, and so is of zeros.
    """
    mask = name is not None and "mask" in name and "padding" not in name
    return torch.full([*sizes], int(mask or not is_countable(dtype)), dtype=dtype, device=device)


def causal(mask: Tensor) -> bool:
    """Whether a mask lets each query see the keys up to its own place, and no others.

    >>> causal(torch.ones(3, 3, dtype=torch.bool).tril()), causal(torch.zeros(3, 3))
    (True, False)
    """
    if mask.dim() < 2 or mask.shape[-1] != mask.shape[-2]:
        return False
    seen = mask if mask.dtype == torch.bool else mask > HIDES
    return seen.equal(torch.ones_like(seen).tril())


def _tensors(argument: Any) -> list[Tensor]:
    if isinstance(argument, Tensor):
        return [argument]
    return [item for item in argument if isinstance(item, Tensor)] if isinstance(argument, list | tuple) else []


def _each_tensor(arguments: Any) -> list[Tensor]:
    return [tensor for argument in arguments for tensor in _tensors(argument)]


def storage_of(tensor: Tensor) -> int:
    """A number that tensors have in common if and only if they share storage. A sparse tensor has no storage: it is its own."""
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else id(tensor)
