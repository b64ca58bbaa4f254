"""The forward pass of a network whose layers are all its own children, cut into parts that run one after the other."""

from collections.abc import Iterator
from functools import partial
from inspect import signature
from math import isqrt
from typing import Any
from weakref import WeakKeyDictionary

from torch import fx, nn

from zoo.util.errors import ZooError

_VIEWS = frozenset({"flatten", "reshape", "squeeze", "transpose", "permute", "unflatten", "unsqueeze", "view"})
_FOUND: WeakKeyDictionary[nn.Module, list["Part"]] = WeakKeyDictionary()


class Part:
    """Some steps of a forward pass that read one tensor of those before, and hand one on."""

    def __init__(self, source: fx.Node, steps: list[fx.Node]) -> None:
        self.source = source
        self.steps = steps

    @property
    def layers(self) -> list[str]:
        """The names of the modules that it calls, in order."""
        return [step.target for step in self.steps if step.op == "call_module" and isinstance(step.target, str)]

    def run(self, module: nn.Module, x: Any) -> Any:
        """What the last step gives."""
        made = {self.source: x}
        for step in self.steps:
            args, kwargs = fx.node.map_arg((step.args, step.kwargs), made.__getitem__)
            made[step] = args[0] if step.op == "output" else _called(module, step)(*args, **kwargs)
        return made[self.steps[-1]]


def parts(module: nn.Module) -> list[Part]:
    """The forward pass in training mode, in about as many parts as each part has steps. No part begins by overwriting its input.

    Raises:
        ZooError: If the forward pass is not a fixed graph of one input.
    """
    if module not in _FOUND:
        _FOUND[module] = list(_cut(module, _steps(module)))
    return _FOUND[module]


class _Children(fx.Tracer):
    """A tracer of the network's own forward pass alone."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


def _steps(module: nn.Module) -> list[fx.Node]:
    optional = {
        one.name: one.default for one in signature(type(module).forward).parameters.values() if one.default is not one.empty
    }
    try:
        graph = _Children().trace(module, concrete_args=optional)
    except Exception as error:
        raise ZooError(f"{type(module).__name__} has no blocks, and its forward pass is not a fixed graph") from error
    needed = {node for node in graph.nodes if node.op == "output"}
    for node in reversed(graph.nodes):
        if node in needed:
            needed.update(node.all_input_nodes)
    return [node for node in graph.nodes if node in needed]


def _cut(module: nn.Module, steps: list[fx.Node]) -> Iterator[Part]:
    if [step.op for step in steps].count("placeholder") != 1:
        raise ZooError(f"{type(module).__name__} has no blocks, and its forward pass does not read exactly one input")
    least = isqrt(len(steps))
    source, part, open_ends = steps[0], list[fx.Node](), {steps[0]}
    for number, step in enumerate(steps[1:], 1):
        part.append(step)
        rest = steps[number + 1 :]
        open_ends = {one for one in {*open_ends, step} if not one.users.keys().isdisjoint(rest)}
        if len(part) >= least < len(rest) and open_ends == {step} and not _overwritten(module, step):
            yield Part(source, part)
            source, part = step, []
    yield Part(source, part)


def _overwritten(module: nn.Module, step: fx.Node) -> bool:
    """Whether a later step writes to what this one gives."""
    for user in step.users:
        name = getattr(user.target, "__name__", str(user.target)).rpartition(".")[2]
        layer = module.get_submodule(str(user.target)) if user.op == "call_module" else None
        if getattr(layer, "inplace", False) or user.kwargs.get("inplace") or (name.endswith("_") and layer is None):
            return True
        if (name in _VIEWS or isinstance(layer, nn.Flatten | nn.Unflatten | nn.Identity)) and _overwritten(module, user):
            return True
    return False


def _called(module: nn.Module, step: fx.Node) -> Any:
    """The function of a step."""
    if step.op == "call_function":
        return step.target
    target = str(step.target)
    if step.op == "call_method":
        return partial(_method, target)
    if step.op == "call_module":
        return module.get_submodule(target)
    return partial(_attribute, module, target)


def _method(name: str, owner: Any, *args: Any, **kwargs: Any) -> Any:
    return getattr(owner, name)(*args, **kwargs)


def _attribute(module: nn.Module, path: str) -> Any:
    owner, _, name = path.rpartition(".")
    return getattr(module.get_submodule(owner), name)
