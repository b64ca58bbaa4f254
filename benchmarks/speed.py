"""How fast the analyzer is, as ratios in one run: against the bare construction of the same modules, a forward, and other counters.

    python benchmarks/speed.py [NAME ...]      torchvision's names; default: a few of each kind

Peers that are not installed are left out. Times are the best of several, in one process, on one thread.
"""

import importlib.util
import sys
import time
import warnings
from collections.abc import Callable

import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

import zoo
from zoo.tracing.skeleton import Skeleton

NAMES = ("alexnet", "vgg16", "googlenet", "resnet50", "resnet152", "densenet201", "vit_b_16")


def best(function: Callable[[], object], runs: int = 5) -> float:
    """Milliseconds of the fastest of `runs`."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def build(name: str) -> torch.nn.Module:
    options = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}
    return torchvision.models.get_model(name, **options).eval()


def measure(name: str) -> dict[str, float]:
    """Milliseconds by way of counting, for a model with real weights but for the construction."""
    with Skeleton():
        skeleton = build(name)
    model, image, shape = build(name), torch.randn(1, 3, 224, 224), (1, 3, 224, 224)

    def construct() -> None:
        with Skeleton():
            build(name)

    def forward() -> None:
        with torch.inference_mode():
            model(image)

    def flop_counter() -> None:
        with FlopCounterMode(display=False), torch.inference_mode():
            model(image)

    times = {
        "construct on meta": best(construct),
        "zoo: trace, all columns": best(lambda: zoo.measure(zoo.trace(skeleton, input=shape))),
        "zoo, real weights": best(lambda: zoo.measure(zoo.trace(model, input=shape))),
        "forward": best(forward),
        "FlopCounterMode": best(flop_counter),
    }
    if importlib.util.find_spec("fvcore"):
        from fvcore.nn import FlopCountAnalysis

        def fvcore() -> None:
            FlopCountAnalysis(model, image).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()

        times["fvcore"] = best(fvcore, 3)
    if importlib.util.find_spec("torchinfo"):
        import torchinfo

        times["torchinfo"] = best(lambda: torchinfo.summary(model, shape, verbose=0), 3)
    return times


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name in sys.argv[1:] or NAMES:
        times = measure(name)
        ours = times["zoo: trace, all columns"]
        shown = ", ".join(f"{way} {ms:.1f} ms ({ms / ours:.1f}×)" for way, ms in times.items())
        print(f"{name}: {shown}", flush=True)


if __name__ == "__main__":
    main()
