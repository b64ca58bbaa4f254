"""Models inside of `FullyShardedDataParallel`, which keeps the weights of several layers in one flat tensor."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from zoo.tracing.state import named_modules


def is_flat(kind: type) -> bool:
    """Whether modules of this class are such wrappers. To ask torch's class would import torch.distributed."""
    return kind.__name__ == "FullyShardedDataParallel" and kind.__module__.startswith("torch.distributed")


def gathered(modules: Sequence[tuple[str, nn.Module]]) -> Sequence[tuple[str, nn.Module]]:
    """`modules`, or others around the same buffers, without wrappers, whose parameters have their shapes again, without memory."""
    if not any(map(is_flat, {type(part) for _, part in modules})):
        return modules
    wrappers: list[Any] = [part for _, part in modules if is_flat(type(part))]
    weights: dict[int, dict[str, nn.Parameter]] = {}  # by the id of the module that had them
    for flat in [wrapper._flat_param for wrapper in wrappers if wrapper._flat_param is not None]:
        originals = flat._params or [flat] * len(flat._shapes)
        for info, shape, original in zip(flat._param_infos, flat._shapes, originals, strict=True):
            meta = torch.empty(shape, dtype=flat.dtype, device="meta")
            weights.setdefault(id(info.module), {})[info.param_name] = nn.Parameter(meta, original.requires_grad)
        for info in flat._shared_param_infos:
            first = weights[id(info.prim_module)][info.prim_param_name]
            weights.setdefault(id(info.module), {})[info.param_name] = first
    return named_modules(_around(modules[0][1], weights, {}))


def _around(module: nn.Module, weights: dict[int, dict[str, nn.Parameter]], made: dict[int, nn.Module]) -> nn.Module:
    """A module like this one with these parameters, and such modules in it."""
    if is_flat(type(module)):
        return _around(module._modules["_fsdp_wrapped_module"], weights, made)  # type: ignore[arg-type]
    if isinstance(module, torch.jit.ScriptModule):
        return module
    if id(module) not in made:
        own = weights.get(id(module), {})
        new = made[id(module)] = object.__new__(type(module))
        vars(new).update((name, value) for name, value in vars(module).items() if name not in own)
        vars(new)["_parameters"] = {name: tensor for name, tensor in module._parameters.items() if name != "_flat_param"} | own
        parts = {name: part and _around(part, weights, made) for name, part in module._modules.items()}
        vars(new)["_modules"] = parts
    return made[id(module)]
