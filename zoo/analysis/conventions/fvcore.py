"""fvcore 0.1.5.post20221221: `FlopCountAnalysis(model, inputs).total()`, whose "flop" is a multiply-accumulate.

It reads a graph of torch.jit, and counts linear layers, matrix products and convolutions (the products, no biases); normalisation
by 1, 2, 4 or 5 per element; adaptive average pooling in two dimensions by 1 per element read; interpolation by 1 (nearest) or 4
(bilinear) and sampling by 4 per element written. All else is nothing to it: attention, recurrent layers, products with a vector,
a convolution whose padding is a word.

Its figure for an `einsum` is rounded to four digits; a matrix in front of a batch counts for one of the batch alone. Not followed:
two equations, "abc,abd->acd" and "abc,adc->adb", are not rounded there; an outer product by `einsum` counts half of its elements;
and fvcore refuses what torch.jit cannot trace.
"""

from math import prod

from zoo.extend import Op, by_op, of_tool
from zoo.ops.arithmetic import known_macs
from zoo.ops.book import multiplies

_ELEMENTWISE = {  # times the elements read, times those written
    "upsample_nearest2d": (0, 1),
    "upsample_bilinear2d": (0, 4),
    "adaptive_avg_pool2d": (1, 0),
    "grid_sampler": (0, 4),
}
_CELLS = {"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"}


def nodes(op: Op) -> int:
    """One node of the graph."""
    if any(trait.startswith("in ") and trait != "in einsum" for trait in op.traits):
        return 0  # the graph holds the composite op alone, for which there is no rule
    if op.kind in {"matmul", "mm", "bmm"}:
        product = op.inputs[0].numel * op.inputs[1].shape[-1]
        return int(float(f"{2 * product:.3e}") / 2) if "in einsum" in op.traits else product
    if "conv" in op.kind and multiplies(op.kind):
        return 0 if isinstance(op.attrs.get("padding"), str) or "::" in op.kind else known_macs(op)
    if op.kind in {"linear", "addmm"} | _CELLS:
        return known_macs(op)
    if op.kind in _ELEMENTWISE:
        read, written = _ELEMENTWISE[op.kind]
        return op.inputs[0].numel * read + op.output.numel * written
    if op.kind in {"batch_norm", "layer_norm", "group_norm", "instance_norm"}:
        return prod(op.inputs[0].shape) * _per_element(op)
    return 0


def _per_element(op: Op) -> int:
    affine = op.input("weight") is not None
    if op.kind == "batch_norm" and not op.attrs.get("training"):
        return 2 if affine else 1
    return 5 if affine else 4


CONVENTION = of_tool(
    "fvcore",
    "fvcore 0.1.5.post20221221, FlopCountAnalysis",
    "fvcore's flops: products without biases, normalisation, adaptive average pooling, interpolation; not attention",
    by_op(nodes),
)
