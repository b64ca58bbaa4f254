"""Small wrong changes of the source, one at a time, and whether the tests notice.

    python benchmarks/mutants.py map            # which test runs which line; with files of tests, for these only
    python benchmarks/mutants.py try 500        # 500 of all changes, drawn; those that were tried before count
    python benchmarks/mutants.py again          # those that survived, with more tests
    python benchmarks/mutants.py list           # how many changes there are, by file

pytest collects the tests once. For each change, a fork of that process replaces the changed function and runs tests that reach its
line, those of its own room first, until one fails. A change outside of functions is tried in a process that imports the changed
file. A survivor either lacks a test or changes nothing that can be observed; `EQUIVALENT` has the reason for each of the latter.
"""

import argparse
import ast
import contextlib
import functools
import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
MAP = Path(tempfile.gettempdir()) / "zoo-mutants-map"
KNOWN = MAP / "known"
"""The tests that there are, one a line: pytest ends with an error if it is asked for another, which is no test that failed."""
EQUIVALENT = ROOT / "benchmarks" / "mutants_equivalent.json"
NUMBERS = "details worked_examples shortcuts passes kinds conventions catalogue_numbers nothing_in_it rule_book"
ROOMS = {
    "zoo/ops": f"{NUMBERS} memory folding explain",
    "zoo/receptive": "details worked_examples receptive receptive_field_experiment kinds random_networks nothing_in_it",
    "zoo/tracing/shortcuts.py": "shortcuts kinds",
    "zoo/analysis": f"{NUMBERS} folding memory features plugins explain",
    "zoo/tables": "details worked_examples formats selecting cli plugins notes",
    "zoo/questions/compare.py": "comparing",
    "zoo/questions/diff.py": "diff comparing",
    "zoo/questions/sweep.py": "sweeping",
    "zoo/transform/pull.py": "pulling",
    "zoo/transform/excerpt.py": "pulling",
    "zoo/models": "details worked_examples targets isolation caching bad_input layer pattern",
}
"""What is changed, and the files of tests that are tried first: those of the longest prefix."""
EDGES = "edges edges_of_tables"
"""Files of tests that are tried first whatever is changed."""

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
QUICK, LONG = 4.0, 10.0  # seconds of tests for one change, as the map timed them
GIBIBYTES = 16
OUTSIDE = 77
UNNOTICED = {"survived", "not reached"}


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, and what stood there and what stands there now."""

    file: str
    line: int
    start: int
    end: int
    old: str
    new: str
    name: str
    """Stays the same when lines are added above."""
    span: tuple[int, int]
    """The first and the last line of the function around it."""

    def apply(self, source: bytes) -> bytes:
        """The changed source."""
        return source[: self.start] + self.new.encode() + source[self.end :]


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file."""
    source = path.read_bytes()
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    file = path.relative_to(ROOT).as_posix()
    tree = ast.parse(source)
    owners = dict(_owners(tree, ""))

    def at(line: int, column: int) -> int:
        return starts[line - 1] + column

    def change(node: Any, start: int, end: int, new: str) -> Mutant:
        old = source[start:end].decode()
        text = lines[node.lineno - 1].strip().decode()
        column = start - starts[node.lineno - 1] - (len(lines[node.lineno - 1]) - len(lines[node.lineno - 1].lstrip()))
        owner, *span = owners.get(node.lineno, ("module", 1, len(lines)))
        name = f"{file}: {owner}: {text} [{column}: {old} -> {new}]"
        return Mutant(file, node.lineno, start, end, old, new, name, (span[0], span[1]))

    def between(left: Any, right: Any, op: ast.AST) -> Iterator[Mutant]:
        start, end = at(left.end_lineno, left.end_col_offset), at(right.lineno, right.col_offset)
        gap = source[start:end].decode()
        if type(op) in SWAPS and gap.strip() and "\n" not in gap and gap.strip(" ()"):
            word = gap.strip(" ()\n")
            begun = start + gap.index(word)
            yield change(left, begun, begun + len(word), SWAPS[type(op)])

    for node in ast.walk(tree):
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


def _owners(tree: ast.AST, name: str) -> Iterator[tuple[int, tuple[str, int, int]]]:
    """The innermost class or function of each line: its name, its first and its last line."""
    for node in ast.iter_child_nodes(tree):
        inner = name
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            inner = f"{name}.{node.name}".strip(".")
            end = node.end_lineno or node.lineno
            yield from ((line, (inner, node.lineno, end)) for line in range(node.lineno, end + 1))
        yield from _owners(node, inner)


def every() -> list[Mutant]:
    """Every mutant of `ROOMS`, in the order of files and lines."""
    found: dict[str, Mutant] = {}
    for path in targets():
        source = path.read_bytes()
        found |= {one.name: one for one in mutants(path) if _compiles(one.apply(source))}
    return sorted(found.values(), key=lambda one: (one.file, one.line, one.start, one.new))


def targets() -> list[Path]:
    """The files that are changed."""
    paths = {path for place in ROOMS for path in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))}
    return sorted(path for path in paths if path.name != "__init__.py")


def _compiles(source: bytes) -> bool:
    try:
        compile(source, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


# Which test runs which line ---------------------------------------------------------------------------------------------


class Mapping:
    """A plugin of pytest: writes, for each file of tests, how long each test took and which lines it ran."""

    def __init__(self) -> None:
        import coverage

        self.cover = coverage.Coverage(data_file=None, include=[str(path) for path in targets()], config_file=False)
        self.cover.start()
        self.caches = Functions().caches
        self.times: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        """Times one test; at the end of a file, writes its map."""
        self.cover.switch_context(item.nodeid)
        for cache in self.caches:  # what one test left there, the next does not run
            cache.cache_clear()
        begun, failed = time.process_time(), item.session.testsfailed
        result = yield
        if item.session.testsfailed == failed:
            self.times[item.nodeid] = time.process_time() - begun
        if nextitem is None or nextitem.path != item.path:
            self.write(item.path)
        return result

    def write(self, path: Path) -> None:
        """One file's map."""
        self.cover.stop()
        data = self.cover.get_data()
        lines: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        for file in data.measured_files():
            name = Path(file).relative_to(ROOT).as_posix()
            for line, tests in data.contexts_by_lineno(file).items():
                for test in tests:
                    lines[test][name] |= 1 << line
        found = {
            test: {"seconds": took, "lines": {file: hex(bits) for file, bits in lines[test].items()}}
            for test, took in self.times.items()
        }
        MAP.mkdir(exist_ok=True)
        (MAP / f"{path.stem}.json").write_text(json.dumps(found))
        self.times = {}
        self.cover.erase()
        self.cover.start()


class Reached:
    """Which tests reach a line, quick ones first."""

    def __init__(self, known: Collection[str] | None = None) -> None:
        """With the tests that still exist."""
        self.seconds: dict[str, float] = {}
        self.lines: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for path in sorted(MAP.glob("*.json")):
            for test, found in json.loads(path.read_text()).items():
                if known is None or test in known:
                    self.seconds[test] = found["seconds"]
                    for file, bits in found["lines"].items():
                        self.lines[file][test] = int(bits, 16)

    def limit(self, tests: list[str]) -> float:
        """Seconds after which a process that runs the tests has to be stopped."""
        return 30 + 5 * sum(self.seconds[test] for test in tests)

    def tests(self, mutant: Mutant, seconds: float) -> list[str]:
        """The tests that run the line; or else any line of its function, class or table; or else the first of its room.

        Tables and classes are made before any test runs. One case of each function of tests comes before the second one of any.
        """
        place = max((place for place in ROOMS if mutant.file.startswith(place)), key=len)
        own = [f"tests/test_{name}.py" for name in f"{EDGES} {ROOMS[place]}".split()]
        whole = sum(1 << line for line in range(mutant.span[0], mutant.span[1] + 1))
        reached = self.lines[mutant.file]
        found = [test for test, bits in reached.items() if bits >> mutant.line & 1]
        found = found or [test for test, bits in reached.items() if bits & whole]
        found = found or [test for test in self.seconds if test.partition("::")[0] in own]
        cases: Counter[str] = Counter()
        ranked = []
        for test in sorted(found, key=lambda test: (self.seconds[test], test)):
            function = test.partition("[")[0]
            cases[function] += 1
            at_home = function.partition("::")[0] in own
            ranked.append((cases[function] if not at_home else (cases[function] + 3) // 4, not at_home, self.seconds[test], test))
        chosen, left = [], seconds
        for _, _, took, test in sorted(ranked):
            if took <= left:
                chosen.append(test)
                left -= took
        return chosen


# One change -------------------------------------------------------------------------------------------------------------


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from changed source."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = mutant.file.removesuffix(".py").replace("/", ".")
        self.path = ROOT / mutant.file
        self.source = mutant.apply(self.path.read_bytes())

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """The changed module alone."""
        if name != self.name:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin=str(self.path))

    def exec_module(self, module: ModuleType) -> None:
        """Runs the changed source."""
        module.__file__ = str(self.path)
        exec(compile(self.source, str(self.path), "exec"), vars(module))


def replaced(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]] | None:
    """The functions of a module, or of a class, that differ; None if anything outside of functions does."""
    plain_old, plain_new = ([None if isinstance(one, CodeType) else one for one in code.co_consts] for code in (old, new))
    if old.co_code != new.co_code or repr(plain_old) != repr(plain_new) or old.co_names != new.co_names:
        return None
    found = []
    for before, after in zip(old.co_consts, new.co_consts, strict=True):
        if not isinstance(before, CodeType) or before == after:
            continue
        if before.co_flags & 1:  # a function: its locals are optimised
            found += [(before, after), *_inner(before, after)]
        elif (inside := replaced(before, after)) is None:
            return None
        else:
            found += inside
    return found


def _inner(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    for before, after in zip(old.co_consts, new.co_consts, strict=False):
        if isinstance(before, CodeType) and isinstance(after, CodeType) and before != after:
            yield before, after
            yield from _inner(before, after)


class Functions:
    """The functions of the changed files in this process, and the caches of all."""

    def __init__(self) -> None:
        files = {str(path) for path in targets()}
        for path in sorted(files):
            importlib.import_module(Path(path).relative_to(ROOT).as_posix().removesuffix(".py").replace("/", "."))
        self.found: defaultdict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        self.caches = []
        for one in gc.get_objects():
            if type(one) is FunctionType and one.__code__.co_filename in files:
                self.found[self.key(one.__code__)].append(one)
            elif type(one) is functools._lru_cache_wrapper and str(one.__module__).startswith("zoo"):
                self.caches.append(one)

    @staticmethod
    def key(code: CodeType) -> tuple[str, str, int]:
        """What tells functions apart."""
        return code.co_filename, code.co_qualname, code.co_firstlineno

    def change(self, pairs: list[tuple[CodeType, CodeType]]) -> bool:
        """Replaces the code; False if there is no such function."""
        done = False
        for old, new in pairs:
            for function in self.found.get(self.key(old), ()):
                if function.__code__.co_code == old.co_code:
                    function.__code__ = new
                    done = True
        for cache in self.caches:
            cache.cache_clear()
        return done


def pairs_of(mutant: Mutant) -> list[tuple[CodeType, CodeType]] | None:
    """The functions that a mutant changes, or None."""
    path = ROOT / mutant.file
    source = path.read_bytes()
    old, new = (compile(text, str(path), "exec", dont_inherit=True) for text in (source, mutant.apply(source)))
    return replaced(old, new)


def forked(body: Any, seconds: float) -> str:
    """What becomes of a child that calls `body`: "survived", "killed", "too long" or, where no function was found, "outside"."""
    child = os.fork()
    if not child:
        code = 99
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            resource.setrlimit(resource.RLIMIT_AS, (GIBIBYTES << 30, GIBIBYTES << 30))
            resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 5))
            code = body()
        finally:
            os._exit(code)
    end = time.monotonic() + 6 * seconds
    status = None
    while status is None and time.monotonic() < end:
        pid, found = os.waitpid(child, os.WNOHANG)
        status = found if pid else time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
        return "too long"
    code = os.waitstatus_to_exitcode(status)
    return {0: "survived", OUTSIDE: "outside", -signal.SIGXCPU: "too long", -signal.SIGKILL: "too long"}.get(code, "killed")


class Trying:
    """A plugin of pytest that tries mutants instead of running the tests."""

    def __init__(self, mutants: list[Mutant], seconds: float, found: "Found") -> None:
        self.mutants, self.seconds, self.found = mutants, seconds, found

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Tries each."""
        items = {item.nodeid: item for item in session.items}
        KNOWN.write_text("\n".join(items), encoding="utf-8")
        reached, functions = Reached(items), Functions()
        gc.collect()
        gc.freeze()
        for mutant in self.mutants:
            tests = reached.tests(mutant, self.seconds)
            pairs = pairs_of(mutant)
            verdict = "outside" if pairs is None else "not reached" if not tests else ""
            with self.found.timed(mutant, len(tests)) as told:
                told.append(
                    verdict
                    or forked(lambda p=pairs, t=tests: self.run(session, functions, p, [items[n] for n in t]), reached.limit(tests))
                )
        return True

    def run(self, session: pytest.Session, functions: Functions, pairs: list[Any], items: list[pytest.Item]) -> int:
        """In a child: 1 if a test fails."""
        if not functions.change(pairs):
            return OUTSIDE
        session.testsfailed = 0
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                return 1
        return 0


class Found:
    """The verdicts so far, in a file."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path, self.seed = path, seed
        self.verdicts: dict[str, str] = json.loads(path.read_text())["verdicts"] if path.exists() else {}

    @contextlib.contextmanager
    def timed(self, mutant: Mutant, tests: int) -> Iterator[list[str]]:
        """Takes the verdict of one, shows and writes it."""
        begun = time.monotonic()
        told: list[str] = []
        yield told
        self.verdicts[mutant.name] = told[0]
        print(f"{told[0]:11} {time.monotonic() - begun:5.1f}s {tests:4} tests  {mutant.name}", flush=True)
        self.write()

    def keep(self, names: Collection[str]) -> None:
        """Forget changes of lines that are no longer there."""
        self.verdicts = {name: verdict for name, verdict in self.verdicts.items() if name in names}

    def write(self) -> None:
        """The file, with what is equivalent and why."""
        known = json.loads(EQUIVALENT.read_text(encoding="utf-8")) if EQUIVALENT.exists() else {}
        rooms: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for name, verdict in self.verdicts.items():
            room = max((place for place in ROOMS if name.startswith(place)), key=len)
            rooms[room]["equivalent" if name in known and verdict in UNNOTICED else verdict] += 1
        content = {
            "seed": self.seed,
            "rooms": {room: dict(sorted(counts.items())) for room, counts in sorted(rooms.items())},
            "equivalent": {name: reason for name, reason in sorted(known.items()) if self.verdicts.get(name) in UNNOTICED},
            "verdicts": dict(sorted(self.verdicts.items())),
        }
        self.path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def session(tests: list[str], plugins: list[Any]) -> int:
    """One run of pytest in this process, whose tests and folders are its own."""
    sys.path[:0] = [str(ROOT), str(ROOT / "cli"), str(ROOT / "tests")]
    quiet = [
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "-s",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
        f"--basetemp={tempfile.gettempdir()}/zoo-mutants-{os.getpid()}",
    ]
    return int(pytest.main([*quiet, *tests], plugins=plugins))


def attempt(drawn: list[Mutant], seconds: float, found: Found) -> None:
    """Every mutant: those in functions in one session of pytest, then the others, each in a session of its own."""
    import numpy  # noqa: F401
    import torch
    import torch._dynamo
    import torchvision  # noqa: F401

    torch.set_num_threads(1)
    files = [f"tests/{path.stem}.py" for path in sorted(MAP.glob("*.json"))]
    if not (child := os.fork()):
        try:
            session(files, [Trying(drawn, seconds, found)])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    found.__init__(found.path, found.seed)  # type: ignore[misc]
    reached = Reached(set(KNOWN.read_text(encoding="utf-8").split("\n")))
    for mutant in drawn:
        if found.verdicts.get(mutant.name) == "outside":
            tests = reached.tests(mutant, seconds)
            with found.timed(mutant, len(tests)) as told:
                told.append(forked(lambda m=mutant, t=tests: imported(m, t), 60 + reached.limit(tests)) if tests else "not reached")


def imported(mutant: Mutant, tests: list[str]) -> int:
    """In a child: what pytest says of the tests where the changed module is imported."""
    sys.meta_path.insert(0, _Changed(mutant))
    return session(["-x", *tests], [])


def main() -> None:
    """Draw mutants, try each, and write what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("map", "try", "again", "list"))
    parser.add_argument("rest", nargs="*", help="files of tests for `map`, a count for `try`")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="of those drawn, the files whose path begins like this")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "benchmarks" / "mutants.json")
    given = parser.parse_args()
    os.chdir(ROOT)
    if given.what == "map":
        sys.exit(session(given.rest or ["tests"], [Mapping()]))
    known = every()
    if given.what == "list":
        print("\n".join(f"{count:6} {file}" for file, count in sorted(Counter(one.file for one in known).items())), len(known))
        return
    found = Found(given.output.resolve(), given.seed)
    found.keep({one.name for one in known})
    found.write()
    if given.what == "again":
        drawn = [one for one in known if found.verdicts.get(one.name) in {"survived", "not reached", "outside"}]
        drawn.sort(key=lambda one: found.verdicts[one.name])  # those that were not tried yet before those that survived
    else:
        others = [one for one in known if one.name not in found.verdicts]
        lacking = min(max(int(given.rest[0]) - len(found.verdicts), 0), len(others))
        drawn = random.Random(given.seed).sample(others, lacking)
        drawn += [one for one in known if found.verdicts.get(one.name) == "outside"]
    drawn = [one for one in drawn if one.file.startswith(given.only)]
    attempt(drawn, LONG if given.what == "again" else QUICK, found)
    found.write()


if __name__ == "__main__":
    main()
