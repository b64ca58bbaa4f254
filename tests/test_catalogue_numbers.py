"""The catalogue's numbers as `zoo.summary` gives them, against the papers' tables, torch's FlopCounterMode and fvcore."""

import re

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import zoo
from zoo.tables.table import Row, Table

# Parameters and multiply-accumulates by arithmetic on the layer lists of the papers and of the authors' released models.
SPEC = """
lenet5                   60000      325680
lenet5_modern            61706      416520
alexnet               60965224   724406816
alexnet_ungrouped     62378344  1135256096
alexnet_owt           61100840   714188480
vgg11                132863336  7609090048
vgg11_lrn            132863336  7609090048
vgg13                133047848 11308466176
vgg16_c              133638952 11770888192
vgg16                138357544 15470264320
vgg19                143667240 19632062464
googlenet              6998552  1582671872
googlenet_bn           6624904  1498376192
plain18               11515688  1794805760
plain34               21623848  3644493824
resnet18_a            11515688  1794805760
resnet34_a            21623848  3644493824
resnet34_b            21797672  3663761408
resnet34_c            22716840  3830747136
resnet18              11689512  1814073344
resnet34              21797672  3663761408
resnet50              25557032  3857973248
resnet101             44549160  7570194432
resnet152             60192808 11282415616
resnet50_v1_5         25557032  4089184256
resnet101_v1_5        44549160  7801405440
resnet152_v1_5        60192808 11513626624
"""
# The same with options, or as trained.
VARIANTS = [
    ("resnet18", {"options": {"shortcut": "A"}}, 11515688, 1794805760),
    ("resnet34", {"options": {"shortcut": "A"}}, 21623848, 3644493824),
    ("resnet18", {"options": {"shortcut": "C"}}, 12043816, 1878298624),
    ("resnet34", {"options": {"shortcut": "C"}}, 22716840, 3830747136),
    ("googlenet", {"train": True}, 13378280, 1591044096),
    ("googlenet_bn", {"train": True}, 13004888, 1498376192 + (1591044096 - 1582671872)),  # the same two heads
]
LISTED = [(name, int(params), int(macs)) for name, params, macs in (line.split() for line in SPEC.strip().splitlines())]
NAMES = zoo.list_models()
SHORT = [name for name in NAMES if zoo.card(name).depth <= 200]  # a thousand layers show nothing that a hundred do not
ADDITIVE = ("params", "macs", "flops", "activations", "trainable", "frozen", "buffers")


def total(name: str, columns: tuple[str, ...], **how: object) -> dict[str, object]:
    return dict(zoo.summary(name, columns=columns, **how).total)


def rows(table: Table) -> dict[str, Row]:
    return {row.name: row for row in table.rows}


def on_meta(name: str, **options: object) -> nn.Module:
    with torch.device("meta"):
        return zoo.create_model(name, **options).eval()


@pytest.mark.parametrize(("name", "params", "macs"), LISTED)
def test_totals(name: str, params: int, macs: int) -> None:
    """Kills running statistics and RBF codes counted as parameters, biases counted as MACs, groups ignored."""
    assert total(name, ("params", "macs", "trainable")) == {"params": params, "macs": macs, "trainable": params}


@pytest.mark.parametrize(("name", "how", "params", "macs"), VARIANTS)
def test_totals_of_variants(name: str, how: dict[str, object], params: int, macs: int) -> None:
    """Kills options that do not reach the builder, and heads that do not run, or run outside training."""
    assert total(name, ("params", "macs"), **how) == {"params": params, "macs": macs}


def test_shortcuts_cost() -> None:
    """Kills a projection too many or too few: each costs its 1×1 convolution and the scale and shift behind it."""
    projections = sum(c_in * c_out + 2 * c_out for c_in, c_out in ((64, 128), (128, 256), (256, 512)))
    a, b = (total("resnet34", ("params",), options={"shortcut": option})["params"] for option in "AB")
    assert (a, b) == (21623848, 21623848 + projections)


@pytest.mark.parametrize("name", [name for name, *_ in LISTED])
def test_depth_is_the_number_in_the_name(name: str) -> None:
    """Kills branches, heads and projections counted into the longest path, and poolings or LRN counted as layers."""
    named = re.match(r"(?:vgg|plain|resnet)(\d+)", name)
    known = {"alexnet": 8, "googlenet": 22, "lenet5": 4, "lenet5_modern": 5}  # lenet5: S2, S4 and OUTPUT learn no kernel
    expected = int(named[1]) if named else known.get(name, known[name.partition("_")[0]])
    assert total(name, ("depth",)) == {"depth": expected}


@pytest.mark.parametrize("name", NAMES)
def test_card(name: str) -> None:
    """Kills a card that claims what the analyzer does not find."""
    card = zoo.card(name)
    assert total(name, ("params", "macs", "depth")) == {"params": card.params, "macs": card.macs, "depth": card.depth}
    for variant in card.variants:
        found = total(name, ("params", "macs"), options=variant.options, train=variant.train)
        assert found == {"params": variant.params, "macs": variant.macs}


@pytest.mark.parametrize("name", SHORT)
def test_conservation(name: str) -> None:
    """Kills folding that drops or doubles what lies below: at every depth the rows add up to the total."""
    trace = zoo.trace(on_meta(name), input=(1, *zoo.card(name).input))
    finest = zoo.measure(trace, columns=ADDITIVE)
    levels = max(row.name.count(".") for row in finest.rows) + 2
    for depth in range(levels):
        table = zoo.measure(trace, columns=ADDITIVE, depth=depth)
        assert table.total == finest.total
        assert {name: sum(row.cells[name] for row in table.rows) for name in ADDITIVE} == finest.total
    assert len(zoo.measure(trace, depth=0).rows) == 1
    assert zoo.measure(trace, columns=ADDITIVE, depth=levels).rows == finest.rows


@pytest.mark.parametrize("name", SHORT)
def test_flop_counter_mode(name: str) -> None:
    """Kills MACs in the wrong layer, and totals that are right since two mistakes cancel: every layer agrees with torch."""
    net = on_meta(name)
    with FlopCounterMode(display=False) as counter:
        net(torch.empty(1, *zoo.card(name).input, device="meta"))
    theirs = {path.partition(".")[2]: sum(ops.values()) for path, ops in counter.get_flop_counts().items()}
    table = zoo.summary(name, columns=("macs",))
    layers = {row.name: 2 * row.cells["macs"] for row in table.rows if row.name in theirs}
    assert layers == {path: theirs[path] for path in layers}
    assert 2 * table.total["macs"] == counter.get_total_flops()


@pytest.mark.filterwarnings("ignore:`torch.jit")
@pytest.mark.parametrize("name", ["lenet5_modern", "alexnet", "googlenet_bn", "resnet18"])
def test_fvcore(name: str) -> None:
    """Kills a convention of our own: what fvcore calls flops of convolutions and linear layers are our MACs, by layer."""
    from fvcore.nn import FlopCountAnalysis  # which warns when it is imported

    net = on_meta(name).to_empty(device="cpu")
    for tensor in net.state_dict().values():
        tensor.zero_()
    found = FlopCountAnalysis(net, torch.zeros(1, *zoo.card(name).input))
    found.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    theirs = found.by_module_and_operator()
    table = zoo.summary(name, columns=("macs",))
    for row in table.rows:
        layer = theirs.get(row.name, {})
        assert row.cells["macs"] == layer.get("conv", 0) + layer.get("linear", 0), row.name
    operators = found.by_operator()
    assert table.total["macs"] == operators["conv"] + operators["linear"]


# Layer by layer -------------------------------------------------------------------------------------------------------
# name, output, parameters, MACs, receptive field as size/stride/padding

LAYERS = {
    "lenet5": """
        C1        6x28x28       156     117600   5/1/0
        S2        6x14x14        12          0   6/2/0
        C3       16x10x10      1516     150000  14/2/0
        S4         16x5x5        32          0  16/4/0
        C5        120x1x1     48120      48000  32/4/0
        F6             84     10164      10080  32/4/0
        OUTPUT         10         0          0  32/4/0
    """,
    "alexnet": """
        conv1    96x55x55     34944  105415200   11/4/0
        norm1    96x55x55         0          0   11/4/0
        pool1    96x27x27         0          0   19/8/0
        conv2   256x27x27    307456  223948800   51/8/16
        norm2   256x27x27         0          0   51/8/16
        pool2   256x13x13         0          0   67/16/16
        conv3   384x13x13    885120  149520384   99/16/32
        conv4   384x13x13    663936  112140288  131/16/48
        conv5   256x13x13    442624   74760192  163/16/64
        pool5     256x6x6         0          0  195/32/64
        fc6          4096  37752832   37748736  355/32/64
        fc7          4096  16781312   16777216  355/32/64
        fc8          1000   4097000    4096000  355/32/64
    """,
    "alexnet_owt": """
        features.conv1    64x55x55     23296   70276800   11/4/2
        features.pool1    64x27x27         0          0   19/8/2
        features.conv2   192x27x27    307392  223948800   51/8/18
        features.pool2   192x13x13         0          0   67/16/18
        features.conv3   384x13x13    663936  112140288   99/16/34
        features.conv4   256x13x13    884992  149520384  131/16/50
        features.conv5   256x13x13    590080   99680256  163/16/66
        features.pool5     256x6x6         0          0  195/32/66
        classifier.fc6        4096  37752832   37748736  355/32/66
        classifier.fc7        4096  16781312   16777216  355/32/66
        classifier.fc8        1000   4097000    4096000  355/32/66
    """,
    "vgg16": """
        features.conv1_1  64x224x224      1792   86704128    3/1/1
        features.conv1_2  64x224x224     36928 1849688064    5/1/2
        features.pool1    64x112x112         0          0    6/2/2
        features.conv2_1 128x112x112     73856  924844032   10/2/4
        features.conv2_2 128x112x112    147584 1849688064   14/2/6
        features.pool2     128x56x56         0          0   16/4/6
        features.conv3_1   256x56x56    295168  924844032   24/4/10
        features.conv3_2   256x56x56    590080 1849688064   32/4/14
        features.conv3_3   256x56x56    590080 1849688064   40/4/18
        features.pool3     256x28x28         0          0   44/8/18
        features.conv4_1   512x28x28   1180160  924844032   60/8/26
        features.conv4_2   512x28x28   2359808 1849688064   76/8/34
        features.conv4_3   512x28x28   2359808 1849688064   92/8/42
        features.pool4     512x14x14         0          0  100/16/42
        features.conv5_1   512x14x14   2359808  462422016  132/16/58
        features.conv5_2   512x14x14   2359808  462422016  164/16/74
        features.conv5_3   512x14x14   2359808  462422016  196/16/90
        features.pool5       512x7x7         0          0  212/32/90
        classifier.fc6          4096 102764544  102760448  404/32/90
        classifier.fc7          4096  16781312   16777216  404/32/90
        classifier.fc8          1000   4097000    4096000  404/32/90
    """,
    "googlenet": """
        conv1        64x112x112     9472 118013952    7/2/3
        conv2_reduce   64x56x56     4160  12845056   11/4/3
        conv2         192x56x56   110784 346816512   19/4/7
        inception_3a  256x28x28   163696 128049152   59/8/23
        inception_3b  480x28x28   388736 304267264   91/8/39
        inception_4a  512x14x14   376176  73608192  171/16/71
        inception_4b  512x14x14   449160  87908352  235/16/103
        inception_4c  512x14x14   510104  99850240  299/16/135
        inception_4d  528x14x14   605376 118515712  363/16/167
        inception_4e  832x14x14   868352 169996288  427/16/199
        inception_5a    832x7x7  1043456  51079168  587/32/263
        inception_5b   1024x7x7  1444080  70697984  715/32/327
        avgpool        1024x1x1        0         0  907/32/327
        linear             1000  1025000   1024000  907/32/327
    """,
}


def shown(row: Row) -> tuple[str, int, int, str]:
    cells = row.cells
    windows = {"/".join(map(str, axis)) for axis in zip(*(cells["rf"][k] for k in ("size", "stride", "padding")), strict=True)}
    assert len(windows) == 1, "these networks are square"
    return "x".join(map(str, cells["output"][1:])), cells["params"], cells["macs"], windows.pop()


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    """Kills a layer's number on its neighbour's row, padding lost at a pooling, and strides composed in the wrong order."""
    found = rows(zoo.summary(name, depth=1)) | rows(zoo.summary(name))
    for line in LAYERS[name].strip().splitlines():
        layer, output, params, macs, field = line.split()
        assert shown(found[layer]) == (output, int(params), int(macs), field), layer


FIELDS = {
    "vgg11": "4/2/1 10/4/3 30/8/11 70/16/27 150/32/59",
    "vgg11_lrn": "4/2/1 10/4/3 30/8/11 70/16/27 150/32/59",
    "vgg13": "6/2/2 16/4/6 36/8/14 76/16/30 156/32/62",
    "vgg16_c": "6/2/2 16/4/6 36/8/14 76/16/30 156/32/62",
    "vgg16": "6/2/2 16/4/6 44/8/18 100/16/42 212/32/90",
    "vgg19": "6/2/2 16/4/6 52/8/22 124/16/54 268/32/118",
}


@pytest.mark.parametrize("name", [*FIELDS, "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"])
def test_vgg_fields(name: str) -> None:
    """Kills 1×1 kernels taken for 3×3, normalisation taken for a window, and blocks of the wrong column of Table 1."""
    found = rows(zoo.summary(name))
    assert [shown(found[f"features.pool{block}"])[3] for block in range(1, 6)] == FIELDS[name.removesuffix("_bn")].split()


def last_field(counts: tuple[int, ...], per_block: int, late: bool) -> int:
    """The stem sees 7 + 2·2 pixels at a jump of 4; each 3×3 convolution adds twice the jump of the maps it slides over.

    The first of a stage slides over the maps of the stage before if it is the one with the stride (`late`).
    """
    size = 11
    for stage, blocks in enumerate(counts):
        jump = 4 * 2**stage
        first = jump // 2 if late and stage else jump
        size += 2 * (first + jump * (per_block * blocks - 1))
    return size


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("googlenet_bn", 379),
        ("resnet18", last_field((2, 2, 2, 2), 2, late=True)),
        ("resnet34", last_field((3, 4, 6, 3), 2, late=True)),
        ("resnet18_a", last_field((2, 2, 2, 2), 2, late=True)),
        ("resnet34_c", last_field((3, 4, 6, 3), 2, late=True)),
        ("resnet50", 483),  # these three as in Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks"
        ("resnet101", 1027),
        ("resnet152", 1507),
        ("resnet50_v1_5", last_field((3, 4, 6, 3), 1, late=True)),
        ("resnet101_v1_5", last_field((3, 4, 23, 3), 1, late=True)),
        ("resnet152_v1_5", last_field((3, 8, 36, 3), 1, late=True)),
    ],
)
def test_last_field(name: str, size: int) -> None:
    """Kills shortcuts taken for a block's window, a bottleneck's stride in the wrong convolution, 5×5 for 3×3."""
    last = rows(zoo.summary(name, depth=1))["inception_5b" if name == "googlenet_bn" else "conv5_x"]
    assert last.cells["rf"]["size"] == [size, size]
    assert last.cells["rf"]["stride"] == [32, 32]


STAGES = {
    "resnet50_v1_5": """
        9536/118013952 215808/667942912 1219584/1027604480 7098368/1464336384 14964736/809238528 2049000/2048000
    """,
    "resnet50": """
        9536/118013952 215808/667942912 1219584/950534144 7098368/1387266048 14964736/732168192 2049000/2048000
    """,
    "resnet34_a": """
        9536/118013952 221952/693633024 1107968/867041280 6789120/1329463296 12982272/635830272 513000/512000
    """,
}


@pytest.mark.parametrize("name", STAGES)
def test_resnet_stages(name: str) -> None:
    """Kills blocks in the wrong stage, and shortcuts counted with the stage before."""
    found = rows(zoo.summary(name, depth=1))
    stages = [("conv1", "bn1"), *((f"conv{i}_x",) for i in range(2, 6)), ("fc",)]
    sums = [[sum(found[part].cells[column] for part in stage) for column in ("params", "macs")] for stage in stages]
    assert ["/".join(map(str, pair)) for pair in sums] == STAGES[name].split()
