"""Finding the head of a network, and putting another in its place.

The head is everything behind the last feature maps: behind the last op that hands on maps of more than one position.
"""

import copy
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zoo.errors import ZooError, words
from zoo.util.process import undisturbed

if TYPE_CHECKING:
    from torch import fx, nn

Kind = Literal["gap", "maps", "fc"]
_MOST_LAYERS = 4


@dataclass(frozen=True)
class Cut:
    """A network in two: `body` gives `maps` (channels, then sizes), from which the network's own head made `classes` scores."""

    body: "nn.Module"
    maps: tuple[int, ...]
    classes: int


@undisturbed
def replace_head(
    model: "nn.Module",
    head: "Kind | nn.Module",
    *,
    input: Sequence[int] = (1, 3, 224, 224),
    num_classes: int | None = None,
) -> "nn.Module":
    """A network of the body of `model`, with its very weights, and another head; `model` is left as it is.

    `head` is "gap" (global average, then one linear layer), "maps" (1×1 convolution to class maps, then global average), "fc"
    (VGG's three fully connected layers of 4096, 4096 and the classes), or a module from feature maps to scores. `input` is a shape
    with batch for which the model runs, `num_classes` by default what it gives now. Dropout that the body calls as a function stays
    as in evaluation mode. Raises `ZooError` if no head can be found.
    """
    from torch import nn

    if not isinstance(model, nn.Module):
        raise ZooError(f"an nn.Module is wanted, got {type(model).__name__}: zoo.create_model makes one by name")
    cut = find_head(model, input)
    made = head if isinstance(head, nn.Module) else make_head(head, cut.maps, num_classes or cut.classes)
    return nn.Sequential(OrderedDict(body=cut.body, head=made)).train(model.training)


def make_head(kind: str, maps: Sequence[int], classes: int) -> "nn.Module":
    """A new head of that kind for feature maps of such a shape (channels, height, width), in torch's default initialisation."""
    from torch import nn

    channels, *sizes = maps
    if kind == "gap":
        return nn.Sequential(OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(channels, classes)))
    if kind == "maps":
        return nn.Sequential(OrderedDict(conv=nn.Conv2d(channels, classes, 1), pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten()))
    if kind == "fc":
        features = channels * sizes[0] * sizes[1]
        layers: dict[str, nn.Module] = {"flatten": nn.Flatten()}
        for i, (inside, outside) in enumerate(((features, 4096), (4096, 4096)), start=6):
            layers |= {f"fc{i}": nn.Linear(inside, outside), f"relu{i}": nn.ReLU(inplace=True), f"drop{i}": nn.Dropout(0.5)}
        return nn.Sequential(OrderedDict(layers, fc8=nn.Linear(4096, classes)))
    raise ZooError(f"unknown head {kind!r}; choose gap, maps, fc, or give a module")


def find_head(model: "nn.Module", input: Sequence[int]) -> Cut:
    """Where the head of `model` begins. Raises `ZooError` if it gives no scores, or has no feature maps before them."""
    from torch import fx, nn

    class Layers(fx.Tracer):
        def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
            return not any(m.children()) or super().is_leaf_module(m, module_qualified_name)

    model = copy.deepcopy(model).eval()
    try:
        graph = fx.GraphModule(model, Layers().trace(model))
    except Exception as error:
        raise ZooError(
            f"the head of {type(model).__name__} cannot be found: its forward is no fixed graph ({words(error)})"
        ) from error
    shapes = _shapes(graph, input)
    scores = next((shapes.get(node.args[0]) for node in graph.graph.nodes if node.op == "output"), None)
    maps = [node for node, shape in shapes.items() if node.op != "placeholder" and len(shape) == 4 and min(shape[2:]) > 1]
    if scores is None or len(scores) != 2 or not maps:
        raise ZooError(f"the head of {type(model).__name__} cannot be found: it does not go from feature maps to one row of scores")
    last = _before_pooling(graph, maps)
    if (behind := _layers_behind(graph, last)) > _MOST_LAYERS:
        raise ZooError(f"the head of {type(model).__name__} cannot be found: {behind} layers stand behind its last feature maps")
    return Cut(_body(graph, last), shapes[last][1:], scores[1])


def _before_pooling(graph: "fx.GraphModule", maps: "Sequence[fx.Node]") -> "fx.Node":
    """The last feature maps; an average to a size that the head wants is part of the head."""
    from torch import nn

    last = maps[-1]
    adapts = last.op == "call_module" and isinstance(graph.get_submodule(str(last.target)), nn.AdaptiveAvgPool2d)
    return last.all_input_nodes[0] if adapts else last


def _layers_behind(graph: "fx.GraphModule", last: "fx.Node") -> int:
    """Convolutions and linear layers among the modules that are called after `last`."""
    from torch import nn

    nodes = list(graph.graph.nodes)
    called = [graph.get_submodule(str(n.target)) for n in nodes[nodes.index(last) :] if n.op == "call_module"]
    return sum(isinstance(module, nn.Linear | nn.Conv2d) for module in called)


def _shapes(graph: "fx.GraphModule", input: Sequence[int]) -> "dict[fx.Node, tuple[int, ...]]":
    """The shape that each node of the graph gives, without computing it."""
    import torch
    from torch import fx, nn

    from zoo.tracing.trace import trace

    found: dict[fx.Node, tuple[int, ...]] = {}

    class Shapes(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            result = super().run_node(n)
            if isinstance(result, torch.Tensor) and n.op != "get_attr":
                found[n] = tuple(result.shape)
            return result

    class Run(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.graph = graph

        def forward(self, x: torch.Tensor) -> Any:
            return Shapes(self.graph).run(x)

    trace(Run(), input=input)
    return found


def _body(graph: "fx.GraphModule", last: "fx.Node") -> "fx.GraphModule":
    """The graph up to `last`, and of its modules those that it needs."""
    output = next(node for node in graph.graph.nodes if node.op == "output")
    output.args = (last,)
    graph.graph.eliminate_dead_code()
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph
