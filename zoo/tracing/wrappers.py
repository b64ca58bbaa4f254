"""Wrappers around a model that say how it is trained or compiled and not what it computes: a trace sees through them."""

from collections.abc import Iterable

import torch
from torch import nn

from zoo.util.errors import ZooError

_DISTRIBUTED = "torch.distributed"


def unwrapped(module: nn.Module, name: str) -> nn.Module:
    """The model inside of `torch.compile`, `DistributedDataParallel` and `DataParallel`, in any order.

    Raises `ZooError` for a scripted module.
    """
    while True:
        if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            module = module.module
        elif (compiled := dict(module._modules).get("_orig_mod")) is not None:  # a scripted module has its own kind of dict
            module = compiled
        else:
            break
    if isinstance(module, torch.jit.ScriptModule):
        raise ZooError(f"{name or type(module).__name__} is a scripted module; analyse the original module")
    return module


def without_sharding(modules: Iterable[nn.Module]) -> None:
    """Take away the hooks by which `fully_shard` gathers the parameters of a module, which have their whole shapes without.

    Whoever calls it puts them back (see `guard`).
    """
    for hooks in (hooks for module in modules for hooks in (module._forward_pre_hooks, module._forward_hooks) if hooks):
        for key in [key for key, hook in hooks.items() if (getattr(hook, "__module__", "") or "").startswith(_DISTRIBUTED)]:
            del hooks[key]
