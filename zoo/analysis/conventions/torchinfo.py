"""torchinfo 1.8.0: "Total mult-adds" of `summary(model, input_size=...)`.

For each call of a module without submodules: the elements of its parameters called weight or bias, times the first dimension of
its output; times all dimensions but the second if its class has "Conv" in its name; parameters whose name holds weight or bias
(recurrent layers) count times the first two dimensions. So biases count, a transposed convolution counts by its output, a linear
layer on a sequence counts once, and attention, products without parameters and layers run as functions count nothing.

Not followed: pruned weights, of which torchinfo counts the ones in the mask; modules run as `module.forward(x)`, which it does not
see.
"""

from collections.abc import Iterator
from math import prod

from zoo.extend import Count, Layer, Op, Param, Trace, by_layer, of_tool


def mult_adds(trace: Trace) -> list[int | Count]:
    """A count for each op of the trace; what a layer counts stands at one of its ops."""
    names = dict(_names(trace.ops))
    owned: dict[str, dict[str, int]] = {}
    for param in trace.params:
        path, _, name = param.name.rpartition(".")
        if param.kind == "parameter":
            owned.setdefault(path, {})[name] = param.numel

    def count(layer: Layer) -> int:
        if not layer.call.leaf or not layer.call.outputs:
            return 0
        read = [names[value.id] for op in layer.ops for value in op.inputs if value.id in names]
        params = {param.name.rpartition(".")[2]: param.numel for param in read if param.kind == "parameter"}
        params |= owned.get(layer.call.path, {})
        return sum(numel * _times(name, layer) for name, numel in params.items())

    return list(by_layer(count)(trace))


def _times(name: str, layer: Layer) -> int:
    size = layer.call.outputs[0].shape
    if name in {"weight", "bias"}:
        return prod(size[:1] + size[2:]) if "Conv" in layer.call.type else prod(size[:1])
    return prod(size[:2]) if "weight" in name or "bias" in name else 0


def _names(ops: tuple[Op, ...]) -> Iterator[tuple[int, Param]]:
    """Parameters and buffers by the id of the value that they are in the trace."""
    known: set[int] = set()
    for op in ops:
        state = {value.id: value for value in op.inputs if value.source in {"parameter", "buffer"} and value.id not in known}
        known |= state.keys()
        yield from zip(state, op.owns, strict=False)


CONVENTION = of_tool(
    "torchinfo",
    "torchinfo 1.8.0, summary",
    "torchinfo's mult-adds: weights and biases of layers by their calls; linear layers once per image; not attention",
    mult_adds,
    sees="layers",
)
