"""Whether every model of torchvision, timm and six more libraries is analysed, and counted as torch itself counts it.

    pip install -r benchmarks/libraries/requirements.txt
    python benchmarks/every_model.py [PATTERN ...] [-o FILE.json] [--journal FILE] [--jobs N]    default: 'torchvision:*' 'timm:*'

A pattern is LIBRARY:NAME, such as 'transformers:*' or 'diffusers:UNet*'; benchmarks/libraries has a file for each library.

For each: parameters against the distinct elements of `module.parameters()`, and against the published number, if there is one;
multiply-accumulates against half of what torch.utils.flop_counter.FlopCounterMode counts around a forward on the meta device, or on
real tensors where a model decides by values. A difference is explained if it consists, to the last unit, of ops for which
FlopCounterMode has no formula (the convention named `torch`). With a journal, a run that was broken off goes on where it was, and
--so-far reports the models that it holds without trying more. Exits with 1 if anything is left unexplained; a model for which no
inputs were found with which torch itself runs it is listed, and does not count.
"""

import argparse
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from libraries import LIBRARIES, matching, of

from zoo.extend import ForwardError
from zoo.questions.survey import Record, gather, targets, versions

ALL = ("torchvision:*", "timm:*")
_LIMIT = 900.0  # seconds for one model
_MEMORY = 3 << 30  # bytes that a model of a library may allocate
_SEARCH_SECONDS = 3.0  # of processor time, for a way in which torch itself runs a model


def check(name: str) -> Record:
    """What is found of one model: our numbers, torch's, and of which ops a difference consists."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if _package(name) in LIBRARIES:
            return _of_library(name)
        record = analysed(name)
        if not record["failure"]:
            try:
                record["counted"] = _flop_counter(record.pop("subject"), record["real"])
            except Exception as error:
                record["counted"] = _words(error)
    return record


def analysed(name: str) -> Record:
    """Our half: numbers, what is unknown, what torch has no formula for; and the model itself as "subject"."""
    from zoo.models.targets import resolve

    try:
        return numbers(name, lambda: resolve(name, {}))
    except (Exception, SystemExit) as error:
        return {"name": name, "failure": _words(error)}


def numbers(name: str, subject_of: Callable[[], Any], inputs: Any = None) -> Record:
    """Analyse one model. Raises what it raises."""
    import torch

    from zoo.analysis.conventions.torch import products
    from zoo.models.running import trace_subject
    from zoo.ops.arithmetic import flops, macs
    from zoo.tracing.real import real_copy

    start, real = time.thread_time(), False
    subject = subject_of()
    shape = subject.shape() if inputs is None else None
    try:
        trace = trace_subject(subject, shape, inputs, False)
    except ForwardError as error:
        if not error.needs_values:
            raise
        real = True
        subject = replace(subject, module=real_copy(subject.module))  # it decides by values
        torch.manual_seed(0)  # of random numbers, too
        trace = trace_subject(subject, shape, inputs, False, real=True)
    seconds = time.thread_time() - start
    costs = [(op.kind, macs(op), products(op)) for op in trace.ops]
    uncounted: Counter[str] = Counter()
    for kind, cost, theirs in costs:
        if isinstance(cost, int) and cost != theirs:
            uncounted[kind] += cost - int(theirs)
    return {
        "name": name,
        "failure": None,
        "seconds": seconds,
        "params": sum(param.numel for param in trace.params if param.kind == "parameter"),
        "trainable": sum(param.numel for param in trace.params if param.trainable),
        "distinct": sum(p.numel() for p in {id(p): p for p in subject.module.parameters()}.values()),
        "macs": sum(cost for _, cost, _ in costs if isinstance(cost, int)),
        "unknown": Counter(kind for kind, cost, _ in costs if not isinstance(cost, int)),
        "unknown_flops": Counter(op.kind for op in trace.ops if not isinstance(flops(op), int)),
        "uncounted": uncounted,
        "real": real,
        "subject": subject,
    }


def _of_library(name: str) -> Record:
    """As `check`, of a library in benchmarks/libraries: the first way to build and call a model in which torch itself runs it."""
    from zoo.models.targets import Subject

    library, _, rest = name.partition(":")
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    try:
        made, counted = _first_that_runs(of(library), rest)
    except Exception as error:
        return {"name": name, "failure": _words(error), "ran": False}
    inputs = dict(made.kwargs) if made.kwargs else tuple(made.args)
    try:
        record = numbers(name, lambda: Subject(name, made.module, (), {}), inputs)
    except (Exception, SystemExit) as error:
        return {"name": name, "failure": _words(error)}
    del record["subject"]
    return {**record, "counted": counted, "published": made.published}


def _first_that_runs(library: Any, name: str) -> tuple[Any, int]:
    """The first way in which torch runs a model, and what it counts there. Raises the first error if there is none."""
    end, first = time.thread_time() + _SEARCH_SECONDS, None
    for made in library.made(name):
        tried = [made]
        for again in tried:  # grows
            try:
                return again, _counted(again.module, again.args, again.kwargs)
            except Exception as error:
                first = first or error
                if len(tried) < 8 and hasattr(library, "mended"):
                    tried += library.mended(again, error)
        if time.thread_time() > end:
            break
    raise first or LookupError("no inputs are known")


def _counted(module: Any, args: Any, kwargs: Any) -> int:
    """What torch's counter counts, where its kernels have formulas."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils._pytree import tree_map
    from torch.utils.flop_counter import FlopCounterMode

    torch.manual_seed(0)
    meta = any(p.is_meta for p in module.parameters())
    args, kwargs = tree_map(lambda x: x.to("meta") if meta and isinstance(x, torch.Tensor) else x, (tuple(args), dict(kwargs)))
    trainable = [p for p in module.parameters() if p.requires_grad]
    module.requires_grad_(False)  # the counter follows gradients, which parametrised weights do not have here
    try:
        with (
            torch.backends.mkldnn.flags(enabled=False),  # type: ignore[no-untyped-call]
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False) as counter,
            torch.inference_mode(),
        ):
            module(*args, **kwargs)
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
    return counter.get_total_flops()


def _words(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:400]


def _flop_counter(subject: Any, real: bool) -> int:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    shapes = subject.shape()
    module = subject.module.eval().requires_grad_(False)
    if not real:
        module = module.to("meta")
    inputs = [torch.ones(shape, device="cpu" if real else "meta") for shape in (shapes if isinstance(shapes, list) else [shapes])]
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module(*inputs)
    return counter.get_total_flops()


def verdict(record: Record) -> str:
    """In a word how a model fares."""
    if record["failure"]:
        return "not analysed" if record.get("ran", True) else "torch does not run it"
    if record["params"] != record["distinct"] or record.get("published") not in {None, record.get("trainable")}:
        return "parameters differ"
    if record["unknown"]:
        return "MACs not complete"
    if isinstance(record["counted"], str):
        return "torch's counter fails"
    if 2 * record["macs"] == record["counted"]:
        return "equal"
    return "explained" if 2 * (record["macs"] - sum(record["uncounted"].values())) == record["counted"] else "MACs differ"


def report(records: list[Record]) -> int:
    """Print what was found; how many models are left."""
    verdicts = {record["name"]: verdict(record) for record in records}
    tally = Counter(verdicts.values())
    print(f"{len(records)} models: {', '.join(f'{n} {word}' for word, n in tally.most_common())}")
    print(f"{sum(r.get('seconds', 0) for r in records):.0f} seconds of processor time to build and trace them")
    for record in records:
        word = verdicts[record["name"]]
        if word == "explained":
            print(f"{record['name']}: no formula in torch for {', '.join(f'{k} ({n:,})' for k, n in record['uncounted'].items())}")
        elif word != "equal":
            found = {key: record.get(key) for key in ("failure", "params", "distinct", "unknown", "macs", "counted", "uncounted")}
            print(f"{record['name']}: {word}: {', '.join(f'{key} {value}' for key, value in found.items() if value)}")
        if record.get("unknown_flops"):
            print(f"{record['name']}: FLOPs are a lower bound: {dict(record['unknown_flops'])}")
    return len(records) - tally["equal"] - tally["explained"] - tally["torch does not run it"]


def summary(records: list[Record], listed: list[str], before: Record) -> Record:
    """For each package, how many of its models fare how, and why; of packages without a record, what was known before.

    "listed" has the number of its models; "explained" for each op without a formula in how many models it explains the difference;
    "published" how many numbers of parameters that the package publishes are equal.
    """
    found: dict[str, Record] = {}
    for record in records:
        package = _package(record["name"])
        row = found.setdefault(package, {"models": Counter(), "explained": Counter(), "published": 0})
        word = verdict(record)
        row["models"][word] += 1
        row["explained"].update(record["uncounted"].keys() if word == "explained" else ())
        row["published"] += word in {"equal", "explained"} and record.get("published") is not None
    tables = {key: {package: _plain(row[key]) for package, row in found.items()} for key in ("models", "explained", "published")}
    tables["listed"] = {package: sum(_package(name) == package for name in listed) for package in found}
    known = {**versions(), **{package: version(package) for package in found}}
    return {"versions": {**before.get("versions", {}), **known}, **{key: {**before.get(key, {}), **tables[key]} for key in tables}}


def _plain(value: Any) -> Any:
    return dict(value.most_common()) if isinstance(value, Counter) else value


def _package(name: str) -> str:
    return name.partition(":")[0]


def _listed(pattern: str) -> list[str]:
    """The models that match a pattern."""
    return matching(pattern) if _package(pattern) in LIBRARIES else targets([pattern])


def main() -> None:
    """Check all that was asked for, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", default=ALL)
    parser.add_argument("-o", "--output", type=Path, help="a file for how many models of each package fare how")
    parser.add_argument("--journal")
    parser.add_argument("--so-far", action="store_true", help="report what the journal holds; try no more")
    parser.add_argument("--jobs", type=int)
    given = parser.parse_args()

    from every_model import check  # by the name under which a worker finds it

    def progress(done: int, total: int, name: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} {name:60}", end="", file=sys.stderr)

    listed = [name for pattern in given.patterns for name in _listed(pattern)]
    context = {"columns": ["every model"], "versions": versions()}
    if given.so_far:
        done = {json.loads(line).get("name") for line in Path(given.journal).read_text(encoding="utf-8").splitlines()}
        names = [name for name in listed if name in done]
    else:
        names = listed
    found = gather(names, check, context=context, jobs=given.jobs, journal=given.journal, timeout=_LIMIT, progress=progress)
    records = [found[name] for name in names]
    if given.output:
        before = json.loads(given.output.read_text(encoding="utf-8")) if given.output.exists() else {}
        result = summary(records, listed, before)
        given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(report(records) > 0)


if __name__ == "__main__":
    main()
