"""Find the head of a network, and replace it.

The head is everything after the last feature maps of more than one unit. The trace finds these maps, and torch.fx cuts there.
"""

import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zoo.analysis.stages import head_input
from zoo.models.importing import beside_target
from zoo.record.inputs import one_shape
from zoo.record.trace import Trace
from zoo.tracing.process import undisturbed
from zoo.util.errors import ZooError, words

if TYPE_CHECKING:
    from torch import Tensor, fx, nn

Kind = Literal["gap", "maps", "fc"]


@dataclass(frozen=True)
class Cut:
    """A network without its head: `body` returns `maps` (channels, then sizes); the original head computed `classes` scores."""

    body: "nn.Module"
    maps: tuple[int, ...]
    classes: int


@undisturbed
@beside_target
def replace_head(
    model: "str | nn.Module",
    head: "Kind | nn.Module",
    *,
    input: Any = None,
    num_classes: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> "nn.Module":
    """Return a network with a copy of the body of a model and of its weights, and another head; the model does not change.

    Arguments:
        model: A TARGET, built with initial weights or those that its options name; or a module.
        head: "gap" (global average, then one linear layer), "maps" (1×1 convolution to class maps, then global average), "fc"
            (VGG's three fully connected layers of 4096, 4096 and the classes), or a module from feature maps to scores.
        input: A shape with batch, or a string without ("3x64x64"), that the model accepts; by default its own.
        num_classes: The number of classes, by default that of the model.
        options: Options of the builder of a named model.

    Returns:
        A module with `body` and `head`: the keys of its state dict begin with `body.` or `head.`. Dropout that the body calls as a
        function stays in evaluation mode.

    Raises:
        ZooError: For an unknown model, and if no head can be found.

    Example:
        >>> light = zoo.replace_head("vgg11", "gap", num_classes=10)
        >>> light.head.fc
        Linear(in_features=512, out_features=10, bias=True)
    """
    from torch import nn

    from zoo.models.targets import built

    subject = built(model, options)
    model = subject.module
    cut = find_head(model, one_shape(subject.shape() if input is None else input, "replace_head"))
    made = head if isinstance(head, nn.Module) else make_head(head, cut.maps, num_classes or cut.classes)
    return nn.Sequential(OrderedDict(body=cut.body, head=made)).train(model.training)


def make_head(kind: str, maps: Sequence[int], classes: int) -> "nn.Module":
    """Return a new head of that kind for feature maps of a shape (channels, height, width), with torch's default initialisation."""
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
    raise ZooError(f"unknown head {kind!r}; expected gap, maps, fc, or a module")


def find_head(model: "nn.Module", input: Sequence[int]) -> Cut:
    """Find where the head of `model` begins. Raises `ZooError` if it does not return scores, or has no feature maps before them."""
    from torch import fx, nn

    class Layers(fx.Tracer):
        def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
            return not any(m.children()) or super().is_leaf_module(m, module_qualified_name)

    model = copy.deepcopy(model).eval()
    try:
        graph = fx.GraphModule(model, Layers().trace(model))
    except Exception as error:
        reason = f"its forward pass is not a fixed graph ({words(error)})"
        raise ZooError(f"cannot find the head of {type(model).__name__}: {reason}") from error
    found, nodes = _traced(graph, input, type(model).__name__)
    maps = head_input(found, nodes)
    return Cut(_body(graph, nodes[maps.id]), maps.shape[1:], found.outputs[0].shape[1])


def _traced(graph: "fx.GraphModule", input: Sequence[int], name: str) -> "tuple[Trace, dict[int, fx.Node]]":
    """Trace a graph; also return, by the id of each value, the last node that outputs it."""
    from torch import fx, nn

    from zoo.tracing.trace import trace

    nodes = list(graph.graph.nodes)
    numbers = {node: i for i, node in enumerate(nodes)}

    class Run(nn.Module):
        """Runs the graph; the output of each node passes through a module with its number, so that the trace names it."""

        def __init__(self) -> None:
            super().__init__()
            self.graph = graph
            self.after = nn.ModuleList(nn.Identity() for _ in nodes)

        def forward(self, x: "Tensor") -> Any:
            run = self

            class Steps(fx.Interpreter):
                def run_node(self, n: fx.Node) -> Any:
                    return run.after[numbers[n]](super().run_node(n))

            return Steps(self.graph).run(x)

    found = trace(Run(), input=input, target=name)
    calls = [(call.path.partition("after.")[2], call.outputs) for call in found.calls]
    return found, {outputs[0].id: nodes[int(number)] for number, outputs in calls if number.isdigit() and len(outputs) == 1}


def _body(graph: "fx.GraphModule", last: "fx.Node") -> "fx.GraphModule":
    """Return the graph up to `last`, with the modules that it needs."""
    output = next(node for node in graph.graph.nodes if node.op == "output")
    output.args = (last,)
    graph.graph.eliminate_dead_code()
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph
