"""The networks between the landmarks: their numbers, their layers one by one, and what is peculiar to each."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import zoo

# Parameters, multiply-accumulates and layers with weights, by arithmetic on the papers' and the released models' layer lists.
STORY = """
lenet1989         9760        63660     4
lenet1            2578        91520     3
lenet_caffe     431080      2293000     4
caffenet      60965224    724406816     8
zfnet         62357608   1168032896     8
vgg_cnn_m    102908520   1676172320     8
nin_cifar10     966986    222486528     9
nin_imagenet   7595176   1100188800    12
all_cnn_c      1369738    270798336     9
levi_hassner  11415048    709253120     6
plain18       11515688   1794805760    18
plain34       21623848   3644493824    34
resnet20        269722     40551040    20
resnet32        464154     68862592    32
resnet44        658586     97174144    44
resnet56        853018    125485696    56
resnet110      1727962    252887680   110
resnet1202    19421274   2829238912  1202
plain20         269722     40551040    20
plain32         464154     68862592    32
plain44         658586     97174144    44
plain56         853018    125485696    56
plain110       1727962    252887680   110
stn_mnist        27360       771300     8
"""
OPTIONS = [
    ("levi_hassner", {"num_classes": 2}, 11411970, 709250048),
    ("vgg_cnn_m", {"fc7": 2048}, 92469864, 1665735712),
    ("vgg_cnn_m", {"fc7": 1024}, 87250536, 1660517408),
    ("vgg_cnn_m", {"fc7": 128}, 82683624, 1655951392),
]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def on_meta(name: str) -> nn.Module:
    with torch.device("meta"):
        return zoo.create_model(name).eval()


@pytest.mark.parametrize(("name", "params", "macs", "depth"), [line.split() for line in STORY.strip().splitlines()])
def test_numbers(name: str, params: str, macs: str, depth: str) -> None:
    """Kills a wrong width, kernel, stride or group, pooling that rounds the other way, and a layer too few."""
    total = zoo.summary(name, columns=("params", "macs", "depth")).total
    assert total == {"params": int(params), "macs": int(macs), "depth": int(depth)}


@pytest.mark.parametrize(("name", "options", "params", "macs"), OPTIONS)
def test_options(name: str, options: dict[str, int], params: int, macs: int) -> None:
    """Kills an option that changes one of the two layers around it."""
    assert zoo.summary(name, options=options, columns=("params", "macs")).total == {"params": params, "macs": macs}


# Layer by layer -------------------------------------------------------------------------------------------------------
# name, output, parameters, MACs

LAYERS = {
    "lenet1989": """
        H1       12x8x8   1068  19200
        H2       12x4x4   2592  38400
        H3           30   5790   5760
        OUTPUT       10    310    300
    """,
    "lenet1": """
        H1      4x24x24    104  57600
        H2      4x12x12      8      0
        H3       12x8x8    512  32000
        H4       12x4x4     24      0
        OUTPUT       10   1930   1920
    """,
    "lenet_caffe": """
        conv1  20x24x24    520   288000
        pool1  20x12x12      0        0
        conv2    50x8x8  25050  1600000
        pool2    50x4x4      0        0
        ip1         500 400500   400000
        ip2          10   5010     5000
    """,
    "caffenet": """
        conv1    96x55x55     34944  105415200
        pool1    96x27x27         0          0
        norm1    96x27x27         0          0
        conv2   256x27x27    307456  223948800
        pool2   256x13x13         0          0
        norm2   256x13x13         0          0
        conv3   384x13x13    885120  149520384
        conv4   384x13x13    663936  112140288
        conv5   256x13x13    442624   74760192
        pool5     256x6x6         0          0
        fc6          4096  37752832   37748736
        fc7          4096  16781312   16777216
        fc8          1000   4097000    4096000
    """,
    "zfnet": """
        conv1  96x110x110     14208  170755200
        pool1    96x55x55         0          0
        norm1    96x55x55         0          0
        conv2   256x26x26    614656  415334400
        pool2   256x13x13         0          0
        norm2   256x13x13         0          0
        conv3   384x13x13    885120  149520384
        conv4   384x13x13   1327488  224280576
        conv5   256x13x13    884992  149520384
        pool5     256x6x6         0          0
        fc6          4096  37752832   37748736
        fc7          4096  16781312   16777216
        fc8          1000   4097000    4096000
    """,
    "nin_cifar10": """
        features.conv1  192x32x32   14592   14745600
        features.cccp1  160x32x32   30880   31457280
        features.cccp2   96x32x32   15456   15728640
        features.pool1   96x16x16       0          0
        features.conv2  192x16x16  460992  117964800
        features.cccp3  192x16x16   37056    9437184
        features.cccp4  192x16x16   37056    9437184
        features.pool2    192x8x8       0          0
        features.conv3    192x8x8  331968   21233664
        features.cccp5    192x8x8   37056    2359296
        features.cccp6     10x8x8    1930     122880
        poolg              10x1x1       0          0
    """,
    "nin_imagenet": """
        features.conv1   96x54x54    34944  101616768
        features.cccp1   96x54x54     9312   26873856
        features.cccp2   96x54x54     9312   26873856
        features.pool0   96x27x27        0          0
        features.conv2  256x27x27   614656  447897600
        features.cccp3  256x27x27    65792   47775744
        features.cccp4  256x27x27    65792   47775744
        features.pool2  256x13x13        0          0
        features.conv3  384x13x13   885120  149520384
        features.cccp5  384x13x13   147840   24920064
        features.cccp6  384x13x13   147840   24920064
        features.pool3    384x6x6        0          0
        features.conv4   1024x6x6  3539968  127401984
        features.cccp7   1024x6x6  1049600   37748736
        features.cccp8   1000x6x6  1025000   36864000
        pool4            1000x1x1        0          0
    """,
    "all_cnn_c": """
        features.conv1   96x32x32    2688   2654208
        features.conv2   96x32x32   83040  84934656
        features.conv3   96x16x16   83040  21233664
        features.conv4  192x16x16  166080  42467328
        features.conv5  192x16x16  331968  84934656
        features.conv6    192x8x8  331968  21233664
        features.conv7    192x6x6  331968  11943936
        features.conv8    192x6x6   37056   1327104
        features.conv9     10x6x6    1930     69120
        pool               10x1x1       0         0
    """,
    "levi_hassner": """
        conv1   96x56x56    14208   44255232
        pool1   96x28x28        0          0
        norm1   96x28x28        0          0
        conv2  256x28x28   614656  481689600
        pool2  256x14x14        0          0
        norm2  256x14x14        0          0
        conv3  384x14x14   885120  173408256
        pool5    384x7x7        0          0
        fc6          512  9634304    9633792
        fc7          512   262656     262144
        fc8            8     4104       4096
    """,
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    """Kills two wrong layers that make up for each other in the totals."""
    found = {row.name: row.cells for table in (zoo.summary(name, depth=1), zoo.summary(name)) for row in table.rows}
    for line in LAYERS[name].strip().splitlines():
        layer, output, params, macs = line.split()
        cells = found[layer]
        assert ("x".join(map(str, cells["output"][1:])), cells["params"], cells["macs"]) == (output, int(params), int(macs)), layer


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("caffenet", "conv1 relu1 pool1 norm1 conv2 relu2 pool2 norm2 conv3"),
        ("zfnet", "conv1 relu1 pool1 norm1 conv2 relu2 pool2 norm2 conv3"),
        ("levi_hassner", "conv1 relu1 pool1 norm1 conv2 relu2 pool2 norm2 conv3"),
        ("vgg_cnn_m", "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3"),
        ("alexnet", "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3"),
    ],
)
def test_order_of_pooling_and_normalisation(name: str, order: str) -> None:
    """Kills AlexNet's order where pooling comes first, and the reverse."""
    net, ran = on_meta(name), list[str]()
    for key, layer in net.named_children():
        layer.register_forward_hook(lambda *_, key=key: ran.append(key))
    net(torch.empty(1, *zoo.card(name).input, device="meta"))
    assert ran[:9] == order.split()


@pytest.mark.parametrize(
    ("name", "prefix", "dropped"),
    [
        ("nin_cifar10", "features.", {"pool1": 0.5, "pool2": 0.5}),
        ("nin_imagenet", "features.", {"pool3": 0.5}),
        ("all_cnn_c", "features.", {"": 0.2, "relu3": 0.5, "relu6": 0.5}),
        ("caffenet", "", {"relu6": 0.5, "relu7": 0.5}),
        ("zfnet", "", {"relu6": 0.5, "relu7": 0.5}),
        ("vgg_cnn_m", "", {"relu6": 0.5, "relu7": 0.5}),
        ("levi_hassner", "", {"relu6": 0.5, "relu7": 0.5}),
    ],
)
def test_dropout(name: str, prefix: str, dropped: dict[str, float]) -> None:
    """Kills dropout in other places, or at another rate."""
    net = on_meta(name)
    names = [""] + [key.removeprefix(prefix) for key, _ in net.get_submodule(prefix.removesuffix(".")).named_children()]
    layers = dict(net.named_modules())
    found = {
        before: layers[prefix + key].p for before, key in itertools.pairwise(names) if isinstance(layers[prefix + key], nn.Dropout)
    }
    assert found == dropped


# The first LeNets -----------------------------------------------------------------------------------------------------


def units(name: str) -> dict[str, int]:
    rows = zoo.summary(name, columns=("output",), depth=1).rows
    return {row.name: math.prod(row.cells["output"]) for row in rows if row.name[0] in "HO"}


def reads(layer: Callable[[Tensor], Tensor], x: Tensor) -> list[str]:
    """For each input map a row: where an output map reads it there is an X."""
    rows = []
    for m in range(x.shape[1]):
        other = x.clone()
        other[:, m] += 1
        changed = (layer(x) != layer(other)).flatten(2).any(dim=2)[0]
        rows.append("".join(".X"[int(mark)] for mark in changed))
    return rows


def test_lenet1989_counts() -> None:
    """Kills one bias for a map: the paper's 9,760 parameters hold one for each of 1,000 units, and its connections too."""
    net, found = on_meta("lenet1989"), units("lenet1989")
    assert found == {"H1": 768, "H2": 192, "H3": 30, "OUTPUT": 10}
    fan_in = {key: net.get_submodule(key).weight[0].numel() for key in found}
    connections = {key: found[key] * (fan_in[key] + 1) for key in found}
    assert connections == {"H1": 19968, "H2": 38592, "H3": 5790, "OUTPUT": 310}
    assert sum(connections.values()) == 64660 == zoo.card("lenet1989").macs + 1000
    assert 16 * 16 + sum(found.values()) == 1256
    biases = sum(parameter.numel() for key, parameter in net.named_parameters() if "bias" in key)
    assert biases == 1000


@pytest.mark.parametrize(("key", "maps", "side"), [("H1", 1, 16), ("H2", 96, 8)])
def test_lenet1989_shares_kernels_not_biases(key: str, maps: int, side: int) -> None:
    """Kills a bias that reaches another unit, and weights that do not reach every unit of their map or reach another map."""
    layer, x = zoo.create_model("lenet1989").get_submodule(key), torch.rand(1, maps, side, side)
    with torch.inference_mode():
        before = layer(x)
        layer.biases[3, 1, 2] += 1
        moved = layer(x) != before
        assert moved.nonzero().tolist() == [[0, 3, 1, 2]]
        before = layer(x)
        layer.weight[5] += 1
        moved = (layer(x) != before)[0].flatten(1)
        assert moved.all(dim=1).tolist() == moved.any(dim=1).tolist() == [m == 5 for m in range(12)]


@pytest.mark.parametrize(("key", "maps", "side"), [("H1", 1, 16), ("H2", 96, 8)])
def test_lenet1989_border_is_background(key: str, maps: int, side: int) -> None:
    """Kills a border of zeros: on nothing but background, units with the same bias cannot tell that there is one."""
    layer = zoo.create_model("lenet1989").get_submodule(key)
    with torch.inference_mode():
        layer.biases.zero_()
        flat = layer(torch.full((1, maps, side, side), -1.0)).flatten(2)
        inked = layer(torch.zeros(1, maps, side, side)).flatten(2)
    torch.testing.assert_close(flat, flat[..., :1].expand_as(flat))
    assert not torch.allclose(inked, inked[..., -1:].expand_as(inked))


def test_lenet1989_h2_reads_eight_of_twelve() -> None:
    """Kills maps of H2 that read more or fewer than eight maps of H1, or all the same, and maps of H1 that few read."""
    net, seen = zoo.create_model("lenet1989"), list[Tensor]()
    net.H2.register_forward_hook(lambda *parts: seen.append(parts[2]))

    def h2(maps: Tensor) -> Tensor:
        net.H1.forward = lambda _: maps
        net(torch.zeros(1, 1, 16, 16))
        return seen.pop()

    rows = reads(h2, torch.rand(1, 12, 8, 8))
    columns = ["".join(column) for column in zip(*rows, strict=True)]
    assert {line.count("X") for line in (*rows, *columns)} == {8}
    assert len(set(columns)) == 12


# The table of the LeNet-1 paper: a row for each map of H2, a column for each map of H3.
H3_READS = """
XXX.XX......
.XXXXX......
......XXX.XX
.......XXXXX
"""


def test_lenet1_h3_reads_its_table() -> None:
    """Kills maps in another order than the paper's, and weights for maps that a map does not read."""
    h3 = zoo.create_model("lenet1").H3
    assert reads(h3, torch.randn(1, 4, 12, 12)) == H3_READS.split()
    assert "".join(H3_READS.split()).count("X") == 20


def test_lenet1_counts() -> None:
    """Kills subsampling with more or less than a coefficient and a bias for a map, and a bias for each pair of maps."""
    net, found = on_meta("lenet1"), units("lenet1")
    assert 784 + sum(found.values()) + 1 == 4635
    fan_in = {"H1": [25], "H2": [4], "H3": [25, 50, 50, 25, 50, 50, 25, 50, 50, 25, 50, 50], "H4": [4], "OUTPUT": [192]}
    connections = {key: found[key] // len(fan_in[key]) * sum(n + 1 for n in fan_in[key]) for key in found}
    assert connections == {"H1": 59904, "H2": 2880, "H3": 32768, "H4": 960, "OUTPUT": 1930}
    assert sum(connections.values()) == 98442
    assert zoo.card("lenet1").macs + found["H2"] + found["H4"] == 92288
    assert [net.get_submodule(key).coefficient.numel() for key in ("H2", "H4")] == [4, 12]


def test_lenet1_subsampling_adds() -> None:
    """Kills a mean in place of the sum, and squashing left out."""
    net, x = zoo.create_model("lenet1"), torch.randn(2, 4, 6, 6)
    h2 = net.H2
    total = x[:, :, 0::2, 0::2] + x[:, :, 0::2, 1::2] + x[:, :, 1::2, 0::2] + x[:, :, 1::2, 1::2]
    torch.testing.assert_close(net.squash2(h2(x)), 1.7159 * torch.tanh(2 / 3 * (total * h2.coefficient + h2.bias)))


@pytest.mark.parametrize("name", ["lenet1989", "lenet1"])
def test_early_lenets_squash_their_output(name: str) -> None:
    """Kills a linear output, and a tanh that is not scaled to go through (1, 1)."""
    net = zoo.create_model(name).eval()
    with torch.inference_mode():
        net.OUTPUT.weight.zero_()
        net.OUTPUT.bias.copy_(torch.tensor([-1e9, -1.0, 0.0, 1.0, 1e9, 0, 0, 0, 0, 0]))
        found = net(torch.randn(1, *zoo.card(name).input))[0, :5]
    torch.testing.assert_close(found, torch.tensor([-1.7159, -1.0, 0.0, 1.0, 1.7159]), atol=1e-4, rtol=0)


def test_lenet_caffe_has_one_relu() -> None:
    """Kills nonlinearities after the convolutions, which Caffe's example has not: negative maxima go on."""
    net, seen = zoo.create_model("lenet_caffe"), list[Tensor]()
    for layer in (net.conv1, net.conv2):
        layer.register_forward_hook(lambda *parts: seen.append(parts[2]))
    for layer in (net.conv2, net.ip1):
        layer.register_forward_pre_hook(lambda *parts: seen.append(parts[1][0]))
    net(-torch.rand(1, 1, 28, 28))
    for maps, read in (seen[:2], seen[2:]):
        assert torch.equal(read.flatten(), F.max_pool2d(maps, 2).flatten())
        assert read.min() < 0
    assert [type(layer) for layer in net.modules()].count(nn.ReLU) == 1


# Nothing but convolutions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nin_cifar10", "nin_imagenet", "all_cnn_c"])
def test_classes_are_means_of_maps(name: str) -> None:
    """Kills a fully connected layer, a class map that is not rectified, and an average over part of it."""
    net = zoo.create_model(name).eval()
    assert not any(isinstance(layer, nn.Linear) for layer in net.modules())
    side = zoo.card(name).input[1]
    with torch.inference_mode():
        x = torch.randn(1, 3, side, side)
        maps = net.features(x)
        assert maps.min() == 0
        torch.testing.assert_close(net(x), maps.mean(dim=(2, 3)))


def test_all_cnn_has_no_pooling() -> None:
    """Kills a pooling where the paper has a stride, beside the average at the end."""
    kinds = {type(layer) for layer in on_meta("all_cnn_c").features}
    assert kinds == {nn.Dropout, nn.Conv2d, nn.ReLU}


def test_errata_of_convolutional_nets() -> None:
    """Kills numbers of other people's versions that are wrong on the card."""
    found = zoo.summary("nin_imagenet", input=(1, 3, 227, 227), columns=("macs",)).total["macs"]
    assert f"{found:,}" in zoo.card("nin_imagenet").notes[0].text
    assert found == 1105996320
    net = on_meta("all_cnn_c")
    net.features.conv7.padding = (1, 1)
    more = zoo.summary(net, input=(1, 3, 32, 32), columns=("macs",)).total["macs"] - zoo.card("all_cnn_c").macs
    assert f"{more / 1e6:.1f} million" in zoo.card("all_cnn_c").notes[0].text


# Residual networks for small images -----------------------------------------------------------------------------------

CIFAR = {20: 3, 32: 5, 44: 7, 56: 9, 110: 18, 1202: 200}


@pytest.mark.parametrize("layers", CIFAR)
def test_cifar_nets_have_6n_plus_2_layers(layers: int) -> None:
    """Kills a stage with another number of blocks, and shortcuts with parameters: plain twins have the same ones."""
    net, n = on_meta(f"resnet{layers}"), CIFAR[layers]
    assert layers == 6 * n + 2
    assert [len(stage) for stage in (net.conv2_x, net.conv3_x, net.conv4_x)] == [n, n, n]
    if layers < 1202:
        twin = on_meta(f"plain{layers}").state_dict()
        assert {key: value.shape for key, value in net.state_dict().items()} == {key: value.shape for key, value in twin.items()}


@pytest.mark.parametrize(
    ("stage", "block", "width"), [("conv2_x", 0, 16), ("conv3_x", 0, 32), ("conv4_x", 0, 64), ("conv4_x", 1, 64)]
)
def test_cifar_shortcuts(stage: str, block: int, width: int) -> None:
    """Kills averages in place of every second pixel, zeros in front of the maps, and a ReLU before the sum."""
    part = zoo.create_model("resnet20").get_submodule(f"{stage}.{block}").eval()
    nn.init.zeros_(part.bn2.weight)  # nothing is left but the shortcut
    maps = width if block or width == 16 else width // 2
    x = torch.randn(2, maps, 8, 8)
    step = 1 if maps == width else 2
    y = part(x)
    assert torch.equal(y[:, :maps], x[:, :, ::step, ::step].relu())
    assert y.shape == (2, width, 8 // step, 8 // step)
    assert not y[:, maps:].any()


def test_plain_blocks_have_no_way_around() -> None:
    """Kills a shortcut in a plain network."""
    part = zoo.create_model("plain20").conv4_x[1].eval()
    nn.init.zeros_(part.bn2.weight)
    assert not part(torch.randn(1, 64, 8, 8)).any()


# Spatial transformer --------------------------------------------------------------------------------------------------

TURNED = torch.tensor([[[0.6, -0.8, 0.1], [0.8, 0.6, -0.2]], [[2.0, 0.0, 0.0], [0.0, 0.5, 0.3]]])


def test_stn_grid() -> None:
    """Kills x and y exchanged, and centres of pixels taken for their edges: torch's own grid is the same."""
    grid = zoo.create_model("stn_mnist").transformer.grid_generator(TURNED, 5, 7)
    torch.testing.assert_close(grid, F.affine_grid(TURNED, [2, 1, 5, 7], align_corners=True))


def test_stn_begins_as_the_identity() -> None:
    """Kills a transformer that changes images before it has learnt to."""
    transformer, x = zoo.create_model("stn_mnist").transformer, torch.rand(3, 1, 28, 28)
    torch.testing.assert_close(transformer(x), x, atol=1e-5, rtol=0)


def test_stn_moves_by_whole_pixels() -> None:
    """Kills a sampler that takes other corners than the grid: two pixels to the right in the grid, two to the left in the image."""
    transformer, x = zoo.create_model("stn_mnist").transformer, torch.rand(1, 1, 28, 28)
    with torch.no_grad():
        transformer.localisation.fc2.bias.copy_(torch.tensor([1.0, 0.0, 2 * 2 / 27, 0.0, 1.0, 0.0]))
    torch.testing.assert_close(transformer(x)[..., :-2], x[..., 2:], atol=1e-5, rtol=0)
    assert transformer(x)[..., -1].abs().max() < 1e-5


def test_stn_learns_where_to_look() -> None:
    """Kills a localisation network that gets no gradient even once its last layer has moved."""
    net = zoo.create_model("stn_mnist").train()
    x = torch.rand(4, 1, 28, 28)
    for _ in range(2):
        net.zero_grad()
        F.cross_entropy(net(x), torch.arange(4)).backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= 0.1 * parameter.grad
    assert all(parameter.grad.any() for parameter in net.transformer.localisation.parameters())


def test_stn_parts() -> None:
    """Kills products of the grid or the sampler counted as the layers': both parts as they are on the card."""
    found = {row.name: row.cells for row in zoo.summary("stn_mnist", depth=1).rows}
    parts = found.pop("transformer")
    assert (parts["params"], parts["macs"]) == (5520, 290800)
    assert sum(cells["macs"] for cells in found.values()) == 480500
    assert sum(cells["params"] for cells in found.values()) == 21840
    assert all(number in zoo.card("stn_mnist").deviations[1].text for number in ("290,800", "480,500"))
