"""Edges of columns, comparisons, sweeps, tables and targets: each case is small, and notices a change that larger ones let pass."""

import contextvars
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from inspect import signature
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import zoo
from zoo.analysis import choose, inside
from zoo.analysis.connectivity import units_line
from zoo.analysis.experiment import experiment
from zoo.analysis.explanation import Explanation
from zoo.analysis.pattern import _pooled, parts
from zoo.analysis.reductions import _by_field
from zoo.analysis.repeats import repeats
from zoo.analysis.rows import group, readable_depth, without
from zoo.analysis.stages import find_layers, find_stages
from zoo.analysis.working import Place, Wiring, places
from zoo.models import caching, running, shipping
from zoo.models.by_hand import trace_of
from zoo.models.described import Spec, read
from zoo.models.revisions import revision_of
from zoo.models.targets import Quirk, resolve
from zoo.ops.window import Axis
from zoo.questions import sweep
from zoo.receptive.shown import Shown
from zoo.tables.content import Column, Content, Row
from zoo.tables.formats._cells import cell
from zoo.tables.formats._layout import Layout, _fits_broken
from zoo.tables.formats._parquet import _array
from zoo.tables.formats.text import render
from zoo.tables.notes import Defaults


class Net(nn.Module):
    """A forward that is written as a function of the inputs and of parts that have names."""

    def __init__(self, way: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.way, self.names = way, [*parts]
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *xs: Tensor) -> Any:
        return self.way(*xs, *(getattr(self, name) for name in self.names))


def cells(net: Any, column: str, *shapes: Any) -> list[Any]:
    """One column of the table."""
    return [row.cells[column] for row in zoo.summary(net, input=list(shapes) or None, columns=[column]).rows]


# Columns --------------------------------------------------------------------------------------------------------------


def test_activations() -> None:
    """Kills an activation that is not seen after a norm, and one that is seen after a pooling."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.MaxPool2d(2), nn.Tanh())
    assert cells(net, "activation", (1, 1, 12, 12)) == ["ReLU", None, None, None, "tanh", None]


def test_maps_and_sizes() -> None:
    """Kills maps of what has none, and sizes without an element."""
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(2), nn.Linear(36, 5), nn.Flatten(), nn.Linear(20, 3))
    assert cells(net, "maps", (1, 1, 8, 8)) == [4, None, None, None, None]
    assert cells(net, "size", (1, 1, 8, 8)) == [[6, 6], 36, 5, 20, 3]
    assert cells(nn.Linear(4, 3), "size", (1, 4)) == [3]


def test_units_and_connections() -> None:
    """Kills units of a layer that has none: LeCun et al. 1998, section II.B, gives the connections of each layer."""
    table = zoo.summary("lenet5", columns=["units", "connections"], depth=1)
    found = {row.name: (row.cells["units"], row.cells["connections"]) for row in table.rows}
    assert {name: found[name] for name in ("C1", "S2", "C3", "S4", "C5", "F6")} == {
        "C1": (6 * 28 * 28, 122_304),
        "S2": (6 * 14 * 14, 5_880),
        "C3": (16 * 10 * 10, 151_600),
        "S4": (16 * 5 * 5, 2_000),
        "C5": (120, 48_120),
        "F6": (84, 10_164),
    }
    assert cells(nn.Sequential(nn.Conv2d(1, 1, 3), nn.MaxPool2d(2)), "units", (1, 1, 8, 8)) == [36, 0]


def test_connections_of_steps() -> None:
    """Kills biases that are counted once for all steps, or once for each unit of a state: 5 steps of (3 + 4 + 2)·4 links."""
    assert cells(nn.RNN(3, 4), "connections", (5, 1, 3))[-1:] == [5 * (3 + 4 + 2) * 4]


def test_layers_in_a_derivation() -> None:
    """Kills a factor of one layer."""
    for layers in (1, 2):
        op = zoo.trace(nn.RNN(3, 4, layers), input=(5, 1, 3)).ops[-1]
        assert ("layers" in units_line(op, 5 * 4 * layers).symbols) == (layers > 1)


def test_strides_of_fields() -> None:
    """Kills the logarithm of nothing."""
    assert [_by_field(field) for field in ({"stride": [4, 4]}, {"stride": [0, 4]}, {}, None)] == [4, None, None, None]


def test_rows_without() -> None:
    """Kills modules inside of others that stay, and others that go."""
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 2))
    trace = zoo.trace(net, input=(1, 2))
    assert [len(found[0].ops) for found in (without(trace, [one]) for one in ("0", "0.1", "*"))] == [1, 2, 0]


def test_readable_depth() -> None:
    """Kills a depth whose table is one row too long, or that leaves room for another level."""
    net = nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Tanh()), nn.Linear(2, 2))
    trace = zoo.trace(net, input=(1, 2))
    rows = [len(group(trace, depth)) for depth in (1, 2, 3)]
    assert rows == [2, 3, 4]
    assert [readable_depth(trace, most) for most in (1, 2, 3, 4)] == [1, 1, 2, None]


def test_parts() -> None:
    """Kills names that are numbers or ambiguous, and a pooling of features that is said to be global."""
    first, second = nn.Sequential(nn.Conv2d(1, 2, 3)), Net(lambda x, norm, act: act(norm(x)), norm=nn.BatchNorm2d(2), act=nn.ReLU())
    net = Net(lambda x, a, b, act: act(b(a(x))), a=first, b=second, act=nn.ReLU())
    found = parts(group(zoo.trace(net, input=(1, 1, 8, 8))))
    assert [part.name for part in found] == ["a.0", "norm", "b.act", "act"]
    assert [_pooled(*shapes) for shapes in (((1, 8), (1, 4)), ((1, 2, 8, 8), (1, 2, 1, 1)), ((1, 2, 8), (1, 2, 4)))] == [
        "POOL",
        "GAP",
        "POOL",
    ]


def test_derivations() -> None:
    """Kills a chain of windows without its formula, the last unit of a branch that is forgotten, and a wrong reason for 0."""
    net = nn.Sequential(nn.Conv2d(1, 1, 3, 2), nn.Conv2d(1, 1, 3))
    assert "size = 3 + (3 - 1)*2 = 7" in str(zoo.explain(net, "1", ["rf"], input=(1, 1, 12, 12)))
    joined = Net(lambda x, conv: conv(x) + x.mean((2, 3), keepdim=True), conv=nn.Conv2d(1, 1, 3, 2))
    assert "max(10, 11) - 0 + 1 = 12" in str(zoo.explain(joined, columns=["rf"], input=(1, 1, 12, 12)))  # unit 4 sees 8 to 10
    unread = Net(lambda x, one, other: one(x), one=nn.Flatten(), other=nn.Linear(2, 2))
    assert "0: nothing is counted for flatten" in str(zoo.explain(unread, "one", ["macs"], input=(1, 2)))
    assert "0: this forward does not read it" in str(zoo.explain(unread, "other", ["macs"], input=(1, 2)))


def test_long_steps() -> None:
    """Kills steps of a chain that are broken where there is room, and not where there is none."""
    found = zoo.explain(nn.Sequential(nn.Conv2d(1, 1, 3)), "0", ["rf"], input=(1, 1, 12, 12))
    assert "size = 1 + (3 - 1)*1 = 3, stride = 1*1 = 1" in found.text(100)
    assert max(map(len, found.text(40).splitlines())) <= 100
    assert "= 3, stride" not in found.text(40)


def test_places() -> None:
    """Kills a module that is explained by the one module in it."""
    net = nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU())), nn.Linear(2, 2))
    found = {place.group.name: [row.name for row in place.rows] for place in places(zoo.trace(net, input=(1, 2)))}
    assert (found["Sequential"], found["0"], found["0.0"]) == (["0", "1"], ["0.0.0", "0.0.1"], ["0.0.0", "0.0.1"])


def test_shares() -> None:
    """Kills columns that are not shown by default, or are no sums, where sums are named."""
    with pytest.raises(zoo.ZooError) as error:
        zoo.summary("lenet5", columns=["rf%"])
    named = str(error.value).partition("the sums are ")[2].split(", ")
    shown = {column.name for column in zoo.summary("lenet5").columns}
    assert "macs%" in named
    assert {name.removesuffix("%") for name in named} <= shown - {"rf", "output"}


def test_shares_of_nothing() -> None:
    """Kills a share of a total of 0."""
    table = zoo.summary(nn.ReLU(), input=(1, 4), columns=["params%"])
    assert ([row.cells["params%"] for row in table.rows], table.total.get("params%")) == ([None], None)


class Block(nn.Sequential):
    """A block by name."""


class Another(nn.Sequential):
    """The same by another name."""


class Wired(nn.Module):
    """A sum of an activation and the input, or of the activation and itself."""

    def __init__(self, twice: bool) -> None:
        super().__init__()
        self.twice = twice

    def forward(self, x: Tensor) -> Tensor:
        y = x.relu()
        return y + (y if self.twice else x)


def test_what_repeats() -> None:
    """Kills blocks that are said to repeat and are of other types, or run their ops with other arguments or on other tensors."""
    ways = {
        "alike": (Block(nn.Conv2d(2, 2, 3, padding=1)), Block(nn.Conv2d(2, 2, 3, padding=1))),
        "of other types": (Block(nn.Conv2d(2, 2, 3, padding=1)), Another(nn.Conv2d(2, 2, 3, padding=1))),
        "wired alike": (Wired(False), Wired(False)),
        "wired otherwise": (Wired(False), Wired(True)),
        "of other arguments": (Block(nn.Conv2d(2, 2, 3, padding=1)), Block(nn.Conv2d(2, 2, 3, padding=2, dilation=2))),
    }
    traces = {name: zoo.trace(nn.Sequential(*blocks), input=(1, 2, 8, 8)) for name, blocks in ways.items()}
    repeating = [name for name, trace in traces.items() if [*repeats(trace).calls] != [*range(len(trace.calls))]]
    assert repeating == ["alike", "wired alike"]


def test_bytes_of_types() -> None:
    """Kills bytes of one type that are not added up where there are several: 2×2 weights and 2 biases, of 4 and of 2 bytes."""
    net = Net(lambda x, one, other: other(one(x).half()), one=nn.Linear(2, 2), other=nn.Linear(2, 2).half())
    assert zoo.summary(net, input=(1, 2), columns=["param_bytes"]).total["param_bytes"] == {"float16": 12, "float32": 24}


@pytest.mark.parametrize(
    ("given", "said"),
    [([1], "1 cells for 2 rows"), ([1, {1, 2}], "a cell is a set: expected numbers"), ([1, 2], None)],
)
def test_cells_of_a_plugin(given: list[Any], said: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a column of another package with too few cells, or with one that not every format can show, that is shown."""

    class Given:
        column = Column(f"of {said}", "", "")

        def measure(self, trace: Any, groups: Any) -> Any:
            return given, None

    trace = zoo.trace(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), input=(1, 2))
    cells, _ = choose._Others(Given(), "acme").measure(trace, group(trace))
    assert cells == ([None, None] if said else given)
    assert (said or "") in capsys.readouterr().err


def test_stages_and_layers() -> None:
    """Kills an unknown layer that is said to be a network without stages, and a stage that is said to be an unknown layer."""
    trace = zoo.trace(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), input=(1, 3, 2, 2))
    assert [*find_layers(trace, ["1"])] == ["1"]
    with pytest.raises(zoo.ZooError, match="no stages"):
        find_layers(trace, ["stage1"])
    with pytest.raises(zoo.ZooError, match="nothing"):
        find_layers(trace, ["nothing"])


def test_stages_lead_to_the_first_output() -> None:
    """Kills stages that are cut short because another output is made on the way."""
    parts = {"a": nn.Conv2d(1, 2, 3, 2, 1), "b": nn.Conv2d(2, 4, 3, 2, 1), "aside": nn.Conv2d(2, 2, 3, 1, 1)}
    trace = zoo.trace(Net(lambda x, a, b, aside: (b(x := a(x)), aside(x)), **parts), input=(1, 1, 32, 32))
    assert [stage.layer for stage in find_stages(trace)] == ["a", "b"]


def test_unknown_units() -> None:
    """Kills a unit that is counted where nobody knows how many there are."""
    net = Net(lambda x, f: x * torch.linalg.eigvalsh(f.weight).sum(), f=nn.Linear(2, 2, bias=False))
    assert cells(net, "units", (1, 2)) == [{"at_least": 0, "unknown": {"_linalg_eigh": 1}}, 0, 0]


# What is seen ---------------------------------------------------------------------------------------------------------


def test_experiment_counts() -> None:
    """Kills tallies of one axis, and a row other than the last: 3×3 is predicted for a layer that is 1×1."""
    net, other = nn.Sequential(nn.Conv2d(1, 1, 1)), nn.Sequential(nn.Conv2d(1, 1, 3, padding=1))
    (found,) = experiment(net, zoo.trace(other, input=(1, 1, 8, 8)), (1, 1, 8, 8), rows=(1,))
    assert (found.predicted, found.reached, found.verdict) == (2 * 2 * 8, 2 * 8, "differs")


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_experiment_enlarges(mode: str) -> None:
    """Kills NaNs that weights of zero spread."""
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Upsample(scale_factor=2, mode=mode), nn.Conv2d(1, 1, 1))
    assert {found.verdict for found in experiment(net, zoo.trace(net, input=(1, 1, 8, 8)), (1, 1, 8, 8))} == {"equal"}


def test_gradients() -> None:
    """Kills sums that are said to be means, and scores of classes that there are not."""
    conv = nn.Conv2d(2, 1, 3, bias=False)
    found = inside.unit_gradients(nn.Sequential(conv), "0", (0, 0), torch.rand(3, 2, 3, 3))
    torch.testing.assert_close(torch.from_numpy(found), conv.weight.detach().abs().sum((0, 1)).double())
    features = nn.Sequential(nn.Flatten(), nn.Linear(4, 1, bias=False))
    found = inside.unit_gradients(features, "1", (), torch.rand(3, 1, 2, 2))
    torch.testing.assert_close(torch.from_numpy(found).flatten(), features[1].weight[0].detach().abs().double())
    with pytest.raises(zoo.ZooError, match="3 dimensions"):
        inside.unit_gradients(nn.Sequential(nn.Flatten(2)), "0", (), torch.rand(1, 1, 2, 2))
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    saliency, label, scores = inside.class_gradient(net, image := torch.rand(1, 2, 2))
    assert (label, scores) == (int(net(image[None]).argmax()), net(image[None])[0].tolist())
    torch.testing.assert_close(torch.from_numpy(saliency).flatten(), net[1].weight[label].detach().abs())
    assert inside.class_gradient(net, image, 2)[1] == 2
    for label in (-1, 3):
        with pytest.raises(zoo.ZooError, match="from 0 to 2"):
            inside.class_gradient(net, image, label)


def test_normalised() -> None:
    """Kills an image that is not as torchvision normalises it."""
    functional = pytest.importorskip("torchvision.transforms.functional")
    pixels = torch.randint(0, 256, (4, 5, 3), dtype=torch.uint8).numpy()
    expected = functional.normalize(functional.to_tensor(pixels), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(inside.normalised(pixels, 3), expected)


# Comparing ------------------------------------------------------------------------------------------------------------


def chain(**parts: nn.Module) -> nn.Module:
    """Parts one after the other."""

    def way(x: Tensor, *parts: nn.Module) -> Tensor:
        for part in parts:
            x = part(x)
        return x

    return Net(way, **parts)


def test_layers_of_a_name() -> None:
    """Kills a name that speaks against two layers being one, and changed layers that are said to be the same."""
    before = chain(a=nn.Linear(4, 4), b=nn.Linear(4, 4))
    after = chain(b=nn.Linear(4, 5), a=nn.Linear(5, 6), last=nn.Linear(6, 4))
    found = zoo.diff(chain(a=nn.Linear(4, 4)), chain(b=nn.Linear(4, 5), a=nn.Linear(5, 6)), input=(1, 4))
    assert [(row.name, row.type) for row in found.rows] == [("b", "added"), ("a", "changed")]
    assert "0 layers are the same in both" in str(found.notes)
    assert "2 layers are the same in both" in str(zoo.diff(before, chain(c=nn.Linear(4, 4), b=nn.Linear(4, 4)), input=(1, 4)).notes)
    renamed = zoo.diff(chain(a=nn.Linear(4, 4)), chain(b=nn.Linear(4, 5)), input=(1, 4))
    assert "0 layers are the same in both" in str(renamed.notes)
    kept = zoo.diff(
        nn.Sequential(OrderedDict(a=nn.Conv1d(2, 2, 3))),
        nn.Sequential(OrderedDict(b=nn.Conv1d(2, 2, 1), c=nn.Conv1d(2, 2, 3, 2))),
        input=(1, 2, 9),
    )
    assert [row.type for row in kept.rows] == ["added", "changed"]  # of equal weights, not of an equal place
    assert {row.type for row in zoo.diff(before, after, input=(1, 4)).rows} <= {"changed", "added", "removed"}


def test_layers_that_read_others() -> None:
    """Kills inputs that are taken for layers, and what is read but not said."""
    one = Net(lambda x, y, f, g: f(x) + g(y), f=nn.Linear(4, 3), g=nn.Linear(4, 3))
    other = Net(lambda x, y, f, g: f(y) + g(x), f=nn.Linear(4, 3), g=nn.Linear(4, 3))
    rows = zoo.diff(one, other, input=[(1, 4), (1, 4)]).rows
    assert [(row.name, row.type, row.cells["first"], row.cells["second"]) for row in rows] == [
        ("f", "rewired", "reads the input", "reads input 2"),
        ("g", "rewired", "reads input 2", "reads the input"),
    ]


def test_padding_by_default() -> None:
    """Kills padding that is said to be the default and is not, and the reverse."""
    said = [str(zoo.explain(nn.Sequential(nn.Conv2d(1, 1, 3, padding=p)), "0", ["output"], input=(1, 1, 8, 8))) for p in (0, 1)]
    assert ["padding, the default" in text for text in said] == [True, False]


def test_windows_are_described() -> None:
    """Kills groups that are not said, and a window of one axis that has no size."""
    found = zoo.diff(nn.Sequential(nn.Conv1d(4, 4, 3)), nn.Sequential(nn.Conv1d(4, 4, 3, groups=2)), input=(1, 4, 8))
    (row,) = found.rows
    assert "3/1" in row.cells["first"]
    assert "groups 2" in row.cells["second"]
    (row,) = zoo.diff(nn.Sequential(nn.MaxPool2d(2)), nn.Sequential(nn.MaxPool2d(4)), input=(1, 4, 8, 8)).rows
    assert (row.cells["first"][:14], row.cells["second"][:14]) == ("max_pool2d 2/2", "max_pool2d 4/4")


# Sweeps ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "total", "jobs", "more", "apart"),
    [
        ("lenet5", 1, None, {}, False),
        ("torchvision:alexnet", 1, 1, {}, False),
        ("timm:resnet18", 1, 1, {}, False),
        ("net.py:Net", 1, 1, {}, True),
        ("lenet5", 1, 2, {}, True),
        ("lenet5", 10**6, 1, {}, False),
        ("lenet5", 10**6, None, {}, True),
        ("lenet5", 1, 1, {"journal": "x"}, True),
        ("lenet5", 1, 1, {"timeout": 1.0}, True),
        ("lenet5", 1, 1, {"executor": object()}, True),
    ],
)
def test_where_points_are_computed(
    target: str, total: int, jobs: int | None, more: dict[str, Any], apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills code that could end this process and runs in it, and workers for a handful of points."""
    monkeypatch.setattr("zoo.util.workers.cores", lambda: 2)
    given = {"executor": None, "journal": None, "timeout": None} | more
    assert sweep._apart(target, total, given["executor"], jobs, given["journal"], given["timeout"]) == apart


@pytest.mark.parametrize("timeout", [None, 5.0])
def test_points_go_together(timeout: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills points with a time limit of their own that share a task, and others that have one each."""
    given: list[int] = []

    def gather(tasks: dict[str, Any], work: Any, **how: Any) -> dict[str, Any]:
        given.extend(len(points) for _, _, points, *_ in tasks.values())
        return {name: {"rows": [{} for _ in points]} for name, (_, _, points, *_) in tasks.items()}

    monkeypatch.setattr(sweep, "gather", gather)
    monkeypatch.setattr(sweep, "_rows", lambda *_: [{}])  # of one point
    sweep._gathered("lenet5", [{}], [(1, 1, side, side) for side in range(32, 80)], (), {"timeout": timeout}, None)
    assert given == ([1] * 48 if timeout else [3] * 16)


# Pages of text --------------------------------------------------------------------------------------------------------


def page(width: int, *names: str, times: int = 1, **cells: str) -> Layout:
    """A table of words that are never hidden, on a page."""
    rows = [Row(names[0], names[1], cells, times)]
    return Layout(Content("t", {}, tuple(Column(name, "words", "", hide_order=0) for name in cells), tuple(rows)), width)


@pytest.mark.parametrize(
    ("width", "name", "kind"),
    [(51, 20, 12), (50, 20, 11), (47, 19, 9), (42, 14, 9), (30, 14, 9), (29, 14, 8), (25, 14, 4), (24, 13, 4), (15, 5, 4)],
)
def test_what_is_cut_first(width: int, name: int, kind: int) -> None:
    """Kills an order other than: the type to 9, the name to 14, words are broken, the type to 3 and …, the name to 5."""
    words = "one two six ten"  # 17 with their gap, or 5 if each stands on a line of its own
    assert page(width, "n" * 20, "t" * 12, c=words).label_widths == (name, kind)


def test_repetitions_are_not_cut() -> None:
    """Kills a type that is cut to less than its number of repetitions, or to more than that."""
    assert page(15, "n" * 20, "t" * 12, times=35, words="one two").label_widths == (5, len("…") + len(" ×35"))


@pytest.mark.parametrize(("width", "columns"), [(39, 2), (38, 0)])
def test_room_for_sentences(width: int, columns: int) -> None:
    """Kills sentences that are set in less than 12 characters each: 11 for name and type, 12 and a gap for each of two."""
    sentence = "one two six ten one two"
    assert len(page(width, "n", "t", first=sentence, second=sentence).columns) == columns


def test_gaps_between_words() -> None:
    """Kills a gap between columns that is not two characters wide."""
    header = render(page(60, "n", "t", first="one", second="two").table, 60).splitlines()[1]
    assert header == "name   type  first  second"


def test_names_of_words_are_broken() -> None:
    """Kills a name that is cut although each of its words fits."""
    assert _fits_broken("one two", 3)
    assert not _fits_broken("one four", 3)


# Described layers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_rounded_up(stride: int) -> None:
    """Kills a last window that begins beyond the padded image, or is missing: as torch has it."""
    for size in range(4, 11):
        for kernel, padding in ((2, 1), (3, 1), (3, 0), (2, 0)):
            found = trace_of((1, size), read(f"pool {kernel}/{stride} pad {padding} ceil"))
            expected = F.max_pool1d(torch.zeros(1, 1, size), kernel, stride, padding, ceil_mode=True)
            assert found.outputs[0].shape == expected.shape


def test_uneven_padding() -> None:
    """Kills padding that is as wide before as after where it is uneven: as torch pads a window of 6."""
    ours = zoo.measure(trace_of((1, 12, 12), read("conv 1 6x6 same")), columns=["rf"]).total["rf"]
    assert ours == zoo.summary(nn.Conv2d(1, 1, 6, padding="valid"), input=(1, 1, 12, 12), columns=["rf"]).total["rf"] | {
        "padding": [2, 2]
    }


def test_a_described_chain() -> None:
    """Kills a chain of layers that is itself said to be a layer."""
    found = trace_of((1, 8, 8), read("conv 2 3x3 | relu"))
    expected = zoo.trace(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), input=(1, 1, 8, 8))
    assert [call.leaf for call in found.calls] == [call.leaf for call in expected.calls]


def test_described_attributes() -> None:
    """Kills arguments of one layer that another one has."""
    found = {op.kind: dict(op.attrs) for op in trace_of((4,), read("relu | dropout | softmax")).ops}
    expected = {op.kind: op.attrs for op in zoo.trace(nn.Sequential(nn.ReLU(), nn.Dropout(), nn.Softmax(1)), input=(1, 4)).ops}
    assert found.keys() == expected.keys()
    assert all(expected[kind][name] == given for kind, several in found.items() for name, given in several.items())
    assert [len(found[kind]) > 0 for kind in ("relu", "dropout", "softmax")] == [False, True, True]


@pytest.mark.parametrize("kernel", ["0", "True", "2.5", "(3, 0)", "()"])
def test_sizes_of_windows(kernel: str) -> None:
    """Kills a window of nothing, and one that is no number."""
    with pytest.raises(zoo.ZooError, match="kernel_size: expected an integer >= 1"):
        read(f"Conv2d(3, 4, {kernel})")
    assert trace_of((3, 8, 8), read("MaxPool2d(2, padding=0)")).outputs[0].shape == (1, 3, 4, 4)


# Targets and files ----------------------------------------------------------------------------------------------------


def test_without_the_cache() -> None:
    """Kills a cache that is used where it is not wanted."""

    def look() -> list[str | None]:
        with caching.in_use():
            before = caching.key({"a": 1}, lambda: {"b": "c"})
            caching.do_without()
            return [before, caching.key({"a": 1}, lambda: {"b": "c"})]

    first, second = contextvars.copy_context().run(look)
    assert first is not None
    assert second is None


def test_revisions() -> None:
    """Kills a file that is taken for what is in it."""
    found = revision_of("main~2:models/net.py:Net")
    assert found is not None
    assert [*vars(found).values()][:3] == ["main~2", "models/net.py", "Net"]


def test_defaults() -> None:
    """Kills a default that is another: one image, a page of 100 characters, rows that are not folded, sizes that are cut off."""
    subject = resolve(nn.Conv2d(3, 4, 3), {})
    assert subject.shape() == subject.shape(1) == (1, *subject.input)
    assert resolve("torchvision:googlenet", {}).times == resolve("torchvision:squeezenet1_1", {}).times == 1
    plain = trace_of((3, 8, 8), [Spec("conv", "conv", 4, (3,), (1,))])
    assert [param.shape for param in plain.params] == [param.shape for param in nn.Conv2d(3, 4, 3).parameters()]
    assert not Spec("conv", "conv").ceil
    blocks = zoo.trace(nn.Sequential(*[nn.Sequential(nn.Linear(2, 2), nn.ReLU()) for _ in range(4)]), input=(1, 2))
    assert [row.name for row in group(blocks)] == [f"{i}.{j}" for i in range(4) for j in range(2)]
    assert trace_of((1, 8), read("conv 1 3/2")).outputs[0].shape == nn.Conv1d(1, 1, 3, 2)(torch.zeros(1, 1, 8)).shape
    explained = zoo.explain("lenet5", "C3", ["params", "rf"])
    assert explained.text() == explained.text(100)
    assert signature(Explanation.text).parameters["width"].default == 100


@pytest.mark.parametrize("kind", [Shown, Axis, Quirk, choose.Share, choose._Others, Place, Wiring, running.Run])
def test_records_do_not_change(kind: type) -> None:
    """Kills a record that can be written to, or that holds more than its fields."""
    one = object.__new__(kind)
    name = fields(kind)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(one, name, None)
    assert hasattr(one, "__dict__") == (kind not in {Shown, Axis})


def test_several_inputs() -> None:
    """Kills one input of a network that takes several of a kind."""
    subject = resolve(nn.Conv2d(3, 4, 3), {})
    assert subject.shape(2) == (2, *subject.input)
    assert replace(subject, times=2).shape(2) == [(2, *subject.input)] * 2


@pytest.mark.parametrize("stride", [8, 32])
def test_few_sizes_are_tried(stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a search for the multiples of 8 that passes all of them by, and then tries every size."""
    tried: list[int] = []
    monkeypatch.setattr(running, "_fits", lambda subject, shape, train: tried.append(shape[-1]) or shape[-1] % stride == 0)
    assert running._smallest(resolve("lenet5", {}), (1, 1, 224, 224), False) == (1, stride, stride)
    assert len(tried) <= stride // 8 + 8 + 6  # every eighth size, the seven before and itself, its divisors


@pytest.mark.parametrize("least", [17, 18, 19])
def test_smallest_input(least: int) -> None:
    """Kills a size that is found and is not the smallest, and one that is not found on an image that is not square."""
    subject = replace(resolve(nn.Conv2d(3, 4, least), {}), input=(3, 64, 8))
    assert running._smallest(subject, (1, 3, 4, 4), False) == (3, least, least)


def test_no_integers() -> None:
    """Kills a note on integers that a network does not take."""
    assert not any(isinstance(note, Defaults) for note in zoo.summary(nn.Linear(4, 2), input=(1, 4)).notes)


def test_sizes_that_are_shipped() -> None:
    """Kills facts on shapes that are tried on another input than the network's."""
    assert shipping._resizes("lenet5", zoo.trace("lenet5"), "eval")


def test_prefixes() -> None:
    """Kills a count of layers with a prefix, and one of weights without."""
    units = {unit: cell(Column("n", unit, "", scaled=True), 12_345) for unit in ("layers", "parameters")}
    assert units == {"layers": "12,345", "parameters": "12.3 k"}


def test_cells_of_several_kinds() -> None:
    """Kills an empty cell that becomes a word, and a number that becomes none."""
    pyarrow = pytest.importorskip("pyarrow")
    assert _array(pyarrow, [1, None, "many"], pyarrow.int64()).to_pylist()[1] is None
    assert None not in _array(pyarrow, ["1", "many"], pyarrow.int64()).to_pylist()
