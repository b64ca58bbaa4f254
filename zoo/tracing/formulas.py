"""Formulas for FLOPs that this program has registered with torch. torch itself is not imported here: without it there are none."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from zoo.record.trace import Op, Value


def registered() -> Mapping[str, Callable[..., Any]]:
    """The formulas registered for ops of other packages, by kind. Without the module that holds them there are none."""
    counter = sys.modules.get("torch.utils.flop_counter")
    if counter is None:
        return {}
    named = {str(getattr(packet, "_qualified_op_name", "")): formula for packet, formula in counter.flop_registry.items()}
    return {name: formula for name, formula in named.items() if name and not name.startswith("aten::")}


def computed(op: Op, formula: Callable[..., Any]) -> int:
    """Return the result of a formula for an op: it is called with the op's arguments and results, as meta tensors."""
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
    return int(formula(*args, **kwargs, out_val=out))
