"""Table 1 of Szegedy et al., "Going Deeper with Convolutions" (2014), row by row: which rows can be reproduced."""

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.extend import Arm, Column, Published, Study, Table, arms_table, measure

PRINTED = {  # row: parameters, in units of 1,024 weights, and operations
    "conv1": ("2.7", "34M"),
    "conv2": ("112", "360M"),
    "inception_3a": ("159", "128M"),
    "inception_3b": ("380", "304M"),
    "inception_4a": ("364", "73M"),
    "inception_4b": ("437", "88M"),
    "inception_4c": ("463", "100M"),
    "inception_4d": ("580", "119M"),
    "inception_4e": ("840", "170M"),
    "inception_5a": ("1072", "54M"),
    "inception_5b": ("1388", "71M"),
    "linear": ("1000", "1M"),
}
COLUMNS = (
    Column("params_printed", "K", "parameters in the table, in units of 1,024", hide_order=0),
    Column("weights", "elements", "weights of the layer's filters, without biases", hide_order=0),
    Column("weights_k", "K", "the same in units of 1,024", hide_order=0),
    Column(
        "params_verdict",
        "text",
        "of the weights: from half a unit of the last digit below to a unit above what is printed",
        hide_order=1,
    ),
    Column("biased_k", "K", "weights and biases in units of 1,024", hide_order=2),
    Column("biased_verdict", "text", "of weights and biases, likewise", hide_order=3),
    Column("ops_printed", "as printed", "operations in the table", hide_order=0),
    Column("macs", "multiply-accumulates", "of the layer", hide_order=0),
    Column("ops_verdict", "text", "of the operations", hide_order=1),
)
MULTIPLIER = 8
"""Of the depthwise convolution that explains the first row: 3 maps become 24, and a 1×1 convolution makes 64 of them."""


def run() -> Table:
    """Compare each row of the table with the network built from its filters."""
    from zoo.extend import trace

    table = measure(trace("googlenet"), columns=["macs"], depth=1)
    macs = {row.name: row.cells["macs"] for row in table.rows}
    weights, biased = _weights("weight"), _weights("")
    arms = []
    for name, printed in PRINTED.items():
        parts = [name, "conv2_reduce"] if name == "conv2" else [name]
        counts = [sum(of[part] for part in parts) for of in (weights, biased, macs)]
        arms.append(Arm(name, _cells(*printed, *counts), "row"))
    sums = {column: sum(arm.cells[column] for arm in arms) for column in ("weights", "macs")}
    arms.append(Arm("total", {**sums, "weights_k": round(sums["weights"] / 1024, 1)}, "sum"))
    arms.append(Arm("conv1, depthwise", _cells(*PRINTED["conv1"], *_depthwise()), "reading"))
    return arms_table(
        "googlenet-table-1: which rows of the paper's table reproduce?",
        COLUMNS,
        arms,
        lesson=list(_lesson({arm.name: arm.cells for arm in arms if arm.type == "row"}, arms[-1].cells, sums["macs"])),
    )


def _depthwise() -> tuple[int, int, int]:
    """Weights, weights and biases, and MACs of a depthwise 7×7 convolution and a 1×1 after it, instead of the first row's."""
    from torch import nn

    from zoo.extend import trace
    from zoo.tracing.skeleton import Skeleton

    channels = 3 * MULTIPLIER
    with Skeleton():
        layers = [nn.Conv2d(3, channels, 7, stride=2, padding=3, groups=3), nn.Conv2d(channels, 64, 1)]
        net = nn.Sequential(*layers)
    total = measure(trace(net, input=(1, 3, 224, 224)), columns=["params", "macs"], depth=0).total
    return sum(layer.weight.numel() for layer in layers), total["params"], total["macs"]


def _weights(ending: str) -> dict[str, int]:
    """Elements of the parameters whose names end so, by module of first depth."""
    from zoo.models.targets import resolve

    found: dict[str, int] = {}
    for name, parameter in resolve("googlenet", {}).module.named_parameters():
        if name.endswith(ending):
            module = name.partition(".")[0]
            found[module] = found.get(module, 0) + parameter.numel()
    return found


def _cells(params: str, ops: str, weights: int, biased: int, macs: int) -> dict[str, Any]:
    return {
        "params_printed": params,
        "weights": weights,
        "weights_k": round(weights / 1024, 1),
        "params_verdict": _verdict(weights, params),
        "biased_k": round(biased / 1024, 1),
        "biased_verdict": _verdict(biased, params),
        "ops_printed": ops,
        "macs": macs,
        "ops_verdict": Published(quantity="macs", printed=ops, where="Table 1").verdict(macs),
    }


def _verdict(count: int, printed: str) -> str:
    """Whether so many, in units of 1,024, are what is printed, if they were rounded or cut off."""
    unit = 10.0 ** -len(printed.partition(".")[2])
    return "agrees" if float(printed) - unit / 2 <= count / 1024 < float(printed) + unit else "differs"


def _lesson(rows: Mapping[str, Mapping[str, Any]], depthwise: Mapping[str, Any], macs: int) -> Iterator[str]:
    """Sentences that quote the table."""
    agree, biased = (sum(row[verdict] == "agrees" for row in rows.values()) for verdict in ("params_verdict", "biased_verdict"))
    off = [name for name, row in rows.items() if row["ops_verdict"] == "differs"]
    yield f"Of {len(rows)} rows the operations of {len(rows) - len(off)} follow from the row's own filters, the weights of {agree};"
    yield f"weights with biases fit in {biased} rows."
    if "conv1" in off and depthwise["ops_verdict"] != "differs":
        yield "The first row is not a full 7×7 convolution from 3 to 64 maps: a depthwise one of multiplier"
        yield f"{MULTIPLIER}, then a 1×1 convolution, has {depthwise['weights']:,} weights and {depthwise['macs']:,}"
        yield "multiply-accumulates, which is what the table prints."
    for name in off:
        if name != "conv1":
            yield f"Row {name} does not fit its filters{_consistency(rows[name])}."
    yield f"The network that the filters make has {macs:,} multiply-accumulates."


def _consistency(row: Mapping[str, Any]) -> str:
    """What to say if so many weights as are printed, on maps of this row's size, take the operations that are printed."""
    positions = row["macs"] // row["weights"]
    operations = round(float(row["params_printed"]) * 1024) * positions
    verdict = Published(quantity="macs", printed=row["ops_printed"], where="Table 1").verdict(operations)
    return "" if verdict == "differs" else ", though its two numbers fit each other"


STUDY = Study("googlenet-table-1", "Which rows of the paper's Table 1 can be reproduced?", run)
