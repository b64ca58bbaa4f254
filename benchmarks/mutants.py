"""Small wrong changes of the source, one at a time, and whether the tests notice.

    python benchmarks/mutants.py 500 -o benchmarks/mutants.json      # 500 of all, drawn; goes on where it was broken off
    python benchmarks/mutants.py --list                              # how many there are, by file
    python benchmarks/mutants.py --survivors -o benchmarks/mutants.json

A process that has imported torch forks for each mutant; the child imports the changed module and runs the tests of its room until
one fails. A survivor is a change that no test has noticed: either a test is missing, or the change changes nothing.
"""

import argparse
import ast
import contextlib
import faulthandler
import importlib.abc
import importlib.machinery
import json
import os
import random
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parent.parent
NUMBERS = "test_passes test_kinds test_conventions test_catalogue_numbers test_nothing_in_it"
TESTS = {
    "zoo/ops": f"{NUMBERS} test_memory test_folding",
    "zoo/receptive": "test_receptive test_receptive_field_experiment test_kinds test_random_networks test_nothing_in_it",
    "zoo/tracing/shortcuts.py": "test_shortcuts test_kinds",
    "zoo/analysis/conventions": "test_conventions test_nothing_in_it",
    "zoo/analysis": f"{NUMBERS} test_folding test_memory test_features test_plugins",
    "zoo/tables": "test_formats test_selecting test_cli test_plugins",
    "zoo/questions/compare.py": "test_comparing",
    "zoo/questions/diff.py": "test_comparing",
    "zoo/questions/sweep.py": "test_sweeping",
    "zoo/transform/pull.py": "test_pulling",
    "zoo/models": "test_targets test_isolation test_caching test_bad_input",
}
"""The tests of a file or room: those of its longest prefix."""

SWAPS: dict[type[ast.AST], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "//",
    ast.FloorDiv: "*",
    ast.Div: "*",
    ast.Mod: "+",
    ast.And: "or",
    ast.Or: "and",
}
SECONDS = 240


@dataclass(frozen=True)
class Mutant:
    """One change: the file, where it is, what stood there and what stands there now."""

    file: str
    line: int
    start: int
    end: int
    old: str
    new: str

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line}:{self.start}: {self.old} -> {self.new}"

    def apply(self, source: bytes) -> bytes:
        """The changed source."""
        return source[: self.start] + self.new.encode() + source[self.end :]


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file."""
    source = path.read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    file = str(path.relative_to(ROOT))

    def at(line: int, column: int) -> int:
        return starts[line - 1] + column

    def change(node: Any, start: int, end: int, new: str) -> Mutant:
        return Mutant(file, node.lineno, start, end, source[start:end].decode(), new)

    def between(left: Any, right: Any, op: ast.AST) -> Iterator[Mutant]:
        start, end = at(left.end_lineno, left.end_col_offset), at(right.lineno, right.col_offset)
        gap = source[start:end].decode()
        if type(op) in SWAPS and gap.strip() and "\n" not in gap and gap.strip(" ()"):
            word = gap.strip(" ()\n")
            begun = start + gap.index(word)
            yield change(left, begun, begun + len(word), SWAPS[type(op)])

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
                yield from between(left, right, op)
        elif isinstance(node, ast.BinOp) and not isinstance(node.left, ast.JoinedStr):
            yield from between(node.left, node.right, node.op)
        elif isinstance(node, ast.BoolOp):
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from between(left, right, node.op)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            start = at(node.lineno, node.col_offset)
            yield change(node, start, start + 4, "")
        elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
            new = str(node.value + 1) if type(node.value) is int else str(not node.value)
            yield change(node, at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset), new)
        elif isinstance(node, ast.If | ast.IfExp | ast.While):
            test = node.test
            start, end = at(test.lineno, test.col_offset), at(test.end_lineno, test.end_col_offset)
            if b"\n" not in source[start:end] and not isinstance(test, ast.NamedExpr):
                yield change(test, start, end, f"not ({source[start:end].decode()})")


def every() -> list[Mutant]:
    """Every mutant of the rooms that have tests named above, in the order of files and lines."""
    found = []
    for path in sorted({path for place in TESTS for path in _files(ROOT / place)}):
        with contextlib.suppress(SyntaxError):
            found += [one for one in mutants(path) if _compiles(one.apply(path.read_bytes()))]
    return sorted({one.name: one for one in found}.values(), key=lambda one: (one.file, one.line, one.start, one.new))


def _files(place: Path) -> list[Path]:
    return [place] if place.suffix == ".py" else [path for path in place.rglob("*.py") if path.name != "__init__.py"]


def _compiles(source: bytes) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from changed source."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = mutant.file.removesuffix(".py").replace("/", ".")
        self.path = ROOT / mutant.file
        self.source = mutant.apply(self.path.read_bytes())

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name != self.name:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin=str(self.path))

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self.path)
        exec(compile(self.source, str(self.path), "exec"), vars(module))


def tests_of(file: str) -> list[str]:
    """The test files that a mutant of `file` has to get past."""
    place = max((place for place in TESTS if file.startswith(place)), key=len)
    return [f"tests/{name}.py" for name in TESTS[place].split() if (ROOT / f"tests/{name}.py").exists()]


def verdict(mutant: Mutant | None, tests: list[str]) -> str:
    """ "killed", "survived", or "undecided" for one that takes too long: of a child of this process that runs the tests."""
    child = os.fork()
    if not child:
        with open(os.devnull, "r+b") as nothing:
            for descriptor in (0, 1, 2):
                os.dup2(nothing.fileno(), descriptor)
        os.setsid()
        faulthandler.disable()
        resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
        try:
            if mutant is not None:
                sys.meta_path.insert(0, _Changed(mutant))
            import pytest

            code = pytest.main(
                ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-o", "filterwarnings=ignore", "--assert=plain", *tests]
            )
        except BaseException:
            code = 99
        os._exit(min(int(code), 100))
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "undecided"


def main() -> None:
    """Draw mutants, try each, and write what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, nargs="?", default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="files whose path begins so")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--survivors", action="store_true", help="try those again that survived")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "benchmarks" / "mutants.json")
    given = parser.parse_args()
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "cli"), str(ROOT / "tests")]
    known = [one for one in every() if one.file.startswith(given.only)]
    if given.list:
        print("\n".join(f"{count:6} {file}" for file, count in sorted(Counter(one.file for one in known).items())), len(known))
        return
    found: dict[str, str] = json.loads(given.output.read_text()) if given.output.exists() else {}
    if given.survivors:
        drawn = [one for one in known if found.get(one.name) == "survived"]
    else:
        drawn = random.Random(given.seed).sample(known, min(given.count, len(known)))
        drawn = [one for one in drawn if one.name not in found]
    import hypothesis  # noqa: F401
    import numpy  # noqa: F401
    import pytest  # noqa: F401
    import torch
    import torch._dynamo
    import torchvision  # noqa: F401

    torch.set_num_threads(1)
    for index, one in enumerate(drawn):
        begun = time.monotonic()
        found[one.name] = verdict(one, tests_of(one.file))
        took = time.monotonic() - begun
        print(f"{index + 1}/{len(drawn)} {found[one.name]:9} {took:5.1f}s {one.name}", flush=True)
        given.output.write_text(json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False) + "\n")
    print(Counter(found.values()))


if __name__ == "__main__":
    main()
