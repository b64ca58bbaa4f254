"""Edges of rules, tables and targets: each case is small, and notices a change of the source that larger networks let pass.

What is expected is what torch gives, what a tool says of the same network, or what a definition says.
"""

import contextlib
import importlib.util
import io
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from memory_oracles import trained
from torch import Tensor, distributed, nn
from torch.nn import functional as F

import zoo
from zoo.ops.book import rule_of
from zoo.ops.resizing import resized
from zoo.ops.sizes import _reshaped
from zoo.ops.working import sum_of_products
from zoo.receptive.spans import Span, Walk
from zoo.receptive.taps import window
from zoo.receptive.windows import Lattice

ROOT = Path(zoo.__file__).parent.parent


class Net(nn.Module):
    """A forward that is written as a function of the inputs and the parts."""

    def __init__(self, way: Callable[..., Any], *parts: nn.Module) -> None:
        super().__init__()
        self.parts, self.way = nn.ModuleList(parts), way

    def forward(self, *xs: Tensor) -> Any:
        return self.way(*xs, *self.parts)


# Shapes at other sizes ------------------------------------------------------------------------------------------------

PICKED = torch.tensor([[0, 1], [2, 3]])
SIZES: dict[str, tuple[nn.Module, tuple[int, ...], tuple[int, ...]]] = {
    "joined along the first of all axes": (Net(lambda x: torch.cat([x, x], -2)), (2, 3), (4, 3)),
    "layer norm of another width": (nn.LayerNorm(4), (2, 4), (2, 5)),
    "layer norm": (nn.LayerNorm(4), (2, 4), (3, 4)),
    "a table of indices": (Net(lambda x: x[:, PICKED]), (2, 4), (3, 4)),
    "nearest in a grid": (
        Net(lambda x: F.grid_sample(x, torch.zeros(1, 2, 3, 2), mode="nearest", padding_mode="border", align_corners=True)),
        (1, 2, 5, 5),
        (1, 2, 7, 6),
    ),
    "pooling without a word about padding": (Net(lambda x: torch.ops.aten.max_pool2d(x, [3], [2])), (1, 2, 9, 9), (1, 2, 12, 8)),
    "a last window beyond the image": (nn.MaxPool2d(3, 3, 1, ceil_mode=True), (1, 2, 9, 9), (1, 2, 8, 8)),
    "average": (Net(lambda x: torch.ops.aten.avg_pool2d(x, [3], [2])), (1, 2, 9, 9), (1, 2, 12, 8)),
    "attention": (Net(lambda x: F.scaled_dot_product_attention(x, x, x)), (1, 2, 4, 8), (1, 2, 7, 8)),
    "mean over the first of all axes": (Net(lambda x: x.mean(-2)), (2, 4), (3, 4)),
    "one group": (Net(lambda x: torch.bmm(x, x)), (2, 3, 3), (5, 3, 3)),
}
UNANSWERED = {"layer norm of another width", "a table of indices"}


@pytest.mark.parametrize("name", SIZES)
def test_other_sizes(name: str) -> None:
    """Kills a shape that torch does not give, an answer where torch refuses, and an answer that is never given."""
    net, before, after = SIZES[name]
    found = resized(zoo.trace(net, input=before), [after])
    assert (found is None) == (name in UNANSWERED)
    if found is not None:
        assert found.outputs[0].shape == tuple(net(torch.zeros(after)).shape)


def test_packed_weights() -> None:
    """Kills a shape fact of a quantised layer that is not what torch gave, with one tensor or two."""

    def way(x: Tensor) -> Tensor:
        one = torch.quantize_per_tensor(x, 0.1, 0, torch.quint8)
        two = torch.ops.quantized.add(torch.ops.quantized.hardswish(one, 0.1, 0), one, 0.1, 0)
        return torch.ops.quantized.cat([torch.ops.quantized.mul_scalar(two, 2.0), one], 1, 0.1, 0).dequantize()

    found = [op for op in zoo.trace(Net(way), input=(2, 3)).ops if "::" in op.kind]
    facts = {op.kind: rule_of(op).shape for op in found}
    assert len(facts) == 4
    for op in found:
        fact = facts[op.kind]
        assert fact is not None
        assert fact(op) == op.output.shape


def test_order_in_memory() -> None:
    """Kills an activation that brings a transposed tensor into order: torch cannot view what it gives."""
    with pytest.raises(zoo.ZooError, match="view"):
        zoo.trace(Net(lambda x: x.transpose(1, 2).relu().view(-1)), input=(1, 2, 3))


def test_new_axes_are_derived() -> None:
    """Kills an axis of 1 that is derived from something else."""
    assert [line.numbers for line in _reshaped((4,), (1, 4))] == ["1", "4"]


def test_packed_sequences_are_whole() -> None:
    """Kills a padding of sequences that is taken apart."""
    packed = nn.utils.rnn.pack_sequence([torch.zeros(3, 2), torch.zeros(1, 2)])
    trace = zoo.trace(Net(lambda x: nn.utils.rnn.pad_packed_sequence(x)[0]), inputs=(packed,))
    assert trace.ops[-1].kind == "_pad_packed_sequence"


# Counts ---------------------------------------------------------------------------------------------------------------


def total(column: str, net: nn.Module, *shapes: Any, **how: Any) -> Any:
    """The total of one column."""
    return zoo.summary(net, input=list(shapes), columns=[column], **how).total[column]


def test_affine_grid() -> None:
    """Kills a point of a grid that has another number of coordinates: 2×3 products for each of 5×7 points."""
    assert total("macs", Net(lambda theta: F.affine_grid(theta, [2, 1, 5, 7], align_corners=True)), (2, 2, 3)) == 2 * 5 * 7 * 2 * 3


MOVED: dict[str, Callable[[Tensor], Tensor]] = {
    "col2im": lambda x: F.fold(x, (4, 4), 2),
    "cumprod": lambda x: x.cumprod(1),
    "bincount": lambda x: torch.histc(x, 4),
    "fake quantisation": lambda x: torch.fake_quantize_per_tensor_affine(x, 0.1, 0, 0, 255),
    "fake quantisation and its mask": lambda x: torch.ops.aten.fake_quantize_per_tensor_affine_cachemask(x, 0.1, 0, 0, 255)[0],
}


@pytest.mark.parametrize("name", MOVED)
def test_no_products(name: str) -> None:
    """Kills a multiply-accumulate of what moves, counts or multiplies single numbers."""
    assert total("macs", Net(MOVED[name]), (1, 4, 9), real="mask" in name) == 0


def test_exchange() -> None:
    """Kills a multiply-accumulate of what is sent, and a cost that is unknown of what autograd sends or waits for."""
    from torch.distributed import _functional_collectives as collectives

    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        plain, differentiable = torch.ops._c10d_functional, torch.ops._c10d_functional_autograd
        group = distributed.group.WORLD.group_name
        ways = [
            lambda x: collectives.all_reduce(x, "sum", group),
            lambda x: plain.wait_tensor(differentiable.all_gather_into_tensor(x, 1, group)),
        ]
        for way in ways:
            assert total("macs", Net(way), (2, 3)) == 0
    finally:
        distributed.destroy_process_group()


WEIGHTS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], tuple[int, ...], tuple[int, ...]]] = {
    "dot": (torch.dot, (3,), (3,)),
    "vdot": (torch.vdot, (3,), (3,)),
    "mv": (torch.mv, (2, 3), (3,)),
    "addbmm": (lambda x, w: torch.addbmm(x[0, :, :1], x, w), (2, 3, 4), (2, 4, 5)),
    "baddbmm": (lambda x, w: torch.baddbmm(x[:, :, :1], x, w), (2, 3, 4), (2, 4, 5)),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_products_are_layers(name: str) -> None:
    """Kills a product with weights that adds nothing to the depth, and one of two inputs that does."""
    way, first, second = WEIGHTS[name]
    assert total("depth", times(way, *second), first) == 1
    assert total("depth", Net(way), first, second) == 0


def test_fourier() -> None:
    """Kills operations that are no whole number: 5·n·log2(n), n = 6."""
    found = total("flops", Net(lambda x: torch.fft.fft(torch.complex(x, x))), (3, 6))
    assert (type(found), found) == (int, round(5 * 3 * 6 * math.log2(6)))


@pytest.mark.parametrize("given", [(4, 3, 16), (2, 5, 8)])
def test_products_of_groups(given: tuple[int, int, int]) -> None:
    """Kills groups that are taken for rows: as many products as of one batched product."""
    x, y = torch.zeros(given, dtype=torch.bfloat16), torch.zeros(given[0], given[2], 8, dtype=torch.bfloat16)
    one = zoo.summary(Net(lambda x, y: torch._grouped_mm(x, y)), inputs=(x, y), columns=["macs"]).total["macs"]
    assert one == zoo.summary(Net(lambda x, y: torch.bmm(x, y)), inputs=(x, y), columns=["macs"]).total["macs"]


def test_deformed_backward() -> None:
    """Kills a backward pass that costs a fraction: one product for the weight, one for what is sampled."""
    table = zoo.summary(deformed(), input=(1, 4, 7, 7), columns=["macs", "backward_macs"], train=True)
    (row,) = [row for row in table.rows if row.type == "DeformConv2d"]
    assert row.cells["backward_macs"] == 2 * row.cells["macs"]


def test_written_sums() -> None:
    """Kills terms of zero that are written, and a sum of nothing but zeros that is empty."""
    assert sum_of_products("macs", [{"N": 2, "k": 3}, {"biases": 0}], 6).numbers == "2 * 3"
    assert sum_of_products("macs", [{"N": 0, "k": 3}, {"biases": 0}], 0).numbers == "0 * 3 + 0"


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_same_padding_is_copied() -> None:
    """Kills a copy of the input that is kept where "same" is even, and one that is not where it is uneven."""
    for kernel in (2, 3):
        net = nn.Conv1d(1, 2, kernel, padding="same")
        assert total("saved", net, (1, 1, 8), train=True) == trained(net, [torch.ones(1, 1, 8)])[0]


# Receptive fields -----------------------------------------------------------------------------------------------------


def test_phases() -> None:
    """Kills a shift that is not that of all phases together: two phases that move by 2 are four that move by 4."""
    law = Lattice(((0, 1), (0, 1)), 2)
    assert law.with_phases(4) == Lattice(((0, 1), (0, 1), (2, 3), (2, 3)), 4)
    assert Span(law, (Walk(-1, 1, 4),), 8).windows is law


def test_upside_down() -> None:
    """Kills a window that ends where it should begin: of a map that runs backwards, the last unit read is the first seen."""
    assert Lattice(((0, 0),), -1).through(window(3, 2, 0, 1, 3)) == Lattice(((-2, 0),), -2)


def test_nothing_is_seen() -> None:
    """Kills a centre of what sees nothing: every second unit of a transposed convolution that leaves gaps."""
    net = Net(lambda x, f: f(x)[:, :, 1::2, 1::2] + x[:, :, :7, :7], nn.ConvTranspose2d(1, 1, 1, 2))
    assert "misaligned" not in total("rf", net, (1, 1, 8, 8))


@pytest.mark.parametrize("rows", [2, 3])
@pytest.mark.parametrize("way", [lambda rows: nn.AdaptiveAvgPool2d(1), lambda rows: nn.MaxPool2d(rows, 1)])
def test_the_whole_axis(way: Callable[[int], nn.Module], rows: int) -> None:
    """Kills two rows that are pooled to one and are not the whole."""
    found = total("rf", nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), way(rows)), (1, 1, rows, rows))
    assert found == {"size": [rows + 2] * 2, "stride": [1, 1], "padding": [1, 1], "global": True}


def test_masked_attention() -> None:
    """Kills a mask that is taken for a fourth input of the sum."""
    mask = torch.ones(4, 4, dtype=torch.bool)
    found = total("rf", Net(lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=mask)), (1, 2, 4, 8))
    assert found == total("rf", Net(lambda x: F.scaled_dot_product_attention(x, x, x)), (1, 2, 4, 8))


def test_causal_masks() -> None:
    """Kills a mask that hides what comes later and is taken for any other: as `is_causal`, and not as none."""
    shape, mask = (1, 2, 4, 8), torch.ones(4, 4, dtype=torch.bool).tril()
    found = [
        total("rf", Net(lambda x, how=how: F.scaled_dot_product_attention(x, x, x, **how)), shape)
        for how in ({"attn_mask": mask}, {"is_causal": True}, {})
    ]
    assert found[0] == found[1] != found[2]
    both = Net(lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=mask, is_causal=True))
    with pytest.raises(zoo.ZooError, match="is_causal"):  # which torch refuses
        zoo.trace(both, input=shape)


AXES: dict[str, tuple[nn.Module, nn.Module, tuple[int, ...]]] = {
    "features by a matrix": (
        Net(lambda x: met(x @ torch.ones(8, 8))),
        Net(lambda x, f: met(f(x)), nn.Linear(8, 8)),
        (1, 10, 8),
    ),
    "features by a matrix and a bias": (
        Net(lambda x: met(torch.baddbmm(torch.ones(1, 1, 8), x, torch.ones(1, 8, 8)))),
        Net(lambda x, f: met(f(x)), nn.Linear(8, 8)),
        (1, 10, 8),
    ),
    "features first": (
        Net(lambda x: met((torch.ones(8, 8) @ x).transpose(1, 2))),
        Net(lambda x, f: met(f(x.transpose(1, 2))), nn.Linear(8, 8)),
        (1, 8, 10),
    ),
    "activated before": (Net(lambda x, f: f(x.relu()), nn.Conv1d(8, 4, 3)), nn.Conv1d(8, 4, 3), (1, 8, 10)),
    "activated words": (Net(lambda x: met(x.relu())), Net(lambda x: met(x)), (1, 10, 8)),
}


def met(x: Tensor) -> Tensor:
    """Every token meets every other one."""
    return F.scaled_dot_product_attention(x, x, x)


@pytest.mark.parametrize("name", AXES)
def test_axes(name: str) -> None:
    """Kills an axis that moves and is taken for features, or features that are taken for an axis."""
    one, other, shape = AXES[name]
    found = total("rf", one, shape)
    assert found == total("rf", other, shape)
    if name.startswith("features"):
        assert found == {"size": [10], "stride": [1], "padding": [0], "global": True}


WINDOWS: dict[str, nn.Module] = {
    "upside down, then convolved": Net(lambda x, f: f(x.flip(2)), nn.Conv2d(1, 1, (3, 2), stride=2)),
    "columns of windows": Net(lambda x: F.unfold(x, (3, 2), 1, (1, 0), 2).unflatten(2, (4, 4))),
    "columns of windows, padded sideways": Net(lambda x: F.unfold(x, (2, 3), 1, (0, 1), 2).unflatten(2, (4, 4))),
    "one place of each window": Net(lambda x, f: f(x.unfold(2, 3, 2)[..., 1]), nn.Conv2d(1, 1, (1, 2))),
    "windows of channels": Net(lambda x: x.expand(-1, 3, -1, -1).unfold(1, 2, 1).sum(-1)),
    "two rows as one": nn.Sequential(nn.MaxPool2d(4, 3), nn.AdaptiveAvgPool2d(1)),
    "enlarged, then added": Net(
        lambda x: F.interpolate(F.max_pool2d(x, 4), scale_factor=4) + F.interpolate(F.max_pool2d(x, 2), scale_factor=2)
    ),
    "nothing, then something": Net(lambda x: F.pad(x, (0, 0, 8, 0))[:, :, :8] + x[:, :, :8]),
    "nearest of three": Net(lambda x: F.interpolate(x[:, :, :3], (8, 5))),
    "nearest centres": Net(lambda x: F.interpolate(x, (5, 3), mode="nearest-exact")),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_windows(name: str) -> None:
    """Kills a window one pixel off: every unit against a NaN in every pixel."""
    net, (h, w) = WINDOWS[name].eval(), (8, 8)
    images = torch.zeros(h, w, 1, 1, h, w)
    for y in range(h):
        for x in range(w):
            images[y, x, 0, 0, y, x] = torch.nan
    seen = torch.stack([torch.stack([net(image)[0].isnan().any(0) for image in row]) for row in images])
    trace = zoo.trace(net, input=(1, 1, h, w))
    units = seen.shape[2:]
    for i in range(max(units)):
        unit = tuple(min(i, size - 1) for size in units)
        for axis, other in zip(zoo.receptive_field(trace, unit=unit).axes, (1, 0), strict=True):
            pixels = seen[(slice(None), slice(None), *unit)].any(dim=other).nonzero()[:, 0].tolist()
            assert (axis.seen, axis.first, axis.last) == (len(pixels), *((pixels[0], pixels[-1]) if pixels else (None, None)))


def test_strides_of_tables() -> None:
    """Kills a stride that grows where a map is enlarged: half a pixel, whether windows are evenly spaced or rolled."""
    even, rolled = (
        total("rf", Net(lambda x, by=by: F.adaptive_avg_pool2d(F.interpolate(x.roll(by, 2), scale_factor=2), 1)), (1, 1, 8, 8))
        for by in (0, 3)
    )
    assert rolled["stride"] == even["stride"] == ["1/2", "1/2"]


def test_layouts_that_differ() -> None:
    """Kills a field of rows side by side with columns."""
    assert "different layouts" in total("rf", Net(lambda x: torch.cat([x, x.transpose(2, 3)], 2)), (1, 1, 4, 4))["undefined"]


def test_the_longest_axis() -> None:
    """Kills another limit than 4,096 pixels, if each has to be followed."""
    net = Net(lambda x: x.roll(3, 2))
    assert total("rf", net, (1, 1, 4096))["undefined"] == "roll reads from the other border"
    assert "too many units to list" in total("rf", net, (1, 1, 4097))["undefined"]


# Conventions ----------------------------------------------------------------------------------------------------------


def script(path: Path) -> ModuleType:
    """A file as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Cells(nn.Module):
    """Cells on a batch of several, of other widths than their states."""

    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.cells = nn.ModuleList([nn.LSTMCell(6, 5, bias), nn.GRUCell(5, 4, bias), nn.RNNCell(4, 3, bias)])

    def forward(self, x: Tensor) -> Tensor:
        return self.cells[2](self.cells[1](self.cells[0](x)[0]))


class Layers(nn.Module):
    """Recurrent layers of one direction and of two, with several sequences, biased or not."""

    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 5, 2, bias, batch_first=True)
        self.gru = nn.GRU(5, 4, bias=bias, bidirectional=True)
        self.rnn = nn.RNN(8, 3, 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(self.gru(self.lstm(x)[0])[0])[0]


class Widths(nn.Module):
    """Attention over more than one sequence, of heads that are not as wide as the sequence is long."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x)[0] + self.attention(x, x, x, need_weights=False)[0]


def times(way: Callable[..., Any], *shape: int) -> nn.Module:
    """An input times a weight that is no layer's."""
    net = Net(lambda x: way(x, net.factor))
    net.factor = nn.Parameter(torch.zeros(shape))
    return net


def enlarged() -> nn.Module:
    """Every mode of enlarging, after a grouped convolution."""
    return nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=2),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Upsample(scale_factor=2, mode="bicubic"),
        nn.Upsample(scale_factor=2),
    )


def solid() -> nn.Module:
    """One and three dimensions."""
    return nn.Sequential(
        nn.ConvTranspose3d(2, 3, 2),
        nn.AvgPool3d(2),
        nn.MaxPool3d(2),
        nn.AdaptiveAvgPool3d(2),
        nn.Flatten(2),
        nn.ConvTranspose1d(3, 2, 3),
        nn.Conv1d(2, 2, 2),
        nn.AdaptiveAvgPool1d(3),
        nn.GELU(),
        nn.PReLU(),
    )


def masked() -> nn.Module:
    """Attention with a mask that is added to its scores."""
    mask = torch.zeros(5, 5)
    return Net(
        lambda x, attention: attention(x, x, x, attn_mask=mask.to(x.device))[0], nn.MultiheadAttention(12, 3, batch_first=True)
    )


def deformed() -> nn.Module:
    """A convolution at places that another one tells, with a mask of its own."""
    from torchvision.ops import DeformConv2d

    parts = DeformConv2d(4, 6, 3), nn.Conv2d(4, 18, 3), nn.Conv2d(4, 9, 3)
    return Net(lambda x, conv, place, mask: conv(x, place(x), mask(x)), *parts)


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "cells": (lambda: Cells(True), (3, 6)),
    "cells without biases": (lambda: Cells(False), (3, 6)),
    "recurrent": (lambda: Layers(True), (2, 3, 6)),
    "recurrent without biases": (lambda: Layers(False), (2, 3, 6)),
    "attention": (Widths, (2, 5, 12)),
    "masked attention": (masked, (1, 5, 12)),
    "a vector": (lambda: times(lambda x, w: torch.matmul(x, w), 4), (2, 3, 4)),
    "a matrix": (lambda: times(lambda x, w: torch.matmul(x, w), 4, 1237), (2, 3, 4)),
    "by Einstein's convention": (lambda: times(lambda x, w: torch.einsum("nsi,io->nso", x, w), 4, 1237), (2, 3, 4)),
    "enlarged": (enlarged, (1, 4, 6, 6)),
    "a volume": (lambda: nn.Sequential(nn.Conv3d(2, 2, 1), nn.Upsample(scale_factor=2, mode="trilinear")), (1, 2, 3, 3, 3)),
    "repeated": (lambda: nn.Sequential(nn.Conv2d(4, 2, 3), nn.Upsample(scale_factor=2)), (1, 4, 6, 6)),
    "sampled": (lambda: Net(lambda x: F.grid_sample(x, x[:, :2].permute(0, 2, 3, 1), align_corners=False)), (1, 4, 6, 6)),
    "one input of two layers": (lambda: Net(lambda x, f, act: f(x) + act(x), nn.Linear(4, 4), nn.ReLU()), (2, 4)),
    "with indices": (
        lambda: Net(
            lambda x, pool: F.avg_pool3d(pool(F.max_pool3d(x, 1, return_indices=True)[0])[0], 1),
            nn.MaxPool3d(2, return_indices=True),
        ),
        (1, 2, 4, 4, 4),
    ),
    "maps with indices": (lambda: Net(lambda x: F.max_pool2d(x, 2, return_indices=True)[0]), (1, 4, 6, 6)),
    "averages": (lambda: Net(lambda x: F.avg_pool2d(x, 2)), (1, 4, 6, 6)),
    "deformed": (deformed, (1, 4, 7, 7)),
    "solid": (solid, (1, 2, 9, 9, 9)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NETS)
def test_tools(name: str) -> None:
    """Kills a rule that is a tool's only where the batch is 1, or sizes are alike."""
    tools = script(ROOT / "benchmarks" / "conventions.py").TOOLS
    build, shape = NETS[name]
    trace = zoo.trace(build(), input=shape)
    found = {tool: zoo.measure(trace, columns=["macs"], depth=0, convention=tool).total["macs"] for tool in tools}
    expected = {}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tool, run in tools.items():
            with contextlib.suppress(IndexError):  # fvcore knows no product with a vector
                expected[tool] = run(build().eval(), shape) * (shape[0] if tool == "ptflops" else 1)  # which takes one image
    assert expected.keys() >= found.keys() - {"fvcore"}
    assert {tool: found[tool] for tool in expected} == expected


@pytest.mark.parametrize(
    ("dilation", "formula", "numbers"),
    [(1, "floor((n + 2*p - k) / s) + 1", "(9 + 2*0 - 3) / 1"), (2, "floor((n + 2*p - d*(k - 1) - 1) / s) + 1", "- 2*(3 - 1) - 1")],
)
def test_size_of_a_dilated_window(dilation: int, formula: str, numbers: str) -> None:
    """Kills a size whose formula leaves the dilation out, or names one where there is none."""
    said = str(zoo.explain(nn.Conv2d(1, 1, 3, dilation=dilation), "conv2d", ["output"], input=(1, 1, 9, 9)))
    assert formula in said
    assert numbers in said


@pytest.mark.parametrize("way", [torch.max, torch.maximum, torch.min])
def test_larger_of_two(way: Callable[..., Tensor]) -> None:
    """Kills a backward of max(a, b) that keeps what one of a single tensor keeps."""
    net = Net(lambda x, a, b: way(a(x), b(x)).square(), nn.Linear(4, 4), nn.Linear(4, 4))
    x = torch.ones(2, 4)
    assert zoo.summary(net, input=(2, 4), columns=["saved"], train=True).total["saved"] == trained(net, [x])[0]


def test_the_text_of_a_family_is_pulled() -> None:
    """Kills a header without what the file of the family says of its paper."""
    assert "Table 1 gives the networks, figure 5 the two kinds of block" in " ".join(zoo.pull("resnet18").split())
