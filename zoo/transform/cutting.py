"""Cut a module down to some of its layers, as a graph that calls these layers."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

import torch
from torch import fx, nn

from zoo.analysis.stages import Stage, call_names
from zoo.tracing.guard import Guard
from zoo.tracing.trees import tree_flatten, tree_leaves, tree_unflatten
from zoo.util.errors import ZooError, unhidden, words


class Features(fx.GraphModule):
    """A network that takes the input of the original and returns a dict of feature maps by name."""

    @property
    def stages(self) -> dict[str, Stage]:
        """Layer, channels, size, stride and receptive field of each output, by name."""
        stages: dict[str, Stage] = self.meta["stages"]
        return stages

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
    graph, twin = (_graph(module, stages, copied, train) for train in (False, True))
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


def _graph(module: nn.Module, stages: Mapping[str, Stage], copied: Collection[str], train: bool) -> fx.Graph:
    """Return the graph that the layers of `stages` need, in the given mode."""
    parts = list(dict.fromkeys(module.modules()))
    layers = _Layers()

    def traced() -> fx.Graph:
        for part in parts:
            vars(part)["training"] = train
        try:
            return layers.trace(module)
        except Exception as error:
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


class _Layers(fx.Tracer):
    """A tracer that records the output of each call, in the order in which the calls began. Modules without submodules are not
    traced into, so that they keep following their training mode.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, Any]] = []

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return not any(True for _ in m.children()) or super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        index = len(self.calls)
        self.calls.append((self.path_of_module(m), None))
        out = super().call_module(m, forward, args, kwargs)
        self.calls[index] = self.calls[index][0], out
        return out


def _copy(graph: fx.Graph, node: fx.Node) -> fx.Node:
    with graph.inserting_after(node):
        return graph.call_function(torch.clone, (node,))


def _keep_only(graph: fx.Graph, outputs: Mapping[str, fx.Node]) -> None:
    """Return the graph up to `outputs`, without nodes that they do not need."""
    end = next(node for node in graph.nodes if node.op == "output")
    end.args = (dict(outputs),)
    needed = {end}
    for node in reversed(graph.nodes):
        if node in needed:
            needed.update(node.all_input_nodes)
        elif node.op != "placeholder":
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
