"""A module that replays an exported program op by op, with a stand-in for each module that was called.

The program is plain data, as torch's archives describe it: names, numbers, and for each op its name and arguments.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from zoo.util.errors import ZooError

Json = Mapping[str, Any]

_NAMES = "uint8 int8 int16 int32 int64 float16 float32 float64 complex32 complex64 complex128 bool bfloat16".split()
_DTYPES: dict[int, torch.dtype] = {number: getattr(torch, name) for number, name in enumerate(_NAMES, start=1)}
_MEMORY = {1: torch.contiguous_format, 2: torch.channels_last, 3: torch.channels_last_3d, 4: torch.preserve_format}
_ARITHMETIC = "add sub mul floordiv mod neg pow truediv eq ne lt le gt ge and_ or_".split()
_NUMBERS: dict[str, Callable[..., Any]] = {name: getattr(operator, name) for name in _ARITHMETIC} | {
    "sym_max": max,
    "sym_min": min,
    "sym_not": operator.not_,
    "sym_float": float,
}
_MADE = frozenset("arange empty eye full linspace ones rand randn scalar_tensor zeros".split())
"""Ops that may run without a tensor among their arguments: they make one. Any other could do anything."""

_END = 2**63 - 1
_CHECKS = ("_assert", "sym_constrain_range")


@dataclass
class _Segment:
    """A part's call: steps, which are nodes and the calls within; what is read of it later."""

    key: str
    part: "nn.Module"
    steps: list[Any] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


class Replay(nn.Module):
    """The program. Its parameters are on meta: what can be learnt from it are shapes."""

    def __init__(self, program: Json, weights: Json) -> None:
        super().__init__()
        signature = program["signature"]
        self.outputs = list(
            filter(None, (_name(one["user_output"]["arg"]) for one in signature["output_specs"] if "user_output" in one))
        )
        self.given = list(
            filter(None, (_name(one["user_input"]["arg"]) for one in signature["input_specs"] if "user_input" in one))
        )
        self.parts: dict[str, nn.Module] = {"": self}
        nodes = list(_inlined(program["graph"]["nodes"]))
        for node in nodes:
            for _, path, kind in _stack(node):
                self._part(path, kind)
        self.constants = self._state(program["graph"]["tensor_values"], signature["input_specs"], weights)
        self.whole = _segments(nodes, self.parts, self.outputs)

    def forward(self, *inputs: Tensor) -> tuple[Any, ...]:
        """Runs all steps; the program's outputs."""
        values = {**self.constants, **dict(zip(self.given, inputs, strict=True))}
        _run_all(self.whole, values)
        return tuple(values[name] for name in self.outputs)

    def _part(self, path: str, kind: str = "Module") -> nn.Module:
        """The stand-in for the module at `path`, made with those around it where there is none yet."""
        if path not in self.parts:
            around, _, name = path.rpartition(".")
            self.parts[path] = type(kind, (_Part,), {})()
            self._part(around).add_module(name, self.parts[path])
        return self.parts[path]

    def _state(self, values: Json, specs: Sequence[Json], weights: Json) -> dict[str, Tensor]:
        """What the program holds, by its names in the graph. Parameters and buffers get their places; those stored in one place are
        one.
        """
        held: dict[str, Tensor] = {}
        shared: dict[str, Tensor] = {}
        for spec in specs:
            (kind, one), *_ = spec.items()
            if kind not in {"parameter", "buffer", "tensor_constant"}:
                continue
            name = one["arg"]["name"]
            tensor = empty([size["as_int"] for size in values[name]["sizes"]], values[name]["dtype"])
            if kind != "tensor_constant":
                full = one[f"{kind}_name"]
                stored = weights.get(full, {})
                if kind == "parameter":
                    tensor = nn.Parameter(tensor, requires_grad=bool(values[name]["requires_grad"]))
                tensor = shared.setdefault(str((stored.get("path_name", full), stored.get("tensor_meta"))), tensor)
                around, _, own = full.rpartition(".")
                part = self._part(around)
                (part._parameters if kind == "parameter" else part._buffers)[own] = tensor  # type: ignore[assignment]
            held[name] = tensor
        return held


class _Part(nn.Module):
    """Stands for a module of the program; runs one of its calls."""

    def forward(self, segment: _Segment, values: dict[str, Any]) -> tuple[Any, ...]:
        _run_all(segment, values)
        return tuple(values[name] for name in segment.outputs)


def replay(program: Json, weights: Json) -> nn.Module:
    """The module of a program; `weights` says of each parameter where it is stored.

    Raises `ZooError` if the program makes no sense.
    """
    stacks = (stack for node in program["graph"]["nodes"] if (stack := _stack(node)))
    kind = next((stack[0][2] for stack in stacks if stack[0][1] == ""), "Module")
    made: nn.Module = type(kind, (Replay,), {})(program, weights)
    return made


def empty(size: Sequence[int], dtype: int) -> Tensor:
    """A tensor of that size and type, without values."""
    return torch.empty(tuple(size), dtype=_dtype(dtype), device="meta")


def _dtype(number: int) -> torch.dtype:
    if number not in _DTYPES:
        raise ZooError(f"unknown tensor type {number}")
    return _DTYPES[number]


def _name(argument: Json) -> str | None:
    """The name of a tensor; None for what is none."""
    name = argument.get("as_tensor", {}).get("name")
    return str(name) if name is not None else None


# The order of things


def _inlined(nodes: Sequence[Json]) -> Iterator[Json]:
    """The nodes, with those of `torch.no_grad()` blocks instead of the block."""
    for node in nodes:
        if not node["target"].startswith("torch.ops.higher_order.wrap_with"):
            yield node
            continue
        graph = next(one["arg"]["as_graph"]["graph"] for one in node["inputs"] if "as_graph" in one["arg"])
        yield from _inlined(graph["nodes"])
        for inner, outer in zip(graph["outputs"], node["outputs"], strict=True):
            yield {"target": "same", "inputs": [{"name": "", "arg": inner}], "outputs": [outer], "metadata": node["metadata"]}


def _stack(node: Json) -> list[tuple[str, str, str]]:
    """The calls around a node, from the outermost: a key of its own for each call, the module's path, its type."""
    text = node.get("metadata", {}).get("nn_module_stack", "")
    calls = [call.split(",") for call in text.split(";") if call.count(",") == 2]
    return [(key, path, kind.rpartition(".")[2] or "Module") for key, path, kind in calls if not key.startswith("_empty_nn_module")]


def _segments(nodes: Sequence[Json], parts: Mapping[str, nn.Module], outputs: Sequence[str]) -> _Segment:
    """The nodes by the calls in which they ran."""
    whole = _Segment("", parts[""])
    open_now = [whole]
    made: dict[str, list[_Segment]] = {}
    for node in nodes:
        stack = _stack(node)  # none: a size that is taken on the way
        wanted = [call for call in stack if call[1] != ""] if stack else [(one.key, "", "") for one in open_now[1:]]
        same = 0
        while same < min(len(wanted), len(open_now) - 1) and open_now[same + 1].key == wanted[same][0]:
            same += 1
        del open_now[same + 1 :]
        for key, path, _ in wanted[same:]:
            segment = _Segment(key, parts[path])
            open_now[-1].steps.append(segment)
            open_now.append(segment)
        for name in _read(node):
            _leaves(name, made, open_now)
        open_now[-1].steps.append(node)
        for name in _written(node):
            made[name] = list(open_now)
    for name in outputs:
        _leaves(name, made, [whole])
    return whole


def _leaves(name: str, made: Mapping[str, list[_Segment]], reader: Sequence[_Segment]) -> None:
    """A value that is read outside of a call is an output of that call."""
    for segment in made.get(name, ()):
        if all(segment is not one for one in reader) and name not in segment.outputs:
            segment.outputs.append(name)


def _read(node: Json) -> Iterator[str]:
    for one in node["inputs"]:
        yield from _names(one["arg"])


def _written(node: Json) -> Iterator[str]:
    for one in node["outputs"]:
        yield from _names(one)


def _names(argument: Json) -> Iterator[str]:
    """The names of tensors in an argument."""
    if (name := _name(argument)) is not None:
        yield name
    for one in argument.get("as_tensors") or ():
        yield str(one["name"])
    for one in argument.get("as_optional_tensors") or ():
        yield from _names(one)


# Running


def _run_all(segment: _Segment, values: dict[str, Any]) -> None:
    for step in segment.steps:
        if isinstance(step, _Segment):
            step.part(step, values)
        else:
            _run(step, values)


def _run(node: Json, values: dict[str, Any]) -> None:
    """One op. Its results get their names."""
    target = str(node["target"])
    if target.startswith(tuple(f"torch.ops.aten.{name}" for name in _CHECKS)):
        return
    positional = [_argument(one["arg"], values) for one in node["inputs"] if one.get("kind") != 2]
    named = {one["name"]: _argument(one["arg"], values) for one in node["inputs"] if one.get("kind") == 2}
    found = _function(target, [*positional, *named.values()])(*positional, **named)
    results = found if isinstance(found, list | tuple) else [found]
    outputs = node["outputs"]
    if len(outputs) == 1 and "as_tensors" in outputs[0]:
        outputs = [{"as_tensor": one} for one in outputs[0]["as_tensors"]]
    for output, result in zip(outputs, results, strict=False):
        name = _name(output) or next((value.get("as_name") for value in output.values() if isinstance(value, Mapping)), None)
        if name is not None:
            values[name] = result


def _function(target: str, arguments: Sequence[Any]) -> Callable[..., Any]:
    """What a target means: an op of torch or torchvision on tensors, or arithmetic of sizes. Nothing else is run."""
    whole_slice = target == "torch.ops.aten.slice.Tensor" and tuple(arguments[2:]) in {(0, _END), (0, _END, 1)}
    if whole_slice or target in {"same", "torch.ops.aten.lift_fresh_copy.default"}:
        return lambda value, *_: value
    if target == "torch.ops.aten.sym_size.int":
        return lambda x, dim: int(x.shape[dim])
    if (found := re.fullmatch(r"(?:_operator|operator|torch|math)\.(?:_)?(\w+)", target)) and found[1] in _NUMBERS:
        return _NUMBERS[found[1]]
    found = re.fullmatch(r"torch\.ops\.(aten|torchvision)\.(\w+)\.(\w+)", target)
    if found is None:
        raise ZooError(f"op {target.removeprefix('torch.ops.')} is not an op of torch or torchvision; analyse the module itself")
    space, name, overload = found.groups()
    if not (any(map(_holds_tensor, arguments)) or name in _MADE):
        raise ZooError(f"{target} without a tensor")
    if space == "torchvision":
        import torchvision  # noqa: F401
    op: Callable[..., Any] = getattr(getattr(getattr(torch.ops, space), name), overload)
    return op


def _holds_tensor(argument: Any) -> bool:
    return isinstance(argument, Tensor) or (isinstance(argument, list) and any(map(_holds_tensor, argument)))


def _argument(argument: Json, values: Mapping[str, Any]) -> Any:
    """An argument's value. It says of which kind it is by its only key."""
    (kind, value), *_ = argument.items()
    if kind == "as_none":
        return None
    if kind == "as_tensor":
        return values[value["name"]]
    if kind == "as_tensors":
        return [values[one["name"]] for one in value]
    if kind in {"as_optional_tensors", "as_sym_ints", "as_sym_floats", "as_sym_bools"}:
        return [_argument(one, values) for one in value]
    if kind in {"as_optional_tensor", "as_sym_int", "as_sym_float", "as_sym_bool"}:
        return _argument(value, values)
    if kind == "as_name":
        return values[value]
    if kind == "as_scalar_type":
        return _dtype(value)
    if kind == "as_memory_format":
        return _MEMORY.get(value)
    if kind == "as_layout":
        return torch.strided
    if kind == "as_device":
        return torch.device("meta")
    if kind in {"as_int", "as_ints", "as_float", "as_floats", "as_string", "as_strings", "as_bool", "as_bools"}:
        return value
    raise ZooError(f"unknown kind of argument: {kind}")
