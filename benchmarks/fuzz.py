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
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SECONDS = 60
WORDS = (
    """
    list info summary compare diff stages rf sweep survey pull export verify cache alexnet lenet5 vgg16 resnet18 LeNet-5
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
    said = err.getvalue()
    if "unexpected " in said and "ZOO_TRACEBACK" in said:
        return f"unexpected: {said.strip()}"
    if code not in (0, 1, 2):
        return f"exit code {code}"
    if code == 2 and (out.getvalue() or said.count("\n") != 1):
        return f"exit code 2 with {len(out.getvalue())} characters and {said.count(chr(10))} lines: {said[:200]!r}"
    return None


def lines(count: int, seed: int) -> Iterator[tuple[str, str | None]]:
    """Command lines, and what is wrong with each."""
    chosen = random.Random(seed)
    words = WORDS
    commands = WORDS[:13]
    for _ in range(count):
        begun = [chosen.choice(commands)] if chosen.random() < 0.9 else []
        made = [*begun, *(_word(chosen, words) for _ in range(chosen.choice((0, 1, 1, 2, 2, 3, 3, 4, 6, 9))))]
        if "verify" in made or ("survey" in made and made != ["survey", "lenet5"]) or (made[:1] == ["compare"] and len(made) == 2):
            made = ["summary", *made[1:]]  # minutes of honest work
        yield repr(made), complaint(made)


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
    return [*made, folder / "good.prototxt"]


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
    graphs = {".onnx", ".pt2"}
    readable = [path for path in good if path.suffix in {*graphs, ".safetensors", ".pt"}]
    for index in range(count):
        path = chosen.choice(readable)
        bad = folder / f"bad{path.suffix}"
        bad.write_bytes(spoilt(chosen, good[path]))
        graph = path.suffix in graphs
        command = (
            ["summary", str(bad), "-f", "json"]
            if graph
            else ["export", "lenet5", "--weights", str(bad), "-o", str(folder / "out.pt"), "--force"]
        )
        yield f"{path.suffix} {index}", complaint(command)


def entries(count: int, seed: int, folder: Path) -> Iterator[tuple[str, str | None]]:
    """Cache entries with one byte changed, and whether one is believed."""
    from zoo.models import caching
    from zoo_cli.main import run

    chosen = random.Random(seed)
    os.environ["ZOO_CACHE"] = str(folder / "cache")
    with contextlib.redirect_stdout(io.StringIO()):
        run(["summary", "lenet5"])
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
    wrong, slowest, begun = [], 0.0, time.monotonic()
    for name, problem in cases:
        slowest, begun = max(slowest, time.monotonic() - begun), time.monotonic()
        found["wrong" if problem else "as it should be"] += 1
        if problem:
            show(f"{name}: {problem}")
            wrong.append(f"{name}: {problem}")
    return {"tried": sum(found.values()), "wrong": wrong, "slowest": round(slowest, 1)}


def main() -> None:
    """Try all, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--entries", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    output = given.output.resolve() if given.output else None
    folder = Path(tempfile.mkdtemp())
    os.environ["ZOO_CACHE"] = str(folder / "no-cache")
    os.chdir(folder)
    found = {}
    try:
        (folder / "net.py").write_text(NET)
        found["command lines"] = tried(lines(given.lines, given.seed))
        found["files"] = tried(files(given.files, given.seed, folder))
        found["cache entries"] = tried(entries(given.entries, given.seed, folder))
    finally:
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
    text = json.dumps({"seed": given.seed, **found}, indent=1, ensure_ascii=False)
    print(text)
    if output:
        output.write_text(f"{text}\n")
    sys.exit(any(one["wrong"] for one in found.values()))


if __name__ == "__main__":
    main()
