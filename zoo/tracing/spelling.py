"""How the model came to an op: through torch.nn.functional, by the sign of an operator, inside of an autograd function, or by name.

It is nothing to the op, but some other tools see one spelling and not the others. Frames of Python tell it.
"""

import dis
from collections.abc import Collection, Mapping
from functools import lru_cache
from types import CodeType, FrameType

from torch import autograd, overrides
from torch.autograd.function import AUTOGRAD_FUNCTION_COUNTER
from torch.nn import functional

from zoo.record.trace import OWN_BACKWARD
from zoo.tracing import constants

FUNCTIONAL, OPERATOR, CALL = frozenset({"functional"}), frozenset({"operator"}), frozenset[str]()
_OWN = frozenset({OWN_BACKWARD})
_PASSES_ON = frozenset({overrides.__file__, constants.__file__})
_SIGNS = frozenset({"add", "mul", "matmul"})
_CLOSE = 4


def spelling(caller: FrameType, kind: str, functions: Collection[int]) -> frozenset[str]:
    """The trait of an op of this kind, from the frame that called torch. `functions` are `own_backwards`."""
    if _runs_in(caller, functions):
        return _OWN
    code = caller.f_code
    while code.co_filename in _PASSES_ON and caller.f_back is not None:  # a function mode passes the call on
        caller = caller.f_back
        code = caller.f_code
    if kind in _SIGNS and code.co_code[caller.f_lasti] == dis.opmap["BINARY_OP"]:
        return OPERATOR
    return FUNCTIONAL if code.co_filename == functional.__file__ else CALL


def own_backwards() -> Collection[int]:
    """The ids of the code of every forward of a `torch.autograd.Function` that is defined now. Code is slow to hash."""
    return _forwards(repr(AUTOGRAD_FUNCTION_COUNTER))


@lru_cache(1)
def _forwards(defined: str) -> Mapping[int, CodeType]:
    """By the ids of their code, which is kept so that no other gets them. `defined` says how many functions there were so far."""
    found, classes = dict[int, CodeType](), [*autograd.Function.__subclasses__()]
    while classes:
        one = classes.pop()
        classes += one.__subclasses__()
        if isinstance(code := getattr(one.forward, "__code__", None), CodeType):
            found[id(code)] = code
    return found


def _runs_in(frame: FrameType | None, codes: Collection[int]) -> bool:
    """Whether a frame runs one of these, or is called closely from it."""
    for _ in range(_CLOSE):
        if frame is None:
            return False
        if id(frame.f_code) in codes:
            return True
        frame = frame.f_back
    return False
