"""The shape facts decide nothing but speed: where one answers, torch answers the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

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


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in RECURRENT])
def test_fact_answers(kind: str) -> None:
    """Kills a fact that hardly ever answers, so that nothing was compared."""
    if kind not in ANSWERS:
        for func in overloads(kind):
            test_fact_agrees_with_torch(func)
    assert ANSWERS.get(kind, 0) >= 2


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
