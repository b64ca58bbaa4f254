"""torch's functions of functions (`torch.cond`, `while_loop`) and `flex_attention`, which compile what they are given.

While a forward is recorded they run what they are given as it is written. A model may have imported them by any name, so their
code is exchanged, and put back afterwards; in other threads they do what they always do.

- `torch.cond`: the branch that the predicate chooses; where the predicate is unknown, the first.
- `while_loop`: as many passes as the condition wants; where the condition is unknown, one.
- `flex_attention`: attention between all queries and keys, as with any other mask.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock, get_ident
from types import FunctionType
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

MOST_PASSES = 10_000
"""The passes of a loop after which it is taken for endless."""

_MODULES = {
    "cond": "torch._higher_order_ops.cond",
    "while_loop": "torch._higher_order_ops.while_loop",
    "flex_attention": "torch.nn.attention.flex_attention",
}


class Chooser(Protocol):
    """Who knows what a function chooses: the recorder."""

    def truth(self, thing: Any) -> bool | None:
        """The truth of a tensor or number, or None."""

    def guess(self, name: str) -> None:
        """A function of that name chose by something unknown."""


_ACTIVE: dict[int, Callable[[], Chooser | None]] = {}
_ORIGINALS: dict[str, FunctionType] = {}
_LOCK = Lock()


@contextmanager
def as_written(chooser: Callable[[], Chooser | None]) -> Iterator[None]:
    """Let these functions run in this thread as they are written, as the `chooser` that is there by then chooses."""
    outer = _ACTIVE.get(get_ident())
    with _LOCK:
        if not _ACTIVE:
            _exchange()
        _ACTIVE[get_ident()] = chooser
    try:
        yield
    finally:
        with _LOCK:
            _ACTIVE.pop(get_ident())
            if outer is not None:
                _ACTIVE[get_ident()] = outer
            if not _ACTIVE:
                _put_back()


def _exchange() -> None:
    for name, module in _MODULES.items():
        function = getattr(sys.modules.get(module), name, None)
        if isinstance(function, FunctionType) and not function.__code__.co_freevars:
            kept = FunctionType(function.__code__, function.__globals__, name, function.__defaults__)
            kept.__kwdefaults__ = function.__kwdefaults__
            _ORIGINALS[name] = kept
            stand_in = _STAND_INS[name]
            function.__code__, function.__defaults__, function.__kwdefaults__ = stand_in.__code__, None, None


def _put_back() -> None:
    for name, kept in _ORIGINALS.items():
        function = getattr(sys.modules[_MODULES[name]], name)
        function.__code__, function.__defaults__, function.__kwdefaults__ = kept.__code__, kept.__defaults__, kept.__kwdefaults__
    _ORIGINALS.clear()


# This code becomes that of torch's functions, with the globals of their modules, so it imports what it calls.


def _cond(*args: Any, **kwargs: Any) -> Any:
    from zoo.tracing import higher_order

    return higher_order.run("cond", args, kwargs)


def _while_loop(*args: Any, **kwargs: Any) -> Any:
    from zoo.tracing import higher_order

    return higher_order.run("while_loop", args, kwargs)


def _flex_attention(*args: Any, **kwargs: Any) -> Any:
    from zoo.tracing import higher_order

    return higher_order.run("flex_attention", args, kwargs)


_STAND_INS: dict[str, FunctionType] = {"cond": _cond, "while_loop": _while_loop, "flex_attention": _flex_attention}  # type: ignore[dict-item]


def run(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What the function of that name does in this thread."""
    if get_ident() not in _ACTIVE:
        return _ORIGINALS[name](*args, **kwargs)
    return _RUNS[name](*args, **kwargs)


def _chooser() -> Chooser:
    found = _ACTIVE[get_ident()]()
    assert found is not None, "a forward runs under a recorder"
    return found


def cond(pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Sequence[Any] = ()) -> Any:
    """The branch that is chosen; the first where nobody knows."""
    chooser = _chooser()
    chosen = chooser.truth(pred)
    if chosen is None:
        chooser.guess("cond")
    return false_fn(*operands) if chosen is False else true_fn(*operands)


def while_loop(cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Sequence[Any]) -> Any:
    """Passes while the condition holds; one where nobody knows. Raises `RuntimeError` if it goes on and on."""
    chooser = _chooser()
    carried = carried_inputs
    for _ in range(MOST_PASSES):
        goes_on = chooser.truth(cond_fn(*carried))
        if goes_on is None:
            chooser.guess("while_loop")
            return body_fn(*carried)
        if not goes_on:
            return carried
        carried = body_fn(*carried)
    raise RuntimeError(f"while_loop does not end within {MOST_PASSES:,} passes")


def flex_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_mod: Any = None,
    block_mask: Any = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: Any = None,
    *,
    return_aux: Any = None,
) -> Any:
    """Attention between all queries and keys."""
    out = functional.scaled_dot_product_attention(query, key, value, scale=scale, enable_gqa=enable_gqa)
    if not return_lse and return_aux is None:
        return out
    statistic = torch.empty(query.shape[:-1], dtype=torch.float32, device=query.device)
    if return_aux is None:
        return out, statistic
    from torch.nn.attention.flex_attention import AuxOutput

    lse, most = (statistic if wanted else None for wanted in (return_aux.lse, return_aux.max_scores))
    return out, AuxOutput(lse=lse, max_scores=most)


_RUNS: dict[str, Callable[..., Any]] = {"cond": cond, "while_loop": while_loop, "flex_attention": flex_attention}
