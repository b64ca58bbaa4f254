"""Whether every model of torchvision and timm is analysed, and counted as torch itself counts it.

    python benchmarks/every_model.py [PATTERN ...] [-o FILE.json] [--journal FILE] [--jobs N]    default: 'torchvision:*' 'timm:*'

For each: parameters against the distinct elements of `module.parameters()`; multiply-accumulates against half of what
torch.utils.flop_counter.FlopCounterMode counts around a forward on the meta device, or on real tensors where a model decides by
values. A difference is explained if it consists, to the last unit, of ops for which FlopCounterMode has no formula (the convention
named `torch`). With a journal, a run that was broken off goes on where it was. Exits with 1 if anything is left unexplained.
"""

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.extend import ForwardError
from zoo.questions.survey import Record, gather, targets, versions

ALL = ("torchvision:*", "timm:*")


def check(name: str) -> Record:
    """What is found of one model: our numbers, torch's, and of which ops a difference consists."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        record = analysed(name)
        if not record["failure"]:
            try:
                record["counted"] = _flop_counter(record.pop("subject"), record["real"])
            except Exception as error:
                record["counted"] = _words(error)
    return record


def analysed(name: str) -> Record:
    """Our half: numbers, what is unknown, what torch has no formula for; and the model itself as "subject"."""
    from zoo.analysis.conventions.torch import products
    from zoo.models.running import trace_subject
    from zoo.models.targets import resolve
    from zoo.ops.arithmetic import flops, macs
    from zoo.tracing.real import real_copy

    start, real = time.thread_time(), False
    try:
        subject = resolve(name, {})
        try:
            trace = trace_subject(subject, subject.shape(), None, False)
        except ForwardError as error:
            if not error.needs_values:
                raise
            real = True
            subject = replace(subject, module=real_copy(subject.module))  # it decides by values
            trace = trace_subject(subject, subject.shape(), None, False, real=True)
    except (Exception, SystemExit) as error:
        return {"name": name, "failure": _words(error)}
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
        "distinct": sum(p.numel() for p in {id(p): p for p in subject.module.parameters()}.values()),
        "macs": sum(cost for _, cost, _ in costs if isinstance(cost, int)),
        "unknown": Counter(kind for kind, cost, _ in costs if not isinstance(cost, int)),
        "unknown_flops": Counter(op.kind for op in trace.ops if not isinstance(flops(op), int)),
        "uncounted": uncounted,
        "real": real,
        "subject": subject,
    }


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
        return "not analysed"
    if record["params"] != record["distinct"]:
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
    return len(records) - tally["equal"] - tally["explained"]


def counts(records: list[Record], before: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """For each package, how many of its models fare how; of packages without a record, what was known before."""
    found: dict[str, Counter[str]] = {}
    for record in records:
        found.setdefault(record["name"].partition(":")[0], Counter())[verdict(record)] += 1
    return {**before, **{package: dict(tally.most_common()) for package, tally in found.items()}}


def main() -> None:
    """Check all that was asked for, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", default=ALL)
    parser.add_argument("-o", "--output", type=Path, help="a file for how many models of each package fare how")
    parser.add_argument("--journal")
    parser.add_argument("--jobs", type=int)
    given = parser.parse_args()

    from every_model import check  # by the name under which a worker finds it

    def progress(done: int, total: int, name: str) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {total} {name:60}", end="", file=sys.stderr)

    names = targets(given.patterns)
    context = {"columns": ["every model"], "versions": versions()}
    found = gather(names, check, context=context, jobs=given.jobs, journal=given.journal, progress=progress)
    records = [found[name] for name in names]
    if given.output:
        before = json.loads(given.output.read_text(encoding="utf-8"))["models"] if given.output.exists() else {}
        result = {"versions": versions(), "models": counts(records, before)}
        given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(report(records) > 0)


if __name__ == "__main__":
    main()
