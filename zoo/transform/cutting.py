"""Cut a module down to some of its layers, as a graph that calls these layers."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import signature
from operator import attrgetter
from typing import Any

import torch
from torch import fx, nn

from zoo.analysis.grids import LAST, TOKENS
from zoo.analysis.stages import Stage, call_names
from zoo.tracing.guard import Guard
from zoo.tracing.scripting import try_script
from zoo.tracing.trees import tree_flatten, tree_leaves, tree_unflatten
from zoo.util.errors import ZooError, unhidden, words


class Features(fx.GraphModule):
    """A network that takes the input of the original and returns a dict of feature maps by name."""

    __jit_unused_properties__: list[str] = [*fx.GraphModule.__jit_unused_properties__, "stages"]  # noqa: RUF012

    @property
    def stages(self) -> dict[str, Stage]:
        """Layer, channels, size, stride and receptive field of each output, by name."""
        stages: dict[str, Stage] = self.meta["stages"]
        return stages

    def __prepare_scriptable__(self) -> "Features":
        """What `torch.jit.script` calls first. Raises `ZooError` for a layer that it does not support, by name."""
        for target in dict.fromkeys(node.target for node in self.graph.nodes if node.op == "call_module"):
            layer = _found(self, target)
            try:
                try_script(layer)
            except Exception as error:
                kind, said = type(layer).__name__, words(unhidden(error)).rstrip(":")
                raise ZooError(
                    f"torch.jit.script does not support {target} ({kind}): {said}; use torch.jit.trace or torch.export"
                ) from error
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the graph node by node: torch would record the forward pass again, and lose what does not run in this mode."""
        nodes = list(self.graph.nodes)
        steps = [(n.op, n.name, n.target, *fx.node.map_aggregate((n.args, n.kwargs), _referred)) for n in nodes]
        targets = {n.target for n in nodes if n.op in {"call_module", "get_attr"}}
        parts = {target: _found(self, target) for target in sorted(targets)}
        name = self._get_name()  # type: ignore[no-untyped-call]
        return _unpickled, (steps, parts, name, dict(self.meta), self.training)


@dataclass(frozen=True)
class _Ref:
    """A node of a pickled graph, by name."""

    name: str


def _referred(leaf: Any) -> Any:
    return _Ref(leaf.name) if isinstance(leaf, fx.Node) else leaf


def _unpickled(steps: list[tuple[Any, ...]], parts: dict[str, Any], name: str, meta: dict[str, Any], training: bool) -> Features:
    """The inverse of `Features.__reduce__`."""
    graph = fx.Graph()
    nodes: dict[str, fx.Node] = {}
    for op, label, target, args, kwargs in steps:
        inputs = fx.node.map_aggregate((args, kwargs), lambda one: nodes[one.name] if isinstance(one, _Ref) else one)
        nodes[label] = graph.create_node(op, target, *inputs, name=label)
    return _made(parts, graph, name, meta["stages"], meta["renamed"], training)


def cut(module: nn.Module, stages: Mapping[str, Stage], copied: Collection[str] = ()) -> Features:
    """Return a network that computes the outputs of the layers of `stages`, by name, and contains only what they need.

    Layers and weights are those of `module`, which does not change. The outputs named in `copied` are copies, because a later op
    writes to the tensor. Raises `ZooError` if the forward pass is not a fixed graph.
    """
    whole: set[str] = set()
    found = [_graph(module, stages, copied, train, whole) for train in (False, True)]
    once = len(whole)
    graph, twin = found if not once else [_graph(module, stages, copied, train, whole) for train in (False, True)]
    _follow_mode(graph, twin)
    renamed = _renamed(graph)
    root: Any = {new: _found(module, old) for new, old in renamed.items()} if renamed else module
    tops = {new.partition(".")[0]: old.partition(".")[0] for new, old in renamed.items()}
    return _made(root, graph, type(module).__name__, stages, {new: old for new, old in tops.items() if new != old}, True)


def _made(
    root: Any, graph: fx.Graph, name: str, stages: Mapping[str, Stage], renamed: Mapping[str, str], training: bool
) -> Features:
    """Return a network of a graph and its layers; children in `renamed` have their old names in the state dict."""
    made = Features(root, graph, name)
    for new, old in renamed.items():
        made.register_state_dict_post_hook(partial(_saved_as, new, old))  # type: ignore[no-untyped-call]
        made.register_load_state_dict_pre_hook(partial(_loaded_from, new, old))  # type: ignore[no-untyped-call]
    made.meta |= {"stages": dict(stages), "renamed": dict(renamed)}
    made.training = training
    return made


def arrange(body: Features) -> None:
    """Return maps that lie channels last or as tokens as N×C×H×W instead, in the graph of `body`."""
    end = next(node for node in body.graph.nodes if node.op == "output")
    image = next(node for node in body.graph.nodes if node.op == "placeholder")
    outputs = dict(end.args[0])
    for name, stage in body.stages.items():
        axes = len(stage.size) + 2
        with body.graph.inserting_before(end):
            if stage.layout == LAST:
                outputs[name] = body.graph.call_method("permute", (outputs[name], (0, axes - 1, *range(1, axes - 1))))
            elif stage.layout == TOKENS:
                outputs[name] = body.graph.call_function(maps_of_tokens, (outputs[name], image, stage.extra, stage.stride))
    end.args = (outputs,)
    body.recompile()


def maps_of_tokens(tokens: torch.Tensor, image: torch.Tensor, extra: int, stride: int) -> torch.Tensor:
    """Return the tokens of an image's grid, N×(extra + HW)×C, as maps N×C×H×W; rows are `stride` pixels apart."""
    units = tokens[:, extra:]
    height = image.shape[2]
    rows = (2 * height + stride) // (2 * stride)
    if rows == 0 or units.shape[1] % rows != 0:
        rows = (height + stride - 1) // stride
    return units.reshape(units.shape[0], rows, -1, units.shape[2]).permute(0, 3, 1, 2)


def _renamed(graph: fx.Graph) -> dict[str, str]:
    """New names of all that the graph calls, with the old ones, if a child has a name that `Features` needs itself, such as
    `graph` or `stages`. Such a child gets an underscore in the module, but not in its state dict.
    """
    nodes = [node for node in graph.nodes if node.op in {"call_module", "get_attr"}]
    if not any(hasattr(Features, node.target.partition(".")[0]) for node in nodes):
        return {}
    found = {}
    for node in nodes:
        top, dot, rest = node.target.partition(".")
        name = f"{top}_{dot}{rest}" if hasattr(Features, top) else node.target
        found[name], node.target = node.target, name
    return found


def _found(module: nn.Module, path: str) -> Any:
    return attrgetter(path)(module)


def _saved_as(new: str, old: str, module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """The state dict has the name that the child had."""
    for key in [key for key in state if key.startswith(f"{prefix}{new}.")]:
        state[f"{prefix}{old}.{key.removeprefix(f'{prefix}{new}.')}"] = state.pop(key)


def _loaded_from(new: str, old: str, module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """The inverse of `_saved_as`."""
    for key in [key for key in state if key.startswith(f"{prefix}{old}.")]:
        state[f"{prefix}{new}.{key.removeprefix(f'{prefix}{old}.')}"] = state.pop(key)


def _graph(module: nn.Module, stages: Mapping[str, Stage], copied: Collection[str], train: bool, whole: set[str]) -> fx.Graph:
    """Return the graph that the layers of `stages` need, in the given mode. Modules in `whole` are called and not traced into;
    those that cannot be traced are added to it.
    """
    parts = list(dict.fromkeys(module.modules()))
    layers = _Layers({stage.layer for stage in stages.values()}, whole)

    def traced() -> fx.Graph:
        for part in parts:
            vars(part)["training"] = train
            vars(part)["forward"] = partial(layers.forward, part, part.forward)
        try:
            return layers.trace(module, concrete_args=_defaults(module))
        except Exception as error:
            if layers.complete():
                layers.graph.output(())
                return layers.graph
            said = words(unhidden(error))
            raise ZooError(f"{type(module).__name__} cannot be cut: its forward pass is not a fixed graph ({said})") from error

    graph = Guard(parts).run(traced)
    names = call_names([path for path, _ in layers.calls])
    handed_on = dict(zip(names, (out for _, out in layers.calls), strict=True))
    outputs = {}
    for name, stage in stages.items():
        out = handed_on.get(stage.layer)
        if not isinstance(out, fx.Proxy):
            raise ZooError(f"cannot cut {type(module).__name__} at {stage.layer}: it runs inside a layer that is called as one op")
        outputs[name] = _copy(graph, out.node) if name in copied else out.node
    _keep_only(graph, outputs)
    return graph


def _defaults(module: nn.Module) -> dict[str, Any]:
    """The optional inputs of a module: the whole network was traced with their defaults too."""
    parameters = signature(type(module).forward).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not one.empty}


class _Layers(fx.Tracer):
    """A tracer that records the output of each call, in the order in which the calls began. Modules without submodules are not
    traced into, so that they keep following their training mode; nor are those that cannot be traced, such as blocks with branches
    on sizes, if no layer inside is `wanted`. Their names are added to `whole`.
    """

    def __init__(self, wanted: Collection[str], whole: set[str]) -> None:
        super().__init__()
        self.calls: list[tuple[str, Any]] = []
        self.wanted = wanted
        self.whole = whole
        self.running: list[nn.Module] = []

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        small = not any(True for _ in m.children()) or super().is_leaf_module(m, module_qualified_name)
        return module_qualified_name in self.whole or small

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        index, path = len(self.calls), self.path_of_module(m)
        self.calls.append((path, None))
        last, depth = next(reversed(self.graph.nodes)), len(self.module_stack)
        self.running.append(m)
        try:
            out = super().call_module(m, forward, args, kwargs)
        except Exception:
            if any(name.startswith(f"{path}.") for name in self.wanted):
                raise
            self._forget(last, index, depth)
            self.whole.add(path)
            out = self.create_proxy("call_module", path, args, kwargs)
        finally:
            self.running.pop()
        self.calls[index] = path, out
        return out

    def forward(self, module: nn.Module, own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Take `module.forward(x)` for `module(x)`, which fx would not see."""
        called = module is self.root or (self.running and self.running[-1] is module)
        return own(*args, **kwargs) if called else module(*args, **kwargs)

    def create_arg(self, a: Any) -> Any:
        """Refuse tensors that the forward pass makes: in a graph they would be constants of one size, on one device."""
        if isinstance(a, torch.Tensor) and not isinstance(a, nn.Parameter) and a not in _Buffers(self.root):
            raise TypeError("it makes tensors of its own")
        return super().create_arg(a)

    def complete(self) -> bool:
        """Whether every wanted layer has been traced, so that it does not matter what stopped the tracer."""
        names = call_names([path for path, _ in self.calls])
        done = {name for name, (_, out) in zip(names, self.calls, strict=True) if isinstance(out, fx.Proxy)}
        return done.issuperset(self.wanted)

    def _forget(self, last: fx.Node, index: int, depth: int) -> None:
        """Erase the nodes after `last`, the calls inside that of number `index`, and the modules below a depth of the stack."""
        while len(self.module_stack) > depth:
            self.module_stack.popitem(last=True)
        for node in reversed(list(self.graph.nodes)):
            if node is last:
                break
            self.graph.erase_node(node)
        del self.calls[index + 1 :]


class _Buffers:
    """The buffers of a module, by identity."""

    def __init__(self, module: nn.Module) -> None:
        self.ids = set(map(id, module.buffers()))

    def __contains__(self, tensor: object) -> bool:
        return id(tensor) in self.ids


def _copy(graph: fx.Graph, node: fx.Node) -> fx.Node:
    with graph.inserting_after(node):
        return graph.call_function(torch.clone, (node,))


def _keep_only(graph: fx.Graph, outputs: Mapping[str, fx.Node]) -> None:
    """Return the graph up to `outputs`, without nodes that they do not need."""
    end = next(node for node in graph.nodes if node.op == "output")
    end.args = (dict(outputs),)
    end.type = dict[str, torch.Tensor]
    needed = {end}
    for node in reversed(graph.nodes):
        if node in needed:
            needed.update(node.all_input_nodes)
        elif node.op != "placeholder" or node.args:  # an input with a default was taken as that
            graph.erase_node(node)


def _follow_mode(graph: fx.Graph, twin: fx.Graph) -> None:
    """Replace arguments that are False in `graph` and True in its training `twin` (as in F.dropout) by the network's flag."""
    flag: fx.Node | None = None
    for node, other in zip(list(graph.nodes), twin.nodes, strict=False):
        values, structure = tree_flatten((node.args, node.kwargs))
        others = tree_leaves((other.args, other.kwargs))
        if len(values) != len(others) or all(a is not False or b is not True for a, b in zip(values, others, strict=True)):
            continue
        if flag is None:
            with graph.inserting_before(next(iter(graph.nodes))):
                flag = graph.create_node("get_attr", "training")
        values = [flag if a is False and b is True else a for a, b in zip(values, others, strict=True)]
        node.args, node.kwargs = tree_unflatten(values, structure)
