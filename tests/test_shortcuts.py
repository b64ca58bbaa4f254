"""The shape facts decide nothing but speed: where one answers, torch answers the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import zoo
from zoo.ops.book import OPS, rule_of_kind
from zoo.record.trace import Op
from zoo.tracing.recorder import Recorder
from zoo.tracing.shortcuts import answer
from zoo.tracing.vocabulary import known_op

Draw = Callable[[st.SearchStrategy[Any]], Any]
FLOATS = (torch.float32, torch.float64)
DTYPES = (*FLOATS, torch.bfloat16, torch.int64, torch.bool)


# torch itself has no shapes for fake quantisation to compare with.
OTHERWISE = ("fake_quantize", "quantized_")  # of types that cannot be drawn
KINDS = [k for k, rule in OPS.all().items() if rule.shape is not None and "::" not in k and not k.startswith(OTHERWISE)]
RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")


def overloads(kind: str) -> list[Any]:
    """Those of an op and of its form in place that have a kernel, and write to no argument of their own."""
    packets = [getattr(torch.ops.aten, name) for name in (kind, f"{kind}_") if hasattr(torch.ops.aten, name)]
    funcs = [getattr(packet, name) for packet in packets for name in packet.overloads()]
    own = [func for func in funcs if torch._C._dispatch_has_kernel(func.name())]
    return [func for func in own if not any(a.is_out for a in func._schema.arguments)]


FUNCS = [func for kind in KINDS if kind not in RECURRENT for func in overloads(kind)]


def answered(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What the recorder takes for the output without torch; None if it asks torch."""
    known = known_op(func)
    inputs, roles, attrs, _, given = Recorder([("", nn.Identity())], {})._read(known, args, kwargs)
    rule, op = rule_of_kind(known.kind), Op(known.kind, 0, inputs, roles, (), attrs, known.traits)
    if "alias" in known.traits:  # the recorder asks torch, but a trace on other sizes the fact
        shape = rule.shape(op) if given and rule.shape and given[0].is_contiguous() else None
        return None if shape is None else torch.empty(shape, dtype=given[0].dtype)
    return answer(rule, known, op, given)


class Arguments:
    """Arguments of an op, drawn from its schema: of few sizes, ranks and types, so that many fit together and some do not."""

    def __init__(self, draw: Draw, func: Any) -> None:
        self.draw = draw
        self.axes = next((int(c) for c in func._schema.name if c.isdigit()), None)
        self.kind = func._schema.name.removeprefix("aten::")
        self.rank = {"grid_sampler": 4, "bmm": 3}.get(self.kind, draw(st.integers(0, 5)) if self.axes is None else self.axes + 2)
        self.sizes = draw(st.lists(st.integers(1, 8), min_size=1, max_size=2))
        self.dtype = draw(st.sampled_from(FLOATS))

    def mostly(self, usual: st.SearchStrategy[Any], unusual: st.SearchStrategy[Any]) -> Any:
        return self.draw(unusual if self.draw(st.integers(0, 11)) == 11 else usual)

    def tensor(self, name: str) -> torch.Tensor:
        vector = name in {"bias", "running_mean", "running_var"} or (name == "weight" and "norm" in self.kind)
        usual = 1 if vector else 2 if (self.kind, name) == ("linear", "weight") else self.rank
        rank = self.mostly(st.just(usual), st.integers(0, 5))
        sizes = [self.mostly(st.sampled_from(self.sizes), st.integers(0, 8)) for _ in range(rank)]
        if name == "grid":
            sizes[-1:] = [2]
        dtype = self.mostly(st.just(torch.bool if name == "mask" else self.dtype), st.sampled_from(DTYPES))
        tensor = torch.empty(sizes, dtype=dtype, device="meta")
        return tensor.transpose(0, -1) if rank > 1 and self.mostly(st.just(False), st.just(True)) else tensor

    def tensors(self, gaps: bool) -> list[torch.Tensor | None]:
        several: list[torch.Tensor | None] = [self.tensor("") for _ in range(self.draw(st.integers(1, 3)))]
        if gaps:  # indices: one list of numbers, behind some dimensions that stay
            count = self.draw(st.integers(0, 3))
            numbers = torch.empty(count, dtype=torch.int64, device="meta")
            return self.mostly(st.just([*[None] * count, numbers]), st.just([*several, numbers]))
        return several

    def ints(self, name: str) -> list[int]:
        if name == "dim":
            within = st.integers(-self.rank, max(self.rank - 1, 0))
            return self.draw(st.lists(self.mostly(st.just(within), st.just(st.integers(-5, 5))), max_size=3))
        count = self.mostly(st.sampled_from((2, 4) if name == "pad" else (1, self.axes or 1)), st.integers(0, 3))
        return [self.mostly(st.integers(1, 3), st.integers(-1, 5)) for _ in range(count)]

    def __call__(self, argument: Any) -> Any:
        kind, name = str(argument.type), argument.name
        if kind.startswith("Optional["):
            if self.draw(st.booleans()):
                return None
            kind = kind.removeprefix("Optional[").removesuffix("]")
        if kind == "Tensor":
            return self.tensor(name)
        if "Tensor" in kind:
            return self.tensors(gaps="Optional" in kind)
        if kind == "List[int]":
            return self.ints(name)
        usual, unusual = {
            "int": (range(-5, 6) if name == "dim" else (1, 2), (0, -1, 3)),
            "bool": ((False, True), (False, True)),
            "float": ((0.0, 0.5), (1.0, 1.5)),
            "number": ((1, 2, 0.5), (0, -1.0)),
            "str": (("none", "tanh"), ("erf",)),
        }[kind]
        return self.mostly(st.sampled_from(usual), st.sampled_from(unusual))


@st.composite
def arguments(draw: Draw, func: Any) -> tuple[list[Any], dict[str, Any]]:
    """By position, as many as there must be, or more; and some of those that go by name."""
    new = Arguments(draw, func)
    by_position = [a for a in func._schema.arguments if not a.kwarg_only]
    needed = sum(not a.has_default_value() for a in by_position)
    args = [new(a) for a in by_position[: draw(st.integers(needed, len(by_position)))]]
    by_name = [a for a in func._schema.arguments if a.kwarg_only and a.name != "dtype"]
    by_name = [a for a in by_name if not a.has_default_value() or draw(st.booleans())]
    return args, {a.name: new(a) for a in by_name}


def torch_says(func: Any, args: list[Any], kwargs: dict[str, Any]) -> tuple[tuple[int, ...], torch.dtype, bool] | None:
    """Shape and type of what torch returns, and whether it lies in order; None if it raises."""
    try:
        with torch.inference_mode():
            out = func(*args, **kwargs)
    except Exception:  # of whatever kind: torch's shape functions are Python
        return None
    return tuple(out.shape), out.dtype, out.is_contiguous()


ANSWERS: dict[str, int] = {}


@pytest.mark.slow
@pytest.mark.parametrize("func", FUNCS, ids=str)
def test_fact_agrees_with_torch(func: Any) -> None:
    """Kills a shape that is one off, and an answer where torch would raise: for each fact that there is, or will be."""
    kind = known_op(func).kind

    @settings(max_examples=45, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(arguments(func))
    def agrees(drawn: tuple[list[Any], dict[str, Any]]) -> None:
        args, kwargs = drawn
        out = answered(func, args, kwargs)
        if out is not None:
            ANSWERS[kind] = ANSWERS.get(kind, 0) + 1
            said = torch_says(func, args, kwargs)
            if said is not None and "alias" in known_op(func).traits:
                said = (*said[:2], True)
            assert said == (tuple(out.shape), out.dtype, out.is_contiguous())

    agrees()


USUAL = {"conv2d", "max_pool2d", "linear", "cat", "add", "matmul", "batch_norm", "softmax"}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in USUAL else pytest.mark.slow) for kind in KINDS if kind not in RECURRENT]
)
def test_fact_answers(kind: str) -> None:
    """Kills a fact that hardly ever answers, so that nothing was compared."""
    if kind not in ANSWERS:
        for func in overloads(kind):
            test_fact_agrees_with_torch(func)
    assert ANSWERS.get(kind, 0) >= 2


def meta(*sizes: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(sizes, dtype=dtype, device="meta")


IMAGE, ROW, MAPS = meta(2, 4, 9, 8), meta(2, 4, 9), meta(4)
WRONG = meta(3)
HALF, MASK, INT = torch.bfloat16, torch.bool, torch.int64
EPS = (0.1, 1e-5, False)
# Arguments that torch takes, and for which there has to be an answer: a kept trace on another size needs it.
ORDINARY: dict[str, list[tuple[Any, ...]]] = {
    "conv1d": [(ROW, meta(6, 4, 3), meta(6), [2], [1], [2], 1), (ROW, meta(6, 4, 9)), (ROW, meta(6, 4, 1), None)],
    "conv2d": [(IMAGE, meta(6, 2, 3, 2), meta(6), [2, 1], [0, 3], [1, 2], 2), (IMAGE, meta(4, 1, 1, 1), None, [1], [0], [1], 4)],
    "conv3d": [(meta(1, 2, 5, 6, 7), meta(3, 2, 1, 2, 3), None, [1, 2, 3], [0, 1, 2], [2, 1, 1])],
    "linear": [(meta(5, 4), meta(3, 4), meta(3)), (meta(2, 3, 4), meta(1, 4))],
    "matmul": [
        (meta(3, 4), meta(4, 5)),
        (meta(2, 3, 4), meta(4, 5)),
        (meta(2, 1, 3, 4), meta(1, 6, 4, 5)),
        (meta(1, 1), meta(1, 1)),
    ],
    "bmm": [(meta(2, 3, 4), meta(2, 4, 5)), (meta(1, 1, 1), meta(1, 1, 1))],
    "max_pool2d": [(IMAGE, [3, 2], [2, 1], [1, 0], [1, 2]), (IMAGE, [2]), (IMAGE, [9, 8])],
    "avg_pool2d": [(IMAGE, [3, 2], [2, 1], [1, 0]), (IMAGE, [2])],
    "avg_pool3d": [(meta(1, 2, 5, 6, 7), [1, 2, 3])],
    "adaptive_avg_pool2d": [(IMAGE, [1, 1]), (IMAGE, [3, 11])],
    "batch_norm": [(x, MAPS, MAPS, MAPS, MAPS, False, *EPS) for x in (meta(1, 4), ROW, IMAGE)]
    + [(meta(2, 4), None, None, None, None, True, *EPS), (meta(1, 4, 2), MAPS, MAPS, MAPS, MAPS, True, *EPS)],
    "layer_norm": [(IMAGE, [8], meta(8), meta(8)), (IMAGE, [9, 8]), (meta(4), [4])],
    "group_norm": [(IMAGE, 2, MAPS, MAPS), (meta(1, 4), 4), (IMAGE, 1)],
    "rms_norm": [(IMAGE, [8], meta(8)), (IMAGE, [9, 8])],
    "scaled_dot_product_attention": [(meta(2, 3, 5, 8), meta(2, 3, 7, 8), meta(2, 3, 7, 6))],
    "flatten.using_ints": [(IMAGE, 1), (IMAGE, 0, 1), (IMAGE, -2), (IMAGE, 3)],
    "view": [(IMAGE, [2, -1]), (IMAGE, [576]), (IMAGE, [2, 2, 2, 72]), (IMAGE, [-1])],
    "squeeze": [(meta(2, 1, 3, 1),)],
    "squeeze.dim": [(meta(2, 1, 3), 1), (meta(2, 1, 3), 0), (meta(1, 2, 1), -1)],
    "unsqueeze": [(ROW, 0), (ROW, 3), (ROW, -1), (ROW, -4)],
    "cat": [([ROW, meta(3, 4, 9)], 0), ([ROW, ROW, meta(2, 4, 1)], -1), ([ROW], 1)],
    "select.int": [(IMAGE, 1, 3), (IMAGE, -1, -8), (IMAGE, 0, 0)],
    "slice.Tensor": [(IMAGE, 2, 1, 9, 2), (IMAGE, -1, 0, 99), (IMAGE, 3, -3, -1), (IMAGE,), (IMAGE, 2, 7, 3)],
    "pad": [(IMAGE, [1, 2]), (IMAGE, [1, 2, 0, 3, 4, 0]), (IMAGE, [-8, 0]), (meta(4), [2, 2])],
    "roll": [(IMAGE, [1], [2]), (IMAGE, [1, -1], [-1, 0])],
    "index.Tensor": [(IMAGE, [None, meta(5, dtype=INT)]), (IMAGE, [meta(3, dtype=INT)])],
    "add.Tensor": [(IMAGE, IMAGE), (IMAGE, meta(4, 1, 1)), (meta(1, 4, 9, 8), IMAGE), (IMAGE, meta(1))],
    "sum.dim_IntList": [(IMAGE, [1]), (IMAGE, [2, -1], True), (IMAGE, [0, 1, 2, 3])],
    "mean.dim": [(IMAGE, [-2, -1]), (IMAGE, [0], True)],
    "linalg_vector_norm": [(IMAGE, 2, [1]), (IMAGE, 1, None, True), (IMAGE, 2, [-1, 0], True)],
    "grid_sampler": [(IMAGE, meta(2, 3, 5, 2), 0, 0, False), (IMAGE, meta(2, 1, 1, 2), 2, 2, True)],
    "clamp": [(IMAGE, 0), (IMAGE, None, 1)],
    "masked_fill.Scalar": [(IMAGE, meta(9, 8, dtype=MASK), 0), (IMAGE, meta(2, 4, 9, 8, dtype=MASK), -1.5)],
    "pow.Tensor_Scalar": [(IMAGE, 2), (IMAGE, 0.5)],
}
# Arguments that torch refuses, each for one thing alone.
REFUSED: dict[str, list[tuple[Any, ...]]] = {
    "conv1d": [(ROW, meta(6, 4, 3), meta(5)), (ROW, meta(6, 3, 3)), (ROW, meta(6, 4, 10)), (ROW, meta(6, 4, 3), None, [0])],
    "conv2d": [(IMAGE, meta(6, 2, 3, 3), WRONG, [1], [0], [1], 2), (IMAGE, meta(5, 2, 3, 3), None, [1], [0], [1], 2)]
    + [(IMAGE, meta(6, 4, 3, 3), None, [1], [-1, 0]), (IMAGE, meta(6, 4, 3, 3, dtype=HALF)), (IMAGE, meta(6, 3, 3, 3))]
    + [(IMAGE, meta(6, 4, 3, 3), None, [1], [0], [0]), (IMAGE, meta(6, 4, 3, 3), None, [1, 0]), (IMAGE, meta(6, 4, 1, 9))],
    "linear": [(meta(5, 4), meta(3, 4), meta(4)), (meta(5, 3), meta(3, 4)), (meta(5, 4), meta(3, 4, dtype=HALF))],
    "matmul": [(meta(3, 4), meta(5, 4)), (meta(2, 3, 4), meta(3, 4, 5)), (meta(3, 4), meta(4, 5, dtype=HALF))],
    "bmm": [(meta(2, 3, 4), meta(3, 4, 5)), (meta(2, 3, 4), meta(2, 5, 4)), (meta(1, 3, 4), meta(2, 4, 5))],
    "max_pool2d": [(IMAGE, [10, 2]), (IMAGE, [2, 2], [2, 2], [2, 0]), (IMAGE, [2], [0]), (IMAGE, [2], [2], [0], [0])]
    + [(IMAGE, [2], [2], [-1])],
    "avg_pool2d": [(IMAGE, [2, 9]), (IMAGE, [2, 2], [2, 2], [0, 2]), (IMAGE, [2], [2], [-1])],
    "batch_norm": [(IMAGE, MAPS, WRONG, MAPS, MAPS, False, *EPS), (IMAGE, MAPS, MAPS, MAPS, None, False, *EPS)]
    + [(IMAGE, None, None, None, None, False, *EPS), (IMAGE, MAPS, MAPS, WRONG, MAPS, True, *EPS)],
    "layer_norm": [(IMAGE, [9]), (IMAGE, [8], meta(9)), (IMAGE, [8], meta(8), meta(9)), (IMAGE, [4, 8])],
    "group_norm": [(IMAGE, 3), (IMAGE, 0), (IMAGE, 2, WRONG), (IMAGE, 2, MAPS, WRONG)],
    "rms_norm": [(IMAGE, [9]), (IMAGE, [8], meta(9))],
    "flatten.using_ints": [(IMAGE, 2, 1), (IMAGE, 4), (IMAGE, 0, -5)],
    "view": [(IMAGE, [2, 7, -1]), (IMAGE, [-1, -1]), (IMAGE, [575]), (IMAGE, [2, -2])],
    "unsqueeze": [(ROW, 4), (ROW, -5)],
    "cat": [([ROW, meta(3, 4, 8)], 0), ([ROW, IMAGE], 0), ([ROW, ROW], 3), ([ROW, ROW], -4)],
    "select.int": [(IMAGE, 1, 4), (IMAGE, 1, -5), (IMAGE, 4, 0)],
    "slice.Tensor": [(IMAGE, 4), (IMAGE, 2, 0, 9, 0)],
    "pad": [(IMAGE, [1]), (meta(4), [1, 1, 1, 1]), (IMAGE, [-9, 0])],
    "index.Tensor": [(IMAGE, [None, None, None, None, meta(5, dtype=INT)])],
    "add.Tensor": [(IMAGE, meta(3)), (IMAGE, meta(7, 8))],
    "sum.dim_IntList": [(IMAGE, [4]), (IMAGE, [1, -3]), (IMAGE, [-5])],
    "linalg_vector_norm": [(IMAGE, 2, [4]), (IMAGE, 2, [1, 1])],
    "grid_sampler": [(IMAGE, meta(3, 3, 5, 2), 0, 0, False), (IMAGE, meta(2, 3, 5, 3), 0, 0, False)]
    + [(IMAGE, meta(2, 3, 5, 2, dtype=torch.float64), 0, 0, False)],
    "clamp": [(IMAGE,)],
    "masked_fill.Scalar": [(IMAGE, meta(9, 8), 0), (IMAGE, meta(7, dtype=MASK), 0)],
}


def overload(name: str) -> Any:
    kind, _, form = name.partition(".")
    return getattr(getattr(torch.ops.aten, kind), form or "default")


def filled(value: Any) -> Any:
    """The same with values: on meta, torch does not look at every type and bias."""
    if isinstance(value, list):
        return list(map(filled, value))
    return torch.zeros_like(value, device="cpu") if isinstance(value, torch.Tensor) else value


@pytest.mark.parametrize("name", ORDINARY)
def test_fact_answers_the_ordinary(name: str) -> None:
    """Kills a fact that leaves to torch what it should know, so that no trace can be had at another size."""
    for args in ORDINARY[name]:
        out, said = answered(overload(name), args, {}), torch_says(overload(name), list(args), {})
        assert said is not None, args
        assert out is not None, args
        assert tuple(out.shape) == said[0], args


@pytest.mark.parametrize("name", REFUSED)
def test_fact_leaves_the_wrong_to_torch(name: str) -> None:
    """Kills an answer where torch raises, as a layer would that gets another number of channels."""
    for args in REFUSED[name]:
        assert torch_says(overload(name), list(map(filled, args)), {}) is None, args
        assert answered(overload(name), args, {}) is None, args


@pytest.mark.parametrize("kind", ["max", "avg"])
def test_rounded_up(kind: str) -> None:
    """Kills a last window that begins in the padding, and one that is left out: each size, window, stride and padding."""
    func = getattr(torch.ops.aten, f"{kind}_pool2d").default
    for n, k, s, p in product(range(3, 10), (1, 2, 3), (1, 2, 3, 4), (0, 1)):
        if p <= k // 2:
            args = (meta(1, 1, n, n), [k, k], [s, s], [p, p], *([[1, 1]] if kind == "max" else []), True)
            out = answered(func, args, {})
            assert out is not None
            expected = getattr(F, f"{kind}_pool2d")(torch.zeros(1, 1, n, n), k, s, p, ceil_mode=True)
            assert out.shape == expected.shape, (n, k, s, p)


@pytest.mark.parametrize("name", [name for name in zoo.list_models() if zoo.card(name).depth <= 200])
def test_same_table_without_shapes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a number that comes from a shape fact instead of torch."""
    expected = zoo.summary(name, train=True).rows
    without = {kind: replace(rule, shape=None) for kind, rule in OPS.all().items()}
    monkeypatch.setattr(OPS, "all", lambda: without)
    assert zoo.summary(name, train=True).rows == expected


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("ways", [1, 2])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("how", [{}, {"bias": False}, {"proj_size": 5}, {"dtype": torch.float64}, {"wrong": True}], ids=str)
def test_recurrent_rule_agrees_with_torch(kind: str, layers: int, ways: int, batch_first: bool, how: dict[str, Any]) -> None:
    """Kills states of the wrong layers or directions, a layout that is not torch's, and answers where torch would raise."""
    if "proj_size" in how and kind != "lstm":
        pytest.skip("only an LSTM projects its states")
    wrong, options = how.get("wrong", False), {key: value for key, value in how.items() if key != "wrong"}
    net = getattr(nn, kind.upper())(6, 7, layers, bidirectional=ways == 2, device="meta", **options)
    hidden = torch.empty(layers * ways, 4, how.get("proj_size", 7), dtype=how.get("dtype"), device="meta")
    states = (hidden, torch.empty(layers * ways, 4, 7, dtype=how.get("dtype"), device="meta")) if kind == "lstm" else hidden
    sizes = (4, 3, 5 if wrong else 6) if batch_first else (3, 4, 5 if wrong else 6)
    x = torch.empty(sizes, dtype=how.get("dtype"), device="meta")
    func = getattr(torch.ops.aten, "rnn_tanh" if kind == "rnn" else kind).input
    args = (x, states, list(net.parameters()), net.bias, layers, 0.0, False, ways == 2, batch_first)
    made = answered(func, args, {})
    if wrong:
        assert made is None
    else:
        with torch.inference_mode():
            expected = func(*args)
        assert made is not None
        assert [(t.shape, t.stride(), t.dtype) for t in made] == [(t.shape, t.stride(), t.dtype) for t in expected]


@pytest.mark.parametrize("func", FUNCS, ids=str)
def test_fact_does_not_choose_the_word(func: Any) -> None:
    """Kills an op that is kept whole since it has a shape, and would be taken apart without one."""
    known = known_op(func)
    assert rule_of_kind(known.kind).whole or not known.composite
