"""One network under every convention: the number of each tool, and the layers that cause the differences."""

from typing import Annotated, Any

from zoo.analysis.conventions import load, names
from zoo.extend import Arm, Column, Sizes, Study, Table, TargetName, Trace, arms_table, measure, ratio_text

COLUMNS = (
    Column("prints", "as printed", "the number that the tool prints", hide_order=0),
    Column("calls_it", "text", "what the tool calls it", hide_order=1),
    Column("figure", "multiply-accumulates", "the same with one for each multiply-accumulate", hide_order=0),
    Column("difference", "text", "against pure, by the layers that make it, largest first", hide_order=0),
)
_SHOWN = 4
CALLED = {"pure": "MACs", "fvcore": "flops", "ptflops": "MACs", "thop": "MACs", "torch": "FLOPs", "torchinfo": "mult-adds"}
_DOUBLE = frozenset({"torch"})
"""Tools that print two for each multiply-accumulate."""


def run(
    on: Annotated[TargetName | None, "use this network instead"] = None,
    input: Annotated[Sizes | None, "its input size without batch, such as 3x320x320"] = None,
) -> Table:
    """Compare conventions for AlexNet and ResNet-50, or for the network `on`."""
    from zoo.extend import trace

    traces = [trace(target, input=(1, *input) if input else None) for target in ([on] if on else ["alexnet", "resnet50"])]
    arms = [arm for trace in traces for arm in _arms(trace)]
    lesson = [sentence for found in traces for sentence in _sentences(found.target, arms)]
    lesson.append("State the convention with every number.")
    title = "conventions: how many MACs do other tools report?"
    return arms_table(title, COLUMNS, arms, ratios=("figure",), lesson=lesson, context={"convention": "that of each row"})


def _sentences(target: str, arms: list[Arm]) -> list[str]:
    """What the tools print of one network, and how far apart they are in one unit."""
    low, high = (pick([arm.cells["prints"] for arm in arms if arm.type == target]) for pick in (min, max))
    least, most = (pick([arm.cells["figure"] for arm in arms if arm.type == target]) for pick in (min, max))
    if high == low:
        return [f"For {target} all print {low:,}."]
    said = f"For {target} the tools print from {low:,} to {high:,}"
    said += _apart(low, high)
    if most == least:
        return [f"{said}; with one for each multiply-accumulate all have {least:,}."]
    return [f"{said}; with one for each multiply-accumulate from {least:,} to {most:,}{_apart(least, most)}."]


def _apart(low: int, high: int) -> str:
    """How far the largest is above the least."""
    if not low:
        return ""
    return f", {ratio_text(high, low)} times the least" if high >= 2 * low else f", {100 * (high - low) / low:.2g}% above the least"


def _arms(trace: Trace) -> list[Arm]:
    costs = {name: measure(trace, columns=["macs"], convention=name) for name in names()}
    pure = _by_type(costs["pure"])
    arms = []
    for name, table in costs.items():
        found = _by_type(table)
        changes = {kind: found[kind] - pure[kind] for kind in pure if found[kind] != pure[kind]}
        figure = _known(table.total["macs"])
        cells = {
            "prints": _flops(trace, name) if name in _DOUBLE else figure,
            "calls_it": CALLED.get(name, "macs"),
            "figure": figure,
            "difference": load(name).says if name == "pure" else _words(changes) or "none",
        }
        arms.append(Arm(name, cells, trace.target))
    return arms


def _flops(trace: Trace, convention: str) -> int:
    return _known(measure(trace, columns=["flops"], convention=convention, depth=0).total["flops"])


def _by_type(table: Table) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in table.rows:
        sums[row.type] = sums.get(row.type, 0) + _known(row.cells["macs"])
    return sums


def _known(cell: Any) -> int:
    return int(cell["at_least"] if isinstance(cell, dict) else cell)


def _words(changes: dict[str, int]) -> str:
    largest = sorted(changes, key=lambda kind: -abs(changes[kind]))
    words = [f"{kind} {changes[kind]:+,}" for kind in largest[:_SHOWN]]
    if rest := sum(changes[kind] for kind in largest[_SHOWN:]):
        words.append(f"others {rest:+,}")
    return ", ".join(words)


STUDY = Study("conventions", "How many MACs do other tools report?", run)
