"""The sizes of parameters, axis by axis."""

from zoo.ops.window import NAMES
from zoo.ops.working import Line, product
from zoo.record.trace import Op, Param
from zoo.util.text import sizes

_SHORT = {"depth": "k_d", "height": "k_h", "width": "k_w"}


def axes(op: Op, param: Param) -> dict[str, int]:
    """The factors of a parameter's size by name: those of a convolution's weight are C_out, C_in/groups, k_h and k_w."""
    shape, own = param.shape, param.name.rpartition(".")[2]
    if op.kind.startswith("conv") and own == "weight" and len(shape) - 2 in NAMES:
        first = ("C_in", "C_out/groups") if "transpose" in op.kind else ("C_out", "C_in/groups")
        return dict(zip((*first, *(_SHORT[name] for name in NAMES[len(shape) - 2])), shape, strict=True))
    if op.kind == "linear" and own == "weight" and len(shape) == 2:
        return {"out": shape[0], "in": shape[1]}
    return {f"n{i}" if len(shape) > 1 else "n": size for i, size in enumerate(shape)}


def elements(op: Op, param: Param, each: int) -> Line:
    """The elements of a parameter where `each` is 1, or its bytes where one element has `each`."""
    factors: dict[str, int] = axes(op, param) or {"scalar": 1}
    if each > 1:
        factors = {**factors, "bytes each": each}
    groups = op.attrs.get("groups", 1) if "C_in/groups" in factors else 1
    sources = {"C_in/groups": f"{factors['C_in/groups'] * groups} input channels in {groups} groups"} if groups > 1 else {}
    return product(param.name.rpartition(".")[2], factors, param.numel * each, sources=sources, says=_says(param))


def _says(param: Param) -> str:
    frozen = param.kind == "parameter" and not param.trainable
    return f"{param.name} {sizes(param.shape) or 'scalar'} {param.dtype}{', frozen' if frozen else ''}"
