"""Details that few networks reach: each of these tests notices a small change of the source that the others let pass."""

import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from memory_oracles import trained
from torch import Tensor, nn
from torch.nn import functional as F

import zoo
from zoo.analysis.chain import _exact
from zoo.models.importing import import_file
from zoo.ops.resizing import resized
from zoo.ops.sizes import lines
from zoo.ops.working import total
from zoo.record.trace import Op, Value
from zoo.tables.content import Column, Row
from zoo.tables.formats._notes import explanations
from zoo.tables.table import Table


class Net(nn.Module):
    def __init__(self, way: Any, *parts: nn.Module) -> None:
        super().__init__()
        self.parts, self.way = nn.ModuleList(parts), way

    def forward(self, *xs: Tensor) -> Any:
        return self.way(*xs, *self.parts)


def value(key: int, *shape: int, source: str = "op") -> Value:
    return Value(key, shape, "float32", source)


# Derivations ----------------------------------------------------------------------------------------------------------


def said(kind: str, inputs: list[Value], output: Value, attrs: Mapping[str, Any] | None = None) -> list[tuple[str, str, str]]:
    op = Op(kind, 0, tuple(inputs), ("self",) * len(inputs), (output,), attrs or {})
    return [(line.label, line.numbers, line.says) for line in lines(op, output)]


def test_shapes_are_derived() -> None:
    """Kills an axis that is said to be another, a reason that is another op's, and a formula where there is none."""
    assert said("relu", [value(0, 2, 3)], value(1, 2, 3)) == [("shape", "", "2×3, as its input: relu does not change the shape")]
    assert said("sum", [value(0, 2, 3)], value(1, 2)) == [("shape", "", "2, as torch gives it: sum has no formula here")]
    adaptive = said("adaptive_avg_pool2d", [value(0, 2, 3, 9, 9)], value(1, 2, 3, 4, 5), {"output_size": (4, 5)})
    assert [numbers for _, numbers, _ in adaptive] == ["2", "3", "4", "5"]
    joined = said("cat", [value(0, 2, 3), value(1, 4, 3)], value(2, 6, 3))
    assert joined == [("axis 0", "2 + 4", ""), ("axis 1", "3", "")]
    joined = said("cat", [value(0, 1, 3, 5, 5), value(1, 1, 4, 5, 5)], value(2, 1, 7, 5, 5), {"dim": -3})
    assert [(label, numbers) for label, numbers, _ in joined] == [
        ("batch", "1"),
        ("maps", "3 + 4"),
        ("height", "5"),
        ("width", "5"),
    ]
    assert said("flatten", [value(0, 2, 3, 4)], value(1, 2, 12)) == [("axis 0", "2", ""), ("axis 1", "3 * 4", "")]
    (line,) = said("view", [value(0, 2, 6)], value(1, 3, 4))
    assert line == ("shape", "", "3×4: the elements of 2×6 in another shape, as the forward asks for it")
    assert said("unsqueeze", [value(0, 2, 3)], value(1, 2, 1, 3))[0] == ("axis 0", "2", "")


def test_names_in_a_sum() -> None:
    """Kills numbers that count names which only begin alike."""
    assert total("params", [("conv", 1), ("conv_a", 2), ("conv", 3), ("conv", 4)], 10).symbols == "conv + conv_a + conv_1 + conv_2"


def test_exact() -> None:
    """Kills half a pixel that is cut off, and a whole number with a point."""
    assert (_exact(Fraction(1, 2)), repr(_exact(Fraction(4, 2)))) == (0.5, "2")


def test_where_padding_comes_from() -> None:
    """Kills a padding that is said to be a number where the layer was told "same"."""
    net = nn.Conv2d(1, 1, 3, padding="same")
    shown = str(zoo.explain(net, input=(1, 1, 8, 8)))
    assert 'padding="same"' in shown
    assert "padding=" not in str(zoo.explain(nn.Conv2d(1, 1, 3, padding=1), input=(1, 1, 8, 8)))


# Traces ---------------------------------------------------------------------------------------------------------------


def test_other_sizes() -> None:
    """Kills a new trace where nothing changes, and an error where an op has no shape fact, or a view no meaning."""
    trace = zoo.trace(nn.Conv2d(3, 4, 3), input=(1, 3, 8, 8))
    assert resized(trace, [(1, 3, 8, 8)]) is trace
    found = resized(trace, [(2, 3, 9, 8)])
    assert found is not None
    assert found.outputs[0].shape == (2, 4, 7, 6)
    unknown = zoo.trace(Net(lambda x: x.cumsum(1).sort(1)[0]), input=(1, 8))
    assert resized(unknown, [(1, 9)]) is None
    table = zoo.trace(Net(lambda x: x.view(2, 3, 1, 1).relu()), input=(2, 3))
    assert resized(table, [(5, 3)]).outputs[0].shape == (5, 3, 1, 1)  # type: ignore[union-attr]


RESIZED: dict[str, tuple[nn.Module, tuple[int, ...], tuple[int, ...]]] = {
    "recurrent": (nn.LSTM(4, 3, 2, bidirectional=True, batch_first=True), (2, 5, 4), (2, 7, 4)),
    "channel shuffle": (
        Net(lambda x: x.view(x.shape[0], 2, 3, x.shape[2], -1).flatten(1, 2)), (1, 6, 4, 5), (2, 6, 8, 3)
    ),
    "heads": (Net(lambda x: x.view(-1, x.shape[1], 2, 4).select(1, 0).unsqueeze(-1).squeeze(0)), (1, 5, 8), (1, 9, 8)),
    "branches": (
        Net(lambda x, a, b: torch.cat([a(x), b(x), F.pad(x[:, :, 1:], (0, 0, 1, 0))], 1),
            nn.Conv2d(2, 3, (3, 1), padding=(1, 0)), nn.AvgPool2d(3, 1, 1)), (1, 2, 8, 6), (4, 2, 5, 9)),
    "classifier": (
        nn.Sequential(nn.Conv2d(2, 4, 3, stride=2), nn.BatchNorm2d(4), nn.MaxPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d(2),
                      nn.Flatten(), nn.Linear(16, 3)), (1, 2, 12, 12), (5, 2, 17, 15)),
    "statistics": (Net(lambda x: (x - x.mean((1, 2), True)).pow(2).sum(-1) + x.norm(dim=-1)), (2, 3, 4), (5, 6, 7)),
    "products": (Net(lambda x: (x @ x.mT).relu() * 2 + 1), (2, 3, 4), (6, 2, 4)),
    "images": (Net(lambda x: x[:, :, ::2].roll(1, 3).clamp(min=0).masked_fill(torch.ones(1, dtype=torch.bool), 0)),
               (1, 2, 6, 5), (2, 2, 9, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", RESIZED)
def test_as_traced_at_the_other_size(name: str) -> None:
    """Kills a size that is one off, an axis taken for another, and an answer that is never given."""
    net, before, after = RESIZED[name]
    found, expected = resized(zoo.trace(net, input=before), [after]), zoo.trace(net, input=after)
    if name != "products":  # mT is a view of another order, which only torch knows
        assert found is not None
        assert [op.kind for op in found.ops] == [op.kind for op in expected.ops]
        for one, other in zip(found.ops, expected.ops, strict=True):
            assert [value.shape for value in one.outputs] == [value.shape for value in other.outputs], one.kind


def test_causal_attention() -> None:
    """Kills half a square of scores where queries and keys differ in number, and a mask that costs as much as none."""
    q, k = (1, 2, 4, 8), (1, 2, 6, 8)

    def cost(**how: Any) -> Any:
        return zoo.summary(Net(lambda q, k: F.scaled_dot_product_attention(q, k, k, **how)), input=[q, k]).total["macs"]

    assert cost() == 2 * (2 * 4 * 6 * 8)
    assert cost(is_causal=True) == cost()


def test_unbatched_recurrent() -> None:
    """Kills steps that are taken for a batch where there is none."""
    net = nn.LSTM(6, 7, 2, bidirectional=True)
    alone = zoo.summary(net, input=(5, 6), columns=["output", "macs", "flops"]).total
    batch = zoo.summary(net, input=(5, 1, 6), columns=["output", "macs", "flops"]).total
    assert (alone["macs"], alone["flops"]) == (batch["macs"], batch["flops"])
    assert alone["macs"] == 5 * 2 * (4 * 7 * (6 + 7) + 4 * 7 * (14 + 7))
    backward = [zoo.summary(net, input=shape, columns=["backward_macs"], train=True).total for shape in ((5, 6), (5, 1, 6))]
    assert backward[0] == backward[1]


class Rounded(nn.Module):
    """Two types of numbers, and indices that are used as numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)  # which takes two bytes each, and computes in four

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.fc(x).bfloat16())
        place = y.argmax(1, keepdim=True).to(y.dtype)
        return (place * y).float()


def test_statistics_and_indices() -> None:
    """Kills statistics of two bytes each, which torch keeps in four, and a gradient that goes back through an argmax."""
    net = Rounded()
    table = zoo.summary(net, input=(3, 4), columns=["saved"], train=True)
    assert table.total["saved"] == trained(net, [torch.ones(3, 4)])[0]


def test_out() -> None:
    """Kills an op with `out=` that is not counted, or counted as another."""
    net = Net(lambda x, f: torch.matmul(x, f.weight, out=torch.empty(2, 4)), nn.Linear(4, 4, bias=False))
    assert zoo.summary(net, input=(2, 4)).total["macs"] == 2 * 4 * 4
    peaks = [
        zoo.summary(Net(way), input=(250,), columns=["peak"]).total["peak"]
        for way in (lambda x: torch.add(x, 1, out=torch.empty(250)) * 2, lambda x: (x + 1) * 2)
    ]
    assert peaks == [3 * 4 * 250] * 2  # what was written to is kept until it is read for the last time


def test_columns_of_patches() -> None:
    """Kills padding that an im2col forgets: its fields are those of the convolution of the same window."""
    found = [
        zoo.summary(net, input=(1, 2, 9, 9), columns=["rf"]).total["rf"]
        for net in (nn.Conv2d(2, 2, 3, 2, 1), nn.Sequential(nn.Unfold(3, padding=1, stride=2)))
    ]
    assert found[0] == {"size": [3, 3], "stride": [2, 2], "padding": [1, 1]}
    assert found[1]["size"] == [3, 3]


# Tables ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("skew", "says"), [(1, "up to 1 pixel"), (2, "up to 2 pixels"), ("1/2", "up to 0.5 pixel")])
def test_centres_that_differ(skew: Any, says: str) -> None:
    """Kills a plural of one."""
    cell = {"size": [3, 3], "stride": [1, 1], "padding": [0, 0], "misaligned": [skew, 0]}
    column = Column("rf", "text", "")
    (note,) = explanations(Table("t", {}, (column,), (Row("a", "A", {"rf": cell}),)), [column])
    assert note.endswith(says)


# Importing ------------------------------------------------------------------------------------------------------------


def test_places_on_the_search_path(tmp_path: Path) -> None:
    """Kills a folder that a file puts on the search path and that stays there, or is lost when the file is asked again."""
    folder, extra = tmp_path / "code", tmp_path / "extra"
    folder.mkdir()
    extra.mkdir()
    (extra / "zoo_test_far.py").write_text("WIDTH = 3\n")
    (folder / "net.py").write_text(
        f"import sys\nsys.path.append({str(extra)!r})\nfrom torch import nn\n\n\n"
        "class Net(nn.Linear):\n    def __init__(self):\n        import zoo_test_far\n"
        "        super().__init__(4, zoo_test_far.WIDTH)\n"
    )
    before = list(sys.path)
    for _ in range(2):
        assert zoo.summary(f"{folder}/net.py:Net", input=(1, 4)).total["params"] == 15
        assert sys.path == before
        assert "zoo_test_far" not in sys.modules


def test_packages_beside(tmp_path: Path) -> None:
    """Kills a package, or a folder without __init__.py, that hides another folder's of the same name."""
    for name, width in (("one", 2), ("two", 3)):
        package = tmp_path / name / "zoo_test_parts"
        package.mkdir(parents=True)
        (package / "block.py").write_text(f"WIDTH = {width}\n")
        (tmp_path / name / "net.py").write_text("from zoo_test_parts.block import WIDTH\n")
    assert [import_file(tmp_path / name / "net.py").WIDTH for name in ("one", "two", "one")] == [2, 3, 2]
    (tmp_path / "two" / "zoo_test_parts" / "__init__.py").write_text("")
    assert [import_file(tmp_path / name / "net.py").WIDTH for name in ("one", "two")] == [2, 3]
