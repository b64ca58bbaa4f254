"""Train any model in less memory: blocks forget their activations, and compute them again in the backward pass."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from math import isqrt
from typing import TYPE_CHECKING, Any

from zoo.transform.given import require_module
from zoo.util.errors import ZooError

if TYPE_CHECKING:
    from torch import nn


def gradient_checkpointing(model: "nn.Module", enable: bool = True) -> list[str]:
    """Let the blocks of any model compute their activations again in the backward pass, in place of keeping them.

    In training mode, a block keeps its input only: about a third more time for much less memory. Outputs, gradients and the
    statistics of batch norms stay what they are. A sequence of layers, such as VGG's, is cut into about as many parts as each part
    has layers; so is a network without blocks, such as AlexNet.

    Arguments:
        model: A module, which changes in place: of the catalogue, a pulled file, torchvision, timm or your own.
        enable: False undoes it.

    Returns:
        The names of the blocks, or the first and last layer of each part. A copy of the model, and a saved one, has the same.

    Raises:
        ZooError: For a model without blocks whose forward pass is not a fixed graph, or has a few layers only.

    Example:
        >>> zoo.gradient_checkpointing(zoo.create_model("resnet18"))[:3]
        ['conv2_x.0', 'conv2_x.1', 'conv3_x.0']
        >>> zoo.gradient_checkpointing(zoo.create_model("alexnet", init=None))
        ['conv1 to relu2', 'norm2 to relu4', 'conv5 to relu6']
    """
    require_module("gradient_checkpointing", model)
    for module in model.modules():
        if isinstance(found := module.__dict__.get("forward"), partial) and found.func in {_block, _sequence, _network}:
            del module.__dict__["forward"]
    if not enable:
        return []
    blocks = dict(_blocks(model, ""))
    if not blocks:
        return _by_parts(model)
    for block in blocks.values():
        block.__dict__["forward"] = partial(_sequence if _is_sequence(block) else _block, block)
    return list(blocks)


def _by_parts(model: "nn.Module") -> list[str]:
    """Let a network without blocks run part by part, and return the names of the parts. Raises `ZooError` if it cannot."""
    from zoo.transform.parts import parts

    forgotten = parts(model)[:-1]
    if not forgotten:
        raise ZooError(f"gradient_checkpointing: {type(model).__name__} has too few layers whose activations it could forget")
    model.__dict__["forward"] = partial(_network, model)
    return [" to ".join(dict.fromkeys((one.layers[0], one.layers[-1]))) for one in forgotten if one.layers]


def _is_sequence(module: "nn.Module") -> bool:
    from torch import nn

    return type(module) is nn.Sequential


def _blocks(module: "nn.Module", prefix: str) -> "Iterator[tuple[str, nn.Module]]":
    """Yield the outermost modules of several layers with parameters; containers of blocks are not blocks themselves."""
    from torch import nn

    for name, child in module.named_children():
        inner = [one for one in child.children() if any(True for _ in one.children())]
        if isinstance(child, nn.ModuleList | nn.ModuleDict) or (_is_sequence(child) and inner):
            yield from _blocks(child, f"{prefix}{name}.")
        elif len(list(child.children())) > 1 and any(True for _ in child.parameters()):
            yield f"{prefix}{name}", child


def _block(module: "nn.Module", *inputs: Any, **keywords: Any) -> Any:
    """`forward` of a block."""
    forward = partial(type(module).forward, module)
    return _checkpointed([module], forward, *inputs, **keywords)


def _sequence(module: "nn.Module", x: Any) -> Any:
    """`forward` of a sequence of layers, part by part. No part begins with a layer that overwrites its input."""
    layers = list(module.children())
    part: list[nn.Module] = []
    for layer in layers:
        if len(part) >= isqrt(len(layers)) and not getattr(layer, "inplace", False):
            x, part = _checkpointed(part, partial(_through, part), x), []
        part.append(layer)
    return _through(part, x)  # the last part is what the backward pass begins with


def _network(module: "nn.Module", *inputs: Any, **keywords: Any) -> Any:
    """`forward` of a network without blocks, part by part."""
    from zoo.transform.parts import parts

    if not module.training or len(inputs) != 1 or keywords:
        return type(module).forward(module, *inputs, **keywords)
    (x,) = inputs
    *forgotten, last = parts(module)
    for part in forgotten:
        x = _checkpointed([module.get_submodule(layer) for layer in part.layers] or [module], partial(part.run, module), x)
    return last.run(module, x)


def _through(layers: "list[nn.Module]", x: Any) -> Any:
    for layer in layers:
        x = layer(x)
    return x


def _checkpointed(modules: "list[nn.Module]", forward: Any, *inputs: Any, **keywords: Any) -> Any:
    import torch
    from torch.utils.checkpoint import checkpoint

    if not torch.is_grad_enabled() or not any(module.training for module in modules):
        return forward(*inputs, **keywords)

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _statistics_kept(modules)

    return checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts, **keywords)


@contextmanager
def _statistics_kept(modules: "list[nn.Module]") -> Iterator[None]:
    """Let batch norms compute again without counting the batch twice."""
    from torch import nn

    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    norms = [one for module in modules for one in module.modules() if isinstance(one, kinds) and one.track_running_stats]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # the new mean has no weight
        norm.num_batches_tracked = None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
