"""The shape rules decide nothing but speed: where one answers, torch answers the same."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zoo
from zoo.tracing import recorder
from zoo.tracing.shortcuts import SHORTCUTS

Draw = Callable[[st.SearchStrategy[Any]], Any]
DTYPES = (torch.float32, torch.float32, torch.float32, torch.float64, torch.bfloat16, torch.int64)


class Arguments:
    """Arguments for an op, drawn from its schema: few different sizes and ranks, so that many of them fit together."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.sizes = draw(st.lists(st.integers(0, 8), min_size=1, max_size=2)) + [draw(st.integers(1, 8))]
        self.rank = draw(st.integers(0, 5))
        self.dtype = draw(st.sampled_from(DTYPES))

    def pick(self, *usual: Any, unusual: st.SearchStrategy[Any]) -> Any:
        """One of the usual, or now and then anything."""
        return self.draw(unusual) if self.draw(st.integers(0, 11)) == 11 else self.draw(st.sampled_from(usual))

    def tensor(self, name: str) -> torch.Tensor:
        rank = 1 if name in {"bias", "running_mean", "running_var"} else self.rank
        rank = self.pick(rank, unusual=st.integers(0, 5))
        sizes = [self.draw(st.sampled_from(self.sizes)) for _ in range(rank)]
        tensor = torch.empty(sizes, dtype=self.pick(self.dtype, unusual=st.sampled_from(DTYPES)), device="meta")
        return self.pick(tensor, unusual=st.just(tensor.transpose(0, -1) if rank > 1 else tensor))

    def __call__(self, argument: Any) -> Any:
        kind, name = str(argument.type), argument.name
        if kind.startswith("Optional") and self.draw(st.booleans()):
            return None
        kind = kind.removeprefix("Optional[").removesuffix("]") if kind.startswith("Optional") else kind
        if kind == "Tensor":
            return self.tensor(name)
        if "Tensor" in kind:  # a list of tensors, or of indices with gaps
            several = [self.tensor(name) for _ in range(self.draw(st.integers(1, 3)))]
            return several if "Optional" not in kind else self.indices(several)
        if kind == "List[int]":
            values = st.integers(-5, 5) if name == "dim" else st.sampled_from((1, 1, 2, 3, 0, -1))
            return self.draw(st.lists(values, max_size=3))
        return self.draw(
            {
                "int": st.sampled_from((1, 1, 2, 0, -1, -2, 3, 5)),
                "bool": st.booleans(),
                "float": st.sampled_from((0.5, 0.0, 1.0, 1.5)),
                "number": st.sampled_from((1, 2, 0.5, -1.0)),
                "str": st.sampled_from(("none", "tanh", "erf")),
            }[kind]
        )

    def indices(self, several: list[torch.Tensor]) -> list[torch.Tensor | None]:
        mine = [torch.empty(self.draw(st.integers(0, 3)), dtype=torch.int64, device="meta"), *several[1:]]
        return self.pick([*[None] * self.draw(st.integers(0, 3)), mine[0]], unusual=st.just(mine))


@st.composite
def arguments(draw: Draw, func: Any) -> tuple[list[Any], dict[str, Any]]:
    new = Arguments(draw)
    given_ = [a for a in func._schema.arguments if not a.kwarg_only]
    needed = sum(not a.has_default_value() for a in given_)
    positional = [new(a) for a in given_[: draw(st.integers(needed, len(given_)))]]
    named = {a.name: new(a) for a in func._schema.arguments if a.kwarg_only and a.name == "alpha" and draw(st.booleans())}
    return positional, named


def answer(func: Any, args: list[Any], kwargs: dict[str, Any]) -> tuple[tuple[int, ...], torch.dtype] | None:
    """What torch makes of it; None if it raises."""
    try:
        with torch.inference_mode():
            out = func(*args, **kwargs)
    except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError):
        return None
    return tuple(out.shape), out.dtype

HITS={}
@pytest.mark.parametrize("func", SHORTCUTS, ids=str)
def test_rule_agrees_with_torch(func: Any) -> None:
    """Kills a shape that is one off, and an answer where torch would raise: for each rule that there is, or will be."""
    rule = SHORTCUTS[func]
    @settings(max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(arguments(func))
    def agrees(drawn: tuple[list[Any], dict[str, Any]]) -> None:
        args, kwargs = drawn
        shape = rule(*args, **kwargs)
        HITS.setdefault(func,[0,0,0])
        HITS[func][0]+=1
        HITS[func][1]+=shape is not None
        if shape is not None:
            first = args[0] if isinstance(args[0], torch.Tensor) else args[0][0]
            assert answer(func, args, kwargs) == (shape, first.dtype)

    agrees()
    print(func, HITS[func])
