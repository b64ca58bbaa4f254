"""Findings for continuous integration: SARIF, and annotations of GitHub.

Both point at the line of the file that defines the model, where the TARGET says which; else only at the layer.
"""

import ast
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zoo.extend.rule import Finding, Rule
from zoo.util.version import __version__

_LEVELS = {"warning": "warning", "info": "note"}


def sarif(target: str, findings: Iterable[Finding], rules: Iterable[Rule]) -> str:
    """A log of one run in SARIF 2.1.0, the static analysis results interchange format of OASIS."""
    driver = {"name": "zoo lint", "version": __version__, "rules": list(map(_descriptor, rules))}
    run = {"tool": {"driver": driver}, "results": [_result(target, finding) for finding in findings]}
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _descriptor(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.finds},
        "fullDescription": {"text": f"{rule.why} ({rule.source})"},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"enabled": rule.level != "off", "level": _LEVELS.get(rule.level, "note")},
    }


def _result(target: str, finding: Finding) -> dict[str, Any]:
    place: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": f"{target}/{finding.layer}", "kind": "module"}]}
    file, line = source_of(target)
    if file:
        place["physicalLocation"] = {"artifactLocation": {"uri": quote(Path(file).as_posix())}, "region": {"startLine": line}}
    found: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.level],
        "message": {"text": f"{finding.layer}: {finding.what}"},
        "locations": [place],
        "properties": {"times": finding.times, "saves": dict(finding.saves), "evidence": dict(finding.evidence)},
    }
    if finding.by_design:
        found["suppressions"] = [{"kind": "external", "justification": "the model's card declares it as its paper's design"}]
    return found


def github(target: str, findings: Iterable[Finding], rules: Iterable[Rule] = ()) -> str:
    """A line for each finding, as GitHub's workflow commands: `::warning title=...::message`."""
    return "".join(map(_annotation, [target] * len(found := list(findings)), found))


def _annotation(target: str, finding: Finding) -> str:
    command = "warning" if finding.counts else "notice"
    file, line = source_of(target)
    where = f"file={_property(file)},line={line}," if file else ""
    times = f" (×{finding.times})" if finding.times > 1 else ""
    design = " (by design)" if finding.by_design else ""
    message = f"{target}: {finding.layer}{times}: {finding.what}{design}. {finding.remedy}"
    return f"::{command} {where}title=zoo lint%3A {_property(finding.rule)}::{_data(message)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def source_of(target: str) -> tuple[str, int]:
    """The file that a TARGET names, and the line on which its attribute is defined; an empty name if it names no file."""
    file, _, attribute = target.rpartition(":")
    if not file.endswith(".py") or not Path(file).is_file():
        return "", 0
    name = attribute.partition(".")[0]
    for node in ast.parse(Path(file).read_text(encoding="utf-8")).body:
        assigned = [one.id for one in getattr(node, "targets", []) if isinstance(one, ast.Name)]
        if getattr(node, "name", None) == name or name in assigned:
            return file, getattr(node, "lineno", 1)
    return file, 1


REPORTS: Mapping[str, Callable[[str, Iterable[Finding], Iterable[Rule]], str]] = {"sarif": sarif, "github": github}
"""Formats of findings other than tables."""
