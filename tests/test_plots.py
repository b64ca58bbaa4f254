"""Plots, windows and the drawings of lectures: what they show is what the analyzer computes, and what they draw can be read."""

import io
import itertools
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import zoo
from zoo.analysis.inside import noise, unit_gradients
from zoo.analysis.roofline import DEVICES
from zoo.ops.memory import live
from zoo.questions.inside import effective_picture, filters_picture, maps_picture, saliency_picture
from zoo.questions.picture import drawings
from zoo.questions.plot import plots
from zoo.questions.seen import cone_picture, window_picture
from zoo_cli.main import run

pytest.importorskip("matplotlib")

NETWORKS = ("lenet5", "alexnet", "googlenet", "resnet18")


@pytest.fixture(scope="module")
def traces() -> dict[str, zoo.Trace]:
    return {name: zoo.trace(name) for name in (*NETWORKS, "vgg16", "resnet50")}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from PIL import Image

    file = tmp_path_factory.mktemp("image") / "image.png"
    Image.linear_gradient("L").convert("RGB").resize((60, 40)).save(file)
    return file


def words(picture: Any) -> str:
    """All words of a picture, from its SVG."""
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", picture.svg()))


def texts(picture: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any, Any]]:
    """Each text on a figure that is no tick, with its box and that of the figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    drawn: list[Figure] = []
    with monkeypatch.context() as patch:
        patch.setattr(Figure, "savefig", lambda self, file, **options: drawn.append(self))
        picture.encode("png")
    [figure] = drawn
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    ticks = {label for axes in figure.axes for label in (*axes.get_xticklabels(), *axes.get_yticklabels())}
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible() and text not in ticks:
            yield text, text.get_window_extent(), figure.bbox


# What can be read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", drawings())
def test_drawings_can_be_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills words that leave the sheet, cover other words, or are too small to be printed in a column."""
    found = list(texts(zoo.picture(name), monkeypatch))
    assert found
    for text, box, sheet in found:
        assert text.get_fontsize() >= 7, text
        assert sheet.x0 <= box.x0 <= box.x1 <= sheet.x1, text
        assert sheet.y0 <= box.y0 <= box.y1 <= sheet.y1, text
    for (one, first, _), (other, second, _) in itertools.combinations(found, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        along = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert across < 2 or along < 3, (one, other)


def test_plots_can_be_read(traces: dict[str, zoo.Trace], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a label or a legend that leaves the figure, and small print."""
    for kind in ("growth", "cost", "memory", "tradeoff", "years", "roofline"):
        for text, box, figure in texts(zoo.plot(kind, traces["lenet5"], traces["resnet18"]), monkeypatch):
            assert text.get_fontsize() >= 7, text
            assert figure.x0 - 1 <= box.x0 <= box.x1 <= figure.x1 + 1, (kind, text)


@pytest.mark.parametrize("format", ["svg", "pdf", "png"])
def test_pictures_are_reproducible(format: str) -> None:
    """Kills dates, random ids and versions in files."""
    first, second = (zoo.picture("shift").encode(format) for _ in range(2))
    assert first == second != zoo.picture("shift", values="1,2,3").encode(format)


def test_the_users_settings_do_not_change_pictures() -> None:
    """Kills a picture that follows the matplotlibrc of whoever draws it, or that changes the settings of the program."""
    import matplotlib

    before = zoo.picture("kernel").encode("svg")
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9, "svg.hashsalt": None}):
        assert zoo.picture("kernel").encode("svg") == before
        assert matplotlib.rcParams["font.size"] == 20


def test_every_plot_has_its_data(traces: dict[str, zoo.Trace]) -> None:
    """Kills a kind that draws nothing or has no table."""
    assert set(plots()) == {"growth", "cost", "memory", "tradeoff", "years", "roofline", "sweep"}
    for kind in set(plots()) - {"sweep"}:
        found = zoo.plot(kind, *(traces[name] for name in NETWORKS))
        assert found.table.rows
        assert {row.type for row in found.table.rows} | {row.name for row in found.table.rows} >= set(NETWORKS)


# Growth, cost, memory, roofline ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "largest", "stride"), [("alexnet", 195, 32), ("vgg16", 212, 32), ("resnet50", 483, 32)])
def test_growth_ends_at_published_fields(name: str, largest: int, stride: int, traces: dict[str, zoo.Trace]) -> None:
    """Kills a wrong end of a curve. Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", 2019."""
    table = zoo.plot("growth", traces[name]).table
    sizes = [row.cells["largest"] for row in table.rows]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1], table.rows[-1].cells["stride"]) == (1, largest, stride)
    assert all(row.cells["least"] <= row.cells["largest"] for row in table.rows)
    assert [row.cells["depth"] for row in table.rows] == list(range(len(table.rows)))


def test_growth_shows_the_smallest_path(traces: dict[str, zoo.Trace]) -> None:
    """Kills a least path that is missing for shortcuts, or found where there are none: stem 7x7/2, then pooling 3x3: 7 + 2·2."""
    assert zoo.plot("growth", traces["resnet18"]).table.rows[-1].cells["least"] == 7 + (3 - 1) * 2
    assert "smallest path" in words(zoo.plot("growth", traces["resnet18"]))
    assert all(row.cells["least"] == row.cells["largest"] for row in zoo.plot("growth", traces["vgg16"]).table.rows)
    assert "smallest path" not in words(zoo.plot("growth", traces["vgg16"]))


@pytest.mark.parametrize("name", [*NETWORKS, "resnet50"])
def test_bars_add_up(name: str, traces: dict[str, zoo.Trace]) -> None:
    """Kills bars that leave out a layer or count one twice."""
    columns = ["params", "macs", "activation_bytes"]
    total = zoo.measure(traces[name], columns=columns, depth=0).total
    rows = zoo.plot("cost", traces[name]).table.rows
    assert {column: sum(row.cells[column] for row in rows) for column in columns} == total
    assert len(rows) <= 26


@pytest.mark.parametrize("name", [*NETWORKS, "resnet50"])
def test_memory_over_time(name: str, traces: dict[str, zoo.Trace]) -> None:
    """Kills a curve whose peak is not that of the column, and parts that do not add up to what is alive."""
    table = zoo.plot("memory", traces[name]).table
    assert [row.cells["live"] for row in table.rows] == live(traces[name])[: len(table.rows)]
    assert max(row.cells["live"] for row in table.rows) == zoo.measure(traces[name], columns=["peak"]).total["peak"]
    assert all(row.cells["used"] + row.cells["waiting"] + row.cells["input"] == row.cells["live"] for row in table.rows)
    assert table.context["peaks"][name]["layer"] in table.notes[0]


def test_memory_by_hand() -> None:
    """Kills a shortcut that is freed too early: three 1x4x4x4 tensors of floats at the addition, and the input."""

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.first(x)
            return self.second(y) + y

    one = 4 * 4 * 4 * 4
    rows = zoo.plot("memory", Residual(), input=(1, 4, 4, 4)).table.rows
    assert [(row.cells["used"], row.cells["waiting"], row.cells["input"]) for row in rows] == [
        (2 * one, 0, 0),
        (2 * one, 0, one),
        (3 * one, 0, one),
    ]


def test_roofline_by_hand() -> None:
    """Kills FLOPs taken for MACs, parameters that move no bytes, and a bound above the roof."""
    flops, moved = 2 * 8 * 16, 4 * (8 + 16 + 16 * 8 + 16)
    [row] = zoo.plot("roofline", nn.Linear(8, 16), input=(1, 8), device="1e9:1e9").table.rows
    assert (row.cells["flops"], row.cells["bytes"], row.cells["limit"]) == (flops, moved, "memory")
    assert row.cells["bound"] == pytest.approx(1e9 * flops / moved, rel=1e-5)
    [row] = zoo.plot("roofline", nn.Linear(8, 16), input=(1, 8), device="1e9:1e12").table.rows
    assert (row.cells["bound"], row.cells["limit"]) == (1e9, "arithmetic")
    assert row.cells["microseconds"] == pytest.approx(1e6 * flops / 1e9, rel=1e-5)


def test_devices_are_sourced() -> None:
    """Kills a figure without a datasheet."""
    assert all("datasheet" in device.source and 5 < device.balance < 60 for device in DEVICES.values())


def test_accuracies_are_those_of_sources(traces: dict[str, zoo.Trace]) -> None:
    """Kills an accuracy of an ensemble, of other images, or of nobody."""
    from torchvision.models import ResNet18_Weights

    found = zoo.plot("tradeoff", "torchvision:resnet18", *traces.values()).table
    cells = {row.name: row.cells for row in found.rows}
    assert cells["torchvision:resnet18"]["top1"] == ResNet18_Weights.DEFAULT.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    assert cells["resnet50"]["top1"] == pytest.approx(100 - 24.7)  # the authors' release: centre crop
    assert cells["lenet5"]["top1"] is None
    assert any("lenet5" in str(note) for note in found.notes)
    assert "parameters" in words(zoo.plot("tradeoff", traces["lenet5"]))  # instead of an accuracy


def test_years_in_order(traces: dict[str, zoo.Trace]) -> None:
    """Kills years out of order, and another error than the winning entries': 15.3% in 2012, 6.67% in 2014."""
    rows = zoo.plot("years", *traces.values()).table.rows
    assert [row.cells["year"] for row in rows] == sorted(zoo.card(name).year for name in traces)
    errors = {row.name: row.cells["top5_error"] for row in rows}
    assert (errors["alexnet"], errors["googlenet"], errors["lenet5"]) == (15.3, 6.67, None)


def test_sweep_grows_with_the_square() -> None:
    """Kills sizes that are not those asked for: MACs of convolutions grow with the area."""
    rows = zoo.plot("sweep", nn.Conv2d(3, 4, 1), input=(1, 3, 8, 8), sides=[8, 16, 32]).table.rows
    assert [(row.cells["side"], row.cells["macs"]) for row in rows] == [(8, 768), (16, 3072), (32, 12288)]


# Windows --------------------------------------------------------------------------------------------------------------


class Dilated(nn.Module):
    """Gaps, padding and a stride."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 1, 3, padding=3, dilation=3), nn.Conv2d(1, 1, 3, padding=6, dilation=6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(self.a(x))


def test_windows_show_gaps_and_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a window whose gaps are filled, and one whose padding is not shown."""
    trace = zoo.trace(Dilated(), input=(1, 1, 32, 32))
    field = zoo.receptive_field(trace, "b", (4, 20))
    assert [bin(axis.bits).count("1") for axis in field.axes] == [axis.seen for axis in field.axes] == [5, 7]
    said = words(window_picture(trace, "b", (4, 20)))
    assert "rows 1–13, columns 11–29 of 32×32 pixels" in said
    assert "gaps: 8 rows and 12 columns" in said
    assert "19×19; hatched: padding" in said
    assert "hatched" not in words(window_picture(trace, "b"))


def test_windows_on_rows() -> None:
    """Kills a picture that needs two axes."""
    trace = zoo.trace(nn.Sequential(nn.Conv1d(2, 3, 5), nn.MaxPool1d(3)), input=(1, 2, 21))
    assert "columns 6–12 of 1×21" in words(window_picture(trace, "1", (2,)))


@pytest.mark.parametrize("layers", [["pool1", "conv3", "pool5"], ["conv2", "pool5"]])
def test_cones_are_consistent(layers: list[str], traces: dict[str, zoo.Trace]) -> None:
    """Kills a cone whose planes do not belong together: what the units of a plane see is what the deeper unit sees."""
    trace = traces["alexnet"]
    picture = cone_picture(trace, layers, (0, 4))
    whole = zoo.receptive_field(trace, layers[-1], (0, 4))
    for row in picture.table.rows[1:]:
        (top, left), (bottom, right) = row.cells["first"], row.cells["last"]
        corners = [zoo.receptive_field(trace, row.name, unit) for unit in ((top, left), (bottom, right))]
        for axis in (0, 1):
            assert corners[0].axes[axis].first == whole.axes[axis].first, row.name
            assert corners[1].axes[axis].last == whole.axes[axis].last, row.name
    assert picture.table.rows[0].cells["size"] == [axis.size for axis in whole.axes]


# Inside a network that runs -------------------------------------------------------------------------------------------


def random_network(seed: int) -> nn.Sequential:
    """Convolutions and poolings with random kernels, strides, paddings and dilations."""
    draw = random.Random(seed)
    layers: list[nn.Module] = []
    for _ in range(draw.randint(2, 4)):
        kernel, dilation = draw.randint(1, 3), draw.randint(1, 3)
        reach = (kernel - 1) * dilation
        layers.append(nn.Conv2d(2, 2, kernel, draw.randint(1, 2), draw.randint(0, reach), dilation))
        if draw.random() < 0.4:
            layers.append(draw.choice([nn.Tanh(), nn.AvgPool2d(2, 1), nn.MaxPool2d(3, 1, 1)]))
    return nn.Sequential(*layers)


@pytest.mark.parametrize("seed", range(12))
def test_the_effective_field_lies_within_the_exact_window(seed: int) -> None:
    """Kills a window that is too small, and gradients of another unit."""
    torch.manual_seed(seed)
    net = random_network(seed).double()
    trace = zoo.trace(net, input=(1, 2, 24, 24))
    layer = str(len(net) - 1)
    field = zoo.receptive_field(trace, layer)
    gradients = unit_gradients(net, layer, field.unit, noise((2, 24, 24), 3, seed).double())
    rows, columns = ([bool(axis.bits >> pixel & 1) for pixel in range(24)] for axis in field.axes)
    seen = torch.tensor(rows)[:, None] & torch.tensor(columns)[None]
    found = torch.from_numpy(gradients) != 0
    assert not (found & ~seen).any()
    if not any(isinstance(layer, nn.MaxPool2d) for layer in net):  # whose gradient goes to one pixel
        assert (found == seen).all()


def test_vanishing_gradients_are_reported() -> None:
    """Kills a heat map of nothing."""
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU())
    nn.init.zeros_(net[0].weight)
    with pytest.raises(zoo.ZooError, match=r"the gradients of unit 3,3 vanish"):
        effective_picture(net, "1", input=(1, 1, 8, 8))


def test_effective_fields_leave_the_model_alone() -> None:
    """Kills a run that changes gradients, the mode or the hooks of a model, or the random numbers of the program."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True)).train()
    nn.init.constant_(net[0].bias, 10.0)  # type: ignore[arg-type]  # so that no unit is dead, whatever its weights
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = torch.get_rng_state()
    effective_picture(net, "2", input=(1, 1, 8, 8), inputs=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert net.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not any(module._forward_hooks for module in net.modules())


def test_effective_says_how_it_was_measured() -> None:
    """Kills a figure without number of inputs, seed and weights, and other figures for the same seed."""
    found = effective_picture("lenet5", "S4", inputs=2, seed=3)
    assert found.table.notes == ("mean absolute gradient over 2 random inputs; initial weights (untrained), seed 3",)
    assert "untrained" in words(found)
    sides = [row.cells["side"] for row in found.table.rows]
    assert sides == sorted(sides)
    assert sides[-1] == 16
    assert found.svg() == effective_picture("lenet5", "S4", inputs=2, seed=3).svg()
    assert found.svg() != effective_picture("lenet5", "S4", inputs=2, seed=4).svg()


def test_given_weights_are_used(tmp_path: Path) -> None:
    """Kills pictures of initial weights under the name of given ones."""
    state = zoo.create_model("lenet5").state_dict()
    key = next(name for name, tensor in state.items() if tensor.dim() == 4)
    state[key][0] = 7.0
    torch.save(state, tmp_path / "weights.pt")
    found = filters_picture("lenet5", weights=str(tmp_path / "weights.pt"))
    assert found.table.rows[0].cells["least"] == 7.0
    assert "untrained" not in words(found)


def test_weights_of_any_model(tmp_path: Path) -> None:
    """Kills a file that only a network of the catalogue takes, and layers that keep initial weights without a word."""
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 3))
    state = {f"module.{key}": torch.full_like(tensor, 7) for key, tensor in net.state_dict().items()}
    torch.save(state, tmp_path / "all.pt")
    torch.save({key: tensor for key, tensor in state.items() if not key.startswith("module.2")}, tmp_path / "part.pt")
    found = filters_picture(net, weights=str(tmp_path / "all.pt"), input=(1, 1, 8, 8)).table
    assert {row.cells["least"] for row in found.rows} == {7.0}
    assert found.notes == (f"weights {tmp_path / 'all.pt'}",)
    assert not (net[0].weight == 7).any()  # the module itself is left alone
    (note,) = filters_picture(net, weights=str(tmp_path / "part.pt"), input=(1, 1, 8, 8)).table.notes
    assert note == f"weights {tmp_path / 'part.pt'}, initial weights in 2"


@pytest.mark.parametrize("name", ["kernel", "wiring"])
def test_svg_follows_the_page(name: str) -> None:
    """Kills a white picture on a dark page, and a style that reaches beyond the picture."""
    svg = zoo.picture(name).svg()
    (style,) = re.findall(r"<style>(.*?)</style>", svg)
    assert svg.startswith('<svg class="zoo-plot"')
    assert "@media (prefers-color-scheme:dark){.zoo-plot{filter:invert" in style
    assert all(".zoo-plot" in rule for rule in re.findall(r"[^{}]+(?=\{filter)", style))


def test_maps_are_those_of_the_layer(image: Path) -> None:
    """Kills maps of another layer or another image."""
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 3))
    found = maps_picture(net, "1", image, input=(1, 1, 16, 16))
    assert len(found.table.rows) == 3
    assert all(row.cells["least"] >= 0 for row in found.table.rows)
    other = maps_picture(net, "2", image, input=(1, 1, 16, 16))
    assert len(other.table.rows) == 2
    assert other.svg()


def test_saliency_of_a_linear_model(image: Path) -> None:
    """Kills a gradient of another class: that of a linear score is its weights."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 3, bias=False))
    nn.init.zeros_(net[1].weight)
    with torch.no_grad():
        net[1].weight[2, 5] = 1.0
    found = saliency_picture(net, image, 2, input=(1, 1, 4, 4))
    assert found.table.context["class"] == 2
    with pytest.raises(zoo.ZooError, match="the gradients of class 0 vanish"):
        saliency_picture(net, image, 0, input=(1, 1, 4, 4))
    with pytest.raises(zoo.ZooError, match="class 3: expected an integer from 0 to 2"):
        saliency_picture(net, image, 3, input=(1, 1, 4, 4))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer", "sides"), [("vgg16", "features.pool5", (76, 134, 175)), ("resnet18", "conv4_x", (59, 115, 159))]
)
def test_measured_effective_fields(name: str, layer: str, sides: tuple[int, ...]) -> None:
    """Kills squares that grow around another middle, or hold other shares. Measured with 4 other random inputs."""
    found = [row.cells["side"] for row in effective_picture(name, layer).table.rows[:3]]
    assert found == pytest.approx(sides, abs=6)


# Drawings of lectures -------------------------------------------------------------------------------------------------


def cells(name: str, column: str, **options: Any) -> list[Any]:
    return [row.cells[column] for row in zoo.picture(name, **options).table.rows]


def test_kernel() -> None:
    """Kills a flipped kernel, a wrong stride or padding: torch computes the same."""
    assert cells("kernel", "value") == [4, 3, 4, 2, 4, 3, 2, 3, 4]
    image, weights = "10203/04050/60708/09010/20304", "123/456/780"
    pixels, kernel = (torch.tensor([[float(d) for d in row] for row in text.split("/")])[None, None] for text in (image, weights))
    for stride, padding in ((1, 0), (2, 1), (1, 2)):
        expected = torch.nn.functional.conv2d(pixels, kernel, stride=stride, padding=padding).flatten().tolist()
        assert cells("kernel", "value", image=image, weights=weights, stride=stride, padding=padding) == expected


def test_padding() -> None:
    """Kills sizes other than those of textbooks: 7 pixels with 3: 5, 7, 9; stride 2: 3 and 4; stride 3 leaves one."""
    assert cells("padding", "units") == [5, 7, 9, 3, 4, 2]
    assert cells("padding", "left") == [0, 0, 0, 0, 0, 1]


def test_wiring() -> None:
    """Kills shared weights that are counted once for each use."""
    assert list(zip(cells("wiring", "connections"), cells("wiring", "weights"), strict=True)) == [(25, 25), (13, 13), (13, 3)]
    assert "13 connections" in words(zoo.picture("wiring"))


def test_reach() -> None:
    """Kills arrows that lead elsewhere: Goodfellow et al. 2016, figures 9.2 and 9.3."""
    assert cells("reach", "linked") == [[2, 3, 4], [2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]
    assert cells("reach", "linked", stride=2, inputs=7, of=2)[:2] == [[1, 2], [2, 3, 4]]


def test_deeper() -> None:
    """Kills a cone that grows too slowly: 3, 5, 7 for kernels of 3."""
    assert cells("deeper", "seen") == [7, 5, 3, 1]


def test_toeplitz() -> None:
    """Kills a row that is not the one above, shifted."""
    assert cells("toeplitz", "first") == [0, 1, 2, 3, 4, 5]
    assert cells("toeplitz", "first", stride=2) == [0, 2, 4]


def test_shift() -> None:
    """Kills pooling that changes as much as its input: Goodfellow et al. 2016, figure 9.8."""
    assert cells("shift", "values") == [[0.1, 1, 0.2, 0.1], [1, 1, 1, 0.2], [0.3, 0.1, 1, 0.2], [0.3, 1, 1, 1]]
    assert cells("shift", "changed") == [0, 0, 4, 2]


def test_volumes() -> None:
    """Kills filters that do not reach through all channels: 10 of 3x5x5 with biases hold 760 numbers."""
    row = zoo.picture("volumes", filters=10, padding=2).table.rows[-1]
    assert (row.cells["shape"], row.cells["params"]) == ([10, 32, 32], 760)


def test_heads(traces: dict[str, zoo.Trace]) -> None:
    """Kills heads with other numbers than VGG-16's and ResNet's."""
    rows = {row.name: row.cells["params"] for row in zoo.measure(traces["vgg16"], columns=["params"]).rows}
    assert cells("heads", "params")[0] == sum(rows[f"classifier.fc{i}"] for i in (6, 7, 8))
    assert cells("heads", "params", maps=(2048, 7, 7))[1] == 2_049_000


def test_inception_is_that_of_googlenet(traces: dict[str, zoo.Trace]) -> None:
    """Kills a module with other costs than the network's."""
    module = next(
        row for row in zoo.measure(traces["googlenet"], columns=["params", "macs"], depth=1).rows if row.name == "inception_3a"
    )
    rows = [row for row in zoo.picture("inception").table.rows if row.name.startswith("reduced")]
    assert {column: sum(row.cells[column] for row in rows) for column in ("params", "macs")} == module.cells
    naive = [row for row in zoo.picture("inception").table.rows if row.name.startswith("naive")]
    assert sum(row.cells["macs"] for row in naive) > 2 * module.cells["macs"]


def test_residual_units_are_those_of_resnet(traces: dict[str, zoo.Trace]) -> None:
    """Kills units with other costs than the network's."""
    unit = next(row for row in zoo.measure(traces["resnet50"], columns=["macs"], depth=2).rows if row.name == "conv2_x.1")
    rows = zoo.picture("residual").table.rows
    assert sum(row.cells["macs"] for row in rows if row.type == "bottleneck") == unit.cells["macs"]


# The command line -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("plot growht alexnet", "unknown kind of plot 'growht'; did you mean growth?"),
        ("plot roofline lenet5 --device tpu", "unknown device 'tpu'; choose from t4, v100, a100, h100"),
        ("plot roofline lenet5 --device 1:x", "device: expected FLOPs and bytes per second, such as 19.5e12:1555e9, got '1:x'"),
        ("plot cost lenet5 --device a100", "--device applies to zoo plot roofline only"),
        ("plot sweep alexnet --sizes {8,16}", "alexnet: fewer than two sizes fit"),
        ("plot growth lenet5 -o FOLDER/none/x.png", "No such file or directory"),
        ("plot growth lenet5 -o FOLDER/x.gif", "for a picture, one of .png .pdf .svg"),
        ("picture krnel", "unknown drawing 'krnel'; did you mean kernel?"),
        ("picture -o FOLDER/x.png", "name the drawing"),
        ("picture kernel --image 12/3", "image: expected rows of digits of equal length"),
        ("picture kernel --at 3,3", "at: expected row,column of a map of 3×3"),
        ("picture toeplitz --size 1000", "expected at most 48 units in a row, got 1,000"),
        ("picture padding --size 1", "a window of 3 does not fit on 1 units with padding 0"),
        ("picture reach --of 9", "of: expected an integer from 1 to 5, got 9"),
        ("rf lenet5 -o FOLDER/x.png", "requires LAYER"),
        ("rf lenet5 S9 -o FOLDER/x.png", "unknown layer of lenet5 'S9'"),
        ("rf lenet5 S2 --image FOLDER/none.png -o FOLDER/x.png", "none.png: no such file"),
        ("rf lenet5 S2 --image FOLDER/bad.png -o FOLDER/x.png", "bad.png: cannot read it as an image"),
        ("rf lenet5 S2 --effective --maps", "separate pictures; choose one"),
        ("rf lenet5 flatten --effective", "flatten is an operation and not a module"),
        ("rf lenet5 S2 --maps", "expected an image: pass --image FILE"),
        ("rf lenet5 S2 --weights x.pt", "--weights requires --effective"),
    ],
)
def test_bad_input(arguments: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a traceback, a file that is half-written, and a message that does not say what to do."""
    (tmp_path / "bad.png").write_bytes(b"not an image")
    assert run(arguments.replace("FOLDER", str(tmp_path)).split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["bad.png"]


def test_pictures_without_matplotlib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a traceback for a missing extra, and data that requires it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(["plot", "growth", "lenet5", "-o", str(tmp_path / "x.png")]) == 2
    assert "pip install 'zoo[plot]'" in capsys.readouterr().err
    assert run(["plot", "growth", "lenet5", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["largest"] == 1


def test_data_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a table among the notes, where a pipe does not find it."""
    commands = (
        "rf lenet5",
        "rf lenet5 S2",
        "rf lenet5 --layers C1,S2",
        "rf lenet5 C1 --effective",
        "plot cost lenet5",
        "picture shift",
    )
    for command in commands:
        assert run([*command.split(), "-f", "json"]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["rows"]
        assert err == ""
    assert run("picture shift -f svg".split()) == 0
    assert capsys.readouterr().out.startswith("<svg")


def test_files_of_all_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a suffix that is taken for another format."""
    for suffix, start in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<svg"), (".csv", b"name,")):
        file = tmp_path / f"x{suffix}"
        assert run(["picture", "shift", "-o", str(file)]) == 0
        assert file.read_bytes().startswith(start)
    assert capsys.readouterr() == ("", "")


def test_kept_traces_need_no_torch(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a picture that waits for torch although everything it shows is known."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    assert run(["plot", "cost", "lenet5"]) == 0
    commands = [["plot", "growth", "lenet5"], ["rf", "lenet5", "S4"], ["picture", "inception"]]
    code = "import sys; from zoo_cli.main import run\n"
    code += "".join(f"assert run({[*command, '-o', str(tmp_path / 'x.svg')]!r}) == 0\n" for command in commands)
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert (done.stdout, done.stderr) == ("False\n", "")
    capsys.readouterr()


def test_images_have_the_size_of_a_column() -> None:
    """Kills a figure that has to be scaled to be printed: 85 mm wide, 300 pixels to the inch."""
    from PIL import Image

    with Image.open(io.BytesIO(zoo.picture("kernel").encode("png"))) as drawn:
        assert drawn.width == pytest.approx(85 / 25.4 * 300, abs=1)


# The gallery ----------------------------------------------------------------------------------------------------------

DOCS = Path(__file__).parent.parent / "docs"
GALLERY = re.findall(
    r"\$ zoo (.* -o (\w+\.svg))\n```\n\n!\[[^\]]+\]\(plots/(\w+\.svg)\)", (DOCS / "plots.md").read_text(encoding="utf-8")
)


def test_the_gallery_shows_every_picture() -> None:
    """Kills a kind of picture that the page forgets, and a picture without its command."""
    shown = {arguments.split()[1] for arguments, _, _ in GALLERY}
    assert {*plots(), *drawings()} <= shown
    assert {file.name for file in (DOCS / "plots").iterdir()} == {image for _, _, image in GALLERY}
    assert all(written == image for _, written, image in GALLERY)


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "written", "image"), GALLERY, ids=[image for _, _, image in GALLERY])
def test_the_gallery_is_made_by_its_commands(
    arguments: str, written: str, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills yesterday's picture: all words are those of today. ZOO_RENEW_GOLDENS=1 writes today's pictures."""
    monkeypatch.chdir(tmp_path)
    assert run(arguments.split()) == 0
    now = (tmp_path / written).read_text(encoding="utf-8")
    kept = DOCS / "plots" / image
    if os.environ.get("ZOO_RENEW_GOLDENS"):
        kept.write_text(now, encoding="utf-8")
    assert re.findall(r"<text[^>]*>([^<]*)</text>", now) == re.findall(
        r"<text[^>]*>([^<]*)</text>", kept.read_text(encoding="utf-8")
    )


def test_growth_of_an_input_without_channels() -> None:
    """Kills an IndexError for words and other inputs of one axis."""
    picture = zoo.plot("growth", nn.Embedding(10, 4), input=zoo.Input((1, 6), "int64"))
    assert [*picture.table.context["input"].values()] == [6]


def test_seeds_of_pictures() -> None:
    """Kills an overflow in torch for a seed that it does not take."""
    with pytest.raises(zoo.ZooError, match="seed 99999999999999999999: expected an integer from 0 to 18,446,744,073,709,551,615"):
        effective_picture("lenet5_modern", "C3", seed=99999999999999999999)
