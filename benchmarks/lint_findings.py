"""What `zoo lint` finds in the catalogue, in torchvision and in timm: the table of docs/lint.md.

    python benchmarks/lint_findings.py [PATTERN ...] [--every N] [--write]    default: '*' 'torchvision:*' 'timm:*'

All rules run, those that are off included, without an object. Models that decide by values run on real tensors. With --write, the
counts go to benchmarks/lint_findings.json and into docs/lint.md. With --sample N, N findings of timm are drawn at random (--seed),
to be judged against the model's source; the verdicts stand in benchmarks/lint_judged.json. One process, some ten minutes.
"""

import argparse
import json
import random
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.extend import ZooError
from zoo.extend.rule import rules
from zoo.questions.survey import Record, targets, versions
from zoo_cli.progress import bar

ROOT = Path(__file__).parent.parent
COUNTS = ROOT / "benchmarks" / "lint_findings.json"
PAGE = ROOT / "docs" / "lint.md"
COLLECTIONS = ("catalogue", "torchvision", "timm")
TABLE = re.compile(r"(?<=<!-- findings -->\n).*?(?=<!-- end -->)", re.DOTALL)


def check(name: str) -> Record:
    """What is found in one model: rule, layer, times, and words of each finding."""
    import warnings

    import zoo

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        selected = ["default", *(rule.name for rule in rules().values() if rule.level == "off")]
        failure = ""
        for real in (False, True):
            try:
                found = zoo.lint(name, select=selected, real=real)
            except ZooError as error:
                failure = failure or str(error)
            else:
                return {"failure": "", "findings": [[one.rule, one.layer, one.times, one.what, one.by_design] for one in found]}
    return {"failure": failure}


def counts(records: Mapping[str, Record]) -> dict[str, Any]:
    """By collection: models, those left out, and for each rule the models with a finding; those by design apart."""
    found: dict[str, Any] = {name: {"models": 0, "left_out": 0, "rules": {}} for name in COLLECTIONS}
    for name, record in records.items():
        scheme, colon, _ = name.partition(":")
        mine = found[scheme if colon else "catalogue"]
        mine["left_out" if record["failure"] else "models"] += 1
        hits = [] if record["failure"] else record["findings"]
        for rule in dict.fromkeys(hit[0] for hit in hits):
            mine["rules"].setdefault(rule, []).append(all(hit[4] for hit in hits if hit[0] == rule))
    for mine in found.values():
        mine["rules"] = {rule: [len(designed), sum(designed)] for rule, designed in sorted(mine["rules"].items())}
    return found


def table(found: Mapping[str, Any]) -> str:
    """The counts as Markdown: models with a finding, and their share."""
    heads = [f"{name} ({found[name]['models']:,} models)" for name in COLLECTIONS]
    lines = [f"| rule | level | {' | '.join(heads)} |", "|---|---|--:|--:|--:|"]
    for rule in rules().values():
        cells = [_cell(found[name], rule.name) for name in COLLECTIONS]
        lines.append(f"| `{rule.name}` | {rule.level} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(mine: Mapping[str, Any], rule: str) -> str:
    """21 (43%), of which 8 by design."""
    models, designed = mine["rules"].get(rule, (0, 0))
    share = f" ({models / mine['models']:.1%})" if models and mine["models"] else ""
    return f"{models}{share}{f', {designed} by design' if designed else ''}"


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patterns", nargs="*", default=["*", "torchvision:*", "timm:*"])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth model of timm")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    names, records = targets(asked.patterns), {}
    timm = [name for name in names if name.startswith("timm:")]
    names = [name for name in names if name not in timm] + timm[:: asked.every]
    with bar() as progress:
        for done, name in enumerate(names):
            if progress is not None:
                progress(done, len(names), name)
            records[name] = check(name)
    print(table(counts(records)))
    for name, record in records.items():
        if record["failure"]:
            print(f"left out: {name}: {record['failure'][:120]}", file=sys.stderr)
    if asked.sample:
        off = {rule.name for rule in rules().values() if rule.level == "off"}
        timm = [
            (name, *hit) for name, one in sorted(records.items()) for hit in one.get("findings", ()) if name.startswith("timm:")
        ]
        for hit in random.Random(asked.seed).sample([hit for hit in timm if hit[1] not in off], asked.sample):
            print(*hit[:5], sep=" | ")
    if asked.write:
        counted = counts(records)
        COUNTS.write_text(json.dumps({"versions": versions(), **counted}, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(TABLE.sub(lambda _: table(counted), PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
