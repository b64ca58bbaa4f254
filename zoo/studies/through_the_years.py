"""The catalogue in order of year. Everything but the year is computed from the networks."""

from collections.abc import Mapping
from typing import Any

from zoo.extend import Arm, Column, Study, Table, arms_table, card, list_models, short

COLUMNS = (
    Column("year", "year", "of the paper that describes it; a variant has none", hide_order=0),
    Column("params", "elements", "parameters", hide_order=0),
    Column("macs", "multiply-accumulates", "MACs for one image of the card's input", hide_order=0),
    Column("reuse", "ratio", "MACs per parameter: how often each parameter is used", hide_order=1),
    Column("depth", "layers", "layers with weights on the longest path", hide_order=1),
    Column("rf", "pixels", "side of the receptive field of one unit of the last feature maps", hide_order=2),
    Column("after", "networks", "of the catalogue that it was made from", hide_order=3),
    Column("input", "elements per axis", "channels, height, width", hide_order=4),
)


def run() -> Table:
    """Return a row for each network of the catalogue."""
    arms = [Arm(name, _cells(name), "variant" if _is_variant(name) else "network") for name in list_models()]
    return arms_table(
        "through-the-years: how have networks grown?",
        COLUMNS,
        arms,
        notes=[
            "year: of the paper that describes the network; a variant was made later, by a library or for lectures, from the "
            "network that after names, and has no year of its own",
            "rf: of the last feature maps of more than one unit",
        ],
        lesson=_lesson({arm.name: arm.cells for arm in arms if arm.type == "network"}),
    )


def _is_variant(name: str) -> bool:
    """Whether no paper describes a network that was made from another: its card cites a library alone, or nothing."""
    found = card(name)
    return bool(found.parents) and "paper" not in found.sources and ("torchvision" in found.sources or not found.sources)


def _cells(name: str) -> dict[str, Any]:
    from zoo.extend import measure, trace

    found = trace(name)
    table = measure(found, columns=["output", "params", "macs", "depth", "rf"])
    fields = [(row.cells["output"], row.cells["rf"]) for row in table.rows if row.cells["output"]]
    maps = [field for output, field in fields if max(output[2:], default=1) > 1 and field and "size" in field]
    total = table.total
    return {
        "year": None if _is_variant(name) else card(name).year,
        **{column: total[column] for column in ("params", "macs", "depth")},
        "reuse": float(f"{total['macs'] / total['params']:.6g}"),
        "rf": max(maps[-1]["size"]) if maps else None,
        "after": ", ".join(card(name).parents) or None,
        "input": list(found.inputs[0].shape[1:]),
    }


def _lesson(cells: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sentences that quote the table."""
    first = next(iter(cells))
    big, busy, deep, reused = (max(cells, key=lambda name: cells[name][column]) for column in ("params", "macs", "depth", "reuse"))
    spared = min(cells, key=lambda name: cells[name]["reuse"])

    def dated(name: str) -> str:
        return f"{name} ({cells[name]['year']})"

    return [
        f"From {dated(first)} to {dated(deep)}, depth grew from {cells[first]['depth']} to {cells[deep]['depth']:,} layers.",
        f"{dated(big)} has the most parameters, {short(cells[big]['params'])}, and {dated(busy)} the most MACs,",
        f"{short(cells[busy]['macs'])}. An image uses each parameter {_times(cells[spared]['reuse'])} times in {spared} and",
        f"{_times(cells[reused]['reuse'])} times in {reused}: a convolution uses its weights at every position, a fully connected",
        "layer once.",
    ]


def _times(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


STUDY = Study("through-the-years", "How have networks grown in parameters, MACs, depth and receptive field?", run)
