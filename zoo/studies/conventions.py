"""One network under every convention: what each tool would say, and which layers make the difference."""

from typing import Annotated, Any

from zoo.analysis.conventions import load, names
from zoo.extend import Arm, Column, Sizes, Study, Table, TargetName, Trace, arms_table, measure, ratio_text

COLUMNS = (
    Column("figure", "multiply-accumulates", "what macs are under the convention", hide_order=0),
    Column("difference", "text", "against pure, by the layers that make it, largest first", hide_order=0),
)
_SHOWN = 4


def run(
    on: Annotated[TargetName | None, "measure this network instead"] = None,
    input: Annotated[Sizes | None, "the networks' input without batch, such as 3x320x320"] = None,
) -> Table:
    """The figures of AlexNet and ResNet-50, or of the network `on`, by every convention."""
    from zoo.extend import trace

    traces = [trace(target, input=(1, *input) if input else None) for target in ([on] if on else ["alexnet", "resnet50"])]
    arms = [arm for trace in traces for arm in _arms(trace)]
    figures = [arm.cells["figure"] for arm in arms if arm.type == traces[-1].target]
    low, high = min(figures), max(figures)
    said = f"{ratio_text(high, low)} times apart" if low and high > low else "one figure"
    lesson = [f"For {traces[-1].target} the tools are {said}: from {low:,} to {high:,}. A figure is worth its convention's name."]
    title = "conventions: what would other tools say of this network?"
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


STUDY = Study("conventions", "What would other tools say of this network?", run)
