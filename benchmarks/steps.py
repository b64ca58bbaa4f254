"""Where the time goes in an analysis of a ResNet-152 that is held already, and of a long chain of ops: processor time by step.

    python benchmarks/steps.py -o FILE.json [--as after]

The file keeps what was measured under other names, so that two versions can be compared: run this with each on the path. Each step
is the best of several runs. docs/performance.md is made from benchmarks/steps.json.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

import zoo
from zoo.tracing import guard, recorder, trace
from zoo.tracing.skeleton import Skeleton

STEPS = {
    "save and restore the model": ((guard, "_attributes"), (guard, "_tensors"), (guard.Guard, "_leave")),
    "list parameters and buffers": ((recorder.Recorder, "__init__"),),
    "forward pass with its ops": ((trace, "_run"),),
}
"""Functions whose time is that of a step; none runs inside another."""


class Chain(nn.Module):
    """Convolutions, then so many activations that are all joined."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layers, self.steps = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(size // 10)), size - size // 10

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """All of them in a row."""
        for layer in self.layers:
            x = layer(x)
        return torch.cat([x := torch.relu(x) for _ in range(self.steps)], 1)


def timed(found: dict[str, float], step: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, whose seconds are added to those of its step."""

    def call(*args: Any, **kwargs: Any) -> Any:
        start = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            found[step] = found.get(step, 0.0) + time.thread_time() - start

    return call


def held(runs: int) -> dict[str, float]:
    """Milliseconds of each step for a ResNet-152 of torchvision."""
    model, now, best = torchvision.models.resnet152().eval(), dict[str, float](), dict[str, float]()
    for step, places in STEPS.items():
        for place, name in places:
            setattr(place, name, timed(now, step, getattr(place, name)))
    traced, measured = timed(now, "trace", zoo.trace), timed(now, "columns", zoo.measure)
    for _ in range(runs):
        now.clear()
        measured(traced(model, input=(1, 3, 224, 224)))
        now["all other of the trace"] = now.pop("trace") - sum(now[step] for step in STEPS)
        best = {step: min(seconds, best.get(step, seconds)) for step, seconds in now.items()}
    return {step: seconds * 1e3 for step, seconds in best.items()}


def chain(size: int, runs: int) -> dict[str, float]:
    """Microseconds for each op of a chain: trace, columns, text."""
    with Skeleton():
        net = Chain(size)
    best: dict[str, float] = {}
    for _ in range(runs):
        now: dict[str, float] = {}
        found = timed(now, "trace", zoo.trace)(net, input=(1, 4, 8, 8))
        table = timed(now, "columns", zoo.measure)(found)
        timed(now, "text", table.render)("text", 100)
        best = {step: min(seconds, best.get(step, seconds)) for step, seconds in now.items()}
    return {step: seconds / size * 1e6 for step, seconds in best.items()}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--as", dest="name", default="after")
    parser.add_argument("--ops", type=int, default=20_000)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    found = json.loads(chosen.output.read_text(encoding="utf-8")) if chosen.output.exists() else {}
    chains = chain(chosen.ops, 4)  # before functions are replaced by timed ones
    found[chosen.name] = {"resnet152": held(20), "chain": chains, "ops": chosen.ops}
    chosen.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
