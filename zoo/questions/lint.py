"""What is wrong or wasteful in a model: the findings of the rules in `zoo/linting`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.catalogue.entries import architectures
from zoo.errors import ZooError, unknown
from zoo.linting._network import Network
from zoo.linting._rule import Finding, Hit, Rule, rules
from zoo.analysis.rows import span_of_names
from zoo.models.running import Run, run
from zoo.tables.table import Column, Row, Table
from zoo.tracing.record import Op, Trace
from zoo.util.pausing import no_collection

if TYPE_CHECKING:
    from torch import nn

DEVICES = ("tensor-cores",)


@dataclass(frozen=True)
class Lint:
    """The findings on one model, those that cost most first, and the `table` that shows them.

    It is true if a finding counts (a warning that the model's card does not declare as its paper's design), so that
    `assert not zoo.lint(net, input=...)` is a test, whose failure shows the table.
    """

    findings: tuple[Finding, ...]
    table: Table

    def __bool__(self) -> bool:
        return any(finding.counts for finding in self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        return str(self.table)

    __repr__ = __str__


def lint(
    target: "str | nn.Module",
    *,
    input: Sequence[int] | Sequence[Sequence[int]] | None = None,
    inputs: Any = None,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] = (),
    object: int | None = None,
    device: str | None = None,
    options: Mapping[str, Any] | None = None,
    real: bool = False,
) -> Lint:
    """What is wrong or wasteful in a model, with evidence: a finding for each layer, or row of identical layers.

    `target`, `input`, `inputs`, `options` and `real` are as in `zoo.summary`. `select` names the rules to run, of which "default"
    stands for those that run without it; what is selected by name counts whatever its level. `ignore` names rules to leave out.
    `object` is the side in pixels of the smallest object that a unit must see whole; `device` adds the rules for a device,
    "tensor-cores".

    Raises `ZooError` for whatever the caller got wrong.

    >>> import zoo
    >>> found = zoo.lint("vgg11_bn")
    >>> bool(found), found.findings[0].layer, found.findings[0].rule
    (True, 'classifier.fc6', 'heavy-head')
    """
    chosen = choose(select, ignore, device)
    if object is not None and object < 1:
        raise ZooError(f"object: expected a number of pixels >= 1, got {object}")
    found = run(target, input=input, inputs=inputs, options=options, real=real)

    network = Network(found.trace, object_pixels=object, train=partial(_in_training, target, input, inputs, options, real))
    design = architectures()[found.name].card.by_design if found.name in architectures() else ()
    return inspect(network, chosen, found, design)


def _in_training(target: Any, input: Any, inputs: Any, options: Any, real: bool) -> Trace | None:
    """A forward in training mode, on two images if one is refused, as by a normalisation over one value; None if there is none."""
    twice = (2, *input[1:]) if isinstance(input, tuple) else input
    for batch, sizes in ((1, input), (2, twice)):
        with suppress(ZooError):
            return run(target, input=sizes, inputs=inputs, options=options, real=real, train=True, batch=batch).trace
    return None


def choose(select: Sequence[str] | None = None, ignore: Sequence[str] = (), device: str | None = None) -> list[Rule]:
    """The rules to run. Raises `ZooError` for unknown names."""
    known = rules()
    for name in (*(select or ()), *ignore):
        if name not in known and name != "default":
            raise unknown("rule", name, known, "zoo lint --list shows them")
    if device is not None and device not in DEVICES:
        raise unknown("device", device, DEVICES)
    default = [rule for rule in known.values() if rule.level != "off" or (device is not None and rule.device == device)]
    named = [replace(known[name], level="warning") for name in dict.fromkeys(select or ()) if name != "default"]
    wanted = {rule.name: rule for rule in (default if select is None or "default" in select else [])}
    wanted |= {rule.name: rule for rule in named}
    return [rule for name, rule in wanted.items() if name not in ignore]


@no_collection()
def inspect(network: Network, chosen: Sequence[Rule], found: Run, design: Sequence[str] = ()) -> Lint:
    """The findings of some rules on a network."""
    findings = [finding for rule in chosen for finding in _findings(rule, network, rule.name in design)]
    findings.sort(key=lambda one: (one.by_design, one.level != "warning", -one.cost))
    return Lint(tuple(findings), _table(network, findings, found, len(chosen)))


def _findings(rule: Rule, network: Network, by_design: bool) -> Iterator[Finding]:
    """What a rule finds, identical layers together."""
    together: dict[Any, list[Hit]] = {}
    for hit in rule.check(network):
        key = (network.first_alike(hit.where), hit.what) if isinstance(hit.where, Op) else hit.where
        together.setdefault(key, []).append(hit)
    for hits in together.values():
        names = [hit.where if isinstance(hit.where, str) else network.name(hit.where) for hit in hits]
        saves: dict[str, int] = {}
        for hit in hits:
            for key, number in hit.saves.items():
                saves[key] = saves.get(key, 0) + number
        yield Finding(
            rule=rule.name,
            level=rule.level if rule.level != "off" else "info",
            layer=span_of_names(names[0], names[-1]) if len(names) > 1 else names[0],
            what=hits[0].what,
            evidence=hits[0].evidence,
            why=rule.why,
            source=rule.source,
            remedy=rule.remedy,
            saves=saves,
            cost=network.share(saves),
            times=len(hits),
            by_design=by_design,
        )


_COLUMNS = (
    Column("level", "text", "warning, info, or by design", priority=1),
    Column("finding", "text", "what is wrong or wasteful, with its numbers", priority=0),
    Column("saves", "", "what the remedy saves: parameters, multiply-accumulates", priority=0),
)


def _table(network: Network, findings: Sequence[Finding], found: Run, checked: int) -> Table:
    rows = [
        Row(
            one.layer,
            one.rule,
            {
                "level": "by design" if one.by_design else one.level,
                "finding": one.what,
                "saves": dict(one.saves) or None,
                "evidence": dict(one.evidence),
            },
            one.times,
        )
        for one in findings
    ]
    trace = network.trace
    sizes = ", ".join("×".join(map(str, value.shape)) for value in trace.inputs)
    about = {one.rule: {"why": one.why, "source": one.source, "remedy": one.remedy} for one in findings}
    context = {
        "target": found.name,
        "inputs": [list(value.shape) for value in trace.inputs],
        "mode": trace.mode,
        "rules": about,
        "feasible_input": list(network.feasible) if network.feasible else None,
        "versions": dict(trace.versions),
    }
    counted = sum(one.counts for one in findings)
    title = f"{found.name} · input {sizes} · {counted} {'finding' if counted == 1 else 'findings'} of {checked} rules"
    notes = [f"{name}: {rule['why']} ({rule['source']}.) {rule['remedy']}" for name, rule in about.items()]
    return Table(title, context, _COLUMNS, tuple(rows), notes=(*_feasible(network), *notes, *found.notes))


def _feasible(network: Network) -> Iterator[str]:
    """The range of inputs that suit the network, and how this one stands to it."""
    if network.feasible is None:
        return
    low, high = network.feasible
    yield f"feasible input: {low}...{high} pixels (Richter et al., arXiv 2106.12307)"
