"""Build modules without weights: the constructor runs, weights stay on the meta device, and initialisers do nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from zoo.tracing.process import Generators, alone, surely
from zoo.tracing.trees import tree_leaves, tree_map_only

_FILLS = """
    fill_ zero_ normal_ uniform_ trunc_normal_ bernoulli_ exponential_ copy_ mul_ add_ sub_ div_ clamp_ clamp_min_ clamp_max_
    erfinv_ pow_ sqrt_ neg_
""".split()
_INITIALISERS = [getattr(torch.nn.init, name) for name in dir(torch.nn.init) if name.endswith("_") and not name.startswith("_")]
_NOT_ON_META = frozenset([*_INITIALISERS, *(getattr(torch.Tensor, name) for name in _FILLS if hasattr(torch.Tensor, name))])


_DRAWS = frozenset(
    [getattr(torch, name) for name in "rand randn randint randperm normal bernoulli multinomial rand_like randn_like".split()]
    + [getattr(torch.Tensor, name) for name in "normal_ uniform_ bernoulli_ exponential_ random_ cauchy_ geometric_".split()]
    + _INITIALISERS
)
_WATCHED = _NOT_ON_META | _DRAWS
_EMPTY = torch.empty


class Skeleton(TorchFunctionMode):
    """While it is entered, `torch.empty` allocates nothing and filling such tensors costs nothing; in this thread alone.

    Every weight of `torch.nn` is born by `torch.empty`. Other factories (`arange`, `linspace`, `zeros`) stay real, since
    constructors read what they make. No random number is drawn for a weight, and what a
    constructor draws for other ends leaves the generators as they were. Where a constructor runs a layer on a real tensor, to
    see its output's shape, that tensor follows the weights to the meta device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.drew = False
        self.generators = Generators()
        self.depth = torch._C._len_torch_function_stack()

    def __enter__(self) -> "Skeleton":
        try:
            torch._C._push_on_torch_function_stack(self)
            return self
        except BaseException:  # an interrupt: nobody would leave what was not entered to its end
            self._leave()
            raise

    def __exit__(self, *error: Any) -> None:
        surely(lambda: None, self._leave)

    def _leave(self) -> None:
        while torch._C._len_torch_function_stack() > self.depth:
            torch._C._pop_torch_function_stack()
        self.generators.restore(self.drew or alone())

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is _EMPTY:
            return func(*args, **{**kwargs, "device": "meta"})
        if func in _WATCHED:
            tensor = args[0] if args else kwargs.get("tensor")
            if func in _NOT_ON_META and isinstance(tensor, torch.Tensor) and tensor.is_meta:
                return tensor
            self.drew |= func in _DRAWS
        try:
            return func(*args, **kwargs)
        except RuntimeError:
            given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
            if len({t.is_meta for t in given}) < 2:
                raise
            args, kwargs = tree_map_only(torch.Tensor, lambda t: t.to("meta"), (args, kwargs))
            return func(*args, **kwargs)
