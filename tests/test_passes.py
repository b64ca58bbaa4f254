"""Laws of the passes, on ops and traces made by hand, without torch; and of the trace, on the smallest networks with a trap."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from math import prod
from operator import mul
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import zoo
from zoo.analysis.choose import columns
from zoo.analysis.kinds import Quotient, Sum
from zoo.analysis.rows import group
from zoo.ops.arithmetic import flops, macs
from zoo.ops.count import Count
from zoo.ops.receptive_field import rule
from zoo.receptive.join import join
from zoo.receptive.shown import cell
from zoo.receptive.spans import Span, Undefined, Walk
from zoo.receptive.taps import adaptive, interpolated, nearest, transposed, window
from zoo.receptive.windows import Everything, Lattice
from zoo.record.trace import Call, Op, Param, Trace, Value
from zoo.tables.notes import LowerBound, Unused
from zoo.tables.table import Column, Table

# Receptive fields -----------------------------------------------------------------------------------------------------

MAP = (Walk(-1, 1, 100),)
PIXEL = Span(Lattice(((0, 0),), 1), MAP, 100)
WINDOW = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3))  # kernel, stride, padding, dilation


def slid(span: Span, kernel: int, stride: int, padding: int, dilation: int = 1) -> Span:
    return span.along(-1, span.units, window(kernel, stride, padding, dilation, span.units))


def law(*phases: tuple[int, int] | None, shift: int = 1, walks: tuple[Walk, ...] = MAP) -> Span:
    return Span(Lattice(phases, shift), walks, 100)


@given(st.lists(WINDOW, max_size=6))
@settings(database=None, deadline=None, derandomize=True)
def test_slide(windows: list[tuple[int, int, int, int]]) -> None:
    """Kills a window that is widened by its own stride, or by the stride of a later layer: compare the closed form."""
    span = PIXEL
    for kernel, stride, padding, dilation in windows:
        span = slid(span, kernel, stride, padding, dilation)
    jumps = list(accumulate((stride for _, stride, _, _ in windows), mul, initial=1))
    size = 1 + sum(d * (k - 1) * jump for (k, _, _, d), jump in zip(windows, jumps, strict=False))
    padding = sum(p * jump for (_, _, p, _), jump in zip(windows, jumps, strict=False))
    assert cell([(span,)]) == {"size": [size], "stride": [jumps[-1]], "padding": [padding]}


def test_hull() -> None:
    """Kills the union of sizes, and the wider branch alone: branches that are shifted against each other widen the window."""
    left, right = slid(PIXEL, 3, 1, 2), slid(PIXEL, 4, 1, 0)
    assert join("add", [(left,), (right,)], (100,)) == (law((-2, 3)),)


def test_constants_do_not_see() -> None:
    """Kills a constant that is taken for an input: what is added to it keeps its window, and constants alone have none."""
    assert join("add", [None, (PIXEL,)], (100,)) == (PIXEL,)
    assert join("add", [None, None], (100,)) is None


def test_misaligned() -> None:
    """Kills a window where branches walk at different strides, and the loss of what they see: an average sees it all."""
    joined = join("cat", [(PIXEL,), (slid(PIXEL, 3, 1, 1),), (slid(PIXEL, 1, 4, 0),)], (100,))
    assert isinstance(joined, tuple)
    assert cell([joined]) == {"undefined": "cat joins branches of strides 1 and 4: they are misaligned"}
    assert cell([(joined[0].together((-1,)),)]) == {"size": [100], "stride": [0], "padding": [0], "global": True}


def test_undefined_stays() -> None:
    """Kills a reason that is lost behind a join, and axes that are joined although there are more of them on one side."""
    assert rule(op("add", {"self": (9,), "other": (9,)}, (9,), "pointwise"), ((PIXEL,), Undefined("why"))) == Undefined("why")
    joined = join("add", [(PIXEL,), (PIXEL, PIXEL)], (100,))
    assert isinstance(joined, Undefined)
    assert "different numbers of axes" in joined.reason


def test_all_units() -> None:
    """Kills a sum over an axis that sees what one unit sees: it sees from the first unit's start to the last unit's end."""
    span = law((-1, 3), shift=4, walks=(Walk(-1, 1, 6),))
    everything = Everything((-1, 3 + 5 * 4), 4)
    assert span.together((-1,)) == Span(everything, (), 100)
    assert span.together((-1,), keep=True) == Span(everything, span.walks, 100)
    assert span.together((-1,)).together((-1,)) == span.together((-1,))
    assert span.together((-2,)) == span
    assert span.alone(-1, 2) == law((-1 + 2 * 4, 3 + 2 * 4), shift=4, walks=())


def test_whole_meets_part() -> None:
    """Kills a broadcast unit that is not global taken for one that is; and global times local is global."""
    one, whole = PIXEL.alone(-1, 3), PIXEL.together((-1,))
    joined = join("mul", [(PIXEL,), (one,)], (100,))
    assert "one window for all units" in cell([joined])["undefined"]
    assert join("mul", [(PIXEL,), (whole,)], (100,)) == (Span(Everything((0, 99), 1), MAP, 100),)


def test_phases() -> None:
    """Kills one window for all phases: of a transposed convolution of kernel 3 and stride 2, every other unit sees two pixels.

    Behind a stride of 2 they are one again; half of them at a quarter of the stride have a stride of a half, as a string for JSON.
    """
    twice = PIXEL.along(-1, 100, transposed(3, 2, 0, 1, 201))
    assert twice.windows == Lattice(((-1, 0), (0, 0)), 1)
    assert cell([(twice,)]) == {"size": [2], "stride": ["1/2"], "padding": [1]}
    assert twice.along(-1, 201, window(1, 2, 1, 1, 101)).windows == Lattice(((-1, -1),), 1)


@given(st.integers(1, 40), st.integers(1, 40))
@settings(database=None, deadline=None, derandomize=True)
def test_adaptive_windows(n: int, count: int) -> None:
    """Kills windows of adaptive pooling that are rounded the other way: torch's own, by what each gets of a gradient."""
    x = torch.zeros(1, 1, n, requires_grad=True)
    taps = adaptive(n, count)
    for j, unit in enumerate(F.adaptive_avg_pool1d(x, count)[0, 0]):
        (gradient,) = torch.autograd.grad(unit, x, retain_graph=True)
        assert list(taps.reads(j)) == gradient[0, 0].nonzero()[:, 0].tolist()


MODES = {
    "linear": ("linear", "bilinear", "trilinear"),
    "cubic": ("", "bicubic", ""),
    "nearest": ("nearest",) * 3,
    "exact": ("nearest-exact",) * 3,
}


@given(st.integers(1, 12), st.integers(1, 30), st.sampled_from([0.5, 1.1, 1.3, 2.0, 2.1]), st.sampled_from([*MODES]), st.booleans())
@settings(database=None, deadline=None, derandomize=True)
def test_interpolated_neighbours(n: int, count: int, factor: float, kind: str, corners: bool) -> None:
    """Kills neighbours of other phases, of other corners, or without weight: torch's own, by what each gives to whom."""
    how: dict[str, Any] = {} if kind in {"nearest", "exact"} else {"align_corners": corners}
    for axes, mode in enumerate(MODES[kind], 1):
        for given_factor in (None, factor):
            if not mode or (given_factor and int(n * given_factor) < 1):
                continue
            x = torch.eye(n, dtype=torch.float64).view(1, n, n, *[1] * (axes - 1))
            ones = (1,) * (axes - 1)
            size = {"scale_factor": (given_factor, *map(float, ones))} if given_factor else {"size": (count, *ones)}
            weights = F.interpolate(x, mode=mode, **size, **how).reshape(n, -1)
            units = weights.shape[1]
            if kind in {"nearest", "exact"}:
                taps = nearest(n, units, given_factor, centred=kind == "exact", axes=axes)
            else:
                taps = interpolated(n, units, given_factor, 1 if kind == "linear" else 2, corners=corners)
            for j in range(units):
                assert list(taps.reads(j)) == (weights[:, j].abs() > 1e-9).nonzero()[:, 0].tolist()


@given(st.permutations(range(4)), st.lists(st.sampled_from([2, 3]), min_size=4, max_size=4), st.data())
@settings(database=None, deadline=None, derandomize=True)
def test_views(order: list[int], sizes: list[int], data: Any) -> None:
    """Kills digits of a view that are read in another order: what torch makes of the numbers of the units themselves."""
    n = prod(sizes)
    numbers = torch.arange(n).view(1, 1, n)
    permuted, cut = tuple(sizes[i] for i in order), data.draw(st.integers(1, 3))
    merged = (prod(permuted[:cut]), prod(permuted[cut:]))
    field: Any = (Span(Lattice(((0, 0),), 1), (Walk(-1, 1, n),), n),)
    field = rule(op("view", {"self": (n,)}, tuple(sizes)), (field,))
    field = rule(op("permute", {"self": tuple(sizes)}, permuted, dims=tuple(order)), (field,))
    field = rule(op("view", {"self": permuted}, merged), (field,))
    turned = numbers.view(sizes).permute(order).reshape(merged)
    for i, j in product(range(merged[0]), range(merged[1])):
        pixel = int(turned[i, j])
        assert field[0].windows.window(field[0].number({-2: i, -1: j})) == (pixel, pixel)


# Counts ---------------------------------------------------------------------------------------------------------------

COUNT = st.builds(Count, st.integers(0, 10**12), st.dictionaries(st.sampled_from("abc"), st.integers(1, 9)))


@given(COUNT, COUNT, COUNT, st.integers(0, 10**12))
@settings(database=None, deadline=None, derandomize=True)
def test_count_adds_up(a: Count, b: Count, c: Count, n: int) -> None:
    """Kills a sum in which unknown ops are forgotten, or depend on the order of the rows."""
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + n == n + a == a + Count(n)
    assert sum([a, b, n], Count()) == a + b + n
    assert Count() + a == a


def test_count_cell() -> None:
    """Kills a lower bound that looks like an exact number, and a true zero that looks unknown."""
    assert Count(7).cell() == 7
    assert Count(0).cell() == 0
    assert (Count(1, {"fft": 2}) + Count(2, {"fft": 1, "sort": 1})).cell() == {
        "at_least": 3,
        "unknown": {"fft": 3, "sort": 1},
    }


# Costs ----------------------------------------------------------------------------------------------------------------


def op(kind: str, inputs: Mapping[str, Sequence[int]], output: Sequence[int], *traits: str, **attrs: Any) -> Op:
    """An op made by hand. Inputs are shapes by role; what is called weight, bias or a matrix of a cell is a parameter."""
    learnt = ("weight", "bias", "w_", "b_", "params")
    values = [
        Value(i, tuple(shape), "float32", "parameter" if role.startswith(learnt) else "op")
        for i, (role, shape) in enumerate(inputs.items())
    ]
    roles = tuple(role.rstrip("0123456789") for role in inputs)
    return Op(kind, 0, tuple(values), roles, (Value(99, tuple(output), "float32", "op"),), attrs, frozenset(traits))


N, C, D, H, W, K, G = 2, 6, 9, 5, 7, 3, 3
HEADS, L, S, E, V = 4, 10, 12, 8, 16
LSTM = {"input": (L, N, C), "hx0": (1, N, D), "hx1": (1, N, D)}
MATRICES = {"params0": (4 * D, C), "params1": (4 * D, D)}
BIASES = {"params2": (4 * D,), "params3": (4 * D,)}

COSTS = [  # op, multiply-accumulates, further operations
    (op("conv2d", {"input": (N, C, H, W), "weight": (D, C // G, K, K), "bias": (D,)}, (N, D, H, W)),
     N * H * W * D * (C // G) * K * K, N * D * H * W),
    (op("conv1d", {"input": (N, C, W), "weight": (D, C, K)}, (N, D, W - K + 1)), N * (W - K + 1) * D * C * K, 0),
    (op("conv3d", {"input": (N, C, L, H, W), "weight": (D, C, 1, K, K)}, (N, D, L, H, W)), N * L * H * W * D * C * K * K, 0),
    (op("conv_transpose2d", {"input": (N, C, H, W), "weight": (C, D // G, 4, 4), "bias": (D,)}, (N, D, 2 * H, 2 * W)),
     N * H * W * C * (D // G) * 16, N * D * 2 * H * 2 * W),
    (op("linear", {"input": (N, L, C), "weight": (D, C), "bias": (D,)}, (N, L, D)), N * L * C * D, N * L * D),
    (op("linear", {"input": (C,), "weight": (D, C)}, (D,)), C * D, 0),
    (op("matmul", {"self": (N, 1, L, C), "other": (S, C, D)}, (N, S, L, D)), N * S * L * C * D, 0),
    (op("matmul", {"self": (C,), "other": (C,)}, ()), C, 0),
    (op("mv", {"self": (L, C), "vec": (C,)}, (L,)), L * C, 0),
    (op("addmm", {"self": (D,), "mat1_": (L, C), "mat2_": (C, D)}, (L, D)), L * C * D, L * D),
    (op("addbmm", {"self": (L, D), "batch1_": (N, L, C), "batch2_": (N, C, D)}, (L, D)), N * L * C * D, L * D),
    (op("addmv", {"self": (L,), "mat": (L, C), "vec": (C,)}, (L,)), L * C, L),
    (op("bilinear", {"input1_": (N, C), "input2_": (N, H), "weight": (D, C, H)}, (N, D)), N * D * (C * H + C), 0),
    (op("scaled_dot_product_attention", {"query": (N, HEADS, L, E), "key": (N, HEADS, S, E), "value": (N, HEADS, S, V)},
        (N, HEADS, L, V)), N * HEADS * L * S * (E + V), N * HEADS * L * S * 6),
    (op("lstm", {**LSTM, **MATRICES, **BIASES}, (L, N, D)), L * N * 4 * D * (C + D), L * N * D * (4 * 4 + 5)),
    (op("lstm", {**LSTM, **MATRICES}, (L, N, D)), L * N * 4 * D * (C + D), L * N * D * (4 * 2 + 5)),
    (op("gru_cell", {"input": (N, C), "hx": (N, D), "w_ih": (3 * D, C), "w_hh": (3 * D, D), "b_ih": (3 * D,), "b_hh": (3 * D,)},
        (N, D)), N * 3 * D * (C + D), N * D * (3 * 4 + 4)),
    (op("batch_norm", {"input": (N, C, H, W), "weight": (C,), "bias": (C,)}, (N, C, H, W), training=False), 0, 2 * N * C * H * W),
    (op("batch_norm", {"input": (N, C, H, W), "weight": (C,), "bias": (C,)}, (N, C, H, W), training=True), 0, 7 * N * C * H * W),
    (op("layer_norm", {"input": (N, C)}, (N, C)), 0, 5 * N * C),
    (op("layer_norm", {"input": (N, C), "weight": (C,), "bias": (C,)}, (N, C)), 0, 7 * N * C),
    (op("softmax", {"self": (N, C)}, (N, C), dim=1), 0, 5 * N * C),
    (op("max_pool2d", {"self": (N, C, H, W)}, (N, C, 2, 3), kernel_size=(2, 3)), 0, N * C * 2 * 3 * (2 * 3 - 1)),
    (op("max_pool2d", {"self": (N, C, H, W)}, (N, C, 3, 5), kernel_size=(3,)), 0, N * C * 3 * 5 * (9 - 1)),
    (op("avg_pool1d", {"self": (N, C, W)}, (N, C, 3), kernel_size=(2,)), 0, N * C * 3 * 2),
    (op("adaptive_avg_pool2d", {"self": (N, C, H, W)}, (N, C, 1, 1)), 0, N * C * H * W),
    (op("adaptive_avg_pool1d", {"self": (N, C, 5)}, (N, C, 3)), 0, N * C * (2 + 3 + 2)),  # [0, 2) [1, 4) [3, 5)
    (op("relu", {"self": (N, C)}, (N, C), "pointwise"), 0, N * C),
    (op("mean", {"self": (N, C)}, (N,), "reduction"), 0, N * C),
    (op("dropout", {"input": (N, C)}, (N, C), train=False), 0, 0),
    (op("dropout", {"input": (N, C)}, (N, C), train=True), 0, N * C),
    (op("flatten", {"self": (N, C, H, W)}, (N, C * H * W), "view"), 0, 0),
    (op("something_new", {"self": (N, C)}, (C, N), "view"), 0, 0),
    (op("cat", {"tensors0": (N, C), "tensors1": (N, D)}, (N, C + D)), 0, 0),
]  # fmt: skip


@pytest.mark.parametrize(("one", "products", "rest"), COSTS, ids=[f"{i}-{cost[0].kind}" for i, cost in enumerate(COSTS)])
def test_cost(one: Op, products: int, rest: int) -> None:
    """Kills groups ignored, output-sized transposed convolutions, n-d inputs taken for 2-d, biases in MACs, MACs for FLOPs."""
    assert macs(one) == products
    assert flops(one) == 2 * products + rest


def test_unknown_cost() -> None:
    """Kills the silent zero."""
    one = op("fft", {"self": (N, C)}, (N, C))
    assert macs(one) == flops(one) == Count(0, {"fft": 1})


# Tables of traces made by hand ----------------------------------------------------------------------------------------


def by_hand(*kinds: str) -> Trace:
    """A model that runs these ops itself on two numbers, one after the other."""
    values = [Value(i, (2,), "float32", "op" if i else "input") for i in range(len(kinds) + 1)]
    ops = tuple(
        Op(kind, 0, (values[i],), ("self",), (values[i + 1],), {}, frozenset({"pointwise"} if kind == "relu" else ()))
        for i, kind in enumerate(kinds)
    )
    return Trace("Net", "eval", (values[0],), (values[-1],), (Call("", "Net", None, False, (values[-1],)),), ops)


def test_names_of_repeated_rows() -> None:
    """Kills two rows of one name, which a dictionary of rows would lose."""
    table = zoo.measure(by_hand("relu", "relu", "tanh", "relu"))
    assert [row.name for row in table.rows] == ["relu", "relu_1", "tanh", "relu_2"]


def test_lower_bound() -> None:
    """Kills a lower bound without a name, and one unknown op that hides in a sum."""
    table = zoo.measure(by_hand("relu", "fft", "sort", "fft"), columns=("flops",))
    unknown = {"fft": 2, "sort": 1}
    assert [row.cells["flops"] for row in table.rows][:2] == [2, {"at_least": 0, "unknown": {"fft": 1}}]
    assert table.total == {"flops": {"at_least": 2, "unknown": unknown}}
    (note,) = table.notes
    assert isinstance(note, LowerBound)
    assert note.column == "flops"
    assert {op.kind: op.times for op in note.ops} == unknown
    assert all(word in str(note) for word in ("≥ flops", "fft (2×)", "sort (1×) in "))


def test_quotient_of_lower_bounds() -> None:
    """Kills a lower bound that is divided as if it were exact, and a quotient by a number that is not known or 0."""

    def whole(dividend: int | Count, divisor: int | Count) -> Any:
        above, below = (
            Sum(Column(name, "ones", "each op"), lambda op, count=count: count)
            for name, count in (("above", dividend), ("below", divisor))
        )
        quotient = Quotient(Column("ratio", "above per below", "of all ops"), above, below)
        trace = by_hand("relu", "fft")
        return quotient.measure(trace, group(trace))[1]

    assert whole(1, 3) == 0.333333
    assert whole(1, 0) is None
    assert whole(Count(1, {"fft": 1}), 3) == {"at_least": 0.333333, "unknown": {"fft": 2}}
    assert whole(1, Count(3, {"fft": 1})) is None


def test_depth_zero_is_one_row() -> None:
    """Kills ops of the model itself that stay outside when everything is folded."""
    trace = by_hand("relu", "relu")
    (row,) = zoo.measure(trace, columns=("flops",), depth=0).rows
    assert (row.name, row.type, row.cells["flops"]) == ("Net", "Net", 4)


def test_parameters_count_where_they_are_owned() -> None:
    """Kills buffers among parameters, and frozen ones among trainable ones."""
    owns = (
        Param("a", (2, 3), "float32", "parameter", True),
        Param("b", (5,), "float32", "parameter", False),
        Param("c", (7,), "float32", "buffer", False),
    )
    trace = by_hand("relu")
    (one,) = trace.ops
    owned = Trace(
        "Net",
        "eval",
        trace.inputs,
        trace.outputs,
        trace.calls,
        (Op(one.kind, 0, one.inputs, one.roles, one.outputs, {}, owns=owns),),
    )
    total = zoo.measure(owned, columns=("params", "trainable", "frozen", "buffers")).total
    assert total == {"params": 11, "trainable": 6, "frozen": 5, "buffers": 7}


# The trace ------------------------------------------------------------------------------------------------------------


class Net(nn.Module):
    """`forward`, with the parts that it needs."""

    def __init__(self, forward: Any, **parts: Any) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.way = forward

    def forward(self, *x: Tensor) -> Any:
        return self.way(self, *x)


def table(net: nn.Module, *shapes: tuple[int, ...], **how: Any) -> Table:
    return zoo.summary(net, **({"input": shapes} if shapes else {}), **how)


def cells(found: Table, column: str) -> dict[str, Any]:
    return {row.name: row.cells[column] for row in found.rows}


def test_module_called_twice() -> None:
    """Kills parameters for each call, and MACs for the first call only."""
    found = table(Net(lambda net, x: net.fc(net.fc(x)), fc=nn.Linear(8, 8)), (3, 8))
    assert cells(found, "params") == {"fc": 8 * 8 + 8, "fc_1": 0}
    assert cells(found, "macs") == {"fc": 3 * 64, "fc_1": 3 * 64}
    assert cells(found, "depth") == {"fc": 1, "fc_1": 2}
    assert found.total["params"] == 72


def test_module_under_two_names() -> None:
    """Kills a shared module counted twice, and one whose second name has no row."""
    shared = nn.Linear(8, 8)
    found = table(nn.Sequential(shared, nn.ReLU(), shared), (1, 8))
    assert found.total["params"] == 72
    assert [row.cells["macs"] for row in found.rows] == [64, 0, 64]


def test_tied_weights() -> None:
    """Kills one parameter counted under each of its owners."""
    net = Net(lambda net, i: net.out(net.embed(i)), embed=nn.Embedding(50, 8), out=nn.Linear(8, 50, bias=False))
    net.out.weight = net.embed.weight
    found = table(net, inputs=torch.zeros(1, 7, dtype=torch.int64))
    assert cells(found, "params") == {"embed": 400, "out": 0}
    assert cells(found, "macs") == {"embed": 0, "out": 7 * 8 * 50}
    tied = Net(lambda net, i: net.embed(i) @ net.embed.weight.T, embed=nn.Embedding(50, 8))
    found = table(tied, inputs=torch.zeros(1, 7, dtype=torch.int64))
    assert (found.total["params"], found.total["macs"]) == (400, 7 * 8 * 50)


def test_views_of_parameters() -> None:
    """Kills a parameter that is lost, or counted again, when the forward reads slices of it."""
    net = Net(lambda net, x: F.linear(x, net.w[:4]) + F.linear(x, net.w[4:]), w=nn.Parameter(torch.zeros(8, 6)))
    found = table(net, (1, 6))
    assert (found.total["params"], found.total["macs"]) == (48, 48)


def test_unused_parameters() -> None:
    """Kills parameters that vanish since the forward does not read them, or that end up on a row that does not own them."""
    net = Net(lambda net, x: net.a(x), a=nn.Linear(4, 4), head=nn.Sequential(nn.Linear(4, 9), nn.Linear(9, 2)))
    found = table(net, (1, 4))
    assert found.total["params"] == 20 + 45 + 20
    assert cells(found, "params") == {"a": 20, "head.0": 45, "head.1": 20}
    assert cells(found, "output")["head.0"] is None
    assert found.total["macs"] == 16
    assert Unused(65, ("head",)) in found.notes
    assert "65 parameters of head" in found.render("text", 100)


def test_functional_network() -> None:
    """Kills every tool that hooks modules: here are none."""
    net = Net(lambda net, x: F.conv2d(x, net.w, net.b, padding=1).relu(), w=nn.Parameter(torch.zeros(4, 3, 3, 3)))
    net.b = nn.Parameter(torch.zeros(4))
    found = table(net, (1, 3, 8, 8))
    assert cells(found, "params") == {"conv2d": 4 * 27 + 4, "relu": 0}
    assert cells(found, "macs") == {"conv2d": 64 * 4 * 27, "relu": 0}


def test_weights_made_on_the_way() -> None:
    """Kills costs by a module's attributes, or by a weight that has to be a parameter: these are computed first."""
    net = Net(
        lambda net, x: F.conv2d(x, net.w * net.mask.sigmoid()),
        w=nn.Parameter(torch.zeros(4, 3, 3, 3)),
        mask=nn.Parameter(torch.zeros(4, 3, 3, 3)),
    )
    assert table(net, (1, 3, 8, 8)).total["macs"] == 36 * 4 * 27
    for unit, shape, gates in ((nn.LSTMCell(8, 16), (3, 8), 4), (nn.GRUCell(8, 16), (3, 8), 3)):
        nn.utils.parametrize.register_parametrization(unit, "weight_hh", nn.Hardtanh())
        assert table(unit, shape).total["macs"] == 3 * gates * 16 * (8 + 16)
    lstm = nn.LSTM(8, 16)
    nn.utils.parametrize.register_parametrization(lstm, "weight_ih_l0", nn.Hardtanh())
    assert table(lstm, (5, 3, 8)).total["macs"] == 5 * 3 * 4 * 16 * (8 + 16)


def test_recurrent() -> None:
    """Kills layers, directions and projections left out of a recurrent stack."""
    steps, h = 5 * 3, 16
    both = nn.LSTM(8, h, num_layers=2, bidirectional=True)
    found = table(both, (5, 3, 8)).total
    assert (found["macs"], found["depth"]) == (steps * 2 * 4 * h * (8 + h) + steps * 2 * 4 * h * (2 * h + h), 2)
    projected = table(nn.LSTM(8, h, proj_size=4), (5, 3, 8)).total
    products = steps * (4 * h * (8 + 4) + h * 4)
    assert (projected["macs"], projected["flops"]) == (products, 2 * products + steps * h * (4 * 4 + 5))


def test_attention() -> None:
    """Kills a fast path that hides what it computes: with weights returned, without, and in an encoder, it is the same."""
    length, width, hidden = 10, 32, 64
    one = 4 * length * width**2 + 2 * length**2 * width
    for need in (True, False):
        net = Net(
            lambda net, x, need=need: net.a(x, x, x, need_weights=need)[0], a=nn.MultiheadAttention(width, 4, batch_first=True)
        )
        assert table(net, (1, length, width)).total["macs"] == one
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 4, hidden, batch_first=True), 2)
    for train in (False, True):
        assert table(encoder, (1, length, width), train=train).total["macs"] == 2 * (one + 2 * length * width * hidden)


def test_einsum() -> None:
    """Kills products that only have another name."""
    net = Net(lambda net, x: torch.einsum("bchw,bdhw->bcd", x, x))
    assert table(net, (2, 4, 6, 7)).total["macs"] == 2 * 4 * 4 * 6 * 7


@dataclass
class Answer:
    logits: Tensor


@dataclass(slots=True)
class Slotted:
    logits: Tensor


@pytest.mark.parametrize("pack", [Answer, Slotted, lambda y: (y,), lambda y: [None, y], lambda y: {"out": {"deep": y}}])
def test_outputs_of_many_kinds(pack: Any) -> None:
    """Kills outputs that are seen in tuples only."""
    net = Net(lambda net, x: pack(net.conv(x)), conv=nn.Conv2d(3, 4, 3))
    total = table(net, (1, 3, 8, 8)).total
    assert (total["output"], total["depth"], total["rf"]["size"]) == ([1, 4, 6, 6], 1, [3, 3])


def test_hooks() -> None:
    """Kills ops that run in a hook, before the model's forward or after it: on the model itself, and on a part of it."""
    net = nn.Sequential(nn.Linear(4, 4))
    for module in (net, net[0]):
        module.register_forward_pre_hook(lambda module, inputs: (inputs[0] @ torch.zeros(4, 4),))
        module.register_forward_hook(lambda module, inputs, output: output.tanh())
    found = table(net, (1, 4)).total
    assert (found["macs"], found["flops"], found["output"]) == (3 * 16, 2 * 3 * 16 + 4 + 2 * 4, [1, 4])


def test_autocast() -> None:
    """Kills numbers, or a refusal, that depend on the type in which a forward would compute."""

    def forward(net: Net, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return net.fc(net.conv(x).flatten(1))

    parts = {"conv": nn.Conv2d(3, 4, 3), "fc": nn.Linear(144, 5)}
    assert table(Net(forward, **parts), (1, 3, 8, 8)).total["macs"] == 36 * 4 * 27 + 144 * 5


def test_low_precision() -> None:
    """Kills an input of a type that the model does not have."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).bfloat16()
    assert {value.dtype for value in zoo.trace(net, input=(1, 3, 8, 8)).outputs} == {"bfloat16"}


def test_wrong_type_is_no_wrong_size() -> None:
    """Kills a reason that is guessed from the kind of the op that failed."""
    with pytest.raises(zoo.ZooError) as caught:
        table(nn.Sequential(nn.Conv2d(3, 4, 3)), inputs=torch.zeros(1, 3, 8, 8, dtype=torch.float64))
    assert "does not fit" not in str(caught.value)


NETS = {
    "several inputs": (nn.Bilinear(4, 5, 6), [(2, 4), (2, 5)]),
    "recurrent": (nn.LSTM(8, 16, 2), [(5, 3, 8)]),
    "unknown op": (Net(lambda net, x: torch.fft.rfft2(x).real), [(1, 2, 8, 8)]),
    "lists": (Net(lambda net, x: torch.cat([x[:, [1, 0]], *x.chunk(2, dim=1)], dim=1)), [(1, 2, 8, 8)]),
    "unused": (Net(lambda net, x: x + 1, fc=nn.Linear(3, 3)), [(1, 2)]),
}


@pytest.mark.parametrize("case", NETS)
def test_json_round_trip(case: str) -> None:
    """Kills a trace that loses something on its way through JSON: its tables are the same, and so is its JSON."""
    net, shapes = NETS[case]
    trace = zoo.trace(net, input=shapes)
    text = json.dumps(trace.to_dict())
    again = Trace.from_dict(json.loads(text))
    assert json.dumps(again.to_dict()) == text
    for depth in (None, 0, 1):
        assert zoo.measure(again, columns=list(columns()), depth=depth) == zoo.measure(trace, columns=list(columns()), depth=depth)


def test_json_of_another_schema() -> None:
    """Kills a file of something else that is read as a trace."""
    with pytest.raises(ValueError, match=r"zoo\.trace/1"):
        Trace.from_dict({"schema": "zoo.trace/0"})
