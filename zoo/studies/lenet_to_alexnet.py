"""From LeNet to AlexNet: a table from lectures, with the convention of each number."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zoo.extend import Arm, Column, Published, Study, Table, arms_table, measure, sizes

NETWORKS = ("lenet1989", "lenet5", "alexnet")
COLUMNS = (
    Column("printed", "as printed", "the number in the lecture", hide_order=0),
    Column("computed", "count", "the number under the convention", hide_order=0),
    Column("verdict", "text", "equal, rounded, truncated, or differs", hide_order=0),
    Column("convention", "text", "what is counted", hide_order=0),
)
TASKS = {  # task, classes, image, training examples, passes: what the papers trained on
    "lenet1989": ("zip codes", 10, (16, 16, 1), 7_291, 23),
    "lenet5": ("digits", 10, (32, 32, 1), 60_000, 20),
    "alexnet": ("ImageNet", 1000, (227, 227, 3), 1_200_000, 90),
}
_CAPTION_CONV1 = 253_440
"""Units of conv1 in the caption of AlexNet's figure 2, instead of 55×55×96."""
PRINTED_TRAINING = "200×10^15"

Rows = Mapping[str, Mapping[str, Any]]


def run() -> Table:
    """Compare units, parameters, connections and training operations of LeNet-1989, LeNet-5 and AlexNet."""
    rows = {name: _rows(name) for name in NETWORKS}
    arms = [*_lenet1989(rows["lenet1989"]), *_lenet5(rows["lenet5"]), *_alexnet(rows["alexnet"])]
    notes = [
        f"{name}: {task}, {classes:,} classes, images of {sizes(image)}, {examples:,} examples, {passes} passes"
        for name, (task, classes, image, examples, passes) in TASKS.items()
    ]
    arms += [Arm("all links", _one_rule(rows[name]), name) for name in NETWORKS]
    exact = {(arm.type, arm.name): arm.cells["computed"] for arm in arms}
    lesson = [
        "The three columns do not count alike: LeNet-1989 counts inputs and outputs among its units, the others neither;",
        "LeNet-5 counts a bias for each of C3's kernels and leaves out the output, AlexNet counts weights of convolutions alone.",
        f"By one rule, links from inputs and biases to units, they have {_sum(rows['lenet1989'], 'connections'):,},",
        f"{_sum(rows['lenet5'], 'connections'):,} and {_sum(rows['alexnet'], 'connections'):,} connections.",
        f"For training the LeNet rows are forward passes, {exact['lenet1989', 'training']:,} and {exact['lenet5', 'training']:,};",
        f"AlexNet's would be {exact['alexnet', 'training']:,}.",
        *_factor(arms),
        f"AlexNet has {exact['alexnet', 'params'] / exact['lenet5', 'params']:,.0f} times the parameters of LeNet-5.",
    ]
    return arms_table(
        "lenet-to-alexnet: which conventions give the numbers in lectures?", COLUMNS, arms, notes=notes, lesson=lesson
    )


def _factor(arms: Sequence[Arm]) -> Iterator[str]:
    """What AlexNet's training counts beside a forward, if that gives what is printed."""
    cells = {arm.name: arm.cells for arm in arms if arm.type == "alexnet"}
    forward, thrice = cells["training"], cells["training, times 3"]
    if forward["verdict"] == "differs" and thrice["verdict"] != "differs":
        yield "What is printed has a factor of 3, for the forward and a backward that takes about twice as much:"
        yield f"{thrice['computed']:,}. The rows are not of one rule."


def _one_rule(rows: Rows) -> dict[str, Any]:
    """Return the connections of the whole network, as `zoo summary` counts them."""
    convention = "links from inputs and biases to units, in all layers"
    return {"printed": None, "computed": _sum(rows, "connections"), "verdict": None, "convention": convention}


def _rows(name: str) -> dict[str, Any]:
    """Return cells by layer, under the network's names of top-level modules."""
    from zoo.extend import trace

    table = measure(trace(name), columns=["output", "params", "macs", "units", "connections"], depth=1)
    return {row.name: row.cells for row in table.rows}


def _sum(rows: Rows, column: str, layers: str = "") -> int:
    """Sum over all layers, or over those with a prefix."""
    return sum(cells[column] for name, cells in rows.items() if name.startswith(layers))


def _arm(network: str, quantity: str, printed: str, computed: int, convention: str) -> Arm:
    verdict = Published(quantity=quantity, printed=printed, where="lecture").verdict(computed)
    return Arm(quantity, {"printed": printed, "computed": computed, "verdict": verdict, "convention": convention}, network)


def _lenet1989(rows: Rows) -> Iterator[Arm]:
    name = "lenet1989"
    _, _, (height, width, channels), examples, passes = TASKS[name]
    links = _sum(rows, "connections")
    yield _arm(name, "units", "1256", height * width * channels + _sum(rows, "units"), "including inputs and outputs")
    yield _arm(name, "params", "9760", _sum(rows, "params"), "all")
    yield _arm(name, "connections", "65k", links, "all, biases included")
    yield _arm(name, "training", "11 billion", links * examples * passes, "connections × examples × passes: forward only")


def _lenet5(rows: Rows) -> Iterator[Arm]:
    name = "lenet5"
    _, _, _, examples, passes = TASKS[name]
    positions = rows["C3"]["output"][2] * rows["C3"]["output"][3]
    pairs = rows["C3"]["macs"] // positions // 25  # pairs of a map of S2 and a map of C3 that reads it
    links = _sum(rows, "connections") - rows["OUTPUT"]["connections"]
    links += (pairs * 26 * positions) - rows["C3"]["connections"]
    yield _arm(name, "units", "8084", _sum(rows, "units") - rows["OUTPUT"]["units"], "without inputs and outputs")
    yield _arm(name, "params", "60k", _sum(rows, "params"), "trainable ones")
    yield _arm(name, "connections", "344k", links, "without the output, and a bias for each of C3's 60 kernels, not 16 maps")
    yield _arm(
        name,
        "training",
        "412 billion",
        links // 1000 * 1000 * examples * passes,
        "of the connections as printed, 344k: forward only",
    )


def _alexnet(rows: Rows) -> Iterator[Arm]:
    name = "alexnet"
    window = rows["conv1"]["macs"] // rows["conv1"]["units"]
    weights = _sum(rows, "macs", "conv") - (rows["conv1"]["units"] - _CAPTION_CONV1) * window
    units = _sum(rows, "units") - rows["fc8"]["units"]
    yield _arm(name, "units", "658k", units, "without inputs and outputs, conv1 55×55×96")
    yield _arm(name, "params", "60M", _sum(rows, "params"), "all")
    yield _arm(name, "connections", "652M", weights, "convolutions only, without biases, conv1 with the 253,440 units of a caption")
    _, _, _, examples, passes = TASKS[name]
    yield _arm(name, "training", PRINTED_TRAINING, weights * examples * passes, "connections × examples × passes: forward only")
    thrice = 3 * weights * examples * passes
    rounded = Published(quantity="training", printed="2×10^17", where="lecture").verdict(thrice)  # one digit is meant
    cells = {"printed": PRINTED_TRAINING, "computed": thrice, "verdict": rounded, "convention": "times 3: forward and backward"}
    yield Arm("training, times 3", cells, name)


STUDY = Study("lenet-to-alexnet", "Which conventions give the numbers in lectures?", run)
