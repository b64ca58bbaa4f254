"""Every network's features against what hooks see in the whole: the catalogue, and torchvision's classifiers.

    python benchmarks/features.py [PATTERN]

Prints a line for each network: its stages, and whether all maps are equal to the bit.
"""

import fnmatch
import sys
import warnings

import torch
from torch import nn
from torchvision import models

import zoo
from zoo.models.targets import resolve


def filled(target: str) -> tuple[nn.Module, tuple[int, ...]]:
    """The network with small random weights, and its input."""
    subject = resolve(target, {})
    module = subject.module.to_empty(device="cpu").eval()
    for name, tensor in module.state_dict().items():
        if name.endswith("running_var") or not tensor.is_floating_point():
            tensor.fill_(1)
        else:
            tensor.uniform_(-0.05, 0.05)
    return module, (1, *subject.input)


def compared(target: str) -> str:
    """What came of it, in words."""
    module, shape = filled(target)
    try:
        body = zoo.features(module, input=shape)
    except zoo.ZooError as error:
        return f"refused: {error}"
    seen: dict[str, torch.Tensor] = {}
    for name, stage in body.stages.items():
        module.get_submodule(stage.layer).register_forward_hook(lambda m, i, out, name=name: seen.update({name: out.clone()}))
    x = torch.rand(shape)
    with torch.no_grad():
        module(x)
        maps = body(x)
    unequal = [name for name in body.stages if not (torch.equal(maps[name], seen[name]) and maps[name].isfinite().all())]
    stages = ", ".join(f"{stage.layer} {stage.channels}/{stage.stride}" for stage in body.stages.values())
    return f"DIFFERS at {', '.join(unequal)}" if unequal else f"equal: {stages}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    pattern = sys.argv[1] if len(sys.argv) > 1 else "*"
    targets = [*zoo.list_models(), *(f"torchvision:{name}" for name in models.list_models(module=models))]
    for target in fnmatch.filter(targets, pattern):
        print(f"{target}: {compared(target)}", flush=True)
