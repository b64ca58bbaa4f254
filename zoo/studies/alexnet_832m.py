"""The slide on which AlexNet has 60 million parameters and 832 million FLOPs, layer by layer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.extend import Arm, Column, Published, Study, Table, arms_table, ratio_text

PRINTED = {  # layer: parameters and FLOPs on the slide
    "fc8": ("4M", "4M"),
    "fc7": ("16M", "16M"),
    "fc6": ("37M", "37M"),
    "conv5": ("442K", "74M"),
    "conv4": ("1.3M", "224M"),
    "conv3": ("884K", "149M"),
    "conv2": ("307K", "223M"),
    "conv1": ("35K", "105M"),
}
TOTAL = ("60M", "832M")
UNGROUPED = "ungrouped"
COLUMNS = (
    Column("params_printed", "as printed", "parameters on the slide", hide_order=0),
    Column("params", "elements", "weights of the published network, without biases", hide_order=0),
    Column("macs_printed", "as printed", "FLOPs on the slide, one for each multiply-accumulate", hide_order=0),
    Column("macs", "multiply-accumulates", "of the published network", hide_order=0),
    Column("ungrouped", "multiply-accumulates", "of the layer if it read all maps, without groups", hide_order=2),
    Column("verdict", "text", "of the FLOPs, compared with the published network", hide_order=1),
)


def run() -> Table:
    """Compare the slide's rows with the published network and with its ungrouped version."""
    grouped, full = _weights("alexnet"), _weights("alexnet_ungrouped")
    arms = []
    for layer, (params, macs) in PRINTED.items():
        cells = {"params_printed": params, "macs_printed": macs, **grouped[layer], "ungrouped": full[layer]["macs"]}
        arms.append(Arm(layer, {**cells, "verdict": _verdict(macs, grouped[layer]["macs"], full[layer]["macs"])}, "layer"))
    sums = {name: sum(arm.cells[name] for arm in arms) for name in ("params", "macs")}
    printed = {"params_printed": TOTAL[0], "macs_printed": TOTAL[1]}
    verdict = Published(quantity="macs", printed=TOTAL[1], where="slide").verdict(sums["macs"])
    arms.append(
        Arm("total", {**printed, **sums, "ungrouped": sum(arm.cells["ungrouped"] for arm in arms), "verdict": verdict}, "sum")
    )
    readings = {arm.name: arm.cells["verdict"] for arm in arms}
    ungrouped = [name for name, verdict in readings.items() if UNGROUPED in verdict and "differs" not in verdict]
    slide = _slide(grouped, full, ungrouped)
    arms.append(Arm("as the slide counts", slide, "sum"))
    return arms_table(
        "alexnet-832m: where do AlexNet's 832 million FLOPs come from?",
        COLUMNS,
        arms,
        lesson=list(_lesson(arms, sums, slide, ungrouped)),
    )


Layers = Mapping[str, Mapping[str, Any]]


def _slide(grouped: Layers, full: Layers, ungrouped: Sequence[str]) -> dict[str, int]:
    """Return exact sums in the slide's convention: some layers without their groups, all others as published."""
    own = {name: full[name] if name in ungrouped else cells for name, cells in grouped.items()}
    return {name: sum(layer[name] for layer in own.values()) for name in ("params", "macs")}


def _weights(name: str) -> Layers:
    """Return weights, without biases, and MACs by layer."""
    from zoo.extend import macs, trace

    ops = trace(name).ops
    weighted = [(op, weight) for op in ops if (weight := op.input("weight")) is not None]
    names = [param.name.partition(".")[0] for op, _ in weighted for param in op.owns if param.name.endswith("weight")]

    return {layer: {"params": weight.numel, "macs": macs(op)} for layer, (op, weight) in zip(names, weighted, strict=True)}


def _verdict(printed: str, grouped: int, full: int) -> str:
    slide = Published(quantity="macs", printed=printed, where="slide")
    if (verdict := slide.verdict(grouped)) != "differs":
        return verdict
    return f"{UNGROUPED}, {slide.verdict(full)}"


def _lesson(arms: Sequence[Arm], sums: Mapping[str, int], slide: Mapping[str, int], ungrouped: Sequence[str]) -> Iterator[str]:
    """Sentences that quote the table."""
    rows = sum(int(Published(quantity="macs", printed=macs, where="slide").value) for _, macs in PRINTED.values())
    layers = {arm.name: arm.cells for arm in arms if arm.type == "layer"}
    cut = sum("truncated" in cells["verdict"] for cells in layers.values())
    off = [name for name, cells in layers.items() if "differs" in cells["verdict"]]
    follow = f"{len(layers) - len(off)} of its {len(layers)}" if off else f"all {len(layers)}"
    agree = f"{follow} rows follow, {cut} of them truncated"
    yield f"The slide counts one FLOP for each multiply-accumulate: so read, {agree}, and its rows add up to {rows // 10**6}M."
    grouped = [name for name, cells in layers.items() if cells["macs"] != cells["ungrouped"] and name not in [*ungrouped, *off]]
    if grouped:
        yield f"{_listed(grouped)} {'is' if len(grouped) == 1 else 'are'} grouped as in the paper."
    for name in ungrouped:
        cells = layers[name]
        yield f"{name} is not: {cells['ungrouped']:,} are {ratio_text(cells['ungrouped'], cells['macs'])} times the MACs that the"
        yield "published network has there."
    if off:
        yield f"{_listed(off)} {'fits' if len(off) == 1 else 'fit'} neither."
    yield f"Without truncation, its way of counting gives {slide['params']:,} weights and {slide['macs']:,} multiply-accumulates."
    yield f"The published network has {sums['params']:,} weights and {sums['macs']:,} multiply-accumulates."


def _listed(names: Sequence[str]) -> str:
    """conv2, conv4 and conv5."""
    *most, last = sorted(names)
    return f"{', '.join(most)} and {last}" if most else last


STUDY = Study("alexnet-832m", "Where do AlexNet's 832 million FLOPs come from?", run)
