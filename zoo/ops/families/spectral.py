"""Fourier transforms."""

from math import log2, prod

from zoo.ops.rule import OpRule, Values, factors
from zoo.record.trace import Op


@factors("operations per point and halving", "points", "log2 of a transform's points")
def fourier(op: Op) -> Values:
    """5·n·log2(n) for a transform of n complex points, half of it if one side is real: the figure by which transforms are rated."""
    whole = op.output if op.kind == "_fft_c2r" else op.inputs[0]
    points = prod(whole.shape[axis] for axis in op.attrs["dim"])
    each = 5 if op.kind == "_fft_c2c" else 2.5
    return each, whole.numel, log2(points)


RULES = (OpRule("_fft_r2c _fft_c2r _fft_c2c", macs=0, other_flops=fourier),)
