"""torch.utils.flop_counter.FlopCounterMode of torch 2.15, around a forward on the meta device.

It counts two for each multiply-accumulate of matrix products, convolutions and what torch makes such of: attention, recurrent
layers, linear layers. A product with a vector, bilinear forms and deformable convolutions have no formula there, and count nothing.

On other devices its figure may be lower: a fused kernel for attention or for a recurrent layer can be without a formula.

An op for which this program has registered a formula with `torch.utils.flop_counter.register_flop_formula` counts by it.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from zoo.extend import Convention, Op, Trace, Value
from zoo.ops.arithmetic import known_macs
from zoo.ops.book import multiplies
from zoo.util.plugins import guarded

_WITHOUT_FORMULA = frozenset("mv dot vdot addmv addbmm bilinear affine_grid_generator _grouped_mm".split())


def flops(trace: Trace) -> list[int]:
    """Twice what `pure` counts, where torch arrives at an op with a formula; of other packages' ops, what their formulas say."""
    formulas = _formulas()
    return [_computed(op, formulas[op.kind]) if op.kind in formulas else 2 * products(op) for op in trace.ops]


def macs(trace: Trace) -> list[int]:
    """Half of `flops`."""
    return [count // 2 for count in flops(trace)]


def products(op: Op) -> int:
    """As `pure`, where torch arrives at an op of its own with a formula."""
    if not multiplies(op.kind) or op.kind in _WITHOUT_FORMULA or "::" in op.kind:
        return 0
    if op.kind in {"matmul", "linear"} and len(op.inputs[1].shape) == 1:
        return 0  # torch makes mv or dot of it
    thrice = "conv" in op.kind and op.inputs[0].dtype.startswith("complex")  # by Gauss' trick of three real convolutions
    return known_macs(op) * (3 if thrice else 1)


def _formulas() -> Mapping[str, Callable[..., Any]]:
    """The formulas registered for ops of other packages, by kind. Without the module that holds them there are none."""
    counter = sys.modules.get("torch.utils.flop_counter")
    if counter is None:
        return {}
    named = {str(getattr(packet, "_qualified_op_name", "")): formula for packet, formula in counter.flop_registry.items()}
    return {name: formula for name, formula in named.items() if name and not name.startswith("aten::")}


def _computed(op: Op, formula: Callable[..., Any]) -> int:
    """What a formula says of an op: it is given the op's arguments and results, with tensors on meta in the place of the values."""
    torch = sys.modules["torch"]
    namespace, _, name = op.kind.partition("::")
    packet = getattr(getattr(torch.ops, namespace), name)

    def tensor(value: Value) -> Any:
        return torch.empty(value.shape, dtype=getattr(torch, value.dtype), device="meta")

    given: dict[str, Any] = {}
    for value, role in zip(op.inputs, op.roles, strict=True):
        given.setdefault(role, []).append(tensor(value))
    args, kwargs = [], {}
    for argument in getattr(packet, packet.overloads()[0])._schema.arguments:
        found: Any = given.get(argument.name, op.attrs.get(argument.name))
        if argument.name in given and "List" not in str(argument.type):
            found = found[0]
        if argument.kwarg_only:
            kwargs[argument.name] = found
        else:
            args.append(found)
    results = [tensor(value) for value in op.outputs]
    out = results[0] if len(results) == 1 else tuple(results)
    return int(guarded(f"the FLOP formula of {op.kind}", formula)(*args, **kwargs, out_val=out))


CONVENTION = Convention(
    "torch",
    "the FLOPs of torch's FlopCounterMode: 2 for each multiply-accumulate, nothing for all else",
    macs,
    flops,
    "torch 2.15, FlopCounterMode on meta",
)
