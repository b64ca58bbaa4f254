"""Compile a module with `torch.jit.script`, and leave torch as it was where that fails."""

import torch
from torch import nn


def try_script(module: nn.Module) -> None:
    """Raise what `torch.jit.script` raises.

    A failure leaves torch with a half compiled class, which it would give to later modules of the same kind: the store of such
    classes is put back.
    """
    store = torch.jit._recursive.concrete_type_store
    known = {kind: list(types) for kind, types in store.type_store.items()}
    try:
        torch.jit.script(module)
    except BaseException:
        store.type_store = known
        raise
