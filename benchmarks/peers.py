"""Other tools, each asked for the cost of a model as its own documentation asks. One process for each: several patch torch.

    python benchmarks/peers.py PEER NAME ...      prints a JSON object of ratios and milliseconds for torchvision's names

`floor` builds the model's modules on the meta device without initialisers; `zoo` builds, traces and tabulates all default columns,
`zoo_real` traces and tabulates a model with weights. The peer and `zoo` run in turns, so a ratio is of two runs one after another.
Each pair is measured at least three times: by processor time on one thread, and by the clock on all cores.
"""

import contextlib
import copy
import importlib.util
import io
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache

import torch
import torchvision
from torch import nn

import zoo

IMAGE = (1, 3, 224, 224)
OPTIONS = {"googlenet": {"init_weights": False, "aux_logits": False}}


def build(name: str) -> nn.Module:
    """A model with weights, in evaluation mode."""
    return torchvision.models.get_model(name, **OPTIONS.get(name, {})).eval()


@contextlib.contextmanager
def without_initialisers() -> Iterator[None]:
    """On the meta device there is nothing to initialise."""
    saved = {name: one for name, one in vars(nn.init).items() if name.endswith("_") and not name.startswith("_") and callable(one)}
    for name in saved:
        setattr(nn.init, name, lambda tensor, *args, **kwargs: tensor)
    try:
        yield
    finally:
        for name, one in saved.items():
            setattr(nn.init, name, one)


def floor(name: str) -> Callable[[], object]:
    """The module tree alone."""

    def construct() -> None:
        with without_initialisers(), torch.device("meta"):
            build(name)

    return construct


def ours(name: str) -> Callable[[], object]:
    """From the name to the table."""
    return lambda: zoo.summary(f"torchvision:{name}", options=OPTIONS.get(name))


@lru_cache(1)
def _built(name: str) -> nn.Module:
    return build(name)


def held(name: str) -> nn.Module:
    """A model with weights, of one's own: some tools leave hooks and buffers in what they analyse."""
    return copy.deepcopy(_built(name))


def ours_real(name: str) -> Callable[[], object]:
    """From a model with weights to the table."""
    model = held(name)
    return lambda: zoo.measure(zoo.trace(model, input=IMAGE))


def torchinfo(name: str) -> Callable[[], object]:
    """As its README: a model with weights, and an input size."""
    from torchinfo import summary

    return lambda: summary(build(name), input_size=IMAGE, verbose=0)


def torchinfo_meta(name: str) -> Callable[[], object]:
    """Its best use: built and run on the meta device."""
    from torchinfo import summary

    def run() -> None:
        with torch.device("meta"):
            model = build(name)
        summary(model, input_data=torch.empty(IMAGE, device="meta"), device="meta", verbose=0)

    return run


def fvcore(name: str) -> Callable[[], object]:
    """FlopCountAnalysis and parameter_count."""
    from fvcore.nn import FlopCountAnalysis, parameter_count

    model, image = held(name), torch.randn(IMAGE)

    def run() -> None:
        FlopCountAnalysis(model, image).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()
        parameter_count(model)

    return run


def ptflops(name: str) -> Callable[[], object]:
    """get_model_complexity_info, which prints each layer."""
    from ptflops import get_model_complexity_info

    model = held(name)
    return lambda: get_model_complexity_info(model, IMAGE[1:], as_strings=False, print_per_layer_stat=False, verbose=False)


def thop(name: str) -> Callable[[], object]:
    """profile, of thop or of ultralytics-thop, whichever is installed."""
    from thop import profile

    model, image = held(name), torch.randn(IMAGE)
    return lambda: profile(model, inputs=(image,), verbose=False)


def calflops(name: str) -> Callable[[], object]:
    """calculate_flops."""
    from calflops import calculate_flops

    model = held(name)
    return lambda: calculate_flops(model=model, input_shape=IMAGE, print_results=False, print_detailed=False)


def deepspeed(name: str) -> Callable[[], object]:
    """get_model_profile."""
    from deepspeed.profiling.flops_profiler import get_model_profile

    model = held(name)
    return lambda: get_model_profile(model, IMAGE, print_profile=False, as_string=False)


def torchscan(name: str) -> Callable[[], object]:
    """crawl_module, what its summary is drawn from."""
    from torchscan import crawl_module

    model = held(name)
    return lambda: crawl_module(model, IMAGE[1:])


def torchview(name: str) -> Callable[[], object]:
    """draw_graph, on the meta device as it does by default."""
    from torchview import draw_graph

    model = held(name)
    return lambda: draw_graph(model, input_size=IMAGE, device="meta")


def flop_counter(name: str) -> Callable[[], object]:
    """torch's own FlopCounterMode around a forward on the meta device."""
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        model = build(name)
    image = torch.empty(IMAGE, device="meta")

    def run() -> None:
        with FlopCounterMode(display=False), torch.inference_mode():
            model(image)

    return run


PEERS = {
    one.__name__: one
    for one in (torchinfo, torchinfo_meta, fvcore, ptflops, thop, calflops, deepspeed, torchscan, torchview, flop_counter)
}
WAYS = {"floor": floor, "zoo": ours, "zoo_real": ours_real, **PEERS}


def installed() -> list[str]:
    """The peers that can be imported here."""
    packages = {"torchinfo_meta": "torchinfo", "flop_counter": "torch"}
    return [name for name in PEERS if importlib.util.find_spec(packages.get(name, name))]


FROM_THE_NAME = frozenset({"torchinfo", "torchinfo_meta"})
"""Peers whose use includes building the model: they are compared with `zoo` from the name on."""


def pairs(one: Callable[[], object], other: Callable[[], object], clock: Callable[[], float], seconds: float) -> list[list[float]]:
    """Seconds of two functions in turns, three times and then for as long as there is time; the first, which imports and caches,
    does not count.
    """
    found: list[list[float]] = []
    end = time.perf_counter() + seconds
    with contextlib.redirect_stdout(io.StringIO()):
        one(), other()
        while len(found) < 3 or (time.perf_counter() < end and len(found) < 20):
            start = clock()
            one()
            between = clock()
            other()
            found.append([between - start, clock() - between])
    return found


def compared(peer: str, name: str, seconds: float) -> dict[str, list[list[float]]]:
    """Seconds of the peer and of ours, in pairs: by processor time on one thread, and by the clock on all cores."""
    theirs, mine = WAYS[peer](name), WAYS["zoo" if peer in {*FROM_THE_NAME, "floor"} else "zoo_real"](name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = {"cpu": pairs(theirs, mine, time.process_time, seconds)}
    if peer != "floor":
        torch.set_num_threads(cores)
        found["clock"] = pairs(theirs, mine, time.perf_counter, 0.0)
        torch.set_num_threads(1)
    return found


def main() -> None:
    """Seconds of the peer and of ours, by network."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    peer, *names = sys.argv[1:]
    found = {}
    for name in names:
        try:
            found[name] = compared(peer, name, 0.5)
        except Exception as error:
            found[name] = {"error": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"[:200]}  # type: ignore[dict-item]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
