"""Table 1 of Szegedy et al., "Going Deeper with Convolutions" (2014), row by row: which rows can be reproduced."""

from collections.abc import Mapping, Sequence
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
    Column("params_verdict", "text", "of the parameters, within one unit of the last printed digit", hide_order=1),
    Column("ops_printed", "as printed", "operations in the table", hide_order=0),
    Column("macs", "multiply-accumulates", "of the layer", hide_order=0),
    Column("ops_verdict", "text", "of the operations", hide_order=1),
)


def run() -> Table:
    """Compare each row of the table with the network built from its filters."""
    from zoo.extend import trace

    table = measure(trace("googlenet"), columns=["macs"], depth=1)
    macs = {row.name: row.cells["macs"] for row in table.rows}
    weights = _weights()
    arms = [Arm(name, _cells(name, *printed, weights, macs), "row") for name, printed in PRINTED.items()]
    sums = {column: sum(arm.cells[column] for arm in arms) for column in ("weights", "macs")}
    arms.append(Arm("total", {**sums, "weights_k": round(sums["weights"] / 1024, 1)}, "sum"))
    return arms_table(
        "googlenet-table-1: which rows of the paper's table can be reproduced?",
        COLUMNS,
        arms,
        lesson=_lesson([arm.cells for arm in arms]),
    )


def _weights() -> dict[str, int]:
    """Return weights without biases by top-level module."""
    from zoo.models.targets import resolve

    found: dict[str, int] = {}
    for name, parameter in resolve("googlenet", {}).module.named_parameters():
        if name.endswith("weight"):
            module = name.partition(".")[0]
            found[module] = found.get(module, 0) + parameter.numel()
    return found


def _cells(name: str, params: str, ops: str, weights: Mapping[str, int], macs: Mapping[str, int]) -> dict[str, Any]:
    parts = [name, "conv2_reduce"] if name == "conv2" else [name]
    own, work = sum(weights[part] for part in parts), sum(macs[part] for part in parts)
    return {
        "params_printed": params,
        "weights": own,
        "weights_k": round(own / 1024, 1),
        "params_verdict": "agrees" if abs(own / 1024 - float(params)) < 1 else "differs",
        "ops_printed": ops,
        "macs": work,
        "ops_verdict": Published(quantity="macs", printed=ops, where="Table 1").verdict(work),
    }


def _lesson(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    agree = sum(row.get("params_verdict") == "agrees" for row in rows)
    operations = sum(row.get("ops_verdict", "differs") != "differs" for row in rows)
    return [
        f"Of {len(PRINTED)} rows, the operations of {operations} and the parameters of {agree} follow from the filters in the row.",
        "The numbers of the first row are not those of a 7×7 convolution from 3 to 64 maps. Those of row 5a agree with",
        f"each other, but not with its filters. The network built from the filters has {rows[-1]['macs']:,} multiply-accumulates.",
    ]


STUDY = Study("googlenet-table-1", "Which rows of the paper's Table 1 can be reproduced?", run)
