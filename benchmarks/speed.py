"""Every goal of speed, as a ratio measured in one run; installs nothing, and uses the peers that can be imported.

    python benchmarks/speed.py [-o FILE.json] [--quick]

Within a process, times are of the processor, on one thread, best of several; a ratio's two sides come from the same process, or
from the same kind of process started in turns. The table is `zoo`'s own; docs/performance.md is made from the JSON.
Sweeps and surveys, which use every core, are timed by the clock.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from peers import installed

from zoo.extend import Column, Row, Table

NETWORKS = ("alexnet", "vgg16", "googlenet", "resnet50", "resnet152", "densenet201", "vit_b_16", "swin_t")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Figure:
    """One goal and what was measured: `at_most` is the bound for `value`, or `at_least`."""

    goal: str
    what: str
    value: float
    unit: str = "ratio"
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return (self.at_most is None or self.value <= self.at_most) and (self.at_least is None or self.value >= self.at_least)


_PEAK = """
import re, resource, sys
try:
    peak = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
except OSError:  # a system without /proc; elsewhere this number may be the parent's
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak, file=sys.stderr)
"""


def python(*arguments: str, **environment: str) -> tuple[str, float, float]:
    """What a fresh process prints, its processor seconds, and its peak memory in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = f"import atexit;atexit.register(lambda: exec({_PEAK!r}));{arguments[0]}"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments[1:]],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, seconds, int(done.stderr.split()[-1]) / 1024


ZOO = "from zoo_cli.main import main;main()"


def against_peers(networks: tuple[str, ...]) -> Iterator[Figure]:
    """Milliseconds of each peer over ours."""
    floors: dict[str, list[float]] = {}
    for peer in installed():
        done = subprocess.run(
            [sys.executable, str(HERE / "peers.py"), peer, *networks], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{peer}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            continue
        for name, ms in json.loads(done.stdout.splitlines()[-1]).items():
            if "error" in ms:
                print(f"{peer}, {name}: {ms['error']}", file=sys.stderr)
                continue
            built = peer in {"torchinfo", "torchinfo_meta"}  # their use includes building the model
            least = {("torchinfo", "resnet152"): 15.0, ("torchinfo_meta", "resnet152"): 6.0}.get((peer, name), 1.0)
            yield Figure(f"faster than {peer}", name, ms[peer] / ms["zoo" if built else "zoo_real"], at_least=least)
            floors.setdefault(name, []).append(ms["zoo"] / ms["floor"])
    for name, ratios in floors.items():
        bound = 2.5 if name == "resnet152" else None
        yield Figure("build, trace and table, over the bare module tree", name, sorted(ratios)[len(ratios) // 2], at_most=bound)


def command_line(runs: int) -> Iterator[Figure]:
    """Processor seconds of whole processes over those of `import torch`, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        warm = {"ZOO_CACHE": folder}
        commands: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
            "import torch": (("import torch",), {}),
            "zoo list": ((ZOO, "list"), {}),
            "zoo info resnet50": ((ZOO, "info", "resnet50"), {}),
            "zoo --help": ((ZOO, "--help"), {}),
            "zoo summary resnet50": ((ZOO, "summary", "resnet50", "--no-cache"), {}),
            "zoo summary resnet50, again": ((ZOO, "summary", "resnet50"), warm),
        }
        completion = {"_ZOO_COMPLETE": "complete_bash", "COMP_WORDS": "zoo summary alex", "COMP_CWORD": "2"}
        commands["completion"] = (("from zoo_cli.main import main\nmain()",), completion)
        python(ZOO, "summary", "resnet50", **warm)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, (arguments, environment) in commands.items():
                times[name].append(python(*arguments, **environment)[1])
    base = min(times["import torch"])
    bounds = {"zoo summary resnet50": 1.15, "zoo summary resnet50, again": 0.3}
    for name, seconds in times.items():
        if name != "import torch":
            yield Figure("whole command, over import torch", name, min(seconds) / base, at_most=bounds.get(name, 0.25))


def memory() -> Iterator[Figure]:
    """Peak resident memory of whole commands above that of `import torch`."""
    base = python("import torch")[2]
    for arguments in (
        ("summary", "vgg19"),
        ("summary", "resnet152"),
        ("summary", "resnet1202"),
        ("compare", "dense-vs-sparse-vs-conv"),
    ):
        extra = ("--no-cache",) if arguments[0] == "summary" else ()
        found = python(ZOO, *arguments, *extra)[2]
        yield Figure("peak memory above import torch", f"zoo {' '.join(arguments)}", found - base, "MB", at_most=25.0)


BESIDE = """
import re, sys, torch, zoo
sys.path.insert(0, FOLDER)
from peers import IMAGE, build
def now(what):
    return int(re.search(what + r":\\s*(\\d+)", open("/proc/self/status").read())[1]) / 1024
zoo.measure(zoo.trace(build("squeezenet1_1"), input=IMAGE))  # imports what it works with
model = build(NAME)
open("/proc/self/clear_refs", "w").write("5")  # the peak is now's
before = now("VmRSS")
table = zoo.measure(zoo.trace(model, input=IMAGE))
print(now("VmHWM") - before)
"""


def beside_weights(networks: tuple[str, ...]) -> Iterator[Figure]:
    """Megabytes that analysing a model with weights takes besides the model; the network of which it takes most."""
    if not Path("/proc/self/clear_refs").exists():
        return
    code = BESIDE.replace("FOLDER", repr(str(HERE)))
    found = {name: float(python(code.replace("NAME", repr(name)))[0]) for name in networks}
    name = max(found, key=lambda one: found[one])
    yield Figure("peak memory besides a model with weights", f"{name}, the most of {len(found)}", found[name], "MB", at_most=5.0)


CHAIN = """
import time, torch, zoo
from torch import nn
from zoo.tracing.skeleton import Skeleton
class Net(nn.Module):
    def __init__(self, modules, steps):
        super().__init__()
        self.layers, self.steps = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(modules)), steps
    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        branches = [x := torch.relu(x) for _ in range(self.steps)]
        return torch.cat(branches, 1)
times = []
for size in (SIZES):
    with Skeleton():
        net = Net(size // 10, size - size // 10)
    start = time.process_time()
    zoo.measure(zoo.trace(net, input=(1, 4, 8, 8)), depth=None).render("text", 100)
    times.append((time.process_time() - start) / size * 1e6)
print(*times)
"""


def scale(most: int) -> Iterator[Figure]:
    """Microseconds an op of tracing, all columns and drawing, for networks a hundred times as long."""
    out, _, _ = python(CHAIN.replace("SIZES", f"{most // 100}, {most // 100}, {most}"))
    _, small, large = map(float, out.split())
    yield Figure(f"time for each op, of {most:,} over {most // 100:,}", "chain and wide join", large / small, at_most=1.5)
    yield Figure(f"time for each of {most:,} ops", "trace, columns, text", large, "µs")


def many(quick: bool) -> Iterator[Figure]:
    """Seconds by the clock for a grid of a thousand sizes and batches, and for every model of timm if it is installed."""
    grid = ("sweep", "resnet50", "--input", "3x{64,72,...,856}x...", "--batch", "{1..10}")
    surveys = [] if quick or not importlib.util.find_spec("timm") else [("survey", "timm:*")]
    goals = {"sweep": ("1,000 points of resnet50", 20.0), "survey": ("every model of timm", 150.0)}
    with tempfile.TemporaryDirectory() as folder:
        for arguments in (grid, *surveys):
            start = time.perf_counter()
            python(ZOO, *arguments, "-o", f"{folder}/{arguments[0]}.csv")
            what, most = goals[arguments[0]]
            yield Figure(f"zoo {arguments[0]}, by the clock", what, time.perf_counter() - start, "s", at_most=most)


COLUMNS = (
    Column("value", "ratio", "measured", hide_order=0),
    Column("goal", "text", "the bound", hide_order=0),
    Column("met", "text", "whether the goal is reached", hide_order=0),
)


def table(figures: list[Figure]) -> Table:
    """A row for each figure."""
    rows = []
    for one in figures:
        goal = f"≤ {one.at_most:g}" if one.at_most is not None else f"≥ {one.at_least:g}" if one.at_least is not None else ""
        value = one.value if one.unit == "ratio" else f"{one.value:.0f} {one.unit}"
        rows.append(Row(one.goal, one.what, {"value": value, "goal": goal, "met": ("yes" if one.met else "no") if goal else ""}))
    return Table("speed, as ratios of one run", {}, COLUMNS, tuple(rows))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--quick", action="store_true", help="few networks, few runs")
    chosen = parser.parse_args()
    figures: list[Figure] = []
    parts = (
        command_line(2 if chosen.quick else 4),
        memory(),
        beside_weights(("alexnet", "resnet152") if chosen.quick else NETWORKS),
        scale(10_000 if chosen.quick else 100_000),
        many(chosen.quick),
        against_peers(("alexnet", "resnet152") if chosen.quick else NETWORKS),
    )
    for part in parts:
        for figure in part:
            figures.append(figure)
            print(
                f"{figure.goal}, {figure.what}: {figure.value:.3g} {figure.unit}{'' if figure.met else '  (goal missed)'}",
                file=sys.stderr,
            )
    print(table(figures))
    if chosen.output:
        chosen.output.write_text(json.dumps([asdict(one) for one in figures], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
