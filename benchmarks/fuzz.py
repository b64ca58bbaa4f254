"""Random command lines, and files with random bytes changed: what each of them does to the command.

    python benchmarks/fuzz.py --lines 10000 --files 5000 --entries 2000 -o benchmarks/fuzz.json

A command line has to end with exit code 0, 1 or 2; with 2 there is one line on standard error and nothing on standard output. A
file with changed bytes has to be read or refused, within a bounded time; a cache entry with a changed byte has to be a miss.
"""

import argparse
import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

SECONDS = 120
GIBIBYTES = 12
WORDS = (
    """
    list info summary compare diff stages rf sweep survey pull export verify cache explain lint report layer pattern picture draw
    plot site alexnet lenet5 vgg16 resnet18 LeNet-5
    resnet* fc-vs-gap torchvision:alexnet timm: torch.nn:Identity torch.nn:Conv2d net.py:net net.py: nope.py:x a:b:c
    --input -i 3x8x8 1x32x32 0x0 3x{8,16} 3x{1..9999}x{1..9999} {1..3} {a,b} { } -b 0 1 2 -1 99999999999999999999 --batch
    --depth --set num_classes=3 num_classes=x x= =x in_channels=1 --columns params,macs rf nope -c --format json csv text
    html latex markdown yml -f --output -o . / out.csv out.json nowhere/x - --train --real --no-cache --convention thop
    fvcore pure nope --sort params -macs --top 3 --filter --help -h --version --weights --seed --to onnx state-dict
    --force --jobs --timeout 0.5 nan inf 1e9 é 日本語 ' " $HOME ~ * ? [ ] \\ -- --- = net.onnx net.pt2
    net.prototxt bad.onnx bad.pt2 layer conv1 C3 stage1 --layer --unit 0,0 3 -0 +1 1.5 1e5 true none None [1,2] {'a':1}
""".split()
    + ["", " ", "\x00", "\n", "\u202e"]
)
NET = """
import torch
from torch import nn

def net(width: int = 4):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


CODES: Counter[int] = Counter()
"""How often a command ended with which exit code."""


class TooLongError(Exception):
    """A command that takes longer than anybody waits."""


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raises `TooLongError` in what takes longer."""

    def stop(number: int, frame: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def complaint(arguments: list[str]) -> str | None:
    """What is wrong with the end of a command line; None if nothing is."""
    from zoo_cli.main import run

    out, err = io.StringIO(), io.StringIO()
    try:
        with limit(SECONDS), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(list(arguments))
    except TooLongError:
        return f"more than {SECONDS} seconds"
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 99
    except BaseException as error:
        place = traceback.format_tb(error.__traceback__)[-1].strip()
        return f"traceback: {traceback.format_exception_only(error)[-1].strip()} {place}"
    CODES[code] += 1
    said = err.getvalue()
    if "unexpected " in said and "ZOO_TRACEBACK" in said:
        return f"unexpected: {said.strip()}"
    if code not in (0, 1, 2):
        return f"exit code {code}"
    if code == 2 and (out.getvalue() or said.count("\n") != 1):
        return f"exit code 2 with {len(out.getvalue())} characters and {said.count(chr(10))} lines: {said[:200]!r}"
    return None


def lines(count: int, seed: int) -> Iterator[tuple[str, str | None]]:
    """Command lines, and what is wrong with each: some of odd words, most of targets and options that their command has."""
    chosen = random.Random(seed)
    commands = WORDS[: WORDS.index("alexnet")]
    known = {name: _options(name) for name in commands}
    for _ in range(count):
        command = chosen.choice(commands)
        if chosen.random() < 0.3:
            begun = [command] if chosen.random() < 0.9 else []
            made = [*begun, *(_word(chosen, WORDS) for _ in range(chosen.choice((0, 1, 1, 2, 2, 3, 3, 4, 6, 9))))]
        else:
            made = [command, *([chosen.choice(TARGETS)] if chosen.random() < 0.8 else [])]
            for option, flag in chosen.sample(known[command], min(len(known[command]), chosen.choice((0, 1, 1, 2, 3, 5)))):
                value = (
                    chosen.choice(GOOD.get(option.lstrip("-")[:3], "1 2 3").split())
                    if chosen.random() < 0.7
                    else _word(chosen, WORDS)
                )
                made += [option] if flag else [option, value]
        if "--serve" in made or (made[:1] in HEAVY and chosen.random() < 0.97):
            made = ["summary", *made[1:]]
        yield repr(made), complaint(made)


def _options(command: str) -> list[tuple[str, bool]]:
    """The options of a command, and whether each takes no value."""
    from typer.main import get_command

    from zoo_cli.main import app

    group: Any = get_command(app)
    params = group.get_command(None, command).params
    return [(name, bool(one.is_flag)) for one in params if one.param_type_name == "option" for name in one.opts]


TARGETS = (
    "lenet5 lenet5 alexnet vgg16 resnet18 net.py:net torch.nn:Identity torchvision:alexnet fc-vs-gap receptive-field-growth".split()
)
GOOD = {
    **dict.fromkeys(("f", "for"), "json csv text html latex markdown svg tikz yml"),
    **dict.fromkeys(("i", "inp"), "3x32x32 1x32x32 3x64x64 3x224x224 3x8x8 2x1x32x32 0x0 3"),
    **dict.fromkeys(("s", "set"), "num_classes=3 in_channels=1 width=2 width={1,2} x=1"),
    **dict.fromkeys(("c", "col"), "params macs rf peak params,macs,flops saved units name"),
    **dict.fromkeys(("o", "out"), "out.json out.svg out.csv out.py out.onnx out.pt out.pt2 out.md out.html out"),
    **dict.fromkeys(("l", "lay"), "C1 conv1 features.0 fc F6 C1,C3"),
    **dict.fromkeys(("u", "uni"), "0,0 3,3 -1,0 99,99"),
    **dict.fromkeys(("max", "min"), "1 1k 5M 2.5G 100% -1"),
    "con": "pure thop fvcore torch",
    "sor": "params -macs rf",
    "fil": "conv Linear params>1000 *",
    "fam": "vgg resnet",
    "sel": "even-kernel all",
    "ign": "even-kernel all",
    "wei": "torchvision:DEFAULT good.safetensors net.py",
    "to": "onnx pt2 safetensors state-dict",
    "by": "params macs",
    "siz": "32,64 {16,32}",
}
"""Sensible values of options, by the first three letters of an option."""
HEAVY = (["verify"], ["survey"], ["site"], ["sweep"])
"""Commands that start processes or take minutes."""


def _word(chosen: random.Random, words: list[str]) -> str:
    word = chosen.choice(words)
    kind = chosen.random()
    if kind < 0.1:
        return f"{word}{chosen.choice(words)}"
    if kind < 0.15 and word:
        at = chosen.randrange(len(word))
        return (
            word[:at]
            + chr(chosen.choice((0, 10, 34, 45, 61, 120, 233, 0x1F600, 0xDC80, chosen.randrange(32, 127))))
            + word[at + 1 :]
        )
    return word


def good_files(folder: Path) -> list[Path]:
    """One small file of each kind that is read."""
    import zoo

    (folder / "net.py").write_text(NET)
    made = []
    for suffix in ("onnx", "pt2", "safetensors", "pt"):
        made.append(
            zoo.export(
                f"{folder}/net.py:net" if suffix in {"onnx", "pt2"} else "lenet5", folder / f"good.{suffix}", **_input(suffix)
            )
        )
    (folder / "good.prototxt").write_text(PROTOTXT)
    zoo.survey(SURVEYED, executor=Here(), journal=folder / "good.journal", columns=["params"])
    return [*made, folder / "good.prototxt", folder / "good.journal"]


PROTOTXT = """
name: "small"
input: "data"
input_dim: 1
input_dim: 3
input_dim: 32
input_dim: 32
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" convolution_param { num_output: 8 kernel_size: 3 stride: 2 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool1" top: "fc" inner_product_param { num_output: 10 } }
"""


def _input(suffix: str) -> dict[str, Any]:
    return {"input": (1, 3, 8, 8)} if suffix in {"onnx", "pt2"} else {}


def spoilt(chosen: random.Random, content: bytes) -> bytes:
    """The content with some bytes changed, put in, taken away or repeated."""
    changed = bytearray(content)
    for _ in range(chosen.choice((1, 1, 1, 2, 4, 16))):
        at = chosen.randrange(len(changed)) if changed else 0
        kind = chosen.random()
        if kind < 0.6 and changed:
            changed[at] = chosen.randrange(256)
        elif kind < 0.75:
            del changed[at : at + chosen.choice((1, 2, 8, 100))]
        elif kind < 0.9:
            changed[at:at] = bytes(chosen.randrange(256) for _ in range(chosen.choice((1, 2, 8))))
        else:
            changed[at:at] = changed[at : at + chosen.choice((4, 64))]
    return bytes(changed)


def files(count: int, seed: int, folder: Path) -> Iterator[tuple[str, str | None]]:
    """Spoilt files, and what is wrong with the command that reads them."""
    chosen = random.Random(seed)
    good = {path: path.read_bytes() for path in good_files(folder)}
    for index in range(count):
        path = chosen.choice(list(good))
        bad = folder / f"bad{path.suffix}"
        bad.write_bytes(spoilt(chosen, good[path]))
        if path.suffix == ".journal":
            problem = resumed(bad)
        elif path.suffix in {".onnx", ".pt2", ".prototxt"}:
            problem = complaint(["summary", str(bad), "-f", "json"])
        else:
            problem = complaint(["export", "lenet5", "--weights", str(bad), "-o", str(folder / "out.pt"), "--force"])
        yield f"{path.suffix} {index}", problem


class Here(Executor):
    """Runs what it is given, in this process."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Runs it at once."""
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future


def resumed(journal: Path) -> str | None:
    """What is wrong with a survey that resumes a spoilt journal: it has to refuse the journal or to give the same numbers."""
    import zoo
    from zoo import ZooError

    try:
        with limit(SECONDS):
            table = zoo.survey(SURVEYED, executor=Here(), journal=journal, columns=["params"])
    except ZooError as error:
        return None if "\n" not in str(error) else f"{str(error).count(chr(10))} line breaks in {error}"
    except BaseException as error:
        return f"traceback: {traceback.format_exception_only(error)[-1].strip()}"
    numbers = {row.name: row.cells["params"] for row in table.rows}
    return None if numbers == {"lenet5": 60_000, "alexnet": 60_965_224} else f"a wrong number is believed: {numbers}"


SURVEYED = ["lenet5", "alexnet"]


def entries(count: int, seed: int, folder: Path) -> Iterator[tuple[str, str | None]]:
    """Cache entries with one byte changed, and whether one is believed."""
    from zoo.models import caching
    from zoo_cli.main import run

    chosen = random.Random(seed)
    os.environ["ZOO_CACHE"] = str(folder / "cache")
    with contextlib.redirect_stdout(io.StringIO()):
        run(["summary", "torchvision:alexnet"])  # those of the catalogue come with the package
    (entry,) = (folder / "cache").glob("*/*.trace")
    whole = entry.read_bytes()
    key = json.loads(whole.partition(b"\n")[2])["key"]
    assert caching.find(key) is not None
    for index in range(count):
        at = chosen.randrange(len(whole))
        entry.write_bytes(whole[:at] + bytes([whole[at] ^ chosen.randrange(1, 256)]) + whole[at + 1 :])
        yield f"entry {index}", None if caching.find(key) is None else f"byte {at} is believed"


def tried(cases: Iterator[tuple[str, str | None]], show: Callable[[str], None] = print) -> dict[str, Any]:
    """How many cases there were, and what was wrong with which."""
    found: Counter[str] = Counter()
    CODES.clear()
    wrong, slowest, begun = [], 0.0, time.process_time()
    for name, problem in cases:
        took, begun = time.process_time() - begun, time.process_time()
        if took > 5:
            show(f"{took:.0f} seconds: {name}")
        slowest = max(slowest, took)
        found["wrong" if problem else "as it should be"] += 1
        if problem:
            show(f"{name}: {problem}")
            wrong.append(f"{name}: {problem}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return {
        "tried": sum(found.values()),
        "exit codes": dict(sorted(CODES.items())),
        "wrong": wrong,
        "slowest, s": round(slowest, 1),
        "memory, MiB": memory,
    }


def main() -> None:
    """Try all, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--entries", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", choices=("command lines", "files", "cache entries"), help="leave the others in the file as they are"
    )
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (GIBIBYTES << 30, GIBIBYTES << 30))
    output = given.output.resolve() if given.output else None
    folder = Path(tempfile.mkdtemp())
    os.environ["ZOO_CACHE"] = str(folder / "no-cache")
    os.chdir(folder)
    ways = {
        "command lines": lambda: lines(given.lines, given.seed),
        "files": lambda: files(given.files, given.seed, folder),
        "cache entries": lambda: entries(given.entries, given.seed, folder),
    }
    found = json.loads(output.read_text(encoding="utf-8")) if output and output.exists() else {}
    try:
        (folder / "net.py").write_text(NET)
        for way, cases in ways.items():
            if given.only in {None, way}:
                found[way] = {"seed": given.seed, **tried(cases())}
                print(json.dumps({way: found[way]}, indent=1, ensure_ascii=False))
                if output:
                    output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    finally:
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(any(one["wrong"] for one in found.values()))


if __name__ == "__main__":
    main()
