"""Every convention against the tool that it is named after: `python benchmarks/conventions.py [TARGET[@CxHxW] ...]`.

By default the whole catalogue and some of torchvision's classifiers. Prints a line for each model and tool, and what differs; exits
with 1 if anything does. Needs fvcore, ptflops, thop and torchinfo. Some of them patch what they measure: give them a process of
their own. Weights are zeros without memory; fvcore and ptflops compute with them.
"""

import contextlib
import io
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import zoo
from zoo.models.importing import neighbours
from zoo.models.running import trace_subject
from zoo.models.targets import resolve

SOME_OF_TORCHVISION = (
    *("alexnet", "googlenet", "inception_v3", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "densenet121", "squeezenet1_0"),
    *("shufflenet_v2_x1_0", "efficientnet_b0", "regnet_y_400mf", "convnext_tiny", "vit_b_16", "swin_t", "swin_v2_t", "maxvit_t"),
    *("r3d_18@3x8x112x112", "mvit_v2_s@3x16x224x224"),
)


def hollow(module: nn.Module) -> nn.Module:
    """The module in evaluation mode, every weight a zero that is repeated without taking memory."""
    for part in module.modules():
        for state in (part._parameters, part._buffers):
            for name, tensor in state.items():
                if tensor is not None:
                    zeros = torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)
                    state[name] = nn.Parameter(zeros) if state is part._parameters else zeros
    return module.eval()


def of_torch(module: nn.Module, shape: tuple[int, ...]) -> int:
    """On the meta device, halved."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        module.to("meta")(torch.empty(shape, device="meta"))
    return counter.get_total_flops() // 2


def of_torchinfo(module: nn.Module, shape: tuple[int, ...]) -> int:
    """On the meta device."""
    import torchinfo

    return int(torchinfo.summary(module.to("meta"), input_size=shape, device="meta", verbose=0).total_mult_adds)


def of_thop(module: nn.Module, shape: tuple[int, ...]) -> int:
    """On the meta device."""
    import thop

    return int(thop.profile(module.to("meta"), (torch.empty(shape, device="meta"),), verbose=False)[0])


def of_fvcore(module: nn.Module, shape: tuple[int, ...]) -> int:
    """On real zeros."""
    from fvcore.nn import FlopCountAnalysis

    return int(FlopCountAnalysis(hollow(module), torch.zeros(shape)).total())


def of_ptflops(module: nn.Module, shape: tuple[int, ...]) -> int:
    """On real zeros; for one image."""
    import ptflops

    answer = ptflops.get_model_complexity_info(
        hollow(module), shape[1:], as_strings=False, print_per_layer_stat=False, verbose=False
    )[0]
    return int(answer)


TOOLS: dict[str, Callable[[nn.Module, tuple[int, ...]], int]] = {
    "torch": of_torch,
    "torchinfo": of_torchinfo,
    "thop": of_thop,
    "fvcore": of_fvcore,
    "ptflops": of_ptflops,
}


def answers(target: str, size: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Under each convention our figure and the tool's, for a model built anew each time."""
    found: dict[str, Any] = {"target": target}
    with neighbours(target):
        subject = resolve(target, {})
        shape = (1, *(size or subject.input))
        trace = trace_subject(subject, shape, None, False)
        for name, tool in TOOLS.items():
            ours = zoo.measure(trace, columns=["macs"], depth=0, convention=name).total["macs"]
            module = resolve(target, {}).module.eval()
            start = time.perf_counter()
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    theirs: Any = tool(module, shape)
            except Exception as error:
                theirs = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:80]}"
            found[name] = {"ours": ours, "theirs": theirs, "seconds": round(time.perf_counter() - start, 2)}
    return found


def main(arguments: list[str]) -> int:
    """The targets of the command line, as JSON with --json."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    machine = "--json" in arguments
    targets = [argument for argument in arguments if not argument.startswith("--")]
    differ = 0
    for target in targets or [*zoo.list_models(), *(f"torchvision:{name}" for name in SOME_OF_TORCHVISION)]:
        name, _, size = target.partition("@")
        found = answers(name, tuple(map(int, size.split("x"))) if size else None)
        if machine:
            print(json.dumps(found), flush=True)
            continue
        for tool in TOOLS:
            one = found[tool]
            differ += one["ours"] != one["theirs"]
            mark = "equal" if one["ours"] == one["theirs"] else f"DIFFERS: {one['theirs']}"
            print(f"{target:36} {tool:10} {one['ours']:>16,} {mark} ({one['seconds']} s)", flush=True)
    print(f"{differ} differ", file=sys.stderr)
    return int(differ > 0)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
