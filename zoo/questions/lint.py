"""What is wrong or wasteful in a model: the findings of the rules in `zoo/linting`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.catalogue.entries import architectures
from zoo.extend.network import Network
from zoo.extend.rule import Finding, Hit, Rule, rules
from zoo.models.forward import forward
from zoo.models.running import Run
from zoo.record.trace import Trace
from zoo.tables.table import Column, Row, Table
from zoo.util.errors import ZooError, unknown
from zoo.util.pausing import no_collection
from zoo.util.text import sizes
from zoo.util.version import __version__

if TYPE_CHECKING:
    from zoo.models.forward import Traceable

DEVICES = ("tensor-cores",)
"""What rules of their own exist for."""

DEFAULT = "default"
"""In a selection, the rules that run without one."""


@dataclass(frozen=True, repr=False)
class Lint:
    """The findings on one model, those that cost most first.

    It is true if a finding counts (a warning that the model's card does not declare as its paper's design), so that
    `assert not zoo.lint(net, input=...)` is a test; if it fails, its message is the table.

    `feasible` is the range of image sizes for which no layer sees more than the image on every path, and some layer sees it whole;
    None for a network without windows.

    Example:
        >>> result = zoo.lint("torchvision:resnet50")
        >>> bool(result), [finding.rule for finding in result], result.feasible
        (False, ['stride-exceeds-kernel'], (75, 427))
    """

    run: Run
    findings: tuple[Finding, ...]
    rules: tuple[Rule, ...]
    feasible: tuple[int, int] | None

    def __bool__(self) -> bool:
        return any(finding.counts for finding in self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def to_table(self) -> Table:
        """A row for each finding; the notes say why it matters and what to do, once for each rule."""
        trace, found = self.run.trace, {one.rule: one for one in self.findings}
        about = {name: {"why": one.why, "source": one.source, "remedy": one.remedy} for name, one in found.items()}
        context = {
            "target": self.run.name,
            "inputs": [list(value.shape) for value in trace.inputs],
            "mode": trace.mode,
            "feasible_input": list(self.feasible) if self.feasible else None,
            "checked": [rule.name for rule in self.rules],
            "rules": about,
            "versions": dict(trace.versions),
        }
        counted = sum(one.counts for one in self.findings)
        others = f", {len(self) - counted} not counted" if len(self) > counted else ""
        shapes = ", ".join(sizes(value.shape) for value in trace.inputs)
        title = f"{self.run.name} · input {shapes} · {_number(counted, 'finding')}{others}"
        notes = [f"{name}: {rule['why']} {rule['remedy']} ({rule['source']})" for name, rule in about.items()]
        feasible = _feasible_note(*self.feasible) if self.feasible else ()
        return Table(title, context, _COLUMNS, tuple(map(_row, self.findings)), notes=(*feasible, *notes, *self.run.notes))

    def __str__(self) -> str:
        return str(self.to_table())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.to_table().render("html")


def lint(
    target: "Traceable",
    *,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    object: int | None = None,
    device: str | None = None,
) -> Lint:
    """Find what is wrong or wasteful in an architecture, with evidence, a source and a remedy.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them, or a `Trace`.
        input, inputs, batch, train, real, options: As in `zoo.trace`.
        select: The names of the rules to run, by default those that are not off. "default" among them stands for these. A rule that
            is selected by name counts, whatever its level.
        ignore: The names of rules not to run.
        object: The side in pixels of the smallest object that a unit should see whole.
        device: "tensor-cores" adds the rules for them.

    Returns:
        The findings. Their truth says whether one of them counts: a warning that no card declares as its paper's design.

    Raises:
        ZooError: As `zoo.trace`, and for unknown rules and devices.

    Example:
        >>> found = zoo.lint("vgg11_bn", ignore=["heavy-head"])
        >>> bool(found), found.findings[0].layer, found.findings[0].what
        (True, 'features.conv4_1…conv5_2', '512 biases, which the batch_norm after it removes')
    """
    chosen = choose(select, ignore, device)
    if object is not None and object < 1:
        raise ZooError(f"object: expected a number of pixels >= 1, got {object}")
    how: dict[str, Any] = {"input": input, "inputs": inputs, "batch": batch, "real": real, "options": options}
    found = forward(target, train=train, **how)
    network = Network(found.trace, object_pixels=object, other_mode=partial(_in_other_mode, target, not train, how))
    card = architectures()[found.name].card if found.name in architectures() else None
    return inspect(network, chosen, found, card.by_design if card else ())


def choose(select: Sequence[str] | None = None, ignore: Sequence[str] = (), device: str | None = None) -> list[Rule]:
    """The rules to run, in alphabetical order. Raises `ZooError` for unknown names."""
    known = rules()
    if select is not None and not select:
        raise ZooError("select: expected names of rules, got none (zoo lint --list shows them)")
    for name in (*(name for name in select or () if name != DEFAULT), *ignore):
        if name not in known:
            raise unknown("rule", name, known, "zoo lint --list shows them")
    if device is not None and device not in DEVICES:
        raise unknown("device", device, DEVICES)
    default = select is None or DEFAULT in select
    wanted = []
    for name, rule in known.items():
        if name in ignore:
            continue
        if name in (select or ()):
            wanted.append(replace(rule, level="warning"))
        elif default and (rule.level != "off" or (device is not None and rule.device == device)):
            wanted.append(rule)
    return wanted


def _in_other_mode(target: Any, train: bool, how: Mapping[str, Any]) -> Trace | None:
    """A forward in the other mode; on two images if one is refused, as by a normalisation over one value; None if there is none."""
    if isinstance(target, Trace):
        return None
    given = how["input"]
    twice = (2, *given[1:]) if isinstance(given, tuple) else given
    for changes in ({}, {"input": twice, "batch": 2}):
        with suppress(ZooError):
            return forward(target, train=train, **{**how, **changes}).trace
    return None


@no_collection
def inspect(network: Network, chosen: Sequence[Rule], found: Run, design: Sequence[str] = ()) -> Lint:
    """The findings of some rules on a network, first those that count, then those that cost most."""
    findings = [finding for rule in chosen for finding in _findings(rule, network, rule.name in design)]
    findings.sort(key=lambda one: (one.by_design, one.level != "warning", -one.cost))
    return Lint(found, tuple(findings), tuple(chosen), network.feasible)


def _findings(rule: Rule, network: Network, by_design: bool) -> Iterator[Finding]:
    """What a rule finds: a finding for all layers of which it says the same, and whose names differ in their numbers alone."""
    together: dict[tuple[str, str], list[tuple[str, Hit]]] = {}
    for hit in rule.check(network):
        name = hit.where if isinstance(hit.where, str) else network.name(hit.where)
        together.setdefault((re.sub(r"\d+", "#", name), hit.what), []).append((name, hit))
    for several in together.values():
        hits = [hit for _, hit in several]
        saves = {key: sum(hit.saves.get(key, 0) for hit in hits) for key in hits[0].saves}
        yield Finding(
            rule=rule.name,
            level="info" if rule.level == "off" else rule.level,
            layers=tuple(name for name, _ in several),
            what=hits[0].what,
            evidence=hits[0].evidence,
            why=rule.why,
            source=rule.source,
            remedy=rule.remedy,
            saves=saves,
            cost=network.share(saves),
            by_design=by_design,
        )


_COLUMNS = (
    Column("level", "text", "warning, info, or by design", hide_order=1),
    Column("finding", "text", "what is wrong or wasteful, with its numbers", hide_order=0),
    Column("saves", "", "what the remedy saves: parameters, multiply-accumulates", hide_order=2),
)


def _row(one: Finding) -> Row:
    cells = {
        "level": "by design" if one.by_design else one.level,
        "finding": one.what,
        "saves": dict(one.saves) or None,
        "cost": one.cost,
        "evidence": dict(one.evidence),
        "layers": list(one.layers),
    }
    return Row(one.layer, one.rule, cells, one.times)


def _number(n: int, noun: str) -> str:
    """no findings, 1 finding, 2 findings."""
    return f"{n or 'no'} {noun}{'' if n == 1 else 's'}"


def _feasible_note(low: int, high: int) -> Iterator[str]:
    yield (
        f"feasible input: {low}...{high} pixels. Below {low}, some layer sees more than the image on every path; beyond {high}, no"
        " layer sees the whole image (Richter et al., arXiv 2106.12307)"
    )


def listing() -> Table:
    """A row for each rule."""
    columns = (
        Column("level", "text", "warning, info or off", hide_order=1),
        Column("finds", "text", "what it finds", hide_order=0),
    )
    known = rules().values()
    rows = tuple(Row(rule.name, "rule", {"level": rule.level, "finds": rule.finds}) for rule in known)
    note = "info does not count; off runs when selected by name, or with --for DEVICE; --explain RULE says more"
    return Table(f"{len(rows)} rules of zoo lint", {"versions": {"zoo": __version__}}, columns, rows, notes=(note,))


def explanation(name: str) -> Table:
    """One rule: what it finds, why that matters, after which source, and the remedy. Raises `ZooError` for an unknown name."""
    known = rules()
    if name not in known:
        raise unknown("rule", name, known, "zoo lint --list shows them")
    rule = known[name]
    device = {"for": rule.device} if rule.device else {}
    about = {"finds": rule.finds, "level": rule.level, **device, "why": rule.why, "source": rule.source, "remedy": rule.remedy}
    return Table(rule.name, {"about": about, "versions": {"zoo": __version__}}, (), ())
