"""Cross-check numbers against independent sources: the card, torch's counter, torchvision's metadata, an experiment."""

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
from zoo.models.importing import beside_target
from zoo.models.running import run, trace_subject
from zoo.models.targets import Subject, resolve
from zoo.record.inputs import Input, settled
from zoo.record.trace import Trace
from zoo.tables.table import Column, Row, Table
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError
from zoo.util.text import sizes

if TYPE_CHECKING:
    from torch import nn

COLUMNS = (
    Column("ours", "count", "what the analyzer computes", hide_order=0),
    Column("theirs", "count", "what the oracle says", hide_order=0),
    Column("verdict", "text", "equal, rounded, truncated, explained or differs", hide_order=0),
    Column("why", "text", "where the oracle counts otherwise", hide_order=0),
)
AGREE = frozenset({"equal", "rounded", "truncated", "explained", "not checked"})


Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Check:
    """A number of `zoo` and of an independent source. `why` explains a difference; without it, the verdict is "differs"."""

    quantity: str
    oracle: str
    ours: Any
    theirs: Any
    why: str = ""
    verdict: str = ""

    def row(self) -> Row:
        """Return the row of the table."""
        verdict = self.verdict or ("equal" if self.ours == self.theirs else "explained" if self.why else "differs")
        why = None if verdict == "equal" else self.why or None
        return Row(self.quantity, self.oracle, {"ours": self.ours, "theirs": self.theirs, "verdict": verdict, "why": why})


@undisturbed
@beside_target
def verify(
    target: "str | nn.Module",
    *,
    input: Any = None,
    inputs: Any = None,
    batch: int = 1,
    train: bool = False,
    real: bool = False,
    options: Mapping[str, Any] | None = None,
    rf: bool = False,
    progress: Progress | None = None,
) -> Table:
    """Cross-check the numbers of a model: return a row for each number and each independent source that is available.

    Arguments:
        target: A TARGET or a module, as `zoo.trace` takes them.
        input, inputs, batch, train, real, options: As in `zoo.trace`. The numbers of the card and of torchvision are checked for
            the model's own input and options; the counters of other tools are used for one tensor in evaluation mode.
        rf: Add the experiment on receptive fields: a NaN in one pixel reaches exactly the units whose window contains it. This
            allocates the network's weights.
        progress: Called with the amount of the experiment done, the total amount, and the name of the item.

    Returns:
        A `Table` with a verdict in each row; `zoo.questions.verify.differences` returns those that disagree.

    Raises:
        ZooError: As `zoo.trace`, and for a graph file or a `Trace`, because they cannot be run.

    Example:
        >>> {row.cells["verdict"] for row in zoo.verify("lenet5").rows} <= {"equal", "rounded", "explained", "not checked"}
        True
    """
    shapes, ready = settled(input, inputs, batch)
    given = shapes is not None or ready is not None
    subject = resolve(target, options or {}, train=train)
    shape: Any = shapes if given else subject.shape(batch)
    trace = trace_subject(subject, shape, ready, train, real)
    total = _total(trace)
    usual = not (given or train or options) and batch == 1
    checks = [*_of_card(subject, total, usual), *_of_torchvision(subject, total, usual), _parameters(subject, total)]
    plain = isinstance(shape, tuple) and not isinstance(shape, Input) and not (train or real)
    if plain:
        checks += [_flop_counter(subject, trace, shape, total["macs"]), *_fvcore(subject, trace, shape, total["macs"])]
    else:
        checks.append(_unchecked("macs", "FlopCounterMode / 2", total["macs"], "compared for one shape in evaluation mode only"))
    if rf and not plain:
        raise ZooError("the experiment on receptive fields requires one shape, in evaluation mode and without --real")
    if rf:
        checks += _experiment(subject.module, trace, shape, progress)
    return _table(trace, checks, rf)


def _table(trace: Trace, checks: Sequence[Check], rf: bool) -> Table:
    inputs = [list(value.shape) for value in trace.inputs]
    context = {"target": trace.target, "inputs": inputs, "convention": "pure", "versions": dict(trace.versions)}
    title = f"{trace.target} · input {', '.join(map(sizes, inputs))} · cross-check"
    notes = (_COUNTED if rf else "use --rf to add the experiment on receptive fields",)
    return Table(title, context, COLUMNS, tuple(check.row() for check in checks), notes=notes)


_COUNTED = "rf: number of units that should see a row of pixels set to NaN, and number that did, summed over several rows"


def differences(table: Table) -> list[str]:
    """Describe the rows of a table of `verify` whose difference is not explained."""
    return [
        f"{row.name}: {row.cells['ours']} against {row.cells['theirs']} of {row.type}"
        + (f" ({row.cells['why']})" if row.cells["why"] else "")
        for row in table.rows
        if row.cells["verdict"] not in AGREE
    ]


def _total(trace: Trace) -> Mapping[str, Any]:
    return measure(trace, columns=["params", "macs", "depth", "connections"], depth=0).total


def _of_card(subject: Subject, total: Mapping[str, Any], default: bool) -> Iterator[Check]:
    """Yield checks of the numbers on the card, and of those that its sources print."""
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
    """Yield checks of the metadata that torchvision publishes with its weights, which include auxiliary heads of segmenters."""
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
    """Check the number of distinct parameter elements against `module.parameters()`."""
    return Check("params", "module.parameters()", total["params"], sum(p.numel() for p in subject.module.parameters()))


def _flop_counter(subject: Subject, trace: Trace, shape: Sequence[int], ours: Any) -> Check:
    """Check MACs against FlopCounterMode. Ops for which it has no formula explain a difference of their size."""
    try:
        theirs = flop_counter(subject.module, shape)
    except Exception as error:
        return _unchecked("macs", "FlopCounterMode / 2", ours, error)
    known = measure(trace, columns=["macs"], depth=0, convention="torch").total["macs"] == theirs
    missed = unseen("torch", trace) if known else None
    why = f"counted here, not there: {missed.missed}" if missed else "as convention torch counts" if known else ""
    return Check("macs", "FlopCounterMode / 2", ours, theirs, why)


_MOST = 50 * 10**9
"""The largest number of MACs for which a model is run for a check; about a second per 10,000,000,000."""


def _fvcore(subject: Subject, trace: Trace, shape: Sequence[int], macs: Any) -> Iterator[Check]:
    """Check MACs under the convention `fvcore` against fvcore, if it is installed."""
    ours = measure(trace, columns=["macs"], depth=0, convention="fvcore").total["macs"]
    if not isinstance(macs, int) or macs > _MOST:
        why = "would take too long" if isinstance(macs, int) else "has ops of unknown cost"
        yield _unchecked("macs as fvcore", "fvcore", ours, f"fvcore runs the forward pass, which {why}")
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
    yield Check("macs as fvcore", "fvcore", ours, total, "fvcore rounds the number of an einsum" if rounded else "")


def _unchecked(quantity: str, oracle: str, ours: Any, why: object) -> Check:
    reason = str(why).strip().partition("\n")[0]
    named = f"it raises {type(why).__name__}: {reason}" if isinstance(why, Exception) else reason
    return Check(quantity, oracle, ours, None, named, "not checked")


def _experiment(module: "nn.Module", trace: Trace, shape: Sequence[int], progress: Progress | None) -> Iterator[Check]:
    """Yield, for each module with a receptive field, how many units NaNs should have reached, and how many they did."""
    from zoo.analysis.experiment import experiment

    for found in experiment(module, trace, shape, progress=progress):
        yield Check(f"rf of {found.path or 'the output'}", "experiment", found.predicted, found.reached, found.why, found.verdict)
