"""Bytes, peaks, what a backward keeps and multiplies: against torch running the same networks."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from memory_oracles import eager_peak, freed_peak, made, trained
from torch import Tensor, nn
from torch.nn import functional as F

import zoo
from zoo import ZooError
from zoo.analysis.measure import measure
from zoo.models.targets import resolve
from zoo.record.trace import Trace, Value, bytes_each
from zoo.tables import formats
from zoo.tables.notes import LowerBound

COLUMNS = ["param_bytes", "buffer_bytes", "activation_bytes", "saved", "backward_macs", "peak", "intensity"]
ADDITIVE = COLUMNS[:5]


def total(model: nn.Module | Trace, column: str, *shapes: tuple[int, ...], train: bool = False) -> Any:
    trace = model if isinstance(model, Trace) else zoo.trace(model, input=shapes, train=train)
    return measure(trace, columns=[column], depth=0).total[column]


def constants(trace: Trace) -> int:
    """Bytes of lists of indices and the like, which become tensors in forward."""
    return sum({v.id: v.nbytes for op in trace.ops for v in op.inputs if v.source == "constant"}.values())


# Bytes of the model's own tensors ------------------------------------------------------------------------------------


def test_bytes_of_every_type() -> None:
    """Kills a type that takes four bytes because none was looked up."""
    types = {t for t in vars(torch).values() if isinstance(t, torch.dtype)}
    assert len(types) > 20
    for one in types:
        assert bytes_each(str(one).removeprefix("torch.")) == one.itemsize
    with pytest.raises(ZooError, match="float7"):
        _ = Value(0, (2, 3), "float7", "op").nbytes


class Mixed(nn.Module):
    """Weights of two types, tied ones, and one that is never read."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 6, dtype=torch.bfloat16)
        self.tied = self.fc
        self.norm = nn.BatchNorm1d(6)
        self.spare = nn.Parameter(torch.zeros(5, dtype=torch.float64))
        self.register_buffer("mask", torch.ones(6, dtype=torch.bool))

    def forward(self, x: Tensor) -> Tensor:
        return self.norm((self.tied(self.fc(x)) * self.mask).float())


def bytes_by_type(tensors: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for t in tensors:
        name = str(t.dtype).removeprefix("torch.")
        found[name] = found.get(name, 0) + t.numel() * t.element_size()
    return found


@pytest.mark.parametrize("depth", [0, 1, None])
def test_bytes_by_type(depth: int | None) -> None:
    """Kills one size for all types, tied weights counted twice, weights forgotten that are not read, types added up."""
    net = Mixed()
    table = zoo.summary(net, input=(2, 6), columns=["param_bytes", "buffer_bytes"], depth=depth)
    assert table.total == {"param_bytes": bytes_by_type(net.parameters()), "buffer_bytes": bytes_by_type(net.buffers())}
    for name in table.total:
        for dtype, count in table.total[name].items():
            assert count == sum((row.cells[name] or {}).get(dtype, 0) for row in table.rows)


def test_bytes_of_one_type_are_a_number() -> None:
    """Kills a table of many words where one number says it."""
    model = resolve("alexnet", {}).module
    table = zoo.summary(model, input=(1, 3, 227, 227), columns=["param_bytes", "buffer_bytes"])
    assert table.total["param_bytes"] == sum(p.numel() * p.element_size() for p in model.parameters())
    assert [row.cells["param_bytes"] for row in table.rows][:3] == [4 * (96 * 3 * 11 * 11 + 96), 0, 0]
    assert table.total["buffer_bytes"] == 0


# Activations, against an experiment in which tensors are freed ---------------------------------------------------------


class Ways(nn.Module):
    """Two inputs; views written through, in place, a shared layer, an output that is made early, a result that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.drop = nn.Dropout()

    def forward(self, x: Tensor, y: Tensor) -> dict[str, Any]:
        early = self.conv(x)
        left, right = self.conv(early).chunk(2, 1)
        left.relu_()
        right.mul_(y[:, :2])
        both = torch.cat([left, right], 1)
        x.sin()
        z = F.relu(self.conv(both.reshape(2, 4, -1).view_as(x)) + self.drop(y), inplace=True)
        values, _ = z.max(1)
        return {"early": early[:1], "deep": [torch.add(values, 1, out=torch.empty_like(values)), None], "view": z.flatten(1)}


class Frozen(nn.Module):
    """Layers without gradient before and among others, one that is shared, weights that are computed, a view that is written to."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4, 4, 3, padding=1).requires_grad_(False)
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3, padding=1, groups=2))
        self.norm = nn.BatchNorm2d(4).requires_grad_(False)
        self.fc = nn.Linear(8, 8)
        self.register_buffer("scale", torch.ones(8))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(x))) * y
        x = self.norm(self.conv(self.conv(x)) + self.stem(x))
        z = F.dropout(x, 0.3, self.training) * self.scale
        z[:, :2].mul_(y[:, :2])
        left, right = self.fc(z).chunk(2, 1)
        return left * right.sigmoid()


class Same(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


HANDMADE = [
    (Ways(), (2, 4, 8, 8), (2, 4, 8, 8)),
    (Frozen(), (2, 4, 8, 8), (2, 4, 8, 8)),
    (nn.Sequential(nn.Linear(8, 64), nn.ReLU(inplace=True), nn.Unflatten(1, (4, 16)), nn.Linear(16, 2)), (3, 8)),
    (nn.Sequential(nn.Conv1d(2, 3, 2), nn.InstanceNorm1d(3), nn.GLU(2)), (2, 2, 9)),
    (nn.TransformerEncoderLayer(8, 2, 16), (3, 5, 8)),
    (Same(), (2, 3)),
]
NAMES = ["lenet5", "alexnet", "googlenet", "vgg11_lrn", "resnet20", "stn_mnist"]


def cases() -> list[Any]:
    return [pytest.param(case, id=type(case[0]).__name__) for case in HANDMADE] + [pytest.param((name,), id=name) for name in NAMES]


def subject(case: Any, *, batch: int = 2, train: bool = False) -> tuple[nn.Module, list[Tensor], Trace]:
    """A model in a mode, inputs for it, and its trace.

    Networks by name are on meta, where torch runs their ops and computes nothing; attention too, whose kernels choose layouts.
    """
    model, *shapes = case
    device = "meta" if isinstance(model, str | nn.TransformerEncoderLayer) else "cpu"
    if isinstance(model, str):
        found = resolve(model, {}, train=train)
        model, shapes = found.module, [(batch, *found.input)]
    trace = zoo.trace(model, input=shapes, train=train)
    model = model.to(device)
    return model.train(train), [torch.zeros(shape, device=device) for shape in shapes], trace


@pytest.mark.parametrize("case", cases())
def test_peak(case: Any) -> None:
    """Kills sums that pass for peaks, storage counted twice through views, tensors freed too early or kept too long."""
    model, inputs, trace = subject(case)
    peak = total(trace, "peak")
    if trace.ops:
        assert peak == freed_peak(model, inputs)
        assert peak <= eager_peak(model, inputs)
    else:
        assert peak is None


@pytest.mark.parametrize("case", cases())
def test_activation_bytes(case: Any) -> None:
    """Kills memory for views, for in-place ops and for dropout that does nothing; four bytes for each index."""
    model, inputs, trace = subject(case)
    assert total(trace, "activation_bytes") + constants(trace) == made(model, inputs)


def test_peak_where_nothing_is_held() -> None:
    """Kills an experiment that frees earlier than torch does: in a chain, running it as it is needs as much."""
    chain = nn.Sequential(nn.Linear(4, 100), nn.Tanh(), nn.Linear(100, 3), nn.Linear(3, 50)), (5, 4)
    model, inputs, trace = subject(chain)
    assert total(trace, "peak") == eager_peak(model, inputs) == 4 * (5 * 4 + 2 * 5 * 100)


@pytest.mark.parametrize("depth", [0, 1, 2, None])
def test_peak_of_rows(depth: int | None) -> None:
    """Kills rows that add up to the peak, and a peak that depends on how rows are folded."""
    table = zoo.summary("googlenet", columns=["peak"], depth=depth)
    assert (
        max(row.cells["peak"] for row in table.rows)
        == table.total["peak"]
        == zoo.summary("googlenet", columns=["peak"]).total["peak"]
    )


# What training keeps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [case for case in cases() if case.id not in {"Same", "Ways", "TransformerEncoderLayer"}])
def test_saved(case: Any) -> None:
    """Kills sums of outputs, relu with its input, linear layers that keep their output, storage that is kept twice."""
    model, inputs, trace = subject(case, train=True)
    assert total(trace, "saved") + constants(trace) == trained(model, inputs)[0]


@pytest.mark.parametrize("name", ["resnet20", "lenet_caffe"])
def test_saved_in_evaluation_mode(name: str) -> None:
    """Kills statistics of a batch where running ones are used."""
    model = resolve(name, {}).module.to_empty(device="cpu")
    for t in model.state_dict().values():
        t.zero_()
    x = torch.zeros(2, *zoo.card(name).input)
    assert total(model, "saved", tuple(x.shape)) == trained(model, [x], train=False)[0]


Rule = Callable[..., Any]
ONE: dict[str, Rule] = {
    **{f.__name__: f for f in (torch.relu, torch.sigmoid, torch.tanh, F.silu, F.gelu, F.hardswish, F.hardsigmoid, F.softplus)},
    **{f.__name__: f for f in (F.elu, F.selu, F.leaky_relu, F.mish, F.relu6, F.softsign, F.logsigmoid, torch.exp, torch.sqrt)},
    **{f.__name__: f for f in (torch.rsqrt, torch.square, torch.abs, torch.log, torch.neg, torch.mean, torch.amax, torch.var)},
    **{f.__name__: f for f in (torch.std, torch.norm, torch.max, torch.logsumexp)} | {"logsumexp": lambda x: x.logsumexp(1)},
    **{f"{f.__name__}_": lambda x, f=f: f(x, inplace=True) for f in (F.relu, F.relu6, F.hardtanh, F.silu, F.hardswish, F.elu)},
    **{f"{f.__name__}_": lambda x, f=f: f(x, inplace=True) for f in (F.hardsigmoid, F.leaky_relu, F.selu, F.mish, F.dropout)},
    "softmax": lambda x: F.softmax(x, 1),
    "clamp_": lambda x: x.clamp_(0, 1),
    "pow": lambda x: x**2.5,
    "pow_": lambda x: x.pow_(0.75),
    "numbers": lambda x: 1 / (2 * x - 1) / 3,
    "max_pool2d": lambda x: F.max_pool2d(x, 2),
    "max_pool1d": lambda x: F.max_pool1d(x[0], 2),
    "max_pool3d": lambda x: F.max_pool3d(x, 2),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 2),
    "avg_pool1d": lambda x: F.avg_pool1d(x[0], 2),
    "adaptive_avg": lambda x: F.adaptive_avg_pool2d(x, 3),
    "global_avg": lambda x: F.adaptive_avg_pool2d(x, 1),
    "adaptive_max": lambda x: F.adaptive_max_pool2d(x, 3),
    "dropout": F.dropout,
    "dropout of nothing": lambda x: F.dropout(x, 0.0),
    "dropout2d": F.dropout2d,
    "alpha_dropout": lambda x: F.alpha_dropout(x, training=True),
    "lrn": lambda x: F.local_response_norm(x, 2),
    "interpolate": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "moves": lambda x: F.pad(torch.cat([x.flip(1), x.roll(1, 1)]).repeat(2, 1, 1, 1).tril(), (1, 1)).contiguous(),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "index": lambda x: x[:, torch.tensor([0, 2])],
    "gather": lambda x: x.gather(1, torch.zeros(2, 4, 8, 8, dtype=torch.int64)),
    "topk": lambda x: x.topk(2)[0],
    "max of axis": lambda x: x.max(1)[0],
    "expanded": lambda x: x[:1].expand(3, 4, 8, 8) * x[0].detach(),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "instance_norm": F.instance_norm,
    "group_norm": lambda x: F.group_norm(x, 2),
    "layer_norm": lambda x: F.layer_norm(x, (8, 8)),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "masked attention": lambda x: F.scaled_dot_product_attention(x, x, x, torch.ones(8, 8, dtype=torch.bool)),
    "detached": lambda x: x.detach() * x.detach().exp() + x,
    "einsum": lambda x: torch.einsum("nchw,ncvw->nhv", x, x.tanh()),
}
TWO: dict[str, Rule] = {
    **{f.__name__: f for f in (torch.mul, torch.div, torch.matmul, torch.maximum, torch.add, torch.atan2)},
    "mul_": lambda x, y: x.add(0).mul_(y),
    "div_": lambda x, y: x.add(0).div_(y),
    "linear": lambda x, y: F.linear(x, y[0, 0]),
    "biased linear": lambda x, y: F.linear(x, y[0, 0], y[0, 0, 0]),
    "conv2d": lambda x, y: F.conv2d(x, y),
    "conv_transpose2d": lambda x, y: F.conv_transpose2d(x, y.transpose(0, 1)[:, :1].expand(4, 3, 8, 8)),
    "mm": lambda x, y: x[0, 0] @ y[0, 0],
    "addmm": lambda x, y: torch.addmm(x[0, 1], x[0, 0], y[0, 0]),
    "bmm": lambda x, y: torch.bmm(x[0], y[0]),
    "prelu": lambda x, y: F.prelu(x, y[0, :, 0, 0]),
    "batch_norm": lambda x, y: F.batch_norm(x, None, None, y[0, :, 0, 0], training=True),
    "layer_norm": lambda x, y: F.layer_norm(x, (8,), y[0, 0, 0]),
    "group_norm": lambda x, y: F.group_norm(x, 2, y[0, :, 0, 0]),
    "instance_norm": lambda x, y: F.instance_norm(x, weight=y[0, :, 0, 0]),
    "grid_sample": lambda x, y: F.grid_sample(x, y[..., :2], align_corners=False),
    "pow": torch.pow,
}


class One(nn.Module):
    """A rule on inputs of which some are made trainable, by an addition, that keeps nothing."""

    def __init__(self, rule: Rule, trainable: tuple[bool, ...] = (True,)) -> None:
        super().__init__()
        self.rule, self.trainable = rule, trainable
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, *xs: Tensor) -> Any:
        given = [x + self.shift if flag else x for x, flag in zip(xs, self.trainable, strict=True)]
        return self.rule(*given), given  # that one may be trained without a gradient of the rule


@pytest.mark.parametrize("rule", [pytest.param(rule, id=name) for name, rule in ONE.items()])
def test_saved_by_one_op(rule: Rule) -> None:
    """Kills a rule that keeps input for output, or nothing, or what is overwritten in place instead of a copy."""
    net = One(rule)
    trace = zoo.trace(net, input=(2, 4, 8, 8), train=True)
    assert total(trace, "saved") + constants(trace) == trained(net, [torch.ones(2, 4, 8, 8)])[0]


@pytest.mark.parametrize("trainable", [(True, False), (False, True), (True, True)], ids=["first", "second", "both"])
@pytest.mark.parametrize("rule", [pytest.param(rule, id=name) for name, rule in TWO.items()])
def test_saved_by_an_op_of_two(rule: Rule, trainable: tuple[bool, ...]) -> None:
    """Kills a factor that is kept though the other needs no gradient."""
    net, shapes = One(rule, trainable), [(2, 4, 8, 8)] * 2
    trace = zoo.trace(net, input=shapes, train=True)
    assert total(trace, "saved") == trained(net, [torch.ones(shape) for shape in shapes])[0]


class Through(nn.Module):
    """A function between layers."""

    def __init__(self, way: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x)


CHAINS: dict[str, Callable[[], nn.Module]] = {
    **{
        mode: lambda mode=mode: nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1, padding_mode=mode) for _ in range(2)))  # type: ignore[misc]
        for mode in ("zeros", "reflect", "replicate", "circular")
    },
    "uneven same": lambda: nn.Sequential(nn.Conv2d(3, 8, 4, padding="same"), nn.Conv2d(8, 8, 4, padding="same")),
    "power": lambda: One(lambda x: 2 ** x.sin()),
    **{name: lambda name=name: nn.Sequential(nn.Conv2d(3, 4, 3), Through(getattr(torch, name)), nn.Conv2d(4, 5, 3))  # type: ignore[misc]
       for name in ("sign", "round", "floor", "detach")},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in CHAINS.items()])
def test_a_backward_through_a_chain(build: Callable[[], nn.Module]) -> None:
    """Kills a border that keeps nothing, rounding that stops gradients, and weights that are charged behind a cut."""
    net, shape = build(), (2, 3, 16, 16)
    found = zoo.summary(net, input=shape, train=True, columns=["saved", "backward_macs"]).total
    assert (found["saved"], found["backward_macs"]) == trained(net, [torch.ones(shape)])


def test_saved_by_ops_without_a_rule() -> None:
    """Kills an op that is taken to keep nothing because nobody said what it keeps."""
    net = One(lambda x: x.lgamma() + x.detach().digamma())
    table = zoo.summary(net, input=(2, 3), columns=["saved", "macs"])
    assert table.total == {"saved": {"at_least": 0, "unknown": {"lgamma": 1}}, "macs": 0}
    assert [note.column for note in table.notes if isinstance(note, LowerBound)] == ["saved"]


# What a backward multiplies --------------------------------------------------------------------------------------------


def products(trace: Trace) -> int:
    """What FlopCounterMode counts beside: for the weights of a grouped convolution as if it had one group."""
    convolutions = [op for op in trace.ops if op.kind.startswith("conv")]
    full = [(op, op.input("weight"), op.attrs["groups"]) for op in convolutions]
    return sum((groups - 1) * op.output.numel // w.shape[0] * w.numel for op, w, groups in full if w is not None)


@pytest.mark.parametrize("case", [*cases()[4:-1], pytest.param(("vgg11",), id="vgg11"), pytest.param(("googlenet_bn",), id="bn")])
def test_backward_macs(case: Any) -> None:
    """Kills twice the forward, which is wrong for the first layer, and a gradient for what is frozen."""
    model, inputs, trace = subject(case, train=True)
    if trace.ops:
        assert total(trace, "backward_macs") + products(trace) == trained(model, inputs)[1]


PRODUCTS = ["linear", "biased linear", "conv2d", "conv_transpose2d", "mm", "addmm", "bmm", "matmul"]


@pytest.mark.parametrize("trainable", [(True, False), (False, True), (True, True)], ids=["first", "second", "both"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_of_an_op(name: str, trainable: tuple[bool, ...]) -> None:
    """Kills both gradients where one is needed, and operands that are taken for each other."""
    net, shapes = One(TWO[name], trainable), [(2, 4, 8, 8)] * 2
    trace = zoo.trace(net, input=shapes, train=True)
    assert total(trace, "backward_macs") + products(trace) == trained(net, [torch.ones(shape) for shape in shapes])[1] > 0


@pytest.mark.parametrize("trainable", [flags for flags in product((True, False), repeat=3) if any(flags)], ids=str)
def test_products_of_attention(trainable: tuple[bool, ...]) -> None:
    """Kills gradients of queries, keys and values that are all alike: the scores have one too, and values another length."""
    net, shapes = One(F.scaled_dot_product_attention, trainable), [(2, 3, 5, 8), (2, 3, 7, 8), (2, 3, 7, 6)]
    inputs = [torch.ones(shape, device="meta") for shape in shapes]
    assert total(net, "backward_macs", *shapes, train=True) == trained(net.to("meta"), inputs)[1]


RECURRENT = [
    (nn.LSTM(3, 4), (5, 2, 3)),
    (nn.LSTM(3, 4, num_layers=2, bidirectional=True, proj_size=2, batch_first=True), (2, 5, 3)),
    (nn.GRU(3, 4, num_layers=3), (5, 2, 3)),
    (nn.RNN(3, 4, bidirectional=True), (5, 3)),
    (nn.LSTMCell(3, 4), (2, 3)),
    (nn.GRUCell(3, 4), (3,)),
]


@pytest.mark.parametrize("first", [nn.Identity(), nn.Linear(3, 3)], ids=["input", "learned"])
@pytest.mark.parametrize(("layer", "shape"), RECURRENT, ids=lambda case: type(case).__name__)
def test_products_of_recurrence(layer: nn.Module, shape: tuple[int, ...], first: nn.Module) -> None:
    """Kills a gradient of the first hidden state and of the input, which need none; or hidden states taken for it."""
    net = nn.Sequential(first, layer)
    assert total(net, "backward_macs", shape, train=True) == trained(net.to("meta"), [torch.ones(shape, device="meta")])[1]


def test_input_that_requires_a_gradient() -> None:
    """Kills the gradient of an input that is asked for, as for an adversarial example, and is not counted."""
    net, x, y = nn.Linear(6, 8), torch.ones(4, 6), torch.ones(4, 6, requires_grad=True)
    assert [total(zoo.trace(net, inputs=one), "backward_macs") for one in (x, y)] == [trained(net, [one])[1] for one in (x, y)]


def test_products_that_are_not_known() -> None:
    """Kills a backward that is free because nobody said what it costs."""
    net = One(F.bilinear, (True, False, False))
    assert total(net, "backward_macs", (2, 3), (2, 4), (5, 3, 4)) == {"at_least": 0, "unknown": {"bilinear": 1}}
    assert total(One(F.bilinear, (False,) * 3), "backward_macs", (2, 3), (2, 4), (5, 3, 4)) == 0


# MACs for each byte ----------------------------------------------------------------------------------------------------


def test_intensity() -> None:
    """Kills a product with itself that is read twice, views that move bytes, tables that are read whole for one row."""
    linear = nn.Sequential(nn.Linear(6, 8), nn.Flatten(0), nn.Dropout())
    assert total(linear, "intensity", (4, 6)) == pytest.approx(4 * 6 * 8 / (4 * (4 * 6 + 6 * 8 + 8 + 4 * 8)), rel=1e-5)
    squared = One(lambda x: x @ x, (False,))
    assert total(squared, "intensity", (5, 5)) == pytest.approx(5**3 / (4 * (5 * 5 + 5 * 5)), rel=1e-5)
    table = zoo.summary(
        nn.Sequential(nn.Embedding(1000, 4), nn.ReLU(), nn.Linear(4, 2)),
        inputs=torch.zeros(3, dtype=torch.int64),
        columns=["intensity"],
    )
    assert table.total["intensity"] == pytest.approx(24 / (3 * 8 + 2 * 48 + 2 * 48 + (48 + 4 * 10 + 24)), rel=1e-5)
    assert total(Same(), "intensity", (2, 3)) is None


# All of them, anywhere -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", [*cases()[:2], pytest.param(("googlenet",), id="googlenet"), pytest.param(("resnet20",), id="resnet20")]
)
def test_columns_at_every_depth(case: Any) -> None:
    """Kills columns whose rows add up at one depth only; and numbers that a second look changes."""
    _, _, trace = subject(case, train=True)
    tables = [measure(trace, columns=COLUMNS, depth=depth) for depth in (0, 1, 2, None)]
    assert all(table.total == tables[0].total for table in tables)
    for table in tables:
        for name in ADDITIVE:
            assert added(row.cells[name] for row in table.rows) == table.total[name]
        assert max(row.cells["peak"] or 0 for row in table.rows) == table.total["peak"]


def added(cells: Any) -> Any:
    sums: dict[str, int] = {}
    for cell in cells:
        for key, count in (cell if isinstance(cell, dict) else {"": cell or 0}).items():
            sums[key] = sums.get(key, 0) + count
    return {key: count for key, count in sums.items() if key} or sums[""]


@pytest.mark.parametrize("format", formats.names())
def test_columns_in_every_format(format: str) -> None:
    """Kills a cell by types that a format cannot draw, and a format that loses one of them."""
    table = zoo.summary(Mixed(), input=(2, 6), columns=COLUMNS)
    drawn = table.render(format, width=200)
    for name in ("param_bytes", "buffer_bytes"):
        assert all(dtype in drawn for dtype in table.total[name])


@pytest.mark.parametrize("name", ["googlenet", "googlenet_bn", "torchvision:googlenet"])
def test_training_mode(name: str) -> None:
    """Kills training that forgets the auxiliary heads, the batch's statistics or the masks of dropout."""
    options = {"aux_logits": True} if name.startswith("torchvision") else None
    training, evaluation = (
        zoo.summary(name, train=train, columns=["params", *COLUMNS], options=options).total for train in (True, False)
    )
    if options is None:
        assert training["params"] > evaluation["params"]
    assert all(training[column] > evaluation[column] for column in ("saved", "backward_macs", "activation_bytes"))


def test_the_document_quotes_computed_numbers() -> None:
    """Kills a number in the prose of docs/memory.md that nothing computes."""
    prose = " ".join((Path(__file__).parent.parent / "docs" / "memory.md").read_text(encoding="utf-8").split())
    vgg, resnet = (zoo.summary(name, train=True, columns=COLUMNS).total for name in ("vgg16", "resnet50"))
    fc6 = next(row for row in zoo.summary("vgg16", columns=["param_bytes"]).rows if row.name.endswith("fc6")).cells["param_bytes"]
    assert (
        f"The parameters of VGG-16 take {vgg['param_bytes'] / 1e6:.0f} MB, five times those of ResNet-50; three quarters" in prose
    )
    assert round(vgg["param_bytes"] / resnet["param_bytes"]) == 5
    assert round(4 * fc6 / vgg["param_bytes"]) == 3
    assert f"At its peak it holds {vgg['peak'] / 1e6:.1f} MB" in prose
    assert f"needs {resnet['peak'] / 1e6:.1f} MB" in prose
    assert f"it keeps {resnet['saved'] / 1e6:.1f} MB for the backward pass, eight times its peak" in prose
    assert round(resnet["saved"] / resnet["peak"]) == 8
    assert f"while VGG-16 keeps {vgg['saved'] / 1e6:.1f} MB" in prose
    more = {
        name: eager_peak(*subject((name,))[:2]) / total(subject((name,))[2], "peak") - 1
        for name in ("vgg16", "resnet18", "resnet50", "plain20")
    }
    assert more["vgg16"] == more["resnet18"] == 0
    assert f"{more['resnet50']:.0%} more for ResNet-50, and {more['plain20']:.0%} more for the CIFAR network" in prose
