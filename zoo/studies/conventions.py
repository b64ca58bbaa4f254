"""One network under every convention: the number of each tool, and the layers that cause the differences."""

from typing import Annotated, Any

from zoo.analysis.conventions import load, names
from zoo.extend import Arm, Column, Sizes, Study, Table, TargetName, Trace, arms_table, measure, ratio_text

COLUMNS = (
    Column("figure", "multiply-accumulates", "MACs under the convention", hide_order=0),
    Column("difference", "text", "difference from pure, by layer, largest first", hide_order=0),
)
_SHOWN = 4


def run(
    on: Annotated[TargetName | None, "use this network instead"] = None,
    input: Annotated[Sizes | None, "its input size without batch, such as 3x320x320"] = None,
) -> Table:
    """Compare conventions for AlexNet and ResNet-50, or for the network `on`."""
    from zoo.extend import trace

    traces = [trace(target, input=(1, *input) if input else None) for target in ([on] if on else ["alexnet", "resnet50"])]
    arms = [arm for trace in traces for arm in _arms(trace)]
    figures = [arm.cells["figure"] for arm in arms if arm.type == traces[-1].target]
    low, high = min(figures), max(figures)
    said = f"differ by a factor of {ratio_text(high, low)}" if low and high > low else "agree"
    lesson = [f"For {traces[-1].target} the tools {said}: from {low:,} to {high:,} MACs. State the convention with every number."]
    title = "conventions: how many MACs do other tools report?"
    return arms_table(title, COLUMNS, arms, ratios=("figure",), lesson=lesson, context={"convention": "that of each row"})


def _arms(trace: Trace) -> list[Arm]:
    costs = {name: measure(trace, columns=["macs"], convention=name) for name in names()}
    pure = _by_type(costs["pure"])
    arms = []
    for name, table in costs.items():
        found = _by_type(table)
        changes = {kind: found[kind] - pure[kind] for kind in pure if found[kind] != pure[kind]}
        cells = {
            "figure": _known(table.total["macs"]),
            "difference": load(name).says if name == "pure" else _words(changes) or "none",
        }
        arms.append(Arm(name, cells, trace.target))
    return arms


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
