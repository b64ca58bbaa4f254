"""Our numbers against independent ones: the card's sources, torch's own counter, torchvision's metadata, an experiment."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import TYPE_CHECKING, Any

from zoo.analysis.conventions import unseen
from zoo.analysis.counters import flop_counter, fvcore
from zoo.analysis.measure import measure
from zoo.catalogue.card import Card
from zoo.catalogue.entries import card
from zoo.catalogue.published import Published
from zoo.errors import ZooError
from zoo.models.importing import neighbours
from zoo.models.running import run, trace_subject
from zoo.models.targets import Subject, resolve
from zoo.tables.table import Column, Row, Table
from zoo.tracing.record import Trace
from zoo.util.process import undisturbed

if TYPE_CHECKING:
    from torch import nn

COLUMNS = (
    Column("ours", "count", "what the analyzer computes", priority=0),
    Column("theirs", "count", "what the oracle says", priority=0),
    Column("verdict", "text", "equal, rounded, truncated, explained or differs", priority=0),
    Column("why", "text", "where the oracle counts otherwise", priority=0),
)
AGREE = frozenset({"equal", "rounded", "truncated", "explained", "not checked"})


Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Check:
    """One number of ours and of an oracle's. `why` explains a difference; without it a difference stands."""

    quantity: str
    oracle: str
    ours: Any
    theirs: Any
    why: str = ""
    verdict: str = ""

    def row(self) -> Row:
        """As a row of the table."""
        verdict = self.verdict or ("equal" if self.ours == self.theirs else "explained" if self.why else "differs")
        why = None if verdict == "equal" else self.why or None
        return Row(self.quantity, self.oracle, {"ours": self.ours, "theirs": self.theirs, "verdict": verdict, "why": why})


@undisturbed
def verify(
    target: "str | nn.Module", *, input: Sequence[int] | None = None, rf: bool = False, progress: Progress | None = None
) -> Table:
    """A row for each number and oracle that there is for the model.

    `rf` adds the experiment on receptive fields: a NaN in one pixel reaches exactly the units whose window holds it. For that the
    network's weights are allocated, and `progress` is called with how much of it is done, how much there is, and its name. Raises
    `ZooError` as `summary` does.
    """
    with neighbours(target):
        subject = resolve(target, {})
        shape = tuple(input or (1, *subject.input))
        trace = trace_subject(subject, shape, None, False)
    total = _total(trace)
    checks = [*_of_card(subject, total, input is None), *_of_torchvision(subject, total, input is None)]
    checks += [_parameters(subject, total), _flop_counter(subject, trace, shape, total["macs"])]
    checks += _fvcore(subject, trace, shape, total["macs"])
    if rf:
        checks += _experiment(subject.module, trace, shape, progress)
    notes = [_COUNTED if rf else "--rf adds the experiment on receptive fields"]
    rows = tuple(check.row() for check in checks)
    context = {"target": subject.name, "inputs": [list(shape)], "convention": "pure", "versions": dict(trace.versions)}
    return Table(
        f"{subject.name} · input {'×'.join(map(str, shape))} · our numbers against others",
        context,
        COLUMNS,
        rows,
        notes=tuple(notes),
    )


_COUNTED = "rf: units that should see one of the rows of pixels that were poisoned, and units that did, over all these rows"


def differences(table: Table) -> list[str]:
    """The rows of a table of `verify` in which a difference is not explained, in words."""
    return [
        f"{row.name}: {row.cells['ours']} against {row.cells['theirs']} of {row.type}"
        for row in table.rows
        if row.cells["verdict"] not in AGREE
    ]


def _total(trace: Trace) -> Mapping[str, Any]:
    return measure(trace, columns=["params", "macs", "depth", "connections"], depth=0).total


def _of_card(subject: Subject, total: Mapping[str, Any], default: bool) -> Iterator[Check]:
    """The card's own claims, and the numbers that its sources print."""
    claimed = _card(subject.name)
    if claimed is None or not default:
        return
    for quantity in ("params", "macs", "depth", "connections"):
        if (claim := getattr(claimed, quantity)) is not None:
            yield Check(quantity, "card", total[quantity], claim)
    for one in claimed.published:
        if one.quantity in total:
            yield _published(one, total[one.quantity])


def _card(name: str) -> Card | None:
    try:
        return card(name)
    except ZooError:
        return None


def _published(one: Published, ours: int) -> Check:
    return Check(one.quantity, one.where, ours, one.printed, one.note, one.verdict(ours))


def _of_torchvision(subject: Subject, total: Mapping[str, Any], default: bool) -> Iterator[Check]:
    """The metadata of the weights that torchvision publishes for the same topology; segmenters have an auxiliary head there."""
    claimed = _card(subject.name)
    name = subject.name.removeprefix("torchvision:") if ":" in subject.name else claimed.torchvision if claimed else ""
    if not name or not default:
        return
    try:
        from torchvision import models

        meta = models.get_model_weights(name).DEFAULT.meta
    except (ImportError, ValueError, AttributeError):
        return
    head = ""
    if subject.name.startswith("torchvision:") and "aux_loss" in signature(models.get_model_builder(name)).parameters:
        head, total = " with aux_loss", _total(run(subject.name, options={"aux_loss": True}).trace)
    operations = Published(quantity="macs", printed=f"{meta['_ops']}G", where="torchvision")
    yield Check(f"params{head}", "torchvision", total["params"], meta["num_params"])
    yield replace(_published(operations, total["macs"]), quantity=f"macs{head}")


def _parameters(subject: Subject, total: Mapping[str, Any]) -> Check:
    """Distinct elements, by torch's own walk over the module."""
    return Check("params", "module.parameters()", total["params"], sum(p.numel() for p in subject.module.parameters()))


def _flop_counter(subject: Subject, trace: Trace, shape: Sequence[int], ours: Any) -> Check:
    """torch's own counter. What it does not count is known, op by op, and explains as much."""
    try:
        theirs = flop_counter(subject.module, shape)
    except Exception as error:
        return _unchecked("macs", "FlopCounterMode / 2", ours, error)
    known = measure(trace, columns=["macs"], depth=0, convention="torch").total["macs"] == theirs
    return Check("macs", "FlopCounterMode / 2", ours, theirs, f"counted here, not there: {unseen('torch', trace)}" if known else "")


_MOST = 50 * 10**9
"""Multiply-accumulates up to which a model is computed for the sake of a check: a second or so for every ten thousand million."""


def _fvcore(subject: Subject, trace: Trace, shape: Sequence[int], macs: Any) -> Iterator[Check]:
    """fvcore, if it is installed, against our figure by its convention."""
    ours = measure(trace, columns=["macs"], depth=0, convention="fvcore").total["macs"]
    if not isinstance(macs, int) or macs > _MOST:
        yield _unchecked("macs as fvcore", "fvcore", ours, "fvcore computes the forward, which would take long")
        return
    try:
        theirs = fvcore(subject.module, shape)
    except ImportError:
        return
    except Exception as error:
        yield _unchecked("macs as fvcore", "fvcore", ours, error)
        return
    total = sum(theirs.values())
    rounded = 0 < abs(ours - total) * 1000 <= theirs.get("einsum", 0)
    yield Check("macs as fvcore", "fvcore", ours, total, "fvcore rounds its figure of an einsum" if rounded else "")


def _unchecked(quantity: str, oracle: str, ours: Any, why: object) -> Check:
    reason = str(why).strip().partition("\n")[0]
    named = f"it raises {type(why).__name__}: {reason}" if isinstance(why, Exception) else reason
    return Check(quantity, oracle, ours, None, named, "not checked")


def _experiment(module: "nn.Module", trace: Trace, shape: Sequence[int], progress: Progress | None) -> Iterator[Check]:
    """For each module with maps and a window: how many units should have been reached, and how many were."""
    from zoo.receptive.experiment import experiment

    for found in experiment(module, trace, shape, progress=progress):
        yield Check(f"rf of {found.path}", "experiment", found.predicted, found.reached, found.why, found.verdict)
