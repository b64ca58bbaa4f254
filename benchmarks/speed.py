"""Every goal of speed, as a ratio measured in one run; installs nothing, and uses the peers that can be imported.

    python benchmarks/speed.py [-o FILE.json] [--quick] [--part NAME]

Within a process, times are of the processor, on one thread; a ratio's two sides come from the same process, or from the same kind
of process started in turns. A ratio is the median of at least three, of which the lowest and the highest are kept too; one of whole
commands is that of the best runs. What is compared with other tools is timed by the clock on all cores besides; sweeps and surveys,
which use every core, by the clock alone. The table is `zoo`'s own; docs/performance.md and a table of README.md are made from the
JSON. With `--part`, the other figures of FILE.json stay as they are.
"""

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from peers import installed

from zoo.extend import Column, Row, Table

NETWORKS = ("alexnet", "vgg16", "googlenet", "resnet50", "resnet152", "densenet201", "vit_b_16", "swin_t")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Figure:
    """One goal and what was measured: `at_most` is the bound for `value`, or `at_least`. Where there are several runs, `value` is
    their median or best, and all are between `low` and `high`.
    """

    goal: str
    what: str
    value: float
    unit: str = "ratio"
    at_most: float | None = None
    at_least: float | None = None
    low: float | None = None
    high: float | None = None

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


_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""That of an installed command: its bytecode is there, and is not compiled at every start."""


def python(*arguments: str, **environment: str) -> tuple[str, float, float]:
    """What a fresh process prints, its processor seconds, and its peak memory in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = f"import atexit;atexit.register(lambda: exec({_PEAK!r}));{arguments[0]}"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments[1:]],
        capture_output=True,
        text=True,
        check=True,
        env={**_ENVIRONMENT, "OMP_NUM_THREADS": "1", **environment},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, seconds, int(done.stderr.split()[-1]) / 1024


ZOO = "from zoo_cli.main import main;main()"


def spread(pairs: Sequence[Sequence[float]]) -> dict[str, float]:
    """The median of the ratios of pairs, the lowest and the highest."""
    ratios = sorted(one / other for one, other in pairs)
    return {"value": statistics.median(ratios), "low": ratios[0], "high": ratios[-1]}


def against_peers(networks: tuple[str, ...]) -> Iterator[Figure]:
    """Seconds of each peer over ours."""
    for peer in ("floor", *installed()):
        done = subprocess.run(
            [sys.executable, str(HERE / "peers.py"), peer, *networks], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{peer}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            continue
        for name, pairs in json.loads(done.stdout.splitlines()[-1]).items():
            if "error" in pairs:
                print(f"{peer}, {name}: {pairs['error']}", file=sys.stderr)
            elif peer == "floor":
                inverse = [(ours, theirs) for theirs, ours in pairs["cpu"]]
                most = 2.5 if name == "resnet152" else None
                yield Figure("build, trace and table, over the bare module tree", name, **spread(inverse), at_most=most)
            else:
                goal = GOALS.get((peer, name), 2.0)
                yield Figure(f"faster than {peer}", name, **spread(pairs["cpu"]), at_least=goal)
                yield Figure(f"by the clock, faster than {peer}", name, **spread(pairs["clock"]))
                if (peer, name) == ("fvcore", "resnet152"):
                    ours = sorted(one * 1e3 for _, one in pairs["cpu"])
                    middle = {"value": statistics.median(ours), "low": ours[0], "high": ours[-1]}
                    yield Figure("trace and columns of a module that is held", name, **middle, unit="ms", at_most=20.0)


GOALS = {("torchinfo", "resnet152"): 15.0, ("torchinfo_meta", "resnet152"): 6.0, ("fvcore", "resnet152"): 25.0}
"""How many times faster than a peer; twice, where nothing is said."""

COMPLETION = {"_ZOO_COMPLETE": "complete_bash", "COMP_WORDS": "zoo summary alex", "COMP_CWORD": "2"}
START: dict[str, tuple[tuple[str, ...], dict[str, str], float]] = {
    "zoo --version": (("--version",), {}, 1.5),
    "zoo --help": (("--help",), {}, 1.5),
    "completion": ((), COMPLETION, 1.5),
    "zoo list": (("list",), {}, 2.5),
    "zoo info resnet50": (("info", "resnet50"), {}, 2.5),
    "zoo summary resnet50": (("summary", "resnet50"), {}, 3.0),
}
"""Commands, with their environment and their bound over `import typer`."""

QUESTIONS = (
    "list",
    "info resnet50",
    "summary resnet50",
    "summary resnet50 -i 3x448x320 -b 8",
    "compare alexnet vgg16",
    "diff resnet18 resnet34",
    "rf vgg16 conv5_3",
    "stages resnet50",
    "explain alexnet conv1",
    "lint vgg16",
    "draw alexnet --format svg",
    "plot cost alexnet vgg16",
    "report alexnet",
    "sweep resnet18 --input 3x{64,128,256}x...",
)
"""What is answered with an empty cache, and without torch."""


def start(runs: int) -> Iterator[Figure]:
    """Processor seconds of whole processes over those of `import typer`, in turns; the cache is empty."""
    commands = {"typer": ("import typer", (), {}), **{name: (ZOO, words, more) for name, (words, more, _) in START.items()}}
    times = in_turns(commands, runs)
    for name, (_, _, most) in START.items():
        yield _best("whole command, over import typer", name, times[name], times["typer"], most)


def questions(runs: int) -> Iterator[Figure]:
    """As `start`, over those of `import torch`."""
    extra = ("-o", os.devnull)
    asked = {name: (ZOO, (*name.split(), *(extra if name.startswith("report") else ())), {}) for name in QUESTIONS}
    traced = "summary resnet50 --no-cache"
    times = in_turns({"torch": ("import torch", (), {}), **asked, traced: (ZOO, tuple(traced.split()), {})}, runs)
    for name in (*QUESTIONS, traced):
        most = 1.15 if name == traced else 0.25
        yield _best("whole command, over import torch", f"zoo {name}", times[name], times["torch"], most)


Command = tuple[str, tuple[str, ...], Mapping[str, str]]


def in_turns(commands: Mapping[str, Command], runs: int) -> dict[str, list[float]]:
    """Processor seconds of fresh processes, each a code, its arguments and its environment. The first round, which writes bytecode
    as an installation does, does not count.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = {"ZOO_CACHE": f"{folder}/cache", "PYTHONPYCACHEPREFIX": f"{folder}/code"}
        rounds = [
            {name: python(code, *words, **own, **more)[1] for name, (code, words, more) in commands.items()}
            for _ in range(runs + 1)
        ]
    return {name: [one[name] for one in rounds[1:]] for name in commands}


def _best(goal: str, what: str, own: Sequence[float], base: Sequence[float], most: float) -> Figure:
    """The best run over the best run of another process, and between which ratios those of the pairs lie."""
    found = spread(list(zip(own, base, strict=True)))
    return Figure(goal, what, **{**found, "value": min(own) / min(base)}, at_most=most)


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
        most = 40.0 if "resnet1202" in arguments else 25.0
        yield Figure("peak memory above import torch", f"zoo {' '.join(arguments)}", found - base, "MB", at_most=most)

    for what, code in FLOOR.items():
        yield Figure("floor of that memory", what, python(code)[2] - base, "MB")


FLOOR = {
    "the modules of resnet1202": "from zoo.models.targets import resolve; resolve('resnet1202', {})",
    "its modules and their trace": "import zoo; from zoo.models import shipped; shipped.do_without(); zoo.trace('resnet1202')",
}
"""What is in memory at least when a network of so many modules is traced."""

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
start = time.process_time()
with torch.inference_mode():
    net(torch.empty((1, 4, 8, 8), device="meta"))
print(*times, (time.process_time() - start) / size * 1e6)
"""


def scale(most: int) -> Iterator[Figure]:
    """Microseconds an op of tracing, all columns and drawing, for networks a hundred times as long."""
    out, _, _ = python(CHAIN.replace("SIZES", f"{most // 100}, {most // 100}, {most}"))
    _, small, large, bare = map(float, out.split())
    yield Figure(f"time for each op, of {most:,} over {most // 100:,}", "chain and wide join", large / small, at_most=1.5)
    yield Figure(f"time for each of {most:,} ops", "trace, columns, text", large, "µs", at_most=58.0)
    yield Figure(f"time for each of {most:,} ops, over a forward on meta", "trace, columns, text", large / bare)


KEPT = """
import json, time, torch, zoo
from zoo.models import shipped
torch.set_num_threads(1)
def traced(**how):
    with shipped.unused():
        zoo.summary("resnet152", **how)
def seconds(function, **how):
    start = time.process_time()
    function(**how)
    return time.process_time() - start
found = []
for how in ({}, {"input": "3x448x320"}):
    pairs = [(seconds(traced, **how), seconds(lambda **how: zoo.summary("resnet152", **how), **how)) for _ in range(6)]
    found.append(pairs[1:])
print(json.dumps(found))
"""


def kept() -> Iterator[Figure]:
    """How many times longer a network of the catalogue takes if it is built and traced, and its kept trace is not used."""
    for what, pairs in zip(("resnet152", "resnet152 on another size"), json.loads(python(KEPT)[0]), strict=True):
        yield Figure("from the kept trace, faster than built and traced", what, **spread(pairs), at_least=1.0)


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
        value: object = one.value if one.unit == "ratio" else f"{one.value:.0f} {one.unit}"
        if one.low is not None and one.high is not None:
            value = f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"
        rows.append(Row(one.goal, one.what, {"value": value, "goal": goal, "met": ("yes" if one.met else "no") if goal else ""}))
    return Table("speed, as ratios of one run", {}, COLUMNS, tuple(rows))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--quick", action="store_true", help="few networks, few runs")
    parser.add_argument(
        "--part", choices=["start", "questions", "kept", "memory", "weights", "scale", "many", "peers"], help="measure this alone"
    )
    chosen = parser.parse_args()
    networks = ("alexnet", "resnet152") if chosen.quick else NETWORKS
    parts: dict[str, Callable[[], Iterator[Figure]]] = {
        "start": lambda: start(2 if chosen.quick else 5),
        "questions": lambda: questions(1 if chosen.quick else 3),
        "kept": kept,
        "memory": memory,
        "weights": lambda: beside_weights(networks),
        "scale": lambda: scale(10_000 if chosen.quick else 100_000),
        "many": lambda: many(chosen.quick),
        "peers": lambda: against_peers(networks),
    }
    figures: list[Figure] = []
    for name in [chosen.part] if chosen.part else parts:
        for figure in parts[name]():
            figures.append(figure)
            print(
                f"{figure.goal}, {figure.what}: {figure.value:.3g} {figure.unit}{'' if figure.met else '  (goal missed)'}",
                file=sys.stderr,
            )
    print(table(figures))
    if chosen.output:
        renewed = {figure.goal for figure in figures}
        others = json.loads(chosen.output.read_text(encoding="utf-8")) if chosen.part and chosen.output.exists() else []
        kept_ones = [figure for figure in others if figure["goal"] not in renewed]
        found = [*kept_ones, *map(asdict, figures)]
        chosen.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
