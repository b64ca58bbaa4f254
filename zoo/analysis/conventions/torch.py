"""torch.utils.flop_counter.FlopCounterMode of torch 2.15, around a forward on the meta device.

It counts two for each multiply-accumulate of matrix products, convolutions and what torch makes such of: attention, recurrent
layers, linear layers. A product with a vector, bilinear forms, triangular systems, products of groups of rows and deformable
convolutions have no formula there, and count nothing.

On other devices its figure may be lower: a fused kernel for attention or for a recurrent layer can be without a formula.

An op for which this program has registered a formula with `torch.utils.flop_counter.register_flop_formula` counts by it.
"""

from zoo.extend import Convention, Op, Trace
from zoo.ops.arithmetic import known_macs
from zoo.ops.book import multiplies
from zoo.tracing.formulas import computed, registered
from zoo.util.plugins import guarded

_WITHOUT_FORMULA = frozenset(
    "mv dot vdot addmv addbmm bilinear affine_grid_generator _grouped_mm linalg_solve_triangular triangular_solve".split()
)


def flops(trace: Trace) -> list[int]:
    """Twice what `pure` counts, where torch arrives at an op with a formula; of other packages' ops, what their formulas say."""
    formulas = registered()
    named = {kind: guarded(f"the FLOP formula of {kind}", formula) for kind, formula in formulas.items()}
    return [computed(op, named[op.kind]) if op.kind in formulas else 2 * products(op) for op in trace.ops]


def macs(trace: Trace) -> list[int]:
    """Half of `flops`."""
    return [count // 2 for count in flops(trace)]


def products(op: Op) -> int:
    """As `pure`, where torch arrives at an op of its own with a formula."""
    if not multiplies(op.kind) or op.kind in _WITHOUT_FORMULA or "::" in op.kind:
        return 0
    if op.kind in {"matmul", "linear"} and len(op.inputs[1].shape) == 1:
        return 0  # torch makes mv or dot of it
    thrice = "conv" in op.kind and op.inputs[0].dtype.startswith("complex")  # by Gauss' trick of three real convolutions
    return known_macs(op) * (3 if thrice else 1)


CONVENTION = Convention(
    "torch",
    "the FLOPs of torch's FlopCounterMode: 2 for each multiply-accumulate, nothing for all else",
    macs,
    flops,
    "torch 2.15, FlopCounterMode on meta",
)
