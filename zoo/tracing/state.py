"""The modules, parameters and buffers of a model, by name."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from zoo.record.trace import Param
from zoo.util.errors import ZooError

DTYPES = {dtype: str(dtype).removeprefix("torch.") for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)}


def state(modules: Sequence[tuple[str, nn.Module]]) -> Iterator[tuple[Tensor, Param]]:
    """Parameters, then buffers, under each of their names."""
    shapes: dict[torch.Size, tuple[int, ...]] = {}  # of few different ones
    for kind in ("parameter", "buffer"):
        for path, module in modules:
            own = module._parameters if kind == "parameter" else module._buffers
            for key, t in own.items():
                if t is None:
                    continue
                name = f"{path}.{key}" if path else key
                if type(t) not in _FILLED and is_lazy(t):
                    raise ZooError(f"{name} is not initialised: run the lazy module once before you analyse it")
                shape = shapes.get(size := t.shape) or shapes.setdefault(size, tuple(size))
                yield t, Param(name, shape, DTYPES[t.dtype], kind, kind == "parameter" and t.requires_grad)


_FILLED = frozenset({Tensor, nn.Parameter})


def named_modules(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """A module and those in it, outer before inner, each under all of its names. torch's own takes several times as long."""
    found: list[tuple[str, nn.Module]] = []

    def walk(path: str, module: nn.Module) -> None:
        found.append((path, module))
        for name, part in module._modules.items():
            if part is not None:
                walk(f"{path}.{name}" if path else name, part)

    walk("", module)
    return found


def parents(path: str) -> Iterator[str]:
    """The names of the modules around one, the outermost first.

    >>> list(parents("encoder.layers.0"))
    ['encoder', 'encoder.layers']
    """
    names = path.split(".")
    return (".".join(names[:n]) for n in range(1, len(names)))


def plain_layer(kind: type[nn.Module]) -> bool:
    """Whether a class of modules is one of `torch.nn` itself, whose methods are torch's."""
    return kind.__module__.startswith("torch.nn.modules.")
