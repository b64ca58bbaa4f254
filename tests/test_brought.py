"""Models as people bring them: caches that begin empty, scripted parts, children with awkward names, weights outside of layers."""

import copy
import threading
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop
from torch.nn.attention.flex_attention import flex_attention

import zoo


class Cached(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([torch.empty(0), self.conv(x)], -2)


def test_what_is_put_beside_an_empty_tensor() -> None:
    """Kills a cache that begins as a tensor of one dimension without elements, as those of language models do."""
    assert zoo.summary(Cached(), input=(1, 3, 8, 8)).total["rf"] == {"size": [3, 3], "stride": [1, 1], "padding": [0, 0]}


class Around(nn.Module):
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner, self.last = inner, nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.last(self.inner(x))
        return found


@pytest.mark.parametrize("how", ["script", "trace"])
def test_scripted_parts_count(how: str) -> None:
    """Kills a crash on a scripted or traced submodule, whose ops are there: the same numbers as before it was compiled."""
    plain = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
    x = torch.rand(1, 3, 8, 8)
    with warnings.catch_warnings(action="ignore"):
        inner = torch.jit.script(plain) if how == "script" else torch.jit.trace(plain, x)
    model = Around(inner).eval()
    expected, columns = model(x), ["params", "macs", "flops", "rf", "depth"]
    assert (
        zoo.summary(model, input=x.shape, columns=columns).total == zoo.summary(Around(plain), input=x.shape, columns=columns).total
    )
    assert model(x).equal(expected)


class Awkward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.ReLU(), nn.Conv2d(4, 8, 3, 2))
        self.graph, self.code, self.plain = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, 2), nn.Conv2d(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.plain(self.code(self.graph(self.stages(x))))
        return found


def test_features_of_a_model_whose_children_have_any_name() -> None:
    """Kills features that need for themselves the name of a child (`stages` in every ConvNeXt), or other names of weights."""
    model, x = Awkward().eval(), torch.rand(1, 3, 32, 32)
    body = zoo.features(model, ["stages", "graph", "plain"], input=(1, 3, 32, 32))
    assert body(x)["plain"].equal(model(x))
    assert set(body.stages) == {"stages", "graph", "plain"}
    assert body.state_dict().keys() == model.state_dict().keys()
    other = Awkward().eval()
    body.load_state_dict(other.state_dict())
    assert body(x)["plain"].equal(other(x))
    assert copy.deepcopy(body).state_dict().keys() == model.state_dict().keys()


class Weights(nn.Module):
    """A product with a parameter, an LSTM, a layer with weights of its own at each place, and a scaled adaptive pooling."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.w, self.local = nn.Parameter(torch.zeros(8, 4)), nn.Parameter(torch.zeros(36, 8, 27))
        self.lstm, self.scale = nn.LSTM(8, 5, batch_first=True, num_layers=2), nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "product":
            return x[0, 0] @ self.w
        if self.how == "lstm":
            found: Tensor = self.lstm(x[0])[0]
            return found
        if self.how == "local":
            return torch.einsum("bkl,lok->bol", nn.functional.unfold(x, 3), self.local)
        return nn.functional.adaptive_avg_pool2d(x, 3) * self.scale


@pytest.mark.parametrize(
    ("how", "units", "connections"),
    [
        ("product", 8 * 4, 8 * 4 * 8),
        ("lstm", 3 * 8 * 5 * 2, 3 * 8 * (20 * 8 + 20 * 5 + 2 * 20 + 20 * 5 + 20 * 5 + 2 * 20)),
        ("local", 36 * 8, 36 * 8 * 27),
        ("pool", 3 * 9, 3 * (3 + 4 + 3) ** 2),  # windows of 3, 4 and 3 of 8 rows
    ],
)
def test_units_of_weights_outside_of_layers(how: str, units: int, connections: int) -> None:
    """Kills a silent zero where there are weights: counted by hand."""
    total = zoo.summary(Weights(how), input=(1, 3, 8, 8), columns=["units", "connections"]).total
    assert total == {"units": units, "connections": connections}


class Quantised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.fake_quantize_per_tensor_affine(x, 0.1, 0, -128, 127)
        x = torch.quantize_per_tensor(x, 0.1, 0, torch.qint8).dequantize()
        x.histc(4)
        return self.linear(x)


def test_ops_that_multiply_nothing() -> None:
    """Kills a lower bound of multiply-accumulates because a record is missing."""
    assert zoo.summary(Quantised(), input=(1, 8), columns=["macs"]).total["macs"] == 64


def _checks(x: Tensor) -> Tensor:
    ones = torch.ones(4, 4, dtype=torch.bool)
    torch._is_all_true(ones)
    torch._is_any_true(ones)
    torch.isin(torch.arange(4), torch.arange(2))
    return x


def _makes(x: Tensor) -> Tensor:
    torch.tril_indices(4, 4)
    torch.randint_like(x, 4)
    torch.logspace(0, 1, 4)
    return x + torch.diag_embed(x[:, 0]).sum()


def _sparse(x: Tensor) -> Tensor:
    indices = torch.tensor([[0, 1, 1], [2, 0, 2]])
    some = torch.sparse_coo_tensor(indices, torch.ones(3), (2, 3), check_invariants=True).coalesce()
    return x + some.to_dense().sum() + some.to_sparse().to_dense().sum()


@pytest.mark.parametrize("way", [_checks, _makes, _sparse])
def test_checks_and_layouts_multiply_nothing(way: Any) -> None:
    """Kills a lower bound after a check of values, after a new tensor, and after a change to a sparse layout."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.linear(way(x))
            return found

    assert zoo.summary(Net(), input=(1, 8), columns=["macs"], real=way is _sparse).total["macs"] == 64


@pytest.mark.parametrize(("left", "unit", "shape"), [(True, False, (2, 5, 3)), (True, True, (2, 5, 3)), (False, False, (2, 3, 5))])
def test_triangular_systems(left: bool, unit: bool, shape: tuple[int, ...]) -> None:
    """Kills a lower bound after a triangular system, such as the one that linear attention by the delta rule solves.

    By substitution, counted one by one: unknown i of 5 is divided by the diagonal and multiplied into 4 - i later equations.
    """

    class Net(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return torch.linalg.solve_triangular(a, b, upper=False, left=left, unitriangular=unit)

    multiplied = sum(1 for _ in range(2 * 3) for i in range(5) for _ in range(i + 1, 5))
    total = zoo.summary(Net(), input=[(2, 5, 5), shape], columns=["macs", "flops"]).total
    assert total["macs"] == multiplied == 60
    assert total["flops"] == 2 * multiplied + (0 if unit else 2 * 3 * 5)


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        return torch.relu(x @ w)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class WithItsOwnBackward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w, self.linear = nn.Parameter(torch.zeros(8, 8)), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Any:
        return Doubled.apply(self.linear(x), self.w)  # type: ignore[no-untyped-call]


def test_a_backward_of_its_own_is_unknown() -> None:
    """Kills the backward of the ops of a function that has another: nothing here multiplies for the weight or keeps the input."""
    total = zoo.summary(WithItsOwnBackward(), input=(2, 8), columns=["macs", "backward_macs", "saved"], train=True).total
    unknown = {"matmul": 1, "relu": 1}
    assert total["macs"] == 2 * 2 * 64
    assert total["backward_macs"] == {"at_least": 2 * 64, "unknown": unknown}  # the weights of the layer; the input needs none
    assert total["saved"]["unknown"] == unknown


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 4)

    def forward(self, input_ids: Tensor) -> Tensor:
        _batch, _length = input_ids.shape
        found: Tensor = self.words(input_ids)
        return found


def test_a_model_of_words_without_an_input() -> None:
    """Kills the bare "too many values to unpack" of an image, and advice that does not work."""
    with pytest.raises(zoo.ZooError, match=r"--input input_ids=128:int64 \(in Python input="):
        zoo.summary(Words())
    assert zoo.summary(Words(), input=zoo.Input((1, 128), "int64", name="input_ids")).total["output"] == [1, 128, 4]


class Static(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last, self.add = nn.Conv2d(3, 4, 3, 2, 1), nn.Linear(64, 5), torch.ao.nn.quantized.FloatFunctional()
        self.before, self.after = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.before(x))
        found: Tensor = self.after(self.last(self.add.add(x, x).reshape(x.shape[0], -1)))
        return found


def static() -> tuple[nn.Module, nn.Module, tuple[int, ...]]:
    plain = Static().eval()
    plain.qconfig = torch.ao.quantization.get_default_qconfig("fbgemm")  # type: ignore[assignment]
    prepared = torch.ao.quantization.prepare(plain)
    prepared(torch.rand(1, 3, 8, 8))
    return Static(), torch.ao.quantization.convert(prepared), (1, 3, 8, 8)


def dynamic() -> tuple[nn.Module, nn.Module, tuple[int, ...]]:
    plain = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.LSTM(16, 4, 2))
    return plain, torch.ao.quantization.quantize_dynamic(plain, {nn.Linear, nn.LSTM}), (5, 2, 8)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("build", [static, dynamic])
@pytest.mark.parametrize("real", [False, True])
def test_packed_weights_count(build: Any, real: bool) -> None:
    """Kills a refusal of quantised layers, and weights that do not count because they are packed: those of the layers before."""
    plain, quantised, shape = build()
    columns = ["output", "params", "macs", "depth"]
    found = zoo.summary(quantised, input=shape, columns=columns, real=real)
    assert found.total == zoo.summary(plain, input=shape, columns=columns).total
    assert not found.notes or real
    assert {row.mark for row in found.rows} == {""}
    assert quantised(torch.rand(shape)) is not None


@pytest.mark.filterwarnings("ignore")
def test_bytes_of_quantised_activations() -> None:
    """Kills activations of four bytes where torch keeps one: those of the real tensors, and one where it is float32 again."""
    both = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
    plain = nn.Sequential(both[0], nn.Conv2d(3, 4, 3), nn.ReLU(), both[1]).eval()
    plain.qconfig = torch.ao.quantization.get_default_qconfig("fbgemm")  # type: ignore[assignment]
    prepared = torch.ao.quantization.prepare(plain)
    prepared(torch.rand(1, 3, 8, 8))
    quantised, columns = torch.ao.quantization.convert(prepared), ["activations", "activation_bytes", "peak"]
    shapes, values = (zoo.summary(quantised, input=(1, 3, 8, 8), columns=columns, real=real) for real in (False, True))
    assert [row.cells for row in shapes.rows] == [row.cells for row in values.rows]
    assert [row.cells["activation_bytes"] // row.cells["activations"] for row in shapes.rows] == [1, 1, 1, 4]


@pytest.mark.filterwarnings("ignore")
def test_strict_of_quantisation_aware_training() -> None:
    """Kills a lower bound of operations because of observers, which round and compare."""
    plain = nn.Sequential(nn.Linear(8, 8), nn.ReLU()).train()
    plain.qconfig = torch.ao.quantization.get_default_qat_qconfig("fbgemm")  # type: ignore[assignment]
    table = zoo.summary(torch.ao.quantization.prepare_qat(plain), input=(2, 8), train=True)
    assert table.total["macs"] == 2 * 64
    assert isinstance(table.total["flops"], int)


OBSERVERS = {
    "HistogramObserver": torch.ao.quantization.HistogramObserver,
    "FakeQuantize": torch.ao.quantization.FakeQuantize,
    "MovingAverageMinMaxObserver": torch.ao.quantization.MovingAverageMinMaxObserver,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OBSERVERS)
def test_observers(name: str) -> None:
    """Kills a refusal of a prepared model because its observers branch on activations: the counts of a run on real tensors."""
    model = nn.Sequential(nn.Linear(8, 8), OBSERVERS[name](), nn.Linear(8, 4)).eval()
    for ran in (False, True):
        before = copy.deepcopy(model.state_dict())
        shapes, values = (zoo.summary(model, input=(2, 8), real=real) for real in (False, True))
        assert shapes.total["macs"] == values.total["macs"] == 2 * 8 * 12
        if ran and name == "HistogramObserver":
            assert "counts updates of a HistogramObserver in its present range (1×)" in str(shapes.notes[0])
        else:
            assert (shapes.total["flops"], list(shapes.notes)) == (values.total["flops"], [])
        assert all(found.equal(before[key]) for key, found in model.state_dict().items())
        model(torch.rand(2, 8))


@pytest.mark.filterwarnings("ignore")
def test_a_histogram_that_is_searched() -> None:
    """Kills steps of a search that goes on as long as an error shrinks, which nobody knows."""
    model = nn.Sequential(nn.Linear(8, 8), OBSERVERS["FakeQuantize"](observer=OBSERVERS["HistogramObserver"])).eval()
    model[1].activation_post_process(torch.rand(2, 8))
    table = zoo.summary(model, input=(2, 8))
    assert table.total["macs"] == 128
    assert "the present range of a HistogramObserver (1×)" in str(table.notes[0])


class FourBits(nn.Module):
    """Two weights in each byte, unpacked before the product, or multiplied as they are."""

    def __init__(self, *, unpacks: bool) -> None:
        super().__init__()
        self.unpacks = unpacks
        self.register_buffer("packed", torch.zeros(64, 32, dtype=torch.uint8))
        self.register_buffer("scales", torch.ones(2, 64, 2))
        self.register_buffer("rows", torch._convert_weight_to_int4pack_for_cpu(torch.zeros(64, 64, dtype=torch.int32), 1))

    def forward(self, x: Tensor) -> Tensor:
        if self.unpacks:
            return x @ torch.stack([self.packed & 15, self.packed >> 4], -1).reshape(64, 64).to(x.dtype).T
        found: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(x, self.rows, 32, self.scales)
        return found


@pytest.mark.parametrize("unpacks", [True, False])
def test_products_with_packed_buffers(unpacks: bool) -> None:
    """Kills the number of bytes as that of products: the same as of a layer from 64 to 64."""
    assert zoo.summary(FourBits(unpacks=unpacks), input=(2, 64), columns=["macs"]).total["macs"] == 2 * 64 * 64


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("real", [False, True])
def test_lazy_modules(real: bool) -> None:
    """Kills a refusal of what the shapes decide, and a model that is initialised by being looked at."""
    lazy = nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))
    plain = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 5))
    drawn = torch.get_rng_state()
    columns = ["output", "params", "macs", "buffers"]
    found, expected = (zoo.summary(net, input=(1, 3, 8, 8), columns=columns, real=real) for net in (lazy, plain))
    assert [(row.type, row.cells) for row in found.rows] == [(row.type, row.cells) for row in expected.rows]
    assert torch.get_rng_state().equal(drawn)
    assert isinstance(lazy[0], nn.LazyConv2d)
    assert lazy[4].has_uninitialized_params()
    assert zoo.summary(lazy, input=(1, 4, 8, 8)).total["params"] > found.total["params"]


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy_modules_that_do_not_fit() -> None:
    """Kills a traceback of the first forward."""
    with pytest.raises(zoo.ZooError, match=r"0\.weight is not initialised, and a forward .* raised RuntimeError"):
        zoo.summary(nn.Sequential(nn.LazyConv2d(8, 3), nn.Flatten(), nn.LazyLinear(5)), input=(1, 3, 2, 2))


class Chooses(nn.Module):
    """`torch.cond`, `while_loop` and `flex_attention`, imported by their names."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.a, self.b = how, nn.Linear(8, 8), nn.Linear(8, 8, bias=False)

    def forward(self, x: Tensor) -> Any:
        if self.how == "known":
            return torch.cond(torch.ones(2).sum() < 0, lambda x: self.a(self.a(x)), self.b, (x,))
        if self.how == "unknown":
            return torch.cond(x.sum() < 0, lambda x: self.b(self.b(x)), self.a, (x,))
        if self.how == "counted":
            return while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, self.b(x)), (torch.tensor(0), x))[1]
        if self.how == "until":
            return while_loop(lambda x: x.sum() > 0, lambda x: (self.b(x),), (x,))[0]
        heads = self.b(x)[:, None]
        return flex_attention(heads, heads, heads, score_mod=lambda score, *_: score * 2)


@pytest.mark.parametrize(
    ("how", "macs", "says"),
    [
        ("known", 5 * 64, ""),
        ("unknown", 2 * 5 * 64, "counts the first branch of torch.cond (1×): the choice depends on unknown values"),
        ("counted", 3 * 5 * 64, ""),
        ("until", 5 * 64, "counts one pass of while_loop (1×): the choice depends on unknown values"),
        ("flex", 5 * 64 + 5 * 5 * 16, ""),
    ],
)
def test_functions_of_functions(how: str, macs: int, says: str) -> None:
    """Kills a refusal with a reason that is false, and a choice without a word."""
    codes = [function.__code__ for function in (torch.cond, while_loop, flex_attention)]
    table = zoo.summary(Chooses(how), input=(1, 5, 8))
    assert table.total["macs"] == macs
    assert [str(note) for note in table.notes if str(note).startswith("counts")] == ([says] if says else [])
    assert [function.__code__ for function in (torch.cond, while_loop, flex_attention)] == codes


def test_functions_of_functions_in_other_threads() -> None:
    """Kills functions that are exchanged for everybody: another thread runs torch's own."""
    seen: list[bool] = []

    class Asks(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            def ask() -> None:
                with pytest.raises(RuntimeError, match="callable"):
                    torch.cond(torch.tensor(True), 1, 2)  # type: ignore[arg-type]
                seen.append(True)

            thread = threading.Thread(target=ask)
            thread.start()
            thread.join(60)
            return super().forward(input)

    zoo.summary(Asks(8, 8), input=(1, 8))
    assert seen == [True]
